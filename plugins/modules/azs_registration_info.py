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
  - With O(registration_id), the registration is not listed or read but its activation key exported, which tells the same and
    more.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_azure
options:
  name:
    description:
      - Name of the registration to read, in O(resource_group) or else in V(azurestack).
    type: str
  resource_group:
    description:
      - Resource group to read. Without it, and without O(name), the registrations of the whole subscription are read.
    type: str
  registration_id:
    description:
      - Resource id of the registration to read. When it does not exist, or belongs to another stamp than O(cloud_id), none is
        returned.
    type: str
  registration_hint:
    description:
      - Resource id of the registration as the stamp's activation names it, which saves the search. When it does not exist, the
        registrations of O(cloud_id) are looked for instead. When it belongs to another stamp than O(cloud_id), that is an error,
        because the activation was read from another stamp.
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
  role_assignment:
    description:
      - Whether to read if the bridge principal has its role on the registration, Azure Stack Registration Owner. One request
        more for each registration that has a bridge principal, as those of connected stamps have.
    type: bool
    default: false
  tenants:
    description:
      - Whether to count the tenant mappings of each registration. One request a registration more, and one for each further page.
      - Without the right to read them there is a warning, and C(tenants) is null.
    type: bool
    default: false
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
    - C(key) is what the activation key says, C(claims_digest) a digest of its claims that stays the same from export to
      export.
    - C(bridge_principal) is null for a disconnected stamp. C(object_id) is what Azure shows, maybe of disconnected stamps too.
    - C(role_assignment) is null when it was not asked for, and without a bridge principal.
    - C(tenants) is the number of tenant mappings, null when it was not asked for.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
      name: north
      resource_group: azurestack
      subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
      cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      billing_model: Capacity
      marketplace_syndication: false
      usage_reporting: false
      bridge_principal:
      object_id:
      token_version: "1.0"
      agreement_number: "01234567"
      asset_tag:
      nodes: 4
      expires: "9999-12-30T23:59:59Z"
      expires_in_days:
      lock: {name: RegistrationResourceLock, level: CanNotDelete}
      role_assignment:
      tenants:
      claims_digest: 1:0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
      key:
        registration_id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
        cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
        billing_model: Capacity
        bridge_principal:
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

from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._observe import registration


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read what the options ask for."""
    fields = dataclasses.fields(registration.Asked)
    return registration.read(module, registration.Asked(**{field.name: module.params[field.name] for field in fields}))


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "registration_id": {"type": "str"},
            "registration_hint": {"type": "str"},
            "cloud_id": {"type": "str"},
            "claims": {"type": "bool", "default": True},
            "lock": {"type": "bool", "default": True},
            "role_assignment": {"type": "bool", "default": False},
            "tenants": {"type": "bool", "default": False},
        },
        mutually_exclusive=[
            ("registration_id", "registration_hint", "name"),
            ("registration_id", "registration_hint", "resource_group"),
        ],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
