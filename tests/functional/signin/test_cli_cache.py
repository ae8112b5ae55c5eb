# SPDX-License-Identifier: GPL-3.0-or-later
"""The Azure CLI's token cache, in the form in which the Azure CLI leaves it."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import cli_cache

TENANT = "9f2c7a4e-0e0c-4a51-8f0a-8b7f1a0f7b11"
OTHER = "11111111-2222-4333-8444-555555555555"
SUBSCRIPTION = "5d4a4b0e-6a53-4d5c-9d0e-0f6f2f6c1a11"
USER = "operator@contoso.example"
CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
HOST = "login.microsoftonline.com"


class Cli:
    """Somebody's ~/.azure."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.cache: dict[str, dict[str, t.Any]] = {"AccessToken": {}, "Account": {}, "RefreshToken": {}}
        self.subscriptions: list[dict[str, t.Any]] = []

    def login(
        self, user: str = USER, tenant: str = TENANT, *, home: str = "", secret: str | None = None, **token: t.Any
    ) -> Cli:
        """What 'az login' leaves for a user; `home` is the directory of a guest."""
        identity = f"{user}.{home or tenant}"
        self.cache["Account"][f"{identity}-{HOST}-{tenant}"] = {
            "home_account_id": identity,
            "environment": HOST,
            "realm": tenant,
            "username": user,
            "local_account_id": "x",
            "authority_type": "MSSTS",
        }
        entry = {
            "credential_type": "RefreshToken",
            "home_account_id": identity,
            "environment": HOST,
            "client_id": CLI,
            "target": "scope",
            "family_id": "1",
            "secret": secret or f"0.token-of-{user}",
            "last_modification_time": "1",
        }
        self.cache["RefreshToken"][f"{identity}-{HOST}-refreshtoken-1--"] = {**entry, **token}
        return self

    def subscription(self, user: str = USER, kind: str = "user", **facts: t.Any) -> Cli:
        """What 'az login' leaves for a subscription that it sees."""
        self.subscriptions.append(
            {
                "id": SUBSCRIPTION,
                "name": "Production",
                "state": "Enabled",
                "user": {"name": user, "type": kind},
                "isDefault": True,
                "tenantId": TENANT,
                "environmentName": "AzureCloud",
                **facts,
            }
        )
        return self

    def find(self, tenant: str | None = TENANT) -> cli_cache.Cached:
        """Write the files, and look for a token in them."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "msal_token_cache.json").write_text(json.dumps(self.cache))
        profile = {"installationId": "x", "subscriptions": self.subscriptions}
        (self.folder / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8-sig")
        return cli_cache.find(tenant, SUBSCRIPTION, {"AZURE_CONFIG_DIR": str(self.folder)})

    def refusal(self, tenant: str | None = TENANT) -> AzsError:
        """The error instead of a token."""
        with pytest.raises(AzsError) as caught:
            self.find(tenant)
        assert caught.value.remedy
        return caught.value


@pytest.fixture
def cli(tmp_path: pathlib.Path) -> Cli:
    """A machine where nobody has signed in yet."""
    return Cli(tmp_path / "azure")


def test_the_user_of_the_directory(cli: Cli) -> None:
    found = cli.login().login("other@elsewhere.example", OTHER).find()
    assert (found.refresh_token, found.username, found.tenant) == (f"0.token-of-{USER}", USER, TENANT)
    assert found.refresh_token not in repr(found)


def test_the_home_directory_is_the_default_place(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    cli.folder = tmp_path / ".azure"
    expected = cli.login().find()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli_cache.find(TENANT, SUBSCRIPTION, {}) == expected


def test_a_guest(cli: Cli) -> None:
    assert cli.login(home=OTHER).find().refresh_token == f"0.token-of-{USER}"


def test_a_user_whose_home_it_is_but_who_last_signed_in_elsewhere(cli: Cli) -> None:
    assert cli.login(tenant=OTHER, home=TENANT).find().username == USER


@pytest.mark.parametrize("tenant", [None, TENANT.upper(), "contoso.example"])
def test_ways_to_name_the_directory(cli: Cli, tenant: str | None) -> None:
    assert cli.login().subscription(tenantDefaultDomain="contoso.example").find(tenant).tenant == TENANT


@pytest.mark.parametrize("tenant", [None, "unknown.example"])
def test_a_directory_that_the_cli_does_not_know(cli: Cli, tenant: str | None) -> None:
    error = cli.login().refusal(tenant)
    assert isinstance(error, InputError)
    assert "Set tenant to the id of the directory" in str(error)


def test_of_several_users_the_one_of_the_subscription(cli: Cli) -> None:
    cli.login().login("second@contoso.example")
    error = cli.refusal()
    assert error.kind == "cli_several_users"
    assert USER in str(error) and "second@contoso.example" in str(error)
    assert cli.subscription("Second@contoso.example").find().refresh_token == "0.token-of-second@contoso.example"


def test_a_token_of_the_family_is_as_good(cli: Cli) -> None:
    assert cli.login(client_id="1950a258-227b-4e31-a9cf-717495945fc2").find().refresh_token
    error = cli.login(client_id="somebody-elses", family_id="").refusal()
    assert error.kind == "cli_not_signed_in"
    assert f"no refresh token of {USER}" in str(error)


def test_another_directory(cli: Cli) -> None:
    error = cli.login(tenant=OTHER).refusal()
    assert error.kind == "cli_other_tenant"
    for part in (USER, OTHER, f"az login --tenant {TENANT}", "compare tenant"):
        assert part in str(error)


def test_a_service_principal(cli: Cli) -> None:
    error = cli.subscription("2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11", "servicePrincipal").refusal()
    assert error.kind == "needs_user"
    assert "service principal, which has no refresh token" in str(error)


def test_signed_out(cli: Cli) -> None:
    error = cli.refusal()
    assert error.kind == "cli_not_signed_in"
    assert f"az login --tenant {TENANT}" in str(error)


@pytest.mark.parametrize("file", ["msal_token_cache.bin", "msal_token_cache.json"])
def test_an_encrypted_cache(tmp_path: pathlib.Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"\x01\x00\x00\x00\xd0\x8c\x9d\xdf\x01")
    with pytest.raises(AzsError) as caught:
        cli_cache.find(TENANT, SUBSCRIPTION, {"AZURE_CONFIG_DIR": str(tmp_path)})
    assert caught.value.kind == "cli_encrypted"
    for part in ("core.encrypt_token_cache=false", "az account clear", "device_code"):
        assert part in str(caught.value)


def test_no_cli_at_all(tmp_path: pathlib.Path) -> None:
    with pytest.raises(AzsError) as caught:
        cli_cache.find(TENANT, SUBSCRIPTION, {"AZURE_CONFIG_DIR": str(tmp_path / "none")})
    assert caught.value.kind == "cli_absent"
    assert "AZURE_CONFIG_DIR" in str(caught.value)


def test_files_of_another_user(cli: Cli) -> None:
    cli.login().find()
    path = cli.folder / "msal_token_cache.json"
    path.unlink()
    path.mkdir()  # cannot be read, by root neither
    with pytest.raises(AzsError) as caught:
        cli_cache.find(TENANT, SUBSCRIPTION, {"AZURE_CONFIG_DIR": str(cli.folder)})
    assert "cannot be read" in str(caught.value)
