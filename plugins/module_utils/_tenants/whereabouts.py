# SPDX-License-Identifier: GPL-3.0-or-later
"""Which registration, or registrations, a task means. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence, registrations
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._azure.session import Azure
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._observe.registration import meant

PLACE_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "registration_id": {"type": "str"},
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "cloud_id": {"type": "str"},
}
"""The options that name a registration."""


def check(params: t.Mapping[str, t.Any]) -> None:
    """Raise InputError when the options of PLACE_SPEC name no registration."""
    if not any(params[name] for name in ("registration_id", "name", "cloud_id")):
        raise InputError(
            "Nothing says which registration is meant",
            cause="a stamp that is not registered and activated knows of none itself",
            remedy="Set registration_id, name or cloud_id (azs_registration_id, azs_registration_name or azs_cloud_id for the "
            "playbook, or azs_admin_endpoint, so that it is read from the stamp's activation)",
        )


def one(azure: Azure, params: t.Mapping[str, t.Any]) -> RegistrationId:
    """Return the registration that the options of PLACE_SPEC name; only with cloud_id is anything asked for.

    :raises InputError: registration_id is none.
    :raises ArmError: no registration has that cloud id.
    :raises ConflictError: several have it, and not one of them alone is living.
    """
    if params["registration_id"]:
        return RegistrationId.parse(params["registration_id"])
    if params["name"]:
        return RegistrationId(azure.subscription_id, params["resource_group"] or DEFAULT_GROUP, params["name"])
    found = several(azure, params)
    if not found:
        raise ArmError(
            f"No registration of the stamp {params['cloud_id']} is in subscription {azure.subscription_id}"
            + (f", resource group {params['resource_group']}" if params["resource_group"] else ""),
            kind="registration_not_found",
            remedy="Register the stamp first, or compare subscription_id, resource_group and cloud_id",
        )
    chosen, decided = meant(azure.client, found)
    if chosen is None or not decided:
        raise conflicts.several_registrations(params["cloud_id"], [str(registration.id) for registration in found])
    return chosen.id


def several(azure: Azure, params: t.Mapping[str, t.Any]) -> list[Registration]:
    """Return the registrations of the subscription, or resource group, with the cloud id if one is given.

    :raises ArmError: they could not be listed.
    """
    try:
        listed = list(registrations.list_all(azure.client, azure.subscription_id, params["resource_group"]))
    except ArmError as error:
        # Without the resource provider, or the group, there are no registrations.
        if absence.is_told(error) or error.kind == "provider_not_registered":
            return []
        raise
    wanted = params["cloud_id"]
    return [registration for registration in listed if not wanted or claims.same_id(registration.cloud_id, wanted)]
