# SPDX-License-Identifier: GPL-3.0-or-later
"""What PowerShell answers today, beside the built-in engine and beside what the tests believe of it."""

from __future__ import annotations

import asyncio
import re
import typing as t

import pytest
import recorder
from test_engine import invoke, pool

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

VERBOSE, WARNING, PROGRESS, ERROR, OUTPUT, STATE = 0x41008, 0x41009, 0x41010, 0x41005, 0x41004, 0x41006
TOKEN: t.Final = "New-RegistrationToken"

CALLS: t.Final[tuple[tuple[str, dict[str, t.Any]], ...]] = (
    (TOKEN, {"BillingModel": "Development", "UsageReportingEnabled": None, "MarketplaceSyndicationEnabled": True}),
    (TOKEN, {"BillingModel": "Development", "UsageReportingEnabled": False}),
    (TOKEN, {"BillingModel": "development", "agreementNUMBER": 5}),
    (TOKEN, {"Bill": "Capacity", "-Agree": "7"}),
    (TOKEN, {"BillingModel": "Capacity", "AgreementNumber": ""}),
    (TOKEN, {"BillingModel": "Nonsense"}),
    (TOKEN, {"BillingModel": "Development", "Wrong": "x"}),
    (TOKEN, {"BillingModel": "Development", "UsageReportingEnabled": "yes"}),
    (TOKEN, {"BillingModel": "Development", "UsageReportingEnabled": 1}),
    (TOKEN, {"BillingModel": "Development", "M": True}),
    (TOKEN, {"BillingModel": "Development", "TokenVersion": "5.0"}),
    ("New-AzureStackActivation", {"ActivationKey": ""}),
    ("New-AzureStackActivation", {"ActivationKey": "x", "TimeoutInSeconds": "20"}),
    ("Get-Nonsense", {}),
    ("Get-Command", {"Name": "Get-Nonsense"}),
)


@pytest.fixture(scope="module")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """The same kind of stamp with the built-in engine."""
    fleet = {"stamps": [{"name": "one", "nodes": 1, "ercs": 1}], "settings": PLAIN}
    with Simulator.start(fleet, tmp_path_factory.mktemp("built-in")) as running:
        yield running


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """And with PowerShell."""
    fleet = {"engine": "powershell", "stamps": [{"name": "one", "nodes": 1, "ercs": 1}], "settings": PLAIN}
    with Simulator.start(fleet, tmp_path_factory.mktemp("real")) as running:
        yield running


def answers(simulator: Simulator) -> list[tuple[t.Any, ...]]:
    """For each call: the ids of the errors, how many objects came out, and what reached the stamp."""
    found = []
    with pool(simulator, "one") as runspaces:
        for cmdlet, parameters in CALLS:
            shell = invoke(runspaces, cmdlet, **parameters)
            asked = {
                name: bool(value) if name.endswith("Enabled") else str(value)
                for name, value in simulator.stamp("one")["last_token_request"].items()
                if value is not False
            }
            errors = [
                re.sub(r"^AmbiguousParameter.*", "AmbiguousParameter", error.fq_error) for error in shell.streams.error
            ]
            found.append((cmdlet, errors, len(shell.output), asked))
    return found


def test_both_engines_bind_alike(built_in: Simulator, real: Simulator) -> None:
    pairs = zip(CALLS, answers(built_in), answers(real), strict=True)
    assert [(call, ours, theirs) for call, ours, theirs in pairs if ours != theirs] == []


def test_a_recording_made_now_has_what_was_recorded() -> None:
    rows = asyncio.run(recorder.bindings())
    null = {row["cmdlet"]: row["bound"] for row in rows if row["sent"] == {"Switch": None}}
    assert null == {"Test-Binding": ["Switch [switch] False"]}
    assert len(rows) == len(recorder.BINDINGS)
    assert {row["state"] for row in rows} == {"completed", "failed"}
