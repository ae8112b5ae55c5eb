# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast requests follow each other, against models of the services' limits, in simulated time."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
import threading
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.pace import Limiter, Pace, Stopped

Told = tuple[bool, int | None, float | None]
"""Whether a request was refused, what is left, and the seconds to wait."""


class Window:
    """So many requests in any second."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._recent: list[float] = []

    def take(self, now: float) -> Told:
        self._recent = [moment for moment in self._recent if moment > now - 1]
        if len(self._recent) >= self._limit:
            return True, 0, 1.0
        self._recent.append(now)
        return False, self._limit - len(self._recent), None


class Bucket:
    """A bucket that is refilled, as Azure Resource Manager has it."""

    def __init__(self, size: int, rate: float, wait: float = 1.0) -> None:
        self._size, self._rate, self._wait = size, rate, wait
        self._level, self._then = float(size), 0.0

    def take(self, now: float) -> Told:
        self._level = min(self._size, self._level + (now - self._then) * self._rate)
        self._then = now
        if self._level < 1:
            return True, 0, self._wait
        self._level -= 1
        return False, int(self._level), None


class Shared(Bucket):
    """A bucket that somebody else takes two of every second from."""

    def take(self, now: float) -> Told:
        self._level = max(0.0, self._level - 2 * (now - self._then))
        return super().take(now)


class Mute(Window):
    """Tells what is left of something else, or nothing at all."""

    def __init__(self, limit: int, left: int | None) -> None:
        super().__init__(limit)
        self._left = left

    def take(self, now: float) -> Told:
        refused, _left, wait = super().take(now)
        return refused, self._left, wait


class Silence:
    """No limit, and nothing told."""

    def take(self, now: float) -> Told:
        return False, None, None


@dataclasses.dataclass
class Run:
    """How a simulated run went."""

    seconds: float
    refused: int
    most_in_flight: int


def run(service: t.Any, requests: int, *, latency: float, limit: int = 16, seed: int = 1) -> Run:
    """Send requests through a Limiter: each takes the latency, some overtake each other, 2 ms of our own lie between two."""
    dice, limiter = random.Random(seed), Limiter(limit)
    numbers = itertools.count()
    events: list[tuple[float, int, t.Any, Told | None]] = []
    now, left, in_flight, refused, most = 0.0, requests, 0, 0, 0

    def travel() -> float:
        return latency / 2 + dice.random() * 0.003

    while left or in_flight:
        delay = limiter.delay(now) if left else None
        if delay is not None and delay <= 0:
            heapq.heappush(events, (now + travel(), next(numbers), limiter.send(now), None))
            left, in_flight, now = left - 1, in_flight + 1, now + 0.002
            most = max(most, in_flight)
            continue
        times = ([events[0][0]] if events else []) + ([now + delay] if delay is not None else [])
        assert times, "nothing in flight, and nothing may be sent"
        now = max(now, min(times))
        while events and events[0][0] <= now:
            at, _number, ticket, told = heapq.heappop(events)
            if told is None:
                heapq.heappush(events, (at + travel(), next(numbers), ticket, service.take(at)))
                continue
            limiter.answer(ticket, now, left=told[1], throttled=told[0], wait=told[2])
            limiter.done()
            in_flight, left, refused = in_flight - 1, left + told[0], refused + told[0]
    return Run(now, refused, most)


@pytest.mark.parametrize("latency", [0.001, 0.05, 0.3])
@pytest.mark.parametrize(
    ("service", "requests", "ideal"),
    [
        pytest.param(lambda: Window(10), 300, 29.0, id="10-a-second"),
        pytest.param(lambda: Window(3), 60, 19.0, id="3-a-second"),
        pytest.param(lambda: Bucket(200, 10), 1000, 80.0, id="azure"),
        pytest.param(lambda: Bucket(200, 10, wait=17), 1000, 80.0, id="azure-with-long-waits"),
        pytest.param(lambda: Bucket(20, 10), 300, 28.0, id="nearly-empty-bucket"),
        pytest.param(lambda: Shared(200, 10), 600, 50.0, id="shared"),
    ],
)
def test_a_limit_that_is_told_is_used_up_but_not_run_into(
    service: t.Callable[[], t.Any], requests: int, ideal: float, latency: float
) -> None:
    for seed in range(3):
        went = run(service(), requests, latency=latency, seed=seed)
        assert went.seconds < 1.15 * ideal
        assert went.refused < 0.05 * requests
        assert went.most_in_flight <= 16


@pytest.mark.parametrize("left", [None, 1150])
def test_a_limit_that_is_not_told_is_learned(left: int | None) -> None:
    went = run(Mute(10, left), 300, latency=0.05)
    assert went.seconds < 1.25 * 29
    assert went.refused < 0.08 * 300


@pytest.mark.parametrize("service", [Silence, lambda: Bucket(1_000_000, 1000)])
@pytest.mark.parametrize("limit", [1, 16])
def test_without_a_limit_only_the_number_in_flight_counts(service: t.Callable[[], t.Any], limit: int) -> None:
    went = run(service(), 1000, latency=0.05, limit=limit)
    assert went.most_in_flight == limit
    assert went.seconds < 1.2 * (0.05 + 0.0015 * 2) * 1000 / limit


def test_the_first_request_goes_alone() -> None:
    limiter = Limiter(16)
    ticket = limiter.send(0.0)
    assert limiter.delay(0.0) is None
    limiter.answer(ticket, 0.1, left=3, throttled=False, wait=None)
    limiter.done()
    for _number in range(3):
        assert limiter.delay(0.1) == 0.0
        limiter.send(0.1)
    assert limiter.delay(0.1) is None


def test_a_request_without_an_answer_opens_the_way() -> None:
    limiter = Limiter(16)
    limiter.send(0.0)
    limiter.done()
    assert limiter.delay(0.0) == 0.0
    limiter.send(0.0)
    assert limiter.delay(0.0) == 0.0


def test_nothing_is_sent_while_the_service_asks_to_wait() -> None:
    limiter = Limiter(16)
    limiter.answer(limiter.send(0.0), 0.1, left=0, throttled=True, wait=30.0)
    limiter.done()
    assert limiter.delay(0.1) == 30.0
    assert limiter.delay(30.1) == 0.0


class TestPace:
    """The same with threads."""

    def test_headers_are_read(self) -> None:
        pace = Pace(16)
        with pace.enter() as passage:
            passage.observe(429, {"Retry-After": "0", "X-Ms-RateLimit-Remaining-Subscription-Writes": "0"})
        assert pace.throttled == 1
        with pace.enter() as passage:
            passage.observe(
                200,
                {
                    "x-ms-ratelimit-remaining-subscription-writes": "1199",
                    "x-ms-ratelimit-remaining-subscription-global-writes": "0",
                    "x-ms-ratelimit-remaining-subscription-resource-requests": "odd",
                },
            )
        entered = threading.Event()

        def enter() -> None:
            with pytest.raises(Stopped):
                pace.enter()
            entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        pace.stop()
        waiting.join(5)
        assert entered.is_set()

    def test_never_more_in_flight_than_allowed(self) -> None:
        pace, lock, now, most = Pace(3), threading.Lock(), 0, 0

        def work() -> None:
            nonlocal now, most
            for _number in range(20):
                with pace.enter() as passage:
                    with lock:
                        now += 1
                        most = max(most, now)
                    passage.observe(201, {})
                    with lock:
                        now -= 1

        threads = [threading.Thread(target=work) for _number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert most <= 3
