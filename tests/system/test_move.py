# SPDX-License-Identifier: GPL-3.0-or-later
"""A moved registration stays the stamp's: the activation's old id is looked at before it is believed, and nothing is registered anew."""

from __future__ import annotations

import typing as t

import pytest
from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

pytestmark = pytest.mark.deep

STAMPS = ("group", "subscription", "told-by-none")
FLEET = {
    "stamps": [
        *(
            {"name": name, "connected": True, "ercs": 1, "nodes": 2, "registration": {"subscription": "Old"}}
            for name in STAMPS
        ),
        {
            "name": "air-gapped",
            "identity": "ADFS",
            "ercs": 1,
            "nodes": 2,
            "agreement_number": "70000001",
            "registration": {"subscription": "Old"},
        },
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "principals": [{"name": "registrar", "role": "Owner"}],
            "subscriptions": [{"name": name, "offer": "CSP", "partner": "Contoso"} for name in ("Old", "New")],
        }
    ],
    # An object id on the registration of a disconnected stamp is no sign of a bridge principal.
    "settings": {"disconnected_object_id": "id"},
}
VARIABLES: t.Final = {"azs_resource_group": None}


def places(simulator: Simulator, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables of the stamp's old place, and those that `move` needs for the new one."""
    ids = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    target = {"azs_target_resource_group": "Moved"}
    if name != "group":
        target["azs_target_subscription_id"] = ids["New"]
    return {"azs_subscription_id": ids["Old"]}, target


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("group", True),
        ("subscription", True),
        # Neither bundle nor inventory tell the cloud id, and the activation leads to where nothing is any more.
        ("told-by-none", False),
    ],
)
def test_a_connected_stamp_is_activated_again_and_not_registered_anew(
    simulator: Simulator, controller: t.Callable[..., Controller], name: str, told: bool
) -> None:
    old, target = places(simulator, name)
    known = {**VARIABLES, "azs_cloud_id": simulator.stamp(name)["cloud_id"]}
    before, traffic = controller().knows({name: {**known, **old}}), Traffic(simulator)
    checked = before.run("move", "--check", "--diff", **target).succeeded()
    assert changing(traffic.read()) == []
    assert "The registration would be at /subscriptions/" in checked.output
    moved = before.run("move", **target).succeeded()
    assert checked.changes == moved.changes
    assert "connected_register" in moved.output
    registration = simulator.registration_of(name)
    assert registration and "/Moved/" in registration["id"] and registration["locks"] == ["CanNotDelete"]
    assert before.run("move", **target).succeeded().changed == 0

    new = {"azs_subscription_id": target.get("azs_target_subscription_id", old["azs_subscription_id"])}
    after = controller().knows({name: {**(known if told else VARIABLES), **new}})
    refused = after.run("verify").failure(name)
    assert "is activated with" in refused.message and "azurestack.hub.connected_register repairs" in refused.message
    assert refused.data["error"]["kind"] == "stamp_disagrees"
    traffic.read()
    foreseen = after.run("connected_register", "--check", "--diff").succeeded()
    assert changing(traffic.read()) == []
    registered = after.run("connected_register").succeeded()
    assert foreseen.foretold == registered.changes
    entries = traffic.read()
    asked = [] if told else ["Get-AzureStackStampInformation"]
    assert cmdlets(entries) == [*asked, "New-AzureStackActivation"]
    assert [one for one in changing(entries) if one.startswith(("PUT", "DELETE"))] == []
    after.run("verify").succeeded()
    assert after.run("connected_register").succeeded().changed == 0


def test_a_disconnected_stamp_gets_the_new_key_in_legs_two_and_three(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    name = "air-gapped"
    old, target = places(simulator, name)
    cloud_id = simulator.stamp(name)["cloud_id"]
    known = {**VARIABLES, "azs_cloud_id": cloud_id, "azs_agreement_number": "70000001"}
    controller().knows({name: {**known, **old}}).run("move", **target).succeeded()
    after = controller().knows({name: {**known, "azs_subscription_id": target["azs_target_subscription_id"]}})
    traffic = Traffic(simulator)
    for leg in ("disconnected_export_token", "disconnected_register", "disconnected_activate"):
        traffic.read()
        foreseen = after.run(leg, "--check", "--diff").succeeded()
        assert changing(traffic.read()) == []
        assert foreseen.foretold == after.run(leg).succeeded().changes
        assert [one for one in changing(traffic.read()) if "/registrations/" in one and "PUT" in one] == []
    registration = simulator.registration_of(name)
    assert registration and "/Moved/" in registration["id"] and registration["locks"] == ["CanNotDelete"]
    after.run("verify").succeeded()
