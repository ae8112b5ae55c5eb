# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench PART=fleet`: what a fleet of connected stamps costs: its first run, a run with nothing to do, verify and report.

Activation takes 20 s on each simulated stamp. CPU and memory are those of ansible-playbook and of everything that it starts;
the simulator's CPU is told apart. The ideal is the time that the services of the longest stamp take; with fewer forks than
stamps, so many times that. No run can be faster than that, nor than its CPU time on all processors of this machine, which the
simulator shares. plain_client.py does the first run and the one with nothing to do as well, against a fleet of its own, right
after. Last, a fleet of 1,000 that is registered already is run with nothing to do, which the simulator answers at once.
Writes the figures as JSON, prints them as the tables of docs/scaling.md, and ends with exit status 1 when
a bar of the largest fleet is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import yaml

from azs_simulator.client import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN = ROOT / "tests" / "bench" / "plain_client.py"
FIRST, NO_OP, VERIFY, REPORT = "first", "no-op", "verify", "report"
PLAYBOOKS = {FIRST: "connected_register", NO_OP: "connected_register", VERIFY: "verify", REPORT: "report"}
OURS, THEIRS = "azurestack.hub", "plain client"
LIMITS = {
    "cpu_per_stamp": {FIRST: 2.0, NO_OP: 0.12, VERIFY: 0.2, REPORT: 0.2},
    "times_the_bound": {FIRST: 1.3, NO_OP: 1.3},
    "megabytes": {FIRST: 1200},
}
"""What the largest fleet may take, by figure and kind of run."""
PLAIN_LIMIT = 10.0
"""Times the wall time of the plain client that a run with nothing to do may take."""
LARGE_MEGABYTES = 700
ACTIVATION = 20.0
DURATIONS = {"New-AzureStackActivation": ACTIVATION, "Get-AzureStackStampInformation": 0.1}
PROVIDER_SECONDS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Run:
    """What one run took.

    :param wall: seconds.
    :param cpu: seconds of all processes of the run.
    :param simulator_cpu: seconds of the simulator meanwhile.
    :param ideal: seconds that the services alone take.
    :param requests: service -> requests of the run.
    :param megabytes: most memory that the processes of the run had at once; what several of them share counts once.
    :param progress_lines: lines of the terminal between the tasks, about long steps.
    """

    side: str
    stamps: int
    forks: int
    kind: str
    wall: float
    cpu: float
    simulator_cpu: float
    ideal: float
    requests: dict[str, int]
    megabytes: float
    progress_lines: int
    load: float

    @property
    def cpu_per_stamp(self) -> float:
        """CPU seconds of a stamp, the start of the play shared out."""
        return self.cpu / self.stamps

    @property
    def times_the_bound(self) -> float:
        """Wall time as a multiple of what this machine cannot beat."""
        return self.wall / self.bound

    @property
    def bound(self) -> float:
        """Seconds that this machine cannot beat."""
        return max(self.ideal, (self.cpu + self.simulator_cpu) / len(os.sched_getaffinity(0)))


class Memory(threading.Thread):
    """Samples the memory of a process and of all that it started, until it is told to end."""

    def __init__(self, pid: int, interval: float = 1.0) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._interval = interval
        self._ended = threading.Event()
        self.peak = 0.0

    def run(self) -> None:
        """Sample."""
        while not self._ended.wait(self._interval):
            self.peak = max(self.peak, self._now())

    def end(self) -> float:
        """Stop sampling; the peak in MB."""
        self._ended.set()
        self.join()
        return self.peak

    def _now(self) -> float:
        children: dict[int, list[int]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    stat = pathlib.Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
                    children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
        total, waiting = 0, [self._pid]
        while waiting:
            one = waiting.pop()
            waiting += children.get(one, [])
            with contextlib.suppress(OSError):
                rollup = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text(encoding="utf-8")
                total += sum(int(kilobytes) for kilobytes in re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE))
        return total / 1024


def fleet(count: int, **stamp: t.Any) -> dict[str, t.Any]:
    """The simulated fleet."""
    users = [
        {"name": "registrar", "role": "registration"},
        {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"},
    ]
    return {
        "stamps": [
            {"name": f"edge-{number:03}", "nodes": 4, "connected": True, **stamp} for number in range(1, count + 1)
        ],
        "clouds": [{"name": "AzureCloud", "principals": users}],
        "settings": {
            "provider_registration": PROVIDER_SECONDS,
            "durations": DURATIONS,
            "progress_records": {"New-AzureStackActivation": 10},
        },
    }


def measure(stamps: int, forks: int, folder: pathlib.Path, kinds: t.Sequence[str]) -> list[Run]:
    """Register a fleet, and run again with nothing to do; the plain client does so with a fleet of its own."""
    with started(fleet(stamps), folder / "ours") as simulator:
        runs = [_run(simulator, stamps, forks, kind, folder / "ours") for kind in kinds]
    with started(fleet(stamps), folder / "plain") as simulator:
        return runs + [_plain(simulator, stamps, kind, folder / "plain") for kind in (FIRST, NO_OP)]


def measure_large(stamps: int, forks: int, folder: pathlib.Path) -> list[Run]:
    """Run with nothing to do over a large fleet that is registered already."""
    with started(fleet(stamps, registration={}, ercs=1), folder) as simulator:
        return [_run(simulator, stamps, forks, NO_OP, folder), _plain(simulator, stamps, NO_OP, folder)]


@contextlib.contextmanager
def started(content: dict[str, t.Any], folder: pathlib.Path) -> t.Iterator[Simulator]:
    """A simulator, and beside it the inventory of its stamps."""
    with Simulator.start(content, folder / "simulator") as simulator:
        inventory = yaml.safe_load(simulator.inventory.read_text(encoding="utf-8"))
        inventory["all"]["children"]["azs_stamps"]["vars"]["azs_bundle"] = str(folder / "bundle")
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory, width=1000), encoding="utf-8")
        yield simulator


def _run(simulator: Simulator, stamps: int, forks: int, kind: str, folder: pathlib.Path) -> Run:
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
    }
    playbook = [str(ROOT / ".venv" / "bin" / "ansible-playbook"), f"azurestack.hub.{PLAYBOOKS[kind]}"]
    directory = ["-e", f"azs_report_directory={folder / 'report'}"]
    command = [*playbook, "-i", str(folder / "inventory.yml"), "--forks", str(forks), *directory]
    run, said = _measured(OURS, simulator, (stamps, forks, kind), command, environment, folder)
    recap = dict(re.findall(r"^(\S+)\s+: .*\bchanged=(\d+)", said, re.MULTILINE))
    if kind == FIRST:
        assert len(recap) == stamps and all(int(changed) > 0 for changed in recap.values()), recap
    elif kind == REPORT:
        assert f"{stamps} stamps: {stamps} in sync" in said, said[-500:]
    else:  # stamps that have nothing to do have no task of their own, and a line each
        assert len(re.findall(r"^\S+: Registered, ", said, re.MULTILINE)) == stamps, said[-500:]
    return run


def _plain(simulator: Simulator, stamps: int, kind: str, folder: pathlib.Path) -> Run:
    command = [sys.executable, str(PLAIN), str(folder / "inventory.yml"), kind]
    run, _said = _measured(THEIRS, simulator, (stamps, stamps, kind), command, {}, folder)
    return run


def _measured(
    side: str,
    simulator: Simulator,
    what: tuple[int, int, str],
    command: t.Sequence[str],
    variables: t.Mapping[str, str],
    folder: pathlib.Path,
) -> tuple[Run, str]:
    """Run a command; what it took, and what it printed. Ends the benchmark when the command fails.

    :param what: number of stamps, forks, and kind of the run.
    """
    stamps, forks, kind = what
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ANSIBLE_"))}
    environment |= {**variables, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    mark, simulated = simulator.mark(), _cpu_of(simulator.pid)
    output = folder / f"{kind}.txt"
    began = time.monotonic()
    with open(output, "w", encoding="utf-8") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        memory = Memory(process.pid)
        memory.start()
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    said = output.read_text(encoding="utf-8")
    if process.returncode:
        fatal = [line for line in said.splitlines() if line.startswith("fatal:")]
        sys.exit(
            "\n".join([f"{stamps} stamps, {kind} run of {side} failed, {len(fatal)} times:", *fatal[:3], said[-500:]])
        )
    counts: dict[str, int] = {}
    for entry in simulator.requests(mark):
        counts[entry["service"]] = counts.get(entry["service"], 0) + 1
    rounds = math.ceil(stamps / forks)
    run = Run(
        side,
        stamps,
        forks,
        kind,
        round(wall, 1),
        round(used.ru_utime + used.ru_stime, 2),
        round(_cpu_of(simulator.pid) - simulated, 2),
        rounds * sum(DURATIONS.values()) + PROVIDER_SECONDS if kind == FIRST else 0.0,
        counts,
        round(memory.end()),
        len(re.findall(r"^(?:\S+: )?(?:activating the|exporting the reg)", said, re.MULTILINE)),
        round(os.getloadavg()[0], 1),
    )
    print(
        f"{side:14} {stamps:4} stamps, {forks:3} forks, {kind:6}: {run.wall:7.1f} s, CPU {run.cpu:7.1f} s "
        f"({run.cpu_per_stamp:.3f} a stamp; simulator {run.simulator_cpu:.1f} s), {run.megabytes:.0f} MB, "
        f"{run.times_the_bound:.2f} times the bound, load {run.load}",
        file=sys.stderr,
        flush=True,
    )
    return run, said


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def table(runs: t.Sequence[Run]) -> str:
    """The figures as a table of Markdown."""
    lines = [
        "| side | stamps | forks | run | wall s | ideal s | CPU bound s | wall / bound | CPU s a stamp | simulator CPU s "
        "| requests a stamp: PEP, ARM, admin ARM, sign-in | peak MB |",
        f"|---|{'---:|' * 2}---|{'---:|' * 8}",
    ]
    for run in runs:
        cpu_bound = (run.cpu + run.simulator_cpu) / len(os.sched_getaffinity(0))
        counts = ", ".join(f"{run.requests.get(name, 0) / run.stamps:.1f}" for name in ("pep", "arm", "admin", "login"))
        lines.append(
            f"| {run.side} | {run.stamps} | {run.forks} | {run.kind} | {run.wall:.0f} | {run.ideal:.0f} | {cpu_bound:.0f} "
            f"| {run.times_the_bound:.2f} | {run.cpu_per_stamp:.3f} | {run.simulator_cpu:.0f} | {counts} | {run.megabytes:.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=ROOT / "tests" / "output" / "bench-fleet.json",
        help="file for the figures",
    )
    parser.add_argument("--stamps", type=int, nargs="+", default=[1, 10, 50, 100], help="sizes of the fleet")
    parser.add_argument(
        "--forks",
        type=int,
        nargs="+",
        default=[100, 10, 25],
        help="the first for every size, the others for --forks-stamps",
    )
    parser.add_argument("--keep", type=pathlib.Path, help="directory for what the terminal showed")
    parser.add_argument(
        "--forks-stamps", type=int, default=50, help="size of the fleet that is run with the other forks"
    )
    parser.add_argument("--large", type=int, default=1000, help="size of the fleet that has nothing to do; 0 for none")
    options = parser.parse_args()
    largest, forks = max(options.stamps), options.forks[0]
    plan = [(stamps, forks) for stamps in options.stamps]
    plan += [(options.forks_stamps, other) for other in options.forks[1:]]
    runs: list[Run] = []
    for stamps, parallel in plan:
        with tempfile.TemporaryDirectory(prefix="azs-bench-") as directory:
            kinds = tuple(PLAYBOOKS) if stamps == largest else (FIRST, NO_OP)
            runs += measure(stamps, parallel, pathlib.Path(directory), kinds)
            for kind in kinds if options.keep else ():
                options.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(
                    pathlib.Path(directory, "ours", f"{kind}.txt"), options.keep / f"{stamps}-{parallel}-{kind}.txt"
                )
    if options.large:
        with tempfile.TemporaryDirectory(prefix="azs-bench-") as directory:
            runs += measure_large(options.large, forks, pathlib.Path(directory))
    bars = bars_of(runs, largest, options.large)
    figures: dict[str, t.Any] = {
        "runs": [
            {**dataclasses.asdict(run), "cpu_per_stamp": round(run.cpu_per_stamp, 3), "bound": round(run.bound, 1)}
            for run in runs
        ],
        "ratio_to_plain_client": [
            {
                "stamps": run.stamps,
                "run": run.kind,
                **{name: round(value, 2) for name, value in ratio(run, runs).items()},
            }
            for run in runs
            if run.side == OURS and ratio(run, runs)
        ],
        "bars": [
            {"name": name, "limit": limit, "measured": round(measured, 3), "met": measured <= limit}
            for name, limit, measured in bars
        ],
        "machine": {"cpus": len(os.sched_getaffinity(0)), "python": sys.version.split()[0]},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(runs), "\n\n| bar | limit | measured | met |\n|---|---:|---:|---|", sep="")
    for name, limit, measured in bars:
        print(f"| {name} | {limit:.3g} | {measured:.3g} | {'yes' if measured <= limit else 'no'} |")
    print(f"figures: {options.output}", file=sys.stderr)
    return 0 if all(measured <= limit for _name, limit, measured in bars) else 1


def ratio(run: Run, runs: t.Sequence[Run]) -> dict[str, float]:
    """Wall and CPU time as multiples of the plain client's; nothing where it did not run."""
    plain = [one for one in runs if (one.side, one.stamps, one.kind) == (THEIRS, run.stamps, run.kind)]
    return {"wall": run.wall / plain[-1].wall, "cpu": run.cpu / plain[-1].cpu} if plain else {}


def bars_of(runs: t.Sequence[Run], largest: int, large: int) -> list[tuple[str, float, float]]:
    """The bars: name, limit, and what was measured."""
    ours = {(run.stamps, run.kind): run for run in reversed(runs) if run.side == OURS}
    bars = [
        (f"{kind} of {largest}: {figure.replace('_', ' ')}", limit, float(getattr(ours[largest, kind], figure)))
        for figure, limits in LIMITS.items()
        for kind, limit in limits.items()
    ]
    no_op = ours[largest, NO_OP]
    bars.append((f"no-op of {largest}: wall, times the plain client's", PLAIN_LIMIT, ratio(no_op, runs)["wall"]))
    # Azure once, and each stamp's own audience once; one request finds the service, one signs in.
    bars.append((f"no-op of {largest}: sign-in requests a stamp", 4, no_op.requests.get("login", 0) / largest))
    if large:
        many = ours[large, NO_OP]
        bars.append((f"no-op of {large}: cpu per stamp, as of {largest}", no_op.cpu_per_stamp, many.cpu_per_stamp))
        bars.append((f"no-op of {large}: megabytes", LARGE_MEGABYTES, many.megabytes))
    return bars


if __name__ == "__main__":
    sys.exit(main())
