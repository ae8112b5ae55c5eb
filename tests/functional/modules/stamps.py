# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps to run modules against: a simulator with many of each kind, of which each test takes its own."""

from __future__ import annotations

import pathlib
import typing as t

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

if t.TYPE_CHECKING:
    from processes import Modules, Outcome, Running

AGREEMENT = "7654321"
ASSET_TAG = "AT-4711"

FLEET: t.Final = {
    "stamps": [
        {"name": "modern-{n}", "count": 60, "version": "1.2311.1.22", "nodes": 4, "ercs": 2},
        {"name": "single-{n}", "count": 20, "version": "1.2311.1.22", "nodes": 1, "ercs": 1},
        {"name": "middle-{n}", "count": 4, "version": "1.2008.0.49", "nodes": 4, "ercs": 1},
        {"name": "old-{n}", "count": 8, "version": "1.1904.0.36", "nodes": 4, "ercs": 1},
        {"name": "silent-{n}", "count": 2, "ercs": 1, "agreement_number_told": False},
        {"name": "connected-{n}", "count": 8, "version": "1.2311.1.22", "nodes": 4, "ercs": 1, "connected": True},
        {"name": "tls-{n}", "count": 8, "version": "1.2311.1.22", "nodes": 1, "ercs": 2, "pep_tls": True},
        {"name": "registered-{n}", "count": 80, "nodes": 4, "ercs": 2, "registration": {"activated": False}},
        {
            "name": "slow-{n}",
            "count": 6,
            "nodes": 4,
            "ercs": 2,
            "registration": {"activated": False},
            "durations": {"New-AzureStackActivation": 2.0},
            "progress_records": {"New-AzureStackActivation": 4},
        },
        {"name": "activated-{n}", "count": 16, "nodes": 4, "ercs": 1, "registration": {}},
        {"name": "expired-{n}", "count": 4, "nodes": 1, "ercs": 1, "registration": {"expires_in_days": -1}},
    ],
    # Requests are counted, and what a plan tells takes some more.
    "settings": PLAIN,
}


class Stamps:
    """The stamps of one simulator, given out one by one."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._used: dict[str, int] = {}

    def take(self, kind: str) -> str:
        """Return the name of a stamp of a kind (see FLEET) that no other test has."""
        self._used[kind] = self._used.get(kind, 0) + 1
        return f"{kind}-{self._used[kind]}"


class Operator:
    """Somebody who runs the modules of the privileged endpoint for one stamp, from one bundle."""

    def __init__(self, modules: Modules, simulator: Simulator, stamp: str, bundle: pathlib.Path) -> None:
        self.simulator = simulator
        self.stamp = stamp
        self.bundle = bundle
        self._modules = modules
        self._mark = simulator.mark()
        variables = {name.removeprefix("azs_"): value for name, value in simulator.host(stamp).items()}
        self.pep = {name: value for name, value in variables.items() if name.startswith("pep_")}
        self.admin = {name: value for name, value in variables.items() if name.startswith("admin_")}
        self.facts = simulator.stamp(stamp)

    @property
    def cloud_id(self) -> str:
        """The stamp's cloud id."""
        return str(self.facts["cloud_id"])

    @property
    def place(self) -> dict[str, str]:
        """Options that name the stamp's artifacts."""
        return {"bundle": str(self.bundle), "stamp": self.stamp}

    def start(self, module: str, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Running:
        """Start a module at the stamp's privileged endpoint; the endpoint's options are given, `options` over them."""
        return self._modules.start(module, {**self.pep, **(options or {})}, **how)

    def run(self, module: str, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Outcome:
        """Run a module at the stamp's privileged endpoint to its end."""
        return self._modules.run(module, {**self.pep, **(options or {})}, **how)

    def token(self, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Outcome:
        """Run azs_registration_token for a disconnected stamp with capacity billing."""
        wanted = {
            "billing_model": "Capacity",
            "agreement_number": AGREEMENT,
            "disconnected": True,
            "kept_container": True,
        }
        return self.run("azs_registration_token", {**wanted, **self.place, **(options or {})}, **how)

    def bring_key(self) -> str:
        """Put the activation key of the stamp's registration into the bundle, as Microsoft's tools write it."""
        key = str(self.simulator.do("activation-key", stamp=self.stamp))
        self.bundle.mkdir(mode=0o700, exist_ok=True)
        self.key_file.write_text(key + "\n", encoding="ascii")
        self.key_file.chmod(0o600)
        return key

    @property
    def key_file(self) -> pathlib.Path:
        """The activation key's file in the bundle."""
        return self.bundle / f"{self.stamp}.activation-key.txt"

    @property
    def receipt(self) -> pathlib.Path:
        """The activation's receipt in the bundle."""
        return self.bundle / f"{self.stamp}.activation-receipt.json"

    def activate(self, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Outcome:
        """Run azs_activation for the bundle; the cloud id is known."""
        return self.run("azs_activation", {**self.place, "cloud_id": self.cloud_id, **(options or {})}, **how)

    def state(self) -> dict[str, t.Any]:
        """The stamp as it really is."""
        return self.simulator.stamp(self.stamp)

    def requests(self, service: str = "pep") -> list[dict[str, t.Any]]:
        """What the stamp was asked since the last call of this or since the operator began."""
        entries = self.simulator.requests(self._mark)
        self._mark = entries[-1]["n"] if entries else self._mark
        return [entry for entry in entries if entry["service"] == service and entry["stamp"] == self.stamp]

    def cmdlets(self) -> list[str]:
        """The cmdlets that the stamp was told to run since the last call of `requests` or this."""
        return [entry["cmdlet"] for entry in self.requests() if entry["action"] == "Command"]

    def fault(self, kind: str, *, match: t.Mapping[str, str] | None = None, **options: t.Any) -> str:
        """Add a fault rule for this stamp's privileged endpoint."""
        return self.simulator.fault("pep", kind, match={"stamp": self.stamp, **(match or {})}, **options)
