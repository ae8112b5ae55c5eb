# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cloud provider: registrations that take tenants, and the modules that map them."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t
import uuid

import pytest
from processes import ROOT, Modules, Outcome, Running

from azs_simulator.client import Simulator

STRICT: t.Final = "Strict"
"""A cloud that knows which customers there are."""
PARTNER: t.Final = "fabrikam"


def guid(number: int = 0) -> str:
    """A made-up GUID, or the one of a number."""
    return str(uuid.UUID(int=0x40008000000000000000 + number)) if number else str(uuid.uuid4())


NO_CSP, OTHERS, KNOWN = guid(1), guid(2), [guid(number) for number in range(3, 12)]

REGISTERED: t.Final = {"billing_model": "PayAsYouUse", "connected": True, "nodes": 1, "ercs": 1}
FLEET: t.Final = {
    "stamps": [
        {"name": "one-{n}", "count": 60, **REGISTERED, "registration": {"activated": False}},
        {"name": "strict-{n}", "count": 4, **REGISTERED, "cloud": STRICT, "registration": {"activated": False}},
        {
            "name": "capacity-{n}",
            "count": 4,
            "nodes": 1,
            "ercs": 1,
            "agreement_number": "1",
            "registration": {"activated": False},
        },
        {
            "name": "unapproved-{n}",
            "count": 2,
            **REGISTERED,
            "registration": {"activated": False, "subscription": "unapproved"},
        },
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [
                {"name": "Registrations", "offer": "CSP", "partner": PARTNER},
                {"name": "unapproved", "offer": "CSP", "partner": PARTNER, "multi_tenant": False},
            ],
            "principals": [
                {"name": "registrar"},
                {"name": "reader", "role": "Reader"},
                {"name": "lockless", "role": "registration-without-locks"},
            ],
        },
        {
            "name": STRICT,
            "subscriptions": [{"name": "Registrations", "offer": "CSP", "partner": PARTNER}],
            "principals": [{"name": "registrar"}],
            "customers": [
                {"id": NO_CSP, "csp": False},
                {"id": OTHERS, "partner": "another"},
                *({"id": known, "tenant": guid(), "partner": PARTNER} for known in KNOWN),
            ],
        },
    ],
    # What else is drawn has tests of its own.
    "settings": {"mapping_status": 201, "padded_mapping_ids": False, "bodyless_empty_lists": False},
}

_SHORT: t.Final = (
    (r"^/metadata/endpoints$", "metadata"),
    (r"^/subscriptions/[^/]+", ""),
    (r"/resourceGroups/[^/]+/providers/Microsoft.AzureStack/registrations/[^/]+", "R"),
    (r"^/providers/Microsoft.AzureStack/registrations$", "registrations"),
    (r"^R/providers/Microsoft.Authorization/locks/RegistrationResourceLock$", "lock"),
    (r"^R/customerSubscriptions$", "list"),
    (r"^R/customerSubscriptions/[^/]+$", "mapping"),
)


def tenants(count: int, *, name: str | None = None) -> list[dict[str, str]]:
    """A tenant list of made-up customers."""
    return [
        {"subscription_id": guid(), "tenant_id": guid(), **({"name": f"{name} {number}"} if name else {})}
        for number in range(count)
    ]


def pairs(entries: t.Iterable[dict[str, str]]) -> dict[str, str]:
    """Tenants of a tenant list by subscription, as the simulator shows them."""
    return {entry["subscription_id"]: entry["tenant_id"] for entry in entries}


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a module process took."""

    outcome: Outcome
    cpu: float
    megabytes: float


class Provider:
    """Somebody who maps tenants to the registration of one stamp."""

    def __init__(self, modules: Modules, simulator: Simulator, stamp: str, folder: pathlib.Path) -> None:
        self.simulator = simulator
        self.stamp = stamp
        self._modules = modules
        self._folder = folder
        host = simulator.host(stamp)
        self.azure = {
            name: host[f"azs_{name}"]
            for name in ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
        }
        registration = simulator.registration_of(stamp)
        assert registration is not None
        self.id = str(registration["id"])
        self.cloud_id = str(registration["cloud_id"])
        self._mark = simulator.mark()

    # -- acting --------------------------------------------------------------------------------------------------------

    def start(self, options: t.Mapping[str, t.Any], module: str = "azs_tenant_mapping", **how: t.Any) -> Running:
        """Start a module for the registration; None in `options` takes an option away."""
        given = {**self.azure, "registration_id": self.id, **options}
        return self._modules.start(module, {name: value for name, value in given.items() if value is not None}, **how)

    def run(self, module: str = "azs_tenant_mapping", /, **options: t.Any) -> Outcome:
        """Run a module to its end; `check`, `diff` and `environment` are for the process, all others its options."""
        how = {name: options.pop(name) for name in ("check", "diff", "environment") if name in options}
        return self.start(options, module, **how).wait(120)

    def measure(self, **options: t.Any) -> Cost:
        """Run azs_tenant_mapping and tell what its process took."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT / ".venv" / "collections")}
        check = options.pop("check", False)
        options = {**self.azure, "registration_id": self.id, **options, "_ansible_check_mode": check}
        given = self.file({"ANSIBLE_MODULE_ARGS": options}, "options.json")
        printed = self._folder / "printed.json"
        with printed.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "plugins" / "modules" / "azs_tenant_mapping.py"), given],
                env=environment,
                stdout=output,
                stderr=subprocess.DEVNULL,
            )
            _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        text = printed.read_text(encoding="utf-8")
        outcome = Outcome(json.loads(text), process.returncode, text, "")
        return Cost(outcome, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

    def file(self, entries: t.Any, name: str = "tenants.json") -> str:
        """Write a tenant list; its path."""
        path = self._folder / name
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries), encoding="utf-8")
        return str(path)

    def hold(self, entries: t.Iterable[dict[str, str]]) -> None:
        """Map tenants behind the module's back."""
        self.simulator.do("map-customers", stamp=self.stamp, mappings=pairs(entries))

    def account(self, name: str) -> dict[str, str]:
        """Client id and secret of another principal, as options."""
        principal = next(
            one for one in self.simulator.state()["clouds"]["AzureCloud"]["principals"] if one["name"] == name
        )
        return {
            "client_id": principal["client_id"],
            "secret": self.simulator.credentials()["clouds"]["AzureCloud"][name],
        }

    def fault(self, kind: str, method: str, path: str = "", **options: t.Any) -> str:
        """Add a fault rule for a request to the registration; `path` is a pattern for the end of its path."""
        match = {"method": method, "path": f"{re.escape(self.id)}.*{path}$"}
        return self.simulator.fault("arm", kind, match=match, **options)

    # -- seeing --------------------------------------------------------------------------------------------------------

    @property
    def mapped(self) -> dict[str, str]:
        """The mappings as they really are, tenants by subscription."""
        return dict(self._registration["customer_subscriptions"])

    @property
    def locked(self) -> bool:
        """Whether the registration has its lock."""
        return bool(self._registration["locks"] == ["CanNotDelete"])

    @property
    def _registration(self) -> dict[str, t.Any]:
        registration = self.simulator.registration_of(self.stamp)
        assert registration is not None
        return registration

    def log(self) -> list[dict[str, t.Any]]:
        """The request log since the last call of this, or of `requests`, or since the provider began."""
        entries = self.simulator.requests(self._mark)
        self._mark = entries[-1]["n"] if entries else self._mark
        return entries

    def requests(self) -> list[str]:
        """What Azure Resource Manager was asked since the last call; the metadata, asked for in every run, are left out."""
        asked = [f"{entry['method']} {_short(entry['path'])}" for entry in self.log() if entry["service"] == "arm"]
        return [text for text in asked if text != "GET metadata"]

    def counts(self) -> dict[str, int]:
        """The same, counted."""
        return dict(collections.Counter(self.requests()))


def in_flight(entries: t.Iterable[dict[str, t.Any]]) -> int:
    """The largest number of requests of a log that were under way at the same time."""
    moments = []
    for entry in entries:
        moments += [(entry["at"] - entry["seconds"], 1), (entry["at"], -1)]
    return max(itertools.accumulate(step for _moment, step in sorted(moments)))


def _short(path: str) -> str:
    for pattern, replacement in _SHORT:
        path = re.sub(pattern, replacement, path, flags=re.IGNORECASE)
    return path


@pytest.fixture(scope="module")
def provider_simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of a file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("provider")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def provider_numbers() -> t.Iterator[dict[str, int]]:
    """How many stamps of each kind the tests of the file have used."""
    return {}


@pytest.fixture
def provider(
    modules: Modules, provider_simulator: Simulator, provider_numbers: dict[str, int], tmp_path: pathlib.Path
) -> t.Iterator[t.Callable[..., Provider]]:
    """Makes providers, each with a stamp of its own: `provider()`, or of another kind. Settings end with the test."""
    settings = provider_simulator.state()["settings"]

    def make(kind: str = "one", **changes: t.Any) -> Provider:
        provider_numbers[kind] = provider_numbers.get(kind, 0) + 1
        if changes:
            provider_simulator.settings(**changes)
        return Provider(modules, provider_simulator, f"{kind}-{provider_numbers[kind]}", tmp_path)

    yield make
    provider_simulator.clear_faults()
    provider_simulator.settings(**settings)
