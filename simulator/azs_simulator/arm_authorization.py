# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM: locks, permissions, role assignments and role definitions, at any scope."""

from __future__ import annotations

import re
from typing import Any

from .access import Lock, RoleAssignment, RoleDefinition, covers
from .arm import ANY_SCOPE, Call, route
from .cloud import ArmError
from .web import Answer

NAMESPACE = "Microsoft.Authorization"
PREFIX = ANY_SCOPE + r"/providers/microsoft\.authorization"
NAMED = r"/(?P<name>[^/]+)"


def _filter(call: Call, field: str) -> str:
    """The value that ``$filter`` asks of a field: ``field eq 'value'`` or ``field('value')``."""
    match = re.search(rf"{field}(?:\s+eq\s+|\()'([^']*)'", call.request.query.get("$filter", ""), re.IGNORECASE)
    return match.group(1) if match else ""


def _at_scope(call: Call) -> bool:
    return "atscope()" in call.request.query.get("$filter", "").lower()


# -- locks -----------------------------------------------------------------------------------------------------------


def _lock_body(lock: Lock) -> dict[str, Any]:
    properties = {"level": lock.level, **({"notes": lock.notes} if lock.notes else {})}
    return {
        "id": f"{lock.scope}/providers/{NAMESPACE}/locks/{lock.name}",
        "type": f"{NAMESPACE}/locks",
        "name": lock.name,
        "properties": properties,
    }


@route("GET", PREFIX + "/locks", f"{NAMESPACE}/locks/read")
def list_locks(call: Call) -> Answer:
    """Locks at a scope and above; without atScope(), those further down too."""
    found = call.cloud.access.locks_at(call.resolve(call.ids["scope"]), below=not _at_scope(call))
    return Answer(body={"value": [_lock_body(lock) for lock in found]})


@route("GET", PREFIX + "/locks" + NAMED, f"{NAMESPACE}/locks/read")
def get_lock(call: Call) -> Answer:
    """One lock of exactly this scope."""
    scope, name = call.resolve(call.ids["scope"]), call.ids["name"]
    lock = call.cloud.access.locks.get((scope.lower(), name.lower()))
    if lock is None:
        raise ArmError(404, call.world.settings.absent_lock_code, f"The lock '{name}' could not be found.")
    return Answer(body=_lock_body(lock))


@route("PUT", PREFIX + "/locks" + NAMED, f"{NAMESPACE}/locks/write")
def put_lock(call: Call) -> Answer:
    """Make or change a lock."""
    scope = call.resolve(call.ids["scope"])
    properties = call.request.json().get("properties") or {}
    level = str(properties.get("level", ""))
    if level.lower() not in ("cannotdelete", "readonly"):
        raise ArmError(
            400,
            "InvalidRequestContent",
            f"The lock level '{level}' is not valid. Allowed levels are 'CanNotDelete, ReadOnly'.",
        )
    level = "ReadOnly" if level.lower() == "readonly" else "CanNotDelete"
    lock = Lock(call.ids["name"], scope, level, str(properties.get("notes") or ""))
    return Answer(201 if call.cloud.access.put_lock(lock) else 200, _lock_body(lock))


@route("DELETE", PREFIX + "/locks" + NAMED, f"{NAMESPACE}/locks/delete")
def delete_lock(call: Call) -> Answer:
    """Lift a lock; 204 when there is none."""
    key = (call.resolve(call.ids["scope"]).lower(), call.ids["name"].lower())
    return Answer(200 if call.cloud.access.locks.pop(key, None) else 204)


# -- permissions -----------------------------------------------------------------------------------------------------


@route("GET", PREFIX + "/permissions", f"{NAMESPACE}/permissions/read")
def list_permissions(call: Call) -> Answer:
    """What the caller may do at a scope, a set of actions per role that it has there."""
    roles = call.cloud.access.effective_roles(call.caller.object_id, call.resolve(call.ids["scope"]))
    return Answer(
        body={
            "value": [
                {"actions": role.actions, "notActions": role.not_actions, "dataActions": [], "notDataActions": []}
                for role in roles
            ]
        }
    )


# -- role assignments ------------------------------------------------------------------------------------------------


def _role_id(call: Call, role: RoleDefinition) -> str:
    return f"{call.subscription.scope}/providers/{NAMESPACE}/roleDefinitions/{role.name}"


def _assignment_body(call: Call, assignment: RoleAssignment) -> dict[str, Any]:
    return {
        "id": f"{assignment.scope}/providers/{NAMESPACE}/roleAssignments/{assignment.name}",
        "type": f"{NAMESPACE}/roleAssignments",
        "name": assignment.name,
        "properties": {
            "roleDefinitionId": _role_id(call, assignment.role),
            "principalId": assignment.principal_id,
            "principalType": assignment.principal_type,
            "scope": assignment.scope,
            "createdBy": assignment.created_by,
        },
    }


@route("GET", PREFIX + "/roleassignments", f"{NAMESPACE}/roleAssignments/read")
def list_assignments(call: Call) -> Answer:
    """Role assignments at a scope, above it and, without atScope(), below it."""
    scope = call.resolve(call.ids["scope"])
    principal = _filter(call, "principalId") or _filter(call, "assignedTo")
    found = [
        assignment
        for assignment in call.cloud.access.assignments.values()
        if (covers(assignment.scope, scope) or (not _at_scope(call) and covers(scope, assignment.scope)))
        and (not principal or assignment.principal_id.lower() == principal.lower())
    ]
    return Answer(body=call.page(found, lambda assignment: _assignment_body(call, assignment)))


@route("GET", PREFIX + "/roleassignments" + NAMED, f"{NAMESPACE}/roleAssignments/read")
def get_assignment(call: Call) -> Answer:
    """One role assignment of exactly this scope."""
    key = (call.resolve(call.ids["scope"]).lower(), call.ids["name"].lower())
    assignment = call.cloud.access.assignments.get(key)
    if assignment is None:
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call.ids['name']}' is not found.")
    return Answer(body=_assignment_body(call, assignment))


@route("PUT", PREFIX + "/roleassignments" + NAMED, f"{NAMESPACE}/roleAssignments/write")
def put_assignment(call: Call) -> Answer:
    """Give a role to a principal, which has to be known (replication lag) and must not have the role there already."""
    scope, name = call.resolve(call.ids["scope"]), call.ids["name"]
    properties = call.request.json().get("properties") or {}
    role = _role_of(call, str(properties.get("roleDefinitionId", "")))
    principal_id = str(properties.get("principalId", ""))
    principal = call.cloud.directory.find(object_id=principal_id)
    if principal is None or not principal.visible:
        raise ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id.replace('-', '')} does not exist in the directory {call.caller.tenant_id}. Check"
            " that you have the correct principal ID. If you are creating this principal and then immediately"
            " assigning a role, this error might be related to a replication delay.",
        )
    principal_type = "User" if principal.kind == "user" else "ServicePrincipal"
    if str(properties.get("principalType") or principal_type).lower() != principal_type.lower():
        raise ArmError(400, "UnmatchedPrincipalType", f"The PrincipalId '{principal_id}' has type '{principal_type}'.")
    assignment = RoleAssignment(name, scope, principal.object_id, principal_type, role, call.caller.object_id)
    for other in call.cloud.access.assignments.values():
        same_name = (other.scope.lower(), other.name.lower()) == (scope.lower(), name.lower())
        same_grant = (other.scope.lower(), other.principal_id, other.role) == (scope.lower(), principal.object_id, role)
        if same_name and not same_grant:
            raise ArmError(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        if same_grant and not same_name:
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    call.cloud.access.assign(assignment)
    return Answer(201, _assignment_body(call, assignment))


@route("DELETE", PREFIX + "/roleassignments" + NAMED, f"{NAMESPACE}/roleAssignments/delete")
def delete_assignment(call: Call) -> Answer:
    """Take a role away; 204 when there is nothing to take."""
    scope = call.resolve(call.ids["scope"])
    call.require_unlocked(scope, "delete")
    assignment = call.cloud.access.assignments.pop((scope.lower(), call.ids["name"].lower()), None)
    return Answer(200, _assignment_body(call, assignment)) if assignment else Answer(204)


def _role_of(call: Call, role_definition_id: str) -> RoleDefinition:
    role = call.cloud.access.roles.get(role_definition_id.rstrip("/").rpartition("/")[2].lower())
    if role is None:
        raise ArmError(
            400,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{role_definition_id}' does not exist.",
        )
    return role


# -- role definitions ------------------------------------------------------------------------------------------------


def _role_body(call: Call, role: RoleDefinition) -> dict[str, Any]:
    return {
        "id": _role_id(call, role),
        "type": f"{NAMESPACE}/roleDefinitions",
        "name": role.name,
        "properties": {
            "roleName": role.role_name,
            "type": "BuiltInRole" if role.built_in else "CustomRole",
            "description": role.description,
            "assignableScopes": role.assignable,
            "permissions": [{"actions": role.actions, "notActions": role.not_actions}],
        },
    }


@route("GET", PREFIX + "/roledefinitions", f"{NAMESPACE}/roleDefinitions/read")
def list_roles(call: Call) -> Answer:
    """Roles that can be used at a scope, on request those of one display name."""
    scope, wanted = call.resolve(call.ids["scope"]), _filter(call, "roleName")
    found = [
        role
        for role in call.cloud.access.roles.values()
        if (role.built_in or any(covers(place, scope) for place in role.assignable))
        and (not wanted or role.role_name.lower() == wanted.lower())
    ]
    return Answer(body=call.page(found, lambda role: _role_body(call, role)))


@route("GET", PREFIX + "/roledefinitions" + NAMED, f"{NAMESPACE}/roleDefinitions/read")
def get_role(call: Call) -> Answer:
    """One role."""
    role = call.cloud.access.roles.get(call.ids["name"].lower())
    if role is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{call.ids['name']}' does not exist.",
        )
    return Answer(body=_role_body(call, role))


@route("PUT", PREFIX + "/roledefinitions" + NAMED, f"{NAMESPACE}/roleDefinitions/write")
def put_role(call: Call) -> Answer:
    """Make or change a custom role; role names are unique in a directory."""
    name, properties = call.ids["name"].lower(), call.request.json().get("properties") or {}
    role_name = str(properties.get("roleName", ""))
    existing = call.cloud.access.roles.get(name)
    namesake = call.cloud.access.role_named(role_name)
    if namesake and namesake is not existing:
        raise ArmError(
            409,
            "RoleDefinitionWithSameNameExists",
            f"A custom role with the same name already exists in this directory. Use a different name: '{role_name}'.",
        )
    permissions, scopes = properties.get("permissions") or [{}], properties.get("assignableScopes") or []
    if not role_name or not scopes or (existing and existing.built_in):
        raise ArmError(
            400, "InvalidRoleDefinition", "Role name or assignable scopes are missing, or the role is built in."
        )
    role = existing or RoleDefinition(name, role_name, [])
    role.role_name, role.assignable = role_name, [call.resolve(scope) for scope in scopes]
    role.actions = [action for permission in permissions for action in permission.get("actions") or []]
    role.not_actions = [action for permission in permissions for action in permission.get("notActions") or []]
    role.description = str(properties.get("description") or "")
    call.cloud.access.roles[name] = role
    return Answer(201, _role_body(call, role))


@route("DELETE", PREFIX + "/roledefinitions" + NAMED, f"{NAMESPACE}/roleDefinitions/delete")
def delete_role(call: Call) -> Answer:
    """Remove a custom role that nobody has; 204 when there is none."""
    role = call.cloud.access.roles.get(call.ids["name"].lower())
    if role is None:
        return Answer(204)
    if role.built_in or any(assignment.role is role for assignment in call.cloud.access.assignments.values()):
        raise ArmError(
            400,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role, or it is built in.",
        )
    del call.cloud.access.roles[role.name]
    return Answer(200, _role_body(call, role))
