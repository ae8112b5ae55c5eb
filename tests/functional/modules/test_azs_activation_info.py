# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_activation_info against the admin Azure Resource Managers of simulated stamps, with Entra ID and with AD FS."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from simulated_azure import oldest_libraries
from tables import first_of

from azs_simulator.client import Simulator

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

MODULE = "azs_activation_info"
FLEET: t.Final = {
    "stamps": [
        {"name": "none"},
        {"name": "active", "registration": {}},
        {"name": "ending", "registration": {"expires_in_days": 20.5}},
        {"name": "ended", "registration": {"expires_in_days": -3.5}},
        {"name": "entra", "connected": True, "registration": {}},
    ],
    "settings": {"expirations_of_2018": False},
}
LOOK = ["GET /metadata/endpoints", "GET /subscriptions", "GET activation"]


class Admin:
    """Somebody who asks a stamp's admin Azure Resource Manager."""

    def __init__(self, modules: Modules, simulator: Simulator, stamp: str) -> None:
        variables = {name.removeprefix("azs_"): value for name, value in simulator.host(stamp).items()}
        self.simulator = simulator
        self.stamp = stamp
        self.options = {name: value for name, value in variables.items() if name.startswith("admin_")}
        self._modules = modules
        self._mark = simulator.mark()

    def ask(self, *, environment: dict[str, str] | None = None, check: bool = False, **options: t.Any) -> Outcome:
        """Run the module; `options` over the stamp's own (None takes one away)."""
        given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
        return self._modules.run(MODULE, given, environment=environment, check=check)

    def requests(self) -> list[str]:
        """What the stamp was asked since the last call, sign-in apart."""
        entries = self.simulator.requests(self._mark)
        self._mark = entries[-1]["n"] if entries else self._mark
        return [
            f"{entry['method']} {'activation' if entry['path'].endswith('/activations/default') else entry['path']}"
            for entry in entries
            if entry["service"] == "admin"
        ]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of the file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("stamps")) as simulator:
        yield simulator


@pytest.fixture
def admin(modules: Modules, fleet: Simulator) -> t.Callable[[str], Admin]:
    """Makes the one who asks a stamp."""
    return lambda stamp: Admin(modules, fleet, stamp)


Make = t.Callable[[str], Admin]


@pytest.mark.parametrize("check", [False, True])
def test_a_registered_stamp(admin: Make, check: bool) -> None:
    here = admin("active")
    outcome = here.ask(check=check)
    assert not outcome.changed
    registration = here.simulator.registration_of("active")
    assert registration is not None
    expected = {
        "state": "Registered",
        "registration_id": registration["id"],
        "registration_name": registration["id"].split("/")[-1],
        "resource_group": "azurestack",
        "subscription_id": registration["id"].split("/")[2],
        "environment": "AzureCloud",
        "marketplace_syndication": False,
        "usage_reporting": False,
        "expires": "9999-12-30T23:59:59Z",
        "expires_in_days": None,
        "provisioning_state": "Succeeded",
        "products": None,
    }
    assert expected.items() <= outcome["activation"].items()
    assert here.requests() == LOOK


def test_a_stamp_that_is_not_registered(admin: Make) -> None:
    activation = admin("none").ask(products=True)["activation"]
    assert activation["state"] == "Not registered"
    for name in ("registration_id", "registration_name", "expires", "expires_in_days", "usage_reporting", "products"):
        assert activation[name] is None


@pytest.mark.parametrize("listed", first_of([True, False]))
@pytest.mark.parametrize("code", first_of(["ActivationNotFound", "ResourceGroupNotFound"]))
def test_a_404_in_the_services_form_is_no_activation_whatever_its_code(admin: Make, code: str, listed: bool) -> None:
    here = admin("none")
    here.simulator.settings(absent_activation_code=code, activation_list=listed)
    assert here.ask()["activation"]["state"] == "Not registered"
    *asked, confirmed = here.requests()
    assert asked == LOOK and confirmed.endswith("/providers/Microsoft.AzureBridge.Admin/activations")


def test_the_list_tells_more_than_the_code_of_a_404(admin: Make) -> None:
    here = admin("active")
    here.simulator.settings(activation_list=True)
    here.simulator.fault("admin", "error", match={"path": "/activations/default"}, status=404, code="ResourceNotFound")
    assert here.ask()["activation"]["state"] == "Registered"


@pytest.mark.parametrize("code", first_of(["SubscriptionNotFound", "InvalidResourceType", "NoRegisteredProviderFound"]))
def test_a_404_that_speaks_of_something_else_does_not_tell_that_it_is_not_registered(admin: Make, code: str) -> None:
    here = admin("none")
    here.simulator.fault(
        "admin", "error", match={"path": "/activations/default", "stamp": "none"}, status=404, code=code, message="x"
    )
    outcome = here.ask()
    assert outcome["error"]["code"] == code and "Could not read the activation" in outcome.message


@pytest.mark.parametrize(("stamp", "state"), [("active", "Registered"), ("ended", "Expired")])
def test_an_expiration_without_a_zone(admin: Make, stamp: str, state: str) -> None:
    here = admin(stamp)
    here.simulator.settings(expirations_of_2018=True)
    try:
        activation = here.ask()["activation"]
    finally:
        here.simulator.settings(expirations_of_2018=False)
    assert (activation["state"], activation["environment"]) == (state, None)
    assert (activation["expires"] == "9999-12-30T23:59:59Z") is (stamp == "active")


@pytest.mark.parametrize(("stamp", "state", "days"), [("ending", "Registered", 20), ("ended", "Expired", -4)])
def test_expiries(admin: Make, stamp: str, state: str, days: int) -> None:
    activation = admin(stamp).ask()["activation"]
    assert (activation["state"], activation["expires_in_days"]) == (state, days)


def test_products_prove_the_connection(admin: Make) -> None:
    assert admin("active").ask(products=True)["activation"]["products"] == 0
    assert admin("entra").ask(products=True)["activation"]["products"] > 0


def test_sign_in_with_entra_id(admin: Make) -> None:
    here = admin("entra")
    assert here.options["admin_tenant"] != "adfs"
    assert here.ask()["activation"]["state"] == "Registered"
    # The authority stands in the endpoint's metadata, the tenant does not.
    assert here.ask(admin_authority=None)["activation"]["state"] == "Registered"
    assert "Set admin_tenant" in here.ask(admin_tenant=None).message


def test_ad_fs_is_seen_in_the_metadata(admin: Make) -> None:
    assert admin("active").ask(admin_tenant=None, admin_authority=None)["activation"]["state"] == "Registered"


def test_a_known_subscription_saves_a_request(admin: Make) -> None:
    here = admin("active")
    here.ask()
    subscription = next(
        entry["path"].split("/")[2]
        for entry in reversed(here.simulator.requests(service="admin"))
        if entry["path"].endswith("/activations/default")
    )
    here.requests()
    assert here.ask(admin_subscription_id=subscription)["activation"]["state"] == "Registered"
    assert here.requests() == [LOOK[0], LOOK[2]]


@pytest.mark.parametrize("stamp", ["active", "entra"])
def test_a_wrong_secret(admin: Make, stamp: str) -> None:
    outcome = admin(stamp).ask(admin_secret="not-the-secret")
    assert outcome.kind == "wrong_secret"
    assert "admin_secret" in outcome.message
    assert "not-the-secret" not in outcome.printed


@pytest.mark.parametrize("stamp", ["active", "entra"])
def test_an_unknown_client(admin: Make, stamp: str) -> None:
    outcome = admin(stamp).ask(admin_client_id="2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55")
    assert outcome.kind == "unknown_client"
    assert "admin_client_id" in outcome.message


def test_no_credential(admin: Make) -> None:
    outcome = admin("active").ask(admin_secret=None)
    assert "Set admin_secret, admin_certificate_path, or admin_username and admin_password" in outcome.message


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (None, "admin_endpoint is not given"),
        ("adminmanagement.local", "is not an https URL"),
    ],
)
def test_no_endpoint(admin: Make, endpoint: str | None, text: str) -> None:
    outcome = admin("active").ask(admin_endpoint=endpoint)
    assert text in outcome.message
    assert "https://adminmanagement.<region>.<fqdn>" in outcome.message


def test_an_endpoint_that_does_not_answer(admin: Make) -> None:
    outcome = admin("active").ask(admin_endpoint="https://127.0.0.1:9")
    assert outcome.kind == "unreachable"
    assert "https://127.0.0.1:9" in outcome.message


def test_an_untrusted_certificate(admin: Make) -> None:
    outcome = admin("active").ask(admin_ca_bundle=None)
    assert outcome.kind == "certificate_not_trusted"
    assert "admin_ca_bundle" in outcome.message


def test_an_account_that_sees_no_provider_subscription(admin: Make) -> None:
    here = admin("entra")
    azure = here.simulator.azure()
    outcome = here.ask(admin_client_id=azure["azs_client_id"], admin_secret=azure["azs_secret"])
    assert outcome.kind == "provider_subscription_not_visible"
    assert "Default Provider Subscription" in outcome.message
    assert "it sees no subscription" in outcome.message


@pytest.mark.parametrize("status", [200, 302])
def test_what_is_no_answer_of_the_stamp_does_not_tell_that_it_is_not_registered(admin: Make, status: int) -> None:
    here = admin("active")
    here.simulator.fault(
        "admin",
        "error",
        match={"path": "/activations/"},
        status=status,
        code="ResourceNotFound",
        headers={"Location": "https://portal.example/"} if status == 302 else {},
    )
    assert here.ask().kind == "unexpected_answer"


def test_a_certificate_to_sign_in_with_that_is_none(admin: Make, tmp_path: pathlib.Path) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    outcome = admin("active").ask(admin_secret=None, admin_certificate_path=str(tmp_path / "key.pem"))
    assert "The certificate to sign in with cannot be used" in outcome.message


@pytest.mark.deep
@pytest.mark.parametrize("stamp", ["active", "entra"])
def test_with_the_oldest_libraries(admin: Make, stamp: str) -> None:
    here = admin(stamp)
    assert here.ask(environment=oldest_libraries())["activation"]["state"] == "Registered"
    assert here.requests() == LOOK
