# SPDX-License-Identifier: GPL-3.0-or-later
"""When an exported key says the same as a stored one, and expiries."""

from __future__ import annotations

import base64
import datetime
import json
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._admin import activations
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt
from ansible_collections.azurestack.hub.plugins.module_utils._azure import registrations
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER, read_key
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from scripted import Answer, Server

CLAIMS = {
    "cloudId": "c",
    "billingModel": "Capacity",
    "hardwareInfo": [{"uuid": "1"}],
    "expires": "2030-01-01T00:00:00Z",
}


def key(**claims: t.Any) -> str:
    """A compact JWS with these claims and a signature of its own."""
    payload = base64.urlsafe_b64encode(json.dumps({**CLAIMS, **claims}).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.{abs(hash(str(claims)))}"


def digest(text: str) -> str:
    return receipt.digest_of(read_key(text), text)


def test_times_and_signature_of_an_export_do_not_count() -> None:
    assert digest(key(iat=1, nonce="a")) == digest(key(iat=2, nonce="b"))


@pytest.mark.parametrize(
    "claim",
    [
        {"billingModel": "PayAsYouUse"},
        {"hardwareInfo": [{"uuid": "1"}, {"uuid": "2"}]},
        {"expires": "2031-01-01T00:00:00Z"},
        {"usageEndpoint": "https://new.example"},
        {"registrationName": "other"},
        {"agreementNumber": "2"},
        {"MsAssetTag": "AT-1"},
        {"agreementNumber": ""},
    ],
)
def test_what_describes_the_registration_counts(claim: dict[str, t.Any]) -> None:
    assert digest(key()) != digest(key(**claim))


def test_keys_that_do_not_decode_are_compared_as_text() -> None:
    assert digest("a.b.c") != digest("a.b.d")
    assert digest("e30.W10.c") != digest("e30.W10.d")  # a payload that is a list
    assert digest("a.b.c") == digest("a.b.c")


def test_a_persisted_digest_has_the_number_of_its_format_and_stays_in_later_releases() -> None:
    whole = key(
        subscriptionId="s",
        resourceGroupName="g",
        registrationName="n",
        agreementNumber="1",
        assetTag="a",
        objectId="o",
        usageEndpoint="https://u",
        marketplaceEndpoint="https://m",
        version="4.0",
        issuer="i",
        certPinningRootSubjects=["CN=x"],
    )
    assert digest(whole) == "1:de68b83eef58372a5c1fe441ebb45f7be2a4b3dac0c59b27969f6bf90767f9ed"


def test_a_claim_that_nobody_knows_yet_changes_no_digest() -> None:
    assert digest(key(newClaim="x", regionNames=["west"])) == digest(key())


def test_two_keys_that_say_nothing_are_not_the_same_key() -> None:
    assert digest("e30.e30.c") != digest("e30.e30.d")


NOW = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("text", "normal", "days"),
    [
        ("9999-12-30T23:59:59Z", NEVER, None),
        ("9999-12-31T23:59:59.9999999Z", NEVER, None),
        ("2026-11-22T13:00:00.1234567Z", "2026-11-22T13:00:00Z", 2),
        ("2026-11-20T11:00:00+00:00", "2026-11-20T11:00:00Z", -1),
        ("2026-11-20T13:00:00+01:00", "2026-11-20T12:00:00Z", 0),
        ("soon", None, None),
        ("0001-01-01T00:00:00+05:00", None, None),
        ("9999-12-31T23:59:59-05:00", NEVER, None),
        (None, None, None),
    ],
)
def test_expiries(text: str | None, normal: str | None, days: int | None) -> None:
    assert expiry.normal(text) == normal
    assert expiry.days_left(normal, NOW) == days


@pytest.mark.parametrize("body", [{}, None, {"activationKey": " "}, {"activationKey": 5}, {"activationKey": ["a"]}])
def test_an_empty_key_is_no_key(body: object) -> None:
    with Server(Answer(body)) as server, pytest.raises(ArmError, match="Azure's answer holds none") as caught:
        registrations.export_key(ArmClient(server.url, Trust().transport()), RegistrationId("s", "g", "n"))
    assert caught.value.kind == "empty_key"


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"properties": None},
        {"properties": {}},
        {"properties": "x"},
        {"properties": {"provisioningState": "Succeeded"}},
    ],
)
def test_what_does_not_name_a_registration_is_not_a_stamp_without_one(resource: dict[str, t.Any]) -> None:
    with pytest.raises(ArmError) as caught:
        activations.Activation.of(resource)
    assert caught.value.kind == "unexpected_answer"


@pytest.mark.parametrize(
    ("properties", "state"),
    [
        (None, "Not registered"),
        ({"azureRegistrationResourceIdentifier": None}, "Not registered"),
        ({"azureRegistrationResourceIdentifier": "/x", "expiration": "9999-12-30T23:59:59Z"}, "Registered"),
        ({"azureRegistrationResourceIdentifier": "/x"}, "Registered"),
        ({"azureRegistrationResourceIdentifier": "/x", "expiration": "2026-11-20T12:00:00Z"}, "Expired"),
        ({"azureRegistrationResourceIdentifier": "/x", "expiration": "2026-11-20T12:00:01Z"}, "Registered"),
    ],
)
def test_the_states_are_the_portals(properties: dict[str, t.Any] | None, state: str) -> None:
    activation = None if properties is None else activations.Activation.of({"properties": properties})
    assert activations.state_of(activation, NOW) == state
