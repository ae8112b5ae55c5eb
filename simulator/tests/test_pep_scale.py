# SPDX-License-Identifier: GPL-3.0-or-later
"""A large fleet in a process of its own: what its privileged endpoints cost."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable
from pathlib import Path

import yaml
from pep_lab import CONFIGURATION, invoke
from pypsrp.powershell import RunspacePool
from pypsrp.wsman import WSMan

from azs_simulator.client import Simulator

STAMPS = 50
FLEET = {"stamps": [{"name": "edge-{n:02}", "count": STAMPS, "ercs": 3, "pep_tls": True}]}
MEGABYTE = 1024 * 1024


def _memory(pid: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def _cpu(pid: int) -> float:
    """CPU seconds used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_fifty_stamps_are_ready_soon_and_small(simulate: Callable[..., Simulator]) -> None:
    simulator = simulate(FLEET)
    # CPU seconds, because the time on the clock depends on what else the machine does.
    assert _cpu(simulator.pid) < 2.0
    content = yaml.safe_load((simulator.output / "inventory.yml").read_text(encoding="utf-8"))
    hosts = _hosts(content)
    assert len(hosts) == STAMPS
    pools = [_pool(variables, simulator.output) for variables in hosts.values()]
    with concurrent.futures.ThreadPoolExecutor(STAMPS) as executor:
        list(executor.map(RunspacePool.open, pools))
        outcomes = list(executor.map(lambda pool: invoke(pool, "Get-AzureStackStampInformation"), pools))
        memory = _memory(simulator.pid)
        list(executor.map(RunspacePool.close, pools))
    assert len({outcome.output[0].extended_properties["CloudID"] for outcome in outcomes}) == STAMPS
    assert memory < 300


def _hosts(group: dict[str, object]) -> dict[str, dict[str, object]]:
    """Hosts with their variables, wherever in the inventory they are given."""
    found: dict[str, dict[str, object]] = {}
    for name, value in group.items():
        if name == "hosts" and isinstance(value, dict):
            found.update({host: variables for host, variables in value.items() if variables})
        elif isinstance(value, dict):
            found.update(_hosts(value))
    return found


def _pool(variables: dict[str, object], output: Path) -> RunspacePool:
    host, _colon, port = variables["azs_pep_hosts"][0].partition(":")  # type: ignore[index]
    connection = WSMan(
        host,
        port=int(port),
        username=str(variables["azs_pep_username"]),
        password=str(variables["azs_pep_password"]),
        ssl=bool(variables["azs_pep_use_tls"]),
        cert_validation=str(output / "ca.pem"),
    )
    return RunspacePool(connection, configuration_name=CONFIGURATION)
