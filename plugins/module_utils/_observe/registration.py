# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known in Azure of a stamp's registrations. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt
from ansible_collections.azurestack.hub.plugins.module_utils._azure import (
    absence,
    locks,
    registrations,
    role_assignments,
    session,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._caller import Asker
from ansible_collections.azurestack.hub.plugins.module_utils._decide import choice, conflicts, leads
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry, rights
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Caller

_OF_KEY: t.Final = ("registration_id", "cloud_id", "billing_model", "bridge_principal")


@dataclasses.dataclass(frozen=True)
class Asked:
    """Which registrations are read, and what of each; the fields are the options of azs_registration_info."""

    name: str | None = None
    resource_group: str | None = None
    registration_id: str | None = None
    registration_hint: str | None = None
    cloud_id: str | None = None
    claims: bool = True
    lock: bool = True
    role_assignment: bool = False
    tenants: bool = False


def read(module: Caller, asked: Asked) -> dict[str, t.Any]:
    """Return the registrations as a task result, and the cloud's metadata.

    :param module: with the options of the azure family.
    :raises AzsError: Azure does not answer or refuses, or the registration is in another subscription.
    """
    azure = session.connect(module)
    found = (_by_id if asked.registration_id or asked.registration_hint else _listed)(module, azure, asked)
    return {
        "changed": False,
        "registrations": [_shown(module, azure, asked, registration, key) for registration, key in found],
        "cloud": azure.cloud.as_result(),
    }


def of_stamp(
    module: Caller,
    where: t.Mapping[str, t.Any],
    *,
    every: bool = False,
    tenants: bool = False,
    old_subscription_id: str | None = None,
) -> dict[str, t.Any]:
    """Return a stamp's registrations as a task result, null where Azure tells nothing about the stamp.

    :param module: with the options of the azure family.
    :param where: what leads to them, as leads.to_registration returns it.
    :param every: whether all of the cloud id are read, and not the one alone that the activation names.
    :param old_subscription_id: where further ones are looked for, `old_registrations`; those in the same subscription are no further ones.
    :raises AzsError: see read.
    """
    hint, cloud_id = where["registration_hint"], where["cloud_id"]
    asked = Asked(
        registration_hint=None if every and cloud_id else hint, cloud_id=cloud_id, role_assignment=True, tenants=tenants
    )
    found = read(module, asked)
    result = {**found, "registrations": leads.found_by(where, found["registrations"])}
    if old_subscription_id and not claims.same_id(old_subscription_id, module.params["subscription_id"]):
        there = Asker(
            {**module.params, "subscription_id": old_subscription_id},
            module.warn,
            module.hide,
            module.controller,
            module.given,
            module.shared,
            module.tokens,
        )
        old = read(there, Asked(cloud_id=cloud_id, claims=False, lock=False))
        result["old_registrations"] = old["registrations"]
    return result


def named(module: Caller, azure: session.Azure, asked: Asked) -> Registration | None:
    """Return the registration of an id in any subscription, of a name, or else of a cloud id; None when there is none."""
    if asked.registration_id:
        return registrations.get(azure.client, RegistrationId.parse(asked.registration_id))
    if asked.registration_hint:
        hinted = registrations.get(azure.client, RegistrationId.parse(asked.registration_hint))
        if hinted is not None or not asked.cloud_id:
            return hinted
    found = _read(module, azure, asked)
    if asked.name:
        return next(iter(found), None)
    own = [one for one in found if claims.same_id(one.cloud_id, asked.cloud_id)]
    return meant(azure.client, own)[0]


def expired(client: ArmClient, where: RegistrationId) -> bool:
    """Tell whether a registration has expired, see choice.expired."""
    return choice.expired({"expires_in_days": registrations.days_left(client, where)})


def meant(client: ArmClient, found: t.Sequence[Registration]) -> tuple[Registration | None, bool]:
    """Return which of a stamp's registrations is meant, and whether choice.meant decided it. Only several are asked for their expiry.

    :param found: in any order.
    """
    if len(found) < 2:
        return next(iter(found), None), True
    told = [{"id": str(one.id), "expires_in_days": registrations.days_left(client, one.id)} for one in found]
    chosen, decided = choice.meant(told)
    return next((one for one in found if chosen and str(one.id) == chosen["id"]), None), decided


@dataclasses.dataclass(frozen=True)
class _Key:
    """What an activation key says; its claims' digest tells it from another one."""

    claims: claims.KeyClaims = claims.OPAQUE_KEY
    digest: str | None = None


def _by_id(module: Caller, azure: session.Azure, asked: Asked) -> list[tuple[Registration, _Key]]:
    """Return the registration that is named; where it is only hinted at and is not there, those of the stamp.

    :raises ConflictError: the hint leads to another stamp's, so that the activation that it comes from is that stamp's too.
    """
    where, wanted = RegistrationId.parse(asked.registration_id or asked.registration_hint or ""), asked.cloud_id
    searched = wanted and not asked.registration_id
    if not claims.same_id(where.subscription_id, azure.subscription_id):
        # An activation goes on naming the place that its registration was moved from.
        if asked.registration_id or registrations.believed(azure.client, where):
            raise conflicts.in_another_subscription(
                "The stamp", str(where), where.subscription_id, azure.subscription_id
            )
        return _listed(module, azure, asked) if wanted else []
    try:
        key = _export(module, azure, where)
    except ArmError as error:
        if not (absence.is_told(error) or error.kind == "provider_not_registered"):
            raise
        return _listed(module, azure, asked) if searched else []
    said = key.claims
    if said.cloud_id is None:
        one = registrations.get(azure.client, where)
    else:
        one = Registration(where, said.cloud_id, said.billing_model, said.bridge_principal)
    if one is not None and wanted and not claims.same_id(one.cloud_id, wanted):
        if searched:
            raise conflicts.activation_of_another_stamp(str(where), one.cloud_id, wanted)
        return []
    return [(one, key)] if one is not None else []


def _listed(module: Caller, azure: session.Azure, asked: Asked) -> list[tuple[Registration, _Key]]:
    wanted = asked.cloud_id
    found = [one for one in _read(module, azure, asked) if not wanted or claims.same_id(one.cloud_id, wanted)]
    return [(one, _export(module, azure, one.id) if asked.claims else _Key()) for one in found]


def _read(module: Caller, azure: session.Azure, asked: Asked) -> t.Sequence[Registration]:
    name, group = asked.name, asked.resource_group
    if name:
        one = registrations.get(azure.client, RegistrationId(azure.subscription_id, group or DEFAULT_GROUP, name))
        return [one] if one else []

    def listed() -> t.Sequence[Registration]:
        try:
            return tuple(registrations.list_all(azure.client, azure.subscription_id, group))
        except ArmError as error:
            # Without the resource provider, or the group, there are no registrations.
            if absence.is_told(error) or error.kind == "provider_not_registered":
                return ()
            raise

    # One list serves all stamps that are read together.
    return module.shared.of(("registrations", azure.account, azure.subscription_id, group), listed)


def _export(module: Caller, azure: session.Azure, where: RegistrationId) -> _Key:
    text = registrations.export_key(azure.client, where)
    module.hide(text)
    said = claims.read_key(text)
    return _Key(said, receipt.digest_of(said, text))


def _shown(
    module: Caller, azure: session.Azure, asked: Asked, registration: Registration, key: _Key
) -> dict[str, t.Any]:
    where, said = registration.id, key.claims
    expires = expiry.normal(said.expires)
    doubt = expiry.unreadable(said.unreadable_expiry, f"the registration {where}")
    if doubt:
        module.warn(doubt)
    wrong_clock = expiry.wrong_clock(azure.client.clock_ahead, "Azure Resource Manager")
    if wrong_clock and expires not in (None, claims.NEVER):
        module.warn(
            f"{wrong_clock[0].upper()}{wrong_clock[1:]}: set it. Expiries are compared with Azure's clock here."
        )
    lock = None
    if asked.lock:
        level = locks.level(azure.client, where)
        lock = {"name": locks.NAME, "level": level} if level is not None else None
    # A key that does not tell leaves it to the role assignment: Azure may show an object id of a disconnected stamp, too.
    id_shown = claims.plain("bridge_principal", registration.bridge_principal)
    principal = None if said.opaque else claims.principal_of(id_shown, said)
    role = None
    if asked.role_assignment and (principal or id_shown):
        found = role_assignments.find(azure.client, str(where), rights.REGISTRATION_OWNER, principal or id_shown)
        principal = principal or (id_shown if found is not None else None)
    if asked.role_assignment and principal:
        role = {"role": rights.REGISTRATION_OWNER_NAME, "principal_id": principal, "assigned": found is not None}
    return {
        "id": str(where),
        **dataclasses.asdict(where),
        "cloud_id": registration.cloud_id,
        "billing_model": registration.billing_model or said.billing_model,
        "marketplace_syndication": said.marketplace_syndication,
        "usage_reporting": said.usage_reporting,
        "bridge_principal": principal,
        "object_id": id_shown,
        "token_version": said.token_version,
        "agreement_number": said.agreement_number,
        "asset_tag": said.asset_tag,
        "nodes": len(said.hardware) if said.hardware is not None else None,
        "expires": expires,
        "expires_in_days": expiry.days_left(expires, expiry.at_service(expiry.now(), azure.client.clock_ahead)),
        "lock": lock,
        "role_assignment": role,
        "tenants": _tenants(module, azure, where) if asked.tenants else None,
        "claims_digest": key.digest,
        "key": None if said.opaque else {name: getattr(said, name) for name in _OF_KEY},
    }


def _tenants(module: Caller, azure: session.Azure, where: RegistrationId) -> int | None:
    """Return the number of the registration's tenant mappings, None with a warning when the account may not read them."""
    # Imported here: every module start pays for what it imports, and hardly one counts tenants.
    from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mappings

    try:
        return len(mappings.list_all(azure.client, where))
    except ArmError as error:
        if error.kind != "missing_rights":
            raise
        module.warn(f"The tenants are not counted. {error}")
        return None
