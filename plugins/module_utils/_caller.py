# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks a service. FOR INTERNAL COLLECTION USE ONLY.

A service takes a `Caller`, never a module: a module is one, and so is each stamp that one process reads for, and an inventory.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
import typing as t

Value = t.TypeVar("Value")


class Memo:
    """What the requests of one process share: sign-ins, connections, metadata, lists. Threads share it.

    What could not be made is not tried again: whoever wants it gets the same error.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[t.Hashable, threading.Lock] = collections.defaultdict(threading.Lock)
        self._made: dict[t.Hashable, tuple[t.Any, Exception | None]] = {}

    def of(self, key: t.Hashable, make: t.Callable[[], Value]) -> Value:
        """Return what belongs to a key, made by the first who asks; others wait for it. Raises what `make` raised."""
        with self._lock:
            own = self._locks[key]
        with own:
            if key not in self._made:
                try:
                    self._made[key] = make(), None
                except Exception as error:  # noqa: BLE001  # who waited for it gets it, whatever it is
                    self._made[key] = None, error
        value, failure = self._made[key]
        if failure is not None:
            raise failure
        return t.cast(Value, value)


class Caller(t.Protocol):
    """Who asks.

    :ivar params: the validated options.
    :ivar given: names of the options that were given, also those that say the same as their default.
    :ivar controller: what the controller says, see handover.CONTROLLER_SPEC.
    :ivar shared: what this caller shares with others of its process.
    """

    params: dict[str, t.Any]
    given: frozenset[str]
    controller: dict[str, t.Any]
    shared: Memo

    def warn(self, warning: str) -> None:
        """Tell the operator something."""

    def hide(self, secret: str) -> None:
        """Keep a secret that was learned out of everything that is printed."""


@dataclasses.dataclass
class Asker:
    """A caller that is no module."""

    params: dict[str, t.Any]
    warn: t.Callable[[str], None]
    hide: t.Callable[[str], None]
    controller: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    given: frozenset[str] = frozenset()
    shared: Memo = dataclasses.field(default_factory=Memo)
