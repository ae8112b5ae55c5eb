# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant on one registration."""

from __future__ import annotations

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.comparison import Standing, compare


@pytest.mark.parametrize(
    ("found", "subscription", "tenant", "standing"),
    [
        ({"a": "t"}, "a", "T", Standing("mapped", "a", "t")),
        ({"a": "t"}, "a", None, Standing("mapped", "a", "t")),
        ({"a": None}, "a", "t", Standing("mapped", "a", None)),
        ({"a": "t"}, None, "T", Standing("mapped", "a", "t")),
        ({"a": "t"}, None, "u", Standing("missing")),
        ({"a": "t"}, "b", None, Standing("missing")),
        ({}, "b", "t", Standing("missing")),
        ({"a": "t"}, "b", "t", Standing("other_subscription", "a", "t")),
        ({"a": "u"}, "a", "t", Standing("other_tenant", "a", "u")),
        ({"A": "t"}, "a", "t", Standing("other_letter_case", "A", "t")),
    ],
)
def test_standings(
    found: dict[str, str | None], subscription: str | None, tenant: str | None, standing: Standing
) -> None:
    assert compare(found, subscription, tenant) == standing
