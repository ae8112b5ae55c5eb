# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal touches the stamps that are due, both strategies end in an activation that lasts, and a second run changes nothing."""

from __future__ import annotations

import json
import typing as t

import pytest
from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

USER = "operator@rehearsal.onmicrosoft.com"
DAYS: t.Final = {
    "endless": None,
    "early": 200,
    "due": 20,
    "soon": 20,
    "replaced": -1,
    "renamed": -1,
    "undecided": -1,
    "careless": -1,
}
FLEET = {
    "stamps": [
        {
            "name": name,
            "connected": True,
            "ercs": 1,
            "nodes": 2,
            "billing_model": "Capacity",
            "agreement_number": "7654321",
            "registration": {"subscription": name, **({} if days is None else {"expires_in_days": days})},
        }
        for name, days in DAYS.items()
    ]
    + [
        {
            "name": "apart",
            "ercs": 1,
            "nodes": 2,
            "agreement_number": "7654321",
            "registration": {"subscription": "apart"},
        }
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [
                {"name": name, **({"registration_lifetime": 365.5 * 86400} if name in ("due", "soon", "early") else {})}
                for name in (*DAYS, "apart")
            ],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ],
    # An object id on the registration of a disconnected stamp is no sign of a bridge principal.
    "settings": {"disconnected_object_id": "id"},
}


OWN: t.Final = {
    "replaced": {"azs_renewal": "replace"},
    "renamed": {"azs_renewal": "new_name"},
    "careless": {"azs_renewal": "replace", "azs_agreement_number": None},
}
REFUSED: t.Final = {
    "undecided": ("replace", "new_name", "azs_renewal"),
    # What the new registration lacks is told before the old one goes.
    "careless": ("agreement number",),
}


@pytest.mark.parametrize(
    ("due", "left", "foretold"),
    [
        (("soon",), ("early",), False),
        pytest.param(("replaced",), ("undecided",), True, marks=pytest.mark.deep),
        pytest.param(("due", "renamed"), ("endless", "early", "careless"), True, marks=pytest.mark.deep),
    ],
    ids=["soon", "replaced", "renamed"],
)
def test_what_is_due_is_renewed(
    simulator: Simulator,
    controller: t.Callable[..., Controller],
    due: tuple[str, ...],
    left: tuple[str, ...],
    foretold: bool,
) -> None:
    ids = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    token = simulator.do("refresh-token", user=USER)
    variables = {
        name: {
            "azs_subscription_id": ids[name],
            "azs_refresh_token": token,
            "azs_resource_group": None,
            **OWN.get(name, {}),
        }
        for name in (*due, *left)
    }
    before = {name: simulator.registration_of(name) for name in due}
    here = controller().knows(variables)
    traffic = Traffic(simulator)
    checks = [here.run("connected_renew", "--check", "--limit", ",".join(due)).succeeded()] if foretold else []
    assert changing(traffic.read()) == []
    play = here.run("connected_renew")
    entries = traffic.read()
    for name in due:
        done = {task for task, one in play.changes if one == name}
        assert any("Activate" in task for task in done), name
        for checked in checks:
            assert {task for task, one in checked.foretold if one == name} == done, name

    for name in REFUSED.keys() & set(left):
        message = play.failure(name).message
        assert all(part in message for part in REFUSED[name]), message
    for name in left:
        own = [one for one in entries if name == one.get("stamp") or ids[name] in one.get("path", "")]
        assert changing(own) == [], name
    for name in due:
        old, activation = before[name], simulator.stamp(name)["activation"]
        assert old and simulator.stamp(name)["status"] == "Registered"
        there = activation["azureRegistrationResourceIdentifier"].lower()
        assert (there == old["id"].lower()) == (name != "renamed"), name
        assert cmdlets(entries, name)[-1] == "New-AzureStackActivation"
        assert ("Remove-AzureStackActivation" in cmdlets(entries, name)) == (name == "replaced")
    everybody = [one["cloud_id"] for one in simulator.state()["clouds"]["AzureCloud"]["registrations"]]
    assert len(everybody) == len(set(everybody)), "the expired registration is gone when the new one is in use"
    own = [
        one for one in simulator.state()["clouds"]["AzureCloud"]["registrations"] if one["locks"] != ["CanNotDelete"]
    ]
    assert own == []
    lines = {name: play.verdict(name)["line"].rpartition(", ")[2] for name in due}
    assert lines == {name: "expires in 365 days" if name in ("due", "soon") else "never expires" for name in due}

    settled = [name for name in (*due, *left) if name not in REFUSED]
    again = here.run("connected_renew", "--limit", ",".join(settled)).succeeded()
    assert again.changed == 0
    assert changing(traffic.read()) == []


@pytest.mark.deep
def test_registering_again_keeps_what_there_is(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    ids = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    common = {
        "azs_resource_group": None,
        "azs_billing_model": "PayAsYouUse",
    }  # what it has counts, not what the inventory says
    here = controller().knows(
        {
            "early": {
                **common,
                "azs_subscription_id": ids["early"],
                "azs_refresh_token": simulator.do("refresh-token", user=USER),
            },
            "apart": {**common, "azs_subscription_id": ids["apart"]},
        }
    )
    before = {name: simulator.registration_of(name) for name in ("early", "apart")}
    for name in before:
        simulator.do("set-stamp", stamp=name, nodes=3)
    traffic = Traffic(simulator)
    checked = here.run("reregister", "--check").succeeded()
    assert changing(traffic.read()) == []
    play = here.run("reregister").succeeded()
    entries = traffic.read()
    assert {(task, host) for task, host in checked.foretold if host == "apart"} == {
        (task, host) for task, host in play.changes if host == "apart"
    }
    for name, old in before.items():
        assert cmdlets(entries, name)[-2:] == ["New-RegistrationToken", "New-AzureStackActivation"]
        assert ("New-AzureBridgeServicePrincipal" in cmdlets(entries, name)) is False
        after = simulator.registration_of(name)
        assert old and after and after["id"] == old["id"] and after["locks"] == ["CanNotDelete"]
        assert after["billing_model"] == old["billing_model"] == "Capacity"
        assert after["writes"] == old["writes"] + 1
    assert play.verdict("early")["line"].endswith("expires in 365 days")
    here.run("verify", "--limit", "apart", azs_billing_model="Capacity").succeeded()

    # The operator's word: a connected stamp is not made a disconnected one by the way.
    groups = here.place / "groups.yml"
    groups.write_text(json.dumps({"azs_disconnected": {"hosts": {"early": {}}}}))
    traffic.read()
    refused = here.run("reregister", "-i", str(groups), "--limit", "early").failure("early")
    assert "said to be disconnected, and its registration names a bridge principal" in refused.message
    assert changing(traffic.read()) == []
