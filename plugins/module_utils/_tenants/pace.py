# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast requests may follow each other. FOR INTERNAL COLLECTION USE ONLY.

Azure Resource Manager gives each subscription a number of writes, deletes and reads, and takes requests beyond it back with
429. Its answers tell how many are left, so nobody needs to run into that wall: as long as enough are left, the only limit
is the number in flight; after that, requests follow each other at the rate that the service proves to allow. A service that
does not tell is learned from its 429s.

Source: Microsoft's page on request limits and throttling of Azure Resource Manager (a bucket of 200 writes for each
subscription and principal, refilled by 10 a second).
"""

from __future__ import annotations

import collections
import dataclasses
import math
import random
import threading
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import retry_after

PERIOD: t.Final = 1.02
"""Seconds that a rate is counted in. Limits are counted and refilled by the second; the rest allows for unsteady networks."""
_TRY_AFTER: t.Final = 4 * PERIOD
"""Seconds after which a rate that no answer tells of is tried a little higher."""
_HEADER: t.Final = "x-ms-ratelimit-remaining-subscription-"


class Stopped(Exception):
    """No further request may be sent."""


@dataclasses.dataclass(frozen=True)
class Ticket:
    """A request that was let through: its number in the order of sending, and when (seconds of the clock)."""

    number: int
    sent: float


class Limiter:
    """Decides when the next request may be sent. Pure: time is passed in.

    While the service has plenty left, only the number in flight counts. When little is left, three things allow a request:
    what the service said is left; the rate that it proved to allow, once known; and, when nothing was sent for a period,
    one request that asks how much is left by now.

    :param limit: requests in flight at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight = 0
        self._sent = 0
        self._answered = False
        self._blocked_until = 0.0
        # Up to which number requests may be sent by what the service said is left; None while plenty is left.
        self._until: int | None = None
        # Requests overtake each other on their way, so a single answer can promise too much. Of the last answers the
        # smallest promise counts; when nothing is in flight any more, the smallest rest that was told since then.
        self._promises: collections.deque[int] = collections.deque(maxlen=limit)
        self._rest: int | None = None
        # The rate: how many requests may be in a period; None until it is known. A request is in it while it is in flight,
        # and until the time kept here. That is reckoned from its answer, for nobody knows how long it took to get there.
        self._rate: int | None = None
        self._until_free: collections.deque[float] = collections.deque()
        self._fastest = math.inf
        self._last_answer = 0.0
        # The number, and the seconds of rest, with which it was asked how much is left.
        self._asked: tuple[int, float] | None = None
        # Whether the answers do not tell of the limit that matters; then the rate is found out by trying.
        self._silent = False
        self._tried_at = 0.0

    def delay(self, now: float) -> float | None:
        """Return the seconds until the next request may be sent; None: first an answer has to come."""
        if self._in_flight >= self._limit:
            return None
        if now < self._blocked_until:
            return self._blocked_until - now
        if not self._answered:
            return None if self._in_flight else 0.0  # the first one finds out what the service allows
        if self._until is None or self._sent < self._until:
            return 0.0
        self._forget(now)
        if self._rate is None:
            if self._in_flight:
                return None
            return self._until_free[-1] - now if self._until_free else 0.0
        excess = self._in_flight + len(self._until_free) - self._rate
        if excess < 0:
            return 0.0
        return self._until_free[excess] - now if excess < len(self._until_free) else None

    def send(self, now: float) -> Ticket:
        """Count a request that is sent now; `delay` has allowed it."""
        if self._until is not None and self._sent >= self._until and self._rate is None:
            self._asked = self._sent, now - self._last_answer
        if not self._in_flight:
            self._rest = None
        if self._silent and now >= self._tried_at + _TRY_AFTER:
            self._rate = t.cast(int, self._rate) + max(1, t.cast(int, self._rate) // 10)
            self._tried_at = now
        self._in_flight += 1
        self._sent += 1
        return Ticket(self._sent, now)

    def answer(self, ticket: Ticket, now: float, *, left: int | None, throttled: bool, wait: float | None) -> None:
        """Take in an answer; call it once for each answer to a request, also when the request is repeated.

        :param left: what the service has left; None when the answer does not tell.
        :param throttled: whether the request was refused for having come too early.
        :param wait: seconds that the service asks to wait.
        """
        self._last_answer = now
        if throttled:
            self._refused(now, left, wait)
        else:
            self._fastest = min(self._fastest, now - ticket.sent)
            self._forget(now)
            self._until_free.append(now + PERIOD - self._fastest)
        if self._silent:
            left = 0
        if left is None:
            return
        self._promises.append(ticket.number + left)
        self._rest = left if self._rest is None else min(self._rest, left)
        if left > 2 * self._limit:
            self._until = None
        else:
            self._until = min(self._promises)

    def done(self) -> None:
        """Count a request as no longer in flight."""
        self._in_flight -= 1
        self._answered = True
        if self._in_flight or self._until is None:
            return
        self._until = max(self._until, self._sent + (self._rest or 0))
        if self._asked is not None and self._sent >= self._until:
            # All that had come back meanwhile is used up: that is the rate.
            number, rest = self._asked
            self._rate, self._asked = max(1, round((self._sent - number) / max(1.0, rest))), None

    def _forget(self, now: float) -> None:
        while self._until_free and self._until_free[0] <= now:
            self._until_free.popleft()

    def _refused(self, now: float, left: int | None, wait: float | None) -> None:
        self._asked = None
        if now >= self._blocked_until:  # the first of those that were in flight together
            # With something left, or nothing told, it is another limit than the answers tell of.
            self._silent = left != 0
            if self._rate is not None:
                self._rate = max(1, self._rate - 1)
        if self._silent:
            accepted = sum(free > now for free in self._until_free)
            self._rate, self._tried_at = max(1, accepted * 9 // 10), now
        self._blocked_until = max(self._blocked_until, now + (PERIOD if wait is None else wait))


class Pace:
    """Lets the requests of many threads through as a Limiter allows; each thread enters before every request.

    :param limit: requests in flight at most.
    """

    def __init__(self, limit: int) -> None:
        self._limiter = Limiter(limit)
        self._condition = threading.Condition()
        self._stopped = False
        self.throttled = 0
        """Answers 429 so far."""

    def enter(self) -> Passage:
        """Wait until a request may be sent.

        :raises Stopped: no further request may be sent.
        """
        with self._condition:
            while not self._stopped:
                now = time.monotonic()
                delay = self._limiter.delay(now)
                if delay is not None and delay <= 0:
                    return Passage(self, self._limiter.send(now))
                self._condition.wait(delay)
            raise Stopped

    def stop(self) -> None:
        """Let no further request through."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def observe(self, ticket: Ticket, status: int, headers: t.Mapping[str, str], wait: float | None) -> None:
        """Take in an answer."""
        with self._condition:
            throttled = status == 429
            self.throttled += throttled
            # Many stamps' tasks share a subscription's limit: they must not all come back at the same moment.
            wait = wait * random.uniform(1.0, 1.05) if wait else wait
            self._limiter.answer(ticket, time.monotonic(), left=_left(headers), throttled=throttled, wait=wait)

    def leave(self) -> None:
        """Count a request as no longer in flight."""
        with self._condition:
            self._limiter.done()
            self._condition.notify_all()


class Passage:
    """Context manager around one request; `observe` takes its answers."""

    def __init__(self, pace: Pace, ticket: Ticket) -> None:
        self._pace = pace
        self._ticket = ticket

    def __enter__(self) -> Passage:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pace.leave()

    def observe(self, status: int, headers: t.Mapping[str, str]) -> None:
        """Take in an answer's status and headers."""
        self._pace.observe(self._ticket, status, headers, retry_after(headers))


def _left(headers: t.Mapping[str, str]) -> int | None:
    """Return the smallest of the subscription's remaining numbers that an answer tells, None when it tells none."""
    numbers = [
        int(value) for name, value in headers.items() if name.lower().startswith(_HEADER) and value.strip().isdigit()
    ]
    return min(numbers, default=None)
