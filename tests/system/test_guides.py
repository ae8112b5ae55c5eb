# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides are ones that ansible-playbook takes, with variables that the collection knows."""

from __future__ import annotations

import functools
import itertools
import os
import pathlib
import re
import shlex
import subprocess
import textwrap
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.plugin_utils import _variables
from controllers import Controller

from azs_simulator.client import Simulator

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[2]
GUIDES: t.Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "roles").glob("*/README.md")),
]
FLEET: t.Final = {
    "stamps": [{"name": name, "agreement_number": "90000001", "nodes": 1} for name in ("stamp01", "stamp02")]
}


def _commands() -> t.Iterator[tuple[str, list[str]]]:
    """The ansible-playbook commands of all guides: where one stands, and its arguments."""
    for guide in GUIDES:
        for block in re.findall(r"^```console\n(.*?)^```", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                words = re.sub(r"<[^>]*>", "one", line.removeprefix("$ "))
                if words.startswith("ansible-playbook "):
                    yield str(guide.relative_to(ROOT)), shlex.split(words, comments=True)[1:]


COMMANDS: t.Final = {f"{guide}: {shlex.join(arguments)}": arguments for guide, arguments in _commands()}


def _variables_of(arguments: list[str]) -> set[str]:
    return {
        value.partition("=")[0]
        for option, value in itertools.pairwise(arguments)
        if option == "-e" and not value.startswith("@")
    }


def test_there_are_commands_and_all_their_variables_are_known() -> None:
    """Kind: a variable in a command of a guide that nobody knows (row 18)."""
    assert len(COMMANDS) > 25
    for where, arguments in COMMANDS.items():
        named = {name for name in _variables_of(arguments) if name.startswith(_variables.PREFIX)}
        assert named <= _variables.SPEC.keys(), where


def test_what_ends_red_without_a_limit_has_one() -> None:
    """Kind: a leg for some stamps whose command in a guide is for all of them (row 18)."""
    for where, arguments in COMMANDS.items():
        if {"azurestack.hub.disconnected_unregister", "azurestack.hub.disconnected_deactivate"} & set(arguments):
            assert "--limit" in arguments, where


@pytest.mark.deep
@pytest.mark.parametrize("where", COMMANDS)
def test_a_command_of_a_guide_is_taken(
    simulator: Simulator, controller: t.Callable[..., Controller], where: str
) -> None:
    """Kind: a playbook, option or group of a command in a guide that is not there (row 18)."""
    operator, mark, arguments = controller(), simulator.mark(), list(COMMANDS[where])
    operator.knows(["stamp01", "stamp02"])
    for file in (one.removeprefix("@") for one in arguments if one.startswith("@")):
        (operator.place / file).write_text("{}", encoding="utf-8")
    (playbook,) = (one for one in arguments if one.startswith("azurestack.hub."))
    rest = [one for one in arguments if one != playbook]
    if "-i" in rest:
        del rest[rest.index("-i") : rest.index("-i") + 2]
    if "azs_disconnected" in rest:
        rest[rest.index("azs_disconnected")] = "azs_stamps"
    operator.run(playbook.removeprefix("azurestack.hub."), "--list-tasks", *rest).succeeded()
    assert simulator.requests(mark) == []


USER: t.Final = "operator@rehearsal.onmicrosoft.com"
AZURE: t.Final = {
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": "one"}],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ]
}
JOURNEYS: t.Final = {
    "disconnected": (
        {},
        ("README.md", "disconnected_export_token"),
        ("README.md", "disconnected_register"),
        ("README.md", "disconnected_activate"),
        ("README.md", "verify"),
        ("docs/unregister.md", "disconnected_deactivate"),
        ("docs/unregister.md", "disconnected_unregister"),
    ),
    "renewed over an air gap": (
        {"registration": {"expires_in_days": 3}},
        ("docs/renew.md", "disconnected_deactivate"),
        ("docs/renew.md", "disconnected_unregister"),
        ("README.md", "disconnected_export_token"),
        ("README.md", "disconnected_register"),
        ("README.md", "disconnected_activate"),
    ),
    "connected": (
        {"connected": True},
        ("README.md", "connected_register"),
        ("README.md", "verify"),
        ("docs/renew.md", "connected_renew"),
        ("docs/unregister.md", "connected_unregister"),
    ),
    "moved": ({"registration": {}}, ("docs/move.md", "move")),
}
"""What a journey's stamps are, and its commands: each is run as it stands in the guide, all of its lines in their order."""


@pytest.mark.deep
@pytest.mark.parametrize("journey", JOURNEYS)
def test_the_commands_of_a_guide_do_what_it_says(tmp_path: pathlib.Path, journey: str) -> None:
    """Kind: a guide whose commands, copied one after the other, end red (row 18)."""
    about, *steps = JOURNEYS[journey]
    fleet = {"stamps": [{**stamp, **about} for stamp in FLEET["stamps"]], **(AZURE if "connected" in about else {})}
    with Simulator.start(fleet, tmp_path / "simulator") as running:
        operator = Controller(tmp_path / "controller", running)
        token = running.do("refresh-token", user=USER) if journey == "connected" else None
        operator.knows(["stamp01", "stamp02"], **({"azs_refresh_token": token} if token else {}))
        stick = tmp_path / "stick"
        stick.mkdir()
        try:
            for guide, playbook in steps:
                written = [
                    one for one in COMMANDS if one.startswith(f"{guide}: ") and f"hub.{playbook}" in one.split("-e")[0]
                ]
                assert written, (guide, playbook)
                for where in written:
                    if "azs_confirm_deactivated" in where:  # another way to the same end
                        continue
                    rest = [one.replace("/media/usb", str(stick)) for one in COMMANDS[where]]
                    rest = [one for one in rest if one not in ("-i", "inventory.yml") and "azurestack.hub." not in one]
                    cloud_id = running.state()["stamps"]["stamp01"]["cloud_id"]
                    rest = [f"azs_cloud_id={cloud_id}" if one.startswith("azs_cloud_id=") else one for one in rest]
                    operator.run(playbook, *rest).succeeded()
        finally:
            operator.end()


def test_the_command_for_a_vaulted_value_writes_it_with_its_name_and_as_it_is(tmp_path: pathlib.Path) -> None:
    """Kind: a command of a guide that succeeds and writes something else than it says."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / "docs" / "awx.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (block,) = [one for one in blocks if "encrypt_string" in one]
    (tmp_path / "vault-password").write_text("open-sesame\n", encoding="ascii")
    given, command = r" it's \n #1 $HOME ", block.replace("fleet@prompt", "fleet@vault-password")
    environment = {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    run = functools.partial(
        subprocess.run, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=300
    )
    run(["bash", "-c", command], input=f"{given}\n")
    (file,) = tmp_path.glob("inventory/host_vars/*.yml")
    found = re.fullmatch(r"azs_pep_password: !vault \|\n(.*)", file.read_text("ascii"), re.DOTALL)
    assert found, file.read_text("ascii")
    (tmp_path / "value").write_text(textwrap.dedent(found.group(1)), encoding="ascii")
    arguments = ("--vault-id", "fleet@vault-password", "--output", "-", "value")
    assert run(["ansible-vault", "decrypt", *arguments]).stdout == given
