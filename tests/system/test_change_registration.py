# SPDX-License-Identifier: GPL-3.0-or-later
"""Connected stamps get another subscription, group or name: the old registration goes first, and an interrupted change is finished."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from controllers import Controller, Play, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

USER = "operator@rehearsal.onmicrosoft.com"
DEACTIVATE, ACTIVATE = "Remove-AzureStackActivation", "New-AzureStackActivation"
STAMPS = ("subscription", "name", "killed-early", "killed-late", "gone")
FLEET = {
    "stamps": [
        *(
            {"name": name, "connected": True, "ercs": 1, "nodes": 2, "registration": {"subscription": name}}
            for name in STAMPS
        ),
        {"name": "neighbour", "ercs": 1, "nodes": 2, "registration": {"subscription": "name"}},
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": "Wanted"}, *({"name": name} for name in STAMPS)],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ],
}


@pytest.fixture
def here(simulator: Simulator, controller: t.Callable[..., Controller]) -> Controller:
    """A controller that wants all stamps in another place, after what happened to some of them."""
    ids = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    token = simulator.do("refresh-token", user=USER)
    variables: dict[str, dict[str, t.Any]] = {
        name: {"azs_subscription_id": ids["Wanted"], "azs_old_subscription_id": ids[name], "azs_refresh_token": token}
        for name in STAMPS
    }
    variables["name"] |= {
        "azs_subscription_id": ids["name"],
        "azs_registration_name": "north",
        "azs_resource_group": "Stamps",
    }
    if simulator.registration_of("gone") is None:
        return controller().knows(variables)
    # What runs leave that end after the deactivation, and after the deletion; and a registration that somebody deleted.
    for name in ("killed-early", "killed-late"):
        simulator.do("deactivate-stamp", stamp=name)
    for name in ("killed-late", "gone"):
        simulator.do("delete-registration", stamp=name)
    return controller().knows(variables)


@pytest.mark.deep
def test_a_stamp_that_cannot_be_registered_anew_keeps_what_it_has(here: Controller, simulator: Simulator) -> None:
    kept = {name: _registered(simulator, name) for name in STAMPS}
    content = yaml.safe_load(here.inventory.read_text(encoding="utf-8"))
    hosts = content["all"]["children"]["azs_stamps"]["hosts"]
    hosts["subscription"]["azs_subscription_id"] = "0badc0de-0000-4000-8000-000000000000"
    hosts["name"] |= {"azs_new_bridge_principal": True, "azs_refresh_token": ""}
    hosts["killed-early"] |= {"azs_billing_model": "Capacity", "azs_agreement_number": ""}
    hosts["gone"]["azs_subscription_id"] = ""
    here.inventory.write_text(yaml.safe_dump(content, width=1000), encoding="utf-8")
    traffic = Traffic(simulator)
    confirmed = {"azs_confirm_marketplace_loss": True}
    play = here.run("connected_change", "--limit", "subscription,name,killed-early,gone", **confirmed)
    assert "0badc0de-0000-4000-8000-000000000000" in play.failure("subscription").message
    assert play.failure("name").kind == "needs_user"
    assert "agreement number" in play.failure("killed-early").message
    assert "azs_subscription_id is empty" in play.failure("gone").message
    assert here.run("connected_change", "--check", "--limit", "name", **confirmed).failure("name").kind == "needs_user"
    neighbour = str((simulator.registration_of("neighbour") or {})["id"])
    hosts["name"] |= {
        "azs_refresh_token": hosts["subscription"]["azs_refresh_token"],
        "azs_registration_name": neighbour.split("/")[8],
        "azs_resource_group": neighbour.split("/")[4],
    }
    here.inventory.write_text(yaml.safe_dump(content, width=1000), encoding="utf-8")
    refused = here.run("connected_change", "--limit", "name", **confirmed).failure("name")
    assert refused.kind == "registration_of_another_stamp" and neighbour in refused.message
    assert changing(traffic.read()) == []
    assert {name: _registered(simulator, name) for name in STAMPS} == kept


@pytest.mark.deep
@pytest.mark.parametrize("stamps", [("subscription",), STAMPS[1:]])
def test_the_old_registration_goes_and_the_new_one_comes(
    here: Controller, simulator: Simulator, stamps: tuple[str, ...]
) -> None:
    traffic, limit = Traffic(simulator), ("--limit", ",".join(stamps))
    unconfirmed = here.run("connected_change", "-e", "azs_confirm_marketplace_loss=false", *limit)
    for name in {"subscription", "name", "gone"} & set(stamps):
        message = unconfirmed.failure(name).message
        assert "azs_confirm_marketplace_loss" in message and "marketplace items" in message
        assert "/registrations/" in message
    assert not [one for one in cmdlets(traffic.read()) if one == DEACTIVATE]

    checked = here.run("connected_change", "--check", *limit, azs_confirm_marketplace_loss=True).succeeded()
    assert changing(traffic.read()) == []
    changed = here.run("connected_change", *limit, azs_confirm_marketplace_loss=True).succeeded()
    assert ("Deactivate the stamp", stamps[0]) in checked.foretold
    for name in {*stamps} - {"killed-late"}:
        assert _of(checked, name) == _of(changed, name) and any("Activate" in task for task in _of(checked, name)), name
    entries = traffic.read()
    wanted = next(
        one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"] if one["name"] == "Wanted"
    )
    for name in stamps:
        stamp, registration = simulator.stamp(name), simulator.registration_of(name)
        assert registration, name
        assert (
            registration["id"].endswith("/resourceGroups/Stamps/providers/Microsoft.AzureStack/registrations/north")
            if (name == "name")
            else registration["id"].startswith(f"/subscriptions/{wanted}/resourceGroups/azurestack/")
        ), registration["id"]
        assert registration["locks"] == ["CanNotDelete"]
        assert stamp["activation"]["azureRegistrationResourceIdentifier"].lower() == registration["id"].lower()
        due = [] if name.startswith("killed") else [DEACTIVATE]
        own = [one for one in cmdlets(entries, name) if one in (DEACTIVATE, ACTIVATE)]
        assert own == ([] if name == "killed-late" else [*due, ACTIVATE]), name
    all_ids = [one["cloud_id"] for one in simulator.state()["clouds"]["AzureCloud"]["registrations"]]
    assert len(all_ids) == len(set(all_ids))

    again = here.run("connected_change", *limit).succeeded()
    assert again.changed == 0
    assert changing(traffic.read()) == []


def test_one_registration_for_several_stamps_is_refused_before_anything_is_asked(
    here: Controller, simulator: Simulator
) -> None:
    traffic = Traffic(simulator)
    play = here.run("connected_register", "--limit", "killed-early", azs_registration_name="shared")
    (said,) = (one for one in play.results if one.outcome == "failed")
    assert "shared in resource group" in said.message
    assert "killed-early" in said.message and "killed-late" in said.message and "Nothing was contacted" in said.message
    assert traffic.read() == []


@pytest.mark.deep
def test_a_change_to_nowhere_is_refused(here: Controller, simulator: Simulator) -> None:
    traffic = Traffic(simulator)
    place = {"azs_old_subscription_id": "x", "azs_subscription_id": "x", "azs_resource_group": ""}
    play = here.run("connected_change", "--limit", "gone", **place)
    assert "azs_old_subscription_id" in play.failure("gone").message
    assert traffic.read() == []


def _registered(simulator: Simulator, stamp: str) -> tuple[t.Any, ...]:
    """Where a stamp is registered, and how often that was written; and whether it is active."""
    found = simulator.registration_of(stamp) or {}
    return found.get("id"), found.get("writes"), found.get("locks"), simulator.stamp(stamp)["status"]


def _of(play: Play, host: str) -> set[str]:
    """Tasks that report a change of a host."""
    return {task for task, one in play.foretold if one == host}
