# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a simulator and talk to its control API, from tests and scripts. Needs no package but PyYAML."""

from __future__ import annotations

import copy
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FLEETS = Path(__file__).resolve().parent / "fleets"
"""Fleet files that come along."""
START_SECONDS = 120.0
"""It takes one or two; this is for a machine that has other work."""
STOP_SECONDS = 15.0


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _private(path: str, flags: int) -> int:
    """Opener for files that may hold secrets."""
    return os.open(path, flags, 0o600)


class SimulatorError(Exception):
    """The simulator did not start, has ended, or refused a control request; the message has its words."""


class Simulator:
    """A running simulator. A context manager: it ends with the block, and with the process that started it."""

    def __init__(self, control: str, output: Path, pid: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self.control = control
        self.output = output
        self.pid = pid
        self._process = process
        self._read_at: tuple[int, int] | None = None
        self._group: dict[str, Any] = {}

    @classmethod
    def start(
        cls,
        fleet: Mapping[str, Any] | Path,
        output: Path,
        *,
        seed: int | None = None,
        engine: str | None = None,
        python: str = sys.executable,
        detached: bool = False,
    ) -> Simulator:
        """Start a simulator and wait until it is ready.

        `fleet` is a fleet file or its content; `python` the interpreter that has the simulator's packages; `engine`
        the one of the privileged endpoints, instead of the fleet's. A detached
        simulator outlives this process. Raises SimulatorError with the simulator's own message when it does not start.
        """
        output = Path(output).absolute()
        output.mkdir(parents=True, exist_ok=True, mode=0o700)
        if isinstance(fleet, Mapping):
            fleet, content = output / "fleet.json", json.dumps(fleet)
            with open(fleet, "w", encoding="utf-8", opener=_private) as file:
                file.write(content)
        command = [python, "-m", "azs_simulator", "--fleet", str(fleet), "--output", str(output)]
        command += [] if seed is None else ["--seed", str(seed)]
        command += [] if engine is None else ["--engine", engine]
        command += [] if detached else ["--until-stdin-closes"]
        with open(output / "simulator.log", "wb", opener=_private) as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=detached,
            )
        line = cls._first_line(process)
        if not line:
            process.kill()
            process.wait()
            raise SimulatorError((output / "simulator.log").read_text(encoding="utf-8", errors="replace").strip())
        return cls(json.loads(line)["control"], output, process.pid, process)

    @staticmethod
    def _first_line(process: subprocess.Popen[bytes]) -> bytes:
        """What the process says when it is ready; empty when it ended, or said nothing in time."""
        assert process.stdout is not None
        readable, _writable, _failed = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if readable else b""
        process.stdout.close()
        return line

    @classmethod
    def attach(cls, output: Path) -> Simulator:
        """The simulator that wrote an output directory. Raises SimulatorError when it does not run."""
        try:
            ready = json.loads((Path(output) / "simulator.json").read_text(encoding="utf-8"))
            simulator = cls(ready["control"], Path(output).absolute(), ready["pid"])
            alive = simulator.get("/health")["pid"] == simulator.pid
        except (OSError, ValueError, KeyError, SimulatorError):
            alive = False
        if not alive:
            raise SimulatorError(f"no simulator runs with the output directory {output}")
        return simulator

    def stop(self) -> None:
        """End the simulator and wait for its end. Raises SimulatorError when it has to be killed."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired as error:
                self._process.kill()
                self._process.wait()
                raise SimulatorError("the simulator did not end when told") from error
            finally:
                if self._process.stdin:
                    self._process.stdin.close()
            return
        handle = os.pidfd_open(self.pid)
        try:
            os.kill(self.pid, signal.SIGTERM)
            ended, _writable, _failed = select.select([handle], [], [], STOP_SECONDS)
        finally:
            os.close(handle)
        if not ended:
            raise SimulatorError("the simulator did not end when told")

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # -- control API -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Settings, clouds and stamps."""
        return self.get("/state")

    def stamp(self, name: str) -> dict[str, Any]:
        """One stamp's state."""
        return self.state()["stamps"][name]

    def registration_of(self, stamp: str) -> dict[str, Any] | None:
        """The registration of a stamp's cloud id in its cloud, if there is one."""
        state = self.state()
        wanted = state["stamps"][stamp]
        for registration in state["clouds"][wanted["cloud"]]["registrations"]:
            if registration["cloud_id"] == wanted["cloud_id"]:
                return registration
        return None

    def requests(self, since: int = 0, service: str | None = None, wait: float = 0.0) -> list[dict[str, Any]]:
        """The request log after entry `since`; `wait`: for that many seconds, until there is an entry."""
        query = {"since": str(since), "wait": str(wait), **({"service": service} if service else {})}
        return self.get(f"/requests?{urllib.parse.urlencode(query)}", timeout=wait + 30)

    def wait_for(self, since: int = 0, seconds: float = 10.0, **facts: Any) -> dict[str, Any]:
        """The first request after `since` with these facts (``service="arm", method="PUT"``). Raises SimulatorError."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            for entry in self.requests(since, facts.get("service"), wait=remaining):
                since = entry["n"]
                if all(entry.get(name) == value for name, value in facts.items()):
                    return entry
        raise SimulatorError(f"no request {facts} came within {seconds} s")

    def mark(self) -> int:
        """The number of the last request so far; to be given to `requests` as `since`."""
        entries = self.requests()
        return entries[-1]["n"] if entries else 0

    def fault(
        self,
        service: str,
        kind: str,
        *,
        match: Mapping[str, str] | None = None,
        times: int | None = 1,
        after: int = 0,
        **options: Any,
    ) -> str:
        """Add a fault rule; returns its id. `options` are the effect's, e.g. ``status=409, code="ScopeLocked"``."""
        rule = {"service": service, "match": dict(match or {}), "times": times, "after": after}
        return self._call("POST", "/faults", {**rule, "effect": {"kind": kind, **options}})["id"]

    def faults(self) -> list[dict[str, Any]]:
        """The rules, with how often each matched (`hits`) and was applied (`taken`)."""
        return self.get("/faults")

    def clear_faults(self) -> None:
        """Remove all fault rules."""
        self._call("DELETE", "/faults")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings; returns all of them."""
        return self._call("PUT", "/settings", changes)

    def do(self, what: str, **arguments: Any) -> Any:
        """A side effect behind the clients' backs; returns its result."""
        return self._call("POST", f"/do/{what}", arguments)["result"]

    def credentials(self) -> dict[str, Any]:
        """All secrets: of principals by cloud, of stamps."""
        return self.get("/credentials")

    def secrets(self) -> set[str]:
        """The same as a plain set, to search logs and files for."""
        groups = self.credentials()
        return {secret for group in groups.values() for entry in group.values() for secret in entry.values()}

    # -- output directory --------------------------------------------------------------------------------------------

    @property
    def ca(self) -> str:
        """Path of the CA bundle."""
        return str(self.output / "ca.pem")

    @property
    def inventory(self) -> Path:
        """Path of the inventory."""
        return self.output / "inventory.yml"

    def azure(self) -> dict[str, Any]:
        """The inventory's group variables: account, cloud, CA, group."""
        return copy.deepcopy(self._stamps_group()["vars"])

    def host(self, stamp: str) -> dict[str, Any]:
        """A stamp's inventory variables, those of its group included."""
        group = self._stamps_group()
        for child in group["children"].values():
            if stamp in child["hosts"]:
                return copy.deepcopy({**group["vars"], **child["hosts"][stamp]})
        raise KeyError(stamp)

    def _stamps_group(self) -> dict[str, Any]:
        """The inventory, read again only when it was written again: for a large fleet that takes seconds."""
        state = self.inventory.stat()
        if self._read_at != (state.st_ino, state.st_mtime_ns):
            content = yaml.load(self.inventory.read_text(encoding="utf-8"), _Loader)
            self._group = content["all"]["children"]["azs_stamps"]
            self._read_at = state.st_ino, state.st_mtime_ns
        return self._group

    # -- transport ---------------------------------------------------------------------------------------------------

    def get(self, path: str, timeout: float = 30.0) -> Any:
        """GET of the control API. Raises SimulatorError."""
        return self._call("GET", path, timeout=timeout)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, timeout: float = 30.0) -> Any:
        data = None if body is None else json.dumps(body).encode("utf-8")
        request = urllib.request.Request(
            f"{self.control}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SimulatorError(json.load(error)["error"]) from error
        except OSError as error:
            raise SimulatorError(f"the simulator does not answer: {error}") from error
