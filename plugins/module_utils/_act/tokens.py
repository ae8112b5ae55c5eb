# SPDX-License-Identifier: GPL-3.0-or-later
"""From a registration token to what the registration has to be. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act.registrar import (
    FIELDS,
    WantedRegistration,
)
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts.bundle import ManifestEntry
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError


def wanted(token: str, entry: ManifestEntry | None, cloud_id: str | None) -> WantedRegistration:
    """Return what a registration token asks for: from the token itself, else from its manifest entry.

    :param token: normalised text.
    :param entry: the manifest entry; None for a file of Microsoft's own tools.
    :param cloud_id: the stamp's, when the task knows it.
    :raises ArtifactError: the token is empty, cut or another stamp's.
    :raises InputError: nothing says whose token it is.
    """
    decoded = claims.read_token(token)
    facts: dict[str, t.Any] = {
        name: _first(getattr(decoded, name), getattr(entry, name, None)) for name in (*FIELDS, "token_version")
    }
    if facts["cloud_id"] is None and cloud_id is None:
        raise InputError(
            "The registration token cannot be decoded, and nothing says whose it is",
            cause="newer token versions are opaque, and there is no manifest entry beside the token",
            remedy="Set cloud_id to the stamp's cloud id (azs_stamp_info returns it)",
        )
    _same_stamp(facts["cloud_id"], cloud_id)
    if entry is not None:
        _same_stamp(entry.cloud_id, facts["cloud_id"])
    facts["cloud_id"] = facts["cloud_id"] or cloud_id
    tells = decoded.hardware is not None or entry is not None
    contract = {name: getattr(decoded, name) for name in billing.CONTRACT}
    return WantedRegistration(
        **facts, **contract, hardware=decoded.hardware, token=token, disconnected=tells and _no_principal(facts)
    )


def foreseen(token: t.Mapping[str, t.Any], cloud_id: str | None) -> WantedRegistration:
    """Return what a token asks for that an earlier task would only make (check mode).

    :param token: its facts. `disconnected` tells whether it would name no bridge principal; without it, what it names does.
    :raises ArtifactError: it would be another stamp's.
    :raises InputError: it names no cloud id.
    """
    facts = {name: token.get(name) for name in (*FIELDS, *billing.CONTRACT, "token_version")}
    _same_stamp(facts["cloud_id"], cloud_id)
    facts["cloud_id"] = facts["cloud_id"] or cloud_id
    if not facts["cloud_id"]:
        raise InputError(
            "Nothing tells whose registration token an earlier task would bring",
            cause="it has no manifest entry, and in check mode it is not there to be read",
            remedy="Set cloud_id to the stamp's cloud id (azs_cloud_id in playbooks)",
        )
    disconnected = token.get("disconnected", _no_principal(facts))
    return WantedRegistration(**t.cast("dict[str, t.Any]", facts), disconnected=disconnected)


def agreed(said: WantedRegistration, asked: t.Mapping[str, t.Any]) -> WantedRegistration:
    """Return what a token asks for, together with what the task asks for where the token does not tell.

    :param asked: the task's own options of the names in FIELDS; None for what it does not ask for.
    :raises InputError: the token was made for another request.
    """
    differing = []
    for name, value in asked.items():
        found = claims.plain(name, getattr(said, name))
        if value is None or found == claims.NEW_PRINCIPAL:
            continue
        # A token that can be decoded and names no principal is that of a stamp without one.
        tells = found is not None or (name == "bridge_principal" and said.hardware is not None)
        if tells and str(found).lower() != str(value).lower():
            differing.append(f"{name} is {value}, the token says {found}")
    if differing:
        raise InputError(
            f"The registration token was made for another request: {'; '.join(differing)}",
            kind="token_differs",
            remedy="Export the registration token again with these values (azs_registration_token, renew: true), "
            "or correct the options. Nothing was contacted",
        )
    return dataclasses.replace(
        said, **{name: value for name, value in asked.items() if value is not None and getattr(said, name) is None}
    )


def _no_principal(facts: t.Mapping[str, t.Any]) -> bool:
    return claims.plain("bridge_principal", facts["bridge_principal"]) is None


def _same_stamp(found: str | None, expected: str | None) -> None:
    if found is not None and expected is not None and not claims.same_id(found, expected):
        raise ArtifactError(
            f"The registration token is that of another stamp, cloud id {found}",
            kind="token_of_another_stamp",
            cause=f"this stamp's cloud id is {expected}",
            remedy="Bring the registration token of this stamp, or compare the cloud id",
        )


def _first(*values: t.Any) -> t.Any:
    return next((value for value in values if value is not None), None)
