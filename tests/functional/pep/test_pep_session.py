# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions at a simulated privileged endpoint, held in this process."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import PepError, PepSessionLost
from ansible_collections.azurestack.hub.plugins.module_utils._options import PEP_SPEC
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession, open_session

from azs_simulator.client import Simulator

_NUMBERS = itertools.count(1)
INFORMATION = "Get-AzureStackStampInformation"


class Endpoint:
    """A stamp's privileged endpoint."""

    def __init__(self, simulator: Simulator, stamp: str) -> None:
        self.simulator = simulator
        self.stamp = stamp
        self.warnings: list[str] = []
        self._mark = simulator.mark()

    def options(self, **changes: t.Any) -> PepOptions:
        """Return the options that reach it."""
        host = self.simulator.host(self.stamp)
        given = {name: host.get(f"azs_{name}", spec.get("default")) for name, spec in PEP_SPEC.items()}
        return PepOptions.from_params({**given, **changes})

    def open(self, **changes: t.Any) -> t.ContextManager[PepSession]:
        """Open a session."""
        return open_session(self.options(**changes), self.warnings.append)

    def actions(self) -> list[str]:
        """Return what it was asked since the beginning."""
        return [entry["action"] for entry in self.simulator.requests(self._mark, "pep") if entry["stamp"] == self.stamp]

    def fault(self, kind: str, match: dict[str, str], **options: t.Any) -> None:
        """Add a fault rule."""
        self.simulator.fault("pep", kind, match={"stamp": self.stamp, **match}, **options)


@pytest.fixture
def endpoint(simulator: Simulator) -> Endpoint:
    """The endpoint of a stamp that no other test uses."""
    return Endpoint(simulator, f"stamp-{next(_NUMBERS)}")


def test_a_session_costs_seven_requests_and_each_further_cmdlet_three(endpoint: Endpoint) -> None:
    with endpoint.open() as session:
        for dummy in range(3):
            cmdlets.stamp_information(session)
    once = ["Command", "Receive"]
    assert endpoint.actions() == [
        *["Authenticate"] * 3,
        "Create",
        "Receive",
        "Receive",
        *once,
        "Signal",
        *once,
        "Signal",
        *once,
        "Delete",
    ]


def test_a_connection_that_was_cut_while_idle_is_renewed(endpoint: Endpoint) -> None:
    with endpoint.open() as session:
        first = cmdlets.stamp_information(session)
        endpoint.simulator.do("close-ercs", stamp=endpoint.stamp)
        endpoint.simulator.do("open-ercs", stamp=endpoint.stamp)
        assert cmdlets.stamp_information(session) == first
    assert endpoint.actions().count("Create") == 1
    assert endpoint.actions()[-1] == "Delete"


def test_a_connection_that_is_cut_again_and_again(endpoint: Endpoint) -> None:
    endpoint.fault("drop_middle", {"action": "Receive", "cmdlet": INFORMATION}, times=3)
    with endpoint.open() as session:
        assert cmdlets.stamp_information(session).nodes == 1
    assert endpoint.actions().count("Command") == 1


def test_an_endpoint_that_says_nothing_for_a_while(endpoint: Endpoint) -> None:
    endpoint.fault("hang", {"action": "Receive", "cmdlet": INFORMATION})
    with endpoint.open(pep_operation_timeout=1) as session:
        assert cmdlets.stamp_information(session).nodes == 1


def test_a_cmdlet_that_takes_longer_than_one_request_may(endpoint: Endpoint) -> None:
    match = {"action": "Receive", "cmdlet": INFORMATION}
    endpoint.fault("fault", match, times=2, code=2150858793, message="Timed out. ")
    with endpoint.open() as session:
        assert cmdlets.stamp_information(session).nodes == 1


def test_a_session_that_takes_long_to_open(endpoint: Endpoint) -> None:
    endpoint.fault("fault", {"action": "Receive"}, times=2, code=2150858793, message="Timed out. ")
    with endpoint.open() as session:
        assert cmdlets.stamp_information(session).nodes == 1


def test_a_lost_session_is_told_apart_by_what_the_cmdlet_does(endpoint: Endpoint) -> None:
    with endpoint.open() as session:
        endpoint.fault("shell_gone", {"action": "Receive"})
        with pytest.raises(PepSessionLost) as lost:
            cmdlets.deactivate(session, timeout=60)
    assert lost.value.kind == "pep_session_lost"
    assert "Read the state back" in (lost.value.remedy or "")
    assert lost.value.code == "2150858843"
    with endpoint.open() as session:
        endpoint.fault("shell_gone", {"action": "Receive"})
        with pytest.raises(PepSessionLost) as lost:
            cmdlets.stamp_information(session)
    assert lost.value.remedy == "Run the same command again"


def test_a_cmdlet_that_was_not_started_leaves_no_unknown_outcome(endpoint: Endpoint) -> None:
    with endpoint.open() as session:
        cmdlets.stamp_information(session)
        endpoint.fault("shell_gone", {"action": "Signal"})
        with pytest.raises(PepSessionLost) as lost:
            cmdlets.deactivate(session, timeout=60)
    assert lost.value.remedy == "Run the same command again"


def test_scripts_are_never_sent_and_the_refusal_is_known(endpoint: Endpoint) -> None:
    with endpoint.open() as session, pytest.raises(PepError) as refused:
        session.run("Get-Process", timeout=60)
    assert refused.value.kind == "pep_cmdlet_unknown"


def test_progress_records_are_told(simulator: Simulator, endpoint: Endpoint) -> None:
    simulator.settings(durations={INFORMATION: 0.1}, progress_records={INFORMATION: 3})
    told: list[tuple[str, str, int]] = []
    with endpoint.open() as session:
        cmdlets.stamp_information(session, lambda *record: told.append(record))
    simulator.settings(durations={INFORMATION: 0.0}, progress_records={INFORMATION: 0})
    assert told[-1] == (INFORMATION, "Running step 3 of 3", 75)


def test_transcripts_are_shipped_after_a_failure_too(endpoint: Endpoint) -> None:
    share = {
        "pep_transcript_share": r"\\files\share",
        "pep_transcript_username": "auditor",
        "pep_transcript_password": "pass:word",
    }
    with pytest.raises(PepError), endpoint.open(**share) as session:
        session.run("Get-Process", timeout=60)
    assert endpoint.warnings == []
    assert endpoint.actions().count("Command") == 2


def test_tls_survives_a_dropped_connection(simulator: Simulator) -> None:
    endpoint = Endpoint(simulator, "tls")
    endpoint.fault("drop_middle", {"action": "Receive", "cmdlet": INFORMATION})
    with endpoint.open() as session:
        assert cmdlets.stamp_information(session).stamp_version == "1.2311.1.22"
