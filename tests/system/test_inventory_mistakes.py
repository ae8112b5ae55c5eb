# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelled variables, numbers where a text is meant, and a missing billing model end a playbook before anything is contacted."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from controllers import BOTH_CORES, CORES, Controller
from tables import first_of

from azs_simulator.client import Simulator

FLEET = {"stamps": [{"name": name, "agreement_number": "01234567", "nodes": 1} for name in ("one", "two")]}


@pytest.mark.parametrize("core", BOTH_CORES)
def test_whatever_is_wrong_is_said_for_all_stamps_at_once(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str
) -> None:
    operator, mark = controller(core), simulator.mark()
    operator.knows(
        {
            "one": {"azs_agreement_number": yaml.safe_load("01234567"), "azs_biling_model": "Capacity"},
            "two": {
                "azs_encript": True,
                "azs_billing_model": None,
                "azs_pep_password": 87654321,
                "azs_pep_hosts": [],
                "azs_pep_username": None,
                "azs_pep_port": "winrm",
            },
        }
    )
    play = operator.run("disconnected_export_token", "--check")
    assert play.status != 0
    (failed,) = (one for one in play.results if one.outcome == "failed")
    assert failed.kind == "unknown_variable"
    for said in (
        "azs_biling_model is not a variable of this collection; did you mean azs_billing_model? (one)",
        "azs_encript is not a variable of this collection; did you mean azs_encrypt? (two)",
        "azs_agreement_number is a number for YAML, and not a text (one)",
        "azs_pep_password is a number for YAML, and not a text (two)",
        "azs_billing_model is missing (two)",
        "azs_pep_hosts is missing (two)",
        "azs_pep_username is missing, and so is AZS_PEP_USERNAME in the environment (two)",
        "azs_pep_port is not a whole number (two)",
        "Nothing was contacted",
    ):
        assert said in failed.message
    assert "87654321" not in play.output and "342391" not in play.output
    assert simulator.requests(mark) == []


def test_a_variable_of_the_command_line_and_ones_own(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    operator, mark = controller(), simulator.mark()
    operator.knows(["one"], azs_own_variables=["azs_site"], azs_site="north")
    failed = operator.run("verify", azs_archiv="/media/stick/b.tgz")
    assert "azs_archiv is not a variable of this collection; did you mean azs_archive? (one)" in failed.output
    assert "azs_site" not in failed.output
    assert simulator.requests(mark) == []


@pytest.mark.deep
def test_a_variable_of_ones_own_stops_nothing(controller: t.Callable[..., Controller]) -> None:
    operator = controller().knows(["one"], azs_own_variables=["azs_site"], azs_site="north")
    operator.run("disconnected_export_token").succeeded()


def mixed(operator: Controller, **groups: list[str]) -> Controller:
    """An inventory whose stamps stand in groups besides azs_stamps."""
    operator.knows(["one", "two"], runners={"paw01": {"ansible_connection": "local"}})
    inventory = yaml.safe_load(operator.inventory.read_text(encoding="utf-8"))
    for group, hosts in groups.items():
        inventory["all"]["children"][group] = {"hosts": {key: {} for key in hosts}}
    operator.inventory.write_text(yaml.safe_dump(inventory, width=1000), encoding="utf-8")
    return operator


NAMED: t.Final = [
    ("connected_register", ["--limit", "two"], "is for connected stamps, and --limit two means stamps of the group"),
    ("connected_renew", ["-e", "azs_stamps=one,two"], "and two means stamps of the group azs_disconnected"),
    ("connected_change", ["-e", "azs_stamps=azs_disconnected"], "and azs_disconnected means stamps of the group"),
    ("connected_unregister", ["--limit", "one:two"], "and --limit two means stamps of the group azs_disconnected"),
    ("disconnected_export_token", ["--limit", "one"], "is for disconnected stamps, and --limit one means stamps of"),
    ("disconnected_all_legs", ["-e", "azs_stamps=azs_connected"], "and azs_connected means stamps of the group"),
    ("disconnected_deactivate", ["--limit", "o*"], "and --limit o* means stamps of the group azs_connected"),
]


@pytest.mark.parametrize("core", BOTH_CORES)
@pytest.mark.parametrize(("playbook", "arguments", "said"), first_of(NAMED), ids=[one[0] for one in NAMED])
def test_stamps_of_the_other_kind_that_are_named_are_refused(
    simulator: Simulator,
    controller: t.Callable[..., Controller],
    core: str,
    playbook: str,
    arguments: list[str],
    said: str,
) -> None:
    operator, mark = mixed(controller(core), azs_connected=["one"], azs_disconnected=["two"]), simulator.mark()
    play = operator.run(playbook, *arguments)
    assert play.status != 0 and play.results == []
    assert said in " ".join(play.output.split()) and "Nothing was contacted" in play.output
    assert simulator.requests(mark) == []


TAKEN: t.Final = [
    ("disconnected_export_token", ["--limit", "north"], {"two"}),
    ("disconnected_export_token", [], {"two"}),
    ("connected_renew", ["--limit", "azs_stamps"], {"one"}),
    ("verify", [], {"one", "two"}),
]


@pytest.mark.parametrize("core", BOTH_CORES)
@pytest.mark.parametrize(("playbook", "limit", "expected"), first_of(TAKEN))
def test_a_playbook_takes_the_stamps_of_its_kind(
    controller: t.Callable[..., Controller], core: str, playbook: str, limit: list[str], expected: set[str]
) -> None:
    operator = mixed(controller(core), azs_connected=["one"], azs_disconnected=["two"], north=["one", "two"])
    listed = operator.run(playbook, "--list-hosts", *limit).succeeded().output
    assert {host for host in ("one", "two") if f"\n      {host}\n" in listed} == expected, listed


@pytest.mark.deep
@pytest.mark.parametrize("core", CORES)
def test_a_leg_runs_for_the_stamps_of_its_kind(controller: t.Callable[..., Controller], core: str) -> None:
    operator = mixed(controller(core), azs_connected=["one"], azs_disconnected=["two"], north=["one", "two"])
    play = operator.run("disconnected_export_token", azs_archive=operator.place / "out.tgz").succeeded()
    assert {one.host for one in play.results} == {"two"}


EMPTY: t.Final = [
    ("an empty inventory", "all: {}\n", [], "The inventory has no host"),
    ("no group of stamps", "all: {hosts: {paw01: {}}}\n", [], "No host of the inventory matches azs_stamps"),
    (
        "a limit without stamps",
        "all: {hosts: {paw01: {}}, children: {azs_stamps: {hosts: {one: {}}}}}\n",
        ["--limit", "paw01"],
        "matches azs_stamps within --limit paw01",
    ),
]


@pytest.mark.parametrize("core", BOTH_CORES)
@pytest.mark.parametrize(
    ("inventory", "arguments", "said"), first_of([one[1:] for one in EMPTY]), ids=[one[0] for one in EMPTY]
)
def test_a_run_without_stamps_is_never_green(
    controller: t.Callable[..., Controller], core: str, inventory: str, arguments: list[str], said: str
) -> None:
    operator = controller(core)
    operator.inventory.write_text(inventory, encoding="utf-8")
    play = operator.run("verify", *arguments)
    assert play.status != 0 and said in " ".join(play.output.split())


@pytest.mark.deep
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("inventory", "arguments"), [one[1:3] for one in EMPTY], ids=[one[0] for one in EMPTY])
def test_a_look_at_an_inventory_without_stamps_is_green(
    controller: t.Callable[..., Controller], core: str, inventory: str, arguments: list[str]
) -> None:
    operator = controller(core)
    operator.inventory.write_text(inventory, encoding="utf-8")
    for look in ("--syntax-check", "--list-tasks", "--list-hosts"):
        operator.run("disconnected_export_token", look, *arguments).succeeded()


@pytest.mark.parametrize("core", BOTH_CORES)
def test_a_forgotten_inventory_is_never_green(controller: t.Callable[..., Controller], core: str) -> None:
    operator = controller(core)
    operator.inventory.mkdir()  # as empty as what ansible finds without -i
    assert operator.run("connected_register").status != 0


# Each task is refused, and the errors are ignored so that the next one is tried as well: the test compares what each of them says.
WRITTEN = """
- hosts: one
  gather_facts: false
  tasks:
    - name: Mint
      azurestack.hub.azs_registration_token:
        pep_hosts: [10.1]
        pep_username: {a}
        pep_password: {a}
        billing_model: Capacity
        agreement_number: "1"
        path: /nowhere/token.txt
      delegate_to: localhost
      ignore_errors: true
    - name: Mint for an agreement
      azurestack.hub.azs_registration_token:
        pep_hosts: "{{{{ azs_pep_hosts }}}}"
        pep_username: "{{{{ azs_pep_username }}}}"
        pep_password: "{{{{ azs_pep_password }}}}"
        billing_model: Capacity
        agreement_number: {a}
        asset_tag: {a}
        cloud_id: {a}
        path: {a}
      delegate_to: localhost
      ignore_errors: true
    - name: Look
      azurestack.hub.azs_registration_info:
        subscription_id: {a}
        tenant: {a}
        client_id: {a}
        secret: {a}
      delegate_to: localhost
      ignore_errors: true
    - name: Activate
      azurestack.hub.azs_activation:
        pep_hosts: "{{{{ azs_pep_hosts }}}}"
        pep_username: "{{{{ azs_pep_username }}}}"
        pep_password: "{{{{ azs_pep_password }}}}"
        admin_secret: {a}
        activation_key: {a}
      delegate_to: localhost
      ignore_errors: true
    - name: Pack
      azurestack.hub.azs_bundle:
        bundle: /nowhere
        archive: {a}
        stamps: [one, {a}]
      delegate_to: localhost
      ignore_errors: true
    - name: Plan
      azurestack.hub.azs_plan:
        billing_model: Capacity
        agreement_number: {a}
      ignore_errors: true
    - name: Judge
      azurestack.hub.azs_verdict:
        cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
        asset_tag: {a}
      ignore_errors: true
    - name: Sign in
      azurestack.hub.azs_refresh_token:
        tenant: {a}
        refresh_token: {a}
      delegate_to: localhost
      ignore_errors: true
"""
TOLD = {
    "Mint": ["entry 1 of pep_hosts", "pep_username", "pep_password"],
    "Mint for an agreement": ["agreement_number", "asset_tag", "cloud_id", "path"],
    "Look": ["subscription_id", "tenant", "client_id", "secret"],
    "Activate": ["admin_secret"],
    "Pack": ["archive", "entry 2 of stamps"],
    "Plan": ["agreement_number"],
    "Judge": ["asset_tag"],
    "Sign in": ["tenant"],
}


@pytest.mark.deep
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("written", "read_as"), [("01234567", "number"), ("yes", "boolean"), ("2026-11-26", "date")])
def test_a_text_of_a_task_that_yaml_read_as_something_else_is_refused(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str, written: str, read_as: str
) -> None:
    """Kind: texts that YAML turns into something else, written directly into a task (row 3)."""
    operator, mark = controller(core), simulator.mark()
    operator.knows(["one"])
    playbook = operator.place / "own.yml"
    playbook.write_text(WRITTEN.format(a=written), encoding="utf-8")
    play = operator.run(str(playbook))
    for task, options in TOLD.items():
        if task == "Pack" and read_as == "date":  # paths and names of a day: the text stays as it is written
            continue
        failed = play.of(task)
        assert failed.kind == "not_a_text", (task, failed.message)
        for option in options:
            what = "number" if "pep_hosts" in option else read_as
            assert f"{option} is a {what} for YAML" in failed.message or (read_as == "date" and "pep_hosts" in option)
        assert "quotes" in failed.message and "Nothing was contacted" in failed.message
    assert "342391" not in play.output
    assert simulator.requests(mark) == []
