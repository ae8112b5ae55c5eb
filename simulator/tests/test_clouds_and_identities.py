# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clouds, one of them with AD FS, and the identities of hosts: the real clients against fleets/clouds.yml."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    ClientSecretCredential,
    CredentialUnavailableError,
    DeviceCodeCredential,
    ManagedIdentityCredential,
)
from azure_lab import code_of, plain_get

from azs_simulator.client import FLEETS, Simulator

CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    with Simulator.start(FLEETS / "clouds.yml", tmp_path_factory.mktemp("clouds")) as simulator:
        yield simulator


def sign_in(clouds, stamp, scope):
    """An access token of the inventory's account of a stamp."""
    host = clouds.host(stamp)
    cloud = next(c for c in clouds.state()["clouds"].values() if c["arm_url"] == host["azs_cloud_environment"])
    return ClientSecretCredential(
        host["azs_tenant"],
        host["azs_client_id"],
        host["azs_secret"],
        authority=cloud["login_url"],
        disable_instance_discovery=True,
        connection_verify=clouds.ca,
    ).get_token(scope or f"{cloud['audience']}/.default")


@pytest.mark.parametrize("stamp", ["public-01", "custom-01", "adfs-01"])
def test_each_cloud_has_its_own_accounts(clouds, stamp):
    host = clouds.host(stamp)
    url = f"{host['azs_cloud_environment']}/subscriptions/{host['azs_subscription_id']}?api-version=2022-12-01"
    assert plain_get(clouds, url, sign_in(clouds, stamp, "").token).status_code == 200
    for other in {"public-01", "custom-01", "adfs-01"} - {stamp}:
        assert code_of(plain_get(clouds, url, sign_in(clouds, other, "").token))[0] == 401


def test_the_metadata_name_the_ad_fs_of_a_cloud(clouds):
    cloud = clouds.state()["clouds"]["Fabrikam"]
    url = f"{cloud['arm_url']}/metadata/endpoints?api-version="
    assert plain_get(clouds, url + "2015-01-01").json()["authentication"]["loginEndpoint"].endswith("/adfs")
    listed = plain_get(clouds, url + "2022-09-01").json()
    own = next(entry for entry in listed if entry["name"] == "Fabrikam")
    assert own["authentication"]["identityProvider"] == "ADFS"
    assert [entry["name"] for entry in listed][-1] == "Fabrikam"


def test_ad_fs_says_msis(clouds):
    with pytest.raises(ClientAuthenticationError, match="MSIS9602"):
        sign_in(clouds, "adfs-01", "https://nobody.example/.default")


def test_a_device_code_of_another_directorys_user(clouds):
    cloud = clouds.state()["clouds"]["AzureCloud"]

    def approve(_address, user_code, _expires):
        clouds.do("approve-device-code", user_code=user_code, user="guest@elsewhere.onmicrosoft.com")

    credential = DeviceCodeCredential(
        tenant_id=cloud["tenants"]["rehearsal.onmicrosoft.com"],
        client_id=CLI,
        prompt_callback=approve,
        authority=cloud["login_url"],
        disable_instance_discovery=True,
        connection_verify=clouds.ca,
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS50020"):
        credential.get_token(f"{cloud['audience']}/.default")


# -- identities of hosts -----------------------------------------------------------------------------------------------


def host_environment(clouds, monkeypatch, form):
    """Turn this process into one on a host with a managed identity; the cloud."""
    cloud = clouds.state()["clouds"]["AzureCloud"]
    if form == "imds":
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", cloud["identity_url"])
    else:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud['identity_url']}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", clouds.credentials()["hosts"]["AzureCloud"]["identity_header"])
    return cloud


@pytest.mark.parametrize("form", ["imds", "app_service"])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_managed_identity_signs_in(clouds, monkeypatch, form, by_name):
    cloud = host_environment(clouds, monkeypatch, form)
    identity = next(entry for entry in cloud["principals"] if entry["name"] == "runner")
    credential = ManagedIdentityCredential(client_id=identity["client_id"] if by_name else None)
    token = credential.get_token(f"{cloud['audience']}/.default").token
    subscription = cloud["subscriptions"][0]["id"]
    url = f"{cloud['arm_url']}/subscriptions/{subscription}?api-version=2022-12-01"
    assert plain_get(clouds, url, token).status_code == 200
    entry = clouds.requests(service="login")[-1]
    assert entry["grant"] == "managed_identity" and entry.get("client_id") == (
        identity["client_id"] if by_name else None
    )


@pytest.mark.parametrize("form", ["imds", "app_service"])
def test_an_identity_that_the_host_does_not_have(clouds, monkeypatch, form):
    cloud = host_environment(clouds, monkeypatch, form)
    credential = ManagedIdentityCredential(client_id="11111111-1111-4111-8111-111111111111")
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        credential.get_token(f"{cloud['audience']}/.default")


def test_app_services_header_is_wanted(clouds, monkeypatch):
    cloud = host_environment(clouds, monkeypatch, "app_service")
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        ManagedIdentityCredential().get_token(f"{cloud['audience']}/.default")
