# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for a long step sees what is going on."""

from __future__ import annotations

import re
import stat
import typing as t

import pytest
from controllers import LEGS, Controller, Elsewhere, until
from test_operator_errors import bring_key

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {
            "name": "here",
            "nodes": 1,
            "registration": {"activated": False},
            "durations": {"Get-AzureStackStampInformation": 2.5, "New-AzureStackActivation": 5.0},
        },
        {
            "name": "there",
            "nodes": 1,
            "registration": {"activated": False},
            "durations": {"New-AzureStackActivation": 5.0},
        },
    ],
}


@pytest.mark.deep
def test_progress_of_a_long_activation(
    simulator: Simulator, controller: t.Callable[..., Controller], elsewhere: t.Callable[..., Elsewhere]
) -> None:
    """Every interval a line says which stamp, what, for how long, and what the stamp reports; on another host all but that."""
    runner = elsewhere("runner")
    operator = controller().knows(
        {"here": {}, "there": {"azs_pep_runner": "runner"}},
        runners={"runner": runner.variables()},
        azs_pep_progress_interval=1,
    )
    bring_key(simulator, "here", operator.bundle)
    bring_key(simulator, "there", runner.bundle)
    running = operator.start(LEGS[2])
    record = until(lambda: list(operator.home.rglob("azs-progress-*")), "the file with progress records")[0]
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    play = running.wait().succeeded()
    assert not record.exists()

    reports = re.findall(
        r"^here: activating the stamp: 0m(\d\d)s, New-AzureStackActivation: \S.* \((\d+) %\)$",
        play.output,
        re.MULTILINE,
    )
    assert len(reports) >= 2
    for numbers in zip(*reports, strict=True):
        assert list(numbers) == sorted(numbers)
    assert {percent for _seconds, percent in reports} <= {"20", "40", "60", "80"}
    assert re.search(r"^here: activating the stamp, reading the stamp information: 0m\d\ds", play.output, re.MULTILINE)
    assert len(re.findall(r"^there: activating the stamp: 0m\d\ds$", play.output, re.MULTILINE)) >= 3
