# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Azure would let a run do what it is about to do. FOR INTERNAL COLLECTION USE ONLY.

Pure: from what was read to what forbids the run. Every journey asks it before its first change: of the rights of the account, of
locks that somebody put on, and of the location of a resource group that has to be made.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._domain.rights import MOVE_ACTION
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    AzsError,
    ConflictError,
    InputError,
)

# What a run does, in the result's `actions`.
REGISTER_PROVIDER: t.Final = "register_provider"
CREATE_GROUP: t.Final = "create_resource_group"
LIFT_LOCK: t.Final = "lift_lock"
REGISTER: t.Final = "register"
PUT_LOCK: t.Final = "put_lock"
ASSIGN_ROLE: t.Final = "assign_role"
UNASSIGN_ROLE: t.Final = "unassign_role"
DELETE: t.Final = "delete_registration"
MOVE: t.Final = "move"
ARRIVE: t.Final = "arrive"
"""What a move asks of its target."""
MAP_TENANT: t.Final = "map_tenant"

WRITE_RIGHT: t.Final = "Microsoft.AzureStack/registrations/write"
READ_LOCK_RIGHT: t.Final = "Microsoft.Authorization/locks/read"
PUT_LOCK_RIGHT: t.Final = "Microsoft.Authorization/locks/write"
LIFT_LOCK_RIGHT: t.Final = "Microsoft.Authorization/locks/delete"
EXPORT_KEY_RIGHT: t.Final = "Microsoft.AzureStack/registrations/getActivationKey/action"
WRITE_GROUP_RIGHT: t.Final = "Microsoft.Resources/subscriptions/resourceGroups/write"

RIGHTS: t.Final = {
    REGISTER_PROVIDER: ("Microsoft.AzureStack/register/action",),
    CREATE_GROUP: (WRITE_GROUP_RIGHT,),
    ARRIVE: (WRITE_GROUP_RIGHT,),
    REGISTER: (WRITE_RIGHT, EXPORT_KEY_RIGHT),
    LIFT_LOCK: (LIFT_LOCK_RIGHT,),
    PUT_LOCK: (PUT_LOCK_RIGHT,),
    ASSIGN_ROLE: ("Microsoft.Authorization/roleAssignments/write",),
    DELETE: ("Microsoft.AzureStack/registrations/delete",),
    MOVE: (MOVE_ACTION,),
    MAP_TENANT: ("Microsoft.AzureStack/registrations/customerSubscriptions/write",),
}
ALWAYS: t.Final = (WRITE_RIGHT, EXPORT_KEY_RIGHT, READ_LOCK_RIGHT, PUT_LOCK_RIGHT, LIFT_LOCK_RIGHT)
"""Named too when they are missing and a run fails for another: they are needed by the next one at the latest."""

READ_ONLY: t.Final = "ReadOnly"
_STOPPED_BY_ANY_LOCK: t.Final = (DELETE, MOVE, ARRIVE)
"""Every lock forbids these; what else a run does, only a lock ReadOnly does."""

Permissions = t.Sequence[t.Mapping[str, t.Any]]
"""Sets of `actions` and `notActions`, one per role of the account."""


@dataclasses.dataclass(frozen=True)
class Lock:
    """A lock that holds where the run works and that it does not lift: somebody else's, or one of group or subscription."""

    name: str
    level: str
    scope: str


@dataclasses.dataclass(frozen=True)
class NewGroup:
    """A resource group that has to be made.

    :param locations: that the subscription offers; None when Azure does not tell.
    """

    name: str
    location: str | None
    cloud: str
    locations: t.Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a run is about to do, and what was read for that.

    :param doing: completes the sentence "... may not do all that is needed to ...".
    :param planned: scope -> what the run does there.
    :param permissions: scope -> what the account may do there; scopes are missing where Azure does not tell.
    :param locks: scope -> the locks that hold there; scopes are missing where Azure does not tell.
    :param group: the resource group that has to be made, None when there is none.
    """

    doing: str
    planned: t.Mapping[str, t.Sequence[str]]
    permissions: t.Mapping[str, Permissions] = dataclasses.field(default_factory=dict)
    locks: t.Mapping[str, t.Sequence[Lock]] = dataclasses.field(default_factory=dict)
    group: NewGroup | None = None


def refusals(facts: Facts) -> list[AzsError]:
    """Return everything that forbids the run, what is hardest to change last; empty when nothing is known to."""
    found = [_location(facts), _rights(facts), _locks(facts)]
    return [one for one in found if one is not None]


def require(facts: Facts) -> None:
    """Raise the first of the refusals; its details name the others."""
    found = refusals(facts)
    if found:
        first, further = found[0], [str(one) for one in found[1:]]
        if further:
            first.message += f" (this forbids it too: {' '.join(further)})"
            first.details["further"] = further
        raise first


def missing(permissions: Permissions, actions: t.Iterable[str]) -> list[str]:
    """Return the actions that no role allows.

    :param permissions: wildcards match any part of an action, and what one role takes away another one may give.
    :param actions: complete names, without wildcards.
    """
    roles = [(_patterns(one.get("actions")), _patterns(one.get("notActions"))) for one in permissions]
    return [
        action
        for action in dict.fromkeys(actions)
        if not any(_matches(allowed, action) and not _matches(taken, action) for allowed, taken in roles)
    ]


def forbidding(locks: t.Iterable[Lock], actions: t.Collection[str]) -> list[Lock]:
    """Return the locks that forbid one of the actions."""
    any_lock = any(action in _STOPPED_BY_ANY_LOCK for action in actions)
    return [lock for lock in locks if actions and (any_lock or same_id(lock.level, READ_ONLY))]


def _rights(facts: Facts) -> AzsError | None:
    lacking: dict[str, list[str]] = {}
    for scope, actions in facts.planned.items():
        if scope in facts.permissions:
            needed = [right for action in actions for right in RIGHTS[action]]
            found = missing(facts.permissions[scope], needed)
            if found:
                rest = [one for one in ALWAYS if one not in found]
                lacking[scope] = [*found, *missing(facts.permissions[scope], rest)]
    if not lacking:
        return None
    return ArmError(
        f"The account may not do all that is needed to {facts.doing}: it lacks "
        + "; ".join(f"{', '.join(actions)} on {scope}" for scope, actions in lacking.items()),
        kind="missing_rights",
        where=next(iter(lacking)),
        cause="none of its roles there holds these actions; roles made by older instructions lack those on locks",
        remedy="Let an Owner of the subscription give it the registration role (playbook "
        "azurestack.hub.prerequisites), or add these actions to its role. Nothing was changed",
        details={"missing": lacking},
    )


def _locks(facts: Facts) -> AzsError | None:
    found = dict.fromkeys(
        lock for scope, actions in facts.planned.items() for lock in forbidding(facts.locks.get(scope, ()), actions)
    )
    if not found:
        return None
    shown = "; ".join(f"{lock.name} (level {lock.level}) on {lock.scope}" for lock in found)
    return ConflictError(
        f"A lock forbids to {facts.doing}: {shown}",
        kind="resource_locked",
        where=next(iter(found)).scope,
        cause="the collection lifts its own lock alone, and somebody else put this one on, for a reason",
        remedy="Ask who put it on to lift it for the time of the run, then run again. Nothing was changed",
        details={"locks": [dataclasses.asdict(lock) for lock in found]},
    )


def _location(facts: Facts) -> AzsError | None:
    group = facts.group
    if group is None:
        return None
    if not group.location:
        return InputError(
            f"The resource group {group.name} does not exist, and nothing says where to create it",
            cause=f"{group.cloud} has no default location",
            remedy="Set location (azs_location), or resource_group (azs_resource_group) to an existing group. Nothing was "
            "changed",
        )
    if group.locations is None or _plain(group.location) in {_plain(one) for one in group.locations}:
        return None
    return InputError(
        f"The location {group.location} of the resource group {group.name} is not one of this subscription",
        kind="unknown_location",
        cause=f"it offers {', '.join(sorted(group.locations))}",
        remedy="Set location (azs_location) to one of them, or resource_group (azs_resource_group) to an existing group. Nothing "
        "was changed",
    )


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()


def _patterns(names: t.Any) -> list[re.Pattern[str]]:
    return [re.compile(".*".join(map(re.escape, str(name).split("*"))), re.IGNORECASE) for name in names or ()]


def _matches(patterns: t.Iterable[re.Pattern[str]], action: str) -> bool:
    return any(pattern.fullmatch(action) for pattern in patterns)
