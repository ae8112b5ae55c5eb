# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way to sign in, to each kind of cloud and stamp, as a new user tries it: modules as processes."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import trustme
from azure.identity import ClientSecretCredential
from simulated_azure import oldest_libraries
from tables import first_of

from azs_simulator.client import FLEETS, Simulator
from azs_simulator.detour import Detour

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

GUID: t.Final = "2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """Three clouds: public, custom, with AD FS."""
    with Simulator.start(FLEETS / "clouds.yml", tmp_path_factory.mktemp("clouds")) as running:
        yield running


class User:
    """Somebody new who tries to read the registrations of a cloud, and the activation of one of its stamps."""

    def __init__(self, modules: Modules, simulator: Simulator, stamp: str, home: pathlib.Path) -> None:
        self.simulator = simulator
        self.home = home
        self._modules = modules
        host = {name.removeprefix("azs_"): value for name, value in simulator.host(stamp).items()}
        self.cloud = next(
            one for one in simulator.state()["clouds"].values() if one["arm_url"] == host["cloud_environment"]
        )
        self.place = {name: host[name] for name in ("subscription_id", "tenant", "cloud_environment", "ca_bundle")}
        self.account = {name: host[name] for name in ("client_id", "secret")}
        self.admin = {name: value for name, value in host.items() if name.startswith("admin_")}

    def secret_of(self, name: str) -> str:
        """The secret, or the password, of a principal of the cloud."""
        return str(self.simulator.credentials()["clouds"][self.cloud["name"]][name])

    def account_of(self, name: str) -> dict[str, str]:
        """Another principal of the cloud, as options."""
        found = next(one for one in self.cloud["principals"] if one["name"] == name)
        return {"client_id": found["client_id"], "secret": self.secret_of(name)}

    def reads(self, *, environment: t.Mapping[str, str] | None = None, **options: t.Any) -> Outcome:
        """Read the registrations; options of None are taken away."""
        given = {name: value for name, value in {**self.place, **options}.items() if value is not None}
        variables = {"HOME": str(self.home), **(environment or {})}
        return self._modules.run("azs_registration_info", given, environment=variables)

    def looks(self, **options: t.Any) -> Outcome:
        """Read the stamp's activation; options of None are taken away."""
        given = {name: value for name, value in {**self.admin, **options}.items() if value is not None}
        return self._modules.run("azs_activation_info", given, environment={"HOME": str(self.home)})


@pytest.fixture
def user(modules: Modules, simulator: Simulator, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., User]]:
    """Users at a stamp, of the public cloud unless another one is named."""
    home = tmp_path / "home"
    home.mkdir()
    yield lambda stamp="public-01": User(modules, simulator, stamp, home)
    simulator.clear_faults()


Users = t.Callable[..., User]


def answers(outcome: Outcome, kind: str, *parts: str) -> None:
    """Check kind and words of an error, and that it says what to do."""
    message = outcome.message
    assert outcome.kind == kind, message
    for part in parts:
        assert part in message, (part, message)
    assert outcome["error"]["remedy"]


# -- each way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", first_of(["public-01", "custom-01", "adfs-01"]))
def test_a_secret(user: Users, stamp: str) -> None:
    here = user(stamp)
    assert here.reads(**here.account)["registrations"] == []


@pytest.mark.parametrize("names", [("AZURE_SECRET", "AZURE_TENANT"), ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")])
def test_variables_of_the_runner(user: Users, names: tuple[str, str]) -> None:
    here = user()
    variables = {
        names[0]: here.account["secret"],
        names[1]: here.place["tenant"],
        "AZURE_CLIENT_ID": here.account["client_id"],
    }
    assert not here.reads(tenant=None, environment=variables).failed


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """app.pem and other.pem, each certificate and RSA key; app.pfx, the first with a password."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    folder = tmp_path_factory.mktemp("certificates")
    for name in ("app", "other"):
        made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert(f"{name}.example", key_type=trustme.KeyType.RSA)
        made.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    pem = (folder / "app.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    (folder / "app.pfx").write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"app",
            key,
            x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :]),
            None,
            serialization.BestAvailableEncryption(b"of the file"),
        )
    )
    return folder


@pytest.mark.parametrize("libraries", ["newest", pytest.param("oldest", marks=pytest.mark.deep)])
def test_a_certificate(user: Users, certificates: pathlib.Path, libraries: str) -> None:
    here = user()
    made = here.simulator.do("add-principal", name=f"certified-{libraries}", certificate=str(certificates / "app.pem"))
    environment = oldest_libraries() if libraries == "oldest" else {}
    how = {"client_id": made["client_id"], "environment": environment}
    assert not here.reads(**how, x509_certificate_path=str(certificates / "app.pem")).failed
    pfx = {"x509_certificate_path": str(certificates / "app.pfx")}
    assert not here.reads(**how, **pfx, x509_certificate_password="of the file").failed
    wrong = here.reads(**how, **pfx, x509_certificate_password="not-it")
    answers(wrong, "bad_input", "The certificate to sign in with cannot be used", "its password if it has one")
    assert "not-it" not in wrong.printed
    answers(
        here.reads(**how, x509_certificate_path=str(certificates / "other.pem")),
        "wrong_certificate",
        "AADSTS700027",
        "Upload the certificate",
    )


def test_a_workloads_token(user: Users, tmp_path: pathlib.Path) -> None:
    here = user()
    token = str(here.simulator.do("oidc-token", name="registrar"))
    client = {"client_id": here.account["client_id"]}
    outcome = here.reads(**client, oidc_token=token)
    assert not outcome.failed and token not in outcome.printed
    (tmp_path / "token").write_text(f"{token}\n")
    assert not here.reads(**client, oidc_token_file_path=str(tmp_path / "token")).failed
    answers(
        here.reads(**client, oidc_token_file_path=str(tmp_path / "none")), "bad_input", "Compare oidc_token_file_path"
    )
    answers(here.reads(**client, oidc_token="a.b.c"), "wrong_certificate", "AADSTS700027")


@pytest.fixture
def detour(simulator: Simulator) -> t.Iterator[Detour]:
    """The proxy before the public cloud's directory: msal asks a private one for a user's realm at port 443."""
    made = Detour({"127.0.0.1": simulator.state()["clouds"]["AzureCloud"]["login_url"]})
    yield made
    made.close()


def test_a_user_with_a_password(user: Users, detour: Detour) -> None:
    here = user()
    name = "operator@rehearsal.onmicrosoft.com"
    how = {"ad_user": name, "environment": {"HTTPS_PROXY": detour.url}}
    outcome = here.reads(**how, password=here.secret_of(name))
    assert not outcome.failed
    wrong = here.reads(**how, password="not-it")
    answers(wrong, "wrong_user_password", "AADSTS50126", name, "it was tried once")
    grants = [entry for entry in here.simulator.requests(service="login") if entry.get("grant") == "password"]
    assert [entry["status"] for entry in grants[-2:]] == [200, 400]
    guest = here.reads(ad_user="guest@elsewhere.onmicrosoft.com", password="x", environment=how["environment"])
    answers(guest, "user_of_another_directory", "AADSTS50034", "Set tenant")
    here.simulator.fault(
        "login",
        "error",
        match={"grant": "password"},
        status=400,
        code="invalid_grant",
        message="AADSTS50076: you must use multi-factor authentication to access.",
    )
    answers(here.reads(**how, password="x"), "second_factor", "device_code", "'az login'")


def test_a_user_with_a_password_at_an_ad_fs(user: Users) -> None:
    here = user("adfs-01")
    name = "operator@fabrikam.example"
    assert not here.reads(ad_user=name, password=here.secret_of(name)).failed
    answers(here.reads(ad_user=name, password="not-it"), "wrong_user_password", "MSIS9659")


def test_a_profile_of_the_credential_file(user: Users) -> None:
    here = user()
    (here.home / ".azure").mkdir()
    values = {**here.account, "tenant": here.place["tenant"], "cloud_environment": here.place["cloud_environment"]}
    lines = "\n".join(f"{name}={value}" for name, value in values.items())
    (here.home / ".azure" / "credentials").write_text(f"[default]\n{lines}\n[half]\ntenant=x\n")
    options = {"tenant": None, "cloud_environment": None}
    for source in ("auto", "credential_file"):
        outcome = here.reads(**options, auth_source=source)
        assert not outcome.failed and here.account["secret"] not in outcome.printed
    answers(here.reads(**options, auth_source="credential_file", profile="other"), "bad_input", "no profile 'other'")


def test_what_a_profile_says_besides_the_account(user: Users) -> None:
    """The remedies tell users to write it there."""
    here = user()
    (here.home / ".azure").mkdir()
    place = here.place

    def profile(**changes: str) -> None:
        values = {
            **here.account,
            "tenant": place["tenant"],
            "cloud_environment": place["cloud_environment"],
            "subscription_id": place["subscription_id"],
            **changes,
        }
        lines = "\n".join(f"{name}={value}" for name, value in values.items())
        (here.home / ".azure" / "credentials").write_text(f"[default]\n{lines}\n")

    options = {"tenant": None, "cloud_environment": None, "subscription_id": None, "auth_source": "credential_file"}
    profile()
    assert not here.reads(**options).failed
    profile(subscription_id="")
    answers(here.reads(**options), "bad_input", "Nothing says which subscription is meant")
    profile(subscription_id="mistyped")
    answers(here.reads(**options), "bad_input", "'mistyped' is not the id of a subscription")
    assert not here.reads(**{**options, "subscription_id": place["subscription_id"]}).failed
    profile(adfs_authority_url="https://adfs.example/?x=1")
    answers(here.reads(**options), "bad_input", "adfs_authority_url")
    profile(cert_validation_mode="never")
    answers(here.reads(**options), "bad_input", "cert_validation_mode is 'never'")


# -- managed identities ------------------------------------------------------------------------------------------------


def host_variables(here: User, form: str) -> dict[str, str]:
    """The environment of a runner that has an identity."""
    if form == "imds":
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": here.cloud["identity_url"]}
    header = here.simulator.credentials()["hosts"][here.cloud["name"]]["identity_header"]
    return {"IDENTITY_ENDPOINT": f"{here.cloud['identity_url']}/msi/token", "IDENTITY_HEADER": header}


@pytest.mark.parametrize("libraries", ["newest", pytest.param("oldest", marks=pytest.mark.deep)])
@pytest.mark.parametrize("form", ["imds", "app_service"])
def test_a_managed_identity(user: Users, form: str, libraries: str) -> None:
    here = user()
    environment = {**host_variables(here, form), **(oldest_libraries() if libraries == "oldest" else {})}
    how = {"tenant": None, "auth_source": "msi", "environment": environment}
    assert not here.reads(**how).failed
    named = next(one["client_id"] for one in here.cloud["principals"] if one["name"] == "runner")
    assert not here.reads(**how, client_id=named).failed
    outcome = here.reads(**how, client_id=GUID)
    assert outcome.kind in ("unknown_managed_identity", "no_managed_identity"), outcome.message
    assert "client_id" in outcome.message


def test_an_app_service_that_gives_no_tokens(user: Users) -> None:
    here = user()
    environment = {**host_variables(here, "app_service"), "IDENTITY_HEADER": "wrong"}
    outcome = here.reads(auth_source="msi", environment=environment)
    answers(outcome, "no_managed_identity", "App Service", "set another auth_source")


# -- the Azure CLI -----------------------------------------------------------------------------------------------------

_AZ: t.Final = """\
#!/bin/sh
# Stands in for the Azure CLI; its answers are those of version 2.67.
echo "$*" >> "{log}"
{answer}
"""


class Cli:
    """An `az` on the PATH."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        folder.mkdir()

    def answers(self, text: str) -> dict[str, str]:
        """Let it print this; the environment that finds it."""
        (self.folder / "answer").write_text(text)
        return self._program(f'cat "{self.folder}/answer"')

    def fails(self, text: str) -> dict[str, str]:
        """Let it fail with this; the environment that finds it."""
        (self.folder / "answer").write_text(text)
        return self._program(f'cat "{self.folder}/answer" >&2; exit 1')

    def _program(self, answer: str) -> dict[str, str]:
        path = self.folder / "az"
        path.write_text(_AZ.format(log=self.log, answer=answer))
        path.chmod(0o700)
        return {"PATH": f"{self.folder}:/usr/bin:/bin"}


@pytest.fixture
def cli(tmp_path: pathlib.Path) -> Cli:
    """The Azure CLI of the runner."""
    return Cli(tmp_path / "cli")


def token_of(here: User) -> str:
    """An access token as the Azure CLI has it for its user."""
    credential = ClientSecretCredential(
        here.place["tenant"],
        here.account["client_id"],
        here.account["secret"],
        authority=here.cloud["login_url"],
        disable_instance_discovery=True,
        connection_verify=here.simulator.ca,
    )
    return credential.get_token(f"{here.cloud['audience']}/.default").token


def test_the_azure_cli(user: Users, cli: Cli) -> None:
    here = user()
    answer = {
        "accessToken": token_of(here),
        "expiresOn": "2036-11-20 13:00:00.000000",
        "expires_on": 2110798800,
        "subscription": here.place["subscription_id"],
        "tenant": here.place["tenant"],
        "tokenType": "Bearer",
    }
    environment = cli.answers(json.dumps(answer, indent=2))
    outcome = here.reads(auth_source="cli", environment=environment)
    assert not outcome.failed and answer["accessToken"] not in outcome.printed
    asked = cli.log.read_text()
    assert "account get-access-token --output json" in asked
    assert f"--resource {here.cloud['audience']} --tenant {here.place['tenant']}" in asked
    assert not here.reads(environment=environment).failed, "auto takes it when nothing else is given"


@pytest.mark.parametrize(
    ("text", "kind", "parts"),
    first_of(
        [
            (
                "ERROR: Please run 'az login' to setup account.",
                "cli_not_signed_in",
                ("Run 'az login' there", "az cloud set"),
            ),
            (
                "ERROR: AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional "
                "access.\nInteractive authentication is needed. Please run:\naz logout\naz login",
                "refresh_token_refused",
                ("the Azure CLI's account", "az login"),
            ),
            (
                "ERROR: AADSTS500011: The resource principal named https://management.other.example was not found in the tenant.",
                "wrong_audience",
                ("Compare tenant, cloud_environment",),
            ),
        ]
    ),
)
def test_an_azure_cli_that_has_no_token(user: Users, cli: Cli, text: str, kind: str, parts: tuple[str, ...]) -> None:
    answers(user().reads(auth_source="cli", environment=cli.fails(text)), kind, *parts)


def test_a_runner_without_the_azure_cli(user: Users, tmp_path: pathlib.Path) -> None:
    answers(
        user().reads(auth_source="cli", environment={"PATH": str(tmp_path)}),
        "cli_absent",
        "Install it there",
        "set another auth_source",
    )


# -- a user who signed in at the controller ----------------------------------------------------------------------------


def test_an_access_token_of_the_controller(user: Users) -> None:
    here = user()
    token = token_of(here)
    outcome = here.reads(auth_source="device_code", _azs={"access_token": token})
    assert not outcome.failed and token not in outcome.printed
    answers(here.reads(auth_source="device_code"), "no_action_plugin", "azurestack.hub.<module>")


# -- which cloud -------------------------------------------------------------------------------------------------------


def test_a_cloud_by_its_manifest(user: Users, tmp_path: pathlib.Path) -> None:
    here = user("custom-01")
    manifest = {
        "DeploymentData": {"CustomEnvironmentEndpoints": {"CustomCloudARMEndpoint": here.cloud["arm_url"] + "/"}}
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8-sig")
    how = {**here.account, "cloud_manifest_file": str(tmp_path / "manifest.json")}
    for environment in (None, "AzureUSSec"):
        outcome = here.reads(**how, cloud_environment=environment)
        assert not outcome.failed, outcome.message
        assert outcome["cloud"]["name"] == (environment or here.cloud["arm_url"])
    assert "name two clouds" in here.reads(**how, cloud_environment="AzureChinaCloud").message


def test_a_cloud_whose_metadata_are_a_list(user: Users) -> None:
    here = user("custom-01")
    here.simulator.settings(metadata_list=True)
    try:
        outcome = here.reads(**here.account)
        activation = here.looks(admin_authority=None)["activation"]
    finally:
        here.simulator.settings(metadata_list=False)
    assert not outcome.failed, outcome.message
    assert outcome["cloud"]["authority"] == here.cloud["login_url"]
    assert activation["state"] == "Not registered"


@pytest.mark.parametrize("environment", ["AzureGermanCloud", "https://management.microsoftazure.de"])
def test_germany(user: Users, environment: str) -> None:
    here = user()
    mark = here.simulator.mark()
    assert (
        "AzureGermanCloud cannot hold registrations"
        in here.reads(**here.account, cloud_environment=environment).message
    )
    assert here.simulator.requests(mark) == []


def test_a_location_in_germany_is_told_before_anything_is_contacted(user: Users, modules: Modules) -> None:
    here = user()
    mark = here.simulator.mark()
    token = here.simulator.do("mint-token", stamp="public-01", BillingModel="PayAsYouUse")
    options = {**here.place, **here.account, "registration_token": token, "location": "germanycentral"}
    outcome = modules.run("azs_registration", options)
    answers(outcome, "bad_input", "germanycentral is a location of AzureGermanCloud", "germanywestcentral")
    assert here.simulator.requests(mark) == []


def test_the_wrong_cloud_for_the_account(user: Users) -> None:
    here, other = user(), user("custom-01")
    outcome = here.reads(**here.account, cloud_environment=other.cloud["arm_url"])
    answers(outcome, "unknown_tenant", here.place["tenant"], "Compare tenant and cloud_environment")


def test_the_wrong_cloud_for_the_subscription(user: Users) -> None:
    here, other = user(), user("custom-01")
    outcome = here.reads(**here.account, subscription_id=other.place["subscription_id"])
    answers(
        outcome,
        "subscription_not_found",
        other.place["subscription_id"],
        "another cloud or tenant",
        "Compare subscription_id, tenant and cloud_environment",
    )


def test_a_token_for_another_clouds_subscription(user: Users) -> None:
    here, other = user(), user("custom-01")
    metadata = {
        "name": "x",
        "resource_manager": other.cloud["arm_url"],
        "authority": here.cloud["login_url"],
        "audience": here.cloud["audience"],
    }
    outcome = here.reads(**here.account, cloud_metadata=metadata)
    answers(outcome, "access_token_refused", "InvalidAuthenticationToken", "Compare tenant, cloud_environment")


# -- as a new user -----------------------------------------------------------------------------------------------------


def test_the_wrong_directory(user: Users) -> None:
    here = user()
    elsewhere = here.cloud["tenants"]["elsewhere.onmicrosoft.com"]
    answers(
        here.reads(**here.account, tenant=elsewhere), "unknown_client", "AADSTS700016", "Compare client_id and tenant"
    )
    outcome = here.reads(**here.account_of("foreigner"), tenant=elsewhere)
    answers(outcome, "wrong_tenant", here.place["tenant"], "Set tenant to the directory of the subscription")
    answers(here.reads(**here.account, tenant="nowhere.example"), "unknown_tenant", "nowhere.example")


def test_no_directory(user: Users) -> None:
    here = user()
    answers(here.reads(**here.account, tenant=None), "bad_input", "Set tenant to the directory of the subscription")


def test_an_expired_secret(user: Users) -> None:
    here = user()
    outcome = here.reads(**here.account_of("lapsed"))
    answers(outcome, "expired_secret", "AADSTS7000222", "Make a new secret")
    assert here.secret_of("lapsed") not in outcome.printed


def test_a_subscription_that_the_account_cannot_see(user: Users) -> None:
    here = user()
    answers(here.reads(**here.account_of("nobody")), "missing_rights", "Give it the registration role")
    answers(here.reads(**here.account, subscription_id=GUID), "subscription_not_found", GUID, "give the account a role")


def test_nothing_at_all(user: Users, tmp_path: pathlib.Path) -> None:
    outcome = user().reads(environment={"PATH": str(tmp_path)})
    answers(outcome, "bad_input", "No credential for Azure is given", "AZURE_CLIENT_ID", "device_code", "msi, cli")


# -- a stamp's admin Azure Resource Manager ----------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", first_of(["public-01", "public-02", "custom-01", "custom-02", "adfs-01"]))
def test_the_administrators_of_stamps(user: Users, stamp: str) -> None:
    here = user(stamp)
    for authority in (here.admin["admin_authority"], None):
        outcome = here.looks(admin_authority=authority)
        assert outcome["activation"]["state"] == "Not registered"
    assert here.admin["admin_tenant"] == (
        "adfs" if stamp in ("public-02", "custom-01", "adfs-01") else here.place["tenant"]
    )


def test_an_administrator_of_an_ad_fs_stamp_who_says_no_directory(user: Users) -> None:
    assert user("public-02").looks(admin_tenant=None)["activation"]["state"] == "Not registered"


def test_azures_account_at_a_stamp_with_ad_fs(user: Users) -> None:
    here = user("public-02")
    outcome = here.looks(admin_client_id=here.account["client_id"], admin_secret=here.account["secret"])
    answers(outcome, "unknown_client", "MSIS9223", "New-GraphApplication")


def test_azures_account_at_a_stamp_with_entra_id(user: Users) -> None:
    here = user("public-01")
    outcome = here.looks(admin_client_id=here.account["client_id"], admin_secret=here.account["secret"])
    assert outcome.kind == "provider_subscription_not_visible", outcome.message
