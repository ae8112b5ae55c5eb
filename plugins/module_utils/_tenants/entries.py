# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant list: which customer subscriptions a registration is to hold. FOR INTERNAL COLLECTION USE ONLY.

Pure: what the list says, what is wrong with it, and which part of it is this stamp's. Rules of the service: the id of a
customer subscription is case-sensitive although it is a GUID, and a tenant has one subscription.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures, _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError

KEYS: t.Final = ("subscription_id", "tenant_id", "name", "stamps")
"""What an entry can hold. name is for the reader, stamps names the stamps that the tenant uses (none: all)."""

GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHOWN: t.Final = 5
"""Examples in a message."""


@dataclasses.dataclass(frozen=True)
class TenantEntry:
    """A line of the tenant list.

    :param subscription_id: the customer's Azure subscription, letter case as given.
    :param tenant_id: the customer's directory; None when the list does not say.
    :param name: what people call the customer.
    :param stamps: names of stamps or of their groups in lower case; empty: all stamps.
    :param origin: where the list says so, for messages.
    """

    subscription_id: str
    tenant_id: str | None = None
    name: str | None = None
    stamps: frozenset[str] = frozenset()
    origin: str = ""


@dataclasses.dataclass
class WantedTenants:
    """The part of the tenant list that concerns one stamp.

    :param entries: by subscription id.
    :param refused: entries that cannot be right, each with the reason.
    :param repeated: entries that only repeat another one.
    :param elsewhere: entries of other stamps.
    :param named: whether an entry names the stamp, and not only those of all stamps are meant for it.
    :param twins: pairs of subscription ids that differ in letter case only.
    """

    entries: dict[str, TenantEntry] = dataclasses.field(default_factory=dict)
    refused: list[tuple[TenantEntry, AzsError]] = dataclasses.field(default_factory=list)
    repeated: int = 0
    elsewhere: int = 0
    named: bool = False
    twins: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def parse(raw: t.Any, origin: str) -> TenantEntry:
    """Return an entry of what a task or a file gives: a subscription id, or a mapping with the keys of KEYS.

    :raises InputError: it is neither, holds unknown keys, or has no subscription id.
    """
    data = {"subscription_id": raw} if isinstance(raw, str) else raw
    if not isinstance(data, dict):
        raise InputError(
            f"{origin} of the tenant list is neither a subscription id nor a mapping",
            remedy=f"Write it as a mapping with subscription_id, and optionally {', '.join(KEYS[1:])}",
        )
    unknown = sorted(str(key) for key in data if key not in KEYS)
    if unknown:
        raise InputError(
            f"{origin} of the tenant list has unknown keys: {', '.join(unknown)}",
            remedy=f"An entry can have {', '.join(KEYS)}",
        )
    texts = {key: {"type": "str"} for key in ("subscription_id", "tenant_id", "name")}
    names = {"stamps": {"type": "list", "elements": "str"}} if isinstance(data.get("stamps"), list) else {}
    wrong = _options.no_texts(data, {"type": "dict", "options": {**texts, **names}}, f"{origin} of the tenant list")
    if wrong:
        raise InputError("; ".join(wrong), kind="not_a_text", remedy=_options.QUOTE)
    subscription = _text(data.get("subscription_id"))
    if subscription is None:
        raise InputError(
            f"{origin} of the tenant list names no subscription",
            remedy="Set subscription_id to the customer's Azure subscription",
        )
    return TenantEntry(
        subscription_id=re.sub(r"^/?subscriptions/|/$", "", subscription, flags=re.IGNORECASE),
        tenant_id=_text(data.get("tenant_id")),
        name=_text(data.get("name")),
        stamps=_stamps(data.get("stamps"), origin),
        origin=origin,
    )


def select(
    entries: t.Iterable[TenantEntry], names: t.Collection[str] = (), known: t.Collection[str] = ()
) -> WantedTenants:
    """Return what the tenant list wants of one stamp.

    :param names: what the list may call the stamp (its name, its groups); empty: every entry concerns it.
    :param known: names that the list may use at all; empty: any.
    :raises InputError: the list contradicts itself (two subscriptions of one tenant, two tenants of one subscription),
        or names stamps that nobody knows. Nothing of it can be trusted then.
    """
    wanted = WantedTenants()
    own = {name.lower() for name in names}
    everybody = {name.lower() for name in known} | own if known else set()
    strangers: dict[str, TenantEntry] = {}
    for entry in entries:
        if everybody:
            strangers.update((name, entry) for name in entry.stamps - everybody)
        if own and entry.stamps and own.isdisjoint(entry.stamps):
            wanted.elsewhere += 1
            continue
        wanted.named = wanted.named or bool(entry.stamps) or not own
        error = _malformed(entry)
        if error is not None:
            wanted.refused.append((entry, error))
            continue
        first = wanted.entries.get(entry.subscription_id)
        if first is None:
            wanted.entries[entry.subscription_id] = entry
        else:
            wanted.repeated += 1
            wanted.entries[entry.subscription_id] = _merged(first, entry)
    if strangers:
        raise InputError(
            f"The tenant list names stamps that are not known: {_few(sorted(strangers))}",
            cause=f"first in {next(iter(strangers.values())).origin}",
            remedy="Compare the names with the inventory's hosts and groups",
        )
    _one_subscription_each(wanted.entries.values())
    wanted.twins = twins(wanted.entries, wanted.entries)
    return wanted


def twins(some: t.Iterable[str], others: t.Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of ids, one of each side, that differ in letter case only; each pair once."""
    by_lower: dict[str, list[str]] = {}
    for other in others:
        by_lower.setdefault(other.lower(), []).append(other)
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for one in some:
        for other in by_lower.get(one.lower(), ()):
            if other != one:
                pairs.setdefault(frozenset((one, other)), (one, other))
    return list(pairs.values())


def same_tenant(one: str, other: str) -> bool:
    """Tell whether two tenant ids mean the same directory: unlike subscription ids they compare without letter case."""
    return one.lower() == other.lower()


def _text(value: t.Any) -> str | None:
    """Return a value's text without the blanks around it; None when nothing is left."""
    return str(value).strip() or None if value is not None else None


def _stamps(value: t.Any, origin: str) -> frozenset[str]:
    """Return the names of stamps; none, as all stamps are meant, for a value that is missing or empty.

    :raises InputError: the value is no list, or holds a name that is empty: that would mean no stamp, or all.
    """
    if value is None or isinstance(value, str):
        names = [name for name in re.split(r"[\s;,|]+", value or "") if name]
        empty = bool(value and value.strip() and not names)
    elif isinstance(value, list):
        names = ["" if name is None else str(name).strip() for name in value]
        empty = "" in names
    else:
        raise InputError(
            f"stamps in {origin} of the tenant list is not a list of names",
            remedy="Write the names as a list, or as one text with semicolons between them",
        )
    if empty:
        raise InputError(
            f"stamps in {origin} of the tenant list has an empty name",
            remedy="Name stamps or groups, or leave stamps out where the tenant uses all of them",
        )
    return frozenset(name.lower() for name in names)


def _malformed(entry: TenantEntry) -> AzsError | None:
    """Return what is wrong with the ids of an entry; the service would refuse it too, in words that help less."""
    if not GUID.fullmatch(entry.subscription_id):
        known = t.cast(_failures.Failure, _failures.classify("InvalidCustomerSubscriptionId", ""))
        return InputError(
            f"{entry.subscription_id!r} is not the id of a subscription",
            kind=known.kind,
            where=entry.origin,
            cause="it is not a GUID",
            remedy=known.remedy,
        )
    if entry.tenant_id is not None and not GUID.fullmatch(entry.tenant_id):
        return InputError(
            f"{entry.tenant_id!r} is not the id of a tenant",
            kind="tenant_id_invalid",
            where=entry.origin,
            cause="it is not a GUID",
            remedy="Set it to the customer's Microsoft ID, as Partner Center shows it",
        )
    return None


def _merged(first: TenantEntry, again: TenantEntry) -> TenantEntry:
    """Return one entry for two of the same subscription.

    :raises InputError: they name two tenants.
    """
    if first.tenant_id and again.tenant_id and not same_tenant(first.tenant_id, again.tenant_id):
        raise InputError(
            f"The tenant list gives the subscription {first.subscription_id} to two tenants",
            cause=f"{first.origin} says {first.tenant_id}, {again.origin} says {again.tenant_id}",
            remedy="A subscription belongs to one tenant: correct the list",
        )
    return dataclasses.replace(first, tenant_id=first.tenant_id or again.tenant_id, name=first.name or again.name)


def _one_subscription_each(entries: t.Iterable[TenantEntry]) -> None:
    """Raise InputError when two subscriptions are of one tenant: the second would overwrite the first."""
    by_tenant: dict[str, TenantEntry] = {}
    clashes: list[str] = []
    for entry in entries:
        if entry.tenant_id is None:
            continue
        first = by_tenant.setdefault(entry.tenant_id.lower(), entry)
        if first is not entry:
            clashes.append(
                f"tenant {entry.tenant_id}: {first.subscription_id} ({first.origin}) and "
                f"{entry.subscription_id} ({entry.origin})"
            )
    if clashes:
        raise InputError(
            "The tenant list gives one tenant several subscriptions",
            kind="several_subscriptions_of_a_tenant",
            cause=_few(clashes),
            remedy="A registration holds one subscription of each tenant, and a second one overwrites the first: "
            "keep one of them, or give them to different stamps with stamps",
        )


def _few(texts: t.Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
