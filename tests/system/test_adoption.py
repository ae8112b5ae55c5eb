# SPDX-License-Identifier: GPL-3.0-or-later
"""What another tool registered is taken over as it is: nothing of it is made a second time, nothing of it stays behind unused."""

from __future__ import annotations

import typing as t

import pytest
from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

USER = "operator@rehearsal.onmicrosoft.com"
BY_THE_VENDOR = {"name": "AzureStackRegistration", "group": "Legacy"}
FLEET = {
    "stamps": [
        {
            "name": "not-activated",
            "connected": True,
            "ercs": 1,
            "nodes": 2,
            "registration": {**BY_THE_VENDOR, "subscription": "not-activated", "activated": False},
        },
        {
            "name": "left",
            "connected": True,
            "ercs": 1,
            "nodes": 2,
            "registration": {**BY_THE_VENDOR, "subscription": "left"},
        },
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": "not-activated"}, {"name": "left"}],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ],
}


def known(simulator: Simulator, name: str, **more: t.Any) -> dict[str, dict[str, t.Any]]:
    """The variables of one stamp; nothing in them tells its cloud id."""
    ids = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    token = simulator.do("refresh-token", user=USER)
    return {
        name: {"azs_subscription_id": ids[name], "azs_refresh_token": token, "azs_resource_group": None, **more},
    }


def with_a_role(simulator: Simulator, registration: dict[str, t.Any]) -> list[str]:
    """Object ids of the principals that have a role on a registration."""
    (cloud,) = simulator.state()["clouds"].values()
    return [
        one["principal_id"] for one in cloud["role_assignments"] if one["scope"].lower() == registration["id"].lower()
    ]


@pytest.mark.deep
def test_a_registration_that_only_its_cloud_id_leads_to_keeps_its_bridge_principal(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    before, principals = simulator.registration_of("not-activated"), simulator.stamp("not-activated")["principals"]
    assert before and len(principals) == 1
    here = controller().knows(known(simulator, "not-activated"))
    traffic = Traffic(simulator)
    checked = here.run("connected_register", "--check").succeeded()
    assert changing(traffic.read()) == []
    play = here.run("connected_register").succeeded()
    entries = traffic.read()
    assert checked.foretold == play.changes
    assert cmdlets(entries) == ["Get-AzureStackStampInformation", "New-AzureStackActivation"]
    assert [one for one in changing(entries) if one.startswith(("PUT", "DELETE"))] == []
    assert "not-activated: the stamp says Not registered, wanted Registered" in play.output
    after = simulator.registration_of("not-activated")
    assert after and after["id"] == before["id"] and after["writes"] == before["writes"]
    assert simulator.stamp("not-activated")["principals"] == principals == with_a_role(simulator, after)
    assert simulator.stamp("not-activated")["status"] == "Registered"
    # What tells the stamp now is its activation: its privileged endpoint is not asked again.
    assert here.run("connected_register").succeeded().changed == 0
    assert not [one for one in traffic.read() if one["service"] == "pep"]


@pytest.mark.deep
def test_a_bridge_principal_that_is_replaced_loses_its_role_and_that_is_said(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    registration, (old,) = simulator.registration_of("left"), simulator.stamp("left")["principals"]
    assert registration and with_a_role(simulator, registration) == [old]
    here = controller().knows(known(simulator, "left", azs_new_bridge_principal=True))
    checked = here.run("connected_register", "--check").succeeded()
    play = here.run("connected_register").succeeded()
    new = simulator.stamp("left")["principals"][-1]
    assert new != old and with_a_role(simulator, registration) == [new]
    task = "Register the stamp in Azure"
    assert play.of(task).data["actions"] == ["lift_lock", "register", "unassign_role", "put_lock", "assign_role"]
    assert f"take it from {old}" in checked.output
    assert old in play.of(task).warnings and "no longer" in play.of(task).warnings
