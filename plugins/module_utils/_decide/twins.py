# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps that stand twice in an inventory. FOR INTERNAL COLLECTION USE ONLY.

Two names for one stamp come from copy and paste: what is read of the one, or done to it, would be taken for the other.
"""

from __future__ import annotations

import re
import typing as t

VARIABLES: t.Final = (
    "azs_cloud_id",
    "azs_admin_endpoint",
    "azs_pep_hosts",
    "azs_pep_port",
    "azs_pep_use_tls",
    "azs_pep_proxy",
    "azs_pep_runner",
)
"""What tells a stamp's identity, or where an address leads to: equal addresses behind different runners are different stamps."""


def find(stamps: t.Mapping[str, t.Mapping[str, t.Any]], concerned: t.Collection[str]) -> list[str]:
    """Return a sentence for everything that two names have in common, without a full stop.

    :param stamps: names -> their VARIABLES, as far as they are known.
    :param concerned: names that the run is about; what others have in common is left alone.
    """
    held: dict[tuple[str, ...], list[str]] = {}
    for name, variables in stamps.items():
        for mark in _marks(variables):
            held.setdefault(mark, []).append(name)
    return [
        f"{' and '.join(sorted(names))} have the same {mark[0]}, {mark[1]}"
        for mark, names in held.items()
        if len(names) > 1 and not set(names).isdisjoint(concerned)
    ]


def _marks(variables: t.Mapping[str, t.Any]) -> set[tuple[str, ...]]:
    """Return what nothing but this stamp has: the variable, the value, and where that counts."""
    marks: set[tuple[str, ...]] = set()
    runner = str(variables.get("azs_pep_runner") or "localhost")
    cloud_id, endpoint = variables.get("azs_cloud_id"), variables.get("azs_admin_endpoint")
    if cloud_id:
        marks.add(("azs_cloud_id", str(cloud_id).strip().lower()))
    if endpoint:
        marks.add(("azs_admin_endpoint", re.sub(r":443$", "", str(endpoint).strip().rstrip("/").lower()), runner))
    hosts = variables.get("azs_pep_hosts") or []
    port = variables.get("azs_pep_port") or (
        5986 if str(variables.get("azs_pep_use_tls")).lower() in ("true", "yes", "1") else 5985
    )
    for host in [hosts] if isinstance(hosts, str) else hosts:
        text = str(host).strip().lower()
        named = re.fullmatch(r"\[.*\]:\d+|[^:]+:\d+", text)
        marks.add(
            ("azs_pep_hosts", text if named else f"{text}:{port}", runner, str(variables.get("azs_pep_proxy") or ""))
        )
    return marks
