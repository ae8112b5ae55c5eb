# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a stamp's registration into the wanted state. FOR INTERNAL COLLECTION USE ONLY.

Reads first and plans; the same plan is what check mode predicts and what the real run does. A stamp can have one
registration in a cloud, so an existing one is looked for by cloud id before the first write.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import groundwork
from ansible_collections.azurestack.hub.plugins.module_utils._azure import (
    locks,
    registrations,
    replication,
    role_assignments,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._azure.session import Azure
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts, preflight
from ansible_collections.azurestack.hub.plugins.module_utils._decide.preflight import (
    ASSIGN_ROLE,
    CREATE_GROUP,
    DELETE,
    LIFT_LOCK,
    PUT_LOCK,
    REGISTER,
    REGISTER_PROVIDER,
    UNASSIGN_ROLE,
)
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.rights import REGISTRATION_OWNER
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    AzsError,
    ConflictError,
    InputError,
    telling_what_was_done,
)
from ansible_collections.azurestack.hub.plugins.module_utils._observe import obstacles
from ansible_collections.azurestack.hub.plugins.module_utils._observe.registration import expired, meant

FIELDS: t.Final = ("cloud_id", "billing_model", "marketplace_syndication", "usage_reporting", "bridge_principal")
_TAKEN: t.Final = (
    "resource_locked",
    "cloud_id_already_registered",
    "not_registration_owner",
    "registration_of_another_stamp",
)
"""Kinds of a refused first registration where there was none when it was looked for."""


@dataclasses.dataclass(frozen=True)
class WantedRegistration:
    """What the registration token says; None where it does not tell, or cannot be decoded.

    :param cloud_id: empty while it is not known, which is enough to prepare a registration.
    :param token: the registration token; None when an earlier task would only make it (check mode).
    :param tokenless: there is no token, and none is foreseen: registering is not expected to be needed.
    :param disconnected: whether the token is known to name no bridge principal, which those of connected stamps do.
    """

    cloud_id: str
    billing_model: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None
    bridge_principal: str | None = None
    token_version: str | None = None
    hardware: dict[str, dict[str, t.Any]] | None = None
    token: str | None = dataclasses.field(default=None, repr=False)
    tokenless: bool = False
    disconnected: bool = False
    agreement_number: str | None = None
    asset_tag: str | None = None


@dataclasses.dataclass(frozen=True)
class How:
    """How far a run may go.

    :param reregister: register again although nothing that can be compared differs.
    :param assign_role: see to it that the bridge principal has its role on the registration.
    :param preflight: read before the first write what could forbid it: the account's rights, locks, locations.
    :param check: plan only; nothing but GETs and the export of the key is sent.
    :param prepare: ask everything, and make what a registration needs, provider and group, but not the registration.
    :param gone: a registration that another task deletes: it does not count.
    :param provider_timeout: seconds to wait for the resource provider.
    :param replication_timeout: seconds to wait until a new principal is known everywhere.
    :param warn: takes a warning for the operator.
    :param before_writing: called before the registration is written.
    """

    reregister: bool = False
    assign_role: bool = False
    preflight: bool = False
    check: bool = False
    prepare: bool = False
    gone: RegistrationId | None = None
    provider_timeout: int = 600
    replication_timeout: int = 300
    warn: t.Callable[[str], None] = lambda message: None
    before_writing: t.Callable[[], None] = lambda: None


@dataclasses.dataclass(frozen=True)
class RegistrationPlace:
    """Where the registration is to be: the task's options.

    :param name: None adopts the existing registration's name, or takes azurestack-<cloud id> for a new one.
    :param resource_group: None adopts the existing registration's group, or takes the default one for a new one.
    :param location: of a resource group that has to be made.
    :param known: id of the registration that is meant: no other one is taken when it is not there.
    :param hint: where the registration is believed to be, which saves the search; another one is looked for when it is not there.
    """

    name: str | None = None
    resource_group: str | None = None
    location: str | None = None
    known: RegistrationId | None = None
    hint: RegistrationId | None = None

    def id_for(self, subscription_id: str, cloud_id: str | None) -> RegistrationId:
        """Return where a new registration would be made; without a cloud id, where the named one is."""
        name = self.name or f"azurestack-{cloud_id}"
        return RegistrationId(subscription_id, self.resource_group or DEFAULT_GROUP, name)

    def names(self, where: RegistrationId) -> bool:
        """Tell whether a registration is the one that name (and resource group, when given) mean."""
        same_group = self.resource_group is None or claims.same_id(self.resource_group, where.resource_group)
        return claims.same_id(self.name, where.name) and same_group


@dataclasses.dataclass
class RegistrationOutcome:
    """What was found and done, or in check mode would be done.

    :param principal: the bridge principal whose role was seen to; None when that was not asked for, or there is none.
    :param key: the activation key, when it was exported and no registering has made another one since.
    """

    id: RegistrationId | None
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    existed: bool
    adopted: bool = False
    principal: str | None = None
    actions: list[str] = dataclasses.field(default_factory=list)
    differences: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    not_compared: list[str] = dataclasses.field(default_factory=list)
    key: str | None = dataclasses.field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return bool(self.actions)


def present(azure: Azure, wanted: WantedRegistration, place: RegistrationPlace, how: How) -> RegistrationOutcome:
    """Register a stamp where it is not registered as wanted, and see to lock and role assignment.

    :raises ConflictError: the stamp is registered elsewhere, or as a connected one that a disconnected one's token would
        convert, or the name belongs to another stamp. Nothing was changed.
    :raises InputError: there is no token, and one is needed. Nothing was changed.
    :raises ArmError: an error of Azure.
    :raises AzsError: kinds interrupted and registration_unprotected, see locks.unlocked.
    """
    target = place.id_for(azure.subscription_id, wanted.cloud_id)
    registered, occupant, provider_usable = _search(azure, wanted.cloud_id, place.known or place.hint, target, how.gone)
    found = _choose(azure, wanted.cloud_id, registered, place)
    if found is not None:
        return _maintain(azure, wanted, target, found, how)
    if occupant is not None:
        raise _of_another_stamp(occupant, wanted.cloud_id)
    return _create(azure, wanted, target, place.location, provider_usable, how)


def absent(
    azure: Azure, cloud_id: str | None, place: RegistrationPlace, how: How, guard: t.Callable[[Registration], None]
) -> RegistrationOutcome:
    """Delete a registration, found by its name or by the stamp's cloud id.

    :param cloud_id: the stamp's; a registration of another one is refused.
    :param guard: is shown the registration that was found, and raises when it must not be deleted.
    :raises ConflictError: the registration belongs to another stamp, or is in another subscription, or the one that is named is
        not there while the stamp has another one. Nothing was changed.
    :raises ArmError: an error of Azure; the lock is back.
    """
    found = _to_delete(azure, cloud_id, place, how.warn)
    if found is None:
        return RegistrationOutcome(id=None, before={}, after={}, existed=False)
    if cloud_id and not claims.same_id(found.cloud_id, cloud_id):
        raise _of_another_stamp(found, cloud_id)
    guard(found)
    where = found.id
    level = locks.level(azure.client, where)
    outcome = RegistrationOutcome(
        id=where,
        before=_shown(where, found, None, level),
        after={},
        existed=True,
        actions=[*([LIFT_LOCK] if level is not None else []), DELETE],
    )
    require_allowed(azure, {str(where): outcome.actions}, how, f"delete the registration {where.name}")
    if not how.check:
        locks.unlocked(
            azure.client,
            where,
            lambda: registrations.delete(azure.client, where),
            doing=f"delete the registration {where.name}",
            locked=level is not None,
            deletes=True,
        )
    return outcome


def differences(
    wanted: WantedRegistration, found: Registration, key: claims.KeyClaims | None
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Compare what the token says with the registration and the claims of its key.

    :returns: the differing fields, each with the wanted and the found value and where that was read; and the fields that
        could not be compared because one side does not tell.
    """
    different: list[dict[str, t.Any]] = []
    unknown: list[str] = []
    for field in billing.CONTRACT:
        want, have = getattr(wanted, field), getattr(key, field, None)
        if want is None or have is None:
            unknown.append(field)
        elif not billing.same_contract(want, have):
            different.append(
                {"field": field, "wanted": want or None, "found": have or None, "read_from": "activation_key"}
            )
    for field in FIELDS:
        want = claims.plain(field, getattr(wanted, field))
        have = claims.plain(field, getattr(found, field, None))
        source = "registration"
        if have is None and key is not None:
            have, source = claims.plain(field, getattr(key, field)), "activation_key"
        if field == "bridge_principal":
            have = claims.principal_of(have, key)
        if want is None or (have is None and field != "bridge_principal"):
            unknown.append(field)
        elif str(want).lower() != str(have).lower():
            different.append({"field": field, "wanted": want, "found": have, "read_from": source})
    if wanted.hardware is None or key is None or key.hardware is None:
        unknown.append("hardware")
    elif not claims.same_hardware(wanted.hardware, key.hardware):
        different.append(
            {
                "field": "hardware",
                "wanted": _nodes(wanted.hardware, key.hardware),
                "found": _nodes(key.hardware, wanted.hardware),
                "read_from": "activation_key",
            }
        )
    return different, unknown


def _to_delete(
    azure: Azure, cloud_id: str | None, place: RegistrationPlace, warn: t.Callable[[str], None]
) -> Registration | None:
    """Return the registration to delete, None when there is none. Raises as `absent`."""
    for one in (place.known, None if place.known or place.name else place.hint):
        if (
            one is not None
            and not claims.same_id(one.subscription_id, azure.subscription_id)
            and registrations.believed(azure.client, one)
        ):
            raise conflicts.in_another_subscription(
                f"The stamp {cloud_id}" if cloud_id else "The stamp",
                str(one),
                one.subscription_id,
                azure.subscription_id,
            )
    if not (place.known or place.name):
        if cloud_id is None:
            return registrations.get(azure.client, t.cast(RegistrationId, place.hint))
        registered, _occupant, _usable = _search(azure, cloud_id, place.hint)
        return _choose(azure, cloud_id, registered, place)
    where = place.known or place.id_for(azure.subscription_id, None)
    found = registrations.get(azure.client, where)
    if found is not None:
        return found
    if cloud_id is None:
        warn(f"There is no registration {where}, so that nothing is deleted. Compare its name and resource group.")
        return None
    registered, _occupant, _usable = _search(azure, cloud_id, None)
    named = [one for one in registered if place.name and place.names(one.id)]
    if registered and len(named) != 1:
        raise conflicts.not_there(str(where), cloud_id, _ids(registered))
    hint = None if named else place.hint
    elsewhere = hint is not None and not claims.same_id(hint.subscription_id, azure.subscription_id)
    if hint is not None and elsewhere and registrations.believed(azure.client, hint):
        raise conflicts.not_there(str(where), cloud_id, [str(hint)])
    return named[0] if named else None


def _ids(registered: t.Iterable[Registration]) -> list[str]:
    return [str(one.id) for one in registered]


def _search(
    azure: Azure,
    cloud_id: str,
    hint: RegistrationId | None,
    target: RegistrationId | None = None,
    gone: RegistrationId | None = None,
) -> tuple[list[Registration], Registration | None, bool | None]:
    """Look for a stamp's registrations.

    :param hint: where the registration is believed to be; when it is there, nothing else is read.
    :param target: where a new one would be made.
    :param gone: one that does not count.
    :returns: the registrations (several only when expired ones were left behind), another stamp's registration at the
        target, and whether the resource provider is usable: None when the list is empty, which proves nothing.
    :raises ConflictError: the stamp is registered in another subscription, or what was hinted at belongs to another stamp.
    """
    if hint is not None and not (gone is not None and hint.same(gone)):
        elsewhere = not claims.same_id(hint.subscription_id, azure.subscription_id)
        if elsewhere and registrations.believed(azure.client, hint):
            raise conflicts.in_another_subscription(
                f"The stamp {cloud_id}", str(hint), hint.subscription_id, azure.subscription_id
            )
        found = None if elsewhere else registrations.get(azure.client, hint)
        if found is not None:
            if not claims.same_id(found.cloud_id, cloud_id):
                raise _of_another_stamp(found, cloud_id)
            return [found], None, True
    own: list[Registration] = []
    occupant: Registration | None = None
    provider_usable: bool | None = None
    try:
        for registration in registrations.list_all(azure.client, azure.subscription_id):
            provider_usable = True
            if gone is not None and registration.id.same(gone):
                continue
            if claims.same_id(registration.cloud_id, cloud_id):
                own.append(registration)
            elif target is not None and registration.id.same(target):
                occupant = registration
    except ArmError as error:
        if error.kind != "provider_not_registered":
            raise
        return [], None, False
    return own, occupant, provider_usable


def _choose(
    azure: Azure, cloud_id: str, registered: list[Registration], place: RegistrationPlace
) -> Registration | None:
    """Return the registration that the task is about, None when a new one has to be made.

    After the yearly capacity subscription has expired a stamp may be registered anew under another name while the expired
    registration is still there; so an expired one under another name does not count.

    :raises ConflictError: the stamp is registered under another name, or more than once.
    """
    fitting = [one for one in registered if place.name is None or place.names(one.id)]
    if place.known is not None and not any(one.id.same(place.known) for one in registered):
        raise conflicts.not_there(str(place.known), cloud_id, _ids(registered))
    if fitting:
        chosen, decided = meant(azure.client, fitting)
        if not decided:
            raise conflicts.several_registrations(cloud_id, _ids(fitting))
        return chosen
    living = next((one for one in registered if not expired(azure.client, one.id)), None)
    if living is not None:
        raise conflicts.registered_elsewhere(cloud_id, _told(living), place.name, place.resource_group)
    return None


def _require_absent(azure: Azure, where: RegistrationId) -> None:
    """Look for the registration once more: without the provider the list told nothing, and Azure may take a PUT for an update.

    :raises ConflictError: somebody else has made it meanwhile.
    """
    try:
        there = registrations.get(azure.client, where) is not None
    except ArmError as error:
        if error.kind != "provider_not_registered":
            raise
        there = False
    if there:
        raise conflicts.registered_meanwhile(
            str(where), "the resource provider was not registered when this run looked"
        )


def _meanwhile(azure: Azure, where: RegistrationId, error: ArmError) -> AzsError:
    """Return the error of a first registration that Azure refused: another one when somebody else registered it meanwhile."""
    if error.kind not in _TAKEN:
        return error
    try:
        found = registrations.get(azure.client, where)
    except AzsError:
        return error
    return error if found is None else conflicts.registered_meanwhile(str(where), str(error))


def _create(
    azure: Azure,
    wanted: WantedRegistration,
    where: RegistrationId,
    location: str | None,
    provider_usable: bool | None,
    how: How,
) -> RegistrationOutcome:
    if wanted.tokenless:
        raise _token_needed(f"The stamp {wanted.cloud_id} is not registered in subscription {azure.subscription_id}")
    client, subscription = azure.client, azure.subscription_id
    scope = f"/subscriptions/{subscription}"
    group_scope = f"{scope}/resourceGroups/{where.resource_group}"
    group_exists, known = obstacles.group_and_rights(
        client,
        subscription,
        where.resource_group,
        ask_rights=how.preflight,
        exists=lambda: groundwork.group_exists(client, subscription, where.resource_group),
    )
    location = location or azure.cloud.default_location
    new_group = None if group_exists else preflight.NewGroup(where.resource_group, location, azure.cloud.name)
    principal = _principal_to_come(wanted) if how.assign_role else None
    in_group = [*([CREATE_GROUP] if new_group else []), REGISTER, PUT_LOCK, *([ASSIGN_ROLE] if principal else [])]
    outcome = RegistrationOutcome(
        id=where,
        before={},
        after=_shown(where, wanted, None, locks.LEVEL),
        existed=False,
        principal=principal,
        actions=[*([REGISTER_PROVIDER] if provider_usable is False else []), *in_group],
        not_compared=list(billing.CONTRACT),
    )
    needed: dict[str, list[str]] = {scope: [REGISTER_PROVIDER]} if provider_usable is False else {}
    target_scope = scope if new_group else group_scope
    needed[target_scope] = [*needed.get(target_scope, []), *in_group]
    doing = f"register the stamp as {where.name}" if wanted.cloud_id else "register the stamp"
    require_allowed(azure, needed, how, doing, known, new_group)
    if how.prepare:
        outcome.actions = [one for one in outcome.actions if one in (REGISTER_PROVIDER, CREATE_GROUP)]
    if how.check:
        return outcome
    provider = groundwork.Provider(client, subscription, how.provider_timeout)
    if how.prepare:
        if (
            not provider_usable
            and _prepared(provider, provider_usable is None)
            and REGISTER_PROVIDER not in outcome.actions
        ):
            outcome.actions.insert(0, REGISTER_PROVIDER)
    elif provider_usable is False:
        provider.register()
    if new_group:
        groundwork.create_group(client, subscription, where.resource_group, t.cast(str, location))
    if how.prepare:
        return outcome
    if provider_usable is False and group_exists:
        _require_absent(azure, where)

    def register() -> Registration:
        # The group was made by this run or the last, or was seen.
        return provider.when_usable(
            lambda: replication.once_known(lambda: _put(azure, where, wanted, how), how.replication_timeout),
            lambda: outcome.actions.insert(0, REGISTER_PROVIDER),
        )

    try:
        made = locks.unlocked(
            client, where, register, doing=f"register the stamp as {where.name}", locked=False, exists=False
        )
    except ArmError as error:
        raise _meanwhile(azure, where, error) from None
    _accept(outcome, made, wanted)
    with telling_what_was_done({REGISTER: f"The registration {outcome.id} was made before that"}):
        _assign_role(azure, outcome, how)
    return outcome


def _maintain(
    azure: Azure, wanted: WantedRegistration, target: RegistrationId, found: Registration, how: How
) -> RegistrationOutcome:
    client, where = azure.client, found.id
    left: role_assignments.Assignment | None = None
    level = locks.level(client, where)
    exported = None if how.prepare and how.reregister else _key(azure, where, needed=not how.reregister)
    key = claims.read_key(exported) if exported else None
    doubt = expiry.unreadable(key.unreadable_expiry, f"the registration {where}") if key else None
    if doubt:
        how.warn(doubt)
    different, unknown = differences(wanted, found, key)
    register = how.reregister or bool(different)
    if register and wanted.tokenless:
        fields = ", ".join(one["field"] for one in different) or "reregister"
        raise _token_needed(f"The registration {where.name} has to be written anew ({fields})")
    had = _shown(where, found, key, level)
    if different and wanted.disconnected and had["bridge_principal"] and not how.reregister:
        raise conflicts.of_connected_stamp(_told(found), had["bridge_principal"], [one["field"] for one in different])
    outcome = RegistrationOutcome(
        id=where,
        before=had,
        after=_shown(where, wanted if register else found, key, locks.LEVEL),
        existed=True,
        adopted=not where.same(target),
        differences=different,
        not_compared=unknown,
        key=None if register else exported,
    )
    if register:
        outcome.actions += [*([LIFT_LOCK] if level is not None else []), REGISTER]
        # What the token does not tell stays as it was; the expiry is Azure's to set anew.
        outcome.after.update({field: outcome.before[field] for field in FIELDS if outcome.after[field] is None})
        outcome.after["expires"] = None
    if register or level != locks.LEVEL:
        outcome.actions.append(PUT_LOCK)
    if how.assign_role:
        outcome.principal = outcome.after["bridge_principal"]
        if _lacks_role(azure, where, outcome.principal, kept=outcome.principal == outcome.before["bridge_principal"]):
            outcome.actions.append(ASSIGN_ROLE)
        left = _left_behind(azure, outcome) if register else None
    require_allowed(azure, {str(where): outcome.actions}, how, f"keep the registration {where.name}")
    if left is not None:
        outcome.actions.insert(outcome.actions.index(REGISTER) + 1, UNASSIGN_ROLE)
    if how.prepare:
        outcome.actions = []
        return outcome
    if how.check:
        if left is not None:
            how.warn(_replaced(left))
        return outcome

    def write() -> Registration:
        answer = _put(azure, where, wanted, how)
        if left is not None:  # now, because the lock forbids it
            _leave(azure, outcome, left, how)
        return answer

    done: dict[str, str] = {}
    if register:
        made = locks.unlocked(
            client,
            where,
            write,
            doing=f"register the stamp as {where.name}",
            locked=level is not None,
        )
        _accept(outcome, made, wanted)
        done[REGISTER] = f"The registration {where} was written before that"
    elif PUT_LOCK in outcome.actions:
        locks.put(client, where, patience=locks.REPLICATION)
        done[PUT_LOCK] = f"The lock of the registration {where} was put on before that"
    with telling_what_was_done(done):
        _assign_role(azure, outcome, how)
    return outcome


def _principal_to_come(wanted: WantedRegistration) -> str | None:
    """Return the bridge principal of a registration that is to be made, None for a disconnected stamp's."""
    told = t.cast("str | None", claims.plain("bridge_principal", wanted.bridge_principal))
    unknown = wanted.token is None and not wanted.disconnected  # which one the stamp has will be told by its token
    return claims.NEW_PRINCIPAL if told is None and unknown else told


def _left_behind(azure: Azure, outcome: RegistrationOutcome) -> role_assignments.Assignment | None:
    """Return the role assignment of a bridge principal that registering again replaces, None when there is none."""
    old = outcome.before["bridge_principal"]
    if old is None or outcome.principal is None or claims.same_id(old, outcome.principal):
        return None
    return role_assignments.find(azure.client, str(outcome.id), REGISTRATION_OWNER, old)


def _leave(azure: Azure, outcome: RegistrationOutcome, left: role_assignments.Assignment, how: How) -> None:
    """Take the role from the bridge principal that was replaced, and say so; what forbids it does not undo the registration."""
    try:
        role_assignments.delete(azure.client, left)
    except ArmError as error:
        outcome.actions.remove(UNASSIGN_ROLE)
        how.warn(
            f"The bridge principal {left.principal_id}, which was replaced, still has its role on the registration. {error} Delete "
            f"the role assignment {left.id} by hand."
        )
    else:
        how.warn(_replaced(left))


def _replaced(left: role_assignments.Assignment) -> str:
    return f"The registration gets another bridge principal: {left.principal_id}, which it had, no longer has its role on it."


def _lacks_role(azure: Azure, where: RegistrationId, principal: str | None, *, kept: bool) -> bool:
    """Tell whether a bridge principal has to be given its role.

    :param kept: whether it is the one that the registration has; a new one has no role yet.
    """
    if principal is None or not kept:
        return principal is not None
    return role_assignments.find(azure.client, str(where), REGISTRATION_OWNER, principal) is None


def _assign_role(azure: Azure, outcome: RegistrationOutcome, how: How) -> None:
    """Give the bridge principal its role where the plan says so, or where only Azure's answer told the principal."""
    told = outcome.after["bridge_principal"]
    if how.assign_role and REGISTER in outcome.actions and told and not claims.same_id(told, outcome.principal):
        outcome.principal = told
        outcome.actions += [] if ASSIGN_ROLE in outcome.actions else [ASSIGN_ROLE]
    if ASSIGN_ROLE in outcome.actions:
        scope = str(outcome.id)
        role = f"/subscriptions/{azure.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{REGISTRATION_OWNER}"
        assignment = role_assignments.planned(scope, role, t.cast(str, outcome.principal), "ServicePrincipal")
        new = not claims.same_id(outcome.principal, outcome.before.get("bridge_principal"))
        replication.once_known(
            lambda: role_assignments.put(azure.client, assignment, patience=how.replication_timeout, new_principal=new),
            how.replication_timeout,
        )


def _prepared(provider: groundwork.Provider, optional: bool) -> bool:
    """Have the provider registered and tell whether it was not. Raises as Provider.prepare."""
    try:
        return provider.prepare()
    except ArmError as error:
        # An account that may not ask does without where nothing says that the provider is missing.
        if not (optional and error.kind == "missing_rights"):
            raise
        return False


def require_allowed(
    azure: Azure,
    planned: t.Mapping[str, t.Sequence[str]],
    how: How,
    doing: str,
    known: t.Mapping[str, preflight.Permissions] | None = None,
    group: preflight.NewGroup | None = None,
) -> None:
    """Make sure that rights, locks and location allow what is planned, scope by scope. Raises as preflight.require."""
    if not how.preflight:
        preflight.require(preflight.Facts(doing, {}, group=group))
    elif any(planned.values()):
        if group is not None and group.location:
            group = dataclasses.replace(group, locations=obstacles.locations(azure.client, azure.subscription_id))
        obstacles.require(azure.client, planned, doing=doing, warn=how.warn, known=known, group=group)


def _token_needed(why: str) -> InputError:
    return InputError(
        f"{why}, and there is no registration token",
        kind="token_needed",
        remedy="Export the registration token (azs_registration_token), and give it as bundle and stamp, path or "
        "registration_token. Nothing was changed",
    )


def key_claims(azure: Azure, where: RegistrationId, *, needed: bool) -> claims.KeyClaims | None:
    """Return the claims of the registration's key.

    :param needed: False when the stamp is registered again anyway: a registration that is broken in Azure may have no
        key to export, and registering again is what repairs it.
    """
    exported = _key(azure, where, needed=needed)
    return claims.read_key(exported) if exported else None


def _key(azure: Azure, where: RegistrationId, *, needed: bool) -> str | None:
    # It was seen: where its key is not found, it is too new to be known everywhere.
    patience = locks.REPLICATION if needed else 0.0
    try:
        return replication.once_known(lambda: registrations.export_key(azure.client, where), patience)
    except ArmError:
        if needed:
            raise
        return None


def _put(azure: Azure, where: RegistrationId, wanted: WantedRegistration, how: How) -> Registration:
    how.before_writing()
    try:
        return registrations.put(azure.client, where, t.cast(str, wanted.token))
    except ArmError as error:
        if error.kind == "malformed_token":
            error.details["token"] = {
                "cloud_id": wanted.cloud_id,
                "billing_model": wanted.billing_model,
                "token_version": wanted.token_version,
            }
            error.message += (
                f" (cloud id {wanted.cloud_id}, billing model {wanted.billing_model or 'unknown'}, "
                f"token version {wanted.token_version or 'unknown'})"
            )
        raise


def _accept(outcome: RegistrationOutcome, made: Registration, wanted: WantedRegistration) -> None:
    """Take over what Azure answered to the PUT.

    :raises ConflictError: an undecodable token was another stamp's than the task says.
    """
    if made.cloud_id and not claims.same_id(made.cloud_id, wanted.cloud_id):
        raise ConflictError(
            f"Azure registered the cloud id {made.cloud_id}, not {wanted.cloud_id}",
            kind="token_of_another_stamp",
            where=str(made.id),
            cause="the registration token could not be decoded here, and it is another stamp's",
            remedy="Remove that registration (azs_registration, state absent), and bring the token of this stamp",
        )
    outcome.id = made.id
    outcome.after["registration_id"] = str(made.id)
    for field in ("cloud_id", "billing_model", "bridge_principal"):
        if field == "bridge_principal" and wanted.disconnected:
            continue  # an object id that Azure shows of a disconnected stamp is none of a principal
        if getattr(made, field) is not None:
            outcome.after[field] = claims.plain(field, getattr(made, field))


def _of_another_stamp(found: Registration, cloud_id: str) -> ConflictError:
    return conflicts.of_another_stamp(_told(found), cloud_id)


def _told(found: Registration) -> dict[str, t.Any]:
    """Return what messages tell of a registration."""
    return {
        "id": str(found.id),
        "name": found.id.name,
        "resource_group": found.id.resource_group,
        "cloud_id": found.cloud_id,
    }


def _shown(
    where: RegistrationId, source: Registration | WantedRegistration, key: claims.KeyClaims | None, level: str | None
) -> dict[str, t.Any]:
    """Return the fields of a registration for result and diff."""
    values: dict[str, t.Any] = {"registration_id": str(where)}
    for field in FIELDS:
        value = getattr(source, field, None)
        if value is None and key is not None and not isinstance(source, WantedRegistration):
            value = getattr(key, field)
        values[field] = claims.plain(field, value)
    if not isinstance(source, WantedRegistration):
        values["bridge_principal"] = claims.principal_of(values["bridge_principal"], key)
    values["expires"] = expiry.normal(key.expires) if key is not None else None
    values["lock"] = level
    return values


def _nodes(one: dict[str, dict[str, t.Any]], other: dict[str, dict[str, t.Any]]) -> list[str]:
    """Return the nodes of one side for a difference: with the names of the properties that differ on both sides."""
    shown = []
    for uuid, node in sorted(one.items()):
        twin = other.get(uuid, {})
        parts = sorted(name for name in node.keys() & twin.keys() if node[name] != twin[name])
        shown.append(f"{uuid} ({', '.join(parts)} differ)" if parts else uuid)
    return shown
