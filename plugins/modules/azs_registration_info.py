#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read registrations from Azure."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_registration_info
short_description: Read registrations of Azure Stack Hubs in Azure
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads one registration, the registrations of one stamp, or all of a resource group or subscription.
  - A registration that does not exist is no failure; the list is empty then.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.azure
options:
  name:
    description:
      - Name of the registration to read, in O(resource_group) or else in V(azurestack).
    type: str
  resource_group:
    description:
      - Resource group to read. Without it, and without O(name), the registrations of the whole subscription are read.
    type: str
  cloud_id:
    description:
      - Only registrations of the stamp with this cloud id.
    type: str
  claims:
    description:
      - Whether to read what only the activation key tells, that is both flags, token version, nodes and expiry. One
        request a registration more, which changes nothing. The key itself is not returned.
    type: bool
    default: true
  lock:
    description:
      - Whether to read the lock of each registration. One request a registration more.
    type: bool
    default: true
seealso:
  - module: azurestack.hub.azs_registration
"""

EXAMPLES = r"""
- name: Find the registration of a stamp
  azurestack.hub.azs_registration_info:
    subscription_id: "{{ subscription }}"
    cloud_id: "{{ cloud_id }}"
  register: found

- name: List all registrations that expire within 60 days
  azurestack.hub.azs_registration_info:
    subscription_id: "{{ subscription }}"
    lock: false
  register: all_registrations

- name: Show them
  ansible.builtin.debug:
    msg: "{{ all_registrations.registrations | rejectattr('expires_in_days', 'none') | selectattr('expires_in_days', 'lt', 60) }}"
"""

RETURN = r"""
registrations:
  description:
    - The registrations. What was not asked for, or Azure does not tell, is null.
    - C(expires_in_days) is null when the registration never expires.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      name: azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      resource_group: azurestack
      subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
      cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      billing_model: Capacity
      marketplace_syndication: false
      usage_reporting: false
      bridge_principal:
      token_version: "1.0"
      nodes: 4
      expires: "9999-12-30T23:59:59Z"
      expires_in_days:
      lock: {name: RegistrationResourceLock, level: CanNotDelete}
cloud:
  description: What the cloud says about itself, for the option C(cloud_metadata) of later tasks.
  returned: success
  type: dict
  sample:
    name: AzureCloud
    resource_manager: https://management.azure.com
    authority: https://login.microsoftonline.com
    audience: https://management.core.windows.net/
"""

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm import expiry, locks, registrations, session
from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import ABSENT
from ansible_collections.azurestack.hub.plugins.module_utils._arm.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the registrations."""
    azure = session.connect(module)
    wanted = module.params["cloud_id"]
    found = [one for one in _read(module, azure) if not wanted or claims.same_id(one.cloud_id, wanted)]
    return {
        "changed": False,
        "registrations": [_shown(module, azure, registration) for registration in found],
        "cloud": azure.cloud.as_result(),
    }


def _read(module: AzsModule, azure: session.Azure) -> list[registrations.Registration]:
    name, group = module.params["name"], module.params["resource_group"]
    if name:
        one = registrations.get(azure.client, RegistrationId(azure.subscription_id, group or DEFAULT_GROUP, name))
        return [one] if one else []
    try:
        return list(registrations.list_all(azure.client, azure.subscription_id, group))
    except ArmError as error:
        # Without the resource provider, or the group, there are no registrations.
        if error.kind in (*ABSENT, "provider_not_registered"):
            return []
        raise


def _shown(module: AzsModule, azure: session.Azure, registration: registrations.Registration) -> dict[str, t.Any]:
    where = registration.id
    key = claims.KeyClaims(opaque=True)
    if module.params["claims"]:
        text = registrations.export_key(azure.client, where)
        module.hide(text)
        key = claims.read_key(text)
    expires = expiry.normal(key.expires)
    lock = None
    if module.params["lock"]:
        level = locks.level(azure.client, where)
        lock = {"name": locks.NAME, "level": level} if level is not None else None
    return {
        "id": str(where),
        **dataclasses.asdict(where),
        "cloud_id": registration.cloud_id,
        "billing_model": registration.billing_model or key.billing_model,
        "marketplace_syndication": key.marketplace_syndication,
        "usage_reporting": key.usage_reporting,
        "bridge_principal": registration.bridge_principal or key.bridge_principal,
        "token_version": key.token_version,
        "nodes": len(key.hardware) if key.hardware is not None else None,
        "expires": expires,
        "expires_in_days": expiry.days_left(expires, expiry.now()),
        "lock": lock,
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "cloud_id": {"type": "str"},
            "claims": {"type": "bool", "default": True},
            "lock": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
