# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps are unregistered, connected ones in one play and disconnected ones in two legs, and no active one loses its registration."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from controllers import Controller, Play, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

INFORMATION, DEACTIVATE = "Get-AzureStackStampInformation", "Remove-AzureStackActivation"
OUT = ["DELETE lock", "DELETE R"]
CONNECTED = ("plain", "named", "interrupted", "elsewhere", "mistyped", "beside", "mistyped-elsewhere", "untold")
DISCONNECTED = ("record", "no-admin")
FLEET = {
    "stamps": [
        *(
            {"name": name, "connected": True, "ercs": 1, "nodes": 2, "registration": {"subscription": name}}
            for name in CONNECTED
        ),
        *(
            {
                "name": name,
                "ercs": 1,
                "nodes": 1,
                "admin_reachable": name != "no-admin",
                "registration": {"name": f"by-script-{name}", "group": "Legacy"},
            }
            for name in DISCONNECTED
        ),
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": "Registrations"}, *({"name": name} for name in CONNECTED)],
            "principals": [{"name": "registrar", "role": "registration"}],
        }
    ],
}


def deletions(entries: t.Iterable[dict[str, t.Any]]) -> list[str]:
    """What was changed in Azure: the lock and the registration."""
    return [
        f"{request.partition(' ')[0]} {'lock' if '/locks/' in request else 'R'}"
        for request in changing(entry for entry in entries if entry["service"] == "arm")
    ]


def refused_as_a_whole(play: Play) -> None:
    """Check that a run in which no stamp was named said so once, and did nothing else."""
    (said,) = (one for one in play.results if one.outcome == "failed")
    assert said.outcome == "failed" and "--limit azs_stamps" in said.message and "Nothing was contacted" in said.message


@pytest.mark.parametrize(
    ("going", "refused", "foretold"),
    [
        (("plain",), "elsewhere", False),
        pytest.param(("named", "interrupted"), "mistyped", True, marks=pytest.mark.deep),
        pytest.param(("beside",), "mistyped-elsewhere", True, marks=pytest.mark.deep),
    ],
    ids=["plain", "named", "wrong-subscription"],
)
def test_connected_stamps_are_deactivated_before_their_registrations_go(
    simulator: Simulator, controller: t.Callable[..., Controller], going: tuple[str, ...], refused: str, foretold: bool
) -> None:
    subscriptions = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    registrations = {name: str((simulator.registration_of(name) or {})["id"]) for name in (*going, refused)}
    own: dict[str, dict[str, t.Any]] = {"elsewhere": {"azs_subscription_id": subscriptions["Registrations"]}}
    if "named" in going:
        own["named"] = {
            "azs_registration_name": registrations["named"].split("/")[8],
            "azs_resource_group": registrations["named"].split("/")[4],
            "azs_cloud_id": simulator.stamp("named")["cloud_id"],
        }
    if refused == "mistyped":
        own["mistyped"] = {"azs_registration_id": f"{registrations['mistyped']}-2"}
    if refused == "mistyped-elsewhere":
        wanted = subscriptions["Registrations"]
        own[refused] = {
            "azs_subscription_id": wanted,
            "azs_registration_id": registrations[refused].replace(subscriptions[refused], wanted),
        }
    if "interrupted" in going:
        simulator.do("deactivate-stamp", stamp="interrupted")  # as a run leaves it that ended in between
    here = controller().knows(
        {name: {"azs_subscription_id": subscriptions[name], **own.get(name, {})} for name in (*going, refused)}
    )
    traffic = Traffic(simulator)

    refused_as_a_whole(here.run("connected_unregister"))
    assert traffic.read() == []
    checks = [here.run("connected_unregister", "--check", "--diff", "--limit", "azs_stamps")] if foretold else []
    assert changing(traffic.read()) == []
    first = here.run("connected_unregister", "--limit", "azs_stamps")
    entries = traffic.read()
    for play in (*checks, first):
        assert play.foretold == first.changes
        failure = play.failure(refused)
        kind, part = {
            "elsewhere": ("registered_elsewhere", "azurestack.hub.connected_change"),
            "mistyped": ("named_registration_missing", registrations[refused]),
            "mistyped-elsewhere": ("named_registration_missing", registrations[refused]),
        }[refused]
        assert failure.kind == kind and part in failure.message
    assert simulator.stamp(refused)["status"] == "Registered"
    assert simulator.registration_of(refused)
    for name in going:
        asked = [one for one in entries if name == one.get("stamp") or subscriptions[name] in one.get("path", "")]
        assert simulator.registration_of(name) is None, name
        assert simulator.stamp(name)["status"] == "Not registered"
        assert deletions(asked) == OUT
        assert [one for one in cmdlets(asked) if one != INFORMATION] == ([] if name == "interrupted" else [DEACTIVATE])
        last = max((one["n"] for one in asked if one.get("cmdlet") == DEACTIVATE), default=0)
        assert all(one["n"] > last for one in asked if one.get("method") == "DELETE")

    again = here.run("connected_unregister", "--limit", "azs_stamps")
    assert again.changed == 0
    assert changing(traffic.read()) == []


@pytest.mark.deep
@pytest.mark.parametrize("stamp", ["record", "no-admin"])
def test_disconnected_stamps_in_two_legs(
    simulator: Simulator, controller: t.Callable[..., Controller], tmp_path: pathlib.Path, stamp: str
) -> None:
    archive = tmp_path / "stick" / "stamps.tar.gz"
    archive.parent.mkdir()
    stamp_zone, azure_zone = controller().knows(DISCONNECTED), controller().knows(DISCONNECTED)
    traffic, named = Traffic(simulator), ("--limit", stamp)

    refused = azure_zone.run(
        "disconnected_unregister", *named, azs_cloud_id=simulator.stamp(stamp)["cloud_id"]
    ).failure(stamp)
    assert refused.kind == "not_deactivated"
    assert "azurestack.hub.disconnected_deactivate" in refused.message
    assert changing(traffic.read()) == []

    refused_as_a_whole(stamp_zone.run("disconnected_deactivate", azs_archive=archive))
    assert traffic.read() == [] and not archive.exists()
    checked = stamp_zone.run("disconnected_deactivate", "--check", *named, azs_archive=archive).succeeded()
    assert changing(traffic.read()) == []
    first = stamp_zone.run("disconnected_deactivate", *named, azs_archive=archive).succeeded()
    assert checked.changes == first.changes
    assert cmdlets(traffic.read()).count(DEACTIVATE) == 1
    assert stamp_zone.run("disconnected_deactivate", *named, azs_archive=archive).succeeded().changed == 0
    assert cmdlets(traffic.read()) == []

    foretold = azure_zone.run("disconnected_unregister", "--check", *named, azs_archive=archive).succeeded()
    assert changing(traffic.read()) == []
    done = azure_zone.run("disconnected_unregister", *named, azs_archive=archive).succeeded()
    assert foretold.foretold == done.changes
    assert deletions(traffic.read()) == OUT
    assert simulator.registration_of(stamp) is None
    assert azure_zone.run("disconnected_unregister", *named, azs_archive=archive).succeeded().changed == 0
    assert changing(traffic.read()) == []


@pytest.mark.deep
def test_a_stamp_of_which_nothing_tells_is_not_deactivated_for_a_registration_that_is_not_there(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    """Kind: an explicit target that is not there (issue 11, row 1); here name and subscription are wrong, and no evidence helps."""
    subscriptions = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    untold = {f"azs_admin_{name}": None for name in ("endpoint", "tenant", "client_id", "secret", "ca_bundle")}
    wrong = {"azs_registration_name": "mistyped", "azs_subscription_id": subscriptions["Registrations"]}
    here = controller().knows({"untold": {**untold, **wrong}})
    for arguments in ((), ("--check",)):
        refused = here.run("connected_unregister", *arguments).failure("untold")
        assert refused.kind == "named_registration_missing" and "leave azs_registration_name" in refused.message
    assert simulator.stamp("untold")["status"] == "Registered"
    right = {"azs_subscription_id": subscriptions["untold"], "azs_resource_group": None}
    controller().knows({"untold": {**untold, **right}}).run("connected_unregister").succeeded()
    assert simulator.stamp("untold")["status"] == "Not registered" and simulator.registration_of("untold") is None
