# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook is for: connected stamps, disconnected ones, or both. FOR INTERNAL COLLECTION USE ONLY.

A group that holds both kinds leaves a playbook the hosts of its own. Whoever names stamps of the other kind alone means something that
the playbook does not do.
"""

from __future__ import annotations

import dataclasses
import typing as t

STAMPS: t.Final = "azs_stamps"
"""The group of all stamps, and the variable that takes its place."""
CONNECTED: t.Final = "azs_connected"
DISCONNECTED: t.Final = "azs_disconnected"
OF_KIND: t.Final = {"connected": (CONNECTED, DISCONNECTED), "disconnected": (DISCONNECTED, CONNECTED)}
"""Kind of a playbook -> the group of its stamps, and that of the others."""

_SHOWN: t.Final = 5


@dataclasses.dataclass(frozen=True)
class Named:
    """One part of what somebody named: a host, a group or a pattern.

    :param by: what it was named with: ``--limit``, or ``azs_stamps``.
    :param hosts: of the inventory that it stands for.
    """

    by: str
    text: str
    hosts: frozenset[str]


def patterns(kind: str, groups: t.Container[str]) -> list[str]:
    """Return what narrows a selection of stamps to a kind, as patterns of Ansible; groups that do not exist narrow nothing.

    :param kind: ``connected``, ``disconnected``, or nothing for both.
    """
    if not kind:
        return []
    own, other = OF_KIND[kind]
    return [pattern for group, pattern in ((own, f"&{own}"), (other, f"!{other}")) if group in groups]


def refusal(
    kind: str, groups: t.Mapping[str, t.Collection[str]], named: t.Sequence[Named], found: t.Collection[str]
) -> str | None:
    """Return why a playbook has nothing to do, or was given stamps that are not for it; None when it can go on.

    :param groups: of the inventory -> their hosts.
    :param found: hosts of the kind that the playbook would act on.
    """
    if not groups.get("all"):
        return "The inventory has no host. Give it with -i, and look at what ansible-inventory --graph shows of it"
    own, other = OF_KIND[kind] if kind else ("", "")
    both = sorted(set(groups.get(own, ())) & set(groups.get(other, ())))
    if both:
        return (
            f"{_listed(both)} stand in {own} and in {other}. A stamp is of one kind: take them out of one of the groups"
        )
    if kind and any(group in groups for group in (own, other)):
        of_kind = set(groups[own] if own in groups else groups["all"]) - set(groups.get(other, ()))
        stamps = set(groups.get(STAMPS, ())) | set(groups.get(other, ()))
        strange = [one for one in named if not one.hosts & of_kind and one.hosts & stamps]
        if strange:
            lacking = set[str]().union(*(one.hosts for one in strange)) & set(groups.get(other, ()))
            return (
                f"This playbook is for {kind} stamps, and {_named(strange)} "
                + (f"means stamps of the group {other}" if lacking else f"means no stamp of the group {own}")
                + f". Name {kind} stamps, or run the playbook for the other kind"
            )
    if found:
        return None
    meant = _named([one for one in named if one.by == STAMPS]) or STAMPS
    limits = _named([one for one in named if one.by != STAMPS])
    return (
        f"No host of the inventory matches {meant}"
        + (f" and {own}" if kind and own in groups else "")
        + (f" within {limits}" if limits else "")
        + ". Put the stamps into the group azs_stamps, or set azs_stamps to their group or names"
    )


def _named(parts: t.Iterable[Named]) -> str:
    parts = list(parts)
    return ", ".join(f"{one.by} {one.text}" if one.by != STAMPS else one.text for one in parts[:_SHOWN]) + _more(parts)


def _listed(hosts: t.Sequence[str]) -> str:
    return ", ".join(hosts[:_SHOWN]) + _more(hosts)


def _more(items: t.Sequence[t.Any]) -> str:
    return f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
