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
  registration_id:
    description:
      - Resource id of the registration to read, for example from the stamp's activation. When it does not exist, or belongs
        to another stamp than O(cloud_id), the registrations of O(cloud_id) are looked for instead.
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
      token_version: "1.0"
      nodes: 4
      expires: "9999-12-30T23:59:59Z"
      expires_in_days:
      lock: {name: RegistrationResourceLock, level: CanNotDelete}
      role_assignment:
      tenants:
      claims_digest: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
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

from ansible_collections.azurestack.hub.plugins.module_utils._arm import (
    expiry,
    locks,
    registering,
    registrations,
    role_assignments,
    session,
)
from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import ABSENT
from ansible_collections.azurestack.hub.plugins.module_utils._arm.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._arm.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, conflicts, rights
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mappings

_OF_KEY: t.Final = ("registration_id", "cloud_id", "billing_model", "bridge_principal")


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the registrations."""
    azure = session.connect(module)
    found = _by_id(module, azure) if module.params["registration_id"] else _listed(module, azure)
    return {
        "changed": False,
        "registrations": [_shown(module, azure, registration, key) for registration, key in found],
        "cloud": azure.cloud.as_result(),
    }


@dataclasses.dataclass(frozen=True)
class _Key:
    """What an activation key says; its claims' digest tells it from another one."""

    claims: claims.KeyClaims = claims.KeyClaims(opaque=True)
    digest: str | None = None


def _by_id(module: AzsModule, azure: session.Azure) -> list[tuple[Registration, _Key]]:
    """Return the registration that the option names, else those of the stamp."""
    where, wanted = RegistrationId.parse(module.params["registration_id"]), module.params["cloud_id"]
    if not claims.same_id(where.subscription_id, azure.subscription_id):
        raise conflicts.in_another_subscription(
            "The stamp", str(where), where.subscription_id, azure.subscription_id
        )
    try:
        key = _export(module, azure, where)
    except ArmError as error:
        if error.kind not in (*ABSENT, "provider_not_registered"):
            raise
        return _listed(module, azure) if wanted else []
    said = key.claims
    if said.cloud_id is None:
        one = registrations.get(azure.client, where)
    else:
        one = Registration(where, said.cloud_id, said.billing_model, said.bridge_principal)
    if one is not None and wanted and not claims.same_id(one.cloud_id, wanted):
        return _listed(module, azure)
    return [(one, key)] if one is not None else []


def _listed(module: AzsModule, azure: session.Azure) -> list[tuple[Registration, _Key]]:
    wanted = module.params["cloud_id"]
    found = [one for one in _read(module, azure) if not wanted or claims.same_id(one.cloud_id, wanted)]
    return [(one, _export(module, azure, one.id) if module.params["claims"] else _Key()) for one in found]


def _read(module: AzsModule, azure: session.Azure) -> list[Registration]:
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


def _export(module: AzsModule, azure: session.Azure, where: RegistrationId) -> _Key:
    text = registrations.export_key(azure.client, where)
    module.hide(text)
    said = claims.read_key(text)
    return _Key(said, receipt.digest_of(said, text))


def _shown(module: AzsModule, azure: session.Azure, registration: Registration, key: _Key) -> dict[str, t.Any]:
    where, said = registration.id, key.claims
    expires = expiry.normal(said.expires)
    lock = None
    if module.params["lock"]:
        level = locks.level(azure.client, where)
        lock = {"name": locks.NAME, "level": level} if level is not None else None
    principal = registering.plain("bridge_principal", registration.bridge_principal or said.bridge_principal)
    role = None
    if module.params["role_assignment"] and principal:
        found = role_assignments.find(azure.client, str(where), rights.REGISTRATION_OWNER, principal)
        role = {"role": "Azure Stack Registration Owner", "principal_id": principal, "assigned": found is not None}
    return {
        "id": str(where),
        **dataclasses.asdict(where),
        "cloud_id": registration.cloud_id,
        "billing_model": registration.billing_model or said.billing_model,
        "marketplace_syndication": said.marketplace_syndication,
        "usage_reporting": said.usage_reporting,
        "bridge_principal": principal,
        "token_version": said.token_version,
        "nodes": len(said.hardware) if said.hardware is not None else None,
        "expires": expires,
        "expires_in_days": expiry.days_left(expires, expiry.now()),
        "lock": lock,
        "role_assignment": role,
        "tenants": _tenants(module, azure, where) if module.params["tenants"] else None,
        "claims_digest": key.digest,
        "key": None if said.opaque else {name: getattr(said, name) for name in _OF_KEY},
    }


def _tenants(module: AzsModule, azure: session.Azure, where: RegistrationId) -> int | None:
    """Return the number of the registration's tenant mappings, None with a warning when the account may not read them."""
    try:
        return len(mappings.list_all(azure.client, where))
    except ArmError as error:
        if error.kind != "missing_rights":
            raise
        module.warn(f"The tenants are not counted. {error}")
        return None


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "registration_id": {"type": "str"},
            "cloud_id": {"type": "str"},
            "claims": {"type": "bool", "default": True},
            "lock": {"type": "bool", "default": True},
            "role_assignment": {"type": "bool", "default": False},
            "tenants": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("registration_id", "name"), ("registration_id", "resource_group")],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
