# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, permissions and role assignments."""

from __future__ import annotations

import pytest
from azure_lab import Arm, account, code_of, registration, registration_body

R = registration("one")
LOCK = f"{R}/providers/Microsoft.Authorization/locks/RegistrationResourceLock"
OWNER_ROLE = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
ASSIGNMENT = "/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-0000-4000-8000-000000000001"


def signed_in(simulator, **spec) -> Arm:
    return Arm(simulator, **account(simulator.do("add-principal", **{"name": "somebody", **spec})))


def test_the_least_privilege_role_is_enough_to_register(arm, simulator):
    registrar = signed_in(simulator, role="registration")
    registrar.register("one")
    assert registrar("PUT", LOCK, {"properties": {"level": "CanNotDelete"}}).status_code == 201
    assert registrar("POST", f"{R}/getactivationkey").status_code == 200
    assert registrar("POST", "/providers/Microsoft.AzureStack/register").json()["registrationState"] == "Registered"
    assert code_of(registrar("GET", "/providers/Microsoft.AzureStack")) == (403, "AuthorizationFailed")
    assert code_of(registrar("DELETE", "/resourceGroups/azurestack")) == (403, "AuthorizationFailed")


def test_the_old_role_lacks_the_lock_actions(simulator):
    registrar = signed_in(simulator, role="registration-without-locks")
    registrar.register("one")
    refused = registrar("PUT", LOCK, {"properties": {"level": "CanNotDelete"}})
    assert code_of(refused) == (403, "AuthorizationFailed")
    message = refused.json()["error"]["message"]
    assert "'Microsoft.Authorization/locks/write'" in message and LOCK in message and registrar.subscription in message


@pytest.mark.parametrize("scope", ["", "/resourceGroups/azurestack", R])
def test_permissions_tell_what_is_missing(simulator, scope):
    registrar = signed_in(simulator, role="registration-without-locks")
    registrar.register("one")
    (permission,) = registrar("GET", f"{scope}/providers/Microsoft.Authorization/permissions").json()["value"]
    assert "Microsoft.AzureStack/registrations/*" in permission["actions"]
    assert not [action for action in permission["actions"] if "locks" in action]


def test_a_list_of_actions_and_nothing_at_all(arm, simulator):
    arm.register("one")
    reader = signed_in(simulator, name="reader", role=["Microsoft.AzureStack/registrations/read"])
    assert reader("GET", R).status_code == 200
    assert code_of(reader("POST", f"{R}/getactivationkey")) == (403, "AuthorizationFailed")
    nobody = signed_in(simulator, name="nobody", role="none")
    assert code_of(nobody("GET", "")) == (403, "AuthorizationFailed")
    assert nobody("GET", "/subscriptions").json()["value"] == []


def bridge_principal(simulator) -> str:
    token = simulator.do("refresh-token", user="operator@rehearsal.onmicrosoft.com")
    return simulator.do("create-principal", stamp="two", RefreshToken=token)["ObjectId"]


def grant(arm, principal: str, role: str = OWNER_ROLE) -> dict:
    role_id = f"{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return {"properties": {"roleDefinitionId": role_id, "principalId": principal, "principalType": "ServicePrincipal"}}


def test_role_assignments(arm, simulator):
    arm.register("one")
    body = grant(arm, bridge_principal(simulator))
    path = R + ASSIGNMENT
    assert code_of(arm("GET", path)) == (404, "RoleAssignmentNotFound")
    made = arm("PUT", path, body)
    assert made.status_code == 201 and made.json()["properties"]["scope"].endswith(R)
    assert arm("PUT", path, body).status_code == 201
    assert code_of(arm("PUT", path[:-1] + "2", body)) == (409, "RoleAssignmentExists")
    other = grant(arm, bridge_principal(simulator))
    assert code_of(arm("PUT", path, other)) == (409, "RoleAssignmentUpdateNotPermitted")
    query = {"$filter": f"principalId%20eq%20'{body['properties']['principalId']}'"}
    listed = arm("GET", R + ASSIGNMENT.rsplit("/", 1)[0], **query).json()["value"]
    assert [entry["name"] for entry in listed] == [ASSIGNMENT.rsplit("/", 1)[1]]
    assert arm("DELETE", path).status_code == 200
    assert arm("DELETE", path).status_code == 204


def test_a_new_principal_is_replicated_late(arm, simulator):
    arm.register("one")
    simulator.settings(replication_lag=0.2)
    body = grant(arm, bridge_principal(simulator))
    response = arm("PUT", R + ASSIGNMENT, body)
    assert code_of(response) == (400, "PrincipalNotFound")
    while response.status_code == 400:
        response = arm("PUT", R + ASSIGNMENT, body)
    assert response.status_code == 201
    assert code_of(arm("PUT", R + ASSIGNMENT, grant(arm, "nobody"))) == (400, "PrincipalNotFound")


def test_custom_roles(arm, simulator):
    path = "/providers/Microsoft.Authorization/roleDefinitions/cccccccc-0000-4000-8000-000000000001"
    body = {
        "properties": {
            "roleName": "Stamp registrar",
            "permissions": [{"actions": ["Microsoft.AzureStack/registrations/read"], "notActions": []}],
            "assignableScopes": [arm.subscription],
        }
    }
    assert arm("PUT", path, body).status_code == 201
    assert code_of(arm("PUT", path[:-1] + "2", body)) == (409, "RoleDefinitionWithSameNameExists")
    found = arm(
        "GET",
        "/providers/Microsoft.Authorization/roleDefinitions",
        **{"$filter": "roleName%20eq%20'Stamp%20registrar'"},
    )
    assert [entry["properties"]["roleName"] for entry in found.json()["value"]] == ["Stamp registrar"]

    nobody = simulator.do("add-principal", name="nobody", role="none")
    made = arm("PUT", ASSIGNMENT, grant(arm, nobody["object_id"], path.rsplit("/", 1)[1]))
    assert made.status_code == 201
    arm.register("one")
    assert Arm(simulator, **account(nobody))("GET", R).status_code == 200
    assert code_of(arm("DELETE", path)) == (400, "RoleDefinitionHasAssignments")
    assert simulator.do("remove-role-assignments", name="nobody") == 1
    assert arm("DELETE", path).status_code == 200
    assert code_of(Arm(simulator, **account(nobody))("GET", R)) == (403, "AuthorizationFailed")


def test_unknown_role(arm, simulator):
    arm.register("one")
    body = grant(arm, bridge_principal(simulator), "00000000-0000-4000-8000-000000000000")
    assert code_of(arm("PUT", R + ASSIGNMENT, body)) == (400, "RoleDefinitionDoesNotExist")
    assert registration_body(simulator, "one")["location"] == "global"
