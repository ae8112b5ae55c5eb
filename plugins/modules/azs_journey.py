#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_journey, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_journey
short_description: Say what renewal, change or registering again do with an Azure Stack Hub
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Decides from what was read of a stamp what the roles P(azurestack.hub.connected_renew#role), P(azurestack.hub.connected_change#role),
    P(azurestack.hub.connected_unregister#role) and P(azurestack.hub.reregister#role) do with it. What is not theirs to choose is refused.
  - Without O(activation) it only checks what is asked for.
  - It contacts nothing and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  journey:
    description: What is to be done with the stamp. It is the name of the playbook.
    type: str
    choices: [connected_renew, connected_change, connected_unregister, reregister]
    required: true
  cloud_id:
    description: The stamp's cloud id.
    type: str
  name:
    description:
      - Name of the registration that the stamp is to have.
      - With O(journey=connected_unregister), name or resource id of the one that was named to be removed.
    type: str
  resource_group:
    description: Resource group of the registration that the stamp is to have.
    type: str
  renewal:
    description: How an expired registration is renewed. Needed only when there is one.
    type: str
    choices: [replace, new_name]
  within_days:
    description: What expires within so many days is due.
    type: int
    default: 30
  keep_expired:
    description: Whether an expired registration stays when the stamp is activated with another one.
    type: bool
    default: false
  subscription_id:
    description: With O(journey=connected_change), the subscription that the stamp is to be registered in.
    type: str
  old_subscription_id:
    description: With O(journey=connected_change), the subscription that it is registered in.
    type: str
  old_registration_id:
    description: With O(journey=connected_change), the registration to leave, when there are several.
    type: str
  confirmed:
    description: With O(journey=connected_change), whether the loss that comes with it is accepted.
    type: bool
    default: false
  connected:
    description:
      - With O(journey=reregister), whether the stamp is a connected one. Where it is not said, the registration tells.
      - A registration that names a bridge principal is never registered as that of a disconnected stamp.
    type: bool
  activation:
    description: The activation, as M(azurestack.hub.azs_activation_info) returns it.
    type: dict
  registrations:
    description:
      - The stamp's registrations, as M(azurestack.hub.azs_registration_info) returns them; with O(journey=connected_change) those of the
        old subscription, with O(journey=connected_unregister) the one that would be deleted.
    type: list
    elements: dict
    default: []
  registrations_there:
    description: With O(journey=connected_change), the stamp's registrations in the new subscription, once they were read.
    type: list
    elements: dict
seealso:
  - module: azurestack.hub.azs_plan
"""

EXAMPLES = r"""
- name: Find out whether the registration is due
  azurestack.hub.azs_journey:
    journey: connected_renew
    cloud_id: "{{ cloud_id }}"
    renewal: replace
    activation: "{{ on_stamp.activation }}"
    registrations: "{{ in_azure.registrations }}"
  register: renewal
"""

RETURN = r"""
due:
  description: With O(journey=connected_renew) and O(journey=connected_change), whether anything is to be done.
  returned: when O(activation) is given
  type: bool
registration:
  description: With O(journey=reregister), the registration whose parameters are kept.
  returned: when O(activation) is given
  type: dict
connected:
  description: With O(journey=reregister), whether the stamp is registered again as a connected one.
  returned: when O(activation) is given
  type: bool
line:
  description: With O(journey=connected_renew), what the operator reads of the expiries.
  returned: when O(activation) is given
  type: str
  sample: "days left: 20, due"
removed:
  description: With O(journey=connected_renew), the expired registration that goes first.
  returned: when O(activation) is given
  type: dict
staying:
  description: The registrations that are there when the old one has gone.
  returned: when O(activation) is given
  type: list
  elements: dict
name:
  description: Name of the registration that the stamp is to have; null adopts the one that is there.
  returned: when O(activation) is given
  type: str
resource_group:
  description: Resource group of the registration that the stamp is to have.
  returned: when O(activation) is given
  type: str
reregister:
  description: With O(journey=connected_renew), whether a living registration is registered again in its place.
  returned: when O(activation) is given
  type: bool
afterwards:
  description: With O(journey=connected_renew), expired registrations that go when the stamp is activated with another one.
  returned: when O(activation) is given
  type: list
  elements: dict
target:
  description: With O(journey=connected_change), resource id of the registration that the stamp is to have.
  returned: when O(activation) is given
  type: str
leaving:
  description: With O(journey=connected_change), resource id of the registration that goes first, or that the activation names.
  returned: when O(activation) is given
  type: str
"""
