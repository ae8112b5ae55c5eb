# SPDX-License-Identifier: GPL-3.0-or-later
"""What Get-ActionStatus says is shown, and decides only where it is plain."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_status

NOW = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)
SECRET = "eyJhbGciOiJSUzI1NiJ9.secret.signature"


@pytest.mark.parametrize(
    ("output", "verdict", "part"),
    [
        ([{"Status": "Completed", "FunctionName": "New-AzureStackActivation"}], "succeeded", "status: Completed"),
        ([{"CurrentStatus": "Failed", "RuntimeParameters": SECRET}], "failed", "currentstatus: Failed"),
        ([{"Status": "Running"}], None, "status: Running"),
        ([{"Status": "Completed"}, {"Status": "Failed"}], None, "status: Failed"),
        (["New-AzureStackActivation: status is Failed"], "failed", "status is Failed"),
        (["Completed"], "succeeded", "Completed"),
        ([f"ActionPlanInstanceID: 'x' CurrentStatus: 'Failed' {SECRET}"], "failed", "Failed"),
        ([f"the key is {SECRET}"], None, ""),
        ([], None, ""),
        ([None, 5], None, ""),
    ],
)
def test_what_is_said(output: list[t.Any], verdict: str | None, part: str) -> None:
    found = action_status.read(output)
    assert found.verdict == verdict and part in found.text
    assert bool(found.text) is bool(part) and SECRET not in found.text


@pytest.mark.parametrize(
    ("started", "own"),
    [
        ("2026-11-20T12:00:05Z", True),
        ("2026-11-20T13:55:00+02:00", True),
        ("2025-11-20T12:00:00Z", False),
        ("2026-11-20T12:00:05", None),
    ],
)
def test_whether_it_is_of_this_plan(started: str, own: bool | None) -> None:
    assert action_status.read([{"Status": "Completed", "StartDateTime": started}]).is_of(NOW) is own
