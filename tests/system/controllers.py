# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at a controller who runs the collection's playbooks with the real `ansible-playbook`."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
import typing as t
import zipfile

import pytest
import yaml

from azs_simulator.client import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

CORES = {
    "newest": pathlib.Path(sys.executable).parent,
    "oldest": ROOT / ".venv-oldest" / "bin",
}
"""ansible-core that the collection supports -> directory of its programs."""

BOTH_CORES: t.Final = (pytest.param("newest"), pytest.param("oldest", marks=pytest.mark.deep))
"""Parameters of a test that runs with each of them; `make test` runs it with the newest one."""

LEGS = ("disconnected_export_token", "disconnected_register", "disconnected_activate")

DUE = "Find out which stamps have something to do"
COMPARE = "Compare the stamp, its registration and its activation"
PLAN = "Show the plan"
STEP_TASKS: t.Final = {
    "deactivation": "Deactivate the stamp",
    "removal": "Delete the registration in Azure",
    "token": "Export the registration token",
    **dict.fromkeys(("registration", "lock", "role_assignment"), "Register the stamp in Azure"),
    "key": "Export the activation key of a registration that stays",
    "activation": "Activate the stamp",
}
"""What carries out a step of the plan; a bridge principal is made with the token, and a key is exported with a registration."""
AFTERWARDS = "Remove the expired registrations that the stamp has left"

ALLOWED_CMDLET = "Get-AzureStackStampInformation"

_INHERITED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")
_TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True)
class Result:
    """What the callbacks got to see of one task on one host.

    :param seconds: from its start until its result was there.
    """

    outcome: str
    host: str
    task: str
    action: str
    seconds: float
    data: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        """Whether the task reports a change."""
        return bool(self.data.get("changed"))

    @property
    def message(self) -> str:
        """The message of a failed task."""
        assert self.outcome == "failed", self
        return str(self.data["msg"])

    @property
    def kind(self) -> str:
        """Kind of the error of a failed task."""
        assert self.outcome == "failed", self
        return str(self.data["error"]["kind"])

    @property
    def warnings(self) -> str:
        """All warnings in one text; newer ansible-core has records of them."""
        return str(self.data.get("warnings", ""))


@dataclasses.dataclass(frozen=True)
class Play:
    """How a run of ansible-playbook ended.

    :param output: standard output and standard error, as a terminal shows them.
    """

    status: int
    output: str
    results: list[Result]

    def recap(self, host: str) -> dict[str, int]:
        """The counts of a host in the recap."""
        line = re.search(rf"^{re.escape(host)}\s+: (.*)$", self.output, re.MULTILINE)
        if line is None and host in self.settled:
            return dict.fromkeys(("ok", "changed", "unreachable", "failed"), 0)
        assert line, f"the recap does not name {host}: {self.output}"
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line[1])}

    @property
    def changed(self) -> int:
        """How many tasks changed something, by the recap."""
        return sum(int(count) for count in re.findall(r"^\S+\s+: .*\bchanged=(\d+)", self.output, re.MULTILINE))

    @property
    def changes(self) -> set[tuple[str, str]]:
        """Task and host of all results that report a change."""
        return {(one.task, one.host) for one in self.results if one.changed}

    @property
    def foretold(self) -> set[tuple[str, str]]:
        """Task and host of all changes that a run in check mode foretells; a plan foretells those of its steps."""
        found = self.changes
        for one in [one for one in self.results if one.changed and one.task == PLAN]:
            found.remove((PLAN, one.host))
            due = {step for step, taken in one.data["steps"].items() if taken} - {"principal"}
            due -= {"key"} if "token" in due else set()
            found |= {(STEP_TASKS[step], one.host) for step in due}
            found |= {(AFTERWARDS, one.host)} if one.data["afterwards"] else set()
        return found

    @property
    def settled(self) -> dict[str, dict[str, t.Any]]:
        """What was said of the stamps that had nothing to do: no task of their own was run for them."""
        return next((one.data["settled"] for one in self.results if one.task == DUE and one.outcome == "ok"), {})

    def verdict(self, host: str) -> dict[str, t.Any]:
        """Whether a stamp, its registration and its activation agree, as azs_verdict says it."""
        return self.settled[host] if host in self.settled else self.of(COMPARE, host).data

    def of(self, task: str, host: str | None = None) -> Result:
        """The result of a task; fails the test when there is not exactly one."""
        found = [one for one in self.results if one.task == task and host in (None, one.host)]
        assert len(found) == 1, (task, host, [(one.task, one.host) for one in self.results], self.output)
        return found[0]

    def failure(self, host: str) -> Result:
        """The failed task of a host; fails the test when there is not exactly one."""
        found = [one for one in self.results if one.outcome == "failed" and one.host == host]
        assert len(found) == 1, f"{len(found)} tasks of {host} failed: {self.output}"
        return found[0]

    def succeeded(self) -> Play:
        """The play itself; fails the test when ansible-playbook did."""
        assert self.status == 0, self.output
        return self


class Running:
    """An ansible-playbook that runs."""

    def __init__(self, process: subprocess.Popen[str], output: pathlib.Path, record: pathlib.Path) -> None:
        self._process = process
        self._output = output
        self._record = record
        self.pid = process.pid

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout: float = _TIMEOUT) -> Play:
        """Wait for its end; after `timeout` seconds it is killed and the test fails."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"ansible-playbook did not end within {timeout} s: {self.output}")
        return Play(status, self.output, self._results())

    def kill(self) -> None:
        """SIGKILL ansible-playbook and everything that it started, as a power cut does."""
        for pid in [*_descendants(self.pid), self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Kill it if it still runs."""
        if self._process.poll() is None:
            self.kill()

    def _results(self) -> list[Result]:
        if not self._record.exists():
            return []
        entries = [json.loads(line) for line in self._record.read_text(encoding="utf-8").splitlines()]
        return [
            Result(*(entry[name] for name in ("outcome", "host", "task", "action", "seconds", "result")))
            for entry in entries
        ]


def _descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    children: dict[int, list[int]] = collections.defaultdict(list)
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
                children[int(parent)].append(int(entry.name))
    found, open_ends = [], [pid]
    while open_ends:
        below = children[open_ends.pop()]
        found += below
        open_ends += below
    return found


class Controller:
    """A machine with ansible-playbook, an inventory, and directories of its own for everything that Ansible writes.

    :param place: directory of the controller: its home, temporary files and log lie below it.
    :param core: which ansible-core it has, a key of CORES.
    """

    def __init__(self, place: pathlib.Path, simulator: Simulator, core: str = "newest") -> None:
        self.place = place
        self.simulator = simulator
        self.programs = CORES[core]
        self.home = place / "home"
        self.temporary = place / "tmp"
        self.inventory = place / "inventory.yml"
        for directory in (self.home, self.temporary):
            directory.mkdir(parents=True)
        self._runs = 0
        self._started: list[Running] = []

    @property
    def bundle(self) -> pathlib.Path:
        """Where the playbooks keep the bundle when nothing else is said."""
        return self.home / "azurestack-bundle"

    def knows(
        self,
        stamps: t.Mapping[str, t.Mapping[str, t.Any]] | t.Iterable[str],
        *,
        runners: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
        **variables: t.Any,
    ) -> Controller:
        """Write the inventory, and return the controller.

        :param stamps: names of simulated stamps -> variables over those that the simulator gives; None takes one away.
        :param runners: further hosts -> their variables.
        :param variables: of all hosts.
        """
        named = stamps if isinstance(stamps, t.Mapping) else {name: {} for name in stamps}
        hosts = {name: _without_none({**self.simulator.host(name), **own}) for name, own in named.items()}
        content = {
            "all": {
                "vars": variables,
                "hosts": {name: dict(own) for name, own in (runners or {}).items()},
                "children": {"azs_stamps": {"hosts": hosts}},
            }
        }
        self.inventory.write_text(yaml.safe_dump(content, width=1000), encoding="utf-8")
        self.inventory.chmod(0o600)
        return self

    def start(
        self,
        playbook: str,
        *arguments: str,
        environment: t.Mapping[str, str] | None = None,
        **variables: t.Any,
    ) -> Running:
        """Start a playbook and return it while it runs.

        :param playbook: name of one of the collection's, or path of a file.
        :param arguments: of ansible-playbook, for example "--check".
        :param variables: extra variables.
        """
        self._runs += 1
        output, record = self.place / f"output-{self._runs}.txt", self.place / f"results-{self._runs}.jsonl"
        name = playbook if "/" in playbook else f"azurestack.hub.{playbook}"
        command = [str(self.programs / "ansible-playbook"), name, "-i", str(self.inventory), *arguments]
        if variables:
            extra = self.place / f"extra-{self._runs}.json"
            extra.write_text(json.dumps(variables, default=str), encoding="utf-8")
            command += ["-e", f"@{extra}"]
        with open(output, "w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                command,
                cwd=self.place,
                env=self._environment(record) | dict(environment or {}),
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        running = Running(process, output, record)
        self._started.append(running)
        return running

    def run(self, playbook: str, *arguments: str, **how: t.Any) -> Play:
        """Run a playbook to its end. Parameters as `start`."""
        return self.start(playbook, *arguments, **how).wait()

    def vault(self, *arguments: str) -> None:
        """Run ansible-vault. Fails the test when it fails."""
        command = [str(self.programs / "ansible-vault"), *arguments]
        done = subprocess.run(
            command, env=self._environment(self.place / "none"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        """Kill what a test left running."""
        for running in self._started:
            running.end()

    def _environment(self, record: pathlib.Path) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {
            **inherited,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections")),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_NOCOLOR": "1",
            "RECORDER_FILE": str(record),
        }


class Elsewhere:
    """Another machine behind ssh: Ansible's own ssh connection, whose program runs commands here, in a home and with an
    environment of their own.

    :param place: directory of the machine.
    """

    def __init__(self, place: pathlib.Path, *, python: str = sys.executable) -> None:
        self.home = place / "home"
        self.temporary = place / "tmp"
        for directory in (self.home, self.temporary):
            directory.mkdir(parents=True)
        self.connections = place / "connections.txt"
        self._ssh = _program(place / "ssh", _SSH, home=self.home, tmp=self.temporary, log=self.connections)
        self._sudo = _program(place / "sudo", _SUDO, log=place / "sudo.txt")
        self.escalations = place / "sudo.txt"
        self._python = python

    @property
    def bundle(self) -> pathlib.Path:
        """Where the playbooks keep the bundle when nothing else is said."""
        return self.home / "azurestack-bundle"

    def variables(self, **more: t.Any) -> dict[str, t.Any]:
        """Inventory variables of the machine."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": "203.0.113.7",
            "ansible_ssh_executable": str(self._ssh),
            "ansible_become_exe": str(self._sudo),
            "ansible_python_interpreter": self._python,
            **more,
        }


_SSH = """\
#!/bin/sh
# Stands in for ssh: the command is the last argument.
echo "$*" >> {log}
for last; do :; done
cd {home} && exec env -i HOME={home} TMPDIR={tmp} PATH="$PATH" sh -c "$last"
"""

_SUDO = """\
#!/bin/sh
# Stands in for sudo: the command begins at the shell.
echo "$*" >> {log}
while [ "$1" != /bin/sh ]; do shift; done
exec "$@"
"""


def _program(path: pathlib.Path, text: str, **places: pathlib.Path) -> pathlib.Path:
    path.write_text(text.format(**{name: shlex.quote(str(place)) for name, place in places.items()}), encoding="utf-8")
    path.chmod(0o700)
    return path


def _without_none(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in variables.items() if value is not None}


class Traffic:
    """What the simulated services were asked since it was made or last read."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._mark = simulator.mark()

    def peek(self) -> list[dict[str, t.Any]]:
        """Return the entries since the last call of `read`."""
        return self._simulator.requests(self._mark)

    def read(self) -> list[dict[str, t.Any]]:
        """Return the entries since the last call of this."""
        entries = self.peek()
        self._mark = entries[-1]["n"] if entries else self._mark
        return entries


def cmdlets(entries: t.Iterable[dict[str, t.Any]], stamp: str | None = None) -> list[str]:
    """The cmdlets that stamps, or one stamp, were told to run."""
    return [
        entry["cmdlet"]
        for entry in entries
        if entry["service"] == "pep" and entry["action"] == "Command" and stamp in (None, entry["stamp"])
    ]


def changing(entries: t.Iterable[dict[str, t.Any]]) -> list[str]:
    """The requests that change something, or could: all but GETs, exports of keys and sign-ins."""
    found = []
    for entry in entries:
        if entry["service"] == "pep":
            if entry["action"] == "Command" and entry["cmdlet"] != ALLOWED_CMDLET:
                found.append(entry["cmdlet"])
        elif (
            entry["service"] != "login" and entry["method"] != "GET" and not entry["path"].endswith("/getactivationkey")
        ):
            found.append(f"{entry['method']} {entry['path']}")
    return found


def arm_requests(entries: t.Iterable[dict[str, t.Any]]) -> list[str]:
    """The requests to Azure Resource Manager, metadata counted, sign-in not."""
    return [f"{entry['method']} {entry['path']}" for entry in entries if entry["service"] == "arm"]


def until(condition: t.Callable[[], t.Any], what: str, seconds: float = 30.0) -> t.Any:
    """Wait until a condition holds, and return what it returned; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return pytest.fail(f"{what} did not happen within {seconds} s")


def files_with(
    places: t.Iterable[pathlib.Path], secrets: t.Iterable[str], *, but: t.Container[pathlib.Path]
) -> list[str]:
    """The files below some directories that hold a secret, members of zip files included.

    :param but: files that may hold secrets.
    """
    wanted = [secret.encode() for secret in secrets]
    found = []
    for file in (file for place in places for file in place.rglob("*") if file.is_file() and file not in but):
        with contextlib.suppress(FileNotFoundError):  # gone since it was listed
            contents = [file.read_bytes()]
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    contents += [archive.read(name) for name in archive.namelist()]
            found += [f"{file}: {secret.decode()}" for secret in wanted if any(secret in one for one in contents)]
    return found


def command_lines(pid: int) -> str:
    """The command lines of a process and of everything that it started, which every user of the machine can read."""
    lines = []
    for one in [pid, *_descendants(pid)]:
        with contextlib.suppress(OSError):
            lines.append(
                pathlib.Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
    return "\n".join(lines)
