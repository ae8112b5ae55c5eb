# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators, and controllers to run playbooks at."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from azs_simulator.client import Simulator
from plays import Controller, Elsewhere


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the molecule scenarios: the longest ones at the end would leave all processors but one idle."""
    items.sort(key=lambda item: item.get_closest_marker("molecule") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: t.Any) -> t.Any:
    """Say what runs side by side: the tests of a class or file share its simulator, a molecule scenario stands alone."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        """As ``--dist loadscope``, but for the scenarios."""

        def _split_scope(self, nodeid: str) -> str:
            return nodeid if "::test_scenario[" in nodeid else super()._split_scope(nodeid)

    return Scheduler(config, log)


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
