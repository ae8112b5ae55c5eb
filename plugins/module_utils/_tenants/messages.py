# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads: result, diff, warnings and the error. FOR INTERNAL COLLECTION USE ONLY.

Lists are capped: AWX drops the result of a task beyond 700,000 characters, and nobody reads ten thousand lines.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import locks
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.mapping_plan import (
    CREATE,
    REMOVE,
    UPDATE,
    MappingChange,
)
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.reconciliation import MappingOutcome

LIST_SIZE: t.Final = 70_000
"""Characters of JSON that a list of the result may have; five lists and the rest stay under 500,000."""
DIFF_LINES: t.Final = 500
_SHOWN: t.Final = 10
_NAMES: t.Final = {CREATE: "created", UPDATE: "updated", REMOVE: "removed"}
_SIGNS: t.Final = {CREATE: "+", UPDATE: "~", REMOVE: "-"}

Shown = dict[str, t.Any]


def result(outcome: MappingOutcome) -> dict[str, t.Any]:
    """Return the task result: counts, and the entries that were changed, failed or not tried, capped with a note."""
    lists: dict[str, list[Shown]] = {
        _NAMES[action]: [_shown(change) for change in outcome.done if change.action == action] for action in _NAMES
    }
    lists["failures"] = [_failed(change, error) for change, error in outcome.failed]
    lists["not_tried"] = [{**_shown(change), "action": change.action} for change in outcome.untried]
    counts = {
        "wanted": len(outcome.wanted.entries) + len(outcome.wanted.refused),
        "found": outcome.plan.found,
        "unchanged": outcome.plan.unchanged,
        **{name if name != "failures" else "failed": len(entries) for name, entries in lists.items()},
        "replaced": sum(change.replaces is not None for change in outcome.done),
        "repeated": outcome.wanted.repeated,
        "of_other_stamps": outcome.wanted.elsewhere,
        "throttled": outcome.throttled,
    }
    capped = {name: fitting(entries) for name, entries in lists.items()}
    return {
        "changed": outcome.changed,
        "registration": {"id": str(outcome.where), **dataclasses.asdict(outcome.where)},
        "counts": counts,
        **capped,
        "not_shown": {
            name: len(entries) - len(capped[name])
            for name, entries in lists.items()
            if len(entries) > len(capped[name])
        },
        "lock": {"name": locks.NAME, "lifted": outcome.lifted},
        "hidden_from_list": outcome.hidden,
    }


def diff(outcome: MappingOutcome) -> dict[str, str]:
    """Return the diff: the counts first, then the entries, capped with a note."""
    lines = [f"{_SIGNS[change.action]} {change.subscription_id}{_fate(change)}" for change in outcome.done[:DIFF_LINES]]
    more = len(outcome.done) - len(lines)
    if more > 0:
        lines.append(f"... and {more} more changes, not shown")
    head = f"tenant mappings of {outcome.where.name}: {summary(outcome)}"
    return {"prepared": "\n".join([head, *lines]) + "\n"}


def summary(outcome: MappingOutcome) -> str:
    """Return the counts in words."""
    if outcome.closed:
        return "takes no tenants, for it is billed by capacity"
    numbers = {name: sum(change.action == action for change in outcome.done) for action, name in _NAMES.items()}
    numbers["unchanged"] = outcome.plan.unchanged
    numbers["failed"] = len(outcome.failed)
    numbers["not tried"] = len(outcome.untried)
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "nothing to do"


def warnings(outcome: MappingOutcome) -> list[str]:
    """Return what the operator should look at although nothing failed."""
    texts = []
    if outcome.closed:
        texts.append(
            f"The registration {outcome.where.name} {summary(outcome)}: entries of the tenant list that are meant for all stamps "
            "leave it out. One that names the stamp fails."
        )
    pairs = [f"{one} and {other}" for one, other in (*outcome.wanted.twins, *outcome.plan.twins)]
    if pairs:
        texts.append(
            f"Subscription ids that differ in letter case only are different mappings to Azure: {_few(pairs)}. "
            "Compare which of them is right."
        )
    replaced = [
        f"{change.replaces} by {change.subscription_id}" for change in outcome.done if change.replaces is not None
    ]
    if replaced:
        texts.append(f"A tenant has one subscription, so mappings are replaced: {_few(replaced)}.")
    if outcome.hidden:
        texts.append(
            f"Azure lists no mappings of {outcome.where.name}, although {outcome.hidden} of those asked for exist. "
            "Mappings that the tenant list does not name cannot be seen."
        )
    if outcome.locked is False and any(change.action == REMOVE for change in outcome.done):
        texts.append(f"The registration {outcome.where.name} had no lock {locks.NAME}; it has one now.")
    return texts


def error(outcome: MappingOutcome) -> AzsError | None:
    """Return the error that the task ends with; None when everything was carried out."""
    if not outcome.failed and outcome.stopped_by is None:
        return None
    total = outcome.plan.unchanged + len(outcome.done) + len(outcome.failed) + len(outcome.untried)
    kinds: dict[str, list[tuple[MappingChange, AzsError]]] = {}
    for change, failure in outcome.failed:
        kinds.setdefault(failure.kind, []).append((change, failure))
    details = {"kinds": {kind: len(failures) for kind, failures in kinds.items()}}
    if outcome.stopped_by is not None:
        first = outcome.stopped_by
        return AzsError(
            f"{first.message} (of {total} tenant mappings of {outcome.where.name} {summary(outcome)})",
            kind=first.kind,
            cause=first.cause,
            remedy=first.remedy,
            code=first.code,
            request_id=first.request_id,
            details={**first.details, **details},
        )
    texts = []
    for failures in list(kinds.values())[:3]:
        failure = failures[0][1]
        ids = _few(
            [change.subscription_id + (f" ({change.name})" if change.name else "") for change, _failure in failures], 3
        )
        texts.append(f"{ids}: {failure.cause or failure.message}. {failure.remedy or 'See failures in the result'}")
    if outcome.withheld:
        texts.append(f"{len(outcome.untried)} removals were not tried, because the list has failures")
    others = ", the others are as wanted" if not outcome.untried else ""
    only = outcome.failed[0][1] if len(outcome.failed) == 1 else None
    return AzsError(
        f"{len(outcome.failed)} of {total} tenant mappings of {outcome.where.name} failed{others}",
        kind=next(iter(kinds)) if len(kinds) == 1 else "tenant_mappings_failed",
        where=str(outcome.where),
        cause="; ".join(texts),
        remedy="A repeated run tries only what is left",
        code=only.code if only else None,
        request_id=only.request_id if only else None,
        details=details,
    )


def fitting(entries: t.Sequence[Shown], size: int = LIST_SIZE) -> list[Shown]:
    """Return as many entries as fit into `size` characters of JSON."""
    kept: list[Shown] = []
    for entry in entries:
        size -= len(json.dumps(entry)) + 2
        if size < 0:
            break
        kept.append(entry)
    return kept


def _shown(change: MappingChange) -> Shown:
    """Return a change for the result, without what does not apply."""
    shown = {
        "subscription_id": change.subscription_id,
        "tenant_id": change.tenant_id or (change.was if change.action == REMOVE else None),
        "tenant_before": change.was if change.action == UPDATE else None,
        "replaces": change.replaces,
        "name": change.name,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _failed(change: MappingChange, failure: AzsError) -> Shown:
    reasons = ("kind", "code", "message", "cause", "remedy", "request_id")
    return {**_shown(change), "action": change.action, **{name: getattr(failure, name) for name in reasons}}


def _fate(change: MappingChange) -> str:
    text = f" (tenant {change.tenant_id})" if change.tenant_id else ""
    if change.action == UPDATE:
        text = f" (tenant {change.was} -> {change.tenant_id})"
    elif change.action == REMOVE:
        text = f" (tenant {change.was})" if change.was else ""
    return text + (f", replaces {change.replaces}" if change.replaces else "")


def _few(texts: t.Sequence[str], count: int = _SHOWN) -> str:
    more = len(texts) - count
    return ", ".join(texts[:count]) + (f" and {more} more" if more > 0 else "")
