# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stamp, its registration and its activation agree."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain

CLOUD_ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
PRINCIPAL = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"
ID = f"/subscriptions/{PRINCIPAL}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north"
REGISTRATION: dict[str, t.Any] = {
    "id": ID,
    "name": "north",
    "cloud_id": CLOUD_ID,
    "billing_model": "PayAsYouUse",
    "marketplace_syndication": True,
    "usage_reporting": True,
    "bridge_principal": PRINCIPAL,
    "expires": "9999-12-30T23:59:59Z",
    "expires_in_days": None,
    "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
    "role_assignment": {"role": "Azure Stack Registration Owner", "principal_id": PRINCIPAL, "assigned": True},
    "key": {
        "registration_id": ID.upper(),
        "cloud_id": CLOUD_ID,
        "billing_model": "PayAsYouUse",
        "bridge_principal": PRINCIPAL,
    },
}
ACTIVATION: dict[str, t.Any] = {
    "state": "Registered",
    "registration_id": ID,
    "expires": "9999-12-30T23:59:59Z",
    "marketplace_syndication": True,
    "usage_reporting": True,
    "products": None,
}


def verdict(
    *,
    registration: t.Mapping[str, t.Any] | None = None,
    activation: t.Mapping[str, t.Any] | None = None,
    **wanted: t.Any,
) -> dict[str, t.Any]:
    """The verdict on a chain that agrees, but for what is given."""
    return chain.verdict(
        {
            "cloud_id": CLOUD_ID,
            "registrations": [{**REGISTRATION, **(registration or {})}],
            "activation": {**ACTIVATION, **(activation or {})},
            **wanted,
        }
    )


@pytest.mark.parametrize(
    ("remembered", "digest", "part"),
    [
        ({"activated_with": "old"}, "new", "with an older activation key"),
        ({"activated_with": "new", "unused_key": True}, "new", "a run ended before"),
        ({"activated_with": None, "unused_key": True}, "new", None),  # Azure's zone keeps the keys that it exported
        ({"activated_with": "new", "unfinished": True}, "new", "a run ended before"),
        ({"activated_with": "new", "unused_key": False, "unfinished": False}, "new", None),
        ({"activated_with": "old"}, None, None),
        ({"activated_with": None}, "new", None),
        ({}, "new", None),
    ],
)
def test_what_the_activation_does_not_show_is_told_by_what_runs_left_behind(
    remembered: dict[str, t.Any], digest: str | None, part: str | None
) -> None:
    found = verdict(registration={"claims_digest": digest}, remembered=remembered)
    assert found["agrees"] is (part is None)
    assert (part or "never expires") in found["line"]
    # What is known anyway is told once.
    other = verdict(
        registration={"claims_digest": digest}, activation={"usage_reporting": False}, remembered=remembered
    )
    assert len(other["findings"]) == 1


def test_a_chain_that_agrees() -> None:
    found = verdict(billing_model="PayAsYouUse", marketplace_syndication=True, usage_reporting=True, registration_id=ID)
    assert found == {
        "agrees": True,
        "cloud_id": CLOUD_ID,
        "findings": [],
        "remedies": [],
        "line": f"Registered, PayAsYouUse, north, never expires, cloud id {CLOUD_ID}",
        "activation": "Registered",
    }


@pytest.mark.parametrize(
    ("registration", "activation", "wanted", "part"),
    [
        ({"lock": None}, {}, {}, "has no lock RegistrationResourceLock"),
        (
            {"lock": {"name": "RegistrationResourceLock", "level": "ReadOnly"}},
            {},
            {},
            "has the level ReadOnly, wanted is CanNotDelete",
        ),
        (
            {"role_assignment": {**REGISTRATION["role_assignment"], "assigned": False}},
            {},
            {},
            f"the bridge principal {PRINCIPAL} lacks the role Azure Stack Registration Owner",
        ),
        (
            {"key": {**REGISTRATION["key"], "billing_model": "Capacity"}},
            {},
            {},
            "the billing model is PayAsYouUse in the registration and Capacity in its activation key",
        ),
        ({"key": {**REGISTRATION["key"], "cloud_id": PRINCIPAL}}, {}, {}, "in its activation key"),
        ({"expires_in_days": -1, "expires": "2025-01-01T00:00:00Z"}, {}, {}, "the registration expired at 2025-01-01"),
        (
            {},
            {"state": "Expired", "expires": "2025-01-01T00:00:00Z"},
            {},
            "the stamp's activation expired at 2025-01-01",
        ),
        ({}, {"state": "Not registered"}, {}, "the stamp is not activated"),
        ({}, {"registration_id": ID + "2"}, {}, "the stamp is activated with"),
        ({}, {"usage_reporting": False}, {}, "usage reporting is off on the stamp and on in the registration"),
        ({}, {"products": 0}, {}, "no marketplace products"),
        ({}, {}, {"usage_reporting": False}, "usage reporting is on in the registration, wanted is off"),
        (
            {},
            {},
            {"billing_model": "Capacity"},
            "the billing model of the registration is PayAsYouUse, wanted is Capacity",
        ),
        ({}, {}, {"cloud_id": PRINCIPAL}, "the cloud id of the registration"),
        ({}, {}, {"registration_id": ID + "2"}, "the registration is"),
    ],
)
def test_what_disagrees(
    registration: dict[str, t.Any], activation: dict[str, t.Any], wanted: dict[str, t.Any], part: str
) -> None:
    found = verdict(registration=registration, activation=activation, **wanted)
    assert not found["agrees"]
    assert len(found["findings"]) == 1, found["findings"]
    assert part in found["findings"][0]
    assert found["findings"][0] in found["line"]


def test_each_thing_to_do_is_said_once() -> None:
    found = verdict(
        registration={"lock": None, "expires": "2026-01-01T00:00:00Z", "expires_in_days": -3},
        activation={"state": "Expired", "usage_reporting": False},
    )
    assert len(found["findings"]) == 4
    assert found["remedies"] == [chain.REPAIR, chain.RENEW]
    assert f", expired 2 days ago, cloud id {CLOUD_ID}: " in found["line"]


@pytest.mark.parametrize(
    ("registration", "activation", "wanted", "remedy"),
    [
        ({"key": {**REGISTRATION["key"], "billing_model": "Capacity"}}, {}, {}, chain.AGAIN),
        ({}, {"products": 0}, {}, chain.AGAIN),
        ({}, {}, {"cloud_id": PRINCIPAL}, chain.MISTAKEN),
        ({}, {}, {"registration_id": ID + "2"}, chain.ELSEWHERE),
        ({}, {"registration_id": ID + "2"}, {}, chain.REPAIR),
        ({}, {"state": "Expired"}, {}, chain.RENEW),
    ],
)
def test_what_to_do_about_it(
    registration: dict[str, t.Any], activation: dict[str, t.Any], wanted: dict[str, t.Any], remedy: str
) -> None:
    assert verdict(registration=registration, activation=activation, **wanted)["remedies"] == [remedy]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-1, "expired less than a day ago"),
        (-2, "expired 1 day ago"),
        (1, "expires in 1 day"),
        (0, "expires in less than a day"),
    ],
)
def test_days_in_words(left: int, words: str) -> None:
    line = verdict(registration={"expires": "2026-01-01T00:00:00Z", "expires_in_days": left})["line"]
    assert f", {words}" in line


def test_the_cloud_id_is_told_where_the_name_of_the_registration_does_not() -> None:
    """Kind: nobody hands back the cloud id that the inventory lacks (issue 15, row 10)."""
    named = verdict(registration={"name": f"azurestack-{CLOUD_ID}"})
    assert "cloud id" not in named["line"] and named["cloud_id"] == CLOUD_ID
    read = chain.verdict({"registrations": [REGISTRATION]})
    assert read["cloud_id"] == CLOUD_ID and read["line"].endswith(f"cloud id {CLOUD_ID}")
    assert chain.verdict({"activation": {"state": "Not registered"}})["cloud_id"] is None


def test_what_was_not_read_is_not_compared() -> None:
    assert verdict(registration={"key": None, "role_assignment": None})["agrees"]
    assert verdict(activation={"products": 3})["agrees"]
    assert chain.verdict({"cloud_id": CLOUD_ID, "registrations": [REGISTRATION]})["line"].startswith("stamp not asked")


def test_an_activation_that_only_a_receipt_tells() -> None:
    found = verdict(activation={"evidence": "receipt"}, remembered={"activated": "2026-11-20T08:00:00Z"})
    assert found["agrees"] and found["activation"] == "Registered"
    assert found["line"].startswith("Registered (by the receipt of 2026-11-20), PayAsYouUse, north, never expires")
    assert verdict(activation={"evidence": "receipt", "registration_id": ID + "2"})["findings"]


@pytest.mark.parametrize("required", [True, False])
def test_an_activation_that_nothing_tells(required: bool) -> None:
    unknown = {"evidence": "none", "state": "Unknown", "registration_id": None}
    found = verdict(activation=unknown, require_activation=required)
    assert found["activation"] == "not known"
    assert found["line"].startswith(
        "NOT KNOWN to be activated (no azs_admin_endpoint, no receipt in the bundle), PayAsYouUse"
    )
    assert found["agrees"] is not required
    assert [one.partition(":")[0] for one in found["findings"]] == (
        ["nothing tells whether the stamp is activated"] if required else []
    )


def test_an_expiry_without_days_is_shown_as_it_is() -> None:
    line = verdict(registration={"expires": "2031-01-01T00:00:00Z"})["line"]
    assert ", expires on 2031-01-01T00:00:00Z" in line


@pytest.mark.parametrize(
    ("other", "activation", "part"),
    [
        ({"expires_in_days": -3}, {}, "; north-2024 expired and is not used any more: delete it with azs_registration"),
        ({"expires_in_days": None}, {}, "; north-2024 is not the one that is used: delete it"),
        (
            {},
            {"registration_id": None, "state": "Not registered"},
            "; set azs_registration_name and azs_resource_group",
        ),
    ],
)
def test_two_registrations_and_which_one_to_delete(
    other: dict[str, t.Any], activation: dict[str, t.Any], part: str
) -> None:
    second = {**REGISTRATION, "id": ID + "-2024", "name": "north-2024", **other}
    found = chain.verdict(
        {
            "cloud_id": CLOUD_ID,
            "registrations": [second, REGISTRATION],
            "activation": {**ACTIVATION, **activation},
        }
    )
    assert found["findings"][0].startswith("Azure has 2 registrations") and part in found["findings"][0]


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ("01234567", None),
        (None, None),
        ("7654321", "the agreement number is 7654321"),
        ("", "the agreement number is missing"),
        (" 01234567", None),
    ],
)
def test_the_agreement_is_compared_where_the_key_tells_it(told: str | None, part: str | None) -> None:
    found = verdict(registration={"agreement_number": told}, agreement_number="01234567")
    assert found["agrees"] is (part is None)
    assert (part or "never expires") in found["line"]


def test_of_two_registrations_the_living_one_is_compared_in_any_order() -> None:
    expired = {
        **REGISTRATION,
        "id": ID + "-2024",
        "name": "north-2024",
        "expires": "2025-01-01T00:00:00Z",
        "expires_in_days": -3,
    }
    for found in ([expired, REGISTRATION], [REGISTRATION, expired]):
        assert chain.compare({"cloud_id": CLOUD_ID, "registrations": found}).registration is REGISTRATION
