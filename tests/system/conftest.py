# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulators, and controllers to run playbooks at."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from controllers import Controller, Elsewhere

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN


@pytest.fixture(scope="session", autouse=True)
def quiet_plans() -> t.Iterator[None]:
    """Let services tell nothing more than they must, unless a fleet says otherwise: requests and progress lines are counted here.

    tests/functional and the rehearsal leave it to chance.
    """
    start = Simulator.start

    def quietly(fleet: t.Any, *arguments: t.Any, **options: t.Any) -> Simulator:
        if isinstance(fleet, dict):
            fleet = {**fleet, "settings": {**PLAIN, **fleet.get("settings", {})}}
        return start(fleet, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Simulator, "start", quietly)
        yield


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
