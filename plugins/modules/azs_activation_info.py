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
extends_documentation_fragment:
  - azurestack.hub.admin
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.admin
options:
  products:
    description:
      - Whether to count the marketplace products that the stamp is offered, one more proof of a working registration.
        Disconnected stamps are offered none.
    type: bool
    default: false
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
    - C(state) is C(Registered), C(Not registered) or C(Expired), as in the administrator portal.
    - C(expires_in_days) is null when the activation never expires.
    - C(products) is null when it was not asked for.
  returned: success
  type: dict
  sample:
    state: Registered
    registration_id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    registration_name: azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    resource_group: azurestack
    subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
    environment: AzureCloud
    marketplace_syndication: false
    usage_reporting: false
    expires: "9999-12-30T23:59:59Z"
    expires_in_days:
    provisioning_state: Succeeded
    products:
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm import activations, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the activation."""
    stamp = activations.Stamp(activations.AdminOptions.from_params(module.params, hide=module.hide))
    found = stamp.activation()
    now = expiry.now()
    where = found.registration if found else None
    return {
        "changed": False,
        "activation": {
            "state": activations.state_of(found, now),
            "registration_id": found.registration_id if found else None,
            "registration_name": where.name if where else None,
            "resource_group": where.resource_group if where else None,
            "subscription_id": where.subscription_id if where else None,
            "environment": found.environment if found else None,
            "marketplace_syndication": found.marketplace_syndication if found else None,
            "usage_reporting": found.usage_reporting if found else None,
            "expires": found.expires if found else None,
            "expires_in_days": found.expires_in_days(now) if found else None,
            "provisioning_state": found.provisioning_state if found else None,
            "products": stamp.products() if found and module.params["products"] else None,
        },
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("admin",),
        argument_spec={"products": {"type": "bool", "default": False}},
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
