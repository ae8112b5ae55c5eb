# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin, through ansible-inventory, on the newest and on the oldest ansible-core that is supported."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.azurestack.hub.plugins.plugin_utils import _registrations
from tables import first_of

from azs_simulator.client import Simulator

ROOT = pathlib.Path(__file__).resolve().parents[3]
FLEET: t.Final = {
    "stamps": [
        {"name": "one", "registration": {}},
        {"name": "two", "connected": True, "registration": {"name": "AzureStackRegistration", "group": "Legacy"}},
        {"name": "far", "registration": {"subscription": "Second", "name": "AzureStackRegistration"}},
    ],
    "clouds": [{"subscriptions": [{"name": "Registrations"}, {"name": "Second"}, {"name": "Empty"}]}],
}
CORES: t.Final = {"2.19": ".venv", "2.16": ".venv-oldest"}
PASSWORD: t.Final = "vaulted-pass-4711"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """Three stamps, registered in two of three subscriptions."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("simulator")) as running:
        yield running


@dataclasses.dataclass
class Result:
    """What ansible-inventory gave."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def data(self) -> dict[str, t.Any]:
        """The inventory; fails the test when it is not the only thing on standard output."""
        assert self.returncode == 0, self.stderr
        return t.cast("dict[str, t.Any]", json.loads(self.stdout))

    def host(self, name: str) -> dict[str, t.Any]:
        """A host's variables."""
        return t.cast("dict[str, t.Any]", self.data["_meta"]["hostvars"][name])

    def members(self, group: str) -> set[str]:
        """The hosts that stand in a group itself."""
        return set(self.data.get(group, {}).get("hosts", []))

    @property
    def message(self) -> str:
        """The words of the error, without line breaks; fails the test when there is none, or any output."""
        assert self.returncode != 0, self.stdout
        assert self.stdout.strip() == ""
        return " ".join(self.stderr.split())


class Inventory:
    """A directory of inventory sources, read as AWX reads it."""

    def __init__(self, simulator: Simulator, directory: pathlib.Path, core: str) -> None:
        self.simulator = simulator
        self.directory = directory
        self.home = directory.parent
        self.core = core
        azure = simulator.azure()
        self.environment = {
            "AZURE_SUBSCRIPTION_ID": azure["azs_subscription_id"],
            "AZURE_TENANT": azure["azs_tenant"],
            "AZURE_CLIENT_ID": azure["azs_client_id"],
            "AZURE_SECRET": azure["azs_secret"],
            "AZURE_CLOUD_ENVIRONMENT": azure["azs_cloud_environment"],
            "REQUESTS_CA_BUNDLE": simulator.ca,
        }
        directory.mkdir()

    def subscription(self, name: str) -> str:
        """The id of a subscription of the cloud."""
        known = self.simulator.state()["clouds"]["AzureCloud"]["subscriptions"]
        return next(str(one["id"]) for one in known if one["name"] == name)

    def cloud_id(self, stamp: str) -> str:
        """A stamp's cloud id."""
        return str(self.simulator.stamp(stamp)["cloud_id"])

    def static(self, hosts: t.Mapping[str, t.Any], name: str = "01-stamps.yml") -> None:
        """Write the static source."""
        (self.directory / name).write_text(yaml.safe_dump({"azs_stamps": {"hosts": dict(hosts)}}), encoding="utf-8")

    def plugin(self, name: str = "azs_registrations.yml", **options: t.Any) -> None:
        """Write the plugin's source."""
        content = {"plugin": "azurestack.hub.azs_registrations", **options}
        (self.directory / name).write_text(yaml.safe_dump(content), encoding="utf-8")

    def read(self, *more: str, **environment: str) -> Result:
        """Read it as AWX does."""
        tools = ROOT / CORES[self.core] / "bin"
        variables = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
            "HOME": str(self.home),
            "ANSIBLE_HOME": str(self.home / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_VERBOSE_TO_STDERR": "True",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
            **self.environment,
            **environment,
        }
        done = subprocess.run(
            [tools / "ansible-inventory", "--list", "--export", "-i", self.directory, *more],
            env=variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        for secret in (self.environment.get("AZURE_SECRET"), PASSWORD, *self.simulator.secrets()):
            assert not secret or secret not in done.stdout + done.stderr
        return result


@pytest.fixture(params=["2.19", pytest.param("2.16", marks=pytest.mark.deep)])
def inventory(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: pathlib.Path) -> Inventory:
    """An empty inventory directory, for each ansible-core."""
    return Inventory(simulator, tmp_path / "inventory", request.param)


@pytest.fixture
def recent(simulator: Simulator, tmp_path: pathlib.Path) -> Inventory:
    """An empty inventory directory for the newest ansible-core, for what does not depend on it."""
    return Inventory(simulator, tmp_path / "inventory", "2.19")


def test_known_stamps_become_their_hosts_and_the_others_are_unmanaged(inventory: Inventory) -> None:
    inventory.static({"stamp01": {"azs_cloud_id": inventory.cloud_id("one").upper(), "azs_billing_model": "Custom"}})
    inventory.plugin(
        subscriptions=[
            inventory.subscription("Registrations"),
            inventory.subscription("Second").upper(),
            inventory.subscription("Empty"),
            f"/subscriptions/{inventory.subscription('Second')}",
        ],
        strict=True,
        compose={"where": "azs_registration.resource_group ~ '/' ~ inventory_hostname"},
        groups={"registered": True, "legacy": "azs_registration.name == 'AzureStackRegistration'"},
        keyed_groups=[{"key": "azs_registration.billing_model | lower", "prefix": "billing"}],
    )
    result = inventory.read()
    two, far = (f"azurestack-{inventory.cloud_id(stamp)}" for stamp in ("two", "far"))
    assert set(result.data["_meta"]["hostvars"]) == {"stamp01", two, far}
    assert result.members("unmanaged") == result.members("legacy") == {two, far}
    assert result.members("registered") == {"stamp01", two, far}
    assert result.members("billing_capacity") == {"stamp01", far}
    assert result.members("billing_payasyouuse") == {two}
    managed = result.host("stamp01")
    assert managed["azs_registration"] == {
        "id": inventory.simulator.registration_of("one")["id"],
        "name": f"azurestack-{inventory.cloud_id('one')}",
        "resource_group": "azurestack",
        "subscription_id": inventory.subscription("Registrations"),
        "cloud_id": inventory.cloud_id("one"),
        "billing_model": "Capacity",
        "bridge_principal": managed["azs_registration"]["bridge_principal"],
        "expires_in_days": None,
    }
    assert managed["azs_billing_model"] == "Custom"  # what is wanted stays, or drift could not be seen
    # ansible-core 2.19 marks what an expression gave, and AWX hands the mark back to it.
    assert managed["where"] in ("azurestack/stamp01", {"__ansible_unsafe": "azurestack/stamp01"})
    assert not {"azs_subscription_id", "azs_resource_group", "azs_registration_name"} & set(managed)
    unmanaged = result.host(far)
    assert unmanaged["azs_subscription_id"] == inventory.subscription("Second")
    assert unmanaged["azs_registration_name"] == "AzureStackRegistration"
    assert unmanaged["azs_cloud_id"] == inventory.cloud_id("far")


def test_cloud_ids_of_host_vars_beside_the_inventory_count(inventory: Inventory) -> None:
    inventory.static({"stamp01": {}})
    (inventory.directory / "host_vars").mkdir()
    (inventory.directory / "host_vars" / "stamp01.yml").write_text(
        f"azs_cloud_id: {inventory.cloud_id('one')}\n", encoding="ascii"
    )
    inventory.plugin()
    result = inventory.read()
    assert result.host("stamp01")["azs_registration"]["cloud_id"] == inventory.cloud_id("one")


def test_a_stamp_without_a_cloud_id_is_found_by_the_name_of_its_registration(inventory: Inventory) -> None:
    """Kind: own stamps stand a second time among the unmanaged ones (issue 15, row 10)."""
    called = f"azurestack-{inventory.cloud_id('one')}"
    inventory.static(
        {
            called: {},
            "stamp02": {"azs_registration_name": "azurestackregistration", "azs_resource_group": "LEGACY"},
            "stamp03": {"azs_pep_hosts": ["10.0.0.4"]},
        }
    )
    inventory.plugin(subscriptions=[inventory.subscription("Registrations"), inventory.subscription("Second")])
    result = inventory.read()
    far = f"azurestack-{inventory.cloud_id('far')}"
    assert result.members("unmanaged") == {far}
    assert result.host(called)["azs_registration"]["cloud_id"] == inventory.cloud_id("one")
    assert result.host("stamp02")["azs_registration"]["cloud_id"] == inventory.cloud_id("two")
    said = " ".join(result.stderr.split())
    assert "Which registration stamp03 has is not known" in said and "Set azs_cloud_id" in said


def test_text_from_azure_is_never_a_template(inventory: Inventory) -> None:
    inventory.plugin(
        subscriptions=[inventory.subscription("Second")], compose={"copy": "azs_registration.billing_model"}
    )
    pipe = "{{ lookup('ansible.builtin.pipe', 'echo run') }}"
    inventory.simulator.do("edit-registration", stamp="far", claims={"billingModel": pipe})
    try:
        result = inventory.read()
    finally:
        inventory.simulator.do("edit-registration", stamp="far", claims={"billingModel": "Capacity"})
    host = result.host(f"azurestack-{inventory.cloud_id('far')}")
    assert pipe in json.dumps(host["azs_registration"]["billing_model"])
    assert pipe in json.dumps(host["copy"])


@pytest.mark.deep
def test_options_may_be_templates_and_vaulted(inventory: Inventory) -> None:
    secret = inventory.environment.pop("AZURE_SECRET")
    vault = inventory.home / "vault-password"
    vault.write_text("open sesame\n", encoding="ascii")
    encrypted = subprocess.run(
        [ROOT / ".venv" / "bin" / "ansible-vault", "encrypt_string", "--vault-password-file", vault, secret],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    inventory.plugin(tenant="{{ lookup('ansible.builtin.env', 'DIRECTORY') }}")
    file = inventory.directory / "azs_registrations.yml"
    file.write_text(file.read_text(encoding="ascii") + f"secret: {encrypted}\n", encoding="ascii")
    tenant = inventory.environment.pop("AZURE_TENANT")
    result = inventory.read("--vault-password-file", str(vault), DIRECTORY=tenant)
    assert len(result.members("unmanaged")) == 2
    assert secret not in result.stdout


@pytest.mark.deep
def test_pages_are_followed(recent: Inventory) -> None:
    recent.plugin()
    recent.simulator.settings(page_size=1)
    mark = recent.simulator.mark()
    try:
        result = recent.read()
    finally:
        recent.simulator.settings(page_size=100)
    assert len(result.members("unmanaged")) == 2
    listings = [one for one in recent.simulator.requests(mark, "arm") if "registrations" in one["path"]]
    assert len(listings) == 2


@pytest.mark.deep
def test_the_cache_saves_all_requests_until_the_subscriptions_change(inventory: Inventory) -> None:
    caching = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(inventory.home / "cache"),
    }
    inventory.plugin(**caching)
    first = inventory.read().data
    mark = inventory.simulator.mark()
    assert inventory.read().data == first
    assert inventory.simulator.requests(mark) == []
    inventory.plugin(**caching, subscriptions=[inventory.subscription("Second")])
    assert inventory.read().members("unmanaged") == {f"azurestack-{inventory.cloud_id('far')}"}
    kept = "".join(file.read_text(encoding="utf-8") for file in (inventory.home / "cache").iterdir())
    assert kept and not any(secret in kept for secret in inventory.simulator.secrets() if len(secret) > 8)


@pytest.mark.deep
def test_hosts_can_be_named_otherwise(inventory: Inventory) -> None:
    inventory.plugin(
        hostname="azs_registration.name ~ '_' ~ azs_registration.resource_group | lower", unmanaged_group="not ours"
    )
    result = inventory.read()
    assert "AzureStackRegistration_legacy" in result.members("not_ours")


@pytest.mark.parametrize("name", first_of(["aaa", "zzz"]))
def test_of_two_registrations_the_living_one_is_taken_in_any_order(tmp_path: pathlib.Path, name: str) -> None:
    """Kind: which registration is meant, answered by the order of Azure's list."""
    stamp = {"name": "one", "registration": {"expires_in_days": -1}}
    with Simulator.start({"stamps": [stamp]}, tmp_path / "simulator") as simulator:
        inventory = Inventory(simulator, tmp_path / "inventory", "2.19")
        cloud_id = inventory.cloud_id("one")
        simulator.do("add-registration", cloud_id=cloud_id, name=name)
        inventory.static({"stamp01": {"azs_cloud_id": cloud_id}})
        inventory.plugin()
        host = inventory.read().host("stamp01")
    assert host["azs_registration"]["name"] == name
    (left,) = host["azs_further_registrations"]
    assert left["expires_in_days"] < 0


@pytest.mark.deep
def test_a_stamp_with_two_registrations_is_one_host(tmp_path: pathlib.Path) -> None:
    stamp = {"name": "one", "registration": {"expires_in_days": -1}}
    with Simulator.start({"stamps": [stamp]}, tmp_path / "simulator") as simulator:
        inventory = Inventory(simulator, tmp_path / "inventory", "2.19")
        cloud_id = inventory.cloud_id("one")
        simulator.do("add-registration", cloud_id=cloud_id, name="renewed")
        inventory.static({"stamp01": {"azs_cloud_id": cloud_id, "azs_registration_name": "Renewed"}})
        inventory.plugin()
        result = inventory.read()
    assert result.host("stamp01")["azs_registration"]["name"] == "renewed"
    assert [one["name"] for one in result.host("stamp01")["azs_further_registrations"]] == [f"azurestack-{cloud_id}"]
    assert "2 registrations" in " ".join(result.stderr.split())


@pytest.mark.deep
def test_other_files_are_left_alone(recent: Inventory) -> None:
    recent.plugin("registrations.yml")
    assert "azs_registrations" in recent.read().message


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    first_of(
        [
            ({}, {"AZURE_SUBSCRIPTION_ID": ""}, "No subscription is given"),
            ({"subscriptions": ["production"]}, {}, "'production' is not the id of a subscription"),
            ({}, {"AZURE_SECRET": "wrong-secret-4711"}, "did not accept the sign-in"),
            ({}, {"AZURE_SECRET": "", "AZURE_CLIENT_ID": ""}, "No credential for Azure is given"),
            ({"auth_source": "device_code"}, {}, "cannot wait for a user"),
            ({"cert_validation_mode": "never"}, {}, "cert_validation_mode"),
            (
                {"subscription": ["x"]},
                {},
                "subscription is not an option of azs_registrations, perhaps subscriptions is meant",
            ),
            ({}, {"AZURE_CLOUD_ENVIRONMENT": "AzureGermanCloud"}, "cannot hold registrations"),
            ({"subscriptions": ["00000000-1111-2222-3333-444444444444"]}, {}, "00000000-1111-2222-3333-444444444444"),
            ({"hostname": "azs_registration.id.nothing.there"}, {}, "hostname gives no name"),
            ({"hostname": "'same'"}, {}, "Two stamps of the inventory would be the host same"),
            ({"strict": True, "compose": {"x": "nothing.there"}}, {}, "Could not set x"),
        ]
    ),
)
def test_failures_are_loud_and_say_what_to_do(
    recent: Inventory, options: dict[str, t.Any], environment: dict[str, str], words: str
) -> None:
    recent.plugin(**options)
    result = recent.read(**environment)
    assert words in result.message
    assert "wrong-secret-4711" not in result.stderr


def test_half_an_inventory_is_none(inventory: Inventory) -> None:
    inventory.static({"stamp01": {"azs_cloud_id": inventory.cloud_id("one")}})
    inventory.plugin(subscriptions=[inventory.subscription("Registrations"), inventory.subscription("Second")])
    inventory.simulator.fault(
        "arm",
        "error",
        match={"path": f"{inventory.subscription('Second')}/providers"},
        status=403,
        code="AuthorizationFailed",
        message="The client 'x' does not have authorization to perform action 'a' over scope 's'.",
    )
    assert "list the registrations of subscription" in inventory.read().message


@pytest.mark.deep
def test_two_hosts_with_one_cloud_id_are_refused(recent: Inventory) -> None:
    cloud_id = recent.cloud_id("one")
    recent.static({"stamp01": {"azs_cloud_id": cloud_id}, "stamp02": {"azs_cloud_id": cloud_id.upper()}})
    recent.plugin()
    assert "stamp01 and stamp02 have the same azs_cloud_id" in recent.read().message


@pytest.mark.deep
def test_a_missing_library_is_named(recent: Inventory) -> None:
    recent.plugin()
    blocked = recent.home / "blocked" / "azure" / "core"
    blocked.mkdir(parents=True)
    (blocked.parent / "__init__.py").write_text("", encoding="ascii")
    (blocked / "__init__.py").write_text("raise ImportError('taken away')\n", encoding="ascii")
    assert "azure-mgmt-core is missing" in recent.read(PYTHONPATH=str(recent.home / "blocked")).message


def test_a_registration_that_the_host_names_is_not_replaced_by_another_one() -> None:
    found = [{"name": name, "resource_group": "Legacy", "subscription_id": "s"} for name in ("north", "south")]
    assert _registrations.chosen(found, {"azs_registration_name": "SOUTH", "azs_resource_group": "legacy"}) == found[1]
    assert _registrations.chosen(found, {"azs_registration_name": "typo"}) is None
    assert _registrations.chosen(found, {"azs_registration_name": "south", "azs_resource_group": "typo"}) is None
    assert _registrations.chosen(found, {"azs_resource_group": "typo"}) == found[0]


ONE_NAME: t.Final = {
    key: [{"name": "AzureStackRegistration", "resource_group": group, "subscription_id": "s"}]
    for key, group in (("a", "north"), ("b", "south"))
}


@pytest.mark.parametrize(
    ("hosts", "taken"),
    [
        ({"h": {"azs_registration_name": "AzureStackRegistration"}}, {}),
        ({"h": {"azs_registration_name": "AzureStackRegistration", "azs_resource_group": "South"}}, {"b": "h"}),
        ({key: {"azs_registration_name": "AzureStackRegistration", "azs_resource_group": "south"} for key in "hi"}, {}),
        ({"h": {"azs_resource_group": "south"}}, {}),
        ({"h": {"azs_registration_name": "AzureStackRegistration", "azs_subscription_id": "other"}}, {}),
    ],
    ids=["of two stamps", "of one stamp", "of two hosts", "a group is no name", "in another subscription"],
)
def test_a_name_counts_when_it_leads_to_one_stamp(hosts: dict[str, t.Any], taken: dict[str, str]) -> None:
    assert _registrations.named(ONE_NAME, hosts) == taken
