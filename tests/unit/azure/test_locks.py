# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals while a registration is unlocked."""

from __future__ import annotations

import os
import signal
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure import locks
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from scripted import Answer, Server

WHERE = RegistrationId("s", "g", "r")


def step() -> str:
    """What a hangup arrives in."""
    os.kill(os.getpid(), signal.SIGHUP)
    return "done"


@pytest.fixture(params=[signal.SIG_IGN, signal.SIG_DFL], ids=["ignored", "default"])
def hangups(request: pytest.FixtureRequest) -> t.Iterator[signal.Handlers]:
    """What this process does about hangups, for the time of a test."""
    before = signal.signal(signal.SIGHUP, request.param)
    yield request.param
    signal.signal(signal.SIGHUP, before)


def test_a_hangup_ends_the_step_unless_hangups_are_ignored(hangups: signal.Handlers) -> None:
    with Server(Answer({"name": locks.NAME, "id": "/l", "properties": {"level": locks.LEVEL}})) as server:
        client = ArmClient(server.url, Trust().transport())
        try:
            outcome = locks.unlocked(client, WHERE, step, doing="try", locked=True)
        except AzsError as error:
            outcome = error.kind
        assert [request.split()[0] for request in server.requests] == ["DELETE", "PUT"]
    assert outcome == ("done" if hangups is signal.SIG_IGN else "interrupted")
    assert signal.getsignal(signal.SIGHUP) is hangups


@pytest.mark.parametrize("code", ["LockNotFound", "ManagementLockNotFound", "Whatever_4711"])
def test_a_lock_that_is_gone_already_is_lifted_whatever_the_code_of_the_404(code: str) -> None:
    with Server(Answer({"error": {"code": code, "message": "No."}}, 404)) as server:
        locks.lift(ArmClient(server.url, Trust().transport()), WHERE)


@pytest.mark.parametrize(
    "code", ["RegistrationNotFound", "ResourceGroupNotFound", "SubscriptionNotFound", "InvalidResourceType"]
)
def test_a_404_of_something_else_lifts_no_lock(code: str) -> None:
    with Server(Answer({"error": {"code": code, "message": "No."}}, 404)) as server, pytest.raises(AzsError) as caught:
        locks.lift(ArmClient(server.url, Trust().transport()), WHERE)
    assert caught.value.code == code
