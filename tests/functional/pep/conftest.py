# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated stamp for tests that hold a session themselves."""

from __future__ import annotations

import typing as t

import pytest

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

FLEET: t.Final = {
    "stamps": [
        {"name": "stamp-{n}", "count": 16, "nodes": 1, "ercs": 1},
        {"name": "recorded", "nodes": 1, "ercs": 1},
        {"name": "tls", "nodes": 1, "ercs": 1, "pep_tls": True},
    ],
    # Requests are counted, and what a plan tells takes some more.
    "settings": PLAIN,
}


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests; each uses a stamp of its own."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("stamps")) as running:
        yield running
