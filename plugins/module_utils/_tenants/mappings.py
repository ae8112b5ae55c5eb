# SPDX-License-Identifier: GPL-3.0-or-later
"""A registration's tenant mappings in Azure: its customerSubscriptions. FOR INTERNAL COLLECTION USE ONLY.

api-version 2017-06-01 of Microsoft.AzureStack. Answers of the service that have been seen and are taken here: a PUT with
200 and a body, 201 or 204 without one; list entries with blanks around the id, with the registration's name before it, with
a backslash in the type; a list without a body; and a list that is empty although a GET finds the mappings.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, properties
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId, check_part
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import API_VERSION
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Observer

_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def list_all(client: ArmClient, where: RegistrationId) -> dict[str, str | None]:
    """Return the tenants of all mappings by subscription id, letter case as Azure has it. Raises as ArmClient.list_all.

    An entry that is no subscription is left out with a warning: what is made of it could be another resource's address.
    """
    doing = f"list the tenant mappings of {where.name}"
    found: dict[str, str | None] = {}
    for resource in client.list_all(f"{where}/customerSubscriptions", API_VERSION, doing=doing, may_be_bare=True):
        subscription = _name(resource)
        if _GUID.fullmatch(subscription):
            found[subscription] = _tenant(resource)
        else:
            client.warn(
                f"Azure lists a tenant mapping of {where.name} that is none, {subscription!r}: it is left alone."
            )
    return found


def find(
    client: ArmClient, where: RegistrationId, subscription: str, observe: Observer | None = None
) -> tuple[bool, str | None]:
    """Return whether a subscription is mapped, and its tenant. Raises as ArmClient.request."""
    doing = f"read the mapping of {subscription}"
    try:
        resource = client.request("GET", _path(where, subscription), API_VERSION, doing=doing, observe=observe)
    except ArmError as error:
        if absence.is_told_of_a_part(error):
            return False, None
        raise
    return True, _tenant(resource)


def put(
    client: ArmClient, where: RegistrationId, subscription: str, tenant: str | None, observe: Observer | None = None
) -> None:
    """Map a subscription; another one of the same tenant is overwritten. Raises as ArmClient.request.

    :param tenant: tenant id to send; None sends none, and Azure takes the subscription's own.
    """
    body: dict[str, t.Any] = {"properties": {"tenantId": tenant} if tenant else {}}
    doing = f"map the subscription {subscription} to {where.name}"
    client.request("PUT", _path(where, subscription), API_VERSION, json=body, doing=doing, observe=observe)


def delete(client: ArmClient, where: RegistrationId, subscription: str, observe: Observer | None = None) -> None:
    """Remove a mapping; one that is gone already is no error. Raises as ArmClient.request."""
    doing = f"remove the mapping of {subscription} from {where.name}"
    try:
        client.request("DELETE", _path(where, subscription), API_VERSION, doing=doing, observe=observe)
    except ArmError as error:
        if not absence.is_told_of_a_part(error):
            raise


def _path(where: RegistrationId, subscription: str) -> str:
    check_part("subscription_id", subscription)
    return f"{where}/customerSubscriptions/{subscription}"


def _name(resource: t.Mapping[str, t.Any]) -> str:
    """Return the subscription id of a list entry: the last part of its name, or else of its resource id."""
    name = str(resource.get("name") or "").strip() or str(resource.get("id") or "").strip().rstrip("/")
    return name.rpartition("/")[2].strip()


def _tenant(resource: t.Mapping[str, t.Any]) -> str | None:
    return str(properties(resource).get("tenantId") or "").strip() or None
