# SPDX-License-Identifier: GPL-3.0-or-later
"""What verbose text and output objects tell of an action plan: its steps, its end, what failed, and what is in its way."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan

GUID = "5a1f6d0e-97a8-4a8c-8f1d-5a2d8f1c0b11"
BUSY = f"Cannot invoke action plan because another action is in progress: {GUID}"
BEGIN = [
    "\r\nNew-AzureStackActivation : BEGIN on AZS-ERCS01 as AZURESTACK\\CloudAdmin",
    '\r\nInput parameters: {"ActivationKey": "secret", "Note": "Step \'secret\' status: \'InProgress\'"}',
    "",
    f"\r\nAction plan instance ID specified: {GUID}",
    "StartTime: 11/26/2026 20:00:00",
    "\r\nOverall action status: 'Pending'",
    "\r\nOverall action status: 'Running'\r\n\r\nStep 'Activate the bridge' status: 'InProgress'",
]
FAILED = [
    f"\r\nActionPlanInstanceID: '{GUID}' CurrentStatus: 'Failed'",
    "\r\nAction plan finished with status: 'Failed'",
]
COMPLETED = [f"ActionPlanInstanceID: '{GUID}' CurrentStatus: 'Completed'"]
XML = """<?xml version="1.0" encoding="utf-16"?>
<Action Name="Register" Status="Error"><Steps>
  <Step Index="1" Name="Prepare" Status="Success"><Task Status="Success"/></Step>
  <Step Index="2" Name="Outer" Status="Error"><Task Status="Error"><Action Status="Error"><Steps>
    <Step Index="1" Name="Call the bridge" Status="Error"><Task RolePath="Cloud" Status="Error">
      <Exception><Message>Function 'Set-Bridge' in module 'Bridge' raised an exception:
the bridge is away</Message><StackTrace>at Bridge</StackTrace></Exception></Task></Step>
  </Steps></Action></Task></Step></Steps></Action>"""


def plan(status: str | None, **more: t.Any) -> dict[str, t.Any]:
    """Return the object of a plan as output."""
    return {"InstanceID": GUID, "ActionPlanName": "Register", "Status": status, **more}


def test_steps_are_told_by_name_and_status_and_nothing_else_is() -> None:
    assert [step for text in BEGIN for step in action_plan.steps_in(text)] == [("Activate the bridge", "InProgress")]
    assert action_plan.steps_in("VERBOSE: Step 'It isn't up' status: 'Success'.") == [("It isn't up", "Success")]


@pytest.mark.parametrize(
    ("verbose", "output", "completed"),
    [
        (BEGIN, [], None),
        ([], [], None),
        ([*BEGIN, *COMPLETED], [], True),
        ([*BEGIN, "\r\nDONE"], [], True),
        ([*BEGIN, *FAILED], [], False),
        ([*BEGIN, *FAILED, "DONE"], [], False),
        ([*BEGIN, *FAILED, *BEGIN, *COMPLETED], [], True),
        ([*BEGIN, *FAILED, *BEGIN], [], None),
        (["The last plan is DONE"], [], None),
        (["action plan finished with status: 'failed'"], [], False),
        (['Action plan finished with status: "Failed"'], [], False),
        (["Overall action status is Failed"], [], False),
        (BEGIN, ["Action plan finished with status: 'Failed'"], False),
        (BEGIN, [[GUID, plan("Failed")]], False),
        ([], [plan("Completed")], True),
        ([], [GUID, plan("Failed")], False),
        ([*BEGIN, *COMPLETED], [plan("Failed")], False),
        ([*BEGIN, *FAILED], [plan("Completed")], False),
        ([], [plan("Running")], None),
        ([], [plan("Completed"), {**plan("Failed"), "InstanceID": "child", "ParentActionPlanInstanceID": GUID}], True),
        ([], [plan("Failed"), {**plan("Completed"), "InstanceID": "later"}], True),
    ],
)
def test_the_end_of_a_plan(verbose: list[str], output: list[t.Any], completed: bool | None) -> None:
    assert action_plan.read(verbose, output).completed is completed


def test_the_innermost_step_that_failed_and_what_the_plan_says_of_it() -> None:
    found = action_plan.read([*BEGIN, *FAILED], [plan("Failed", ProgressAsXml=XML)])
    assert found.step == "Call the bridge"
    assert found.why == "Function 'Set-Bridge' in module 'Bridge' raised an exception: the bridge is away"


@pytest.mark.parametrize(
    "document", ["", "no xml", "<Action", "<!DOCTYPE a [<!ENTITY b 'c'>]><Action Status='Error'>&b;</Action>", 5, None]
)
def test_a_plan_whose_xml_tells_nothing_failed_at_the_step_of_the_verbose_stream(document: t.Any) -> None:
    found = action_plan.read([*BEGIN, *FAILED], [plan("Failed", ProgressAsXml=document)])
    assert (found.step, found.why) == ("Activate the bridge", None)
    told = [*BEGIN, "Step 'Activate the bridge' status: 'Error'", "Step 'Clean up' status: 'InProgress'", *FAILED]
    assert action_plan.read(told, []).step == "Activate the bridge"


def test_another_plan_is_in_the_way_unless_the_own_one_went_on() -> None:
    hidden = f'Error in ECEClient. Error: Exception calling "GetResult" with "0" argument(s): "{BUSY}"'
    assert action_plan.read([hidden], []).busy == BUSY
    assert action_plan.read([*BEGIN, hidden], []).busy == BUSY
    assert action_plan.read([hidden, *BEGIN, *COMPLETED], []).busy is None


def test_results_are_what_no_plan_left_in_the_output() -> None:
    result = {"ObjectId": "o"}
    assert action_plan.results(
        [GUID, None, " ", plan("Completed"), result, {"InstanceID": "i", "Status": 1}, "text"]
    ) == [result, "text"]
