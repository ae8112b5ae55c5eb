# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a registration's tenant mappings into the wanted state. FOR INTERNAL COLLECTION USE ONLY.

Reads the list once, plans, and sends the differences alone; check mode shows the same plan.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._azure import locks, registrations
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._decide.preflight import MAP_TENANT
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._observe import obstacles
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mapping_plan, mappings, workers
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import WantedTenants
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.mapping_plan import (
    CREATE,
    REMOVE,
    MappingChange,
    MappingPlan,
)
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.workers import Applied

CLOSED: t.Final = "tenants_need_pay_as_you_use"
"""Kind of the failure of a registration that takes no tenants. It is none for the entries that are meant for all stamps."""

PROBES: t.Final = 16
"""Entries asked for one by one when the list is empty, to find out whether it can be believed."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to go about it.

    :param remove: the entries are to be absent instead of present.
    :param exact: mappings that are not wanted are removed, too.
    :param max_removals: what the exact mode may remove, a number or a share.
    :param in_flight: requests under way at most.
    :param patience: seconds that the service's rate limit may hold everything up.
    :param check: plan only.
    :param progress: takes what is done, how far it is, and the percentage.
    """

    remove: bool = False
    exact: bool = False
    max_removals: str = "10%"
    in_flight: int = 16
    patience: float = 600.0
    check: bool = False
    progress: t.Callable[[str, str, int], None] = lambda activity, status, percent: None


@dataclasses.dataclass
class MappingOutcome:
    """What was found and done, or in check mode would be done.

    :param done: changes in the order of the plan's kinds.
    :param failed: what was refused, by the service or for what the entry says, each with the reason.
    :param untried: what was not tried, because of `stopped_by` or because entries failed.
    :param withheld: whether removals were left out because entries failed.
    :param hidden: mappings that exist although Azure's list is empty.
    :param locked: whether the registration had its lock; None when that was not looked at.
    :param lifted: whether the lock was lifted for the removals.
    :param closed: whether the registration takes no tenants at all, and none of the list is meant for it by name.
    """

    where: RegistrationId
    wanted: WantedTenants
    plan: MappingPlan
    done: list[MappingChange] = dataclasses.field(default_factory=list)
    failed: list[tuple[MappingChange, AzsError]] = dataclasses.field(default_factory=list)
    untried: list[MappingChange] = dataclasses.field(default_factory=list)
    stopped_by: AzsError | None = None
    withheld: bool = False
    hidden: int = 0
    locked: bool | None = None
    lifted: bool = False
    closed: bool = False
    throttled: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return bool(self.done)


def reconcile(client: ArmClient, where: RegistrationId, wanted: WantedTenants, settings: Settings) -> MappingOutcome:
    """Bring the mappings of a registration into the wanted state.

    Failures of single mappings are in the outcome; everything that does not depend on them is done.

    :raises ConflictError: the exact mode would remove too much, or the entries contradict what Azure shows. Nothing was
        changed.
    :raises ArmError: the mappings could not be read. Nothing was changed.
    """
    found = mappings.list_all(client, where)
    hidden = _hidden(client, where, wanted, settings) if not found else {}
    if settings.remove:
        plan = mapping_plan.absent(wanted.entries, found or hidden)
    else:
        plan = mapping_plan.present(wanted.entries, found or hidden, exact=settings.exact)
    if settings.exact:
        mapping_plan.check_removals(plan, settings.max_removals)
    outcome = MappingOutcome(where, wanted, plan, hidden=len(hidden))
    action = REMOVE if settings.remove else CREATE
    outcome.failed = [
        *(
            (MappingChange(action, entry.subscription_id, entry.tenant_id, name=entry.name), error)
            for entry, error in wanted.refused
        ),
        *plan.refused,
    ]
    if plan.puts:
        _put(client, outcome, settings)
    if outcome.stopped_by is not None and outcome.stopped_by.kind == CLOSED and not wanted.named:
        outcome.closed, outcome.stopped_by, outcome.failed, outcome.untried = True, None, [], []
    if plan.removals:
        _remove(client, outcome, settings)
    return outcome


def _hidden(
    client: ArmClient, where: RegistrationId, wanted: WantedTenants, settings: Settings
) -> dict[str, str | None]:
    """Return which of the wanted mappings exist although the list is empty: then presence is decided by GETs.

    Making a mapping that exists is harmless, so a few questions tell whether the list can be believed. Not removing one
    that exists is not, so then each is asked for.
    """
    asked = list(wanted.entries)

    def look_up(subscriptions: t.Iterable[str]) -> dict[str, str | None]:
        return workers.look_up(client, where, subscriptions, in_flight=settings.in_flight, patience=settings.patience)

    if settings.remove or len(asked) <= PROBES:
        return look_up(asked)
    sample = [asked[number * len(asked) // PROBES] for number in range(PROBES)]
    found = look_up(sample)
    if found:
        found.update(look_up(set(asked) - set(sample)))
    return found


def _put(client: ArmClient, outcome: MappingOutcome, settings: Settings) -> None:
    changes = outcome.plan.puts
    if settings.check:
        refusal = _refusal(client, outcome.where)
        if refusal is None:
            outcome.done += changes
        else:  # as the real run, which gives up after the first request
            outcome.failed.append((changes[0], refusal))
            outcome.untried += changes[1:]
            outcome.stopped_by = refusal
        return
    batch = workers.puts(client, outcome.where, **_how(settings, "mapping subscriptions", len(changes)))
    _account(outcome, batch.run(changes))


def _refusal(client: ArmClient, where: RegistrationId) -> AzsError | None:
    """Foretell that mappings would be refused, all for the same reason, which a real run is told by its first request."""
    found = registrations.get(client, where)
    if found is not None and found.billing_model == "Capacity":
        known = _failures.named(CLOSED)
        return ArmError(
            f"The registration {where.name} takes no tenants",
            kind=known.kind,
            where=str(where),
            cause=known.cause,
            remedy=known.remedy,
        )
    try:
        obstacles.require(client, {str(where): [MAP_TENANT]}, doing=f"map tenants to {where.name}", warn=client.warn)
    except AzsError as error:
        return error
    return None


def _remove(client: ArmClient, outcome: MappingOutcome, settings: Settings) -> None:
    changes = outcome.plan.removals
    if outcome.stopped_by is not None or (settings.exact and outcome.failed):
        # A list that is wrong in one place may be wrong about what it does not name, too.
        outcome.withheld = outcome.stopped_by is None
        outcome.untried += changes
        return
    if settings.check:
        outcome.done += changes
        return
    batch = workers.removals(client, outcome.where, **_how(settings, "removing mappings", len(changes)))
    try:
        outcome.locked = locks.level(client, outcome.where) is not None
        workers.remove(client, outcome.where, batch, changes, locked=outcome.locked)
    except AzsError as error:
        outcome.stopped_by = error
        if not batch.begun:  # the lock could not be read or lifted
            batch.applied.untried = list(changes)
    outcome.lifted = bool(outcome.locked) and batch.begun
    _account(outcome, batch.applied)


def _account(outcome: MappingOutcome, applied: Applied[MappingChange]) -> None:
    outcome.done += applied.done
    outcome.failed += applied.failed
    outcome.untried += applied.untried
    outcome.stopped_by = outcome.stopped_by or applied.stopped_by
    outcome.throttled += applied.throttled


def _how(settings: Settings, activity: str, total: int) -> dict[str, t.Any]:
    shown = 0.0

    def progress(through: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= 1:
            shown = time.monotonic()
            settings.progress(activity, f"{through} of {total}", 100 * through // total)

    return {"in_flight": settings.in_flight, "patience": settings.patience, "progress": progress}
