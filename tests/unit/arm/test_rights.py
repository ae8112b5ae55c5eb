# SPDX-License-Identifier: GPL-3.0-or-later
"""Which actions an account lacks."""

from __future__ import annotations

import pytest

from ansible_collections.azurestack.hub.plugins.module_utils._arm import rights
from ansible_collections.azurestack.hub.plugins.module_utils._domain.rights import LOCK_ACTIONS, REGISTRATION_ACTIONS

NEEDED = (rights.REGISTER_PROVIDER, rights.WRITE_GROUP, rights.WRITE, rights.PUT_LOCK, rights.ASSIGN_ROLE)
OLD_ROLE = [action for action in REGISTRATION_ACTIONS if action not in LOCK_ACTIONS]


@pytest.mark.parametrize(("permissions", "lacking"), [
    ([{"actions": ["*"], "notActions": []}], []),
    ([{"actions": list(REGISTRATION_ACTIONS)}], []),
    ([{"actions": OLD_ROLE, "notActions": []}], [rights.PUT_LOCK]),
    ([{"actions": [], "notActions": []}], list(NEEDED)),
    ([], list(NEEDED)),
    # Contributor
    (
        [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/write", "Microsoft.Authorization/*/delete"]}],
        [rights.PUT_LOCK, rights.ASSIGN_ROLE],
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
    ([{"actions": ["Microsoft.AzureStack/*"]}, {"actions": ["Microsoft?Resources/*"]}],
     [rights.WRITE_GROUP, rights.PUT_LOCK, rights.ASSIGN_ROLE]),
])
def test_missing(permissions: list[dict[str, list[str]]], lacking: list[str]) -> None:
    assert rights.missing(permissions, NEEDED) == lacking


def test_an_action_is_named_once() -> None:
    assert rights.missing([], [rights.WRITE, rights.WRITE]) == [rights.WRITE]
