# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change so that a registration holds the wanted mappings. FOR INTERNAL COLLECTION USE ONLY.

Pure: check mode shows the plan, the real run applies the same.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, ConflictError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import TenantEntry, same_tenant, twins

CREATE: t.Final = "create"
UPDATE: t.Final = "update"
REMOVE: t.Final = "remove"


@dataclasses.dataclass(frozen=True)
class MappingChange:
    """One request: a PUT (create, update) or a DELETE (remove).

    :param tenant_id: sent with a PUT; None sends none.
    :param was: the tenant that the mapping has before.
    :param replaces: the tenant's other subscription, which the PUT overwrites.
    """

    action: str
    subscription_id: str
    tenant_id: str | None = None
    was: str | None = None
    replaces: str | None = None
    name: str | None = None


@dataclasses.dataclass
class MappingPlan:
    """The changes, and what was seen on the way.

    :param puts: mappings to make or to give to another tenant.
    :param removals: mappings to delete.
    :param unchanged: wanted entries that are as they should be.
    :param found: mappings that the registration holds.
    :param twins: pairs of ids (wanted, found) that differ in letter case only.
    :param refused: entries that must not be carried out, each with the reason.
    """

    puts: list[MappingChange] = dataclasses.field(default_factory=list)
    removals: list[MappingChange] = dataclasses.field(default_factory=list)
    unchanged: int = 0
    found: int = 0
    twins: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    refused: list[tuple[MappingChange, AzsError]] = dataclasses.field(default_factory=list)


def present(wanted: t.Mapping[str, TenantEntry], found: t.Mapping[str, str | None], *, exact: bool) -> MappingPlan:
    """Return what makes a registration hold the wanted mappings.

    A tenant that an entry does not name, or that Azure does not show, is not compared.

    :param wanted: entries by subscription id.
    :param found: tenants by subscription id, as the registration holds them.
    :param exact: whether mappings that are not wanted are removed.
    :raises ConflictError: two wanted subscriptions are of one tenant, as Azure shows it.
    """
    plan = MappingPlan(found=len(found), twins=twins(wanted, found))
    holders = {tenant.lower(): subscription for subscription, tenant in found.items() if tenant}
    replaced: set[str] = set()
    for subscription, entry in wanted.items():
        held = subscription in found
        was = found.get(subscription)
        if held and (entry.tenant_id is None or was is None or same_tenant(entry.tenant_id, was)):
            plan.unchanged += 1
            continue
        other = holders.get(entry.tenant_id.lower()) if entry.tenant_id else None
        if other is not None and other in wanted:
            _refuse_a_second_subscription(wanted[other], entry)
            other = None  # it moves on to another tenant in the same run
        if other is not None:
            replaced.add(other)
        plan.puts.append(
            MappingChange(
                UPDATE if held else CREATE, subscription, entry.tenant_id, was=was, replaces=other, name=entry.name
            )
        )
    if exact:
        plan.removals = [
            MappingChange(REMOVE, subscription, was=tenant)
            for subscription, tenant in found.items()
            if subscription not in wanted and subscription not in replaced
        ]
    return plan


def absent(wanted: t.Mapping[str, TenantEntry], found: t.Mapping[str, str | None]) -> MappingPlan:
    """Return what removes the named mappings. One that is another tenant's than its entry says is refused."""
    plan = MappingPlan(found=len(found), twins=twins(wanted, found))
    for subscription, entry in wanted.items():
        if subscription not in found:
            plan.unchanged += 1
            continue
        was = found[subscription]
        change = MappingChange(REMOVE, subscription, was=was, name=entry.name)
        if entry.tenant_id and was and not same_tenant(entry.tenant_id, was):
            plan.refused.append((change, _of_another_tenant(entry, was)))
        else:
            plan.removals.append(change)
    return plan


def check_removals(plan: MappingPlan, limit: str) -> None:
    """Make sure that the exact mode removes no more than it may.

    :param limit: a number, or a share such as "10%", which always allows one.
    :raises InputError: the limit is neither.
    :raises ConflictError: more would be removed. Nothing was changed.
    """
    match = re.fullmatch(r"(\d+)\s*(%?)", limit.strip())
    if not match or (match.group(2) and int(match.group(1)) > 100):
        raise InputError(
            f"max_removals {limit!r} is neither a number nor a share", remedy="Set it to a number such as 20, or to 10%"
        )
    allowed = int(match.group(1))
    if match.group(2):
        allowed = max(1, math.floor(plan.found * allowed / 100)) if allowed else 0
    if len(plan.removals) <= allowed:
        return
    shown = ", ".join(change.subscription_id for change in plan.removals[:5])
    raise ConflictError(
        f"{len(plan.removals)} of {plan.found} mappings are not in the tenant list and would be removed",
        kind="too_many_removals",
        cause=f"max_removals is {limit}, which allows {allowed}; the first ones are {shown}",
        remedy="Compare the tenant list; if it is complete, raise max_removals (100% allows everything). "
        "Nothing was changed",
        details={"removals": len(plan.removals), "found": plan.found, "allowed": allowed},
    )


def _refuse_a_second_subscription(holder: TenantEntry, entry: TenantEntry) -> None:
    """Raise ConflictError when two wanted subscriptions are of one tenant: they would overwrite each other in turn."""
    if holder.tenant_id is None or same_tenant(holder.tenant_id, t.cast(str, entry.tenant_id)):
        raise ConflictError(
            f"The tenant list gives the tenant {entry.tenant_id} several subscriptions",
            kind="several_subscriptions_of_a_tenant",
            cause=f"{entry.subscription_id} ({entry.origin}), and {holder.subscription_id} ({holder.origin}), "
            "which Azure shows to be that tenant's",
            remedy="A registration holds one subscription of each tenant: keep one of them. Nothing was changed",
        )


def _of_another_tenant(entry: TenantEntry, found: str) -> AzsError:
    return ConflictError(
        f"The mapping of {entry.subscription_id} stays",
        kind="mapping_of_another_tenant",
        where=entry.origin,
        cause=f"it is that of the tenant {found}, and the tenant list says {entry.tenant_id}",
        remedy="Compare the tenant; leave it out to remove the mapping whatever tenant it has",
    )
