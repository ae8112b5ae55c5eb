#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the activation from a stamp's admin Azure Resource Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_activation_info
short_description: Read whether an Azure Stack Hub is registered and activated
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads the activation from the stamp's admin Azure Resource Manager and tells what the administrator portal shows.
  - A stamp that is not registered is no failure.
  - With O(bundle) the receipt of the last activation stands in where O(admin_endpoint) is not given or does not answer.
extends_documentation_fragment:
  - azurestack.hub.admin
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_admin
options:
  products:
    description:
      - Whether to count the marketplace products that the stamp is offered, one more proof of a working registration.
        Disconnected stamps are offered none.
    type: bool
    default: false
  bundle:
    description:
      - Directory of the bundle with the stamp's artifacts. What it remembers of earlier runs is returned as
        RV(remembered). It is no failure that it holds nothing of the stamp.
    type: path
  stamp:
    description: Name of the stamp in O(bundle).
    type: str
  receipt_stands_in:
    description:
      - Whether the receipt in O(bundle) stands in for a stamp with O(admin_endpoint) that does not answer. Otherwise that is an error.
    type: bool
    default: true
seealso:
  - module: azurestack.hub.azs_activation
"""

EXAMPLES = r"""
- name: Read the activation
  azurestack.hub.azs_activation_info:
    admin_endpoint: https://adminmanagement.local.azurestack.example
    admin_tenant: adfs
    admin_client_id: "{{ client_id }}"
    admin_secret: "{{ secret }}"
    admin_ca_bundle: /etc/pki/azurestack.pem
  register: stamp

- name: Require a registered stamp
  ansible.builtin.assert:
    that: stamp.activation.state == 'Registered'
"""

RETURN = r"""
activation:
  description:
    - The activation. All fields but C(state) are null when there is none.
    - C(state) is C(Registered), C(Not registered) or C(Expired), as in the administrator portal; C(Unknown) when nothing
      tells it.
    - C(evidence) is C(activation) when it was read from the stamp, C(receipt) when the receipt of the last activation stands
      in, C(none) when nothing tells it.
    - C(expires_in_days) is null when the activation never expires.
    - C(products) is null when it was not asked for.
    - C(provider_subscription_id) is the subscription of the stamp's own that the activation is in, as O(admin_subscription_id). Null when
      it was not read from the stamp.
  returned: success
  type: dict
  sample:
    evidence: activation
    state: Registered
    registration_id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
    registration_name: north
    resource_group: azurestack
    subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
    environment: AzureCloud
    marketplace_syndication: false
    usage_reporting: false
    expires: "9999-12-30T23:59:59Z"
    expires_in_days:
    provisioning_state: Succeeded
    products:
    provider_subscription_id: 0c5e0f4e-5d3a-4a6f-8f43-2a6d5a1b9c11
remembered:
  description:
    - What the bundle remembers of the stamp. C(cloud_id) and C(bridge_principal) are those of its artifacts.
    - C(activated_with) is a digest of the claims of the activation key that was used last, C(activated) the time of that.
    - C(unused_key) tells that a run exported a key and ended before the stamp was activated with it.
    - C(unused_token) tells that the bundle has a registration token, and the stamp was never activated from it.
    - C(unfinished) tells that a run registered the stamp, or began to activate it, and did not come to the end of the activation.
  returned: when O(bundle) is given
  type: dict
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    bridge_principal:
    activated_with: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
    activated: "2026-03-01T07:30:00Z"
    unused_key: false
    unused_token: false
    unfinished: false
"""

from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._observe import activation


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("admin",),
        argument_spec={
            "products": {"type": "bool", "default": False},
            "bundle": {"type": "path"},
            "stamp": {"type": "str"},
            "receipt_stands_in": {"type": "bool", "default": True},
        },
        required_by={"bundle": ["stamp"]},
        supports_check_mode=True,
    ).run(activation.read)


if __name__ == "__main__":
    main()
