# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of sessions at a privileged endpoint: long cmdlets, lost connections and shells, large messages."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterator

import pytest
import requests
from pep_lab import SHELL_GONE, TIMED_OUT, Lab, invoke, script, take_over
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool

ACTIVATE = "New-AzureStackActivation"
DEACTIVATE = "Remove-AzureStackActivation"


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    lab = Lab({"name": "plain", "registration": {"activated": False}}, {"name": "small", "ercs": 1})
    yield lab
    lab.close()


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    yield shared
    shared.faults.remove()
    for stamp in shared.world.stamps.values():
        stamp.activation = None


def spoil(lab: Lab, action: str, kind: str, cmdlet: str = "", **effect: object) -> None:
    match = {"action": action, **({"cmdlet": cmdlet} if cmdlet else {})}
    lab.faults.add({"service": "pep", "match": match, "effect": {"kind": kind, **effect}})


def fresh(pool: RunspacePool) -> RunspacePool:
    """Let the pool go on over a new connection, as a client has to after losing one."""
    transport = pool.connection.transport
    transport.close()
    transport.session = transport.encryption = None
    return pool


# -- long cmdlets ----------------------------------------------------------------------------------------------------


def test_activation_tells_its_progress(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 1.0
    with lab.pool(stamp) as pool, lab.counted() as requests_made:
        outcome = invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp), TimeoutInSeconds=1800)
    assert outcome.state == PSInvocationState.COMPLETED
    assert not outcome.output
    progress = outcome.shell.streams.progress
    assert [int(record.percent_complete) for record in progress] == [20, 40, 60, 80]
    assert {record.activity for record in progress} == {ACTIVATE}
    assert [action for action, _status in requests_made].count("Receive") == 5
    assert stamp.activation_status() == "Registered"


def test_a_bad_key_is_refused_before_the_wait(lab: Lab) -> None:
    stamp = lab.stamp("small")
    stamp.durations[ACTIVATE] = 60
    with lab.pool(stamp) as pool:
        outcome = invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(lab.stamp("plain")))
    assert outcome.error[1].startswith("ActivationKeyCloudIdMismatch")


def test_receives_end_with_the_operation_timeout(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[DEACTIVATE] = 1.5
    stamp.progress_records[DEACTIVATE] = 0
    with lab.pool(stamp, operation_timeout=1) as pool, lab.counted() as requests_made:
        assert invoke(pool, DEACTIVATE).state == PSInvocationState.COMPLETED
    assert requests_made[:3] == [("Command", 200), ("Receive", 500), ("Receive", 200)]
    assert TIMED_OUT in [entry.get("fault") for entry in lab.journal.since()]


def test_a_cmdlet_keeps_its_own_timeout_and_the_plan_goes_on(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 2.5
    with lab.pool(stamp) as pool:
        outcome = invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp), TimeoutInSeconds=1)
        assert outcome.error[0] == "Action plan execution failed. Error: Execution timeout"
        assert stamp.activation_status() == "Not registered"
        busy = invoke(pool, "Get-AzureStackStampInformation")
        assert "another action is in progress" in busy.error[0]
    lab.wait_for_plans()
    assert stamp.activation_status() == "Registered"


@pytest.mark.parametrize(
    ("commit", "now", "later"),
    [
        ("never", "Not registered", "Not registered"),
        ("before", "Registered", "Registered"),
        ("after", "Not registered", "Registered"),
    ],
)
def test_timeout_fault_leaves_the_stamp_as_told(lab: Lab, commit: str, now: str, later: str) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 0.8
    spoil(lab, "Command", "timeout", ACTIVATE, commit=commit)
    with lab.pool(stamp) as pool:
        outcome = invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp))
        assert outcome.error[0] == "Action plan execution failed. Error: Execution timeout"
        assert stamp.activation_status() == now
    lab.wait_for_plans()
    assert stamp.activation_status() == later


def test_stopping_a_pipeline_does_not_stop_the_stamp(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 0.8
    with lab.pool(stamp) as pool:
        shell = PowerShell(pool).add_cmdlet(ACTIVATE).add_parameter("ActivationKey", lab.activation_key(stamp))
        shell.begin_invoke()
        shell.stop()
        assert shell.state == PSInvocationState.STOPPED
    assert stamp.busy
    lab.wait_for_plans()
    assert stamp.activation_status() == "Registered"


# -- lost connections and shells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "drop_after", "drop_middle"])
def test_a_receive_on_a_new_connection_gets_the_same_data(lab: Lab, kind: str) -> None:
    with lab.pool(lab.stamp("plain")) as pool:
        shell = PowerShell(pool).add_cmdlet("Get-AzureStackStampInformation")
        spoil(lab, "Receive", kind, "Get-AzureStackStampInformation")
        with pytest.raises(requests.RequestException):
            shell.invoke()
        fresh(pool)
        (information,) = shell.end_invoke()
        assert shell.state == PSInvocationState.COMPLETED
    assert information.extended_properties["CloudID"] == lab.stamp("plain").cloud_id


def test_a_resent_receive_gets_the_same_data(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab.pool(lab.stamp("plain")) as pool:
        shell = PowerShell(pool).add_cmdlet("Get-Command").add_parameter("Name", "Get-Command")
        shell.begin_invoke()
        send = pool.connection.transport.send
        with monkeypatch.context() as patch:
            patch.setattr(pool.connection.transport, "send", lambda *a, **k: (send(*a, **k), send(*a, **k))[1])
            assert len(shell.end_invoke()) == 1


def test_pypsrp_repeats_a_receive_that_is_not_answered(lab: Lab) -> None:
    spoil(lab, "Receive", "hang", "Get-AzureStackStampInformation")
    with lab.pool(lab.stamp("plain"), read_timeout=1, reconnection_backoff=0.01) as pool:
        assert len(invoke(pool, "Get-AzureStackStampInformation").output) == 1


def test_messages_sealed_for_the_old_connection_are_unreadable(lab: Lab) -> None:
    with lab.pool(lab.stamp("plain")) as pool:
        pool.connection.transport.session.close()
        with pytest.raises(WinRMTransportError) as error:
            invoke(pool, "Get-Command")
        assert error.value.code == 400
        assert invoke(fresh(pool), "Get-Command", Name="Get-Command").output


def test_another_client_takes_the_shell_over(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 0.6
    lost = lab.pool(stamp)
    lost.open()
    shell = PowerShell(lost).add_cmdlet(ACTIVATE).add_parameter("ActivationKey", lab.activation_key(stamp))
    shell.begin_invoke()
    shell.poll_invoke()
    lost.connection.close()
    pool, (taken,) = take_over(lab, stamp)
    assert taken.id == shell.id
    taken.connect()
    assert taken.state == PSInvocationState.COMPLETED
    assert len(shell.streams.progress) + len(taken.streams.progress) == 4
    assert stamp.activation_status() == "Registered"
    pool.close()


def test_disconnect_and_reconnect(lab: Lab) -> None:
    with lab.pool(lab.stamp("plain")) as pool:
        pool.disconnect()
        pool.connect()
        assert invoke(pool, "Get-Command", Name="Get-Command").output
        assert pool.is_alive()


def test_a_lost_shell_is_unknown_and_the_plan_goes_on(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 0.8
    spoil(lab, "Receive", "shell_gone", ACTIVATE)
    pool = lab.pool(stamp)
    pool.open()
    with pytest.raises(WSManFaultError) as error:
        invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp))
    assert error.value.code == SHELL_GONE
    assert stamp.activation_status() == "Not registered"
    lab.wait_for_plans()
    assert stamp.activation_status() == "Registered"


@pytest.mark.parametrize(("commit", "status"), [("never", "Not registered"), ("before", "Registered")])
@pytest.mark.parametrize(("action", "kind"), [("Receive", "shell_gone"), ("Command", "drop_after")])
def test_what_becomes_of_the_plan_of_a_lost_session(lab: Lab, action: str, kind: str, commit: str, status: str) -> None:
    stamp = lab.stamp("plain")
    stamp.durations[ACTIVATE] = 30
    spoil(lab, action, kind, ACTIVATE, commit=commit)
    pool = lab.pool(stamp)
    pool.open()
    with pytest.raises((WSManFaultError, requests.RequestException)):
        invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp))
    lab.wait_for_plans()
    assert stamp.activation_status() == status
    if kind == "drop_after":
        fresh(pool).close()


def test_a_command_that_is_dropped_before_it_starts_leaves_nothing(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    spoil(lab, "Command", "drop", ACTIVATE)
    with lab.pool(stamp) as pool:
        with pytest.raises(requests.ConnectionError):
            invoke(pool, ACTIVATE, ActivationKey=lab.activation_key(stamp))
        assert stamp.busy is None
        fresh(pool)
        assert invoke(pool, "Get-Command", Name="Get-Command").output
    assert stamp.activation_status() == "Not registered"


def test_requests_that_hang_wait_or_fail(lab: Lab) -> None:
    with lab.pool(lab.stamp("plain"), read_timeout=1) as pool:
        spoil(lab, "Command", "delay", seconds=0.2)
        started = time.monotonic()
        assert invoke(pool, "Get-Command", Name="Get-Command").output
        assert time.monotonic() - started >= 0.2
        spoil(lab, "Command", "fault", code=5, message="Access is denied. ")
        with pytest.raises(WSManFaultError) as error:
            invoke(pool, "Get-Command")
        assert error.value.code == 5
        spoil(lab, "Command", "hang")
        with pytest.raises(requests.ReadTimeout):
            invoke(pool, "Get-Command")
        fresh(pool)
        assert invoke(pool, "Get-Command", Name="Get-Command").output


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_spoilt_connections(lab: Lab, kind: str) -> None:
    spoil(lab, "Connection", kind)
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        lab.pool(lab.stamp("plain"), read_timeout=1).open()
    with lab.pool(lab.stamp("plain")):
        pass


def test_an_address_can_be_closed_and_opened_again(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    server = stamp.pep_servers[1]
    address = server.address
    with lab.pool(stamp, ercs=2) as pool:
        lab.call(server.close())
        with pytest.raises(requests.ConnectionError):
            invoke(pool, "Get-Command")
        with pytest.raises(requests.ConnectionError):
            lab.pool(stamp, ercs=2).open()
        with lab.pool(stamp, ercs=3):
            pass
        lab.call(server.open())
        assert server.address == address
        assert invoke(fresh(pool), "Get-Command", Name="Get-Command").output


def test_an_address_closes_in_the_middle_of_a_session(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    spoil(lab, "Receive", "close", "Get-AzureStackStampInformation")
    pool = lab.pool(stamp, ercs=3)
    pool.open()
    with pytest.raises(requests.ConnectionError):
        invoke(pool, "Get-AzureStackStampInformation")
    with pytest.raises(requests.ConnectionError):
        lab.pool(stamp, ercs=3).open()
    lab.call(stamp.pep_servers[2].open())
    fresh(pool).close()


# -- sizes and numbers -----------------------------------------------------------------------------------------------


def test_large_pipelines_and_large_outputs_take_several_fragments(lab: Lab) -> None:
    large = "x" * 900_000
    lab.faults.add(
        {
            "service": "pep",
            "match": {"cmdlet": "New-RegistrationToken"},
            "effect": {"kind": "empty_output", "value": large},
        }
    )
    with lab.pool(lab.stamp("small")) as pool, lab.counted() as requests_made:
        invoke(pool, "Set-RegistrationKeyPair")
        outcome = invoke(pool, "New-RegistrationToken", BillingModel="Capacity", AgreementNumber=large)
        assert outcome.output == [large]
        refused = script(pool, f"'{large}'")
        assert refused.error[1] == "ScriptsNotAllowed"
    actions = [action for action, _status in requests_made]
    assert actions.count("Send") >= 2
    assert actions.count("Receive") >= 5


def test_runspace_settings_are_answered(lab: Lab) -> None:
    with lab.pool(lab.stamp("small")) as pool:
        pool.max_runspaces = 3
        pool.min_runspaces = 2
        assert (pool.max_runspaces, pool.min_runspaces) == (3, 2)
        assert pool.get_available_runspaces() == 3
        pool.reset_runspace_state()
        assert pool.application_private_data is not None
        pool.connection.update_max_payload_size()


def test_fifty_stamps_at_once() -> None:
    lab = Lab({"name": "edge-{n:02}", "count": 50, "ercs": 3, "durations": {"Get-AzureStackStampInformation": 0.2}})

    def read(name: str) -> str:
        stamp = lab.stamp(name)
        with lab.pool(stamp) as pool:
            return invoke(pool, "Get-AzureStackStampInformation").output[0].extended_properties["CloudID"]

    try:
        names = list(lab.world.stamps)
        with concurrent.futures.ThreadPoolExecutor(50) as executor:
            assert list(executor.map(read, names)) == [lab.stamp(name).cloud_id for name in names]
    finally:
        lab.close()
