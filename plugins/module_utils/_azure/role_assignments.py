# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles given to principals, at any scope. FOR INTERNAL COLLECTION USE ONLY.

Assignments made by other tools have random names, so they are looked for by principal and role. The names of those made
here follow from scope, role and principal: two tasks that make the same one at the same moment make one.
"""

from __future__ import annotations

import dataclasses
import random
import time
import typing as t
import uuid

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, properties
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

API_VERSION: t.Final = "2022-04-01"
NAMESPACE: t.Final = uuid.UUID("3b77086d-0345-563f-a7fb-613cd6d52b5d")
"""Of the names that are made here. Never change it: existing names follow from it."""

_BRIEFLY: t.Final = 10.0
"""Seconds that a principal is waited for that nobody is known to have made just now: its id is most likely wrong."""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """A role that a principal has at a scope.

    :param role_id: resource id of the role definition; its prefix varies, compare with `of_role`.
    :param principal_id: object id of the user, group or service principal.
    :param principal_type: User, Group or ServicePrincipal.
    """

    id: str
    scope: str
    role_id: str
    principal_id: str
    principal_type: str

    @classmethod
    def of(cls, resource: t.Mapping[str, t.Any]) -> Assignment:
        """Return the assignment of a resource as Azure answers it."""
        told = properties(resource)
        where = str(resource.get("id") or "")
        return cls(
            id=where,
            scope=str(told.get("scope") or where.lower().partition("/providers/microsoft.authorization/")[0]),
            role_id=str(told.get("roleDefinitionId") or ""),
            principal_id=str(told.get("principalId") or ""),
            principal_type=str(told.get("principalType") or ""),
        )

    def of_role(self, role_id: str) -> bool:
        """Tell whether this assigns a role, given by its resource id with any prefix, or by its GUID."""
        return same_id(guid(self.role_id), guid(role_id))

    def as_result(self) -> dict[str, str]:
        """Return the assignment as data for the task result."""
        return {name: getattr(self, name) for name in ("id", "scope", "principal_id", "principal_type")}


def guid(role_id: str) -> str:
    """Return the GUID at the end of a role definition's resource id."""
    return role_id.rstrip("/").rpartition("/")[2]


def planned(scope: str, role_id: str, principal_id: str, principal_type: str) -> Assignment:
    """Return the assignment that `put` would make."""
    text = "|".join((scope.rstrip("/"), guid(role_id), principal_id)).lower()
    name = uuid.uuid5(NAMESPACE, text)
    where = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    return Assignment(where, scope, role_id, principal_id, principal_type)


def list_all(client: ArmClient, scope: str, principal_id: str | None = None) -> t.Iterator[Assignment]:
    """Yield the role assignments at a scope and below it, on request those of one principal.

    Those above the scope are left out. Raises as ArmClient.list_all.
    """
    only = None if principal_id is None else f"principalId eq '{principal_id}'"
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    for resource in client.list_all(path, API_VERSION, only=only, doing=f"list the role assignments of {scope}"):
        assignment = Assignment.of(resource)
        inside = f"{assignment.scope.rstrip('/')}/".lower().startswith(f"{scope.rstrip('/')}/".lower())
        if inside and (principal_id is None or same_id(assignment.principal_id, principal_id)):
            yield assignment


def find(client: ArmClient, scope: str, role_id: str, principal_id: str) -> Assignment | None:
    """Return the assignment of a role to a principal at exactly this scope, whoever made it, None when there is none.

    One request. Raises as ArmClient.list_all.
    """
    return next(
        (
            assignment
            for assignment in list_all(client, scope, principal_id)
            if assignment.of_role(role_id) and same_id(assignment.scope, scope)
        ),
        None,
    )


def put(client: ArmClient, wanted: Assignment, *, patience: float, new_principal: bool) -> None:
    """Give a role to a principal, again and again while principal or role are too new to be known everywhere.

    :param wanted: from `planned`.
    :param patience: seconds to wait for them.
    :param new_principal: whether the principal may have been made just now; another one is hardly waited for.
    :raises ArmError: kind principal_not_replicated or role_not_found when the patience ended; another error of Azure.
    """
    body = {
        "properties": {
            "roleDefinitionId": wanted.role_id,
            "principalId": wanted.principal_id,
            # With its type given, Azure does not look a new service principal up in a replica that lacks it.
            "principalType": wanted.principal_type,
        }
    }
    doing = f"give the role {guid(wanted.role_id)} to {wanted.principal_id}"
    # Kinds of failure that pass once a new principal or a new role is known everywhere.
    patiences = {
        "principal_not_replicated": patience if new_principal else min(patience, _BRIEFLY),
        "role_not_found": patience,
    }
    began, pause = time.monotonic(), 0.5
    while True:
        try:
            client.request("PUT", wanted.id, API_VERSION, json=body, doing=doing)
            return
        except ArmError as error:
            if error.kind == "role_assignment_exists":
                return
            waited = time.monotonic() - began
            if waited + pause > patiences.get(error.kind, 0.0):
                if error.kind in patiences:
                    error.message += f"; it was waited for {waited:.0f} seconds"
                raise
        time.sleep(pause * random.uniform(1.0, 1.25))
        pause = min(pause * 1.5, 10.0)


def delete(client: ArmClient, assignment: Assignment) -> None:
    """Take a role from a principal; one that is taken already is no error. Raises as ArmClient.request."""
    try:
        client.request(
            "DELETE",
            assignment.id,
            API_VERSION,
            doing=f"take the role {guid(assignment.role_id)} from {assignment.principal_id}",
        )
    except ArmError as error:
        if not absence.is_told(error):
            raise
