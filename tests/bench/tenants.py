# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`, tenant mapping: azs_tenant_mapping beside a loop over azure.azcollection.azure_rm_resource.

Both sides run as whole plays, in turn, against the same simulator with the same input; the simulator's own CPU is not counted.
Writes the figures as JSON, prints them as the table of docs/performance.md, and ends with exit status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t
import uuid

from azs_simulator.client import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
OURS, PEER = "azurestack.hub", "azure.azcollection"
SIZES = (10, 100, 1000)
LATENCIES = (0.0, 0.05)
SCENARIOS = ("create all", "nothing to do", "change of 1 %")
IN_FLIGHT = 16
FLEET = {
    "stamps": [{"name": "stamp", "connected": True, "nodes": 1, "ercs": 1, "registration": {"activated": False}}],
    # With a body in the answer to a PUT both sides can read it; 100 entries make a page.
    "settings": {"mapping_status": 200, "page_size": 100},
}


@dataclasses.dataclass
class Run:
    """What one run took.

    :param wall: seconds.
    :param cpu: seconds of all processes of the run.
    :param requests: to Azure Resource Manager, the metadata included.
    :param sign_ins: requests to the sign-in service.
    :param megabytes: peak memory of the largest process.
    :param throttled: answers 429.
    :param extrapolated: whether the figures were reckoned from smaller runs.
    """

    side: str
    scenario: str
    latency: float
    mappings: int
    wall: float
    cpu: float
    requests: float
    sign_ins: float
    megabytes: float
    throttled: int = 0
    extrapolated: bool = False


@dataclasses.dataclass
class Bar:
    """A bar of the benchmark and what was measured."""

    name: str
    limit: float
    measured: float
    better: str = "lower"

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return self.measured <= self.limit if self.better == "lower" else self.measured >= self.limit


class Bench:
    """Runs both sides against one simulator."""

    def __init__(self, simulator: Simulator, folder: pathlib.Path) -> None:
        self.simulator = simulator
        self.folder = folder
        azure = simulator.azure()
        registration = simulator.registration_of("stamp")
        assert registration is not None
        parts = registration["id"].split("/")
        self.variables = {
            "azure": {
                name: azure[f"azs_{name}"]
                for name in ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
            },
            "resource_group": parts[4],
            "registration": parts[-1],
        }
        (login,) = [cloud["login_url"] for cloud in simulator.state()["clouds"].values()]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ANSIBLE_"))}
        clean.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
        home = str(folder / "home")
        self.environments = {
            OURS: {**clean, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"), "ANSIBLE_HOME": home},
            PEER: {
                **clean,
                "ANSIBLE_HOME": home,
                "PYTHONPATH": str(BENCH / "peer"),
                "BENCH_SIGN_IN_ADDRESS": login,
                "REQUESTS_CA_BUNDLE": azure["azs_ca_bundle"],
            },
        }
        self.plays = {
            OURS: (ROOT / ".venv", BENCH / "map_tenants.yml"),
            PEER: (ROOT / ".venv-peer", BENCH / "peer" / "map_tenants.yml"),
        }

    def play(self, side: str, scenario: str, latency: float, entries: list[dict[str, str]]) -> Run:
        """Run one side's play."""
        venv, playbook = self.plays[side]
        given = self.write("variables.json", {**self.variables, "tenants_file": self.write("tenants.json", entries)})
        command = [
            str(venv / "bin" / "ansible-playbook"),
            str(playbook),
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"@{given}",
        ]
        return self.run(side, scenario, latency, len(entries), command, self.environments[side])

    def module(self, scenario: str, latency: float, entries: list[dict[str, str]], check: bool = False) -> Run:
        """Run our module as a process of its own, without Ansible around it."""
        options = {
            **self.variables["azure"],
            "resource_group": self.variables["resource_group"],
            "_ansible_check_mode": check,
            "name": self.variables["registration"],
            "tenants_file": self.write("tenants.json", entries),
        }
        given = self.write("options.json", {"ANSIBLE_MODULE_ARGS": options})
        environment = {**self.environments[OURS], "PYTHONPATH": str(ROOT / ".venv" / "collections")}
        command = [
            str(ROOT / ".venv" / "bin" / "python"),
            str(ROOT / "plugins" / "modules" / "azs_tenant_mapping.py"),
            given,
        ]
        return self.run("module", scenario, latency, len(entries), command, environment)

    def run(
        self, side: str, scenario: str, latency: float, mappings: int, command: list[str], environment: dict[str, str]
    ) -> Run:
        """Run a command and tell what it took; ends the benchmark when it fails."""
        self.simulator.settings(latency={"arm": latency})
        mark, began = self.simulator.mark(), time.monotonic()
        with open(self.folder / "output.txt", "w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT
            )
            _pid, status, used = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            if process.returncode:
                sys.exit(f"{side}, {scenario}, {mappings} mappings failed:\n{output.read()[-4000:]}")
        log = self.simulator.requests(mark)
        statuses = [entry["status"] for entry in log if entry["service"] == "arm"]
        run = Run(
            side,
            scenario,
            latency,
            mappings,
            round(wall, 3),
            round(used.ru_utime + used.ru_stime, 3),
            len(statuses),
            len(log) - len(statuses),
            round(used.ru_maxrss / 1024, 1),
            statuses.count(429),
        )
        say(
            f"{side:18} {scenario:14} {1000 * latency:3.0f} ms {mappings:6}: {run.wall:8.2f} s, CPU {run.cpu:7.2f} s, "
            f"{run.requests} requests"
        )
        return run

    def write(self, name: str, content: t.Any) -> str:
        """Write a JSON file; its path."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def hold(self, entries: list[dict[str, str]]) -> None:
        """Have the registration hold exactly these mappings."""
        self.simulator.do("unmap-customers", stamp="stamp")
        self.simulator.do("map-customers", stamp="stamp", mappings=_pairs(entries))

    def check(self, entries: list[dict[str, str]]) -> None:
        """Make sure that the registration holds these mappings; a fast wrong run is no result."""
        registration = self.simulator.registration_of("stamp")
        assert registration is not None and registration["customer_subscriptions"] == _pairs(entries)


def _pairs(entries: list[dict[str, str]]) -> dict[str, str]:
    return {entry["subscription_id"]: entry["tenant_id"] for entry in entries}


def tenants(count: int) -> list[dict[str, str]]:
    """A tenant list of made-up customers."""
    return [{"subscription_id": str(uuid.uuid4()), "tenant_id": str(uuid.uuid4())} for _number in range(count)]


def side_by_side(bench: Bench, peer_sizes: t.Sequence[int]) -> list[Run]:
    """Run the three scenarios on both sides for every size and latency."""
    runs: list[Run] = []
    for latency in LATENCIES:
        for side, sizes in ((OURS, SIZES), (PEER, peer_sizes)):
            for size in sizes:
                entries = tenants(size)
                changed = [dict(entry) for entry in entries]
                for number in range(max(1, size // 100)):
                    changed[number * 100 % size]["tenant_id"] = str(uuid.uuid4())
                bench.hold([])
                for scenario, listed in zip(SCENARIOS, (entries, entries, changed), strict=True):
                    runs.append(bench.play(side, scenario, latency, listed))
                    bench.check(listed)
    return runs


def extrapolate(runs: list[Run], size: int) -> list[Run]:
    """Reckon the peer's figures for a size that it was not run with: its start, and as much for each item as measured."""
    reckoned: list[Run] = []
    for latency in LATENCIES:
        for scenario in SCENARIOS:
            peer = sorted(
                (run for run in runs if (run.side, run.latency, run.scenario) == (PEER, latency, scenario)),
                key=lambda run: run.mappings,
            )
            if len(peer) < 2 or peer[-1].mappings >= size:
                continue
            small, large = peer[0], peer[-1]

            def at(name: str, small: Run = small, large: Run = large) -> float:
                slope = (getattr(large, name) - getattr(small, name)) / (large.mappings - small.mappings)
                return round(getattr(large, name) + slope * (size - large.mappings), 1)

            reckoned.append(
                Run(
                    PEER,
                    scenario,
                    latency,
                    size,
                    at("wall"),
                    at("cpu"),
                    at("requests"),
                    at("sign_ins"),
                    large.megabytes,
                    extrapolated=True,
                )
            )
    return reckoned


def start_up(bench: Bench) -> float:
    """The seconds that our module takes before and after it maps: imports, sign-in, metadata. Without latency."""
    bench.hold(entries := tenants(1))
    return min(bench.module("start-up", 0.0, entries).wall for _number in range(3))


def ideal(bench: Bench) -> tuple[Run, float]:
    """Map 1000 at 50 ms in the module's process; the run, and the ideal of pages and full rounds of 16."""
    bench.hold([])
    run = min((_emptied(bench) for _number in range(3)), key=lambda run: run.wall)
    return run, 0.05 * (1 + math.ceil(1000 / IN_FLIGHT))


def _emptied(bench: Bench) -> Run:
    bench.hold([])
    return bench.module("create all", 0.05, tenants(1000))


def planning(bench: Bench) -> list[Run]:
    """Plan lists of growing size that differ in nothing, and the largest one in a whole play."""
    entries = tenants(10_000)
    runs = []
    for size in (100, 1000, 5000, 10_000):
        bench.hold(entries[:size])
        runs.append(bench.module("plan", 0.0, entries[:size]))
    runs.append(bench.play(OURS, "plan", 0.0, entries))
    return runs


def throttled(bench: Bench) -> list[tuple[str, Run, float]]:
    """Map on a server that takes ten writes a second; the limit's kind, the run, and the seconds that the limit allows."""
    runs = []
    for kind, burst, size in (("10 writes/s", 0, 300), ("10 writes/s from a bucket of 200", 200, 500)):
        bench.hold([])
        bench.simulator.settings(writes_per_second=10, write_burst=burst)
        entries = tenants(size)
        runs.append((kind, bench.module("create all", 0.05, entries), (size - (burst or 10)) / 10))
        bench.check(entries)
    bench.simulator.settings(writes_per_second=0, write_burst=0)
    return runs


def say(text: str) -> None:
    """Tell how far the benchmark is."""
    print(text, file=sys.stderr, flush=True)


def table(runs: list[Run]) -> str:
    """The comparison as a table of Markdown."""
    lines = [
        "| scenario | mappings | latency | side | wall s | CPU s | requests | sign-in requests | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    order = sorted(runs, key=lambda run: (run.latency, run.mappings, SCENARIOS.index(run.scenario), run.side == PEER))
    for run in order:
        mark = " *" if run.extrapolated else ""
        lines.append(
            f"| {run.scenario} | {run.mappings} | {1000 * run.latency:.0f} ms | {run.side}{mark} | {run.wall:.1f} | {run.cpu:.1f} "
            f"| {run.requests:.0f} | {run.sign_ins:.0f} | {run.megabytes:.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "tests" / "output" / "bench-tenants.json")
    parser.add_argument(
        "--peer-sizes", type=int, nargs="+", default=[10, 100], help="how many items the peer's loop gets"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azs-bench-") as directory:
        folder = pathlib.Path(directory)
        with Simulator.start(FLEET, folder / "simulator") as simulator:
            simulator.do("accept-own-audience")
            bench = Bench(simulator, folder)
            startup = start_up(bench)
            best, bound = ideal(bench)
            plans = planning(bench)
            limited = throttled(bench)
            runs = side_by_side(bench, options.peer_sizes)
            runs += extrapolate(runs, SIZES[-1])
    figure: dict[tuple[str, str, float, int], Run] = {
        (run.side, run.scenario, run.latency, run.mappings): run for run in runs
    }
    largest = (SCENARIOS[0], 0.05, SIZES[-1])
    ratio = figure[(PEER, *largest)].wall / figure[(OURS, *largest)].wall
    idle = figure[OURS, SCENARIOS[1], 0.05, SIZES[-1]]
    small, half, ten_thousand = plans[0], plans[2], plans[3]
    bars = [
        Bar(
            "create 1000 at 50 ms: seconds beside the start-up, as a multiple of the ideal",
            1.5,
            (best.wall - startup) / bound,
        ),
        Bar("create 1000 at 50 ms: times faster than the loop", 300, ratio, "higher"),
        Bar("nothing to do at 1000: requests beside the pages and the metadata", 0, idle.requests - 10 - 1),
        Bar("10,000 planned: CPU seconds of the module", 2, ten_thousand.cpu),
        Bar("10,000 planned: MB more than for 100", 100, ten_thousand.megabytes - small.megabytes),
        Bar(
            "10,000 planned: growth from 5,000 on, as a multiple of that up to 5,000",
            1.3,
            (ten_thousand.megabytes - half.megabytes) / max(1.0, half.megabytes - small.megabytes),
        ),
    ]
    for kind, run, allowed in limited:
        bars.append(
            Bar(
                f"{kind}: seconds beside the start-up, as a multiple of what it allows",
                1.15,
                (run.wall - startup) / allowed,
            )
        )
        bars.append(Bar(f"{kind}: share of answers 429", 0.05, run.throttled / run.requests))
    figures = {
        "ratio": round(ratio, 1),
        "start_up": startup,
        "ideal": bound,
        "bars": [{**dataclasses.asdict(one), "measured": round(one.measured, 3), "met": one.met} for one in bars],
        "runs": [dataclasses.asdict(run) for run in runs],
        "create_1000_at_50_ms": dataclasses.asdict(best),
        "planning": [dataclasses.asdict(run) for run in plans],
        "throttled": [{"limit": kind, "allowed": allowed, **dataclasses.asdict(run)} for kind, run, allowed in limited],
        "peer_items": options.peer_sizes,
        "machine": {"cpus": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(runs), "\n\n| bar | limit | measured | met |\n|---|---|---|---|", sep="")
    for one in bars:
        print(f"| {one.name} | {one.limit:g} | {one.measured:.2f} | {'yes' if one.met else 'no'} |")
    say(f"figures: {options.output}")
    return 0 if all(one.met for one in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
