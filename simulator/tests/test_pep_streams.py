# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the streams of a cmdlet beside its result: action plans, hidden refusals, invocation info."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pep_lab import Lab, invoke
from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool

from azs_simulator.fleet import parse
from azs_simulator.story import STORIES
from azs_simulator.wording import WORDINGS
from azs_simulator.world import World


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab({"name": "stamp-01", "registration": {"activated": False}}, sessions_per_user=50, commands_per_shell=100)
    yield lab
    lab.close()


@pytest.fixture
def pool(lab: Lab) -> Iterator[RunspacePool]:
    lab.faults.remove()
    lab.world.change_settings({"plan_story": "silent", "plan_objects": False, "hidden_busy": False})
    with lab.pool(lab.stamp()) as pool:
        yield pool


def add(lab: Lab, kind: str, **effect: Any) -> None:
    match = {"cmdlet": "New-AzureStackActivation"}
    lab.faults.add({"service": "pep", "match": match, "effect": {"kind": kind, **effect}, "times": 1})


def lines(outcome: Any) -> list[str]:
    return [record.message or "" for record in outcome.shell.streams.verbose]


def test_what_a_plan_tells_is_drawn_at_every_start() -> None:
    drawn = [World(parse({}), seed).settings for seed in range(40)]
    assert {settings.plan_story for settings in drawn} == set(STORIES)
    assert (
        {settings.plan_objects for settings in drawn} == {settings.hidden_busy for settings in drawn} == {True, False}
    )
    assert {settings.wording for settings in drawn} == set(WORDINGS)
    assert {settings.disconnected_object_id for settings in drawn} == {"none", "zeros", "id"}


def test_a_plan_tells_its_steps_and_the_parameters_in_the_verbose_stream(lab: Lab, pool: RunspacePool) -> None:
    lab.world.change_settings({"plan_story": "input"})
    key = lab.activation_key(lab.stamp())
    told = lines(invoke(pool, "New-AzureStackActivation", ActivationKey=key))
    assert any(line.startswith("Input parameters: {") and key in line for line in told)
    assert any(line.startswith("\r\n") and "Step 'Run the operation' status: 'InProgress'" in line for line in told)
    assert "" in told
    assert any("Action plan finished with status: 'Completed'" in line for line in told)


def test_id_and_instance_of_the_plan_stand_before_the_result(lab: Lab, pool: RunspacePool) -> None:
    lab.world.change_settings({"plan_objects": True})
    plan, instance, result = invoke(pool, "Get-AzureStackStampInformation").output
    assert instance.extended_properties["InstanceID"] == plan
    assert instance.extended_properties["Status"] == "Completed"
    assert result.extended_properties["CloudID"] == lab.stamp().cloud_id


@pytest.mark.parametrize("told", ["verbose", "output", "both"])
def test_a_plan_fails_without_an_error(lab: Lab, pool: RunspacePool, told: str) -> None:
    lab.stamp().deactivate()
    add(lab, "plan_failed", told=told, step="Activate", message="No <route>")
    outcome = invoke(pool, "New-AzureStackActivation", ActivationKey=lab.activation_key(lab.stamp()))
    assert (outcome.state, outcome.errors) == (PSInvocationState.COMPLETED, [])
    assert any("finished with status: 'Failed'" in line for line in lines(outcome)) == (told != "output")
    assert [one.extended_properties["Status"] for one in outcome.output[1:]] == (
        [] if told == "verbose" else ["Failed"]
    )
    assert lab.stamp().activation is None


def test_busy_hides_in_the_verbose_stream(lab: Lab, pool: RunspacePool) -> None:
    add(lab, "busy", hidden=True)
    outcome = invoke(pool, "New-AzureStackActivation", ActivationKey="key")
    assert outcome.error[1] == "CommandNotFoundException"
    assert "'tnc'" in outcome.error[0]
    assert any("because another action is in progress" in line for line in lines(outcome))
    lab.world.change_settings({"hidden_busy": True})
    lab.stamp().busy = "cea1c7f1-0000-4000-8000-000000000000"
    try:
        outcome = invoke(pool, "Get-AzureStackStampInformation")
    finally:
        lab.stamp().busy = None
    assert any("cea1c7f1-0000-4000-8000-000000000000" in line for line in lines(outcome))


def test_records_hold_parameters_and_source_only_if_the_client_asks_for_them(lab: Lab, pool: RunspacePool) -> None:
    key = lab.activation_key(lab.stamp())
    for options in (0, 15):
        shell = PowerShell(pool).add_cmdlet("New-AzureStackActivation").add_parameter("ActivationKey", key)
        shell.begin_invoke(remote_stream_options=options)
        shell.end_invoke()
        records = [*shell.streams.verbose, *shell.streams.warning]
        assert records
        for record in records:
            assert bool(record.invocation) == bool(options)
            assert (key in str(vars(record))) == bool(options)
