# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving a registration to another resource group or subscription. FOR INTERNAL COLLECTION USE ONLY.

Locks block a move, and role assignments at the registration's scope do not move along. So the lock is lifted for the move and put
on in the new place, and the bridge principal gets its role anew. Whoever is interrupted runs again: the registration is looked
for in both places.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import groundwork, registrar
from ansible_collections.azurestack.hub.plugins.module_utils._azure import (
    absence,
    locks,
    registrations,
    role_assignments,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._azure.session import Azure
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts, preflight
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._domain.rights import REGISTRATION_OWNER
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError, ConflictError
from ansible_collections.azurestack.hub.plugins.module_utils._observe import obstacles
from ansible_collections.azurestack.hub.plugins.module_utils._observe.registration import meant

API_VERSION: t.Final = "2018-05-01"
_PAUSE: t.Final = 2.0
"""Seconds between two looks at a move that is under way, where Azure names none."""


@dataclasses.dataclass(frozen=True)
class Journey:
    """From where to where; the task's options.

    :param source: id of the registration; None when it is looked for by cloud id.
    :param cloud_id: the stamp's; a registration of another one is refused.
    :param subscription_id: target subscription.
    :param resource_group: target group, made when it does not exist.
    :param location: of a group that has to be made.
    :param timeout: seconds that the move may take.
    """

    source: RegistrationId | None
    cloud_id: str | None
    subscription_id: str
    resource_group: str
    location: str | None
    timeout: int


@dataclasses.dataclass
class MoveOutcome:
    """What was found and done, or in check mode would be done.

    :param principal: the bridge principal whose role was seen to; None when there is none.
    """

    id: RegistrationId
    cloud_id: str | None
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    principal: str | None
    actions: list[str]


def move(azure: Azure, journey: Journey, how: registrar.How) -> MoveOutcome:
    """Move a registration unless it is there already, and see to lock and role assignment in the new place.

    :raises AzsError: rights, a lock or the location of the target group forbid it; nothing was changed.
    :raises ConflictError: there is no such registration, it is another stamp's, or the name is taken in the target.
    :raises ArmError: an error of Azure; the lock is back, wherever the registration is.
    :raises AzsError: kinds interrupted, registration_unprotected and move_unfinished.
    """
    found = _find(azure, journey)
    target = RegistrationId(journey.subscription_id, journey.resource_group, found.id.name)
    there = found.id.same(target)
    if not there and registrations.get(azure.client, target) is not None:
        raise ConflictError(
            f"The resource group {journey.resource_group} has a registration {target.name} already",
            kind="name_taken",
            where=str(target),
            remedy="Choose another target group: a move keeps the name. Nothing was changed",
        )
    level = locks.level(azure.client, found.id)
    principal = claims.plain("bridge_principal", found.bridge_principal)
    assigned = _has_role(azure.client, found.id, principal)
    if principal and not assigned:  # it may be an object id that Azure shows of a disconnected stamp
        principal = claims.principal_of(principal, registrar.key_claims(azure, found.id, needed=False))
        assigned = None if principal is None else assigned
    new_group = not there and not groundwork.group_exists(azure.client, target.subscription_id, target.resource_group)
    location = journey.location or azure.cloud.default_location
    if new_group:
        offered = obstacles.locations(azure.client, target.subscription_id) if how.preflight and location else None
        missing = preflight.NewGroup(target.resource_group, location, azure.cloud.name, offered)
        preflight.require(preflight.Facts(f"move the registration {target.name}", {}, group=missing))
    steps = [preflight.LIFT_LOCK] * (level is not None) + [preflight.MOVE] if not there else []
    outcome = MoveOutcome(
        id=target,
        cloud_id=found.cloud_id,
        before={"registration_id": str(found.id), "lock": level, "role_assigned": assigned},
        after={
            "registration_id": str(target),
            "lock": locks.LEVEL,
            "role_assigned": None if principal is None else True,
        },
        principal=principal,
        actions=[
            *([preflight.CREATE_GROUP] if new_group else []),
            *steps,
            *([preflight.PUT_LOCK] if steps or level != locks.LEVEL else []),
            *([preflight.ASSIGN_ROLE] if principal and (steps or not assigned) else []),
        ],
    )
    _require_allowed(azure, found.id, target, outcome, new_group, how)
    if how.check:
        return outcome
    if new_group:
        groundwork.create_group(azure.client, target.subscription_id, target.resource_group, t.cast(str, location))
    if not there:
        _move_unlocked(azure, found, target, journey, how, outcome, locked=level is not None)
    elif preflight.PUT_LOCK in outcome.actions:
        locks.put(azure.client, target)
    if preflight.ASSIGN_ROLE in outcome.actions:
        role = f"/subscriptions/{target.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{REGISTRATION_OWNER}"
        assignment = role_assignments.planned(str(target), role, t.cast(str, principal), "ServicePrincipal")
        role_assignments.put(azure.client, assignment, patience=how.replication_timeout, new_principal=False)
    return outcome


def _find(azure: Azure, journey: Journey) -> Registration:
    """Return the registration, in its old place or, after an earlier run, in the new one. Raises ConflictError."""
    if journey.source is not None:
        target = RegistrationId(journey.subscription_id, journey.resource_group, journey.source.name)
        places = [journey.source] + [target] * (not target.same(journey.source))
        candidates = [one for one in (registrations.get(azure.client, place) for place in places) if one]
        # A registration that is in both places is another stamp's in the second one; the first one is meant.
        candidates = candidates[:1]
    else:
        candidates = _of_stamp(azure, journey)
    if not candidates:
        raise ConflictError(
            "There is no registration to move",
            kind="no_registration",
            where=str(journey.source or f"/subscriptions/{azure.subscription_id}"),
            cause=f"there is none of {journey.cloud_id or 'that name'}, neither in the old place nor in the new one",
            remedy="Compare subscription, resource group, name and cloud id. Nothing was changed",
        )
    found, decided = meant(azure.client, candidates)
    if found is None or not decided:
        raise conflicts.several_registrations(journey.cloud_id, [str(one.id) for one in candidates])
    if journey.cloud_id and not claims.same_id(found.cloud_id, journey.cloud_id):
        told = {"id": str(found.id), **dataclasses.asdict(found.id), "cloud_id": found.cloud_id}
        raise conflicts.of_another_stamp(told, journey.cloud_id)
    return found


def _of_stamp(azure: Azure, journey: Journey) -> list[Registration]:
    """Return the registrations of the cloud id in the old subscription, or else in the new one."""
    for subscription in dict.fromkeys((azure.subscription_id, journey.subscription_id)):
        found: list[Registration] = []
        try:
            found = [
                one
                for one in registrations.list_all(azure.client, subscription)
                if claims.same_id(one.cloud_id, journey.cloud_id)
            ]
        except ArmError as error:
            if error.kind != "provider_not_registered":
                raise
        if found:
            return found
    return []


def _has_role(client: ArmClient, where: RegistrationId, principal: str | None) -> bool | None:
    if principal is None:
        return None
    return role_assignments.find(client, str(where), REGISTRATION_OWNER, principal) is not None


def _require_allowed(
    azure: Azure,
    source: RegistrationId,
    target: RegistrationId,
    outcome: MoveOutcome,
    new_group: bool,
    how: registrar.How,
) -> None:
    """Make sure that rights and locks at both ends allow the move, before the first write."""
    if preflight.MOVE not in outcome.actions:
        registrar.require_allowed(azure, {str(target): outcome.actions}, how, f"keep the registration {target.name}")
        return
    there = f"/subscriptions/{target.subscription_id}" + (
        "" if new_group else f"/resourceGroups/{target.resource_group}"
    )
    leaving = [one for one in outcome.actions if one in (preflight.LIFT_LOCK, preflight.MOVE)]
    arriving = [one for one in outcome.actions if one not in leaving]
    # The move itself asks for the right to write to the target group, also when it exists.
    registrar.require_allowed(
        azure,
        {
            str(source): leaving,
            there: list(dict.fromkeys((preflight.ARRIVE, *arriving))),
        },
        how,
        f"move the registration {source.name}",
    )


def _move_unlocked(
    azure: Azure,
    found: Registration,
    target: RegistrationId,
    journey: Journey,
    how: registrar.How,
    outcome: MoveOutcome,
    *,
    locked: bool,
) -> None:
    """Move with the lock lifted; afterwards the registration is locked, in whichever place it is."""
    client = azure.client

    def step() -> None:
        try:
            provider = groundwork.Provider(client, target.subscription_id, how.provider_timeout)
            provider.when_usable(
                lambda: _move(client, found, target, journey.timeout),
                lambda: outcome.actions.insert(0, preflight.REGISTER_PROVIDER),
            )
            locks.put(client, target, patience=locks.REPLICATION)
        except BaseException as failure:
            _lock_if_there(client, target, failure)
            raise

    locks.unlocked(client, found.id, step, doing=f"move the registration {target.name}", locked=locked, deletes=True)


def _lock_if_there(client: ArmClient, target: RegistrationId, failure: BaseException) -> None:
    """Lock the registration in the new place after a failure, when it has arrived there."""
    try:
        locks.put(client, target)
    except AzsError as error:
        if absence.is_told(error):
            return
        text = str(failure) if isinstance(failure, AzsError) else f"Ended by {failure!r}"
        raise locks.unprotected(target, text.rstrip("."), error) from None


def _move(client: ArmClient, found: Registration, target: RegistrationId, timeout: int) -> None:
    """Ask for the move and wait for its end. Raises ArmError; AzsError of kind move_unfinished."""
    source, doing = found.id, f"move the registration {found.id.name} to {target.resource_group}"
    until, answer = time.monotonic() + timeout, _Answer()
    body = {
        "resources": [str(source)],
        "targetResourceGroup": f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}",
    }
    path = f"/subscriptions/{source.subscription_id}/resourceGroups/{source.resource_group}/moveResources"
    try:
        answer.wait_out(
            lambda: client.request("POST", path, API_VERSION, json=body, doing=doing, observe=answer.take), until
        )
    except AzsError:
        # The answer to an earlier try was lost, perhaps, and the move was done all the same.
        arrived = None
        with contextlib.suppress(AzsError):
            arrived = registrations.get(client, target)
        if arrived is None or not claims.same_id(arrived.cloud_id, found.cloud_id):
            raise
        return
    while answer.status == 202:
        if time.monotonic() >= until or not answer.location:
            raise AzsError(
                f"The move of the registration {source.name} was not finished within {timeout} seconds",
                kind="move_unfinished",
                where=str(source),
                remedy="Run the same command again: it finds the registration in its old or new place and finishes. "
                "Set timeout higher when Azure needs longer",
            )
        time.sleep(min(answer.pause, max(0.0, until - time.monotonic())))
        ask = functools.partial(client.follow, answer.location, doing=doing, observe=answer.take)
        answer.wait_out(ask, until)


class _Answer:
    """What the headers of the last answer said."""

    def __init__(self) -> None:
        self.status = 0
        self.location = ""
        self.pause = _PAUSE

    def take(self, status: int, headers: t.Mapping[str, str]) -> None:
        """Note an answer."""
        self.status = status
        self.location = headers.get("Location") or self.location
        try:
            self.pause = max(0.1, float(headers.get("Retry-After", "")))
        except ValueError:
            self.pause = _PAUSE

    def wait_out(self, ask: t.Callable[[], t.Any], until: float) -> None:
        """Ask, and again after the named pause while the service is asked too often."""
        while True:
            try:
                ask()
                return
            except ArmError as error:
                if error.status != 429 or time.monotonic() + self.pause > until:
                    raise
            time.sleep(self.pause)
