# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report has every stamp of the play in it, whatever became of reading it, and no secret."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from controllers import Controller, Traffic, changing
from tables import first_of

from azs_simulator.client import Simulator

AGREEMENT: t.Final = "9876501234"
LINKED: t.Final = {"connected": True, "ercs": 1, "nodes": 2, "registration": {}}
CAPACITY: t.Final = {"ercs": 1, "agreement_number": AGREEMENT}
FLEET = {
    "stamps": [
        {"name": "good", **LINKED},
        {"name": "drifted", **LINKED},
        {"name": "wrong-secret", **LINKED},
        {"name": "away", **LINKED},
        {"name": "broken", **LINKED},
        {"name": "blank", "connected": True, "ercs": 1},
        {"name": "silent", "ercs": 1},
        {"name": "expired", **CAPACITY, "registration": {"expires_in_days": -1.5}},
        {"name": "soon", **CAPACITY, "registration": {"expires_in_days": 10.5}, "admin_reachable": False},
    ],
}
UNTOLD: t.Final = {"wrong-secret", "blank", "silent"}
"""Stamps of which only the privileged endpoint can tell which they are."""
SPEAKER: t.Final = "away"
"""The first stamp of the play, which the tasks for all of them run on."""
NO_ADMIN: t.Final = dict.fromkeys(
    f"azs_admin_{name}" for name in ("endpoint", "tenant", "client_id", "secret", "ca_bundle")
)


def knows(controller: Controller) -> Controller:
    """Write the inventory: what is wanted, and what is wrong with some stamps' variables."""
    unreachable = controller.place / "ssh"
    unreachable.write_text(
        "#!/bin/sh\necho 'ssh: connect to host gateway port 22: No route to host' >&2\nexit 255\n", encoding="ascii"
    )
    unreachable.chmod(0o700)
    controller.knows(
        {
            "good": {},
            "drifted": {},
            "blank": {},
            "expired": {},
            "wrong-secret": {"azs_admin_secret": "not-the-Secret-4711"},
            "away": {"azs_azure_runner": "gateway"},
            "broken": {"azs_billing_model": "{{ 1 / 0 }}"},
            "silent": NO_ADMIN,
            "soon": {
                "azs_cloud_id": controller.simulator.stamp("soon")["cloud_id"],
                "azs_verify_require_activation": False,
            },
        },
        runners={
            "gateway": {
                "ansible_connection": "ssh",
                "ansible_host": "203.0.113.7",
                "ansible_ssh_executable": str(unreachable),
            }
        },
    )
    inventory = yaml.safe_load(controller.inventory.read_text(encoding="utf-8"))
    connected = ("good", "drifted", "wrong-secret", "away", "broken", "blank")
    inventory["all"]["children"]["azs_connected"] = {"hosts": {key: {} for key in connected}}
    controller.inventory.write_text(yaml.safe_dump(inventory, width=1000), encoding="utf-8")
    return controller


@pytest.fixture(scope="module", autouse=True)
def disturbed(simulator: Simulator) -> None:
    """What happened behind the back of the collection."""
    simulator.do("delete-lock", stamp="drifted")
    simulator.do("map-customers", stamp="good", count=3)
    simulator.do("close-ercs", stamp="silent", ercs=1)


def read(place: pathlib.Path) -> tuple[dict[str, t.Any], dict[str, dict[str, t.Any]], str]:
    """The report as data, its lines by stamp, and the page."""
    data = json.loads((place / "report.json").read_text(encoding="utf-8"))
    return data, {one["name"]: one for one in data["stamps"]}, (place / "report.html").read_text(encoding="utf-8")


@pytest.mark.deep
def test_every_stamp_is_in_the_report(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    here = knows(controller())
    place = here.home / "azurestack-report"
    traffic = Traffic(simulator)
    play = here.run("report").succeeded()
    assert changing(traffic.read()) == []
    data, lines, page = read(place)
    expected = {
        "good": ("in_sync", ""),
        "drifted": ("drifted", "has no lock"),
        "wrong-secret": ("unknown", "client secret"),
        "away": ("unknown", "the runner cannot be reached"),
        "blank": ("not_registered", "the stamp is not activated"),
        "silent": ("unknown", "privileged endpoint"),
        "expired": ("expired", "the registration expired"),
        "soon": ("expires_soon", ""),
        "broken": ("unknown", "A variable of broken cannot be worked out"),
    }
    for name, (status, part) in expected.items():
        assert (lines[name]["status"], part in "; ".join(lines[name]["reasons"])) == (status, True), lines[name]
        assert name in page and (status == "in_sync" or f"{name}: {status.replace('_', ' ')}" in play.output)
    assert next(iter(lines)) == "expired" and list(lines)[-1] == "good"
    # The side that answers is in the line of a stamp whose other side does not.
    assert lines["away"]["stamp"]["state"] == "Registered" and lines["away"]["azure"] is None
    assert lines["wrong-secret"]["azure"]["billing_model"] == "PayAsYouUse"
    assert lines["good"]["azure"]["tenants"] == 3 and data["tenants"] == 3
    assert lines["soon"]["expires_in_days"] == 10 and lines["soon"]["asked"] == {"azure": True, "stamp": False}
    assert "9 stamps: 1 expired, 1 not registered, 1 drifted, 4 unknown, 1 expires soon, 1 in sync" in play.output
    # One task reads all stamps; only those that nothing else tells have tasks of their own.
    own = [one for one in play.results if one.host != SPEAKER]
    assert {one.host for one in own} == UNTOLD
    assert not [one for one in own if one.outcome != "skipped" and one.action.endswith("azs_activation_info")]
    for file in (place / "report.json", place / "report.html"):
        assert file.stat().st_mode & 0o777 == 0o640
    shows_no_secret(here, place, count=3)


@pytest.mark.parametrize("whole", first_of([False, True]), ids=["changed", "foretold, changed, settled"])
def test_a_report_that_is_written_again_says_what_changed(
    simulator: Simulator, controller: t.Callable[..., Controller], whole: bool
) -> None:
    """Nothing but the time: written, and no change. Something else: a change, told in check mode before."""
    here = knows(controller())
    two, place = ("--limit", "good,drifted"), here.place / "two"
    how = {"azs_report_directory": str(place)}
    assert here.run("report", *two, **how).succeeded().changed == 3
    first, lines, page = read(place)
    assert {name: one["status"] for name, one in lines.items()} == {"good": "in_sync", "drifted": "drifted"}
    assert "has no lock" in "".join(lines["drifted"]["reasons"]) and all(name in page for name in lines)
    simulator.do("add-lock", stamp="drifted", level="ReadOnly")
    if whole:
        foreseen = here.run("report", *two, "--check", **how).succeeded()
        assert foreseen.changed == 2 and read(place)[0] == first
        assert "drifted: changed: lock: none → ReadOnly" in foreseen.output
    assert here.run("report", *two, **how).succeeded().changed == 2
    changed, lines, _page = read(place)
    assert lines["drifted"]["last_change"] == {"at": changed["made"], "what": ["lock: none → ReadOnly"]}
    assert lines["good"]["last_change"] is None and changed["first_made"] == first["made"]
    if whole:
        assert here.run("report", *two, **how).succeeded().changed == 0
        assert read(place)[0]["made"] > changed["made"]
    shows_no_secret(here, place, count=6 if whole else 4)
    simulator.do("delete-lock", stamp="drifted")  # as it was, for the next one


def shows_no_secret(here: Controller, place: pathlib.Path, count: int) -> None:
    """Check the report, and what the runs printed.

    :param count: of the files.
    """
    files = [*place.iterdir(), *here.place.glob("output-*.txt")]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    assert len(texts) == count
    for secret in (AGREEMENT, "not-the-Secret-4711", *here.simulator.secrets()):
        assert not any(secret in text for text in texts), secret


@pytest.mark.deep
def test_with_the_oldest_ansible_core(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    here = knows(controller("oldest"))
    place = here.place / "there"
    how = {"azs_report_directory": str(place), "azs_report_tenants": False}
    mark = simulator.mark()
    foreseen = here.run("report", "--limit", "good,broken", "--check", **how).succeeded()
    assert foreseen.changed == 1 and not place.exists()
    here.run("report", "--limit", "good,broken", **how).succeeded()
    assert {entry["stamp"] for entry in simulator.requests(mark, "admin")} == {"good", "broken"}
    _data, lines, page = read(place)
    assert {name: one["status"] for name, one in lines.items()} == {"good": "in_sync", "broken": "unknown"}
    assert lines["good"]["azure"]["tenants"] is None and "cannot be worked out" in page
    simulator.do("add-lock", stamp="good", level="ReadOnly")
    again = here.run("report", "--limit", "good", **how).succeeded()
    assert "good: changed: lock: CanNotDelete → ReadOnly" in again.output
