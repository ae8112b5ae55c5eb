# SPDX-License-Identifier: GPL-3.0-or-later
"""What connected registration costs: first run and no-op run, per stamp, from the request log and the process accounts.

Prints a table in Markdown, or JSON with --json. Measured as docs/performance.md says: activation 2 s with four progress
records, provider registration 0.5 s, first ERCS address healthy; sign-in apart, metadata counted. The simulator's own
processor time is not in the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "simulator"))

from azs_simulator.client import Simulator  # noqa: E402 (the simulator is no installed package)

COLUMNS = (
    ("run", "{run}"), ("stamps", "{stamps}"), ("ARM requests", "{arm:g}"), ("admin ARM requests", "{admin:g}"),
    ("PEP sessions", "{sessions:g}"), ("PEP round trips", "{round_trips:g}"), ("own seconds", "{own:.2f}"),
    ("CPU seconds", "{cpu:.2f}"),
)


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamps", type=int, nargs="*", default=[1, 10], help="sizes of the fleets (default: 1 10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = [row for count in arguments.stamps for row in measure(count)]
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print("| " + " | ".join(title for title, _form in COLUMNS) + " |")
        print("|" + "---|" * len(COLUMNS))
        for row in rows:
            print("| " + " | ".join(form.format(**row) for _title, form in COLUMNS) + " |")
    return 0


def measure(count: int) -> list[dict[str, Any]]:
    """Register a fleet of this size, and run again; return a row for each run."""
    fleet = {
        "stamps": [{"name": "stamp-{n:03}", "count": count, "connected": True, "durations": {"New-AzureStackActivation": 2}}]
        if count > 1 else [{"name": "stamp-001", "connected": True, "durations": {"New-AzureStackActivation": 2}}],
        "clouds": [{
            "name": "AzureCloud",
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user", "role": "registration"},
            ],
        }],
        "settings": {"provider_registration": 0.5},
    }
    with tempfile.TemporaryDirectory(prefix="azs-bench-") as directory:
        place = pathlib.Path(directory)
        with Simulator.start(fleet, place / "simulator") as simulator:
            return [
                {"run": run, "stamps": count, **once(simulator, place, count)} for run in ("first", "no-op")
            ]


def once(simulator: Simulator, place: pathlib.Path, count: int) -> dict[str, Any]:
    """Run the playbook once; return what it cost, per stamp."""
    mark, before, began = simulator.mark(), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [
            str(pathlib.Path(sys.executable).parent / "ansible-playbook"), "azurestack.hub.register_connected",
            "-i", str(simulator.inventory), "-e", f"azs_bundle={place / 'bundle'}", "--forks", str(min(count, 10)),
        ],
        check=True, stdout=subprocess.DEVNULL,
        env={
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"), **os.environ, "ANSIBLE_HOME": str(place / "home"),
        },
    )
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    entries = simulator.requests(mark)
    counted = [entry for entry in entries if entry["service"] != "login"]
    served = sum(entry.get("seconds", 0.0) for entry in entries)
    pep = [entry for entry in counted if entry["service"] == "pep"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "arm": sum(entry["service"] == "arm" for entry in counted) / count,
        "admin": sum(entry["service"] == "admin" for entry in counted) / count,
        "sessions": sum(entry["action"] == "Create" for entry in pep) / count,
        "round_trips": len(pep) / count,
        # With one stamp nothing overlaps, so what the services took can be taken off; a fleet's share of the whole otherwise.
        "own": seconds - served if count == 1 else seconds / count,
        "wall": seconds,
        "cpu": cpu / count,
    }


if __name__ == "__main__":
    sys.exit(main())
