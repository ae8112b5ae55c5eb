# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a stamp's registrations is meant, whatever the order of Azure's list."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import choice

OLD: dict[str, t.Any] = {"id": "/a/old", "name": "old", "expires_in_days": -4}
NEW: dict[str, t.Any] = {"id": "/b/new", "name": "new", "expires_in_days": 300}
OTHER: dict[str, t.Any] = {"id": "/c/other", "name": "other", "expires_in_days": None}


@pytest.mark.parametrize(
    ("found", "activated_with", "named", "expected"),
    [
        ([OLD, NEW], None, None, ("new", True)),
        ([OLD, NEW], "/a/old", "/a/old", ("new", True)),
        ([NEW, OTHER], "/C/OTHER", "/b/new", ("other", True)),
        ([OLD, NEW, OTHER], "/a/old", "/b/new", ("new", True)),
        ([NEW, OTHER], None, None, ("new", False)),
        ([OLD], None, None, ("old", True)),
    ],
)
def test_the_order_of_the_list_never_matters(
    found: list[dict[str, t.Any]], activated_with: str | None, named: str | None, expected: tuple[str, bool]
) -> None:
    for order in itertools.permutations(found):
        one, decided = choice.meant(order, activated_with, named)
        assert one is not None and (one["name"], decided) == expected


def test_none_is_meant_where_there_is_none() -> None:
    assert choice.meant([]) == (None, False)
