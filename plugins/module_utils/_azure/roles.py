# SPDX-License-Identifier: GPL-3.0-or-later
"""The custom role for registration: its definition and who has it. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t
import uuid

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence, role_assignments
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._azure.role_assignments import Assignment
from ansible_collections.azurestack.hub.plugins.module_utils._azure.session import Azure
from ansible_collections.azurestack.hub.plugins.module_utils._domain import rights
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    ConflictError,
    InputError,
    telling_what_was_done,
)

API_VERSION: t.Final = "2022-04-01"
DEFAULT_NAME: t.Final = "Azure Stack Hub registration"
DESCRIPTION: t.Final = "Registers Azure Stack Hubs in Azure, and changes, moves and removes their registrations."

# What a run does, in the result's `actions`.
CREATE: t.Final = "create_role"
UPDATE: t.Final = "update_role"
ASSIGN: t.Final = "assign_role"
UNASSIGN: t.Final = "unassign_role"
DELETE: t.Final = "delete_role"

_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclasses.dataclass(frozen=True)
class Role:
    """A role definition.

    :param id: its resource id.
    :param name: its name for people, unique in a directory.
    :param not_actions: what it takes away from `actions` again.
    """

    id: str
    name: str
    actions: tuple[str, ...]
    assignable_scopes: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    description: str = DESCRIPTION
    built_in: bool = False

    @classmethod
    def of(cls, resource: t.Mapping[str, t.Any]) -> Role:
        """Return the role of a resource as Azure answers it."""
        properties = resource.get("properties") or {}
        permissions = properties.get("permissions") or ()
        return cls(
            id=str(resource.get("id") or ""),
            name=str(properties.get("roleName") or ""),
            actions=tuple(action for entry in permissions for action in entry.get("actions") or ()),
            not_actions=tuple(action for entry in permissions for action in entry.get("notActions") or ()),
            assignable_scopes=tuple(properties.get("assignableScopes") or ()),
            description=str(properties.get("description") or ""),
            built_in=properties.get("type") == "BuiltInRole",
        )

    def as_result(self) -> dict[str, t.Any]:
        """Return the role as data for the task result."""
        return {
            "id": self.id,
            "name": self.name,
            "actions": sorted(self.actions),
            "not_actions": sorted(self.not_actions),
            "assignable_scopes": list(self.assignable_scopes),
        }

    def as_file(self) -> dict[str, t.Any]:
        """Return the role in the form that ``az role definition create`` and ``New-AzRoleDefinition`` read."""
        return {
            "Name": self.name,
            "IsCustom": True,
            "Description": self.description,
            "Actions": list(self.actions),
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": list(self.assignable_scopes),
        }


@dataclasses.dataclass(frozen=True)
class WantedRole:
    """The role that the task's options describe, and who is to have it.

    :param name: of the role.
    :param move: whether it allows to move registrations.
    :param principal_id: object id of a user, group or service principal; None leaves all assignments alone.
    :param principal_type: User, Group or ServicePrincipal.
    :param new_principal: whether the principal was made just now.
    """

    name: str
    move: bool
    principal_id: str | None
    principal_type: str
    new_principal: bool = False

    def role(self, subscription_id: str) -> Role:
        """Return the role as it would be made. Its id follows from subscription and name."""
        scope = f"/subscriptions/{subscription_id}"
        guid = uuid.uuid5(role_assignments.NAMESPACE, f"{scope}|{self.name}".lower())
        return Role(_path(scope, str(guid)), self.name, rights.role_actions(move=self.move), (scope,))


@dataclasses.dataclass
class RoleOutcome:
    """What was found and done, or in check mode would be done.

    :param role: the role afterwards, None when there is none.
    :param assignment: the wanted principal's, afterwards.
    :param others: who else has the role in the subscription; known when the role was to be removed.
    """

    before: dict[str, t.Any]
    role: Role | None
    assignment: Assignment | None = None
    actions: list[str] = dataclasses.field(default_factory=list)
    differences: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    others: list[Assignment] = dataclasses.field(default_factory=list)

    @property
    def after(self) -> dict[str, t.Any]:
        """The fields for the diff."""
        return _fields(self.role, self.assignment)


def check_name(name: str) -> str:
    """Return a role's name without blanks around it.

    :raises InputError: nothing is left.
    """
    if not name.strip():
        raise InputError("The role has no name", remedy=f"Set name, or leave it out for {DEFAULT_NAME!r}")
    return name.strip()


def check_principal(principal_id: str | None) -> str | None:
    """Return a principal's object id.

    :raises InputError: it is not a GUID.
    """
    if principal_id is None:
        return None
    if _GUID.fullmatch(principal_id.strip()):
        return principal_id.strip()
    raise InputError(
        f"principal_id {principal_id!r} is not an object id",
        remedy="Set it to the object id of the user, group or service principal; names do not work. "
        "An application's is that of its enterprise application (az ad sp show --id <client id> --query id)",
    )


def find(client: ArmClient, scope: str, name: str) -> Role | None:
    """Return the role of a name that can be assigned at a scope, None when there is none.

    Raises as ArmClient.list_all.
    """
    only = "roleName eq '{}'".format(name.replace("'", "''"))
    path = f"{scope}/providers/Microsoft.Authorization/roleDefinitions"
    entries = client.list_all(path, API_VERSION, only=only, doing=f"look for the role {name}")
    return next((role for role in map(Role.of, entries) if same_id(role.name, name)), None)


def present(azure: Azure, wanted: WantedRole, *, patience: float, check: bool) -> RoleOutcome:
    """Make the role, or give it exactly the wanted actions; and give it to the wanted principal.

    :param patience: seconds to wait for a role or principal that is not known everywhere yet.
    :param check: read only.
    :raises ConflictError: the name is that of a built-in role.
    :raises ArmError: an error of Azure; with missing rights, its details hold the role for somebody who has them.
    """
    scope = f"/subscriptions/{azure.subscription_id}"
    planned = wanted.role(azure.subscription_id)
    done: dict[str, str] = {}
    with telling_what_was_done(done), _advice(planned):
        found = _custom(find(azure.client, scope, wanted.name))
        role = planned if found is None else _repaired(found, planned)
        different = [] if found is None else _differences(found, role)
        actions = [CREATE] if found is None else [UPDATE] if different else []
        given: Assignment | None = None
        assignment: Assignment | None = None
        if wanted.principal_id:
            if found is not None:  # nobody has a role that does not exist
                given = role_assignments.find(azure.client, scope, role.id, wanted.principal_id)
            assignment = given or role_assignments.planned(scope, role.id, wanted.principal_id, wanted.principal_type)
            actions += [] if given else [ASSIGN]
        if not check:
            if {CREATE, UPDATE}.intersection(actions):
                _put(azure.client, scope, role)
                what = "created" if found is None else "given its actions"
                done[actions[0]] = f"The role {role.name} was {what} before that ({role.id})"
            if ASSIGN in actions:
                role_assignments.put(
                    azure.client,
                    t.cast(Assignment, assignment),
                    patience=patience,
                    new_principal=wanted.new_principal,
                )
    return RoleOutcome(_fields(found, given), role, assignment, actions, different)


def absent(azure: Azure, wanted: WantedRole, *, check: bool) -> RoleOutcome:
    """Take the role from the wanted principal, and delete it when nobody else uses it.

    :param check: read only.
    :raises ConflictError: no principal is named and the role is in use, or the name is that of a built-in role.
    :raises ArmError: an error of Azure.
    """
    scope = f"/subscriptions/{azure.subscription_id}"
    done: dict[str, str] = {}
    with telling_what_was_done(done), _advice(wanted.role(azure.subscription_id)):
        found = _custom(find(azure.client, scope, wanted.name))
        if found is None:
            return RoleOutcome({}, None)
        own: list[Assignment] = []
        others: list[Assignment] = []
        for assignment in role_assignments.list_all(azure.client, scope):
            if assignment.of_role(found.id):
                (own if same_id(assignment.principal_id, wanted.principal_id) else others).append(assignment)
        used = bool(others) or _foreign_scopes(found, scope)
        if used and wanted.principal_id is None:
            raise _in_use(found, others, _foreign_scopes(found, scope))
        actions = [*([UNASSIGN] if own else []), *([] if used else [DELETE])]
        if not check:
            for assignment in own:
                role_assignments.delete(azure.client, assignment)
                done[UNASSIGN] = f"The role {found.name} was taken from {assignment.principal_id} before that"
            if not used:
                _delete(azure.client, scope, found)
    before = _fields(found, own[0] if own else None)
    return RoleOutcome(before, found if used else None, None, actions, others=others)


def kept_because(role: Role, others: list[Assignment], subscription_id: str) -> str:
    """Return why `absent` left a role in place, as the end of a sentence."""
    return _uses(others, _foreign_scopes(role, f"/subscriptions/{subscription_id}"))


def _custom(role: Role | None) -> Role | None:
    if role is not None and role.built_in:
        raise ConflictError(
            f"{role.name} is a built-in role of Azure, which nobody can change or remove",
            where=role.id,
            remedy="Set another name",
        )
    return role


def _repaired(found: Role, wanted: Role) -> Role:
    """Return the existing role with exactly the wanted actions; places where others assign it stay."""
    scopes = found.assignable_scopes
    if not any(_covers(scope, wanted.assignable_scopes[0]) for scope in scopes):
        scopes = (*scopes, *wanted.assignable_scopes)
    actions = found.actions if _lowered(found.actions) == _lowered(wanted.actions) else wanted.actions
    return dataclasses.replace(found, actions=actions, not_actions=(), assignable_scopes=scopes)


def _differences(found: Role, wanted: Role) -> list[dict[str, t.Any]]:
    different = []
    for field in ("actions", "not_actions", "assignable_scopes"):
        have, want = getattr(found, field), getattr(wanted, field)
        missing = sorted(one for one in want if one.lower() not in _lowered(have))
        excess = sorted(one for one in have if one.lower() not in _lowered(want))
        if missing or excess:
            different.append({"field": field, "missing": missing, "excess": excess})
    return different


def _lowered(texts: t.Iterable[str]) -> set[str]:
    return {text.lower() for text in texts}


def _covers(scope: str, subscription: str) -> bool:
    # Azure lists a role at a subscription only where it can be assigned; a management group needs no second look.
    place = scope.lower().rstrip("/")
    return place in ("", subscription.lower()) or place.startswith("/providers/microsoft.management/")


def _foreign_scopes(role: Role, subscription: str) -> list[str]:
    return [scope for scope in role.assignable_scopes if not f"{scope}/".lower().startswith(f"{subscription}/".lower())]


def _put(client: ArmClient, scope: str, role: Role) -> None:
    body = {
        "properties": {
            "roleName": role.name,
            "type": "CustomRole",
            "description": role.description or DESCRIPTION,
            "permissions": [{"actions": list(role.actions), "notActions": []}],
            "assignableScopes": list(role.assignable_scopes),
        }
    }
    path = _path(scope, role_assignments.guid(role.id))
    client.request("PUT", path, API_VERSION, json=body, doing=f"define the role {role.name}")


def _delete(client: ArmClient, scope: str, role: Role) -> None:
    path = _path(scope, role_assignments.guid(role.id))
    try:
        client.request("DELETE", path, API_VERSION, doing=f"delete the role {role.name}")
    except ArmError as error:
        if not absence.is_told(error):
            raise


def _path(scope: str, guid: str) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def _fields(role: Role | None, assignment: Assignment | None) -> dict[str, t.Any]:
    if role is None:
        return {}
    return {**role.as_result(), "principal_id": assignment.principal_id if assignment else None}


def _in_use(role: Role, others: list[Assignment], elsewhere: list[str]) -> ConflictError:
    return ConflictError(
        f"The role {role.name} is in use and was not deleted",
        kind="role_in_use",
        where=role.id,
        cause=_uses(others, elsewhere),
        remedy="Take it from each of them first (state absent with principal_id). "
        "A role that other subscriptions can assign is for their owners to delete",
        details={"assignments": [other.as_result() for other in others], "assignable_scopes": elsewhere},
    )


def _uses(others: list[Assignment], elsewhere: list[str]) -> str:
    reasons = []
    if others:
        named = ", ".join(f"{other.principal_type} {other.principal_id} at {other.scope}" for other in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        reasons.append(f"it is given to {named}{more}")
    if elsewhere:
        reasons.append(f"it can be assigned at {', '.join(elsewhere)} too")
    return "; ".join(reasons)


@contextlib.contextmanager
def _advice(role: Role) -> t.Iterator[None]:
    """Tell what helps here where the table of failures knows only the general case."""
    try:
        yield
    except ArmError as error:
        if error.kind == "missing_rights":
            error.remedy = (
                "Have it run by an Owner or User Access Administrator of the subscription, "
                "or give them the role that error.details.definition holds (docs/least-privilege.md)"
            )
            error.details["definition"] = role.as_file()
        elif error.kind == "principal_not_replicated":
            error.remedy = (
                "Compare principal_id: it has to be an object id, for an application that of its enterprise "
                "application, not the client id. For one that was made just now, run again in some minutes, or set new_principal"
            )
        raise
