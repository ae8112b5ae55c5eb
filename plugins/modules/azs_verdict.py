#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_verdict, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_verdict
short_description: Say whether a stamp, its registration in Azure and its activation agree
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Compares what earlier tasks read of the links of a stamp's chain, prints one line for the stamp, and fails with the list
    of what disagrees.
  - The links are the registration with its lock, its expiry, the claims of its activation key and, where it was asked for, the
    role assignment of its bridge principal; and the stamp's activation with, where they were counted, the marketplace products.
  - It contacts nothing and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  cloud_id:
    description: The stamp's cloud id.
    type: str
    required: true
  billing_model:
    description: The billing model that is wanted. Not compared when empty or not given.
    type: str
  marketplace_syndication:
    description: Whether marketplace items are to be offered for download. Not compared when not given.
    type: bool
  usage_reporting:
    description: Whether usage is to be reported. Not compared when not given.
    type: bool
  agreement_number:
    description: The agreement number that is wanted. Compared where the registration's activation key tells it.
    type: str
  asset_tag:
    description: The asset tag that is wanted. Compared where the registration's activation key tells it.
    type: str
  registration_id:
    description: Resource id of the registration that is wanted. Not compared when empty or not given.
    type: str
  registrations:
    description:
      - The registrations of the cloud id, as M(azurestack.hub.azs_registration_info) returns them.
      - Not given means that Azure was not asked.
    type: list
    elements: dict
  activation:
    description:
      - The stamp's activation, as M(azurestack.hub.azs_activation_info) returns it.
      - Not given means that the stamp was not asked.
    type: dict
  remembered:
    description:
      - What the bundle remembers of the stamp, as M(azurestack.hub.azs_activation_info) returns it.
      - It tells the receipt's date, and whether the stamp was activated with the registration's activation key of today, which the
        activation does not show.
    type: dict
  require_activation:
    description:
      - Whether an activation that nothing tells, neither the stamp nor a receipt, disagrees. Otherwise it is a warning.
      - A stamp that was not asked, without O(activation), is none of both.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Read the registration
  azurestack.hub.azs_registration_info:
    cloud_id: "{{ azs_cloud_id }}"
  register: in_azure

- name: Read the activation
  azurestack.hub.azs_activation_info:
  register: on_stamp

- name: Compare them
  azurestack.hub.azs_verdict:
    cloud_id: "{{ azs_cloud_id }}"
    registrations: "{{ in_azure.registrations }}"
    activation: "{{ on_stamp.activation }}"
"""

RETURN = r"""
activation:
  description:
    - The state of the activation, V(Registered), V(Not registered) or V(Expired); V(not known) when neither the stamp nor a receipt
      tells it, V(not asked) when nobody asked.
  returned: always
  type: str
  sample: Registered
agrees:
  description: Whether all links that were read agree.
  returned: always
  type: bool
cloud_id:
  description: The stamp's cloud id, for C(azs_cloud_id) in the inventory; null where nothing tells it.
  returned: always
  type: str
  sample: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
findings:
  description: What disagrees, a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["the stamp is not activated"]
line:
  description: The line that was printed.
  returned: always
  type: str
  sample: Registered, Capacity, azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11, never expires
remedies:
  description: What to do about the findings, a sentence each, where they do not say it themselves.
  returned: always
  type: list
  elements: str
  sample: ["azurestack.hub.reregister registers and activates the stamp again with what it has"]
error:
  description: What disagrees, in the form that every failure of this collection has; C(kind) is C(stamp_disagrees).
  returned: when something disagrees
  type: dict
"""
