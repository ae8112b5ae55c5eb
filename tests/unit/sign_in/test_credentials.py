# SPDX-License-Identifier: GPL-3.0-or-later
"""Which credential the options mean; nothing is contacted."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import trustme
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.clouds import Cloud
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import credentials
from azure.identity import (
    AzureCliCredential,
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    UsernamePasswordCredential,
)

CLOUD = Cloud("https://arm.example", "https://arm.example", "https://login.example", "https://audience.example")
ADFS = Cloud("https://arm.example", "https://arm.example", "https://login.example/adfs", "https://audience.example")
APP = {"tenant": "tenant", "client_id": "client"}


def params(family: str = "azure", **given: t.Any) -> dict[str, t.Any]:
    """Options of a family with their defaults."""
    return {name: spec.get("default") for name, spec in _options.SPECS[family].items()} | given


def credential(identity: credentials.Identity, cloud: Cloud = CLOUD) -> t.Any:
    """The azure-identity credential behind an identity."""
    return identity.credential(cloud, Trust(), discovery=False, hide=lambda token: None)._credential


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> str:
    """A PEM file with certificate and RSA key."""
    path = tmp_path / "app.pem"
    issued = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("app.example", key_type=trustme.KeyType.RSA)
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    return str(path)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({**APP, "secret": "s"}, ClientSecretCredential),
        ({**APP, "oidc_token": "t"}, ClientAssertionCredential),
        ({**APP, "oidc_token_file_path": "/t"}, ClientAssertionCredential),
        ({"ad_user": "u", "password": "p"}, UsernamePasswordCredential),
        ({"auth_source": "cli"}, AzureCliCredential),
        ({"auth_source": "msi", "client_id": "identity"}, ManagedIdentityCredential),
        ({"auth_source": "env", **APP, "secret": "s"}, ClientSecretCredential),
    ],
)
@pytest.mark.filterwarnings("ignore:UsernamePasswordCredential is deprecated")
def test_each_way_has_its_credential(given: dict[str, str], kind: type) -> None:
    identity, _profile = credentials.of_azure(params(**given))
    assert isinstance(credential(identity), kind)


def test_a_certificate(certificate: str) -> None:
    identity, _profile = credentials.of_azure(params(**APP, x509_certificate_path=certificate))
    assert isinstance(credential(identity), CertificateCredential)


def test_an_ad_fs_address_means_its_tenant(certificate: str) -> None:
    for given in ({"admin_secret": "s"}, {"admin_certificate_path": certificate}):
        identity = credentials.of_stamp(params("admin", admin_client_id="client", **given))
        made = credential(identity, ADFS)
        assert made._tenant_id == "adfs"
        assert made._authority == "https://login.example"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"auth_source": "env"}, "No credential for Azure is given"),
        ({"client_id": "client"}, "client_id is given, but nothing that proves it"),
        ({"auth_source": "credential_file"}, "has no profile 'default'"),
        ({"profile": "north"}, "has no profile 'north'"),
    ],
)
def test_half_an_identity_is_refused(
    given: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match=text):
        credentials.of_azure(params(**given))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"client_id": "client", "secret": "s"}, "which directory to sign in to"),
        ({"tenant": "tenant", "secret": "s"}, "Signing in needs client_id"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], text: str) -> None:
    identity, _profile = credentials.of_azure(params(**given))
    with pytest.raises(InputError, match=text):
        credential(identity)


def test_options_win_over_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "credentials").write_text("[default]\nsecret=50%off\ntenant=file\nclient_id=file\n")
    identity, profile = credentials.of_azure(params(tenant="task"))
    assert (identity.tenant, identity.client_id, identity.secret) == ("task", "file", "50%off")
    assert profile["secret"] == "50%off"
    identity, profile = credentials.of_azure(params(**APP, secret="task"))
    assert (identity.secret, profile) == ("task", {})


def test_secrets_stay_out_of_representations() -> None:
    assert "hush" not in repr(credentials.Identity(secret="hush", password="hush", oidc_token="hush"))


@pytest.mark.parametrize(
    "text",
    [
        "B31316D4-de02-43a4-903d-eb74f8258b00",
        " /subscriptions/B31316D4-de02-43a4-903d-eb74f8258b00/ ",
    ],
)
def test_subscription_ids_lose_their_decoration(text: str) -> None:
    assert session.subscription_id(text) == "B31316D4-de02-43a4-903d-eb74f8258b00"


def test_a_subscriptions_name_is_refused() -> None:
    with pytest.raises(InputError, match="its name does not work"):
        session.subscription_id("Production")
