# SPDX-License-Identifier: GPL-3.0-or-later
"""What renewal, change, removal and registering again do with a stamp: from what is wanted and what was read. FOR INTERNAL COLLECTION USE ONLY.

Pure, as the plan of registering (plan.py) is, which they end with. What is not the collection's to choose is refused here, before
anything is changed.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import choice, conflicts
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError, InputError

REPLACE: t.Final = "replace"
NEW_NAME: t.Final = "new_name"
RENEWALS: t.Final = (REPLACE, NEW_NAME)
"""How an expired registration is renewed."""

_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_Registration = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Renewal:
    """What is done about expiries.

    :param line: what the operator reads of them.
    :param due: whether the stamp is registered or activated again.
    :param removed: the expired registration that goes first; None when none does.
    :param staying: the registrations that are there when it has gone.
    :param name: of the registration that the stamp is to have; None adopts an existing one's.
    :param resource_group: likewise.
    :param reregister: whether a living registration is registered again in its place, which lets Azure set its expiry anew.
    :param afterwards: expired registrations that go when the stamp is activated with another one.
    """

    line: str
    due: bool
    removed: _Registration | None = None
    staying: tuple[_Registration, ...] = ()
    name: str | None = None
    resource_group: str | None = None
    reregister: bool = False
    afterwards: tuple[_Registration, ...] = ()


@dataclasses.dataclass(frozen=True)
class Change:
    """What is done to take a stamp to another place.

    :param target: resource id of the registration that it is to have.
    :param name: of that registration.
    :param resource_group: of that registration.
    :param due: whether the old place has to be left.
    :param leaving: resource id of the registration that goes first, or that the activation names; None when nothing has to go.
    :param staying: registrations in the new subscription besides that; None when they were not read.
    """

    target: str
    name: str
    resource_group: str
    due: bool
    leaving: str | None = None
    staying: tuple[_Registration, ...] | None = None


def renewal(
    wanted: t.Mapping[str, t.Any], activation: t.Mapping[str, t.Any], found: t.Sequence[_Registration]
) -> Renewal:
    """Return what is done about the expiries of a stamp's activation and registrations.

    An expired registration counts only where there is no living one.

    :param wanted: `cloud_id`; `name` and `resource_group` or None; `renewal`, one of RENEWALS or None; `within_days`, how many days
        before its end something is due; `keep_expired`, whether expired registrations that the stamp has left stay.
    :param activation: as azs_activation_info returns it.
    :param found: the stamp's registrations, as azs_registration_info returns them, in any order.
    :raises ConflictError: what there is has expired, and nobody says how it is renewed; nothing was changed.
    """
    expired = sorted(filter(choice.expired, found), key=lambda one: (str(one["expires"]), str(one["id"])), reverse=True)
    living = [one for one in found if not choice.expired(one)]
    days = [one.get("expires_in_days") for one in (activation, *(living or expired))]
    left = [one for one in days if one is not None]
    active = activation["state"] != "Not registered"
    due = not active or any(one < wanted["within_days"] for one in left)
    line = _line(active=active, left=left, due=due)
    in_the_way = expired[0] if due and expired and not living else None
    name, group, removed = wanted.get("name"), wanted.get("resource_group"), None
    if in_the_way is not None:
        if wanted.get("renewal") not in RENEWALS:
            raise _undecided(in_the_way, _new_name(wanted["cloud_id"], in_the_way))
        replaced = wanted["renewal"] == REPLACE
        removed = in_the_way if replaced else None
        name = in_the_way["name"] if replaced else _new_name(wanted["cloud_id"], in_the_way)
        group = in_the_way["resource_group"]
    named = activation.get("registration_id")
    leaves = wanted.get("renewal") == NEW_NAME and not wanted.get("keep_expired")
    if not due:  # only where the stamp is known to be activated with another one
        leaves = leaves and bool(named) and activation["state"] == "Registered"
    return Renewal(
        line=line,
        due=due,
        removed=removed,
        staying=tuple(one for one in found if one is not removed),
        name=name,
        resource_group=group,
        reregister=any(
            one.get("expires_in_days") is not None and one["expires_in_days"] < wanted["within_days"] for one in living
        ),
        afterwards=tuple(one for one in expired if due or not same_id(one["id"], named)) if leaves else (),
    )


def place_wanted(wanted: t.Mapping[str, t.Any]) -> None:
    """Check where a stamp is to go to, before anything is contacted.

    :param wanted: `subscription_id` and `old_subscription_id`; `name` and `resource_group` or None.
    :raises InputError: nothing says where, or a subscription is not named by its id.
    """
    new, old = (str(wanted.get(name) or "") for name in ("subscription_id", "old_subscription_id"))
    if not (wanted.get("name") or wanted.get("resource_group")) and same_id(new, old):
        raise InputError(
            "Nothing says where the stamp is to be registered instead",
            remedy="Set azs_old_subscription_id to the subscription that it is registered in and azs_subscription_id to the new one, or "
            "azs_registration_name or azs_resource_group to the new name or group. Nothing was contacted",
        )
    unnamed = [
        f"{name} is {value or 'empty'}"
        for name, value in (("azs_subscription_id", new), ("azs_old_subscription_id", old))
        if not _GUID.fullmatch(value)
    ]
    if unnamed:
        raise InputError(
            f"No subscription id: {', '.join(unnamed)}",
            remedy="Set it to the id of the subscription, a GUID. Nothing was contacted",
        )


def change(
    wanted: t.Mapping[str, t.Any],
    activation: t.Mapping[str, t.Any],
    found: t.Sequence[_Registration],
    there: t.Sequence[_Registration] | None = None,
) -> Change:
    """Return what is done to take a stamp to another subscription, resource group or name.

    An activation that points elsewhere has to go too, also when its registration is gone already; one of a stamp that is registered as
    wanted is only made anew.

    :param wanted: as `place_wanted` takes it, and `cloud_id`; `old_registration_id`, the one to leave, or None; `confirmed`, whether the
        loss that comes with it is accepted.
    :param activation: as azs_activation_info returns it.
    :param found: the stamp's registrations in the old subscription.
    :param there: those in the new one, None while they were not read.
    :raises ConflictError: the old registration that is named is not there, there are several, or the loss is not confirmed; nothing was
        changed.
    """
    name = wanted.get("name") or f"azurestack-{wanted['cloud_id']}"
    group = wanted.get("resource_group") or "azurestack"
    target = (
        f"/subscriptions/{wanted['subscription_id']}/resourceGroups/{group}"
        f"/providers/Microsoft.AzureStack/registrations/{name}"
    )
    asked_for = wanted.get("old_registration_id")
    old = [one for one in found if (same_id(one["id"], asked_for) if asked_for else not same_id(one["id"], target))]
    if asked_for and not old:
        raise conflicts.not_there(asked_for, wanted["cloud_id"], [str(one["id"]) for one in found])
    if len(old) > 1:
        raise ConflictError(
            f"The stamp has {len(old)} registrations besides the wanted one",
            kind="several_registrations",
            where=", ".join(sorted(str(one["id"]) for one in old)),
            remedy="Set azs_old_registration_id to the one to be removed. Nothing was changed",
        )
    pointing = activation.get("registration_id") or None
    due = bool(old) or (pointing is not None and not same_id(pointing, target) and not found)
    leaving = str(old[0]["id"]) if old else pointing
    if due and not wanted.get("confirmed"):
        raise ConflictError(
            f"Registering the stamp as {target} removes its activation and its registration {leaving} first",
            kind="loss_not_confirmed",
            where=leaving,
            cause="all marketplace items that were downloaded to the stamp are lost with that and have to be downloaded again, and tenants "
            "mapped on the registration have to be mapped again",
            remedy="Set azs_confirm_marketplace_loss to true when you accept that. Nothing was changed",
        )
    staying = None if there is None else tuple(one for one in there if not same_id(one["id"], leaving))
    return Change(target=target, name=name, resource_group=group, due=due, leaving=leaving, staying=staying)


def again(
    found: t.Sequence[_Registration], activated_with: str | None = None, connected: bool | None = None
) -> tuple[_Registration, bool]:
    """Return the registration that a stamp is registered again with, and whether as a connected one.

    :param found: the stamp's registrations, as azs_registration_info returns them, in any order.
    :param activated_with: resource id that the stamp's activation names.
    :param connected: what the operator says that the stamp is; None leaves it to the registration, which names the bridge principal of a
        connected one.
    :raises ConflictError: there is none, or several of which none is preferred, or it is a connected stamp's and the operator says that
        the stamp is disconnected; nothing was changed.
    """
    chosen, decided = choice.meant(found, activated_with)
    if chosen is None:
        raise ConflictError(
            "The stamp has no registration in this subscription, and one is needed to read the current parameters from",
            kind="no_registration",
            remedy="Register it (azurestack.hub.connected_register, or the three legs), or compare azs_subscription_id. Nothing was changed",
        )
    if not decided:
        raise conflicts.several_registrations(chosen.get("cloud_id"), sorted(str(one["id"]) for one in found))
    principal = chosen.get("bridge_principal")
    if connected is False and principal:
        raise ConflictError(
            "The stamp is said to be disconnected, and its registration names a bridge principal",
            kind="registration_of_connected_stamp",
            where=str(chosen["id"]),
            cause=f"the bridge principal is {principal}",
            remedy="Put the stamp into the group azs_connected to register it again with what it has; azurestack.hub.disconnected_all_legs "
            "with azs_reregister=true makes it a disconnected one. Nothing was changed",
        )
    return chosen, bool(principal) if connected is None else connected


def removal(named: str | None, activation: t.Mapping[str, t.Any], found: t.Sequence[_Registration]) -> None:
    """Make sure that a stamp which is to be deactivated is the one whose registration was named.

    :param named: name or resource id of the registration that the operator names; None when the stamp's own is meant.
    :param activation: as azs_activation_info returns it.
    :param found: the registration that would be deleted, if it is there.
    :raises ConflictError: it is not there, and nothing tells what the stamp is activated with; nothing was changed.
    """
    if named and not found and activation.get("evidence") == "none":
        raise ConflictError(
            f"There is no registration {named} in this subscription",
            kind="named_registration_missing",
            where=named,
            cause="nothing tells what the stamp is activated with, no azs_admin_endpoint and no receipt in the bundle, so the name or the "
            "subscription may be mistyped",
            remedy="Compare name, resource group and subscription. Where the registration is gone already, leave azs_registration_name and "
            "azs_registration_id out: the stamp alone is deactivated then. Nothing was changed",
        )


def _line(*, active: bool, left: t.Sequence[int], due: bool) -> str:
    if not active:
        return "not registered: to be registered"
    if not left:
        return "never expires"
    if min(left) < 0:
        return "expired: due"
    return f"days left: {min(left)}, {'due' if due else 'not due'}"


def _new_name(cloud_id: str, expired: _Registration) -> str:
    return f"azurestack-{cloud_id}-{str(expired['expires'] or '')[:10].replace('-', '')}"


def _undecided(expired: _Registration, new_name: str) -> ConflictError:
    return ConflictError(
        f"The registration {expired['name']} has expired, and azs_renewal does not say how to renew it",
        kind="renewal_undecided",
        where=str(expired["id"]),
        cause="replace deactivates the stamp, deletes the expired registration and registers again under the same name: one registration "
        "remains, and downloaded marketplace items are lost. new_name registers as "
        f"{new_name} beside the expired one and deletes that when the stamp is activated with the new one: the stamp stays active in "
        "between, and the name changes every year",
        remedy="Set azs_renewal to replace or new_name. Nothing was changed",
    )
