# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what decides whether a run may begin; changes nothing. FOR INTERNAL COLLECTION USE ONLY.

The decision is `_decide/preflight.py`.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence, locks
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import UNEXPECTED, ArmClient, text
from ansible_collections.azurestack.hub.plugins.module_utils._decide import preflight
from ansible_collections.azurestack.hub.plugins.module_utils._decide.preflight import Lock, NewGroup, Permissions
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

RIGHTS_VERSION: t.Final = "2022-04-01"
LOCATIONS_VERSION: t.Final = "2016-06-01"

T = t.TypeVar("T")


def require(
    client: ArmClient,
    planned: t.Mapping[str, t.Sequence[str]],
    *,
    doing: str,
    warn: t.Callable[[str], None],
    known: t.Mapping[str, Permissions] | None = None,
    group: NewGroup | None = None,
) -> None:
    """Make sure that nothing that can be asked forbids what comes next. Two GETs a scope, and one for a new group.

    :param planned: scope -> what the run does there, of the actions of the decision.
    :param doing: completes the sentence "... may not do all that is needed to ...".
    :param warn: takes a warning when Azure does not tell the account its rights.
    :param known: scope -> the account's rights there when they were read already.
    :param group: the resource group that has to be made.
    :raises AzsError: kinds missing_rights, resource_locked, unknown_location, bad_input. Nothing was changed.
    """
    permissions: dict[str, Permissions] = {}
    held: dict[str, list[Lock]] = {}
    planned = {scope: actions for scope, actions in planned.items() if actions}
    for scope in planned:
        told: Permissions | None
        if known and scope in known:
            told = known[scope]
        else:
            told = _told(functools.partial(rights_at, client, scope), warn, "The account's rights")
        if told is not None:
            permissions[scope] = told
        foreign = _told(functools.partial(locks_at, client, scope), None, "")
        if foreign is not None:
            held[scope] = foreign
    preflight.require(preflight.Facts(doing, planned, permissions, held, group))


def rights_at(client: ArmClient, scope: str) -> list[dict[str, t.Any]]:
    """Return the sets of actions that the account's roles give it at a scope. Raises as ArmClient.request."""
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    return list(client.list_all(path, RIGHTS_VERSION, doing="read the account's rights"))


def locks_at(client: ArmClient, scope: str) -> list[Lock]:
    """Return the locks that hold at a scope, inherited ones too, but for the one that the collection puts on a registration.

    Raises as ArmClient.request.
    """
    path = f"{scope}/providers/Microsoft.Authorization/locks"
    own = f"{scope}/providers/Microsoft.Authorization/locks/{locks.NAME}".lower()
    found = []
    for one in client.list_all(path, locks.API_VERSION, only="atScope()", doing=f"read the locks of {scope}"):
        where = str(one.get("id") or "")
        told = one.get("properties")
        level = text(told.get("level")) if isinstance(told, dict) else None
        place = where[: max(0, where.lower().rfind("/providers/microsoft.authorization/locks/"))]
        # Some services ignore the filter, and list the locks further down too.
        if level and where.lower() != own and f"{scope}/".lower().startswith(f"{place}/".lower()):
            found.append(Lock(str(one.get("name") or where), level, place or scope))
    return found


def locations(client: ArmClient, subscription_id: str) -> list[str] | None:
    """Return the locations of a subscription, None when Azure does not tell."""
    path = f"/subscriptions/{subscription_id}/locations"
    found = _told(lambda: list(client.list_all(path, LOCATIONS_VERSION, doing="read the locations")), None, "")
    return [str(one["name"]) for one in found or () if text(one.get("name"))] or None


def group_and_rights(
    client: ArmClient, subscription_id: str, name: str, *, ask_rights: bool, exists: t.Callable[[], bool]
) -> tuple[bool, dict[str, Permissions]]:
    """Tell whether a resource group exists, and by its scope what the account may do in it.

    Asking for the rights answers both with one request; where Azure does not tell them, the group itself is asked for.
    """
    scope = f"/subscriptions/{subscription_id}/resourceGroups/{name}"
    if ask_rights:
        try:
            return True, {scope: rights_at(client, scope)}
        except ArmError as error:
            if absence.is_told(error):
                return False, {}
            if error.status is None or error.status >= 500:
                raise
    return exists(), {}


def _told(ask: t.Callable[[], T], warn: t.Callable[[str], None] | None, what: str) -> T | None:
    """Return what was asked for, None when the service refuses to tell. Raises ArmError when it cannot answer."""
    try:
        return ask()
    except ArmError as error:
        if error.status is None or error.status >= 500 or error.kind == UNEXPECTED:
            raise
        if warn is not None:
            warn(f"{what} could not be checked beforehand. {error}")
        return None
