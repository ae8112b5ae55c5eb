# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's privileged endpoints in a thread of their own, and the real pypsrp to drive them with."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from azs_simulator import fleet, pep
from azs_simulator.faults import Faults
from azs_simulator.journal import Journal
from azs_simulator.settings import PLAIN
from azs_simulator.stamp import Stamp
from azs_simulator.tls import Tls
from azs_simulator.world import World

CONFIGURATION = "PrivilegedEndpoint"
TIMED_OUT = 2150858793
SHELL_GONE = 2150858843


@dataclasses.dataclass
class Outcome:
    """What a cmdlet left behind at the client."""

    output: list[Any]
    state: int
    errors: list[Any]
    shell: PowerShell

    @property
    def error(self) -> tuple[str, str]:
        """Text and fully qualified id of the only error."""
        (error,) = self.errors
        return str(error), error.fq_error


class Lab:
    """The endpoints of a fleet. `close` ends them."""

    def __init__(self, *stamps: dict[str, Any], clouds: list[dict[str, Any]] | None = None, **settings: Any) -> None:
        settings = {**PLAIN, **settings}
        content = {"stamps": list(stamps), "settings": settings, **({"clouds": clouds} if clouds else {})}
        self.world = World(fleet.parse(content), seed=7)
        self.faults = Faults()
        self.tls = Tls()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.journal = self.call(self._start())

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the endpoints' event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def wait_for_plans(self) -> None:
        """Wait until no stamp is busy with an action plan."""

        async def wait() -> None:
            plans = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "ActionPlan._run"]
            await asyncio.gather(*plans)

        self.call(wait())

    def close(self) -> None:
        """End all endpoints and their thread."""

        async def stop() -> None:
            for stamp in self.world.stamps.values():
                for server in stamp.pep_servers:
                    await server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.call(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stamp(self, name: str = "stamp-01") -> Stamp:
        """A stamp of the fleet."""
        return self.world.stamps[name]

    def connection(self, stamp: Stamp, ercs: int = 1, **options: Any) -> WSMan:
        """An unmodified pypsrp connection to one ERCS address."""
        host, port = stamp.pep_servers[ercs - 1].address.split(":")
        defaults = {
            "port": int(port),
            "username": stamp.pep_username,
            "password": stamp.pep_password,
            "ssl": stamp.pep_tls,
            "operation_timeout": 10,
        }
        return WSMan(host, **{**defaults, **options})

    def pool(self, stamp: Stamp, ercs: int = 1, **options: Any) -> RunspacePool:
        """An unopened runspace pool at one ERCS address."""
        return RunspacePool(self.connection(stamp, ercs, **options), configuration_name=CONFIGURATION)

    def actions(self, since: int = 0) -> list[tuple[str, int | None]]:
        """What the journal says was asked, and how it was answered."""
        return [(entry["action"], entry["status"]) for entry in self.journal.since(since, "pep")]

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[tuple[str, int | None]]]:
        """The requests that are made inside."""
        entries = self.journal.since()
        before = entries[-1]["n"] if entries else 0
        requests: list[tuple[str, int | None]] = []
        yield requests
        requests.extend(self.actions(before))

    def activation_key(self, stamp: Stamp) -> str:
        """A key that the stamp's cloud gives out for it; the fleet entry has a registration."""
        places = stamp.cloud.registrations()
        place = next(place for place in places if place[2].cloud_id == stamp.cloud_id)
        return stamp.cloud.activation_key(*place)

    async def _start(self) -> Journal:
        journal = Journal()
        for stamp in self.world.stamps.values():
            await pep.start_pep(stamp, self.world, self.faults, journal, self.tls)
        return journal


def take_over(lab: Lab, stamp: Stamp, ercs: int = 1) -> tuple[RunspacePool, list[PowerShell]]:
    """Connect to the only shell at an address from a new client; returns its pool and pipelines."""
    (pool,) = RunspacePool.get_runspace_pools(lab.connection(stamp, ercs))
    pool.shell.resource_uri = f"http://schemas.microsoft.com/powershell/{CONFIGURATION}"
    pool.connect()
    return pool, pool.create_disconnected_power_shells()


def invoke(pool: RunspacePool, cmdlet: str, /, **parameters: Any) -> Outcome:
    """Run a cmdlet; a parameter that is None is a switch."""
    shell = PowerShell(pool).add_cmdlet(cmdlet).add_parameters(parameters)
    output = shell.invoke()
    return Outcome(output, shell.state, shell.streams.error, shell)


def script(pool: RunspacePool, text: str) -> Outcome:
    """Run a script."""
    shell = PowerShell(pool).add_script(text)
    output = shell.invoke()
    return Outcome(output, shell.state, shell.streams.error, shell)
