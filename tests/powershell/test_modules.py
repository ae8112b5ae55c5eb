# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call that the modules make at a privileged endpoint. Tests of the built-in engine are taken over: both mean the same."""
# ruff: noqa: F401
# pylint: disable=unused-import

from __future__ import annotations

import base64
import json
import os
import signal
import typing as t

import pytest
from stamps import Operator
from test_azs_activation import (
    registered,
    test_a_busy_stamp,
    test_a_dropped_connection_does_not_start_the_activation_again,
    test_a_key_that_the_stamp_refuses,
    test_a_lost_deactivation_is_read_back,
    test_a_lost_session_is_read_back,
    test_a_lost_session_that_cannot_be_read_back,
    test_activates_and_keeps_a_receipt,
    test_an_execution_timeout_is_read_back,
    test_an_interrupted_activation_closes_its_session_and_leaves_no_receipt,
    test_deactivates_and_forgets_the_receipt,
    test_progress_is_told_while_the_stamp_works,
)
from test_azs_bridge_principal import (
    bridge,
    test_check_mode_reads_the_stamp_information_alone,
    test_makes_a_principal_in_one_session_with_one_cmdlet,
)
from test_engine import processes
from test_transcripts import test_ships_it_after_a_failure_too, test_ships_the_transcript_last

ACTIVATE: t.Final = "New-AzureStackActivation"


def decoded(token: str) -> dict[str, t.Any]:
    """What a token says."""
    return t.cast("dict[str, t.Any]", json.loads(base64.b64decode(token)))


def test_reads_the_stamp_and_leaves_the_noise_out(operator: t.Callable[[str], Operator]) -> None:
    here = operator("modern")
    outcome = here.run("azs_stamp_info")
    assert not outcome.changed
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    assert outcome["stamp"]["stamp_version"] == "1.2311.1.22"


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("marketplace", [True, False])
def test_the_token_says_of_the_switches_what_was_asked(
    operator: t.Callable[[str], Operator], usage: bool, marketplace: bool
) -> None:
    here = operator("modern")
    options = {
        "billing_model": "Development", "agreement_number": None, "disconnected": False,
        "usage_reporting": usage, "marketplace_syndication": marketplace,
    }  # fmt: skip
    outcome = here.token(options)
    assert outcome.changed
    (file,) = here.bundle.glob(f"{here.stamp}.registration-token.txt")
    says = decoded(file.read_text(encoding="utf-8"))
    assert (says["usageReportingEnabled"], says["marketplaceSyndicationEnabled"]) == (usage, marketplace)


def test_a_version_without_the_newer_parameters(operator: t.Callable[[str], Operator]) -> None:
    here = operator("old")
    assert here.token().changed
    asked = here.state()["last_token_request"]
    assert "TokenVersion" not in asked and "MsAssetTag" not in asked


def test_a_thrown_text_is_told(operator: t.Callable[[str], Operator]) -> None:
    here = operator("modern")
    text = "The moon is full"
    here.fault(
        "error",
        match={"action": "Command", "cmdlet": "New-RegistrationToken"},
        message=text,
        fully_qualified_error_id=text,
    )
    outcome = here.token()
    assert outcome.kind == "pep_cmdlet_failed" and text in outcome.message


def test_a_process_that_dies_during_an_activation_leaves_the_outcome_unknown(
    operator: t.Callable[[str], Operator],
) -> None:
    here = operator("slow")
    here.bring_key()
    before = set(processes(here.simulator))
    mark = here.simulator.mark()
    running = here.start("azs_activation", {**here.place, "cloud_id": here.cloud_id})
    here.simulator.wait_for(mark, 60, stamp=here.stamp, action="Receive", cmdlet=ACTIVATE)
    for pid in set(processes(here.simulator)) - before:
        os.kill(pid, signal.SIGKILL)
    assert running.wait().kind == "outcome_unknown"
    assert not here.receipt.exists()


def test_a_process_that_dies_during_an_activation_is_read_back(operator: t.Callable[[str], Operator]) -> None:
    here = operator("slow")
    here.bring_key()
    before = set(processes(here.simulator))
    mark = here.simulator.mark()
    running = here.start("azs_activation", {**here.place, **here.admin, "cloud_id": here.cloud_id})
    here.simulator.wait_for(mark, 60, stamp=here.stamp, action="Receive", cmdlet=ACTIVATE)
    for pid in set(processes(here.simulator)) - before:
        os.kill(pid, signal.SIGKILL)
    outcome = running.wait()
    assert outcome.changed and outcome["confirmed"]
    assert here.state()["status"] == "Registered"
