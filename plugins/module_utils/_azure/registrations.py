# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration resource in Azure. FOR INTERNAL COLLECTION USE ONLY.

api-version 2017-06-01 of Microsoft.AzureStack. The registration token is write-only: what was sent cannot be read back;
what can be compared stands in the resource and in the claims of the activation key, which is exported at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import (
    UNEXPECTED,
    ArmClient,
    properties,
    text,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId, check_part
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, InputError

API_VERSION: t.Final = "2017-06-01"
PROVIDER: t.Final = "Microsoft.AzureStack"


@dataclasses.dataclass(frozen=True)
class Registration:
    """A registration as Azure shows it; None where the answer does not tell."""

    id: RegistrationId
    cloud_id: str | None
    billing_model: str | None
    bridge_principal: str | None

    @classmethod
    def of(cls, resource: t.Mapping[str, t.Any]) -> Registration:
        """Return the registration of a resource as Azure answers it.

        :raises ArmError: the resource is none.
        """
        told = properties(resource)
        try:
            where = RegistrationId.parse(str(resource.get("id", "")))
        except InputError as error:
            raise ArmError(
                "Azure's answer holds a registration that is none",
                kind=UNEXPECTED,
                cause=error.message,
                remedy="Run again; if it stays so, ask the operators of this cloud",
            ) from None
        return cls(
            id=where,
            cloud_id=text(told.get("cloudId")),
            billing_model=text(told.get("billingModel")),
            bridge_principal=text(told.get("objectId")),
        )


def get(client: ArmClient, where: RegistrationId) -> Registration | None:
    """Return a registration, None when there is none. Raises as ArmClient.request."""
    resource = client.find(str(where), API_VERSION, doing=f"read the registration {where.name}")
    return None if resource is None else Registration.of({"id": str(where), **resource})


def list_all(client: ArmClient, subscription_id: str, resource_group: str | None = None) -> t.Iterator[Registration]:
    """Yield the registrations of a resource group or of a whole subscription. Raises as ArmClient.list_all."""
    if resource_group:
        check_part("resource_group", resource_group)
    scope = f"/subscriptions/{subscription_id}" + (f"/resourceGroups/{resource_group}" if resource_group else "")
    where = f"resource group {resource_group}" if resource_group else f"subscription {subscription_id}"
    path = f"{scope}/providers/{PROVIDER}/registrations"
    for resource in client.list_all(path, API_VERSION, doing=f"list the registrations of {where}"):
        yield Registration.of(resource)


def put(client: ArmClient, where: RegistrationId, token: str) -> Registration:
    """Register a stamp, or register it again, with its registration token. Raises as ArmClient.request."""
    body = {"location": "global", "properties": {"registrationToken": token}}
    doing = f"register the stamp as {where.name}"
    answer = client.request("PUT", str(where), API_VERSION, json=body, doing=doing, resource=True)
    return Registration.of({"id": str(where), **answer})


def delete(client: ArmClient, where: RegistrationId) -> None:
    """Delete a registration; one that is gone already is no error. Raises as ArmClient.request."""
    client.request("DELETE", str(where), API_VERSION, doing=f"delete the registration {where.name}")


def export_key(client: ArmClient, where: RegistrationId) -> str:
    """Return the registration's activation key (a POST that changes nothing).

    :raises ArmError: an error answer, or one without a key.
    """
    doing = f"export the activation key of {where.name}"
    answer = client.request("POST", f"{where}/getactivationkey", API_VERSION, doing=doing)
    key = "".join((text(answer.get("activationKey")) or "").split())
    if not key:
        raise ArmError(
            f"Could not {doing}: Azure's answer holds none",
            kind="empty_key",
            where=str(where),
            remedy="Run again; if it stays so, register the stamp again (reregister) or ask Microsoft support",
        )
    return key


def days_left(client: ArmClient, where: RegistrationId) -> int | None:
    """Return in how many days a registration expires, by the claims of its activation key and Azure's clock; negative when it has.

    None when it never does, or when nothing tells: the account may not export the key, or it does not say.
    """
    try:
        said = claims.read_key(export_key(client, where))
    except ArmError:
        return None
    return expiry.days_left(expiry.normal(said.expires), expiry.at_service(expiry.now(), client.clock_ahead))


def believed(client: ArmClient, where: RegistrationId) -> bool:
    """Tell whether a registration in another subscription has to be reckoned with: it is there, or may not be looked at."""
    try:
        return get(client, where) is not None
    except ArmError:
        return True
