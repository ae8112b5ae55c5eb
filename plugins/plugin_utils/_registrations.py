# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations for the inventory plugin: from its options to plain data. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import collections
import dataclasses
import os
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence, registrations, session
from ansible_collections.azurestack.hub.plugins.module_utils._caller import Asker
from ansible_collections.azurestack.hub.plugins.module_utils._decide import choice
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import credentials


def options(given: t.Mapping[str, t.Any], subscriptions: t.Sequence[str]) -> tuple[dict[str, t.Any], list[str]]:
    """Return the checked Azure options, and the ids of the subscriptions to read, each once.

    The environment stands in for what is not given, by the same rules as for modules.

    :param given: the Azure options of the inventory file, without the defaults of the others; None counts as not given.
    :param subscriptions: the option of that name; empty when the one of subscription_id is meant.
    :raises InputError: no subscription, or options that cannot work.
    """
    spec = _options.argument_spec("azure")
    own = {name: value for name, value in given.items() if value is not None}
    own.update(_options.from_environment(["azure"], own, os.environ))
    wanted = [session.subscription_id(str(one)) for one in subscriptions or filter(None, [own.get("subscription_id")])]
    if not wanted:
        raise InputError(
            "No subscription is given",
            remedy="Set subscriptions or subscription_id in the inventory file, or AZURE_SUBSCRIPTION_ID",
        )
    checked = ArgumentSpecValidator(spec, **_options.CONSTRAINTS["azure"]).validate(
        {**own, "subscription_id": wanted[0]}
    )
    if checked.error_messages:
        raise InputError("; ".join(checked.error_messages), remedy="Correct the inventory file or the environment")
    if checked.validated_parameters["auth_source"] == credentials.DEVICE_CODE:
        raise InputError(
            "An inventory cannot wait for a user to sign in",
            where="auth_source: device_code",
            remedy="Give the inventory a service principal that may read registrations, or auth_source cli or msi",
        )
    once = [one for number, one in enumerate(wanted) if not any(same_id(one, other) for other in wanted[:number])]
    return checked.validated_parameters, once


def read(
    params: dict[str, t.Any],
    subscriptions: t.Iterable[str],
    warn: t.Callable[[str], None],
    hide: t.Callable[[str], None],
) -> list[dict[str, t.Any]]:
    """Return the registrations of subscriptions as data, as azs_registration_info names the fields. No secret is in it.

    :param params: the checked Azure options.
    :raises AzsError: a subscription could not be read completely; part of an inventory would be worse than none.
    """
    asker = Asker(params, warn, hide)
    client = session.connect(asker).client
    found: list[registrations.Registration] = []
    for subscription in subscriptions:
        try:
            found += registrations.list_all(client, subscription)
        except ArmError as error:
            # Where the resource provider was never registered, nobody registered a stamp.
            if not (absence.is_told(error) or error.kind == "provider_not_registered"):
                raise
    several = {key for key, count in collections.Counter(map(_cloud_id, found)).items() if key and count > 1}
    return [
        {
            "id": str(one.id),
            **dataclasses.asdict(one.id),
            "cloud_id": _cloud_id(one),
            "billing_model": one.billing_model,
            "bridge_principal": one.bridge_principal,
            # Which of several is in use: only then are their keys worth a request each.
            "expires_in_days": registrations.days_left(client, one.id) if _cloud_id(one) in several else None,
        }
        for one in found
    ]


def _cloud_id(one: registrations.Registration) -> str | None:
    return one.cloud_id.lower() if one.cloud_id else None


def by_stamp(found: t.Iterable[dict[str, t.Any]]) -> dict[str, list[dict[str, t.Any]]]:
    """Return the registrations of each stamp, by cloud id; those without one each by their own id. Both are sorted."""
    stamps: dict[str, list[dict[str, t.Any]]] = {}
    for one in sorted(found, key=lambda one: str(one["id"]).lower()):
        stamps.setdefault(one["cloud_id"] or str(one["id"]).lower(), []).append(one)
    return dict(sorted(stamps.items()))


def named(
    stamps: t.Mapping[str, t.Sequence[dict[str, t.Any]]], hosts: t.Mapping[str, t.Mapping[str, t.Any]]
) -> dict[str, str]:
    """Return which stamp's registration each host names; where two hosts name one stamp's, or one those of two, nothing is taken.

    :param stamps: as `by_stamp` returns them; those of the hosts whose cloud id is known are left out.
    :param hosts: name of a host without a cloud id -> its variables azs_subscription_id, azs_resource_group and
        azs_registration_name. A host without the last one names a registration by being called as it is.
    :returns: key of the stamp -> name of the host.
    """
    found: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        own = {"azs_registration_name": host} | {name: value for name, value in variables.items() if value}
        meant = [key for key, registrations in stamps.items() if any(_means(own, one) for one in registrations)]
        if len(meant) == 1:
            found.setdefault(meant[0], []).append(host)
    return {key: names[0] for key, names in found.items() if len(names) == 1}


def _means(variables: t.Mapping[str, t.Any], one: t.Mapping[str, t.Any]) -> bool:
    return all(
        same_id(one[field], str(variables[f"azs_{variable}"]))
        for variable, field in (
            ("registration_name", "name"),
            ("resource_group", "resource_group"),
            ("subscription_id", "subscription_id"),
        )
        if variables.get(f"azs_{variable}")
    )


def chosen(found: t.Sequence[dict[str, t.Any]], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the one of a stamp's registrations that its host names; of several the one that choice.meant prefers.

    None when the host names one that the stamp does not have: another one is not taken for it. A group without a name is a
    preference alone, as everywhere.

    :param variables: of the host: azs_subscription_id, azs_resource_group, azs_registration_name.
    """
    names = {
        "subscription_id": variables.get("azs_subscription_id"),
        "resource_group": variables.get("azs_resource_group"),
        "name": variables.get("azs_registration_name"),
    }
    named = [name for name in ("name", *(["resource_group"] if names["name"] else [])) if names[name]]
    found = [one for one in found if all(same_id(one[name], str(names[name])) for name in named)]
    living = [one for one in found if not choice.expired(one)]
    return max(
        living or found,
        default=None,
        key=lambda one: sum(same_id(one[name], str(value)) for name, value in names.items() if value),
    )
