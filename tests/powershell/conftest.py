# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps whose cmdlets a real PowerShell runs."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from processes import ROOT, Modules
from stamps import Operator, Stamps

from azs_simulator.client import Simulator
from azs_simulator.powershell import NoPowerShell, find_pwsh
from azs_simulator.settings import PLAIN

FLEET: t.Final = {
    "engine": "powershell",
    "stamps": [
        {"name": "modern-{n}", "count": 30, "nodes": 4, "ercs": 2},
        {"name": "old-{n}", "count": 2, "version": "1.1904.0.36", "nodes": 4, "ercs": 1},
        {"name": "connected-{n}", "count": 8, "nodes": 4, "ercs": 1, "connected": True},
        {"name": "registered-{n}", "count": 20, "nodes": 4, "ercs": 1, "registration": {"activated": False}},
        {
            "name": "slow-{n}", "count": 6, "nodes": 4, "ercs": 2, "registration": {"activated": False},
            "durations": {"New-AzureStackActivation": 4.0}, "progress_records": {"New-AzureStackActivation": 4},
        },
        {"name": "activated-{n}", "count": 4, "nodes": 4, "ercs": 1, "registration": {}},
    ],
    "settings": PLAIN,
}  # fmt: skip


def pytest_sessionstart() -> None:
    """Say how to get a PowerShell where there is none."""
    try:
        find_pwsh()
    except NoPowerShell as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def collections_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Directory to put on PYTHONPATH so that the collection is found under its name, wherever it was cloned to."""
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
def operator(modules: Modules, stamps: Stamps, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[str], Operator]]:
    """Operators of stamps of a kind, each with a stamp of its own: ``operator("modern")``."""
    yield lambda kind: Operator(modules, stamps.simulator, stamps.take(kind), tmp_path / "bundle")
    stamps.simulator.clear_faults()
