# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts pass between two hosts in one task: neither host sees how the other one is signed in to."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from controllers import Controller

FLEET = {"stamps": []}

_PLAYBOOK = """\
- hosts: edge
  gather_facts: false
  tasks:
    - azurestack.hub.azs_artifact: {kind: activation_key, bundle: /a, stamp: edge, source_host: bare}
      delegate_to: guarded
    - azurestack.hub.azs_artifact: {kind: activation_key, bundle: /a, stamp: edge, source_host: guarded}
      delegate_to: bare
- hosts: guarded
  gather_facts: false
  tasks:
    - azurestack.hub.azs_artifact: {kind: activation_key, bundle: /a, stamp: edge, source_host: bare}
"""

_PLUGIN = '''\
DOCUMENTATION = """
name: recording
short_description: writes down how it was to sign in, and answers as a module that found nothing
description: for tests
options:
  remote_addr: {description: address, vars: [{name: ansible_host}]}
  remote_user: {description: user, vars: [{name: ansible_user}], keyword: [{name: remote_user}]}
  port: {description: port, type: int, vars: [{name: ansible_port}]}
  private_key_file: {description: key, vars: [{name: ansible_private_key_file}]}
  password: {description: password, vars: [{name: ansible_password}]}
  token: {description: named unlike other variables, vars: [{name: recording_token}]}
  pipelining: {description: pipelining, type: bool, default: true}
"""
import json
import os

from ansible.plugins.connection import ConnectionBase

SIGN_IN = ("remote_user", "port", "private_key_file", "password", "become_pass")


class Connection(ConnectionBase):
    transport = "recording"
    has_pipelining = True
    _connect = put_file = fetch_file = close = lambda self, *arguments: self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        options = {name: self.get_option(name) for name in (*SIGN_IN[:-1], "token")}
        options["become_pass"] = self.become.get_option("become_pass") if self.become else None
        context = {name: getattr(self._play_context, name) for name in SIGN_IN}
        with open(os.environ["CONNECTIONS_FILE"], "a") as record:
            json.dump([self.get_option("remote_addr"), options, context], record)
            record.write("\\n")
        return 0, b'{"changed": false}', b""
'''

_GUARDED: t.Final = {
    "ansible_user": "pepper",
    "ansible_port": 2207,
    "ansible_private_key_file": "/keys/pepper",
    "ansible_password": "Guarded-1",
    "ansible_become": True,
    "ansible_become_password": "Guarded-2",
    "recording_token": "Guarded-3",
}


@pytest.mark.parametrize(
    ("core", "asked"),
    [
        ("newest", False),
        pytest.param("newest", True, marks=pytest.mark.deep),
        pytest.param("oldest", True, marks=pytest.mark.deep),
    ],
)
def test_each_host_gets_its_own_or_what_was_asked_for(
    controller: t.Callable[..., Controller], tmp_path: pathlib.Path, core: str, asked: bool
) -> None:
    operator = controller(core).knows(
        [],
        runners={
            "edge": {"ansible_password": "Edge-1", "recording_token": "Edge-3"},
            "guarded": {**_GUARDED, "ansible_host": "guarded"},
            "bare": {"ansible_become": True, "ansible_host": "bare"},
        },
        ansible_connection="recording",
        ansible_python_interpreter="/usr/bin/python3",
    )
    (operator.place / "connection_plugins").mkdir()
    (operator.place / "connection_plugins" / "recording.py").write_text(_PLUGIN)
    playbook = operator.place / "pass.yml"
    playbook.write_text(_PLAYBOOK)
    arguments = []
    for option, password in (("--connection-password-file", "Asked-1"), ("--become-password-file", "Asked-2")):
        (tmp_path / password).write_text(password)
        arguments += [option, str(tmp_path / password)] if asked else []
    record = tmp_path / "connections.jsonl"
    operator.run(str(playbook), *arguments, environment={"CONNECTIONS_FILE": str(record)}).succeeded()

    found = [json.loads(line) for line in record.read_text().splitlines()]
    assert [host for host, *_dummy in found] == ["bare", "guarded", "bare"]
    for host, options, context in found:
        own = _GUARDED if host == "guarded" else {}
        passwords = ["Asked-1", "Asked-2"] if asked else [None, None]
        wanted = [
            *(own.get(f"ansible_{name}") for name in ("user", "port", "private_key_file")),
            own.get("ansible_password", passwords[0]),
            own.get("ansible_become_password", passwords[1]),
        ]
        assert [value or None for value in context.values()] == wanted
        assert options == {**dict(zip(context, wanted, strict=True)), "token": own.get("recording_token")}
