# SPDX-License-Identifier: GPL-3.0-or-later
"""What action plans tell, in the forms of public transcripts."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan

GUID: t.Final = "3f6c2f5e-8a35-4b4e-9f0e-4f2f1f7c1a11"
STORY: t.Final = [
    "\r\nECE client is created.",
    f"Action plan instance ID specified: {GUID}",
    "StartTime: 11/26/2026 10:00:00",
    "",
    "\r\nOverall action status: 'Running'",
    "\r\nStep 'Activate the bridge' status: 'InProgress'",
]
FAILED: t.Final = {
    "instanceid": GUID, "actionplanname": "Activate", "actiontypename": "Activate", "status": "Failed",
    "progressasxml": '<Action Status="Error"><Steps><Step Name="Prepare" Status="Success"/><Step Name="Activate the bridge" '
    'Status="Error"><Task Name="Call Azure" Status="Error"><Exception><Message>The key is refused</Message></Exception></Task>'
    "</Step></Steps></Action>",
}


@pytest.mark.parametrize(
    ("lines", "output", "status"),
    [
        (STORY, [], None),
        ([*STORY, f"ActionPlanInstanceID: '{GUID}' CurrentStatus: 'Completed'"], [], "Completed"),
        ([*STORY, "Action plan finished with status: 'Completed'"], [], "Completed"),
        ([*STORY, "\r\nDONE"], [], "Completed"),
        ([*STORY, f"ActionPlanInstanceID: '{GUID}' CurrentStatus: 'Failed'"], [], "Failed"),
        ([*STORY, "Action plan finished with status: 'Failed'"], [], "Failed"),
        ([*STORY, "Action plan finished with status: 'Failed'", "DONE"], [], "Failed"),
        (STORY, [FAILED], "Failed"),
        ([*STORY, "Action plan finished with status: 'Completed'"], [FAILED], "Failed"),
        (STORY, [{**FAILED, "status": "Completed", "progressasxml": ""}], "Completed"),
        ([], [{"status": "Failed"}], None),  # no plan's instance
    ],
)
def test_how_a_plan_ended(lines: list[str], output: list[dict[str, str]], status: str | None) -> None:
    assert action_plan.outcome(lines, output).status == status


def test_the_failed_step_and_what_it_says() -> None:
    plan = action_plan.outcome(STORY, [FAILED])
    assert (plan.step, plan.cause) == ("Call Azure", "The key is refused")


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("\r\nStep 'Activate the bridge' status: 'InProgress'", ("Activate the bridge", "InProgress")),
        ("\r\nOverall action status: 'Running'", ("", "Running")),
        ('Input parameters: {"ActivationKey": "eyJ..."}', None),
        ("New-AzureStackActivation : BEGIN on AZS-ERCS01 as CONTOSO\\CloudAdmin", None),
        ("", None),
    ],
)
def test_only_what_is_recognised_is_shown(line: str, step: tuple[str, str] | None) -> None:
    assert action_plan.step_in(line) == step


def test_busy_is_found_in_any_stream() -> None:
    line = (
        'Error in ECEClient. Error: Exception calling "GetResult" with "0" argument(s): "Cannot invoke action plan because another '
        f'action is in progress: {GUID}"'
    )
    assert action_plan.busy_in(["something else", line]) == (
        f"Cannot invoke action plan because another action is in progress: {GUID}"
    )
    assert action_plan.busy_in(STORY) is None


@pytest.mark.parametrize(
    ("value", "properties", "noise"),
    [(GUID, {}, True), ("dG9rZW4=", {}, False), (object(), FAILED, True), (object(), {"objectid": GUID}, False)],
)
def test_what_stands_beside_a_result(value: object, properties: dict[str, str], noise: bool) -> None:
    assert action_plan.is_noise(value, properties) is noise


@pytest.mark.parametrize("document", ["<Action", '<!DOCTYPE x [<!ENTITY a "b">]><Action/>', "text", "<Action/>"])
def test_an_odd_document_tells_nothing(document: str) -> None:
    assert action_plan.outcome([], [{**FAILED, "progressasxml": document}]) == action_plan.Plan("Failed", None, None)
