#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_report, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_report
short_description: Make the fleet report of what was read of all stamps
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Says for every stamp of a run what state it is in and why, what drifted, when it expires and what changed last, and sums it
    up. The role P(azurestack.hub.report#role) reads the stamps and writes the report as a web page and as JSON.
  - A stamp that could not be read is in the report, too, with the reason, and with what the report before knew of it.
  - Takes over named fields of the results it is given, and nothing else. It never gets agreement numbers, tokens or keys.
  - Prints one line of counts, one for each stamp that needs somebody, and one for each that changed since the report before.
  - It contacts nothing, writes no file and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  stamps:
    description:
      - What was read of each stamp.
      - C(name) is its inventory name. The C(azs_*) variables of that host say what is wanted of it.
      - C(registration_result), C(activation_result) and C(stamp_result) are the registered results of
        M(azurestack.hub.azs_registration_info), M(azurestack.hub.azs_activation_info) and M(azurestack.hub.azs_stamp_info),
        failed ones included; C(failure) is the result of anything else that failed.
      - C(read) may stand for the first two, what M(azurestack.hub.azs_fleet_info) read of the stamp with C(each_side).
    type: list
    elements: dict
    default: []
  fleet:
    description:
      - What M(azurestack.hub.azs_fleet_info) read of stamps with C(each_side), by their inventory names. The C(azs_*) variables of these
        hosts say what is wanted of them. A stamp that is among O(stamps) is taken from there.
    type: dict
    default: {}
  hosts:
    description: Names of all stamps that the report is about. Those of which nothing is given are unknown.
    type: list
    elements: str
    default: []
  within_days:
    description: A stamp with fewer days left expires soon.
    type: int
    default: 30
  previous:
    description:
      - The report before, its JSON in Base64, as M(ansible.builtin.slurp) returns it. It tells what changed, and what was known of
        stamps that cannot be read today.
      - Not as plain JSON, because older versions of ansible-core make data of what looks like data.
    type: str
    default: ""
seealso:
  - module: azurestack.hub.azs_verdict
  - module: azurestack.hub.azs_plan
"""

EXAMPLES = r"""
- name: Read the registration
  azurestack.hub.azs_registration_info:
    cloud_id: "{{ azs_cloud_id }}"
    tenants: true
  register: in_azure

- name: Note it
  ansible.builtin.set_fact:
    line: {name: "{{ inventory_hostname }}", azure: true, registration_result: "{{ in_azure }}"}

- name: Make the report
  azurestack.hub.azs_report:
    stamps: "{{ ansible_play_hosts | map('extract', hostvars, 'line') | list }}"
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: made
"""

RETURN = r"""
report:
  description:
    - The report, as it stands in the JSON file. P(azurestack.hub.report#role) and docs/report.md describe the fields.
    - C(status) of a stamp is C(expired), C(not_registered), C(drifted), C(unknown), C(expires_soon) or C(in_sync).
    - C(azure) and C(stamp) are what was read last, C(as_of) tells when.
  returned: success
  type: dict
  sample:
    format: 1
    made: "2026-03-01T07:30:00Z"
    first_made: "2026-01-01T07:30:00Z"
    within_days: 30
    tenants: 12
    statuses: [{status: in_sync, label: In sync, stamps: 1}]
    billing_models: [{billing_model: PayAsYouUse, stamps: 1, nodes: 4, tenants: 12}]
    expiries: {months: [{month: 2026-03, stamps: 0}], expired: 0, later: 0, never: 1, unknown: 0}
    stamps: [{name: stamp01, status: in_sync, reasons: [], drift: []}]
differs:
  description: Whether the report says something that the one before did not. The time, and days that have passed, are nothing.
  returned: success
  type: bool
  sample: false
"""
