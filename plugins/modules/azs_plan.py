#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_plan, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_plan
short_description: Say what a connected stamp lacks, and which steps give it that
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Compares what is wanted of a connected stamp with what earlier tasks read of its activation and its registration, prints
    one line for each field that drifted, and returns the steps that repair it. The role
    P(azurestack.hub.connected_register#role) follows them.
  - Without O(found) it only checks what is asked for, so that a mistake is told before anything is contacted.
  - Fails when what exists contradicts what was asked for.
  - It contacts nothing and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  billing_model:
    description: How the stamp is billed.
    type: str
    choices: [PayAsYouUse, Capacity, Development, Ruggedized, Custom]
    required: true
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
  found:
    description:
      - What was found of the stamp, as M(azurestack.hub.azs_connected_info) returns it, or M(azurestack.hub.azs_fleet_info) of each stamp.
      - When reading failed, the task fails with it.
      - Null C(registrations) could not be looked for, because the cloud id is not known.
    type: dict
  show:
    description: Whether the lines are printed. Off where the plan is about what would only come to be.
    type: bool
    default: true
seealso:
  - module: azurestack.hub.azs_verdict
"""

EXAMPLES = r"""
- name: Read the activation of the stamp and its registration
  azurestack.hub.azs_connected_info:
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
  register: found

- name: Show what drifted
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
  description: The steps that repair it, in this order. Empty without O(found).
  returned: always
  type: dict
  sample:
    principal: false
    token: false
    registration: false
    lock: false
    role_assignment: false
    key: true
    activation: true
due:
  description: Whether any step is to be taken.
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
  description: Billing model and flags that are wanted, every default settled.
  returned: success
  type: dict
  sample: {billing_model: PayAsYouUse, marketplace_syndication: true, usage_reporting: true}
cloud_id:
  description: The stamp's cloud id. Null while it is not known.
  returned: when O(found) is given
  type: str
  sample: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
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
"""
