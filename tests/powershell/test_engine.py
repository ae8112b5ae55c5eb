# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine itself, with stock pypsrp: real binding, the stamp's own state, processes that end."""

from __future__ import annotations

import os
import pathlib
import signal
import typing as t

import pytest
from controllers import until
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from stamps import Stamps

from azs_simulator.client import Simulator, SimulatorError

UNKNOWN_SHELL: t.Final = 2150858843


def pool(simulator: Simulator, stamp: str) -> RunspacePool:
    """A runspace pool at the first address of a stamp, not yet open."""
    host = simulator.host(stamp)
    name, port = host["azs_pep_hosts"][0].split(":")
    wsman = WSMan(
        name, port=int(port), ssl=False, auth="ntlm", encryption="always", cert_validation=False,
        username=host["azs_pep_username"], password=host["azs_pep_password"],
    )  # fmt: skip
    return RunspacePool(wsman, configuration_name="PrivilegedEndpoint")


def invoke(runspaces: RunspacePool, cmdlet: str, **parameters: t.Any) -> PowerShell:
    """Run a cmdlet to its end, well or badly."""
    shell = PowerShell(runspaces)
    shell.add_cmdlet(cmdlet).add_parameters(parameters)
    shell.invoke()
    shell.close()
    return shell


def processes(simulator: Simulator) -> list[int]:
    """The processes that a simulator started."""
    text = pathlib.Path(f"/proc/{simulator.pid}/task/{simulator.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def alone(tmp_path: pathlib.Path) -> t.Iterator[Simulator]:
    """A simulator of the test's own."""
    with Simulator.start(
        {"stamps": [{"name": "one", "nodes": 1, "ercs": 1}]}, tmp_path / "alone", engine="powershell"
    ) as running:
        yield running


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("marketplace", [True, False])
def test_powershell_binds_and_the_stamp_remembers(stamps: Stamps, usage: bool, marketplace: bool) -> None:
    name = stamps.take("modern")
    with pool(stamps.simulator, name) as runspaces:
        invoke(runspaces, "Set-RegistrationKeyPair")
        shell = invoke(
            runspaces, "New-RegistrationToken", BillingModel="PayAsYouUse", UsageReportingEnabled=usage,
            MarketplaceSyndicationEnabled=marketplace, AgreementNumber="",
        )  # fmt: skip
        assert not shell.streams.error
        (token,) = shell.output
        assert isinstance(token, str)
    asked = stamps.simulator.stamp(name)["last_token_request"]
    assert bool(asked.get("UsageReportingEnabled")) is usage
    assert bool(asked.get("MarketplaceSyndicationEnabled")) is marketplace


def test_what_the_version_lacks_is_an_error_of_powershell(stamps: Stamps) -> None:
    with pool(stamps.simulator, stamps.take("old")) as runspaces:
        unknown = invoke(runspaces, "New-RegistrationToken", BillingModel="Capacity", TokenVersion="4.0")
        absent = invoke(runspaces, "Set-RegistrationKeyPair")
        script = PowerShell(runspaces)
        script.add_script("1 + 1")
        script.invoke()
    assert unknown.streams.error[0].fq_error == "NamedParameterNotFound,New-RegistrationToken"
    assert absent.streams.error[0].fq_error == "CommandNotFoundException"
    assert script.had_errors
    assert "language" in str(script.streams.error[0])


def test_the_simulators_own_functions_are_not_to_be_seen(stamps: Stamps) -> None:
    with pool(stamps.simulator, stamps.take("modern")) as runspaces:
        shell = invoke(runspaces, "Invoke-Simulator", Path="/")
        listed = invoke(runspaces, "Get-Command", Name="*Simulator*")
    assert shell.streams.error[0].fq_error == "CommandNotFoundException"
    assert listed.output == []


def test_objects_have_the_types_of_a_stamp(stamps: Stamps) -> None:
    name = stamps.take("modern")
    with pool(stamps.simulator, name) as runspaces:
        shell = invoke(runspaces, "Get-AzureStackStampInformation")
    (information,) = shell.output
    assert information.types[0] == "System.Management.Automation.PSCustomObject"
    properties = information.extended_properties
    assert str(properties["StampVersion"]) == "1.2311.1.22"
    assert properties["NumberOfNodes"] == 4
    assert properties["AdminExternalEndpoints"].extended_properties["AdminPortal"].startswith("https://adminportal.")
    assert [str(record) for record in shell.streams.warning] == ["Unable to find volume with label Deployment"]
    assert len(shell.streams.verbose) == 2


def test_the_process_ends_with_its_session(alone: Simulator) -> None:
    with pool(alone, "one") as runspaces:
        invoke(runspaces, "Get-Command", Name="New-RegistrationToken")
        (pid,) = processes(alone)
    until(lambda: not alive(pid), "the session's process ends")


def test_all_processes_end_with_the_simulator(tmp_path: pathlib.Path) -> None:
    with Simulator.start({"engine": "powershell", "stamps": [{"name": "one"}]}, tmp_path / "own") as simulator:
        runspaces = pool(simulator, "one")
        runspaces.open()
        (pid,) = processes(simulator)
    assert not alive(pid)


def test_a_process_that_dies_is_a_session_lost(alone: Simulator) -> None:
    runspaces = pool(alone, "one")
    runspaces.open()
    (pid,) = processes(alone)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), "the process is gone")
    with pytest.raises(WSManFaultError) as caught:
        invoke(runspaces, "Get-AzureStackStampInformation")
    assert caught.value.code == UNKNOWN_SHELL


def test_without_a_powershell_it_says_how_to_get_one(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZS_PWSH", str(tmp_path / "pwsh"))
    with pytest.raises(SimulatorError, match=r"needs PowerShell 7: AZS_PWSH=.* is not an executable file\. Install it"):
        Simulator.start({"engine": "powershell", "stamps": []}, tmp_path / "none")


def test_an_unknown_engine_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SimulatorError, match="engine is built-in or powershell, not 'bash'"):
        Simulator.start({"engine": "bash", "stamps": []}, tmp_path / "none")
