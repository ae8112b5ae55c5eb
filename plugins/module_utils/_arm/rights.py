# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an account may do what a run is about to do, before its first write. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import UNEXPECTED, ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

API_VERSION: t.Final = "2022-04-01"

REGISTER_PROVIDER: t.Final = "Microsoft.AzureStack/register/action"
WRITE_GROUP: t.Final = "Microsoft.Resources/subscriptions/resourceGroups/write"
WRITE: t.Final = "Microsoft.AzureStack/registrations/write"
DELETE: t.Final = "Microsoft.AzureStack/registrations/delete"
EXPORT_KEY: t.Final = "Microsoft.AzureStack/registrations/getActivationKey/action"
READ_LOCK: t.Final = "Microsoft.Authorization/locks/read"
PUT_LOCK: t.Final = "Microsoft.Authorization/locks/write"
LIFT_LOCK: t.Final = "Microsoft.Authorization/locks/delete"
ASSIGN_ROLE: t.Final = "Microsoft.Authorization/roleAssignments/write"

ALWAYS: t.Final = (WRITE, EXPORT_KEY, READ_LOCK, PUT_LOCK, LIFT_LOCK)
"""Named too when they are missing and a run fails for another: they are needed by the next one at the latest."""


def missing(permissions: t.Iterable[t.Mapping[str, t.Any]], actions: t.Iterable[str]) -> list[str]:
    """Return the actions that no role allows.

    :param permissions: sets of `actions` and `notActions`, one per role; wildcards match any part of an action, and what one
        role takes away another one may give.
    :param actions: complete names, without wildcards.
    """
    roles = [(_patterns(one.get("actions")), _patterns(one.get("notActions"))) for one in permissions]
    return [
        action
        for action in dict.fromkeys(actions)
        if not any(_matches(allowed, action) and not _matches(taken, action) for allowed, taken in roles)
    ]


def at(client: ArmClient, scope: str) -> list[dict[str, t.Any]]:
    """Return the sets of actions that the account's roles give it at a scope. Raises as ArmClient.request."""
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    return list(client.list_all(path, API_VERSION, doing="read the account's rights"))


def require(
    client: ArmClient,
    needed: t.Mapping[str, t.Sequence[str]],
    known: t.Mapping[str, list[dict[str, t.Any]]],
    *,
    doing: str,
    warn: t.Callable[[str], None],
) -> None:
    """Make sure that the account that signed in may do what comes next. One GET a scope; changes nothing.

    :param needed: scope -> actions that the run needs there.
    :param known: scope -> what `at` returned for it already.
    :param doing: completes the sentence "... may not do all that is needed to ...".
    :param warn: takes a warning when Azure does not tell the account its rights.
    :raises ArmError: kind missing_rights, which names every missing action. Nothing was changed.
    """
    lacking: dict[str, list[str]] = {}
    for scope, actions in needed.items():
        try:
            permissions = known[scope] if scope in known else at(client, scope)
        except ArmError as error:
            if error.status is None or error.status >= 500 or error.kind == UNEXPECTED:
                raise
            warn(f"The account's rights could not be checked beforehand. {error}")
            continue
        found = missing(permissions, actions)
        if found:
            lacking[scope] = [*found, *missing(permissions, [one for one in ALWAYS if one not in found])]
    if lacking:
        raise ArmError(
            f"The account may not do all that is needed to {doing}: it lacks "
            + "; ".join(f"{', '.join(actions)} on {scope}" for scope, actions in lacking.items()),
            kind="missing_rights",
            where=next(iter(lacking)),
            cause="none of its roles there holds these actions; roles made by older instructions lack those on locks",
            remedy="Let an Owner of the subscription give it the registration role (playbook "
            "azurestack.hub.registration_role), or add these actions to its role. Nothing was changed",
            details={"missing": lacking},
        )


def _patterns(names: t.Any) -> list[re.Pattern[str]]:
    return [
        re.compile(".*".join(map(re.escape, str(name).split("*"))), re.IGNORECASE) for name in names or ()
    ]


def _matches(patterns: t.Iterable[re.Pattern[str]], action: str) -> bool:
    return any(pattern.fullmatch(action) for pattern in patterns)
