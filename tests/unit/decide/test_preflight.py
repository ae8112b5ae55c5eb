# SPDX-License-Identifier: GPL-3.0-or-later
"""What forbids a run before it begins: rights, locks of others, locations."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import preflight
from ansible_collections.azurestack.hub.plugins.module_utils._domain.rights import LOCK_ACTIONS, REGISTRATION_ACTIONS
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

NEEDED = (
    "Microsoft.AzureStack/register/action",
    preflight.WRITE_GROUP_RIGHT,
    preflight.WRITE_RIGHT,
    preflight.PUT_LOCK_RIGHT,
    "Microsoft.Authorization/roleAssignments/write",
)
OLD_ROLE = [action for action in REGISTRATION_ACTIONS if action not in LOCK_ACTIONS]


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ([{"actions": ["*"], "notActions": []}], []),
        ([{"actions": list(REGISTRATION_ACTIONS)}], []),
        ([{"actions": OLD_ROLE, "notActions": []}], [preflight.PUT_LOCK_RIGHT]),
        ([{"actions": [], "notActions": []}], list(NEEDED)),
        ([], list(NEEDED)),
        # Contributor
        (
            [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/write", "Microsoft.Authorization/*/delete"]}],
            [preflight.PUT_LOCK_RIGHT, "Microsoft.Authorization/roleAssignments/write"],
        ),
        # What one role takes away another one gives.
        (
            [
                {"actions": ["*"], "notActions": ["Microsoft.Authorization/*"]},
                {"actions": ["microsoft.authorization/LOCKS/*", "Microsoft.Authorization/roleAssignments/write"]},
            ],
            [],
        ),
        ([{"actions": ["*/read", "*/action"]}], [action for action in NEEDED if not action.endswith("/action")]),
        (
            [{"actions": ["Microsoft.AzureStack/*"]}, {"actions": ["Microsoft?Resources/*"]}],
            [preflight.WRITE_GROUP_RIGHT, preflight.PUT_LOCK_RIGHT, "Microsoft.Authorization/roleAssignments/write"],
        ),
    ],
)
def test_missing(permissions: list[dict[str, list[str]]], lacking: list[str]) -> None:
    assert preflight.missing(permissions, NEEDED) == lacking


def test_an_action_is_named_once() -> None:
    assert preflight.missing([], [preflight.WRITE_RIGHT, preflight.WRITE_RIGHT]) == [preflight.WRITE_RIGHT]


SCOPE = "/subscriptions/s/resourceGroups/g"
DELETIONS = preflight.Lock("keep", "CanNotDelete", "/subscriptions/s")
FROZEN = preflight.Lock("frozen", "readonly", SCOPE)


def kinds(**facts: t.Any) -> list[str]:
    """Kinds of the refusals."""
    return [one.kind for one in preflight.refusals(preflight.Facts("do it", **facts))]


@pytest.mark.parametrize(
    ("action", "lock", "forbidden"),
    [
        (preflight.DELETE, DELETIONS, True),
        (preflight.MOVE, DELETIONS, True),
        (preflight.ARRIVE, DELETIONS, True),
        (preflight.REGISTER, DELETIONS, False),
        (preflight.PUT_LOCK, DELETIONS, False),
        (preflight.CREATE_GROUP, DELETIONS, False),
        (preflight.DELETE, FROZEN, True),
        (preflight.REGISTER, FROZEN, True),
        (preflight.ASSIGN_ROLE, FROZEN, True),
    ],
)
def test_a_lock_forbids_what_it_forbids(action: str, lock: preflight.Lock, forbidden: bool) -> None:
    assert kinds(planned={SCOPE: [action]}, locks={SCOPE: [lock]}) == ["resource_locked"] * forbidden


def test_a_lock_where_nothing_is_done_is_in_nobodys_way() -> None:
    assert kinds(planned={SCOPE: []}, locks={SCOPE: [FROZEN]}) == []
    assert kinds(planned={SCOPE: [preflight.DELETE]}, locks={"/subscriptions/other": [FROZEN]}) == []


@pytest.mark.parametrize(
    ("location", "locations", "found"),
    [
        (None, None, ["bad_input"]),
        ("nowhere", ["westeurope"], ["unknown_location"]),
        ("West Europe", ["westeurope"], []),
        ("nowhere", None, []),
    ],
)
def test_the_location_of_a_new_group(location: str | None, locations: list[str] | None, found: list[str]) -> None:
    assert kinds(planned={}, group=preflight.NewGroup("g", location, "Contoso", locations)) == found


def test_everything_that_forbids_is_said_at_once() -> None:
    with pytest.raises(AzsError) as raised:
        preflight.require(preflight.Facts("do it", {SCOPE: [preflight.DELETE]}, {SCOPE: []}, {SCOPE: [FROZEN]}))
    assert raised.value.kind == "missing_rights"
    assert "frozen (level readonly)" in str(raised.value) and SCOPE in str(raised.value)


def test_what_azure_does_not_tell_forbids_nothing() -> None:
    assert kinds(planned={SCOPE: [preflight.DELETE]}) == []
