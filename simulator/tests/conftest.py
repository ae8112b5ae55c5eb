# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators to test with."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from azure_lab import SMALL_FLEET, Arm

from azs_simulator.client import Simulator


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start simulators of any fleet: ``simulate({"stamps": [...]})``. They end with the test."""
    started: list[Simulator] = []

    def start(fleet: Mapping[str, t.Any], **options: t.Any) -> Simulator:
        started.append(Simulator.start(fleet, tmp_path / f"simulator-{len(started)}", **options))
        return started[-1]

    yield start
    for simulator in started:
        simulator.stop()


@pytest.fixture
def simulator(request: pytest.FixtureRequest, simulate: Callable[..., Simulator]) -> Simulator:
    """A simulator of the test's own, of the module's FLEET or else a small one."""
    return simulate(getattr(request.module, "FLEET", SMALL_FLEET))


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulator for all tests that change nothing which others could see."""
    with Simulator.start(SMALL_FLEET, tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def arm(simulator: Simulator) -> Arm:
    """ARM of the test's own simulator, signed in as the inventory's account."""
    return Arm(simulator)
