# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules as Ansible does: as processes, options in on standard input, JSON result out."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import typing as t

import pytest
import warm_processes

if t.TYPE_CHECKING:
    import multiprocessing.process

ROOT = pathlib.Path(__file__).resolve().parents[3]

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")

_AT_START = {"PYTHONPATH", "OPENSSL_CONF"}
"""Variables that count when Python starts and imports libraries."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a module process ended.

    :param result: what it printed, parsed; empty when it was killed before it printed anything.
    :param returncode: exit status, negative for a signal.
    """

    result: dict[str, t.Any]
    returncode: int
    stdout: str
    stderr: str

    def __getitem__(self, name: str) -> t.Any:
        return self.result[name]

    @property
    def failed(self) -> bool:
        """Whether the task failed."""
        return bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        """Whether the task reports a change; fails the test when the module failed."""
        assert not self.failed, self.result.get("msg")
        return bool(self.result["changed"])

    @property
    def message(self) -> str:
        """The error message; fails the test when the module did not fail."""
        assert self.failed, self.result
        return str(self.result["msg"])

    @property
    def kind(self) -> str:
        """Kind of the error; fails the test when the module did not fail."""
        assert self.failed, self.result
        return str(self.result["error"]["kind"])

    @property
    def warnings(self) -> list[str]:
        """Texts of the warnings, which newer ansible-core prints as records."""
        return [
            warning if isinstance(warning, str) else warning["event"]["msg"]
            for warning in self.result.get("warnings", [])
        ]

    @property
    def printed(self) -> str:
        """Everything that the process printed, to search for secrets."""
        return self.stdout + self.stderr


class _Process(t.Protocol):
    """A process, made either way."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""


class _Forked:
    """A process with libraries that looks like one of subprocess."""

    def __init__(self, process: multiprocessing.process.BaseProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self._process.exitcode

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.exitcode


class Running:
    """A module process that runs."""

    def __init__(self, process: _Process, stdout: t.IO[str], stderr: t.IO[str]) -> None:
        self._process = process
        self._stdout = stdout
        self._stderr = stderr
        self.pid = process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        if not self.ended:
            os.kill(self.pid, number)

    @property
    def ended(self) -> bool:
        """Whether the process came to its end."""
        return self._process.poll() is not None

    def wait(self, timeout: float = 60) -> Outcome:
        """Wait for the end of the process, which is killed after `timeout` seconds, and return how it went."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the module did not end within {timeout} s; it printed {self._printed()}")
        stdout, stderr = self._printed()
        result: dict[str, t.Any] = {}
        if stdout.strip():
            try:
                result = json.loads(stdout)
            except ValueError:
                pytest.fail(f"the module printed no JSON: {stdout!r} and {stderr!r}")
        return Outcome(result, status, stdout, stderr)

    def kill(self) -> None:
        """End the process if it still runs."""
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """End the process, and forget what it printed."""
        self.kill()
        self._stdout.close()
        self._stderr.close()

    def _printed(self) -> tuple[str, str]:
        texts = []
        for stream in (self._stdout, self._stderr):
            stream.seek(0)
            texts.append(stream.read())
        return texts[0], texts[1]


class Modules:
    """Starts modules of the collection as processes."""

    def __init__(self, collections: pathlib.Path) -> None:
        self._collections = collections
        self._started: list[Running] = []

    def start(
        self,
        name: str,
        options: t.Mapping[str, t.Any],
        *,
        check: bool = False,
        diff: bool = False,
        environment: t.Mapping[str, str] | None = None,
        inside: t.Callable[[list[str]], list[str]] = list,
    ) -> Running:
        """Start a module and return it while it runs.

        :param name: for example azs_stamp_info.
        :param options: the task's options, hidden ones included.
        :param check: whether the task runs in check mode.
        :param diff: whether the task runs in diff mode.
        :param environment: variables to add to a clean environment; PYTHONPATH is put before the collection's.
        :param inside: makes the command that is started of the module's own.
        """
        variables = {key: os.environ[key] for key in _INHERITED if key in os.environ} | dict(environment or {})
        program = str(ROOT / "plugins" / "modules" / f"{name}.py")
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
        stdout, stderr = (tempfile.TemporaryFile("w+", encoding="utf-8") for _number in range(2))  # noqa: SIM115  # the process outlives this
        with tempfile.TemporaryFile("w+", encoding="utf-8") as stdin:
            stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
            stdin.seek(0)
            fresh = _AT_START & variables.keys() or inside is not list
            variables["PYTHONPATH"] = os.pathsep.join(
                filter(None, (variables.get("PYTHONPATH"), str(self._collections)))
            )
            process: _Process
            if fresh:
                process = subprocess.Popen(
                    inside([sys.executable, program]), stdin=stdin, stdout=stdout, stderr=stderr, env=variables
                )
            else:
                process = _Forked(warm_processes.start(program, variables, (stdin, stdout, stderr)))
        running = Running(process, stdout, stderr)
        self._started.append(running)
        return running

    def run(self, name: str, options: t.Mapping[str, t.Any], *, timeout: float = 60, **how: t.Any) -> Outcome:
        """Run a module to its end. Parameters as `start`; `timeout` in seconds."""
        return self.start(name, options, **how).wait(timeout)

    def end(self) -> None:
        """End what a test left running."""
        for running in self._started:
            running.close()
        self._started.clear()
