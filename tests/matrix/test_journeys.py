# SPDX-License-Identifier: GPL-3.0-or-later
"""The journeys that every supported pair of ansible-core and Python has to run: one small fleet from nothing to mapped tenants."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t
import uuid

import pytest
import yaml

from azs_simulator.client import Simulator

PROGRAMS: t.Final = pathlib.Path(sys.executable).parent
TENANT: t.Final = str(uuid.UUID(int=0xA11CE))
SUBSCRIPTION: t.Final = str(uuid.UUID(int=0xB0B))
FLEET: t.Final = {
    "stamps": [
        {"name": "air-gapped", "nodes": 4, "agreement_number": "70000021"},
        {"name": "office", "nodes": 1, "connected": True},
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "principals": [{"name": "registrar"}, {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"}],
        }
    ],
    "settings": {"provider_registration": 0.1},
}


class Fleet:
    """The simulated fleet, and a controller with the ansible-core under test."""

    def __init__(self, simulator: Simulator, place: pathlib.Path) -> None:
        self.simulator = simulator
        self.place = place
        self._environment = {
            **os.environ,
            "HOME": str(place),
            "ANSIBLE_HOME": str(place / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            # Beside the program that runs, not the one that another environment names.
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        }

    def play(self, playbook: str, *arguments: str, **variables: t.Any) -> str:
        """Run a playbook of the collection and return its recap; fails the test when the playbook fails."""
        extra = {"azs_bundle": str(self.place / "bundle"), **variables}
        return self._run(
            "ansible-playbook",
            f"azurestack.hub.{playbook}",
            "-i",
            str(self.simulator.inventory),
            "-e",
            json.dumps(extra),
            *arguments,
        )

    def inventory(self, content: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return what the inventory plugin makes of its configuration."""
        file = self.place / "fleet.azs_registrations.yml"
        file.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
        return t.cast("dict[str, t.Any]", json.loads(self._run("ansible-inventory", "-i", str(file), "--list")))

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(PROGRAMS / program), *arguments],
            env=self._environment,
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """A fleet of a disconnected and a connected stamp."""
    place = tmp_path_factory.mktemp("fleet")
    with Simulator.start(FLEET, place / "simulator") as simulator:
        yield Fleet(simulator, place)


def test_the_three_legs_register_and_activate_a_disconnected_stamp(fleet: Fleet) -> None:
    for leg in ("disconnected_export_token", "disconnected_register", "disconnected_activate"):
        fleet.play(leg)
    assert fleet.simulator.stamp("air-gapped")["status"] == "Registered"
    again = fleet.play("disconnected_activate")
    assert "changed=0" in again


def test_a_connected_stamp_is_registered_and_then_as_wanted(fleet: Fleet) -> None:
    fleet.play("connected_register")
    assert fleet.simulator.stamp("office")["status"] == "Registered"
    assert "changed=0" in fleet.play("connected_register")


def test_verify_finds_both_stamps_as_wanted(fleet: Fleet) -> None:
    fleet.play("verify")


def test_tenants_are_mapped_once(fleet: Fleet) -> None:
    tenants = [{"subscription_id": SUBSCRIPTION, "tenant_id": TENANT}]
    fleet.play("map_tenants", azs_tenants=tenants)
    assert "changed=0" in fleet.play("map_tenants", azs_tenants=tenants)


def test_the_inventory_plugin_finds_both_registrations(fleet: Fleet) -> None:
    azure = fleet.simulator.azure()
    options = {
        name: azure[f"azs_{name}"]
        for name in ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
    }
    found = fleet.inventory({"plugin": "azurestack.hub.azs_registrations", **options})
    assert len(found["_meta"]["hostvars"]) == 2
