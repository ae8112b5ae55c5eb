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
import typing as t

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


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


class Running:
    """A module process that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    @property
    def ended(self) -> bool:
        """Whether the process came to its end."""
        return self._process.poll() is not None

    def wait(self, timeout: float = 60) -> Outcome:
        """Wait for the end of the process, which is killed after `timeout` seconds, and return how it went."""
        try:
            stdout, stderr = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            stdout, stderr = self._process.communicate()
            pytest.fail(f"the module did not end within {timeout} s; it printed {stdout!r} and {stderr!r}")
        result: dict[str, t.Any] = {}
        if stdout.strip():
            try:
                result = json.loads(stdout)
            except ValueError:
                pytest.fail(f"the module printed no JSON: {stdout!r} and {stderr!r}")
        return Outcome(result, self._process.returncode, stdout, stderr)

    def kill(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


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
    ) -> Running:
        """Start a module and return it while it runs.

        :param name: for example azs_stamp_info.
        :param options: the task's options, hidden ones included.
        :param check: whether the task runs in check mode.
        :param diff: whether the task runs in diff mode.
        :param environment: variables to add to a clean environment; PYTHONPATH is put before the collection's.
        """
        variables = {key: os.environ[key] for key in _INHERITED if key in os.environ} | dict(environment or {})
        variables["PYTHONPATH"] = os.pathsep.join(
            filter(None, (variables.get("PYTHONPATH"), str(self._collections)))
        )
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "plugins" / "modules" / f"{name}.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables,
        )
        running = Running(process)
        self._started.append(running)
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
        assert process.stdin is not None
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        process.stdin.close()
        process.stdin = None  # otherwise communicate() flushes the closed stream
        return running

    def run(self, name: str, options: t.Mapping[str, t.Any], *, timeout: float = 60, **how: t.Any) -> Outcome:
        """Run a module to its end. Parameters as `start`; `timeout` in seconds."""
        return self.start(name, options, **how).wait(timeout)

    def end(self) -> None:
        """End what a test left running."""
        for running in self._started:
            running.kill()
        self._started.clear()
