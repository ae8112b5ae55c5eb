# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents of tokens and keys: what is read, what is opaque, what is refused."""

from __future__ import annotations

import base64
import datetime
import json
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

NOW = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
TOKEN = {
    "cloudId": "Abc-1",
    "billingModel": "Capacity",
    "marketplaceSyndicationEnabled": False,
    "usageReportingEnabled": "true",
    "objectId": "",
    "version": "4.0",
    "hardwareInfo": [{"uuid": "U1", "numCores": 16}, {"uuid": "U2", "numCores": 16}],
}


def token(document: t.Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def key(**claims_: t.Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims_).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl"


def test_a_token_is_read_whatever_the_case_of_its_keys() -> None:
    for document in (TOKEN, {name.upper(): value for name, value in TOKEN.items()}):
        read = claims.read_token(token(document))
        assert (read.cloud_id, read.billing_model, read.marketplace_syndication, read.usage_reporting) == (
            "Abc-1",
            "Capacity",
            False,
            True,
        )
        assert (read.bridge_principal, read.token_version, read.opaque) == (None, "4.0", False)
        assert read.hardware is not None and set(read.hardware) == {"u1", "u2"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, (None, None)),
        ({"agreementNumber": "", "msAssetTag": ""}, ("", "")),
        ({"agreementNumber": None, "assetTag": None}, ("", "")),
        ({"AGREEMENTNUMBER": "01234567", "MsAssetTag": " AT-1 "}, ("01234567", "AT-1")),
        ({"agreement_number": 5, "ms-asset-tag": "AT-1"}, ("5", "AT-1")),
        ({"agreementNumber": ["a"], "assetTag": {"a": "b"}}, (None, None)),
        ({"assetTag": "", "msAssetTag": "AT-1"}, (None, "AT-1")),
    ],
)
def test_agreement_number_and_asset_tag_not_told_is_not_empty(
    document: dict[str, t.Any], told: tuple[t.Any, t.Any]
) -> None:
    for read in (claims.read_token(token({**TOKEN, **document})), claims.read_key(key(cloudId="C", **document))):
        assert (read.agreement_number, read.asset_tag) == told


@pytest.mark.parametrize(
    "text", ["not-base64!", base64.b64encode(b"\x00\x01\xff" * 20).decode(), token(["a list"]), "abcde", "a.b.c"]
)
def test_a_token_that_does_not_decode_is_opaque_not_refused(text: str) -> None:
    assert claims.read_token(text) == claims.TokenClaims(opaque=True)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 17, 80])
def test_a_token_that_ends_in_the_middle_is_refused(cut: int) -> None:
    whole = token(TOKEN)
    with pytest.raises(ArtifactError) as caught:
        claims.read_token(whole[:-cut].rstrip("=")[: len(whole) - 4 - cut])
    assert caught.value.kind == "truncated_token"


def test_empty_texts_are_refused() -> None:
    for read in (claims.read_token, claims.read_key):
        with pytest.raises(ArtifactError, match="is empty"):
            read("")


def test_a_key_tells_its_registration_and_expiry() -> None:
    read = claims.read_key(
        key(
            subscriptionId="S",
            resourceGroupName="G",
            registrationName="N",
            cloudId="C",
            expires="2026-11-19T23:59:59.9999999Z",
        )
    )
    assert read.registration_id == "/subscriptions/S/resourceGroups/G/providers/Microsoft.AzureStack/registrations/N"
    assert (read.expires, read.expired(NOW)) == ("2026-11-19T23:59:59Z", True)


def test_a_key_that_never_expires() -> None:
    read = claims.read_key(key(expires="9999-12-30T23:59:59.9999999Z"))
    assert (read.expires, read.expired(NOW)) == (claims.NEVER, False)


def test_a_key_without_expiry_or_with_an_unreadable_one_has_not_expired() -> None:
    for value in ({}, {"expires": "soon"}, {"expires": None}):
        assert claims.read_key(key(**value)).expired(NOW) is False


@pytest.mark.parametrize("text", ["eyJhbGciOiJSUzI1NiJ9", "a.b", "a..c", "a.b.c.d", "a.b."])
def test_a_cut_key_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        claims.read_key(text)
    assert caught.value.kind == "truncated_key"


def test_a_key_whose_payload_does_not_decode_is_opaque() -> None:
    assert claims.read_key("a.!!!.c") == claims.KeyClaims(opaque=True)


def test_hardware_compares_by_node_and_by_what_both_sides_tell() -> None:
    one = {"u1": {"numcores": 16, "bios": ["x"]}, "u2": {"numcores": 16}}
    assert claims.same_hardware(one, {"u2": {"numcores": 16}, "u1": {"numcores": 16}})
    assert not claims.same_hardware(one, {"u1": {"numcores": 16}})
    assert not claims.same_hardware(one, {"u1": {"numcores": 32}, "u2": {"numcores": 16}})
    assert not claims.same_hardware(one, {"u1": {"bios": ["y"]}, "u2": {}})


def test_ids_compare_without_case() -> None:
    assert claims.same_id("/subscriptions/A/resourceGroups/B/", "/Subscriptions/a/resourcegroups/b")
    assert not claims.same_id("a", None)
