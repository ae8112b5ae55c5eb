# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign-in: azure-identity against Entra ID and AD FS, and what ARM thinks of tokens."""

from __future__ import annotations

import datetime
import json

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    DeviceCodeCredential,
)
from azure_lab import Arm, account, admin_token, code_of, credential, plain_get
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

USER = "operator@rehearsal.onmicrosoft.com"


def login_of(simulator) -> str:
    return simulator.state()["clouds"]["AzureCloud"]["login_url"]


def scope_of(simulator) -> str:
    return simulator.state()["clouds"]["AzureCloud"]["audience"] + "/.default"


def test_a_client_secret_signs_in(shared_simulator):
    arm = Arm(shared_simulator)
    response = arm("GET", "")
    assert response.status_code == 200 and response.json()["displayName"] == "Registrations"
    assert response.headers["x-ms-request-id"] and response.headers["x-ms-ratelimit-remaining-subscription-reads"]
    assert [entry["displayName"] for entry in arm("GET", "/subscriptions").json()["value"]] == ["Registrations"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"azs_secret": "wrong"}, "AADSTS7000215"),
        ({"azs_client_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
    ],
)
def test_wrong_accounts(shared_simulator, change, message):
    with pytest.raises(ClientAuthenticationError, match=message):
        credential(shared_simulator, **change).get_token(scope_of(shared_simulator))


def test_unknown_tenant(shared_simulator):
    wrong = credential(shared_simulator, azs_tenant="11111111-1111-4111-8111-111111111111")
    with pytest.raises(ClientAuthenticationError, match="Unable to get authority configuration"):
        wrong.get_token(scope_of(shared_simulator))


def test_wrong_audience(shared_simulator):
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
        credential(shared_simulator).get_token("https://management.azure.com/.default")


def test_expired_secret(simulator):
    simulator.do("expire-secret", name="registrar")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
        credential(simulator).get_token(scope_of(simulator))


def test_expired_token(simulator):
    simulator.settings(token_lifetime=-1)
    token = credential(simulator).get_token(scope_of(simulator)).token
    assert code_of(plain_get(simulator, subscriptions_url(simulator), token)) == (401, "ExpiredAuthenticationToken")


def subscriptions_url(simulator) -> str:
    return f"{simulator.azure()['azs_cloud_environment']}/subscriptions?api-version=2022-12-01"


def test_bad_tokens(shared_simulator):
    url = subscriptions_url(shared_simulator)
    missing = plain_get(shared_simulator, url)
    assert code_of(missing) == (401, "AuthenticationFailed") and "Bearer" in missing.headers["WWW-Authenticate"]
    assert code_of(plain_get(shared_simulator, url, "a.b.c")) == (401, "InvalidAuthenticationToken")
    of_adfs = admin_token(shared_simulator, "one")
    assert code_of(plain_get(shared_simulator, url, of_adfs)) == (401, "InvalidAuthenticationToken")
    for_the_stamp = admin_token(shared_simulator, "two")
    assert code_of(plain_get(shared_simulator, url, for_the_stamp)) == (401, "InvalidAuthenticationTokenAudience")


def test_another_tenants_token(simulate):
    simulator = simulate(
        {
            "clouds": [
                {
                    "tenants": {"first.example": "", "second.example": ""},
                    "principals": [{"name": "a"}, {"name": "b", "tenant": "second.example"}],
                }
            ]
        }
    )
    other = simulator.do("add-principal", name="c", tenant="second.example")
    arm = Arm(simulator, **account(other))
    assert code_of(arm("GET", "/resourceGroups")) == (401, "InvalidAuthenticationTokenTenant")
    assert arm("GET", "/subscriptions").json()["value"] == []
    assert code_of(Arm(simulator)("GET", "/subscriptions/00000000-0000-4000-8000-000000000000")) == (
        404,
        "SubscriptionNotFound",
    )


# -- certificates, assertions, device codes ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of an app, in one PEM file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registrar")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("certificate") / "app.pem"
    path.write_bytes(made.public_bytes(encoding) + private)
    return path


def test_a_certificate_signs_in(simulator, certificate):
    app = simulator.do("add-principal", name="robot", certificate=str(certificate))
    signed_in = CertificateCredential(
        app["tenant_id"],
        app["client_id"],
        str(certificate),
        authority=login_of(simulator),
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )
    assert signed_in.get_token(scope_of(simulator)).token


def test_an_oidc_token_signs_in(simulator):
    app = simulator.azure()

    def assertion_credential(assertion: str) -> ClientAssertionCredential:
        return ClientAssertionCredential(
            app["azs_tenant"],
            app["azs_client_id"],
            lambda: assertion,
            authority=login_of(simulator),
            disable_instance_discovery=True,
            connection_verify=simulator.ca,
        )

    assert assertion_credential(simulator.do("oidc-token")).get_token(scope_of(simulator)).token
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        assertion_credential("a.b.c").get_token(scope_of(simulator))


def test_a_device_code_signs_a_user_in(simulator):
    def approve(_address: str, user_code: str, _expires: datetime.datetime) -> None:
        simulator.do("approve-device-code", user_code=user_code, user=USER)

    signed_in = DeviceCodeCredential(
        tenant_id=simulator.azure()["azs_tenant"],
        client_id="04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        prompt_callback=approve,
        authority=login_of(simulator),
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )
    assert signed_in.get_token(scope_of(simulator)).token
    grants = [entry.get("grant") for entry in simulator.requests(service="login")]
    assert "device_code" in json.dumps(grants)


def test_a_device_code_declined(simulator):
    signed_in = DeviceCodeCredential(
        tenant_id=simulator.azure()["azs_tenant"],
        prompt_callback=lambda _address, user_code, _expires: simulator.do("decline-device-code", user_code=user_code),
        authority=login_of(simulator),
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )
    with pytest.raises(ClientAuthenticationError, match="declined"):
        signed_in.get_token(scope_of(simulator))
