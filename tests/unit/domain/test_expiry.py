# SPDX-License-Identifier: GPL-3.0-or-later
"""Expiries: one form, and when two of them are the same."""

from __future__ import annotations

import base64
import datetime
import json

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER


@pytest.mark.parametrize(
    ("told", "form"),
    [
        ("9999-12-30T15:59:59", NEVER),
        ("9999-12-30T23:59:59.9999999Z", NEVER),
        ("9999-12-31T23:59:59-08:00", NEVER),
        ("2022-03-22T02:56:11.024982Z", "2022-03-22T02:56:11Z"),
        ("2022-03-22T02:56:11", "2022-03-22T02:56:11Z"),
        ("soon", None),
    ],
)
def test_one_form(told: str, form: str | None) -> None:
    assert expiry.normal(told) == form


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2027-03-01T10:00:05Z", "2027-03-01T10:00:05Z", True),
        ("2027-03-01T10:00:05Z", "2027-03-01T02:00:05Z", True),
        ("2027-03-01T10:00:05Z", "2027-03-02T00:00:05Z", True),
        ("2027-03-01T10:00:05Z", "2027-03-02T10:00:05Z", True),
        ("2027-03-01T10:00:05Z", "2027-03-02T11:00:05Z", False),
        ("2027-03-01T10:00:05Z", "2027-03-01T10:00:06Z", False),
        ("2027-03-01T10:00:05Z", "2027-03-01T10:30:05Z", False),
        ("2027-03-01T10:00:05Z", "2028-03-01T10:00:05Z", False),
        ("2027-03-01T10:00:05Z", NEVER, False),
        (NEVER, NEVER, True),
        (None, NEVER, False),
    ],
)
def test_whole_hours_up_to_a_day_are_a_zone_that_was_not_told(one: str | None, other: str | None, same: bool) -> None:
    assert expiry.same(one, other) is same
    assert expiry.same(other, one) is same  # pylint: disable=arguments-out-of-order


NOON = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("Thu, 26 Nov 2026 12:00:00 GMT", None),
        ("Thu, 26 Nov 2026 11:56:00 GMT", None),
        ("Thu, 26 Nov 2026 11:30:00 GMT", "30 minutes ahead of"),
        ("Thu, 26 Nov 2026 17:00:00 GMT", "5 hours behind"),
        ("Sun, 22 Nov 2026 12:00:00 GMT", "4 days ahead of"),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_a_clock_that_is_wrong_is_named(date: str | None, told: str | None) -> None:
    found = expiry.wrong_clock(expiry.clock_ahead(date, NOON), "Azure")
    assert found == (told and f"the clock of this host is {told} that of Azure")


def test_expiries_are_compared_with_the_clock_of_the_service() -> None:
    assert expiry.at_service(NOON, datetime.timedelta(hours=2)).hour == 10
    assert expiry.at_service(NOON, datetime.timedelta(minutes=2)) == expiry.at_service(NOON, None) == NOON


@pytest.mark.parametrize(
    ("told", "doubted"), [("soon", "soon"), ("2027-13-40", "2027-13-40"), ("2027-01-01T00:00:00Z", None), (None, None)]
)
def test_an_expiry_that_cannot_be_read_is_warned_of_and_not_taken_for_none(
    told: str | None, doubted: str | None
) -> None:
    """Kind: an unreadable expiry that counts as not expired, without a word (row 30)."""
    payload = base64.urlsafe_b64encode(json.dumps({"cloudId": "a", "expires": told}).encode()).decode().rstrip("=")
    read = claims.read_key(f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl")
    assert read.unreadable_expiry == doubted
    warning = expiry.unreadable(read.unreadable_expiry, "the activation key")
    assert (warning is None) is (doubted is None)
    assert warning is None or (f"{told!r}" in warning and "the activation key cannot be read" in warning)


def test_what_has_passed_is_asked_of_the_clock_of_the_service() -> None:
    """Kind: a valid key that is expired by the clock of a controller alone (row 30)."""
    soon = expiry.normal((expiry.now() - datetime.timedelta(hours=30)).isoformat())
    assert expiry.passed(soon) and not expiry.passed(soon, datetime.timedelta(days=3))
