# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as processes, and simulated stamps to run them against."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from processes import ROOT, Modules
from stamps import FLEET, Operator, Stamps

from azs_simulator.client import Simulator


@pytest.fixture(scope="session")
def collections_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Directory to put on PYTHONPATH so that the collection is found under its name, wherever it was cloned to."""
    if ROOT.parts[-3:] == ("ansible_collections", "azurestack", "hub"):
        return ROOT.parents[2]
    path = tmp_path_factory.mktemp("collections")
    namespace = path / "ansible_collections" / "azurestack"
    namespace.mkdir(parents=True)
    (namespace / "hub").symlink_to(ROOT, target_is_directory=True)
    return path


@pytest.fixture
def modules(collections_path: pathlib.Path) -> t.Iterator[Modules]:
    """Runs modules as processes."""
    runner = Modules(collections_path)
    yield runner
    runner.end()


@pytest.fixture(scope="session")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Stamps]:
    """Stamps of many kinds in one simulator."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("stamps")) as simulator:
        yield Stamps(simulator)


@pytest.fixture
def operator(modules: Modules, stamps: Stamps, tmp_path: pathlib.Path) -> t.Callable[[str], Operator]:
    """Operators of stamps of a kind, each with a stamp of its own: ``operator("modern")``."""

    def of(kind: str) -> Operator:
        return Operator(modules, stamps.simulator, stamps.take(kind), tmp_path / "bundle")

    return of
