# SPDX-License-Identifier: GPL-3.0-or-later
"""`make measure`: what the three disconnected legs, and the connected playbook, cost per stamp, counted in the simulator's
request log.

Conditions: activation 2 s with four progress records, registration of the resource provider 0.5 s, the first ERCS address
healthy. Requests of the sign-in at Azure are told apart; the cloud's metadata are counted. Own seconds are what a run took
minus the time that the simulated services took to answer. Ends with exit status 1 when a count is over its limit.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
import typing as t

from azs_simulator.client import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from controllers import LEGS, Controller, Traffic  # noqa: E402

STAMPS = 5
PROVIDER_SECONDS = 0.5
CONNECTED = "connected_register"
TITLES = {LEGS[0]: "1 export the token", LEGS[1]: "2 register", LEGS[2]: "3 activate", CONNECTED: "connected"}
LIMITS = {
    (LEGS[0], "first", "PEP round trips"): 17,
    (LEGS[1], "first", "ARM requests"): 8,
    (LEGS[2], "first", "PEP round trips"): 17,
    (LEGS[0], "second", "PEP round trips"): 0,
    (LEGS[1], "second", "ARM requests"): 5,
    (LEGS[2], "second", "PEP round trips"): 0,
    (CONNECTED, "first", "PEP round trips"): 34,
    (CONNECTED, "first", "ARM requests"): 11,
    (CONNECTED, "first", "admin ARM requests"): 7,
    (CONNECTED, "second", "PEP round trips"): 0,
    (CONNECTED, "second", "ARM requests"): 5,
    (CONNECTED, "second", "admin ARM requests"): 3,
}
"""Requests of one stamp: of the legs a quarter over what a plain Python client needs, of the connected playbook two sessions
and 18 requests; and of a second run what nothing-to-do may take."""


@dataclasses.dataclass
class Run:
    """One run of a leg.

    :param leg: the playbook.
    :param wall: seconds of ansible-playbook.
    :param cpu: CPU seconds of ansible-playbook and its modules.
    :param modules: CPU seconds of the modules' processes.
    :param tasks: seconds of the collection's tasks.
    :param entries: what the services were asked.
    """

    leg: str
    wall: float
    cpu: float
    modules: float
    tasks: float
    entries: list[dict[str, t.Any]]

    @property
    def service(self) -> float:
        """Seconds that the services took: to answer, and to register the resource provider while the client waited."""
        registers = any(entry.get("action") == "Microsoft.AzureStack/register/action" for entry in self.entries)
        return sum(entry["seconds"] for entry in self.entries) + (PROVIDER_SECONDS if registers else 0.0)

    @property
    def conversation(self) -> float:
        """Seconds from each module's first request to its last answer."""
        seconds, began, before = 0.0, 0.0, None
        for entry in self.entries:
            if before is None or _begins(entry, before, self.leg):
                seconds += before["at"] - began if before else 0.0
                began = entry["at"] - entry["seconds"]
            before = entry
        return seconds + (before["at"] - began if before else 0.0)

    def count(self, service: str) -> int:
        """Requests to a service."""
        return sum(entry["service"] == service for entry in self.entries)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a leg costs: measured with one stamp, and with several, one after the other."""

    one: Run
    several: Run

    def figures(self) -> dict[str, float]:
        """All figures, by the headings of the table."""
        one, several = self.one, self.several
        return {
            "PEP round trips": one.count("pep"),
            "ARM requests": one.count("arm"),
            "admin ARM requests": one.count("admin"),
            "sign-in requests": one.count("login"),
            "services, s": one.service,
            "own s: conversation": one.conversation - one.service,
            "own s: starting modules": one.tasks - one.conversation,
            "own s: the play, once": one.wall - one.tasks,
            "own s of each further stamp": (several.wall - several.service - one.wall + one.service) / (STAMPS - 1),
            "CPU s of each further stamp": (several.cpu - one.cpu) / (STAMPS - 1),
            "of that its modules": (several.modules - one.modules) / (STAMPS - 1),
        }


class Clock:
    """A Python interpreter for modules that adds up their CPU time."""

    def __init__(self, program: pathlib.Path) -> None:
        self.program = program
        self._times = program.with_suffix(".times")
        python, times = shlex.quote(sys.executable), shlex.quote(str(self._times))
        program.write_text(f'#!/bin/sh\n{python} "$@"\nstatus=$?\ntimes >> {times}\nexit $status\n', encoding="utf-8")
        program.chmod(0o700)

    def read(self) -> float:
        """Return the CPU seconds of the modules since the last call."""
        text = self._times.read_text(encoding="utf-8") if self._times.exists() else ""
        self._times.unlink(missing_ok=True)
        # Two lines for each process: the shell's own times, then those of the interpreter; user and system time in each.
        spent = [re.findall(r"(\d+)m([\d.]+)s", line) for line in text.splitlines()[1::2]]
        return sum(60 * int(minutes) + float(seconds) for line in spent for minutes, seconds in line)


def _begins(entry: dict[str, t.Any], before: dict[str, t.Any], leg: str) -> bool:
    """Tell whether a request is the first one of a module.

    That is the metadata, the sign-in where those were handed on, or a session at the privileged endpoint; but leg 3 opens
    that after it has asked for the activation.
    """
    metadata = "/metadata/endpoints"
    if entry["service"] == "pep":
        return before["service"] != "pep" and leg == CONNECTED
    if entry["service"] == "login":
        return entry["method"] == "GET" and before.get("path") != metadata
    return entry.get("path") == metadata


def fleet(count: int, *, connected: bool) -> dict[str, t.Any]:
    """The simulated fleet."""
    kind = {"connected": True} if connected else {"agreement_number": "87654321"}
    stamps = [{"name": f"edge-{number:02}", "nodes": 4, **kind} for number in range(1, count + 1)]
    users = [{"name": "registrar"}, {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"}]
    activation = "New-AzureStackActivation"
    settings = {
        "provider_registration": PROVIDER_SECONDS,
        "durations": {activation: 2.0},
        "progress_records": {activation: 4},
    }
    return {"stamps": stamps, "clouds": [{"name": "AzureCloud", "principals": users}], "settings": settings}


def measure(count: int, place: pathlib.Path, legs: t.Sequence[str]) -> dict[tuple[str, str], Run]:
    """Run playbooks twice for a number of stamps, one stamp after the other."""
    runs = {}
    with Simulator.start(fleet(count, connected=CONNECTED in legs), place / "simulator") as simulator:
        stamps = list(simulator.state()["stamps"])
        clock = Clock(place / "python")
        runner = {"ansible_connection": "local", "ansible_python_interpreter": str(clock.program)}
        controller, traffic = Controller(place / "controller", simulator), Traffic(simulator)
        controller.knows(stamps, runners={"runner": runner}, azs_pep_runner="runner", azs_azure_runner="runner")
        for leg in legs:  # the compiler and the file cache are not measured
            controller.run(leg, "--list-tasks").succeeded()
        for number in ("first", "second"):
            for leg in legs:
                began, used = time.monotonic(), _cpu()
                play = controller.run(leg, "--forks", "1").succeeded()
                wall, cpu = time.monotonic() - began, _cpu() - used
                tasks = sum(one.seconds for one in play.results if one.action.startswith("azurestack.hub."))
                runs[leg, number] = Run(leg, wall, cpu, clock.read(), tasks, traffic.read())
    return runs


def start_up() -> str:
    """CPU seconds until the modules of each target have what they import, as a Markdown list."""
    base, package = "import ansible.module_utils.basic", "ansible_collections.azurestack.hub.plugins.module_utils"
    kinds = {
        "Python alone": "pass",
        "a module that needs neither target": base,
        "a module with a session at the privileged endpoint": f"{base}, {package}._pep.session",
        "a module that asks Azure": f"{base}, {package}._azure.session, azure.identity",
    }
    lines = []
    for kind, code in kinds.items():
        samples = []
        for _number in range(5):
            used = _cpu()
            subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": _collections()}, check=True)
            samples.append(_cpu() - used)
        lines.append(f"- {kind}: {min(samples):.2f}")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the three disconnected legs, and the connected playbook.")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures to this file, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azs-measure-") as directory:
        one, several = (
            {
                key: run
                for name, legs in (("legs", LEGS), ("connected", (CONNECTED,)))
                for key, run in measure(count, pathlib.Path(directory) / f"{name}-{count}", legs).items()
            }
            for count in (1, STAMPS)
        )
    figures = {key: Cost(run, several[key]).figures() for key, run in one.items()}

    print(f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} CPUs, {STAMPS} stamps\n")
    headings = list(next(iter(figures.values())))
    print(f"| leg | run | {' | '.join(headings)} |\n|---|---|{'---:|' * len(headings)}")
    for (leg, number), row in figures.items():
        cells = [str(value) if isinstance(value, int) else f"{value:.2f}" for value in row.values()]
        print(f"| {TITLES[leg]} | {number} | {' | '.join(cells)} |")
    print(f"\nCPU seconds that the start of a module takes:\n\n{start_up()}")
    if options.json:
        rows = [{"leg": leg, "run": number, **row} for (leg, number), row in figures.items()]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")

    over = [
        f"{TITLES[leg]}, {number} run: {figures[leg, number][heading]} {heading}, {limit} allowed"
        for (leg, number, heading), limit in LIMITS.items()
        if figures[leg, number][heading] > limit
    ]
    print("\n".join(["", *over]) if over else "\nAll counts are within their limits.")
    return 1 if over else 0


def _collections() -> str:
    return os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections"))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
