# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks a service. FOR INTERNAL COLLECTION USE ONLY.

A service takes a `Caller`, never a module: a module is one, and so is each stamp that one process reads for, and an inventory.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
import typing as t

Value = t.TypeVar("Value")

_SPARE: t.Final = 900
"""Seconds that an access token has to be valid for when a task begins with it."""


class Token(t.TypedDict):
    """An access token.

    `family` is the option family of who signed in, `key` tells who that is and where, `expires_on` is in seconds since 1970.
    """

    family: str
    key: str
    token: str
    expires_on: int


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


class AccessTokens:
    """Access tokens for who signs in, and where: those of earlier tasks of the run, and those that this process gets.

    :param known: as `learned` returned them.
    :param hide: takes every one of them, to keep it out of what is printed.
    """

    def __init__(self, known: t.Iterable[Token] = (), hide: t.Callable[[str], None] = lambda secret: None) -> None:
        self._known = {one["key"]: one for one in known}
        self._got: dict[str, t.Callable[[], tuple[str, int] | None]] = {}
        for one in self._known.values():
            hide(one["token"])

    def find(self, key: str) -> tuple[str, int] | None:
        """Return a token and when it expires, in seconds since 1970, if one is valid for longer than a task takes."""
        one = self._known.get(key)
        return (one["token"], one["expires_on"]) if one and one["expires_on"] - time.time() > _SPARE else None

    def note(self, key: str, family: str, got: t.Callable[[], tuple[str, int] | None]) -> None:
        """Remember what tells the token that was got; None while there is none, or it is the one that was known.

        :param family: the option family of who signs in.
        """
        self._got[f"{family} {key}"] = got

    def learned(self) -> list[Token]:
        """Return the tokens that this process got."""
        found = []
        for name, got in self._got.items():
            family, _blank, key = name.partition(" ")
            token = got()
            if token is not None:
                found.append(Token(family=family, key=key, token=token[0], expires_on=token[1]))
        return found


class Caller(t.Protocol):
    """Who asks.

    :ivar params: the validated options.
    :ivar given: names of the options that were given, also those that say the same as their default.
    :ivar controller: what the controller says, see handover.CONTROLLER_SPEC.
    :ivar shared: what this caller shares with others of its process.
    :ivar tokens: the access tokens that it has, and gets.
    """

    params: dict[str, t.Any]
    given: frozenset[str]
    controller: dict[str, t.Any]
    shared: Memo
    tokens: AccessTokens

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
    tokens: AccessTokens = dataclasses.field(default_factory=AccessTokens)
