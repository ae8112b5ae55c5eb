# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Azure to run modules against: every test takes a subscription and a stamp of its own."""

from __future__ import annotations

import itertools
import pathlib
import re
import sys
import typing as t

import pytest

from azs_simulator.client import Simulator

if t.TYPE_CHECKING:
    from processes import Modules, Outcome, Running

SUBSCRIPTIONS: t.Final = 96
TENANT: t.Final = "rehearsal.onmicrosoft.com"
OTHER_TENANT: t.Final = "elsewhere.onmicrosoft.com"
AGREEMENT: t.Final = "7654321"
FLEET: t.Final = {
    "stamps": [
        {"name": "stamp-{n}", "count": SUBSCRIPTIONS, "nodes": 2, "ercs": 1, "asset_tag_told": False},
        {"name": "telling-{n}", "count": 4, "nodes": 2, "ercs": 1, "asset_tag_told": True},
        {"name": "opaque-{n}", "count": 4, "nodes": 2, "ercs": 1, "opaque_tokens": True},
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "tenants": {TENANT: "", OTHER_TENANT: ""},
            "subscriptions": [
                *({"name": f"s{n}"} for n in range(SUBSCRIPTIONS)),
                {"name": "csp", "offer": "CSP", "partner": "fabrikam"},
                {"name": "csp, too", "offer": "CSP", "partner": "fabrikam", "provider_registered": False},
                {"name": "csp of another", "offer": "CSP", "partner": "contoso"},
            ],
            "principals": [
                {"name": "registrar"},
                {"name": "least", "role": "registration"},
                {"name": "lockless", "role": "registration-without-locks"},
                {"name": "reader", "role": "Reader"},
                {"name": "nobody", "role": "none"},
                {"name": "foreigner", "tenant": OTHER_TENANT},
                {"name": "expired", "secret_expired": True},
                {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"},
            ],
        }
    ],
}

_SHORT: t.Final = (
    (r"^/metadata/endpoints$", "metadata"),
    (r"^/subscriptions/[^/]+", ""),
    (r"/resourceGroups/[^/]+/providers/Microsoft.AzureStack/registrations/[^/]+", "R"),
    (r"^/providers/Microsoft.AzureStack/registrations$", "list"),
    (r"^/resourceGroups/[^/]+/providers/Microsoft.AzureStack/registrations$", "group list"),
    (r"^/providers/Microsoft.AzureStack/register$", "provider"),
    (r"^/resourceGroups/[^/]+$", "group"),
    (r"^R/providers/Microsoft.Authorization/locks/RegistrationResourceLock$", "lock"),
    (r"^R/getactivationkey$", "key"),
    (r"^(R|/resourceGroups/[^/]+)?/providers/Microsoft.Authorization/permissions$", "rights"),
    (r"^(R|/resourceGroups/[^/]+)?/providers/Microsoft.Authorization/locks$", "locks"),
    (r"^/locations$", "locations"),
)
"""Paths of requests as the tests write them."""

FIRST = [
    "GET metadata",
    "GET list",
    "GET rights",
    "GET locations",
    "GET rights",
    "GET locks",
    "POST provider",
    "PUT group",
    "PUT R",
    "PUT lock",
]
"""What the first registration in a subscription asks."""
LOOK = ["GET metadata", "GET list", "GET lock", "POST key"]
"""What a run with nothing to do asks; one that has something to do asks after that what could forbid it."""


class Registrar:
    """Somebody who runs the modules of Azure for one stamp in one subscription."""

    def __init__(
        self, modules: Modules, simulator: Simulator, stamp: str, subscription: dict[str, t.Any], folder: pathlib.Path
    ) -> None:
        self.simulator = simulator
        self.stamp = stamp
        self.subscription_id = str(subscription["id"])
        self.bundle = folder / "bundle"
        self.cloud_id = str(simulator.stamp(stamp)["cloud_id"])
        self._modules = modules
        azure = simulator.azure()
        self.azure = {
            name: azure[f"azs_{name}"] for name in ("tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
        } | {"subscription_id": self.subscription_id}
        self.location = azure["azs_location"]
        self._mark = simulator.mark()
        self._tokens: dict[tuple[t.Any, ...], str] = {}

    @property
    def id(self) -> str:
        """Resource id of a registration with the default name and group."""
        return self.id_of(f"azurestack-{self.cloud_id}")

    def id_of(self, name: str, group: str = "azurestack") -> str:
        """Resource id of a registration in the subscription."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{group}"
            f"/providers/Microsoft.AzureStack/registrations/{name}"
        )

    def mint(self, **params: t.Any) -> str:
        """A new registration token of the stamp, capacity billing unless `params` say else."""
        wanted = {"BillingModel": "Capacity", "AgreementNumber": AGREEMENT, **params}
        return str(self.simulator.do("mint-token", stamp=self.stamp, **wanted))

    def account(self, name: str) -> dict[str, str]:
        """Client id and secret of another principal, as options."""
        (cloud,) = self.simulator.state()["clouds"].values()
        principal = next(one for one in cloud["principals"] if one["name"] == name)
        return {
            "client_id": principal["client_id"],
            "secret": self.simulator.credentials()["clouds"]["AzureCloud"][name],
        }

    def start(self, module: str, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Running:
        """Start a module; the options of Azure are given, `options` over them (None takes one away)."""
        given = {**self.azure, **(options or {})}
        return self._modules.start(module, {key: value for key, value in given.items() if value is not None}, **how)

    def run(self, module: str, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Outcome:
        """Run a module to its end."""
        return self.start(module, options, **how).wait()

    def options(self, token: str | None = None, **options: t.Any) -> dict[str, t.Any]:
        """The options of azs_registration with a token, a new one when none is given; without checking rights first."""
        return {"registration_token": token or self.mint(), "location": self.location, **options}

    def register(self, token: str | None = None, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run azs_registration with a token, a new one when none is given."""
        return self.run("azs_registration", self.options(token, **options), check=check)

    def register_bundled(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run azs_registration with the token of the bundle, and have the activation key exported into it."""
        token = self.bundle / f"{self.stamp}.registration-token.txt"
        if not token.exists():
            self.bundle.mkdir(parents=True, exist_ok=True)
            token.write_text(self.mint(), encoding="utf-8")
        place = {"bundle": str(self.bundle), "stamp": self.stamp, "export_key": True, "location": self.location}
        return self.run("azs_registration", {**place, **options}, check=check)

    def remove(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run azs_registration with state absent."""
        return self.run("azs_registration", {"state": "absent", **options}, check=check)

    def export(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run azs_activation_key into the bundle."""
        place = {"bundle": str(self.bundle), "stamp": self.stamp, "registration_id": self.id}
        return self.run("azs_activation_key", {**place, **options}, check=check)

    @property
    def key_file(self) -> pathlib.Path:
        """The activation key's file in the bundle."""
        return self.bundle / f"{self.stamp}.activation-key.txt"

    def registration(self) -> dict[str, t.Any] | None:
        """The stamp's registration as it really is."""
        return self.simulator.registration_of(self.stamp)

    def locked(self) -> bool:
        """Whether the stamp's registration has its lock."""
        registration = self.registration()
        assert registration is not None
        return registration["locks"] == ["CanNotDelete"]

    def requests(self) -> list[str]:
        """What Azure Resource Manager was asked since the last call of this or since the registrar began."""
        entries = self.simulator.requests(self._mark)
        self._mark = entries[-1]["n"] if entries else self._mark
        return [f"{entry['method']} {_short(entry['path'])}" for entry in entries if entry["service"] == "arm"]

    def fault(self, kind: str, method: str, path: str, **options: t.Any) -> str:
        """Add a fault rule for a request in this registrar's subscription; `path` is a pattern for its end."""
        where = f"{self.subscription_id}.*{path}$"
        return self.simulator.fault("arm", kind, match={"method": method, "path": where}, **options)


def _short(path: str) -> str:
    for pattern, replacement in _SHORT:
        path = re.sub(pattern, replacement, path, flags=re.IGNORECASE)
    return path


@pytest.fixture(scope="module")
def azure_simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of a file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("azure")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def registrar_numbers() -> t.Iterator[int]:
    """Numbers that no other test of the file has."""
    return itertools.count()


@pytest.fixture
def registrar(
    modules: Modules, azure_simulator: Simulator, registrar_numbers: t.Iterator[int], tmp_path: pathlib.Path
) -> t.Callable[..., Registrar]:
    """Makes registrars: `registrar()`, or of another kind of stamp; `beside` shares another one's subscription."""

    def make(kind: str = "stamp", beside: Registrar | None = None) -> Registrar:
        number = next(registrar_numbers)
        (cloud,) = azure_simulator.state()["clouds"].values()
        subscription = {"id": beside.subscription_id} if beside else cloud["subscriptions"][number]
        stamp = f"{kind}-{number + 1 if kind == 'stamp' else number % 4 + 1}"
        return Registrar(modules, azure_simulator, stamp, subscription, tmp_path)

    return make


def oldest_libraries() -> dict[str, str]:
    """Environment with which modules use the oldest libraries that the collection supports."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = pathlib.Path(__file__).parents[3] / ".venv-oldest" / "lib" / version / "site-packages"
    assert (packages / "ansible").is_dir(), "run 'make deep', or 'make .venv-oldest/ready' before"
    return {"PYTHONPATH": str(packages)}
