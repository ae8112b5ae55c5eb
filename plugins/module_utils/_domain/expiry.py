# SPDX-License-Identifier: GPL-3.0-or-later
"""Expiries of registrations and activations. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import datetime
import email.utils
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims


def now() -> datetime.datetime:
    """Return the present moment as an aware UTC time."""
    return datetime.datetime.now(datetime.timezone.utc)


_CLOCKS_APART: t.Final = datetime.timedelta(minutes=5)
"""What two clocks may differ by; sign-ins allow as much."""


def clock_ahead(date: str | None, moment: datetime.datetime) -> datetime.timedelta | None:
    """Return by how much this host's clock is ahead of a service's, negative when it is behind; None when nobody can tell.

    :param date: the Date header of an answer.
    :param moment: when it came, by this host's clock.
    """
    try:
        told = email.utils.parsedate_to_datetime(date or "")
        return moment - told if told.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def at_service(moment: datetime.datetime, ahead: datetime.timedelta | None) -> datetime.datetime:
    """Return a moment of this host's clock by a service's; a small difference of the two counts as none."""
    return moment if ahead is None or abs(ahead) <= _CLOCKS_APART else moment - ahead


def wrong_clock(ahead: datetime.timedelta | None, service: str) -> str | None:
    """Return the difference of two clocks as a sentence without a full stop, None when it is small or unknown."""
    if ahead is None or abs(ahead) <= _CLOCKS_APART:
        return None
    minutes = round(abs(ahead).total_seconds() / 60)
    much = (
        f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours" if minutes < 2880 else days(minutes // 1440)
    )
    return (
        f"the clock of this host is {much} {'ahead of' if ahead > datetime.timedelta() else 'behind'} that of {service}"
    )


def normal(value: t.Any) -> str | None:
    """Return a service's timestamp in one form, all forms of never (year 9999) as claims.NEVER; None when it is none."""
    try:
        moment = claims.parse_time(str(value or ""))
    except ValueError:
        return None
    if moment.year == 9999:
        return claims.NEVER
    return moment.astimezone(datetime.timezone.utc).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def same(one: str | None, other: str | None) -> bool:
    """Tell whether two expiries, as `normal` returns them, are the same moment; an unknown one differs from every known one.

    Stamps' services of 2018 tell theirs in local time without saying which: a whole number of hours up to a day is no difference.
    """
    if one is None or other is None or claims.NEVER in (one, other):
        return one == other
    apart = abs(claims.parse_time(one) - claims.parse_time(other))
    return apart <= datetime.timedelta(days=1) and apart % datetime.timedelta(hours=1) == datetime.timedelta()


def days_left(expires: str | None, moment: datetime.datetime) -> int | None:
    """Return the whole days until a timestamp, negative when it has passed; None for unknown and for never."""
    if expires is None or expires == claims.NEVER:
        return None
    return (claims.parse_time(expires) - moment).days


def unreadable(told: str | None, of: str) -> str | None:
    """Return a warning of an expiry that is no time, None when there is none such.

    :param told: what stands in its place.
    :param of: what expires.
    """
    if told is None:
        return None
    return f"The expiry of {of} cannot be read ({told[:60]!r}), so nobody is told when it has passed. Look it up in the portal."


def passed(expires: str | None, ahead: datetime.timedelta | None = None) -> bool:
    """Tell whether a timestamp, as `normal` returns it, lies in the past; an unknown one and never do not.

    :param ahead: by how much this host's clock is ahead of the service's.
    """
    left = days_left(expires, at_service(now(), ahead))
    return left is not None and left < 0


def days(number: int) -> str:
    """Return a number of days in words."""
    return f"{number} day" if number == 1 else f"{number} days"


def when(left: int) -> str:
    """Return in words when something expires, or expired.

    :param left: what `days_left` returns for it; whole days, so 0 and -1 are less than a day.
    """
    number = left if left >= 0 else -left - 1
    much = days(number) if number else "less than a day"
    return f"in {much}" if left >= 0 else f"{much} ago"
