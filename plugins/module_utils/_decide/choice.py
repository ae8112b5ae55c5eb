# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a stamp's registrations is meant. FOR INTERNAL COLLECTION USE ONLY.

A living one before an expired one, then the one that the stamp is activated with, then the one that the operator names. The order
of Azure's list never matters.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id


def expired(registration: t.Mapping[str, t.Any]) -> bool:
    """Tell whether a registration has expired; one that does not tell its expiry has not."""
    days = registration.get("expires_in_days")
    return days is not None and days < 0


def meant(
    registrations: t.Sequence[t.Mapping[str, t.Any]], activated_with: str | None = None, named: str | None = None
) -> tuple[t.Mapping[str, t.Any] | None, bool]:
    """Return the registration that is meant, and whether the rule decided it; else it is the first by id.

    :param registrations: as azs_registration_info returns them, in any order.
    :param activated_with: resource id that the stamp's activation names.
    :param named: resource id that the operator names.
    """

    def rank(one: t.Mapping[str, t.Any]) -> tuple[bool, bool, bool]:
        return expired(one), not _is(one, activated_with), not _is(one, named)

    ranked = sorted(registrations, key=lambda one: (rank(one), str(one["id"]).lower()))
    if not ranked:
        return None, False
    return ranked[0], len(ranked) == 1 or rank(ranked[0]) != rank(ranked[1])


def _is(registration: t.Mapping[str, t.Any], wanted: str | None) -> bool:
    return bool(wanted) and same_id(registration["id"], wanted)
