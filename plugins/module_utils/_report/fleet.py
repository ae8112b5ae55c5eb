# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report: all stamps' lines, what changed since the report before, and sums. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER, same_id
from ansible_collections.azurestack.hub.plugins.module_utils._report import rows
from ansible_collections.azurestack.hub.plugins.module_utils._report.rows import (
    DRIFTED,
    EXPIRED,
    EXPIRES_SOON,
    IN_SYNC,
    NOT_REGISTERED,
    UNKNOWN,
)

FORMAT: t.Final = 1

LABELS: t.Final = {
    EXPIRED: "Expired",
    NOT_REGISTERED: "Not registered",
    DRIFTED: "Drifted",
    UNKNOWN: "Unknown",
    EXPIRES_SOON: "Expires soon",
    IN_SYNC: "In sync",
}
"""The states of a stamp, the worst first."""

_MONTHS: t.Final = 12

_PLACES: t.Final = ("id", "registration_id")

_WATCHED: t.Final = {
    "azure": {
        "id": "registration",
        "billing_model": "billing model",
        "marketplace_syndication": "marketplace syndication",
        "usage_reporting": "usage reporting",
        "bridge_principal": "bridge principal",
        "nodes": "nodes",
        "lock": "lock",
        "expires": "expiry of the registration",
        "tenants": "tenants",
    },
    "stamp": {
        "state": "activation",
        "registration_id": "activated with",
        "expires": "expiry of the activation",
    },
}
"""What counts as a change of a stamp, and how it is called."""


@dataclasses.dataclass(frozen=True)
class Report:
    """A report and how it differs from the one before.

    :param data: the report, JSON types alone.
    :param differs: whether it says something that the one before did not; the time, and days that have passed, are nothing.
    :param was: status in the report before, by the names of the stamps that it knew.
    """

    data: dict[str, t.Any]
    differs: bool
    was: t.Mapping[str, str]

    def lines(self) -> list[str]:
        """Return what the operator at the terminal reads.

        One line of counts, one for each stamp that needs somebody, and one for each that changed since the report before.
        """
        counts = [f"{one['stamps']} {one['label'].lower()}" for one in self.data["statuses"] if one["stamps"]]
        lines = [f"{len(self.data['stamps'])} stamps: {', '.join(counts)}"]
        for one in self.data["stamps"]:
            status = LABELS[one["status"]].lower()
            was = LABELS.get(self.was.get(one["name"], one["status"]), "").lower()
            status += f", was {was}" if was and was != status else ""
            if one["status"] != IN_SYNC:
                why = "; ".join(one["reasons"]) or expiry.when(one["expires_in_days"])
                lines.append(f"{one['name']}: {status}: {why}")
            elif was != status:
                lines.append(f"{one['name']}: {status}")
            if one["changed"] and one["changed"]["at"] == self.data["made"]:
                lines.append(f"{one['name']}: changed: {'; '.join(one['changed']['what'])}")
        return lines


def report(
    stamps: t.Sequence[t.Mapping[str, t.Any]],
    *,
    hosts: t.Sequence[str] = (),
    moment: datetime.datetime,
    within_days: int,
    previous: t.Mapping[str, t.Any] | None = None,
) -> Report:
    """Make the report.

    :param stamps: what was read of each, as `rows.row` takes it.
    :param hosts: names of all stamps that it is about; those that are not among `stamps` are unknown.
    :param moment: aware UTC time.
    :param within_days: a stamp with fewer days left expires soon.
    :param previous: the report before, as `parse` returns it.
    """
    made = _text(moment)
    given = {str(stamp["name"]): stamp for stamp in stamps if stamp.get("name")}
    old = {str(one["name"]): one for one in (previous or {}).get("stamps", [])}
    lines = [
        _with_history(rows.row(given.get(name) or rows.nothing_known(name), moment, within_days), old.get(name), made)
        for name in dict.fromkeys([*hosts, *given])
    ]
    order = list(LABELS)
    lines.sort(key=lambda one: (order.index(one["status"]), one["expires"] or "9", one["name"]))
    data = {
        "format": FORMAT,
        "made": made,
        "first_made": (previous or {}).get("first_made") or made,
        "within_days": within_days,
        "statuses": [
            {"status": status, "label": label, "stamps": sum(one["status"] == status for one in lines)}
            for status, label in LABELS.items()
        ],
        "billing_models": _billing_models(lines),
        "expiries": _expiries(lines, moment),
        "tenants": sum((one["azure"] or {}).get("tenants") or 0 for one in lines),
        "stamps": lines,
    }
    said = {one["name"]: _said(one) for one in lines}
    before = {name: _said(one) for name, one in old.items()}
    return Report(data, said != before or previous is None, {name: str(one["status"]) for name, one in old.items()})


def parse(text: str) -> dict[str, t.Any] | None:
    """Return the report before; None when the text is none, or one of another format."""
    try:
        data = json.loads(text)
        fitting = data["format"] == FORMAT and all(
            {"name", "status", "azure", "stamp"} <= one.keys() for one in data["stamps"]
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return data if fitting else None


def _with_history(line: dict[str, t.Any], old: t.Mapping[str, t.Any] | None, made: str) -> dict[str, t.Any]:
    """Add since when it is so, the last change, and what was known of a side that did not answer today."""
    before: t.Mapping[str, t.Any] = old or {}
    what = []
    for side, watched in _WATCHED.items():
        now, then = line[side], before.get(side)
        if now is None:
            line[side] = then
            continue
        line[side] = {**now, "as_of": made}
        if then:
            what += [
                f"{name}: {' → '.join(_told_apart(field, then.get(field), now.get(field)))}"
                for field, name in watched.items()
                if not _same(field, now.get(field), then.get(field))
                and not (field == "tenants" and None in (now[field], then.get(field)))
            ]
    line["status_since"] = before.get("status_since", made) if before.get("status") == line["status"] else made
    line["changed"] = {"at": made, "what": what} if what else before.get("changed")
    line["known_since"] = before.get("known_since") or made
    line["activated"] = activated = line["activated"] or before.get("activated")
    changes = [line["changed"]] if line["changed"] else []
    changes += [{"at": activated, "what": ["activated"]}] if activated else []
    line["last_change"] = max(changes, key=lambda change: change["at"], default=None)
    return line


def _same(field: str, one: t.Any, other: t.Any) -> bool:
    return same_id(one, other) if field in _PLACES and one and other else bool(one == other)


def _told_apart(field: str, then: t.Any, now: t.Any) -> tuple[str, str]:
    """Return both values as they are shown: places from the first part on that differs, expiries of one day with the time."""
    if field in _PLACES and then and now:
        # subscription, resource group and name
        old, new = ([*parts[2:5:2], parts[-1]] for parts in (str(then).split("/"), str(now).split("/")))
        while min(len(old), len(new)) > 1 and same_id(old[0], new[0]):
            del old[0], new[0]
        return "/".join(old), "/".join(new)
    if field == "expires" and then and now and then[:10] == now[:10]:
        return str(then), str(now)
    return _shown(field, then), _shown(field, now)


def _shown(field: str, value: t.Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if field == "expires":
        return "never" if value == NEVER else str(value)[:10]
    return str(value).rpartition("/")[2] if field in _PLACES else str(value)


def _said(line: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a line says, without what time alone changes."""
    sides = {
        side: {name: value for name, value in (line.get(side) or {}).items() if name != "as_of"} for side in _WATCHED
    }
    return {"status": line["status"], "reasons": line.get("reasons"), "activated": line.get("activated"), **sides}


def _billing_models(lines: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return stamps, nodes and tenants by billing model, as Azure has or last had it."""
    sums: dict[str | None, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for one in lines:
        azure = one["azure"] or {}
        sums[azure.get("billing_model")].update(
            stamps=1, nodes=azure.get("nodes") or 0, tenants=azure.get("tenants") or 0
        )
    ordered = sorted(sums.items(), key=lambda entry: (entry[0] is None, -entry[1]["stamps"], entry[0] or ""))
    return [
        {"billing_model": model, **{name: counts[name] for name in ("stamps", "nodes", "tenants")}}
        for model, counts in ordered
    ]


def _expiries(lines: t.Sequence[t.Mapping[str, t.Any]], moment: datetime.datetime) -> dict[str, t.Any]:
    """Return how many stamps expire in this month and each of the twelve after it, and how many at another time."""
    first = moment.year * 12 + moment.month - 1
    names = [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, first + _MONTHS + 1)]
    counted = collections.Counter(
        "never"
        if one["never_expires"]
        else "unknown"
        if one["expires"] is None
        else "expired"
        if one["expires_in_days"] < 0
        else one["expires"][:7]
        if one["expires"][:7] in names
        else "later"
        for one in lines
    )
    months = [{"month": name, "stamps": counted[name]} for name in names]
    return {"months": months, **{name: counted[name] for name in ("expired", "later", "never", "unknown")}}


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).replace(microsecond=0).isoformat().replace("+00:00", "Z")
