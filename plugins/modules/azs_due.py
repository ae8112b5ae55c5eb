#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_due, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_due
short_description: Say which stamps of a fleet have something to do
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Compares what the C(azs_*) variables want of each stamp with what M(azurestack.hub.azs_fleet_info) read of it, prints one line for
    each stamp that is as wanted, and returns the others. One task decides for all stamps of a play.
  - A stamp of which anything is not known is due. A stamp that could not be read is never as wanted.
  - For a report those stamps are due of which nothing tells the registration; it has a line for each of the others, whatever it is.
  - It contacts nothing and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  journey:
    description: What the stamps are read for. It is the name of the playbook.
    type: str
    choices:
      [connected_register, connected_renew, connected_change, connected_unregister, reregister, verify, report, compare_tenant]
    required: true
  stamps:
    description: What was read of each stamp, as M(azurestack.hub.azs_fleet_info) returns it.
    type: dict
    required: true
seealso:
  - module: azurestack.hub.azs_fleet_info
  - module: azurestack.hub.azs_plan
"""

EXAMPLES = r"""
- name: Find out what is due
  azurestack.hub.azs_due:
    journey: connected_register
    stamps: "{{ fleet.stamps }}"
  run_once: true
  register: due

- name: Leave the stamps that are as wanted
  ansible.builtin.meta: end_host
  when: inventory_hostname not in due.hosts
"""

RETURN = r"""
hosts:
  description: The stamps that have something to do, or of which something is not known.
  returned: success
  type: list
  elements: str
  sample: [stamp07]
plans:
  description:
    - With O(journey=connected_register), the plan of each of these stamps but for those that could not be read or are refused, with C(steps),
      C(cloud_id), C(registration_id), C(bridge_principal) and C(cloud).
  returned: success
  type: dict
settled:
  description: What is said of each other stamp, as M(azurestack.hub.azs_verdict) returns it; or how its registration holds a tenant, with C(line).
  returned: success
  type: dict
"""
