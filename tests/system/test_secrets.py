# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets stay where they belong: in no output and log at any verbosity, in no file that is not their own, in no argument."""

from __future__ import annotations

import pathlib
import re
import stat
import typing as t

import pytest
from controllers import LEGS, Controller, Elsewhere, Running, Traffic, cmdlets, command_lines, files_with, until

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {"name": "vehicle", "billing_model": "Ruggedized", "asset_tag": "AT-8123456", "pep_tls": True},
        {"name": "refused", "nodes": 1, "agreement_number": "81234568"},
        {"name": "mute", "nodes": 1, "agreement_number": "81234569"},
        {"name": "killed", "nodes": 4, "agreement_number": "81234570", "durations": {"New-AzureStackActivation": 4.0}},
        {"name": "kept", "nodes": 1, "agreement_number": "81234571"},
    ],
}
EXPORT, REGISTER, ACTIVATE = LEGS
TOKEN_OR_KEY = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{30,}")
"""How registration tokens, activation keys and access tokens begin: base64 of a JSON object. In the middle of what is sealed these
letters come by chance."""


def secrets_of(simulator: Simulator, *bundles: pathlib.Path) -> set[str]:
    """Everything that must not be seen: passwords, and what lies in the bundles. Agreement numbers and asset tags are no secrets."""
    artifacts = {file.read_text().strip() for bundle in bundles for file in bundle.glob("*.txt")}
    return {*simulator.secrets(), *artifacts}


def test_no_verbosity_shows_a_secret(
    simulator: Simulator, controller: t.Callable[..., Controller], elsewhere: t.Callable[..., Elsewhere]
) -> None:
    """The chain for three stamps, two of which fail at a service, with everything that Ansible can be made to say."""
    pep_host = elsewhere("pep-host")
    operator = controller().knows(
        ["vehicle", "refused", "mute"], runners={"pep-host": pep_host.variables()}, azs_pep_runner="pep-host"
    )
    simulator.fault(
        "arm",
        "error",
        match={"method": "PUT", "path": simulator.stamp("refused")["cloud_id"]},
        status=400,
        code="InvalidRegistrationToken",
        message="The registration token is malformed.",
    )
    simulator.fault(
        "pep",
        "error",
        match={"stamp": "mute", "cmdlet": "New-RegistrationToken"},
        message="Could not retrieve mandatory hardware info for AzS-Node01",
    )
    log = operator.place / "ansible.log"
    environment = {"ANSIBLE_DEBUG": "1", "ANSIBLE_LOG_PATH": str(log)}
    play = operator.run("disconnected_all_legs", "-vvvvv", "--diff", environment=environment)
    assert play.failure("refused").kind == "malformed_token"
    assert play.failure("mute").kind == "stamp_hardware_unreadable"
    assert play.recap("vehicle")["failed"] == 0

    secrets = secrets_of(simulator, pep_host.bundle, operator.bundle)
    for text in (play.output, log.read_text()):
        assert [secret for secret in secrets if secret in text] == []
        assert TOKEN_OR_KEY.findall(text) == []
    artifacts = {file for bundle in (pep_host.bundle, operator.bundle) for file in bundle.glob("*.txt")}
    own = {operator.inventory, *artifacts}
    assert files_with([operator.place, pep_host.home.parent], secrets, but=own) == []


@pytest.mark.deep
def test_a_killed_leg_leaves_no_secret_behind_and_the_next_run_ends_right(
    simulator: Simulator, controller: t.Callable[..., Controller], elsewhere: t.Callable[..., Elsewhere]
) -> None:
    """SIGKILL for ansible-playbook and all that it started, in the middle of every leg; then the leg again."""
    runner = elsewhere("runner")
    operator = controller().knows(
        ["killed"], runners={"runner": runner.variables()}, azs_pep_runner="runner", azs_azure_runner="runner"
    )

    def nothing_lies_about() -> None:
        secrets = secrets_of(simulator, runner.bundle)
        own = {operator.inventory, *runner.bundle.glob("killed.*.txt")}
        assert files_with([operator.place, runner.home.parent], secrets, but=own) == []
        for file in runner.home.rglob("*"):
            assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file

    def killed(running: Running, reached: t.Callable[[], t.Any]) -> None:
        until(reached, "the step to kill in")
        nothing_lies_about()
        arguments = command_lines(running.pid)
        assert "ansible" in arguments
        assert [secret for secret in secrets_of(simulator, runner.bundle) if secret in arguments] == []
        running.kill()
        nothing_lies_about()

    def is_hit() -> bool:
        return bool(simulator.faults()[-1]["taken"])

    simulator.fault("pep", "hang", match={"stamp": "killed", "cmdlet": "New-RegistrationToken"})
    killed(operator.start(EXPORT), is_hit)
    assert operator.run(EXPORT).succeeded().changed == 1
    assert simulator.stamp("killed")["tokens_minted"] == 1

    simulator.fault("arm", "hang", match={"method": "PUT", "path": "/locks/"})
    killed(operator.start(REGISTER), is_hit)
    registration = simulator.registration_of("killed")
    assert registration is not None
    assert registration["locks"] == []  # so far it got
    operator.run(REGISTER).succeeded()
    registration = simulator.registration_of("killed")
    assert registration is not None
    assert registration["locks"] == ["CanNotDelete"]

    traffic = Traffic(simulator)
    killed(operator.start(ACTIVATE), lambda: "New-AzureStackActivation" in cmdlets(traffic.peek()))
    assert simulator.stamp("killed")["status"] == "Not registered"
    operator.run(ACTIVATE).succeeded()
    assert simulator.stamp("killed")["status"] == "Registered"
    assert operator.run(ACTIVATE).succeeded().changed == 0


def test_kept_module_files_are_refused(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    """ANSIBLE_KEEP_REMOTE_FILES makes Ansible write the options of modules to files: nothing runs with it."""
    operator, traffic = controller().knows(["kept"]), Traffic(simulator)
    play = operator.run(EXPORT, environment={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
    assert play.failure("kept").message == (
        "The options of azurestack.hub.azs_registration_token hold secrets and would be written to a file on the host: "
        "this connection cannot pipeline them. Unset ANSIBLE_KEEP_REMOTE_FILES, use a become method other than su, and a "
        "connection with pipelining (ssh, local)."
    )
    assert traffic.read() == []
    assert files_with([operator.place], secrets_of(simulator), but={operator.inventory}) == []
