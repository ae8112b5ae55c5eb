# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole journeys at stamps whose cmdlets a real PowerShell runs: the three legs, and connected registration."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from controllers import LEGS, Controller

from azs_simulator.client import Simulator

FLEET: t.Final = {
    "engine": "powershell",
    "stamps": [{"name": "edge", "ercs": 1}, {"name": "joined", "ercs": 1, "connected": True}],
}
USER: t.Final = "operator@rehearsal.onmicrosoft.com"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for both journeys."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("journeys")) as running:
        yield running


@pytest.fixture
def here(simulator: Simulator, tmp_path: pathlib.Path) -> t.Iterator[Controller]:
    """A controller."""
    controller = Controller(tmp_path / "controller", simulator)
    yield controller
    controller.end()


def test_the_three_legs(simulator: Simulator, here: Controller) -> None:
    here.knows(["edge"])
    for leg in LEGS:
        here.run(leg).succeeded()
    assert simulator.stamp("edge")["status"] == "Registered"
    for leg in LEGS:
        assert here.run(leg).succeeded().changed == 0


def test_connected_registration(simulator: Simulator, here: Controller) -> None:
    simulator.do("add-principal", name=USER, kind="user")
    here.knows({"joined": {"azs_refresh_token": simulator.do("refresh-token", user=USER)}})
    here.run("connected_register").succeeded()
    stamp = simulator.stamp("joined")
    assert stamp["status"] == "Registered"
    assert stamp["last_token_request"]["UsageReportingEnabled"] is True
    assert stamp["last_token_request"]["MarketplaceSyndicationEnabled"] is True
    assert here.run("connected_register").succeeded().changed == 0
