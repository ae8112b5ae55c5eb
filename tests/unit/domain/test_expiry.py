# SPDX-License-Identifier: GPL-3.0-or-later
"""Expiries: one form, and when two of them are the same."""

from __future__ import annotations

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
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
    assert expiry.same(other, one) is same
