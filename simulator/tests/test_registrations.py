# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations: the transitions of the domain, over sockets, with azure-identity and azure-core."""

from __future__ import annotations

import base64
import json

import pytest
from azure_lab import Arm, account, code_of, registration, registration_body

R = registration("one")


def claims_of(key: str) -> dict:
    payload = key.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_put_get_delete(arm, simulator):
    identifier = arm.register("one")
    found = arm("GET", R).json()
    stamp = simulator.stamp("one")
    assert found["properties"] == {"cloudId": stamp["cloud_id"], "billingModel": "PayAsYouUse"}
    assert found["id"] == identifier and found["location"] == "global" and "registrationToken" not in json.dumps(found)

    again = arm("PUT", R, registration_body(simulator, "one"))
    assert again.status_code == 200 and again.json()["etag"] != found["etag"]

    assert arm("DELETE", R).status_code == 200
    assert arm("DELETE", R).status_code == 204
    assert code_of(arm("GET", R)) == (404, "ResourceNotFound")


def test_ids_compare_without_case(arm):
    arm.register("one")
    shouted = arm("GET", arm.absolute(R).upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
    assert shouted.status_code == 200
    assert "/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/one" in shouted.json()["id"]


def test_key_has_the_claims_of_the_token_and_is_never_the_same_twice(arm, simulator):
    arm.register("one", MarketplaceSyndicationEnabled=True)
    first, second = (arm("POST", f"{R}/GetActivationKey").json()["activationKey"] for dummy in range(2))
    assert first != second
    claims = claims_of(first)
    stamp = simulator.stamp("one")
    assert claims["cloudId"] == stamp["cloud_id"] and len(claims["hardwareInfo"]) == stamp["nodes"]
    assert claims["registrationName"] == "one" and claims["resourceGroupName"] == "azurestack"
    assert claims["usageReportingEnabled"] and claims["marketplaceSyndicationEnabled"]
    assert claims["expires"] == "9999-12-30T23:59:59.9999999Z"


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-30], lambda t: t + "\n", lambda t: f"\ufeff{t}", lambda t: "!", lambda t: ""]
)
def test_a_damaged_token_is_refused(arm, simulator, damage):
    arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})
    body = registration_body(simulator, "one")
    body["properties"]["registrationToken"] = damage(body["properties"]["registrationToken"])
    assert code_of(arm("PUT", R, body)) == (400, "InvalidRegistrationToken")


def test_two_stamps_under_one_name(arm, simulator):
    arm.register("one")
    assert code_of(arm("PUT", R, registration_body(simulator, "two"))) == (409, "CloudIdUpdateNotAllowed")


def test_one_stamp_under_two_names(arm, simulator):
    arm.register("one")
    refused = arm("PUT", registration("other"), registration_body(simulator, "one"))
    assert refused.status_code == 409
    assert "is already registered. Reusing cloud identifiers is not allowed." in refused.json()["error"]["message"]


def test_only_the_identity_that_registered_updates_a_connected_one(arm, simulator):
    arm.register("two")
    simulator.do("edit-registration", stamp="two", claims={"objectId": "f0000000-0000-4000-8000-000000000000"})
    other = Arm(simulator, **account(simulator.do("add-principal", name="other")))
    assert other("PUT", registration("two"), registration_body(simulator, "two")).status_code == 200, (
        "no principal in the token"
    )
    refresh_token = simulator.do("refresh-token", user="operator@rehearsal.onmicrosoft.com")
    simulator.do("create-principal", stamp="two", RefreshToken=refresh_token)
    assert code_of(other("PUT", registration("two"), registration_body(simulator, "two"))) == (
        403,
        "AuthorizationFailed",
    )
    assert arm("PUT", registration("two"), registration_body(simulator, "two")).json()["properties"]["objectId"]


def test_a_lock_forbids_deleting_and_registering_again(arm, simulator):
    arm.register("one")
    lock = f"{R}/providers/Microsoft.Authorization/locks/RegistrationResourceLock"
    made = arm("PUT", lock, {"properties": {"level": "CanNotDelete", "notes": "keep"}}, version="2020-05-01")
    assert made.status_code == 201 and made.json()["properties"] == {"level": "CanNotDelete", "notes": "keep"}
    assert code_of(arm("DELETE", R)) == (409, "ScopeLocked")
    assert code_of(arm("PUT", R, registration_body(simulator, "one"))) == (409, "ScopeLocked")
    assert code_of(arm("DELETE", "/resourceGroups/azurestack")) == (409, "ScopeLocked")
    assert [entry["name"] for entry in arm("GET", f"{R}/providers/Microsoft.Authorization/locks").json()["value"]] == [
        "RegistrationResourceLock"
    ]
    assert arm("DELETE", lock).status_code == 200
    assert arm("DELETE", lock).status_code == 204
    assert code_of(arm("GET", lock)) == (404, simulator.state()["settings"]["absent_lock_code"])
    assert arm("DELETE", R).status_code == 200


@pytest.mark.parametrize(("setting", "own", "inherited"), [("own", 409, 200), ("any", 409, 409), ("none", 200, 200)])
def test_which_locks_stop_registering_again(arm, simulator, setting, own, inherited):
    arm.register("one")
    simulator.settings(locked_writes=setting)
    for scope, status in ((R, own), ("/resourceGroups/azurestack", inherited)):
        lock = f"{scope}/providers/Microsoft.Authorization/locks/keep"
        arm("PUT", lock, {"properties": {"level": "CanNotDelete"}})
        assert arm("PUT", R, registration_body(simulator, "one")).status_code == status
        arm("DELETE", lock)


def test_a_lock_goes_with_its_registration(arm, simulator):
    arm.register("one")
    simulator.do("add-lock", stamp="one")
    simulator.do("delete-registration", stamp="one")
    arm.register("one")
    assert simulator.registration_of("one")["locks"] == []


def test_locks_are_inherited(arm):
    arm.register("one")
    arm("PUT", "/providers/Microsoft.Authorization/locks/all", {"properties": {"level": "ReadOnly"}})
    assert code_of(arm("PATCH", R, {"tags": {"a": "b"}})) == (409, "ScopeLocked")
    assert code_of(arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})) == (409, "ScopeLocked")
    assert arm("GET", R).status_code == 200
    wrong = arm("PUT", "/providers/Microsoft.Authorization/locks/odd", {"properties": {"level": "Never"}})
    assert code_of(wrong) == (400, "InvalidRequestContent")


def test_lists_are_paged(arm, simulator):
    simulator.settings(page_size=2)
    simulator.do("add-registration", count=5)
    arm.register("one", group="elsewhere")
    for path, count in (("/providers/Microsoft.AzureStack/registrations", 6), (registration(""), 5)):
        link, names = path.rstrip("/"), []
        while link:
            page = arm("GET", link).json()
            assert len(page["value"]) <= 2
            names += [entry["name"] for entry in page["value"]]
            link = page.get("nextLink", "")
        assert len(set(names)) == count


def test_the_provider_takes_time(arm, simulator):
    simulator.do("unregister-provider")
    arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})
    body = registration_body(simulator, "one")
    assert code_of(arm("PUT", R, body)) == (409, "MissingSubscriptionRegistration")
    assert code_of(arm("GET", "/providers/Microsoft.AzureStack/registrations")) == (
        409,
        "MissingSubscriptionRegistration",
    )
    states = [arm("POST", "/providers/Microsoft.AzureStack/register").json()["registrationState"]]
    while states[-1] != "Registered":
        states.append(arm("GET", "/providers/Microsoft.AzureStack").json()["registrationState"])
    assert states[0] == "Registering"
    assert arm("PUT", R, body).status_code == 201


def test_resource_groups(arm):
    assert arm("HEAD", "/resourceGroups/g").status_code == 404
    assert code_of(arm("GET", "/resourceGroups/g")) == (404, "ResourceGroupNotFound")
    unknown = arm("PUT", "/resourceGroups/g", {"location": "atlantis"})
    assert code_of(unknown) == (400, "LocationNotAvailableForResourceGroup") and "westcentralus" in unknown.text()
    assert arm("PUT", "/resourceGroups/g", {"location": "East US", "tags": {"a": "b"}}).status_code == 201
    moved = arm("PUT", "/resourceGroups/G", {"location": "westeurope"})
    assert code_of(moved) == (409, "InvalidResourceGroupLocation")
    assert arm("PUT", "/resourceGroups/G", {"location": "eastus"}).json() == {
        **arm("GET", "/resourceGroups/g").json(),
        "tags": {},
    }
    assert arm.wait(arm("DELETE", "/resourceGroups/g")) == 204
    assert arm("HEAD", "/resourceGroups/g").status_code == 404


def test_expiry_and_renewal(arm, simulator):
    arm.register("one")
    simulator.do("expire-registration", stamp="one")
    assert claims_of(arm("POST", f"{R}/getactivationkey").json()["activationKey"])["expires"] < "2100"
    assert code_of(arm("PUT", R, registration_body(simulator, "one"))) == (409, "RegistrationExpired")
    assert arm("PUT", registration("renewed"), registration_body(simulator, "one")).status_code == 201
    assert arm("DELETE", R).status_code == 200


def test_registrations_can_have_a_lifetime(arm, simulator):
    simulator.settings(registration_lifetime=86400)
    arm.register("one")
    assert simulator.registration_of("one")["expires"] < "2100"


def test_versions(arm, simulator):
    arm.register("one")
    for version in ("2016-01-01", "2017-06-01", "2020-06-01-preview", "2022-06-01"):
        assert arm("GET", R, version=version).status_code == 200
    assert code_of(arm("GET", R, version="2019-01-01")) == (400, "NoRegisteredProviderFound")
    assert code_of(arm("GET", R, version="")) == (400, "MissingApiVersionParameter")
    assert code_of(arm("PATCH", "/resourceGroups/azurestack", {})) == (404, "InvalidResourceType")


def test_tags_and_etag(arm, simulator):
    arm.register("one")
    patched = arm("PATCH", R, {"tags": {"site": "north"}}).json()
    assert patched["tags"] == {"site": "north"} and patched["etag"].startswith('"')
    assert arm("PATCH", R, registration_body(simulator, "one")).json()["tags"] == {"site": "north"}
    assert arm("PUT", R, registration_body(simulator, "one")).json().get("tags") is None


def test_opaque_tokens_and_token_versions(simulate):
    simulator = simulate(
        {
            "stamps": [{"name": "one", "version": "1.2406.1.2", "opaque_tokens": True}],
            "clouds": [{"token_versions": ["6.0"], "subscriptions": [{"provider_registered": True}]}],
        }
    )
    arm = Arm(simulator)
    opaque = registration_body(simulator, "one", TokenVersion="6.0")
    with pytest.raises((UnicodeDecodeError, json.JSONDecodeError)):
        json.loads(base64.b64decode(opaque["properties"]["registrationToken"]))
    arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})
    assert arm("PUT", R, opaque).json()["properties"]["cloudId"] == simulator.stamp("one")["cloud_id"]
    old = arm("PUT", registration("old"), registration_body(simulator, "one", TokenVersion="4.0"))
    assert code_of(old) == (400, "InvalidRegistrationToken")


def test_a_stamp_registered_by_the_vendors_script(simulate):
    simulator = simulate(
        {
            "stamps": [
                {
                    "name": "old",
                    "connected": True,
                    "registration": {"name": "AzureStackRegistration", "group": "Legacy"},
                }
            ]
        }
    )
    found = simulator.registration_of("old")
    assert found["id"].endswith(
        "/resourceGroups/Legacy/providers/Microsoft.AzureStack/registrations/AzureStackRegistration"
    )
    assert found["locks"] == ["CanNotDelete"] and found["object_id"]
    assert simulator.stamp("old")["activation"]["azureRegistrationResourceIdentifier"] == found["id"]
    assert simulator.stamp("old")["status"] == "Registered"
