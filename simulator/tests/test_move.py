# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving registrations."""

from __future__ import annotations

from azure_lab import Arm, code_of, registration

FLEET = {
    "stamps": [{"name": "one"}],
    "clouds": [
        {
            "subscriptions": [
                {"name": "a", "offer": "CSP", "partner": "p", "provider_registered": True},
                {"name": "b", "offer": "CSP", "partner": "p"},
                {"name": "c", "offer": "CSP", "partner": "q", "provider_registered": True},
            ]
        }
    ],
    "settings": {"provider_registration": 0.0, "move_duration": 0.1},
}


def move(arm: Arm, target: str, resource: str):
    return arm(
        "POST", "/resourceGroups/azurestack/moveResources", {"resources": [resource], "targetResourceGroup": target}
    )


def test_within_a_subscription(arm, simulator):
    old = arm.register("one")
    arm("PUT", "/resourceGroups/other", {"location": "eastus"})
    simulator.do("add-lock", stamp="one")
    assert code_of(move(arm, arm.absolute("/resourceGroups/other"), old)) == (409, "ScopeLocked")
    simulator.do("delete-lock", stamp="one")
    accepted = move(arm, arm.absolute("/resourceGroups/other"), old)
    assert accepted.status_code == 202 and arm.wait(accepted) == 204
    assert arm("GET", registration("one")).status_code == 404
    assert (
        arm("GET", registration("one", "other")).json()["properties"]["cloudId"] == simulator.stamp("one")["cloud_id"]
    )
    assert code_of(move(arm, arm.absolute("/resourceGroups/none"), old)) == (404, "ResourceGroupNotFound")


def test_across_subscriptions(arm, simulator):
    old = arm.register("one")
    targets = {}
    for entry in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]:
        targets[entry["name"]] = f"/subscriptions/{entry['id']}/resourceGroups/there"
        arm("PUT", targets[entry["name"]], {"location": "eastus"})
    assert code_of(move(arm, targets["c"], old)) == (409, "ResourceMoveNotSupported")
    assert code_of(move(arm, targets["b"], old)) == (409, "MissingSubscriptionRegistration")
    arm("POST", targets["b"].split("/resourceGroups")[0] + "/providers/Microsoft.AzureStack/register")
    assert arm.wait(move(arm, targets["b"], old)) == 204
    assert simulator.registration_of("one")["id"].startswith(targets["b"])


def test_a_resource_of_another_group(arm):
    arm.register("one")
    arm("PUT", "/resourceGroups/other", {"location": "eastus"})
    target = arm.absolute("/resourceGroups/other")
    for name, group, expected in (
        ("missing", "azurestack", (404, "ResourceNotFound")),
        ("one", "other", (400, "InvalidResourceId")),
    ):
        assert code_of(move(arm, target, arm.absolute(registration(name, group)))) == expected
