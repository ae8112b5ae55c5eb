# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed variables change a registration in its place, as the request log proves: connected, disconnected, and from one to the other."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

pytestmark = pytest.mark.deep

USER = "operator@rehearsal.onmicrosoft.com"
INFORMATION, KEY_PAIR = "Get-AzureStackStampInformation", "Set-RegistrationKeyPair"
PRINCIPAL, TOKEN, ACTIVATE = "New-AzureBridgeServicePrincipal", "New-RegistrationToken", "New-AzureStackActivation"
AGAIN = ["DELETE", "PUT", "PUT"]
"""Lock lifted, registration written, lock back."""
DISCONNECTED: t.Final = {
    "billing": {
        "azs_billing_model": "Ruggedized",
        "azs_asset_tag": "AT-4711",
        "azs_agreement_number": None,
        "azs_usage_reporting": True,
    },
    "syndication": {"azs_marketplace_syndication": True},
    "nodes": {"azs_reregister": True},
    "agreement": {"azs_agreement_number": "7654321"},
}
NAMES = (*DISCONNECTED, "carried", "became-connected")
FLEET = {
    "stamps": [
        {"name": name, "ercs": 1, "nodes": 2, "identity": "ADFS", "registration": {"subscription": name}}
        for name in NAMES
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": name} for name in NAMES],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ],
}


def writes(entries: list[dict[str, t.Any]], subscription: str) -> list[str]:
    """Methods of the requests that changed a registration, its lock or its role assignments."""
    return [one.partition(" ")[0] for one in changing(entries) if subscription in one and "/registrations/" in one]


def subscriptions(simulator: Simulator) -> dict[str, str]:
    """Ids by name."""
    return {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}


@pytest.mark.parametrize(
    "stamps",
    [("billing",), ("agreement", "syndication", "nodes")],
    ids=["billing", "others"],
)
def test_disconnected_stamps_in_their_place(
    simulator: Simulator, controller: t.Callable[..., Controller], stamps: tuple[str, ...]
) -> None:
    ids = subscriptions(simulator)
    simulator.do("set-stamp", stamp="nodes", nodes=3)
    before = {name: simulator.registration_of(name) for name in stamps}
    here = controller().knows({name: {"azs_subscription_id": ids[name], **DISCONNECTED[name]} for name in stamps})
    checked = here.run("disconnected_all_legs", "--check").succeeded()
    traffic = Traffic(simulator)
    real = here.run("disconnected_all_legs").succeeded()
    assert checked.changes == real.changes
    entries = traffic.read()
    for name in stamps:
        assert cmdlets(entries, name) == [INFORMATION, KEY_PAIR, TOKEN, ACTIVATE], name
        assert writes(entries, ids[name]) == AGAIN, name
        old, new = before[name], simulator.registration_of(name)
        assert old and new and new["id"] == old["id"] and new["locks"] == ["CanNotDelete"]
        activation = simulator.stamp(name)["activation"]
        assert new["usage_reporting"] is activation["usageReportingEnabled"] is (name == "billing")
        assert activation["marketplaceSyndicationEnabled"] is (name == "syndication")
        assert (new["billing_model"] == "Ruggedized") == (name == "billing")


def test_check_mode_knows_the_agreement_number_that_an_archive_brings(
    simulator: Simulator, controller: t.Callable[..., Controller], tmp_path: pathlib.Path
) -> None:
    name, archive = "carried", tmp_path / "stamps.tar.gz"
    changed = {name: {"azs_subscription_id": subscriptions(simulator)[name], "azs_agreement_number": "7654321"}}
    stamp_zone, azure_zone = controller().knows(changed), controller().knows(changed)
    stamp_zone.run("disconnected_export_token", azs_archive=archive).succeeded()
    checked = azure_zone.run("disconnected_register", "--check", azs_archive=archive).succeeded()
    traffic = Traffic(simulator)
    real = azure_zone.run("disconnected_register", azs_archive=archive).succeeded()
    assert writes(traffic.read(), changed[name]["azs_subscription_id"]) == AGAIN
    assert checked.changes == real.changes


def test_capacity_becomes_pay_as_you_use(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    name = "became-connected"
    token = simulator.do("refresh-token", user=USER)
    here = controller().knows(
        {
            name: {
                "azs_subscription_id": subscriptions(simulator)[name],
                "azs_billing_model": "PayAsYouUse",
                "azs_agreement_number": None,
                "azs_refresh_token": token,
            }
        }
    )
    before, traffic = simulator.registration_of(name), Traffic(simulator)
    here.run("connected_register").succeeded()
    entries = traffic.read()
    assert cmdlets(entries, name) == [INFORMATION, KEY_PAIR, PRINCIPAL, TOKEN, ACTIVATE]
    assert writes(entries, subscriptions(simulator)[name]) == [*AGAIN, "PUT"]
    after = simulator.registration_of(name)
    assert before and after and after["id"] == before["id"] and after["billing_model"] == "PayAsYouUse"
    assert simulator.stamp(name)["activation"]["usageReportingEnabled"] is True
