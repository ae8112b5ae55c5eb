# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp versions: comparison as versions, and the gates around them."""

from __future__ import annotations

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import versions
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.1912.0.9", "1.1912.0.19"),
        ("1.2008.0.49", "1.2008.0.59"),
        ("1.2209", "1.2209.0.1"),
        ("1.999.0.0", "1.1805.1.47"),
    ],
)
def test_versions_compare_number_by_number(older: str, newer: str) -> None:
    assert versions.parse(older) < versions.parse(newer)


@pytest.mark.parametrize("text", ["", "1", "2311", "1.2311.x", "1.2.3.4.5", "v1.2311.1.22"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a stamp version"):
        versions.parse(text)


@pytest.mark.parametrize(
    ("version", "nodes", "wanted"),
    [
        ("1.2209.0.23", 4, False),
        ("1.2209.0.24", 4, True),
        ("1.2209.0.24", 1, False),
        ("1.2311.1.22", 2, True),
    ],
)
def test_key_pair_is_wanted_above_the_gate_and_with_more_than_one_node(version: str, nodes: int, wanted: bool) -> None:
    assert versions.wants_key_pair(version, nodes) is wanted


@pytest.mark.parametrize(
    ("version", "tag", "token", "default"),
    [
        ("1.1912.0.18", False, False, None),
        ("1.1912.0.19", True, False, None),
        ("1.2008.0.48", True, False, None),
        ("1.2008.0.49", True, True, "4.0"),
        ("1.2309.0.4", True, True, "4.0"),
        ("1.2309.0.5", True, True, "6.0"),
    ],
)
def test_gates_of_the_token_parameters(version: str, tag: bool, token: bool, default: str | None) -> None:
    assert versions.knows_asset_tag(version) is tag
    assert versions.knows_token_version(version) is token
    assert versions.default_token_version(version) == default
