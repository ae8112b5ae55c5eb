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
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.admin
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
remembered:
  description:
    - What the bundle remembers of the stamp. C(cloud_id) and C(bridge_principal) are those of its artifacts.
    - C(activated_with) is a digest of the claims of the activation key that was used last, C(activated) the time of that.
    - C(unused_key) tells that a run exported a key and ended before the stamp was activated with it.
  returned: when O(bundle) is given
  type: dict
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    bridge_principal:
    activated_with: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
    activated: "2026-03-01T07:30:00Z"
    unused_key: false
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm import activations, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import memory, receipt as receipts
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import Unreachable
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the activation."""
    params = module.params
    if not params["bundle"]:
        return {"changed": False, "activation": _read(module)}
    remembered, receipt = memory.recall(params["bundle"], params["stamp"])
    return {"changed": False, "activation": _known(module, receipt), "remembered": remembered}


def _known(module: AzsModule, receipt: receipts.Receipt | None) -> dict[str, t.Any]:
    """Return the activation from the stamp when it can be asked, else from the receipt."""
    if module.params["admin_endpoint"]:
        try:
            return _read(module)
        except Unreachable as error:
            if receipt is None:
                raise
            module.warn(f"{error} What is known of the activation comes from the receipt instead.")
    if receipt is None:
        return _shown("none", activations.UNKNOWN, None, None)
    found = activations.Activation(
        registration_id=receipt.registration_id,
        environment=None,
        expires=receipt.expires or claims.NEVER,
        marketplace_syndication=receipt.marketplace_syndication,
        usage_reporting=receipt.usage_reporting,
        provisioning_state=None,
    )
    return _shown("receipt", found.state(expiry.now()), found, None)


def _read(module: AzsModule) -> dict[str, t.Any]:
    stamp = activations.Stamp(activations.AdminOptions.from_params(module.params, hide=module.hide))
    found = stamp.activation()
    products = stamp.products() if found and module.params["products"] else None
    return _shown("activation", activations.state_of(found, expiry.now()), found, products)


def _shown(
    evidence: str, state: str, found: activations.Activation | None, products: int | None
) -> dict[str, t.Any]:
    where = found.registration if found else None
    return {
        "evidence": evidence,
        "state": state,
        "registration_id": found.registration_id if found else None,
        "registration_name": where.name if where else None,
        "resource_group": where.resource_group if where else None,
        "subscription_id": where.subscription_id if where else None,
        "environment": found.environment if found else None,
        "marketplace_syndication": found.marketplace_syndication if found else None,
        "usage_reporting": found.usage_reporting if found else None,
        "expires": found.expires if found else None,
        "expires_in_days": found.expires_in_days(expiry.now()) if found else None,
        "provisioning_state": found.provisioning_state if found else None,
        "products": products,
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("admin",),
        argument_spec={
            "products": {"type": "bool", "default": False},
            "bundle": {"type": "path"},
            "stamp": {"type": "str"},
        },
        required_by={"bundle": ["stamp"]},
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
