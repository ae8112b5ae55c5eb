#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_plan, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_plan
short_description: Say what a journey does with a connected stamp, and why
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Compares what is wanted of a connected stamp with what earlier tasks read of its activation and its registrations, prints
    one line for each field that drifted, and returns the steps of the journey. The role P(azurestack.hub.connected#role) carries them out.
  - In check mode the plan is the prediction. The task is changed when anything is due, and one more line says what would be done.
  - Without O(found) it only checks what is asked for, so that a mistake is told before anything is contacted.
  - Fails when what exists contradicts what was asked for, or where the choice is the operator's.
  - It contacts nothing and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.plan
options:
  journey:
    description:
      - What is done with the stamp.
      - V(connected_register) registers and activates it, and repairs what drifted.
      - V(connected_renew) does that only where an expiry is near, and replaces an expired registration as O(renewal) says.
      - V(connected_change) takes it to another subscription, resource group or name.
      - V(connected_unregister) deactivates it and deletes its registration.
      - V(reregister) registers it again with what its registration has.
    type: str
    choices: [connected_register, connected_renew, connected_change, connected_unregister, reregister]
    default: connected_register
  billing_model:
    description: How the stamp is billed. Required where the stamp is registered with what the task says.
    type: str
    choices: [PayAsYouUse, Capacity, Development, Ruggedized, Custom]
  agreement_number:
    description: Number of the enterprise agreement. Required with O(billing_model=Capacity). Compared where
      the registration's activation key tells it.
    type: str
  asset_tag:
    description:
      - The asset tag that is printed on the product. Required with O(billing_model=Ruggedized) and O(billing_model=Custom).
        Compared where the registration's activation key tells it.
    type: str
  usage_reporting:
    description: Whether usage is reported to Azure. Defaults to what fits the billing model.
    type: bool
  marketplace_syndication:
    description: Whether marketplace items can be downloaded. On by default.
    type: bool
  token_version:
    description: Version of the registration token.
    type: str
    choices: ["3.0", "4.0", "6.0"]
  cloud_id:
    description: The stamp's cloud id, when it is known. A registration of another stamp is refused.
    type: str
  registration_id:
    description: With O(journey=connected_unregister), resource id of the registration that is deleted.
    type: str
  name:
    description: Name of the registration that is wanted. When not given, an existing registration is adopted, whatever it is called.
    type: str
  resource_group:
    description: Resource group of the registration that is wanted. Counts together with O(name).
    type: str
  bridge_principal:
    description: Object id of an existing bridge principal to use. When not given, the one on record is kept.
    type: str
  new_bridge_principal:
    description: Whether to make a bridge principal although there is one on record.
    type: bool
    default: false
  reregister:
    description: Whether to register and activate again although nothing that can be compared differs.
    type: bool
    default: false
  renewal:
    description:
      - With O(journey=connected_renew), what is done about a registration that has expired.
      - V(replace) deletes it and registers again under its name. V(new_name) registers beside it and deletes it afterwards.
    type: str
    choices: [replace, new_name]
  renew_within_days:
    description: With O(journey=connected_renew), how many days before its end something is due.
    type: int
    default: 30
  keep_expired:
    description: With O(journey=connected_renew), whether expired registrations that the stamp has left stay.
    type: bool
    default: false
  subscription_id:
    description: With O(journey=connected_change), the subscription that the stamp is to be registered in.
    type: str
  old_subscription_id:
    description: With O(journey=connected_change), the subscription that it is registered in. Defaults to O(subscription_id).
    type: str
  old_registration_id:
    description: With O(journey=connected_change), resource id of the registration that is left, where there are several.
    type: str
  confirm_marketplace_loss:
    description: With O(journey=connected_change), whether it is accepted that what was downloaded from the marketplace is lost.
    type: bool
    default: false
  connected:
    description:
      With O(journey=reregister), whether the stamp is a connected one. When not given, its registration tells, which names the bridge
      principal of a connected one.
    type: bool
  found:
    description:
      - What was found of the stamp, as M(azurestack.hub.azs_connected_info) returns it, or M(azurestack.hub.azs_fleet_info) of each stamp.
      - When reading failed, the task fails with it.
      - Null C(registrations) could not be looked for, because the cloud id is not known.
    type: dict
seealso:
  - module: azurestack.hub.azs_verdict
"""

EXAMPLES = r"""
- name: Read the activation of the stamp and its registration
  azurestack.hub.azs_connected_info:
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
  register: found

- name: Show the plan
  azurestack.hub.azs_plan:
    billing_model: PayAsYouUse
    found: "{{ found }}"
  register: plan
"""

RETURN = r"""
drift:
  description:
    - The fields that are otherwise than wanted, with where that was read. A null C(found) means that it is missing.
    - C(read_from) is C(registration), C(activation_key), C(activation), C(receipt) or C(bundle), or C(none) when
      there is nothing to read it from.
  returned: always
  type: list
  elements: dict
  sample: [{field: usage_reporting, wanted: true, found: false, read_from: activation}]
steps:
  description: The steps that are taken, in this order. Empty without O(found).
  returned: always
  type: dict
  sample:
    deactivation: false
    removal: false
    principal: false
    token: false
    registration: false
    lock: false
    role_assignment: false
    key: true
    activation: true
line:
  description: What is said of the whole, such as how many days are left. Null where the differences say it.
  returned: when O(found) is given
  type: str
  sample: "days left: 20, due"
due:
  description: Whether anything is to be done.
  returned: when O(found) is given
  type: bool
  sample: true
not_compared:
  description: The fields that cannot be read, because the activation key does not tell them. They are never reported as drift nor as in sync.
  returned: always
  type: list
  elements: str
  sample: [agreement_number, asset_tag]
wanted:
  description: What the stamp is registered with, every default settled. Empty where it is not registered by this.
  returned: when O(found) is given
  type: dict
  sample: {billing_model: PayAsYouUse, marketplace_syndication: true, usage_reporting: true}
cloud_id:
  description: The stamp's cloud id. Null while it is not known.
  returned: when O(found) is given
  type: str
  sample: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
name:
  description: Name of the registration that the stamp is to have. Null adopts an existing one's, else C(azurestack-<cloud id>) is made.
  returned: when O(found) is given
  type: str
  sample: north
resource_group:
  description: Resource group of that registration. Null adopts an existing one's, else C(azurestack) is used.
  returned: when O(found) is given
  type: str
  sample: azurestack
registration_id:
  description: Resource id of the registration that is kept. Null when there is none.
  returned: when O(found) is given
  type: str
  sample: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
bridge_principal:
  description: Object id of the bridge principal that is kept. Null when there is none, or a new one is made.
  returned: when O(found) is given
  type: str
  sample: 4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f
replaced_principal:
  description: Object id of the bridge principal that loses its role. Null when none does.
  returned: when O(found) is given
  type: str
renew_token:
  description: Whether a token is made although a fitting one is at hand.
  returned: when O(found) is given
  type: bool
  sample: false
reregister:
  description: Whether the stamp is registered again although what can be compared does not differ.
  returned: when O(found) is given
  type: bool
  sample: false
removed:
  description: The registration that goes first, with C(id), C(name), C(resource_group) and C(subscription_id). Null when none does.
  returned: when O(found) is given
  type: dict
afterwards:
  description: The expired registrations that go when the stamp is activated with another one.
  returned: when O(found) is given
  type: list
  elements: dict
connected:
  description: Whether the stamp is registered as a connected one.
  returned: when O(found) is given
  type: bool
  sample: true
"""
