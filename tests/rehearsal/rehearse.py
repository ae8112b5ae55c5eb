# SPDX-License-Identifier: GPL-3.0-or-later
"""`make rehearse`: a simulated fleet is registered, twice, as an operator would do it.

Disconnected stamps go through the three legs; two directories play the two zones, a third one the USB stick. Connected ones
are registered in two clouds by one playbook, which shows in check mode beforehand what they lack. Ends with exit status 1 when
a playbook fails, when the second round changes anything, or when a stamp is not active in the end.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import yaml

from azs_simulator.client import FLEETS, Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("rehearsal", "connected")
"""The simulator's own fleets that make up this one."""
LEGS = (
    ("leg 1, at the stamps: export the registration tokens", "disconnected_export_token", "stamp-zone"),
    ("leg 2, in Azure: register, export the activation keys", "disconnected_register", "azure-zone"),
    ("leg 3, at the stamps: activate", "disconnected_activate", "stamp-zone"),
)


def main() -> int:
    """Run the rehearsal; return the exit status."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="azs-rehearsal-") as directory:
        place = pathlib.Path(directory)
        with Simulator.start(fleet(), place / "simulator") as simulator:
            say(f"simulated fleet: {', '.join(simulator.state()['stamps'])}")
            rounds = [run_round(simulator, place, number) for number in (1, 2)]
            say("what became of the stamps, read from Azure and from the stamps")
            play(simulator, "verify", "--limit=azs_disconnected", azs_bundle=place / "stamp-zone" / "bundle")
            play(
                simulator,
                "verify",
                "--limit=azs_connected",
                azs_bundle=place / "connected" / "bundle",
                azs_verify_products=True,
            )
            say("what the simulator knows of them")
            active = show(simulator)
    changed = sum(rounds[1])
    say(
        f"second round: {changed} changes; all stamps active: {'yes' if active else 'no'}; "
        f"{time.monotonic() - began:.0f} s"
    )
    return 0 if changed == 0 and active else 1


def fleet() -> dict[str, Any]:
    """Return the fleet: the disconnected and the connected stamps together; of a cloud that both have, the latter's."""
    parts = [yaml.safe_load((FLEETS / f"{name}.yml").read_text("utf-8")) for name in PARTS]
    clouds = {cloud["name"]: cloud for part in parts for cloud in part["clouds"]}
    return {"stamps": [stamp for part in parts for stamp in part["stamps"]], "clouds": list(clouds.values())}


def run_round(simulator: Simulator, place: pathlib.Path, number: int) -> list[int]:
    """Run the three legs, and the playbook of the connected stamps; return the number of changes of each."""
    changes = []
    for title, playbook, zone in LEGS:
        say(f"round {number}, {title}")
        archive = place / "usb-stick" / "stamps.tar.gz"
        archive.parent.mkdir(parents=True, exist_ok=True)
        changes.append(
            play(
                simulator,
                playbook,
                azs_bundle=place / zone / "bundle",
                azs_archive=archive,
            )
        )
    connected = {"azs_bundle": place / "connected" / "bundle"}
    if number == 1:
        say("round 1, connected stamps: what they lack")
        play(simulator, "connected_register", "--check", **connected)
    say(f"round {number}, connected stamps: register and keep registered")
    changes.append(play(simulator, "connected_register", **connected))
    return changes


def play(simulator: Simulator, playbook: str, *arguments: str, **variables: object) -> int:
    """Run one playbook of the collection with these arguments and extra variables; return how many tasks changed something."""
    command = [
        str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
        f"azurestack.hub.{playbook}",
        "-i",
        str(simulator.inventory),
        *arguments,
        *(word for name, value in variables.items() for word in ("-e", f"{name}={value}")),
    ]
    print("$ ansible-playbook", " ".join(command[1:]), flush=True)
    result = subprocess.run(
        command,
        cwd=simulator.output,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    print(result.stdout, flush=True)
    if result.returncode:
        sys.exit(f"{playbook} failed with exit status {result.returncode}")
    return sum(int(count) for count in re.findall(r"\bchanged=(\d+)", result.stdout))


def environment() -> dict[str, str]:
    """Return the environment, without accounts for the real Azure and without the way through a proxy."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "AZS_"))}
    return {**own, "ANSIBLE_FORCE_COLOR": "0", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def show(simulator: Simulator) -> bool:
    """Print a line per stamp; return whether all are active."""
    active = True
    for name, stamp in simulator.state()["stamps"].items():
        registration = simulator.registration_of(name)
        activation = stamp["activation"]
        active = active and bool(registration and activation)
        print(
            f"  {name:12} {stamp['version']:14} {registration['billing_model'] if registration else 'not registered':12} "
            f"{'active' if activation else 'not active':10} {registration['id'] if registration else ''}"
        )
    return active


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
