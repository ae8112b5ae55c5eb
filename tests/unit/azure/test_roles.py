# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles that others changed, use elsewhere, or assigned in ways of their own; answered by a prepared server."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds, role_assignments, roles
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.session import Azure
from ansible_collections.azurestack.hub.plugins.module_utils._domain import rights
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError
from scripted import Answer, Server

SUBSCRIPTION = "b31316d4-de02-43a4-903d-eb74f8258b00"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
ELSEWHERE = "/subscriptions/11111111-2222-4333-8444-555555555555"
TENANT_GROUP = "/providers/Microsoft.Management/managementGroups/contoso"
PRINCIPAL = "8a0f7d3b-6d5d-4e6c-9a3c-1a2b3c4d5e6f"
GUID = "99999999-0000-4000-8000-000000000009"
WANTED = roles.WantedRole("Registrars", move=False, principal_id=None, principal_type="ServicePrincipal")


def role(**properties: t.Any) -> dict[str, t.Any]:
    """The role as Azure answers it."""
    return {
        "id": f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{GUID}",
        "name": GUID,
        "properties": {
            "roleName": "Registrars",
            "type": "CustomRole",
            "description": "Ours",
            "permissions": [{"actions": list(rights.REGISTRATION_ACTIONS), "notActions": []}],
            "assignableScopes": [SCOPE],
            **properties,
        },
    }


def assignment(scope: str, principal: str = PRINCIPAL, guid: str = GUID) -> dict[str, t.Any]:
    """A role assignment as Azure answers it, the role's id without the subscription."""
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-0000-4000-8000-000000000001",
        "properties": {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{guid}",
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "scope": scope,
        },
    }


def azure(server: Server) -> Azure:
    """The subscription at a prepared server."""
    cloud = clouds.Cloud("prepared", server.url, server.url, server.url)
    return Azure(cloud, ArmClient(server.url, Trust().transport()), SUBSCRIPTION)


@pytest.mark.parametrize(
    ("properties", "fields"),
    [
        ({}, []),
        ({"permissions": [{"actions": [action.lower() for action in rights.REGISTRATION_ACTIONS]}]}, []),
        ({"permissions": [{"actions": [action]} for action in reversed(rights.REGISTRATION_ACTIONS)]}, []),
        ({"permissions": [{"actions": ["*"]}]}, ["actions"]),
        ({"permissions": []}, ["actions"]),
        (
            {"permissions": [{"actions": list(rights.REGISTRATION_ACTIONS), "notActions": list(rights.LOCK_ACTIONS)}]},
            ["not_actions"],
        ),
        ({"assignableScopes": [SCOPE.upper(), ELSEWHERE]}, []),
        ({"assignableScopes": [TENANT_GROUP]}, []),
        ({"assignableScopes": [f"{SCOPE}/resourceGroups/azurestack"]}, ["assignable_scopes"]),
    ],
)
def test_what_counts_as_a_difference(properties: dict[str, t.Any], fields: list[str]) -> None:
    with Server(Answer({"value": [role(**properties)]})) as server:
        outcome = roles.present(azure(server), WANTED, patience=0, check=True)
    assert [difference["field"] for difference in outcome.differences] == fields
    assert outcome.actions == (["update_role"] if fields else [])
    repaired = t.cast(roles.Role, outcome.role)
    assert {action.lower() for action in repaired.actions} == {action.lower() for action in rights.REGISTRATION_ACTIONS}
    assert (repaired.not_actions, repaired.description) == ((), "Ours")
    assert set(properties.get("assignableScopes", [])) <= set(repaired.assignable_scopes)


def test_only_the_role_of_that_name_counts() -> None:
    with Server(Answer({"value": [role(roleName="Registrars of the north"), role(roleName="registrars")]})) as server:
        found = roles.find(azure(server).client, SCOPE, "Registrars")
    assert found is not None and found.name == "registrars"
    assert "$filter=roleName%20eq%20%27Registrars%27" in server.requests[0]


def test_a_role_of_other_subscriptions_too_is_not_deleted() -> None:
    with (
        Server(Answer({"value": [role(assignableScopes=[SCOPE, ELSEWHERE])]}), Answer({"value": []})) as server,
        pytest.raises(ConflictError, match=ELSEWHERE) as caught,
    ):
        roles.absent(azure(server), WANTED, check=False)
    assert caught.value.kind == "role_in_use"
    assert [request.split()[0] for request in server.requests] == ["GET", "GET"]


def test_the_assignment_is_told_from_those_of_other_roles_scopes_and_principals() -> None:
    entries = [
        assignment(SCOPE, guid="00000000-0000-4000-8000-000000000001"),
        assignment(SCOPE, principal=GUID),
        assignment(f"{SCOPE}/resourceGroups/azurestack"),
        assignment(TENANT_GROUP),
        assignment(SCOPE.upper()),
    ]
    with Server(Answer({"value": entries})) as server:
        client = azure(server).client
        found = role_assignments.find(client, SCOPE, role()["id"], PRINCIPAL.upper())
        assert found is not None and found.scope == SCOPE.upper()
        listed = [entry.scope for entry in role_assignments.list_all(client, SCOPE) if entry.of_role(GUID)]
        assert listed == [SCOPE, f"{SCOPE}/resourceGroups/azurestack", SCOPE.upper()]


def test_names_of_assignments_follow_from_what_they_say() -> None:
    made = role_assignments.planned(SCOPE, role()["id"], PRINCIPAL, "User")
    same = role_assignments.planned(f"{SCOPE.upper()}/", GUID.upper(), PRINCIPAL.upper(), "User")
    assert made.id.rpartition("/")[2] == same.id.rpartition("/")[2]
    other = role_assignments.planned(f"{SCOPE}/resourceGroups/azurestack", role()["id"], PRINCIPAL, "User")
    assert made.id.rpartition("/")[2] != other.id.rpartition("/")[2]


def test_a_role_made_in_the_meantime_by_somebody_else_is_no_failure() -> None:
    exists = Answer({"error": {"code": "RoleAssignmentExists", "message": "It exists."}}, status=409)
    with Server(exists) as server:
        wanted = role_assignments.planned(SCOPE, role()["id"], PRINCIPAL, "User")
        role_assignments.put(azure(server).client, wanted, patience=0, new_principal=True)
    assert len(server.requests) == 1


def test_removing_takes_every_assignment_of_the_principal() -> None:
    places = [SCOPE, f"{SCOPE}/resourceGroups/azurestack"]
    wanted = roles.WantedRole("Registrars", move=False, principal_id=PRINCIPAL, principal_type="User")
    with Server(
        Answer({"value": [role()]}), Answer({"value": [assignment(place) for place in places]}), Answer(status=204)
    ) as server:
        outcome = roles.absent(azure(server), wanted, check=False)
    assert outcome.actions == ["unassign_role", "delete_role"]
    assert [request.split()[0] for request in server.requests] == ["GET", "GET", "DELETE", "DELETE", "DELETE"]
