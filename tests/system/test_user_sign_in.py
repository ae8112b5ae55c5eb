# SPDX-License-Identifier: GPL-3.0-or-later
"""A user signs in while the play waits, or has signed in before: azs_refresh_token, and auth_source device_code."""

from __future__ import annotations

import json
import pathlib
import re
import textwrap
import typing as t

import pytest
from controllers import BOTH_CORES, Controller, Play, Running, Traffic, command_lines, files_with, until

from azs_simulator.client import Simulator

if t.TYPE_CHECKING:
    Controllers = t.Callable[..., Controller]

STAMPS = ("one", "two", "three")
USER = "operator@rehearsal.onmicrosoft.com"
FLEET = {
    "stamps": [
        *({"name": name, "connected": True, "nodes": 1, "ercs": 1} for name in STAMPS),
        {"name": "custom", "connected": True, "nodes": 1, "ercs": 1, "cloud": "Contoso"},
    ],
    "clouds": [
        {"name": "AzureCloud", "principals": [{"name": "registrar"}, {"name": USER, "kind": "user"}]},
        {
            "name": "Contoso",
            "tenants": {"contoso.example": ""},
            "principals": [{"name": "registrar"}, {"name": "operator@contoso.example", "kind": "user"}],
        },
    ],
}
HEAD = """\
- hosts: azs_stamps
  gather_facts: false
  serial: "{{ batch | default(0) }}"
  vars_files: [%s]
  module_defaults:
    group/azurestack.hub.pep: "{{ azs_pep_options }}"
    group/azurestack.hub.azure: "{{ azs_azure_options }}"
  tasks:
"""
SIGN_IN = """\
- name: Sign in
  azurestack.hub.azs_refresh_token:
    source: "{{ source | default(omit) }}"
    refresh_token: "{{ token | default(omit) }}"
  register: signed_in
"""
BRIDGE = """\
- name: Make the bridge principal
  azurestack.hub.azs_bridge_principal:
    bridge_principal_refresh_token: "{{ signed_in.refresh_token }}"
    bridge_principal_environment: "{{ environment_of_the_stamp | default('AzureCloud') }}"
    bridge_principal_tenant: "{{ signed_in.tenant }}"
"""
READ = """\
- name: Read the registrations
  azurestack.hub.azs_registration_info:
"""
SHOWN = re.compile(r"^(\S+): sign in to .* open (https://\S+) and enter the code (\w+)", re.MULTILINE)


def playbook(controller: Controller, *tasks: str) -> str:
    """Write a playbook of the tasks; its path."""
    path = controller.place / "play.yml"
    options = pathlib.Path(__file__).resolve().parents[2] / "playbooks" / "vars" / "options.yml"
    path.write_text(HEAD % options + textwrap.indent("\n".join(tasks), "    "), encoding="utf-8")
    return str(path)


def wait_for_codes(running: Running, count: int = 1) -> list[tuple[str, str, str]]:
    """Host, address and code of the first device codes that the terminal shows, when it shows that many."""
    return until(
        lambda: SHOWN.findall(running.output)[:count] if len(SHOWN.findall(running.output)) >= count else None,
        f"{count} device code(s) shown",
    )


def approve(simulator: Simulator, running: Running, user: str = USER, cloud: str = "AzureCloud") -> str:
    """Be the operator in front of the terminal, who signs in with the code that it shows; the code."""
    ((_host, _address, code),) = wait_for_codes(running)
    simulator.do("approve-device-code", user_code=code, user=user, cloud=cloud)
    return code


def sign_ins(traffic: Traffic) -> list[dict[str, t.Any]]:
    """The device codes that the sign-in services were asked for."""
    return [one for one in traffic.read() if one["service"] == "login" and one["path"].endswith("devicecode")]


def nothing_leaked(controller: Controller, simulator: Simulator, play: Play) -> None:
    """No refresh token is in what the terminal showed, what callbacks got, or in any file but the inventory."""
    tokens = [token for cloud in simulator.credentials()["refresh_tokens"].values() for token in cloud.values()]
    assert tokens
    assert files_with([controller.place], tokens, but=[controller.inventory]) == []
    assert not [token for token in tokens if token in json.dumps([one.data for one in play.results], default=str)]


@pytest.mark.parametrize("core", BOTH_CORES)
def test_one_sign_in_serves_all_stamps(controller: Controllers, simulator: Simulator, core: str) -> None:
    here = controller(core).knows(STAMPS)
    traffic = Traffic(simulator)
    running = here.start(playbook(here, SIGN_IN, BRIDGE), "-vvvv", source="device_code", batch=2)
    approve(simulator, running)
    lines = command_lines(running.pid)
    play = running.wait().succeeded()
    assert f"{USER} signed in" in play.output
    assert len(SHOWN.findall(play.output)) == 1
    paths = [one["path"] for one in traffic.read() if one["service"] in ("login", "arm")]
    assert len([path for path in paths if path.endswith("devicecode")]) == 1
    assert paths.count("/metadata/endpoints") == 1
    assert all(simulator.stamp(name)["principals"] for name in STAMPS)
    nothing_leaked(here, simulator, play)
    tokens = simulator.credentials()["refresh_tokens"]["AzureCloud"].values()
    assert not [token for token in tokens if token in lines]
    result = play.of("Sign in", "one").data
    assert "refresh_token" not in result and "censored" in result


@pytest.mark.deep
def test_the_same_sign_in_serves_azure_resource_manager(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows({name: {"azs_client_id": None, "azs_secret": None} for name in STAMPS[:2]})
    traffic = Traffic(simulator)
    running = here.start(
        playbook(here, READ, SIGN_IN, BRIDGE, READ),
        "-vvvv",
        azs_auth_source="device_code",
        azs_device_code_client="powershell",
    )
    approve(simulator, running)
    play = running.wait().succeeded()
    assert len(sign_ins(traffic)) == 1
    nothing_leaked(here, simulator, play)
    assert "eyJ" not in play.output, "an access token"


@pytest.mark.deep
def test_access_tokens_are_renewed_in_a_long_run(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS[:1])
    simulator.settings(token_lifetime=600)
    try:
        traffic = Traffic(simulator)
        running = here.start(playbook(here, READ, READ), azs_auth_source="device_code", azs_client_id="", azs_secret="")
        approve(simulator, running)
        running.wait().succeeded()
        grants = [one.get("grant") for one in traffic.read() if one["service"] == "login"]
    finally:
        simulator.settings(token_lifetime=3600)
    assert grants.count("refresh_token") == 1


@pytest.mark.deep
def test_each_directory_has_its_own(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows({"one": {}, "two": {}, "custom": {"environment_of_the_stamp": "CustomCloud"}})
    traffic = Traffic(simulator)
    running = here.start(playbook(here, SIGN_IN, BRIDGE), source="device_code")
    users = {"custom": ("operator@contoso.example", "Contoso")}
    for host, _address, code in wait_for_codes(running, 2):
        user, cloud = users.get(host, (USER, "AzureCloud"))
        simulator.do("approve-device-code", user_code=code, user=user, cloud=cloud)
    running.wait().succeeded()
    assert len(sign_ins(traffic)) == 2
    assert simulator.stamp("custom")["principals"]


@pytest.mark.deep
def test_nobody_signs_in(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS)
    traffic = Traffic(simulator)
    play = here.run(playbook(here, SIGN_IN, BRIDGE), source="device_code", azs_device_code_timeout=2)
    assert play.status == 2
    for name in STAMPS:
        failure = play.failure(name)
        assert failure.kind == "sign_in_not_finished"
        assert "Nobody signed in with the code" in failure.message and "device_code_timeout" in failure.message
    assert len(sign_ins(traffic)) == 1, "nobody is asked once per stamp"


@pytest.mark.deep
def test_the_operator_is_reminded(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS[:1])
    running = here.start(playbook(here, SIGN_IN), source="device_code")
    ((_host, address, code),) = wait_for_codes(running)
    reminder = f"one: waiting for the sign-in: open {address} and enter the code {code}: 0m15s"
    until(lambda: reminder in running.output, "the reminder")
    simulator.do("approve-device-code", user_code=code, user=USER)
    running.wait().succeeded()


@pytest.mark.deep
def test_the_operator_declines(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS[:1])
    running = here.start(playbook(here, SIGN_IN), source="device_code")
    ((_host, _address, code),) = wait_for_codes(running)
    simulator.do("decline-device-code", user_code=code)
    failure = running.wait().failure("one")
    assert failure.kind == "sign_in_declined" and "Run again" in failure.message


@pytest.mark.deep
def test_check_mode_asks_nobody(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS[:2])
    traffic = Traffic(simulator)
    show = "- name: Show\n  ansible.builtin.debug:\n    msg: predicted {{ signed_in.predicted }}\n"
    play = here.run(playbook(here, SIGN_IN, BRIDGE, show), "--check", source="device_code").succeeded()
    assert play.of("Make the bridge principal", "one").changed
    assert play.of("Show", "one").data["msg"] == "predicted True"
    requests = traffic.read()
    assert [one for one in requests if one["service"] in ("login", "arm")] == []
    assert {one.get("cmdlet") for one in requests if one.get("action") == "Command"} == {
        "Get-AzureStackStampInformation"
    }


# -- without a terminal ------------------------------------------------------------------------------------------------


@pytest.mark.deep
@pytest.mark.parametrize("way", ["variable", "option"])
def test_a_token_that_is_given(controller: Controllers, simulator: Simulator, way: str) -> None:
    token = str(simulator.do("refresh-token", user=USER))
    here = controller().knows({"one": {"token": token} if way == "option" else {}})
    variables = {"AZS_REFRESH_TOKEN": f"{token}\n"} if way == "variable" else {}
    traffic = Traffic(simulator)
    play = here.run(playbook(here, SIGN_IN, BRIDGE), "-vvvv", environment=variables).succeeded()
    assert [one for one in traffic.read() if one["service"] in ("login", "arm")] == []
    nothing_leaked(here, simulator, play)


@pytest.mark.deep
def test_the_azure_clis_user(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS[:1])
    tenant = simulator.azure()["azs_tenant"]
    token = str(simulator.do("refresh-token", user=USER))
    identity = f"object.{tenant}"
    folder = here.home / ".azure"
    folder.mkdir()
    cache = {
        "Account": {"a": {"home_account_id": identity, "realm": tenant, "username": USER}},
        "RefreshToken": {"r": {"home_account_id": identity, "family_id": "1", "client_id": "x", "secret": token}},
    }
    (folder / "msal_token_cache.json").write_text(json.dumps(cache), encoding="utf-8")
    traffic = Traffic(simulator)
    play = here.run(playbook(here, SIGN_IN, BRIDGE)).succeeded()
    assert [one for one in traffic.read() if one["service"] in ("login", "arm")] == []
    elsewhere = here.home / "elsewhere"
    folder.rename(elsewhere)
    here.run(playbook(here, SIGN_IN), environment={"AZURE_CONFIG_DIR": str(elsewhere)}, source="cli").succeeded()
    (elsewhere / "msal_token_cache.json").unlink()
    nothing_leaked(here, simulator, play)


@pytest.mark.deep
def test_with_a_service_principal_only(controller: Controllers, simulator: Simulator) -> None:
    here = controller().knows(STAMPS)
    traffic = Traffic(simulator)
    play = here.run(playbook(here, SIGN_IN, BRIDGE))
    assert traffic.read() == []
    failure = play.failure("one")
    assert failure.kind == "needs_user"
    for part in (
        "A new bridge principal needs the refresh token of a user",
        "service principal or managed identity has none",
        "source device_code",
        "AZS_REFRESH_TOKEN",
        "az login",
        "Without a user you cannot register a connected stamp",
        "Everything else works: disconnected stamps",
        "give its object id as bridge_principal",
    ):
        assert part in failure.message, part


@pytest.mark.deep
@pytest.mark.parametrize(
    ("variables", "kind", "part"),
    [
        ({"source": "given"}, "bad_input", "AZS_REFRESH_TOKEN"),
        ({"source": "cli"}, "cli_absent", "az login"),
        ({"source": "browser"}, "bad_input", "value of source must be one of"),
        ({"source": "device_code", "azs_tenant": "nowhere.example"}, "unknown_tenant", "nowhere.example"),
        ({"source": "device_code", "azs_tenant": ""}, "bad_input", "Set tenant"),
        ({"source": "device_code", "azs_ca_bundle": "/nowhere.pem"}, "bad_input", "/nowhere.pem"),
        (
            {"source": "device_code", "azs_cloud_environment": "AzureGermanCloud"},
            "bad_input",
            "AzureGermanCloud cannot",
        ),
        (
            {"source": "device_code", "azs_cloud_environment": "https://127.0.0.1:9"},
            "unreachable",
            "Compare the address",
        ),
    ],
)
def test_what_cannot_work(controller: Controllers, variables: dict[str, t.Any], kind: str, part: str) -> None:
    here = controller().knows(STAMPS[:1])
    failure = here.run(playbook(here, SIGN_IN), **variables).failure("one")
    assert failure.kind == kind, failure.message
    assert part in failure.message
