# SPDX-License-Identifier: GPL-3.0-or-later
"""What each journey does with a stamp: from what is wanted and what was read to a plan. FOR INTERNAL COLLECTION USE ONLY.

Pure. All but removal end with the plan of registering (plan.py). What is not the collection's to choose is refused here, before anything
is changed.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain, choice, conflicts, plan
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError, InputError

REGISTER: t.Final = "connected_register"
RENEW: t.Final = "connected_renew"
CHANGE: t.Final = "connected_change"
UNREGISTER: t.Final = "connected_unregister"
REREGISTER: t.Final = "reregister"
JOURNEYS: t.Final = (REGISTER, RENEW, CHANGE, UNREGISTER, REREGISTER)

REPLACE: t.Final = "replace"
NEW_NAME: t.Final = "new_name"
RENEWALS: t.Final = (REPLACE, NEW_NAME)
"""How an expired registration is renewed."""

NOT_REGISTERED: t.Final = "Not registered"
_KEPT: t.Final = ("cloud_id", "name", "resource_group", "billing_model", "marketplace_syndication", "usage_reporting")
"""What a stamp that is registered again has already."""

_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_Registration = t.Mapping[str, t.Any]


def check(journey: str, options: t.Mapping[str, t.Any]) -> list[str]:
    """Check what is asked for as far as that needs no stamp; return warnings.

    :param journey: one of JOURNEYS.
    :param options: those of azs_plan.
    :raises InputError: a rule is broken; nothing was contacted.
    """
    if journey == CHANGE:
        place_wanted(options)
    if journey in (REGISTER, CHANGE):
        return plan.wanted_of(options)[1]
    return []


def decide(journey: str, options: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> plan.Plan:
    """Return what a journey does with a stamp.

    :param journey: one of JOURNEYS.
    :param options: those of azs_plan.
    :param found: what was read: `activation`, `remembered` and `registrations` as azs_connected_info returns them; `old_registrations`,
        those in the subscription that is left.
    :raises AzsError: what exists contradicts what was asked for, or a rule is broken; nothing was changed.
    """
    activation, registrations = found["activation"], found.get("registrations") or ()
    if journey == REGISTER:
        return _registered(options, found)
    if journey == RENEW:
        return _renewed(options, found)
    if journey == CHANGE:
        place_wanted(options)
        return _changed(options, found)
    if journey == REREGISTER:
        return _registered_again(options, found)
    named = options.get("registration_id") or options.get("name")
    removal(named, activation, registrations)
    removed = registrations[0] if registrations else None
    if named and removed is not None:
        _check_activated_with(activation, removed)
    active = activation["state"] != NOT_REGISTERED or bool(found["remembered"].get("activated_with"))
    return plan.Plan(
        line=None if active or removed else "not registered",
        steps=plan.Steps(deactivation=active, removal=removed is not None),
        cloud_id=(removed or {}).get("cloud_id") or options.get("cloud_id") or found["remembered"].get("cloud_id"),
        removed=removed,
    )


def _check_activated_with(activation: t.Mapping[str, t.Any], removed: _Registration) -> None:
    """Refuse to deactivate a stamp for a registration that its activation does not name. Raises ConflictError."""
    found = activation.get("registration_id")
    if found and not same_id(found, removed["id"]):
        raise conflicts.activated_otherwise(str(found), str(removed["id"]))


def _registered(
    options: t.Mapping[str, t.Any],
    found: t.Mapping[str, t.Any],
    removed: _Registration | None = None,
    *,
    there: bool = True,
    stays: bool = False,
) -> plan.Plan:
    """Return the plan of registering, with what goes first.

    :param removed: the registration that goes; its stamp is deactivated before.
    :param there: whether it is there; an interrupted run may have deleted it already.
    :param stays: whether the stamp is activated with the wanted registration already, and is not deactivated.
    :raises ConflictError: the stamp is activated with another registration than the one that goes.
    """
    wanted = plan.wanted_of(options)[0]
    activation = found["activation"]
    if removed is not None and not stays:
        _check_activated_with(activation, removed)
        # Without an admin endpoint a stamp that was deactivated tells nothing.
        told = activation["evidence"] == chain.ACTIVATION
        activation = {"state": NOT_REGISTERED if told else "Unknown", "evidence": chain.ACTIVATION if told else "none"}
    made = plan.plan(
        wanted, activation=activation, remembered=found["remembered"], registrations=found.get("registrations")
    )
    if removed is None:
        return made
    active = found["activation"]["state"] != NOT_REGISTERED
    steps = dataclasses.replace(made.steps, deactivation=active and not stays, removal=there)
    return dataclasses.replace(made, steps=steps, removed=removed)


def _renewed(options: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> plan.Plan:
    wanted = {**options, "cloud_id": options.get("cloud_id") or found["remembered"].get("cloud_id")}
    decided = renewal(wanted, found["activation"], found.get("registrations") or ())
    if not decided.due:
        return plan.Plan(line=decided.line, cloud_id=wanted["cloud_id"], afterwards=decided.afterwards)
    asked = {
        **wanted,
        "name": decided.name,
        "resource_group": decided.resource_group,
        "reregister": decided.reregister,
    }
    made = _registered(asked, {**found, "registrations": decided.staying}, decided.removed)
    return dataclasses.replace(made, line=decided.line, afterwards=decided.afterwards)


def _changed(options: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> plan.Plan:
    wanted = {**options, "cloud_id": options.get("cloud_id") or found["remembered"].get("cloud_id")}
    there = found.get("registrations") or ()
    old = found.get("old_registrations")
    left = there if old is None else [*old, *there]
    decided = change(wanted, found["activation"], left, there)
    asked = {**wanted, "name": decided.name, "resource_group": decided.resource_group}
    if not decided.due:
        return _registered(asked, found)
    removed = _parts(str(decided.leaving))
    return _registered(
        asked,
        {**found, "registrations": decided.staying},
        removed,
        there=any(same_id(one["id"], removed["id"]) for one in left),
        stays=same_id(found["activation"].get("registration_id"), decided.target),
    )


def _registered_again(options: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> plan.Plan:
    registration, connected = again(
        found.get("registrations") or (), found["activation"].get("registration_id"), options.get("connected")
    )
    asked = {**options, **{name: registration.get(name) for name in _KEPT}, "reregister": True}
    if connected:
        return _registered(asked, found)
    request = plan.wanted_of(asked, disconnected=True)[0].request
    return plan.Plan(
        steps=plan.Steps(token=True, registration=True, key=True, activation=True),
        wanted=request,
        cloud_id=registration.get("cloud_id"),
        name=registration.get("name"),
        resource_group=registration.get("resource_group"),
        registration_id=str(registration["id"]),
        renew_token=True,
        reregister=True,
        connected=False,
    )


def _parts(registration_id: str) -> dict[str, str]:
    """Return a registration as its resource id tells it."""
    parts = registration_id.split("/")
    return {"id": registration_id, "subscription_id": parts[2], "resource_group": parts[4], "name": parts[8]}


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
class PlaceChange:
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

    :param wanted: `cloud_id`; `name` and `resource_group` or None; `renewal`, one of RENEWALS or None; `renew_within_days`, how many days
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
    due = not active or any(one < wanted["renew_within_days"] for one in left)
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
        reregister=any(_ends(one, wanted["renew_within_days"], untold=due and active) for one in living),
        afterwards=tuple(one for one in expired if due or not same_id(one["id"], named)) if leaves else (),
    )


def _ends(registration: _Registration, days: int, *, untold: bool) -> bool:
    """Tell whether a living registration is to be registered again.

    :param untold: what is said of one that does not tell its expiry.
    """
    left = registration.get("expires_in_days")
    return bool(left < days) if left is not None else untold and registration.get("expires") is None


def place_wanted(wanted: t.Mapping[str, t.Any]) -> None:
    """Check where a stamp is to go to, before anything is contacted.

    :param wanted: `subscription_id`; `old_subscription_id`, or None for the same one; `name` and `resource_group` or None.
    :raises InputError: nothing says where, or a subscription is not named by its id.
    """
    new = str(wanted.get("subscription_id") or "")
    old = str(wanted.get("old_subscription_id") or new)
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
) -> PlaceChange:
    """Return what is done to take a stamp to another subscription, resource group or name.

    An activation that points elsewhere has to go too, also when its registration is gone already; one of a stamp that is registered as
    wanted is only made anew.

    :param wanted: as `place_wanted` takes it, and `cloud_id`; `old_registration_id`, the one to leave, or None; `confirm_marketplace_loss`, whether the
        loss that comes with it is accepted.
    :param activation: as azs_activation_info returns it.
    :param found: the stamp's registrations in the old subscription and in the new one.
    :param there: those in the new one, None while they were not read.
    :raises ConflictError: the old registration that is named is not there, there are several, it is in a subscription where nobody looked,
        or the loss is not confirmed; nothing was changed.
    """
    name = wanted.get("name") or f"azurestack-{wanted['cloud_id']}"
    group = wanted.get("resource_group") or "azurestack"
    target = (
        f"/subscriptions/{wanted['subscription_id']}/resourceGroups/{group}"
        f"/providers/Microsoft.AzureStack/registrations/{name}"
    )
    asked_for = wanted.get("old_registration_id")
    old = [one for one in found if (same_id(one["id"], asked_for) if asked_for else not same_id(one["id"], target))]
    pointing = activation.get("registration_id") or None
    was_left = same_id(pointing, target) or (
        activation.get("state") == NOT_REGISTERED and activation.get("evidence") == chain.ACTIVATION
    )
    if asked_for and not old and not was_left:
        raise conflicts.not_there(asked_for, wanted["cloud_id"], [str(one["id"]) for one in found])
    if len(old) > 1:
        raise ConflictError(
            f"The stamp has {len(old)} registrations besides the wanted one",
            kind="several_registrations",
            where=", ".join(sorted(str(one["id"]) for one in old)),
            remedy="Set azs_old_registration_id to the one to be removed. Nothing was changed",
        )
    if pointing is not None and not old and not same_id(pointing, target):
        named, searched = _parts(str(pointing))["subscription_id"], wanted.get("old_subscription_id")
        if not any(same_id(named, one) for one in (searched, wanted["subscription_id"])):
            raise conflicts.left_elsewhere(str(pointing), named, str(searched or wanted["subscription_id"]))
    due = bool(old) or (pointing is not None and not same_id(pointing, target) and not found)
    leaving = str(old[0]["id"]) if old else pointing
    if due and not wanted.get("confirm_marketplace_loss"):
        raise ConflictError(
            f"Registering the stamp as {target} removes its activation and its registration {leaving} first",
            kind="loss_not_confirmed",
            where=leaving,
            cause="all marketplace items that were downloaded to the stamp are lost with that and have to be downloaded again, and tenants "
            "mapped on the registration have to be mapped again",
            remedy="Set azs_confirm_marketplace_loss to true when you accept that. Nothing was changed",
        )
    staying = None if there is None else tuple(one for one in there if not same_id(one["id"], leaving))
    return PlaceChange(target=target, name=name, resource_group=group, due=due, leaving=leaving, staying=staying)


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
