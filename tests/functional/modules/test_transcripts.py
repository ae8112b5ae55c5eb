# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module of the privileged endpoint ships the transcript of its session when it is told to, as the last thing in it."""

from __future__ import annotations

import typing as t

import pytest
from processes import Outcome
from stamps import Operator

pytestmark = pytest.mark.deep

USER: t.Final = "operator@rehearsal.onmicrosoft.com"
SECRET: t.Final = "Tr4nscript:secret"
SHARE: t.Final = {
    "pep_transcript_share": r"\\files.example\transcripts",
    "pep_transcript_username": r"CORP\auditor",
    "pep_transcript_password": SECRET,
}


def principal(here: Operator) -> Outcome:
    """azs_bridge_principal"""
    (cloud,) = here.simulator.state()["clouds"].values()
    if USER not in [one["name"] for one in cloud["principals"]]:
        here.simulator.do("add-principal", name=USER, kind="user")
    token = here.simulator.do("refresh-token", user=USER)
    return here.run("azs_bridge_principal", {**SHARE, "bridge_principal_refresh_token": token})


def activate(here: Operator) -> Outcome:
    """azs_activation"""
    here.bring_key()
    return here.activate(SHARE)


MODULES: t.Final[dict[str, tuple[str, t.Callable[[Operator], Outcome]]]] = {
    "token": ("modern", lambda here: here.token(SHARE)),
    "principal": ("modern", principal),
    "activation": ("registered", activate),
    "deactivation": ("activated", lambda here: here.activate({**SHARE, "state": "absent"})),
}


@pytest.mark.parametrize("module", MODULES)
def test_ships_the_transcript_last(operator: t.Callable[[str], Operator], module: str) -> None:
    kind, run = MODULES[module]
    here = operator(kind)
    outcome = run(here)
    assert outcome.changed
    assert here.cmdlets()[-1] == "Close-PrivilegedEndpoint"
    assert here.state()["transcripts"] == [{"destination": SHARE["pep_transcript_share"], "username": r"CORP\auditor"}]
    assert SECRET not in outcome.printed


@pytest.mark.parametrize("module", ["token", "activation"])
def test_ships_it_after_a_failure_too(operator: t.Callable[[str], Operator], module: str) -> None:
    kind, run = MODULES[module]
    here = operator(kind)
    for cmdlet in ("New-RegistrationToken", "New-AzureStackActivation"):
        here.fault("error", match={"action": "Command", "cmdlet": cmdlet}, message="The moon is full.")
    outcome = run(here)
    here.simulator.clear_faults()
    assert outcome.kind == "pep_cmdlet_failed"
    assert here.cmdlets()[-1] == "Close-PrivilegedEndpoint"
    assert len(here.state()["transcripts"]) == 1
