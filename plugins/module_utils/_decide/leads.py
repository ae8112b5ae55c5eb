# SPDX-License-Identifier: GPL-3.0-or-later
"""What leads from a stamp to its registration. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t


def to_registration(
    known: t.Mapping[str, t.Any], cloud_id: str | None, *, every: bool = False
) -> dict[str, t.Any] | None:
    """Return the resource id that the activation names and the cloud id, to look for a registration by, None when neither is known.

    :param known: the result of azs_activation_info, with what the bundle remembers.
    :param cloud_id: what the operator says that it is.
    :param every: whether all registrations of the stamp are looked for, which only the cloud id leads to.
    """
    hint = known["activation"]["registration_id"] or None
    cloud_id = cloud_id or known["remembered"].get("cloud_id") or None
    return {"registration_hint": hint, "cloud_id": cloud_id} if cloud_id or (hint and not every) else None


def found_by(where: t.Mapping[str, t.Any], registrations: list[dict[str, t.Any]]) -> list[dict[str, t.Any]] | None:
    """Return what Azure has, None when that tells nothing about the stamp.

    An activation goes on naming the place that its registration was moved from: where it names nothing, and no cloud id is known to look
    for, the stamp may be registered all the same.

    :param where: what was looked by, as `to_registration` returns it.
    """
    return registrations if registrations or where["cloud_id"] else None
