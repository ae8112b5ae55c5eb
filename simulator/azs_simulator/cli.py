# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: start in the foreground, start detached, stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

# The first four register their routes when they are imported.
from . import arm_authorization, arm_customers, arm_move, arm_resources, outputs  # noqa: F401 # pylint: disable=unused-import
from .admin_arm import AdminService
from .arm import ArmService
from .callbacks import Callbacks
from .client import FLEETS, Simulator, SimulatorError
from .control import Control
from .faults import Faults
from .fleet import ENGINES, FleetError, load
from .journal import Journal
from .login import LoginService
from .managed_identity import ManagedIdentityService
from .pep import start_pep
from .powershell import NoPowerShell, PowerShells
from .tls import Tls
from .world import World

DEFAULT_FLEET = FLEETS / "rehearsal.yml"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="azs-simulator",
        description="Simulates Azure Stack Hub stamps and the Azure clouds that they register with.",
    )
    parser.add_argument("--fleet", type=Path, default=DEFAULT_FLEET, help="fleet file (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("rehearsal"), help="where to write inventory, CA and credentials"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what runs the cmdlets of the privileged endpoints (default: the fleet file's, or built-in)",
    )
    parser.add_argument("--seed", type=int, help="make up the same ids and secrets at every start")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--detach", action="store_true", help="return when it is ready, and leave it running")
    mode.add_argument("--stop", action="store_true", help="stop the simulator that wrote the output directory")
    mode.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    options = parser.parse_args(arguments)
    try:
        if options.stop:
            Simulator.attach(options.output).stop()
        elif options.detach:
            started = Simulator.start(
                options.fleet, options.output, seed=options.seed, engine=options.engine, detached=True
            )
            print(json.dumps({"ready": True, "control": started.control, "output": str(started.output)}))
        else:
            asyncio.run(_serve(options))
    except (FleetError, SimulatorError, NoPowerShell, OSError) as error:
        print(f"azs-simulator: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(options: argparse.Namespace) -> None:
    """Start everything, say so, wait for the end."""
    world, faults, journal, tls = World(load(options.fleet), options.seed), Faults(), Journal(), Tls()
    engine: PowerShells | None = None
    servers: list[Any] = []
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if options.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), ending.set)
    try:
        if (options.engine or world.fleet.engine) == "powershell":
            callbacks = Callbacks()
            engine = PowerShells(callbacks)
            servers += [engine, callbacks]
            await callbacks.start()
        for cloud in world.clouds.values():
            login = LoginService(cloud.name, cloud.directory, world, faults, journal)
            arm = ArmService(cloud, world, faults, journal)
            servers += [login, arm]
            cloud.directory.base_url, cloud.arm_url = await login.start(tls), await arm.start(tls)
            identity = ManagedIdentityService(cloud, world, faults, journal)
            servers.append(identity)
            cloud.identity_url = await identity.start(None)  # plain http, as on a real host
        for stamp in world.stamps.values():
            admin = AdminService(stamp, world, faults, journal)
            servers.append(admin)
            stamp.admin_url = await admin.start(tls)
            if admin.directory.adfs:
                admin.directory.base_url = stamp.admin_url
            await start_pep(stamp, world, faults, journal, tls, engine)
        control = Control(world, faults, journal)
        servers.append(control)
        await control.start()
        outputs.write(world, options.output, tls.ca_pem, control.url)
        _announce(world, options.output.absolute(), control.url)
        await ending.wait()
    finally:
        peps = [server for stamp in world.stamps.values() for server in stamp.pep_servers]
        await asyncio.gather(*(server.close() for server in servers + peps))
        (options.output / outputs.READY_FILE).unlink(missing_ok=True)


def _announce(world: World, output: Path, control: str) -> None:
    print(json.dumps({"ready": True, "control": control, "output": str(output)}), flush=True)
    print(
        f"{len(world.stamps)} stamps and {len(world.clouds)} cloud(s) are simulated. Inventory, CA bundle and"
        f" credentials: {output}\nTry: ansible-playbook -i {output}/inventory.yml"
        f" azurestack.hub.disconnected_export_token\nControl API: {control} (state, requests, faults, settings). End"
        " with Ctrl-C.",
        file=sys.stderr,
        flush=True,
    )
