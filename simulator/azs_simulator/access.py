# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, and what is locked: roles, role assignments and locks, all bound to scopes (ARM ids)."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable
from typing import Any


def covers(scope: str, target: str) -> bool:
    """Whether `target` is `scope` or lies below it; ids compare without letter case."""
    scope, target = scope.lower().rstrip("/"), target.lower()
    return target == scope or target.startswith(scope + "/")


@dataclasses.dataclass
class RoleDefinition:
    """A role: built in, or made by somebody (then `assignable` says where it can be used)."""

    name: str  # GUID
    role_name: str
    actions: list[str]
    not_actions: list[str] = dataclasses.field(default_factory=list)
    description: str = ""
    assignable: list[str] = dataclasses.field(default_factory=lambda: ["/"])
    built_in: bool = False

    def allows(self, action: str) -> bool:
        """Whether the role includes an action, e.g. ``Microsoft.AzureStack/registrations/write``."""
        return _any_fits(self.actions, action) and not _any_fits(self.not_actions, action)


def _any_fits(patterns: Iterable[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@dataclasses.dataclass
class RoleAssignment:
    """A role given to a principal at a scope."""

    name: str  # GUID
    scope: str
    principal_id: str
    principal_type: str
    role: RoleDefinition
    created_by: str = ""


@dataclasses.dataclass
class Lock:
    """A lock at a scope; everything below inherits it."""

    name: str
    scope: str
    level: str  # CanNotDelete | ReadOnly
    notes: str = ""


BUILT_IN_ROLES: tuple[tuple[str, str, list[str], list[str]], ...] = (
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ["*"], []),
    (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        ["*"],
        ["Microsoft.Authorization/*/delete", "Microsoft.Authorization/*/write"],
    ),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ["*/read"], []),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        [],
    ),
    (
        "6f12a6df-dd06-4f3e-bcb1-ce8be600526a",
        "Azure Stack Registration Owner",
        [
            "Microsoft.AzureStack/edgeSubscriptions/read",
            "Microsoft.AzureStack/registrations/products/*/action",
            "Microsoft.AzureStack/registrations/products/read",
            "Microsoft.AzureStack/registrations/read",
        ],
        [],
    ),
)

OLD_REGISTRATION_ACTIONS = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.AzureStack/registrations/*",
    "Microsoft.AzureStack/register/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/permissions/read",
]
"""The least-privilege role as it was published for long: the actions on locks are missing (facts, section 4)."""

CUSTOM_ROLES = {
    "registration": [
        *OLD_REGISTRATION_ACTIONS,
        "Microsoft.Authorization/locks/read",
        "Microsoft.Authorization/locks/write",
        "Microsoft.Authorization/locks/delete",
    ],
    "registration-without-locks": OLD_REGISTRATION_ACTIONS,
    "none": [],
}
"""Names that a principal's `role` in the fleet file can have, besides the built-in ones."""


class Access:
    """The roles, assignments and locks of one cloud."""

    def __init__(self) -> None:
        self.roles: dict[str, RoleDefinition] = {
            name: RoleDefinition(name, role_name, actions, not_actions, built_in=True)
            for name, role_name, actions, not_actions in BUILT_IN_ROLES
        }
        self.assignments: dict[tuple[str, str], RoleAssignment] = {}
        """By scope and name, both in lower case."""
        self.locks: dict[tuple[str, str], Lock] = {}
        """By scope and name, both in lower case."""

    # -- roles -------------------------------------------------------------------------------------------------------

    def role_named(self, role_name: str) -> RoleDefinition | None:
        """A role by its display name, letter case aside."""
        return next((role for role in self.roles.values() if role.role_name.lower() == role_name.lower()), None)

    def assign(self, assignment: RoleAssignment) -> None:
        """Add or replace a role assignment."""
        self.assignments[assignment.scope.lower(), assignment.name.lower()] = assignment

    def effective_roles(self, object_id: str, scope: str) -> list[RoleDefinition]:
        """The roles that a principal has at a scope, inherited ones included."""
        return [
            assignment.role
            for assignment in self.assignments.values()
            if assignment.principal_id.lower() == object_id.lower() and covers(assignment.scope, scope)
        ]

    def allows(self, object_id: str, action: str, scope: str) -> bool:
        """Whether a principal may do `action` at `scope`."""
        return any(role.allows(action) for role in self.effective_roles(object_id, scope))

    def sees(self, object_id: str, scope: str) -> bool:
        """Whether a principal has any role at, above or below a scope: then it is told that the scope exists."""
        return any(
            assignment.principal_id.lower() == object_id.lower()
            and (covers(assignment.scope, scope) or covers(scope, assignment.scope))
            for assignment in self.assignments.values()
        )

    # -- locks -------------------------------------------------------------------------------------------------------

    def put_lock(self, lock: Lock) -> bool:
        """Add or replace a lock; whether it is new."""
        key = (lock.scope.lower(), lock.name.lower())
        new = key not in self.locks
        self.locks[key] = lock
        return new

    def locks_at(self, scope: str, *, inherited: bool = True, below: bool = False) -> list[Lock]:
        """The locks that hold at a scope: its own, on request those of its parents and those further down."""
        return [
            lock
            for lock in self.locks.values()
            if lock.scope.lower() == scope.lower()
            or (inherited and covers(lock.scope, scope))
            or (below and covers(scope, lock.scope))
        ]

    def drop_scope(self, scope: str) -> None:
        """Forget assignments and locks of a resource that is gone."""
        tables: tuple[dict[Any, Any], ...] = (self.assignments, self.locks)
        for table in tables:
            for key in [key for key in table if covers(scope, key[0])]:
                del table[key]

    def as_dict(self) -> dict[str, Any]:
        """Locks and assignments for the control API."""
        return {
            "locks": [dataclasses.asdict(lock) for lock in self.locks.values()],
            "role_assignments": [
                {
                    "name": assignment.name,
                    "scope": assignment.scope,
                    "principal_id": assignment.principal_id,
                    "role": assignment.role.role_name,
                }
                for assignment in self.assignments.values()
            ],
        }
