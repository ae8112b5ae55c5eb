# SPDX-License-Identifier: GPL-3.0-or-later
"""What contradicts what was asked for, and is the operator's to decide. FOR INTERNAL COLLECTION USE ONLY.

One wording for the plan of a run and for the modules that act: both refuse before anything is changed.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError


def registered_elsewhere(
    cloud_id: str | None, registration: t.Mapping[str, t.Any], name: str | None, resource_group: str | None
) -> ConflictError:
    """Return the error for a stamp that is registered under another name than the one that was asked for.

    :param registration: `id`, `name` and `resource_group` of the registration that exists.
    """
    return ConflictError(
        f"The stamp {cloud_id} is registered already, as {registration['name']} in resource group "
        f"{registration['resource_group']}",
        kind="registered_elsewhere",
        where=str(registration["id"]),
        cause=f"{name}"
        + (f" in resource group {resource_group}" if resource_group else "")
        + " was asked for, and a stamp has one registration",
        remedy="Leave name out, or set name and resource_group to that registration, to keep it. azurestack.hub.move takes it to another "
        "resource group without loss. azurestack.hub.connected_change gives another name or group too, but loses all marketplace items "
        "and mapped tenants. Nothing was changed",
        details={"registration_id": str(registration["id"])},
    )


def in_another_subscription(who: str, registration_id: str, found: str, wanted: str) -> ConflictError:
    """Return the error for a stamp that is registered in another subscription than the one that was asked for.

    :param who: the stamp, for the message.
    :param found: id of the subscription that it is registered in.
    :param wanted: id of the subscription that was asked for.
    """
    return ConflictError(
        f"{who} is registered in another subscription, {found}",
        kind="registered_elsewhere",
        where=registration_id,
        cause=f"subscription_id is {wanted}, and a stamp has one registration",
        remedy="Set subscription_id to that subscription to keep the registration. azurestack.hub.move takes it to another subscription "
        "of a CSP without loss. azurestack.hub.connected_change registers a connected stamp anew elsewhere, but loses all marketplace "
        "items and mapped tenants. Nothing was changed",
        details={"registration_id": registration_id},
    )


def activated_otherwise(found: str, expected: str) -> ConflictError:
    """Return the error for a stamp that is activated with another registration than the one that is to go.

    :param found: resource id that the activation names.
    :param expected: resource id of the registration.
    """
    return ConflictError(
        "The stamp is activated with another registration",
        kind="activated_otherwise",
        where=found,
        cause=f"{expected} is expected",
        remedy="Name the registration that the activation names, or leave azs_registration_name and azs_registration_id out: the stamp is "
        "then deactivated with the one that it has. Instead of a renewal, run azurestack.hub.connected_unregister like that, and then "
        "azurestack.hub.connected_register; marketplace items that were downloaded to the stamp are lost with that. Nothing was changed",
    )


def left_elsewhere(registration_id: str, found: str, searched: str) -> ConflictError:
    """Return the error for a stamp that is to leave a registration in a subscription where nobody looked.

    :param registration_id: the one that the activation names.
    :param found: id of its subscription.
    :param searched: id of the subscription that was looked in.
    """
    return ConflictError(
        f"The stamp is activated with a registration in another subscription, {found}",
        kind="registered_elsewhere",
        where=registration_id,
        cause=f"the registration that it leaves was looked for in {searched}",
        remedy=f"Set azs_old_subscription_id to {found}. Nothing was changed",
        details={"registration_id": registration_id},
    )


def not_there(named: str, cloud_id: str | None, ids: t.Sequence[str]) -> ConflictError:
    """Return the error for a registration that is named and is not there: another one is never taken for it.

    :param named: its resource id, or where it was said to be.
    :param ids: of the registrations that the stamp has instead.
    """
    return ConflictError(
        f"The stamp {cloud_id} has no registration {named}",
        kind="named_registration_missing",
        where=named,
        cause=f"it is registered as {', '.join(ids)}" if ids else "the subscription holds no registration of it",
        remedy="Compare name, resource group and id letter by letter, and name the registration that is meant; leave them out to "
        "mean the one that the stamp has. This task changed nothing",
        details={"registration_ids": list(ids)},
    )


def registered_meanwhile(registration_id: str, cause: str) -> ConflictError:
    """Return the error for a stamp that somebody else registered while this run did.

    :param cause: what shows it.
    """
    return ConflictError(
        "Somebody else registered this stamp meanwhile",
        kind="registered_meanwhile",
        where=registration_id,
        cause=cause,
        remedy="Let one controller at a time work on a stamp, then run again: it takes the registration as it is then",
    )


def differing_key(registered: t.Mapping[str, t.Any], said: t.Mapping[str, t.Any]) -> ConflictError | None:
    """Return the error for an activation key that is not that of the registration this run has made; None when it is.

    :param registered: the registration as azs_registration returned it; empty when nothing was registered.
    :param said: what the key says. What one side does not tell is not compared.
    """
    differing = [
        f"{name.replace('_', ' ')} was registered as {registered[name]}, and its activation key says {said[name]}"
        for name in ("cloud_id", "billing_model", "marketplace_syndication", "usage_reporting", "bridge_principal")
        if None not in (registered.get(name), said.get(name)) and not same_id(str(registered[name]), str(said[name]))
    ]
    return registered_meanwhile(str(registered["id"]), "; ".join(differing)) if differing else None


def of_connected_stamp(registration: t.Mapping[str, t.Any], principal: str, fields: t.Sequence[str]) -> ConflictError:
    """Return the error for a connected stamp's registration that the token of a disconnected one would convert.

    :param registration: `id` and `name` of the registration that exists.
    :param principal: object id of its bridge principal.
    :param fields: what the token would change besides.
    """
    return ConflictError(
        f"The registration {registration['name']} is that of a connected stamp, and the token is a disconnected one's",
        kind="registration_of_connected_stamp",
        where=str(registration["id"]),
        cause=f"it names the bridge principal {principal}, and the token, which names none, would change "
        f"{', '.join(fields)}",
        remedy="Leave this stamp to azurestack.hub.connected_register (in a mixed fleet, put it into the "
        "group azs_connected); set reregister (azs_reregister) to true when the stamp is to be a disconnected one "
        "from now on. Nothing was changed",
        details={"registration_id": str(registration["id"]), "bridge_principal": principal, "fields": list(fields)},
    )


def several_registrations(cloud_id: str | None, ids: t.Sequence[str]) -> ConflictError:
    """Return the error for a stamp with more than one registration of which choice.meant does not prefer one.

    :param ids: of the registrations.
    """
    return ConflictError(
        f"The stamp {cloud_id} has {len(ids)} registrations",
        kind="several_registrations",
        where=", ".join(ids),
        cause="their expiry does not tell which one is in use",
        remedy="Set name and resource_group, or registration_id, to the one that is meant; delete the others (azs_registration, state "
        "absent)",
        details={"registration_ids": list(ids)},
    )


def not_deactivated(cloud_id: str | None, registration_id: str) -> ConflictError:
    """Return the error for a registration that is to be deleted while nothing shows that its stamp was deactivated."""
    return ConflictError(
        f"Nothing shows that the stamp {cloud_id} was deactivated",
        kind="not_deactivated",
        where=registration_id,
        cause="the bundle has no record of it that is newer than the last registration, and an active stamp must not lose "
        "its registration",
        remedy="Run azurestack.hub.disconnected_deactivate where the stamp can be reached, and bring its bundle here; "
        "set azs_confirm_deactivated to true only when you know that the stamp is not active. Nothing was changed",
        details={"registration_id": registration_id},
    )


def activation_of_another_stamp(
    registration_id: str, found: str | None, cloud_id: str, where: str | None = None
) -> ConflictError:
    """Return the error for an activation that is not this stamp's: it names a registration of another stamp.

    :param registration_id: what the activation names.
    :param found: that registration's cloud id, None when it is not known.
    :param cloud_id: the stamp's.
    :param where: the admin endpoint that answered, when it is known.
    """
    return ConflictError(
        "The activation that was read is another stamp's",
        kind="activation_of_another_stamp",
        where=where or registration_id,
        cause=f"it names the registration {registration_id}"
        + (f" of cloud id {found}" if found else "")
        + f", and this stamp's cloud id is {cloud_id}",
        remedy="Compare admin_endpoint and pep_hosts of this stamp in the inventory: all have to be the same stamp's. When they are, "
        "its old registration's name was given to another stamp: deactivate this one first (azs_activation, state absent). Nothing was "
        "changed",
        details={"registration_id": registration_id, "cloud_id": found},
    )


def of_another_stamp(registration: t.Mapping[str, t.Any], cloud_id: str) -> ConflictError:
    """Return the error for a registration that belongs to another stamp.

    :param registration: `id`, `name`, `resource_group` and `cloud_id` of the registration that exists.
    """
    return ConflictError(
        f"The registration {registration['name']} in resource group {registration['resource_group']} belongs to another "
        f"stamp, cloud id {registration['cloud_id']}",
        kind="registration_of_another_stamp",
        where=str(registration["id"]),
        cause=f"this stamp's cloud id is {cloud_id}",
        remedy="Choose another name (the default azurestack-<cloud id> is unique), or compare the cloud id",
        details={"registration_id": str(registration["id"]), "cloud_id": registration["cloud_id"]},
    )
