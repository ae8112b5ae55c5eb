# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps are unregistered, connected ones in one play and disconnected ones in two legs, and no active one loses its registration."""

from __future__ import annotations

import pathlib
import typing as t

from controllers import Controller, Play, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

INFORMATION, DEACTIVATE = "Get-AzureStackStampInformation", "Remove-AzureStackActivation"
OUT = ["DELETE lock", "DELETE R"]
CONNECTED = ("plain", "named", "interrupted", "elsewhere", "mistyped")
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


def test_connected_stamps_are_deactivated_before_their_registrations_go(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    subscriptions = {one["name"]: one["id"] for one in simulator.state()["clouds"]["AzureCloud"]["subscriptions"]}
    variables: dict[str, dict[str, t.Any]] = {name: {"azs_subscription_id": subscriptions[name]} for name in CONNECTED}
    registration = simulator.registration_of("named")
    assert registration
    variables["named"] |= {
        "azs_registration_name": registration["id"].split("/")[8],
        "azs_resource_group": registration["id"].split("/")[4],
        "azs_cloud_id": simulator.stamp("named")["cloud_id"],
    }
    own = simulator.registration_of("mistyped")
    assert own
    variables["mistyped"]["azs_registration_id"] = f"{own['id']}-2"
    variables["elsewhere"]["azs_subscription_id"] = subscriptions["Registrations"]
    simulator.do("deactivate-stamp", stamp="interrupted")  # as a run leaves it that ended in between
    here = controller().knows(variables)
    traffic = Traffic(simulator)

    refused_as_a_whole(here.run("connected_unregister"))
    assert traffic.read() == []
    checked = here.run("connected_unregister", "--check", "--diff", "--limit", "azs_stamps")
    assert changing(traffic.read()) == []
    first = here.run("connected_unregister", "--limit", "azs_stamps")
    entries = traffic.read()
    for play in (checked, first):
        failure = play.failure("elsewhere")
        assert failure.kind == "registered_elsewhere"
        assert "azurestack.hub.connected_change" in failure.message
        mistyped = play.failure("mistyped")
        assert mistyped.kind == "named_registration_missing" and own["id"] in mistyped.message
    assert checked.changes == first.changes
    for name in ("elsewhere", "mistyped"):
        assert simulator.stamp(name)["status"] == "Registered"
        assert simulator.registration_of(name)
    for name in ("plain", "named", "interrupted"):
        own = [one for one in entries if name == one.get("stamp") or subscriptions[name] in one.get("path", "")]
        assert simulator.registration_of(name) is None, name
        assert simulator.stamp(name)["status"] == "Not registered"
        assert deletions(own) == OUT
        assert [one for one in cmdlets(own) if one != INFORMATION] == ([] if name == "interrupted" else [DEACTIVATE])
    last = next(one["n"] for one in entries if one.get("cmdlet") == DEACTIVATE and one["stamp"] == "plain")
    assert all(
        one["n"] > last for one in entries if one.get("method") == "DELETE" and subscriptions["plain"] in one["path"]
    )

    again = here.run("connected_unregister", "--limit", "azs_stamps")
    assert again.changed == 0
    assert changing(traffic.read()) == []


def test_disconnected_stamps_in_two_legs(
    simulator: Simulator, controller: t.Callable[..., Controller], tmp_path: pathlib.Path
) -> None:
    archive = tmp_path / "stick" / "stamps.tar.gz"
    archive.parent.mkdir()
    stamp_zone, azure_zone = controller().knows(DISCONNECTED), controller().knows(DISCONNECTED)
    traffic = Traffic(simulator)

    refused = azure_zone.run(
        "disconnected_unregister", azs_cloud_id=simulator.stamp("record")["cloud_id"], azs_stamps="record"
    )
    assert refused.failure("record").kind == "not_deactivated"
    assert "azurestack.hub.disconnected_deactivate" in refused.failure("record").message
    assert changing(traffic.read()) == []

    refused_as_a_whole(stamp_zone.run("disconnected_deactivate", azs_archive=archive))
    assert traffic.read() == [] and not archive.exists()
    named = ("--limit", ",".join(DISCONNECTED))
    checked = stamp_zone.run("disconnected_deactivate", "--check", *named, azs_archive=archive).succeeded()
    assert changing(traffic.read()) == []
    first = stamp_zone.run("disconnected_deactivate", *named, azs_archive=archive).succeeded()
    assert checked.changes == first.changes
    assert cmdlets(traffic.read()).count(DEACTIVATE) == 2
    assert stamp_zone.run("disconnected_deactivate", *named, azs_archive=archive).succeeded().changed == 0
    assert cmdlets(traffic.read()) == []

    foretold = azure_zone.run("disconnected_unregister", "--check", azs_archive=archive).succeeded()
    assert changing(traffic.read()) == []
    done = azure_zone.run("disconnected_unregister", azs_archive=archive).succeeded()
    assert foretold.changes == done.changes
    assert sorted(deletions(traffic.read())) == sorted([*OUT, *OUT])
    assert not any(simulator.registration_of(name) for name in DISCONNECTED)
    assert azure_zone.run("disconnected_unregister", azs_archive=archive).succeeded().changed == 0
    assert changing(traffic.read()) == []
