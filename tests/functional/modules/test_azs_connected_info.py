# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_connected_info says in one process what azs_activation_info and azs_registration_info say in two."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.action import azs_connected_info

from azs_simulator.client import Simulator

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

FLEET: t.Final = {
    "stamps": [
        {"name": "active", "connected": True, "registration": {}},
        {"name": "idle", "connected": True, "registration": {"activated": False}},
        {"name": "new", "connected": True},
    ],
    "settings": {"expirations_of_2018": False},
}
AZURE = ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of the file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("stamps")) as simulator:
        yield simulator


class Reader:
    """Somebody who reads what is known of a stamp."""

    def __init__(self, modules: Modules, simulator: Simulator, bundle: pathlib.Path) -> None:
        self._modules = modules
        self._simulator = simulator
        self._bundle = bundle

    def run(self, module: str, name: str, *families: str, **options: t.Any) -> Outcome:
        """Run a module with the options of the families that it has."""
        variables = {name.removeprefix("azs_"): value for name, value in self._simulator.host(name).items()}
        known = {"azure": AZURE, "admin": tuple(name for name in variables if name.startswith("admin_"))}
        given = {name: variables[name] for family in families for name in known[family]}
        place = {"bundle": str(self._bundle), "stamp": name} if "admin" in families else {}
        return self._modules.run(module, {**given, **place, **options})

    def ask(self, name: str, **options: t.Any) -> Outcome:
        """Run the module."""
        return self.run("azs_connected_info", name, "admin", "azure", **options)


@pytest.fixture
def reader(modules: Modules, fleet: Simulator, tmp_path: pathlib.Path) -> Reader:
    """One who reads."""
    return Reader(modules, fleet, tmp_path)


def test_an_active_stamp(reader: Reader, fleet: Simulator) -> None:
    mark = fleet.mark()
    found = reader.ask("active")
    assert not found.changed
    assert len([entry for entry in fleet.requests(mark) if entry["service"] in ("arm", "admin")]) == 7
    stamp = reader.run("azs_activation_info", "active", "admin")
    where = stamp["activation"]["registration_id"]
    azure = reader.run("azs_registration_info", "active", "azure", role_assignment=True, registration_id=where)
    for outcome, names in ((stamp, ("activation", "remembered")), (azure, ("registrations", "cloud"))):
        for name in names:
            assert found[name] == outcome[name]


def test_a_stamp_of_which_nothing_is_known_asks_azure_nothing(reader: Reader, fleet: Simulator) -> None:
    mark = fleet.mark()
    found = reader.ask("new")
    assert (found["activation"]["state"], found["registrations"]) == ("Not registered", None)
    assert fleet.requests(mark, "arm") == []


def test_a_cloud_id_leads_to_a_registration_that_the_stamp_does_not_use(reader: Reader, fleet: Simulator) -> None:
    found = reader.ask("idle", cloud_id=fleet.stamp("idle")["cloud_id"])
    assert found["activation"]["state"] == "Not registered"
    assert [one["cloud_id"] for one in found["registrations"]] == [fleet.stamp("idle")["cloud_id"]]


def test_what_is_meant_for_one_target_does_not_reach_the_other() -> None:
    assert {"_azs"} == azs_connected_info._OF_STAMP & azs_connected_info._OF_AZURE


def test_the_activation_of_another_stamp_is_refused(reader: Reader, fleet: Simulator) -> None:
    outcome = reader.ask("active", cloud_id=fleet.stamp("idle")["cloud_id"])
    assert outcome.kind == "activation_of_another_stamp"
    for part in (fleet.stamp("active")["cloud_id"], fleet.stamp("idle")["cloud_id"], "admin_endpoint", "pep_hosts"):
        assert part in outcome.message
