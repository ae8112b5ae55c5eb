# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios of extensions/molecule, each as one test: ``-k disconnected`` runs one of them.

pytest-ansible makes a parameter of every scenario that git tracks.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import typing as t

import pytest
from pytest_ansible import plugin
from pytest_ansible.molecule import MoleculeScenario

from azs_simulator.client import Simulator, SimulatorError

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.molecule, pytest.mark.deep]


@pytest.fixture
def workshop(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[pathlib.Path]:
    """Where a scenario keeps its files: a directory of its own, so that clones and scenarios can run at once.

    A scenario that was killed leaves its simulator behind; it ends with the test.
    """
    monkeypatch.setenv("MOLECULE_EPHEMERAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MOLECULE_COMMAND_BORDERS", "false")
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    yield tmp_path
    with contextlib.suppress(SimulatorError):
        Simulator.attach(tmp_path / "simulator").stop()


def test_every_scenario_is_run() -> None:
    """Without this, a scenario that git does not track would be missed silently, and without git all of them."""
    there = {file.parent.name for file in (ROOT / "extensions" / "molecule").glob("*/molecule.yml")}
    assert there
    assert {scenario.name for scenario in plugin.scenarios} == there, "git has to track every scenario: git add"


def test_scenario(molecule_scenario: MoleculeScenario, workshop: pathlib.Path) -> None:
    """`molecule test`: create, converge, idempotence, verify, cleanup, destroy."""
    # Molecule reads extensions/molecule/config.yml only when it starts beside galaxy.yml.
    molecule_scenario.parent_directory = ROOT
    assert molecule_scenario.test().returncode == 0
    assert not (workshop / "simulator").exists()
    assert not (workshop / "zones").exists()
