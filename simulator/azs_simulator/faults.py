# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault rules: which requests fail, how, and how often (control API: ``POST /faults``)."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

HTTP_KINDS = frozenset({"error", "page", "drop", "drop_after", "trickle", "hang", "delay"})
"""Effects of the HTTP services: `error` (status, code, message, headers, details), `drop` (connection cut, nothing
done), `drop_after` (done, but the answer is lost), `trickle` (done, but the
answer comes a byte at a time, `seconds` apart), `page` (a proxy's HTML with a status), `hang` (never answered), `delay` (seconds, then as
usual)."""


@dataclasses.dataclass(frozen=True)
class Effect:
    """What happens to a request: a kind, and the options which that kind reads."""

    kind: str
    options: Mapping[str, Any]

    def get(self, option: str, default: Any = None) -> Any:
        """An option of the effect, e.g. `seconds`."""
        return self.options.get(option, default)


@dataclasses.dataclass
class Rule:
    """One fault rule: for requests of `service` whose facts match, after `after` of them, `times` times."""

    id: str
    service: str
    match: dict[str, re.Pattern[str]]
    effect: Effect
    times: int | None
    after: int
    hits: int = 0
    taken: int = 0

    def matches(self, service: str, facts: Mapping[str, Any]) -> bool:
        """Whether each pattern of the rule fits the request's fact of that name (a path: anywhere, others: whole)."""
        if service != self.service:
            return False
        for name, pattern in self.match.items():
            fact = str(facts.get(name) if facts.get(name) is not None else "")
            if not (pattern.search(fact) if name == "path" else pattern.fullmatch(fact)):
                return False
        return True

    def as_dict(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        return {
            "id": self.id,
            "service": self.service,
            "match": {name: pattern.pattern for name, pattern in self.match.items()},
            "effect": {"kind": self.effect.kind, **self.effect.options},
            "times": self.times,
            "after": self.after,
            "hits": self.hits,
            "taken": self.taken,
        }


class Faults:
    """The active rules, in the order they were added; the first that applies wins."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._ids = itertools.count(1)
        self._kinds: dict[str, frozenset[str]] = dict.fromkeys(("arm", "login", "admin"), HTTP_KINDS)

    def define(self, service: str, kinds: Iterable[str]) -> None:
        """Say which effect kinds a service knows, so that a misspelt rule is refused instead of ignored."""
        self._kinds[service] = frozenset(kinds)

    def add(self, rule: Mapping[str, Any]) -> str:
        """Add a rule in its JSON form; returns its id. Raises ValueError saying what is wrong with it."""
        unknown = set(rule) - {"service", "match", "effect", "times", "after"}
        if unknown:
            raise ValueError(f"unknown keys in a fault rule: {', '.join(sorted(unknown))}")
        service, effect = rule.get("service"), rule.get("effect")
        if service not in self._kinds:
            raise ValueError(f"a fault rule's service is one of {', '.join(sorted(self._kinds))}, not {service!r}")
        if not isinstance(effect, Mapping) or effect.get("kind") not in self._kinds[service]:
            raise ValueError(f"the effect's kind for {service} is one of {', '.join(sorted(self._kinds[service]))}")
        identifier = str(next(self._ids))
        self._rules[identifier] = Rule(
            id=identifier,
            service=service,
            match={
                str(name): re.compile(str(pattern), re.IGNORECASE)
                for name, pattern in (rule.get("match") or {}).items()
            },
            effect=Effect(effect["kind"], {key: value for key, value in effect.items() if key != "kind"}),
            times=rule.get("times", 1),
            after=int(rule.get("after", 0)),
        )
        return identifier

    def remove(self, identifier: str | None = None) -> None:
        """Remove one rule, or all. Raises KeyError when there is no such rule."""
        if identifier is None:
            self._rules.clear()
        else:
            del self._rules[identifier]

    def rules(self) -> list[dict[str, Any]]:
        """All rules with how often they matched (`hits`) and applied (`taken`)."""
        return [rule.as_dict() for rule in self._rules.values()]

    def take(self, service: str, **facts: Any) -> Effect | None:
        """The effect on this request, which counts as one use of its rule; None: the request goes its normal way."""
        for rule in self._rules.values():
            if not rule.matches(service, facts):
                continue
            rule.hits += 1
            if rule.hits > rule.after and (rule.times is None or rule.taken < rule.times):
                rule.taken += 1
                return rule.effect
        return None
