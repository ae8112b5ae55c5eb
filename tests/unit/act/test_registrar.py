# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared between token and registration, and ids without letter case."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._act import tokens
from ansible_collections.azurestack.hub.plugins.module_utils._act.registrar import (
    RegistrationPlace,
    WantedRegistration,
    differences,
)
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import KeyClaims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError

CLOUD = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
WHERE = RegistrationId("sub", "group", "name")
NODES = {"u1": {"uuid": "u1", "bios": "x"}, "u2": {"uuid": "u2", "bios": "y"}}
WANTED = WantedRegistration(CLOUD, "Capacity", False, False, "principal", "1.0", NODES, "token")
FOUND = Registration(WHERE, CLOUD, "Capacity", "principal")
KEY = KeyClaims(False, CLOUD, "Capacity", False, False, "principal", "1.0", NODES)


def fields(wanted: WantedRegistration = WANTED, found: Registration = FOUND, key: KeyClaims | None = KEY) -> list[str]:
    """Names of the differing fields."""
    return [difference["field"] for difference in differences(wanted, found, key)[0]]


def test_equal_in_every_field() -> None:
    assert differences(WANTED, FOUND, KEY) == ([], ["agreement_number", "asset_tag"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("billing_model", "PayAsYouUse"),
        ("marketplace_syndication", True),
        ("usage_reporting", True),
        ("bridge_principal", "another"),
        ("agreement_number", "2"),
        ("agreement_number", ""),
        ("asset_tag", "another"),
        ("hardware", {"u1": NODES["u1"]}),
        ("hardware", {**NODES, "u2": {"uuid": "u2", "bios": "z"}}),
    ],
)
def test_each_field_is_compared(field: str, value: t.Any) -> None:
    told = {"agreement_number": "1", "asset_tag": "tag"}
    key, wanted = dataclasses.replace(KEY, **told), dataclasses.replace(WANTED, **told)
    assert fields(wanted, key=key) == []
    assert fields(dataclasses.replace(wanted, **{field: value}), key=key) == [field]


def test_letter_case_is_no_difference() -> None:
    assert fields(dataclasses.replace(WANTED, cloud_id=CLOUD.upper(), billing_model="capacity")) == []


def test_where_each_value_was_read() -> None:
    wanted = dataclasses.replace(WANTED, billing_model="Development", usage_reporting=True)
    assert differences(wanted, FOUND, KEY)[0] == [
        {"field": "billing_model", "wanted": "Development", "found": "Capacity", "read_from": "registration"},
        {"field": "usage_reporting", "wanted": True, "found": False, "read_from": "activation_key"},
    ]


def test_changed_hardware_names_nodes_and_properties() -> None:
    changed = {"u1": {"uuid": "u1", "bios": "new"}, "u2": NODES["u2"], "u3": {"uuid": "u3"}}
    (difference,) = differences(dataclasses.replace(WANTED, hardware=changed), FOUND, KEY)[0]
    assert difference["wanted"] == ["u1 (bios differ)", "u2", "u3"]
    assert difference["found"] == ["u1 (bios differ)", "u2"]


def test_what_one_side_does_not_tell_is_not_compared() -> None:
    opaque = WantedRegistration(CLOUD)
    assert differences(opaque, FOUND, KEY) == (
        [],
        [
            "agreement_number",
            "asset_tag",
            "billing_model",
            "marketplace_syndication",
            "usage_reporting",
            "bridge_principal",
            "hardware",
        ],
    )
    different, unknown = differences(WANTED, FOUND, KeyClaims(opaque=True))
    assert different == []
    assert unknown[2:] == ["marketplace_syndication", "usage_reporting", "hardware"]


def test_a_missing_principal_differs_when_one_is_wanted() -> None:
    nobody = dataclasses.replace(FOUND, bridge_principal=None), dataclasses.replace(KEY, bridge_principal=None)
    assert fields(WANTED, *nobody) == ["bridge_principal"]


@pytest.mark.parametrize("nobody", ["", "00000000-0000-0000-0000-000000000000"])
def test_empty_principals_are_none(nobody: str) -> None:
    wanted = dataclasses.replace(WANTED, bridge_principal=nobody)
    assert fields(wanted, dataclasses.replace(FOUND, bridge_principal=None)) == []


class TestIds:
    """Resource ids have no letter case."""

    ID = "/subscriptions/S/resourceGroups/G/providers/Microsoft.AzureStack/registrations/N"

    @pytest.mark.parametrize("text", [ID, ID.upper(), ID.lower(), ID + "/", ID[1:]])
    def test_any_case_is_parsed_and_is_the_same(self, text: str) -> None:
        assert RegistrationId.parse(text).same(RegistrationId("s", "g", "n"))

    @pytest.mark.parametrize(
        "text", ["", "/subscriptions/S", ID + "/customerSubscriptions/1", ID.replace("Stack", "X")]
    )
    def test_other_ids_are_refused(self, text: str) -> None:
        with pytest.raises(InputError, match="not the resource id of a registration"):
            RegistrationId.parse(text)

    def test_a_name_alone_fits_any_group(self) -> None:
        assert RegistrationPlace(name="NAME").names(WHERE)
        assert RegistrationPlace(name="name", resource_group="GROUP").names(WHERE)
        assert not RegistrationPlace(name="name", resource_group="other").names(WHERE)
        assert not RegistrationPlace(name="other").names(WHERE)


class TestTokens:
    """What a token asks for."""

    OPAQUE = "////////"
    ENTRY = bundle.ManifestEntry(
        bundle.TOKEN,
        "stamp",
        "",
        1,
        "",
        cloud_id=CLOUD,
        billing_model="Ruggedized",
        usage_reporting=False,
        token_version="6.0",
    )

    def test_an_opaque_token_is_known_by_its_entry(self) -> None:
        wanted = tokens.wanted(self.OPAQUE, self.ENTRY, None)
        assert (wanted.cloud_id, wanted.billing_model, wanted.usage_reporting) == (CLOUD, "Ruggedized", False)
        assert (wanted.marketplace_syndication, wanted.hardware, wanted.token) == (None, None, self.OPAQUE)

    def test_an_opaque_token_without_entry_needs_the_cloud_id(self) -> None:
        assert tokens.wanted(self.OPAQUE, None, CLOUD).cloud_id == CLOUD
        with pytest.raises(InputError, match="cannot be decoded, and nothing says whose it is"):
            tokens.wanted(self.OPAQUE, None, None)

    def test_another_stamps_token_is_refused(self) -> None:
        with pytest.raises(ArtifactError, match="that of another stamp") as caught:
            tokens.wanted(self.OPAQUE, self.ENTRY, "other")
        assert caught.value.kind == "token_of_another_stamp"

    def test_a_foreseen_one_has_no_token_and_no_hardware(self) -> None:
        wanted = tokens.foreseen({"cloud_id": CLOUD, "billing_model": "Capacity", "sha256": None}, None)
        assert (wanted.cloud_id, wanted.billing_model, wanted.token, wanted.hardware) == (CLOUD, "Capacity", None, None)
        with pytest.raises(ArtifactError):
            tokens.foreseen({"cloud_id": CLOUD}, "other")
        with pytest.raises(InputError):
            tokens.foreseen({"billing_model": "Capacity"}, None)
