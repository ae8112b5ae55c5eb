# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators, and controllers to run playbooks at."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from azs_simulator.client import Simulator
from plays import Controller, Elsewhere


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what can run side by side: those of a class or file share its simulator, a molecule scenario stands alone.

    Scenarios come first: the longest ones at the end would leave all processors but one idle.
    """
    for item in items:
        alone = item.get_closest_marker("molecule") is not None
        item.add_marker(pytest.mark.xdist_group((item if alone else item.parent).nodeid))
    items.sort(key=lambda item: item.get_closest_marker("molecule") is None)


@pytest.fixture(scope="module")
def simulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """The simulator of a module's FLEET."""
    with Simulator.start(request.module.FLEET, tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture
def controller(simulator: Simulator, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., Controller]]:
    """Controllers: ``controller()``, ``controller("oldest")``. What they left running ends with the test."""
    made: list[Controller] = []

    def make(core: str = "newest") -> Controller:
        made.append(Controller(tmp_path / f"controller-{len(made)}", simulator, core))
        return made[-1]

    yield make
    for one in made:
        one.end()
    simulator.clear_faults()


@pytest.fixture
def elsewhere(tmp_path: pathlib.Path) -> t.Callable[..., Elsewhere]:
    """Machines behind ssh: ``elsewhere("pep-host")``."""
    return lambda name, **how: Elsewhere(tmp_path / name, **how)
