# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook is for: its kind's alone, and nothing else than what was named."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import kinds

HOSTS: t.Final = ["c1", "c2", "d1", "d2", "paw01"]
MIXED: t.Final = {
    "all": HOSTS,
    "azs_stamps": HOSTS[:4],
    "azs_connected": ["c1", "c2"],
    "azs_disconnected": ["d1", "d2"],
    "north": ["c1", "d1"],
    "azs_runners": ["paw01"],
}


def named(text: str, by: str = "--limit") -> kinds.Named:
    return kinds.Named(by, text, frozenset(MIXED.get(text, [text])))


def refusal(kind: str, *texts: str, found: t.Collection[str] = ("x",), groups: t.Any = None) -> str | None:
    return kinds.refusal(kind, MIXED if groups is None else groups, [named(text) for text in texts], found)


@pytest.mark.parametrize(
    ("kind", "groups", "patterns"),
    [
        ("connected", MIXED, ["&azs_connected", "!azs_disconnected"]),
        ("disconnected", MIXED, ["&azs_disconnected", "!azs_connected"]),
        ("disconnected", ["azs_connected"], ["!azs_connected"]),
        ("connected", ["azs_stamps"], []),
        ("", MIXED, []),
    ],
)
def test_a_kind_narrows_by_the_groups_that_exist(kind: str, groups: t.Any, patterns: list[str]) -> None:
    assert kinds.patterns(kind, groups) == patterns


@pytest.mark.parametrize("text", ["d1", "azs_disconnected"])
def test_a_name_that_means_the_other_kind_alone_is_refused(text: str) -> None:
    said = refusal("connected", "c1", text)
    assert said and f"is for connected stamps, and --limit {text} means stamps of the group azs_disconnected" in said


@pytest.mark.parametrize("text", ["north", "azs_stamps", "c1", "azs_connected", "paw01", "nothing-of-that-name"])
def test_a_group_of_both_kinds_leaves_those_of_the_kind(text: str) -> None:
    assert refusal("connected", "c2", text) is None


def test_a_stamp_of_neither_group_is_refused_by_its_name() -> None:
    groups = {**MIXED, "azs_stamps": [*MIXED["azs_stamps"], "new"], "all": [*HOSTS, "new"]}
    said = refusal("connected", "c1", "new", groups=groups)
    assert said and "--limit new means no stamp of the group azs_connected" in said


def test_a_playbook_for_both_kinds_takes_both() -> None:
    assert refusal("", "d1", "c1") is None


def test_without_groups_there_are_no_kinds() -> None:
    assert refusal("connected", "d1", groups={"all": HOSTS, "azs_stamps": HOSTS[:4]}) is None


def test_a_stamp_of_both_kinds_is_a_mistake() -> None:
    said = refusal("connected", groups={**MIXED, "azs_disconnected": ["c2", "d1"]})
    assert said and said.startswith("c2 stand in azs_connected and in azs_disconnected")


def test_nothing_left_says_what_was_looked_for() -> None:
    assert str(refusal("", found=())).startswith("No host of the inventory matches azs_stamps. Put the stamps")
    said = refusal("connected", "paw01", found=())
    assert said and "matches azs_stamps and azs_connected within --limit paw01" in said
    said = kinds.refusal("", MIXED, [named("berlin", "azs_stamps")], ())
    assert said and "No host of the inventory matches berlin." in said


def test_an_empty_inventory_is_said_as_that() -> None:
    for groups in ({}, {"all": []}):
        said = refusal("", found=(), groups=groups)
        assert said and "The inventory has no host" in said and "-i" in said
