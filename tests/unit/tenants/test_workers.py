# SPDX-License-Identifier: GPL-3.0-or-later
"""Many pieces of work at once, and what becomes of them."""

from __future__ import annotations

import signal
import threading
import time
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError, SignInError, Unreachable
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.workers import Applied, Batch, each

Work = list[int]


def run(count: int, send: t.Callable[[int], None], in_flight: int = 4, patience: float = 5.0) -> Applied[int]:
    """Carry out numbered pieces of work."""
    return Batch(lambda piece, observe: send(piece), in_flight=in_flight, patience=patience).run(range(count))


def outcome(applied: Applied[int]) -> tuple[Work, Work, Work]:
    """What was done, failed and not tried, in order."""
    return sorted(applied.done), sorted(piece for piece, _error in applied.failed), sorted(applied.untried)


def test_everything_is_carried_out_once() -> None:
    sent: Work = []
    applied = run(200, sent.append)
    assert sorted(sent) == list(range(200)) and outcome(applied) == (list(range(200)), [], [])


def test_nothing_to_do() -> None:
    assert outcome(run(0, lambda piece: None)) == ([], [], [])


def test_a_failure_does_not_stop_the_others() -> None:
    def send(piece: int) -> None:
        if piece % 10 == 3:
            raise ArmError("No", status=400, kind="not_a_csp_subscription")

    done, failed, untried = outcome(run(50, send))
    assert (len(done), failed, untried) == (45, [3, 13, 23, 33, 43], [])


@pytest.mark.parametrize(
    "error",
    [
        ArmError("No", status=400, kind="tenants_need_pay_as_you_use"),
        ArmError("No", status=403, kind="missing_rights"),
        SignInError("No"),
        Unreachable("No", kind="certificate_not_trusted"),
    ],
)
def test_a_failure_that_all_would_meet_is_met_once(error: AzsError) -> None:
    def send(piece: int) -> None:
        raise error

    applied = run(50, send)
    assert outcome(applied) == ([], [0], list(range(1, 50))) and applied.stopped_by is error


def test_what_a_failure_means_is_settled_before_the_next_one_may_go() -> None:
    """Kind: a race between what an answer allows and what it says."""
    sent: Work = []
    second = threading.Event()

    class Told(ArmError):
        """Whoever looks at it gives the next request all the time that it needs."""

        @property
        def status(self) -> int:
            second.wait(0.5)
            return 403

        @status.setter
        def status(self, value: int | None) -> None:
            pass

    def send(piece: int, observe: t.Callable[[int, dict[str, str]], None]) -> None:
        sent.append(piece)
        if len(sent) > 1:
            second.set()
        observe(403, {})
        raise Told("No", kind="missing_rights")

    Batch(send, in_flight=4, patience=5.0).run(range(50))
    assert sent == [0]


@pytest.mark.parametrize("error", [ArmError("No", status=503), Unreachable("No")])
def test_a_dead_service_is_given_up(error: AzsError) -> None:
    def send(piece: int) -> None:
        raise error

    applied = run(500, send)
    assert len(applied.failed) < 20 and applied.stopped_by is error
    assert len(applied.untried) == 500 - len(applied.failed)


def test_a_shaky_service_is_not() -> None:
    def send(piece: int) -> None:
        if piece % 2:
            raise Unreachable("No")

    done, failed, untried = outcome(run(100, send))
    assert (len(done), len(failed), untried) == (50, 50, [])


def test_work_that_came_too_early_is_repeated() -> None:
    refused: set[int] = set()

    def send(piece: int) -> None:
        if piece % 7 == 2 and piece not in refused:
            refused.add(piece)
            raise ArmError("Slow down", status=429, details={"retry_after": 0.0})

    assert outcome(run(30, send)) == (list(range(30)), [], [])
    assert refused == {2, 9, 16, 23}


def test_waiting_that_would_take_too_long_is_given_up() -> None:
    def send(piece: int) -> None:
        if piece >= 5:
            raise ArmError("Slow down", status=429, kind="throttled", details={"retry_after": 3600.0})

    applied = run(30, send, in_flight=1)
    assert outcome(applied) == ([0, 1, 2, 3, 4], [], list(range(5, 30)))
    assert applied.stopped_by is not None and "3600 s" in str(applied.stopped_by)


def test_a_bug_is_no_success() -> None:
    def send(piece: int) -> None:
        raise ValueError("oops")

    applied = run(3, send)
    assert applied.done == [] and applied.stopped_by is not None and applied.stopped_by.kind == "bug"


def test_an_interruption_does_not_wait_for_what_hangs() -> None:
    hanging, release = threading.Event(), threading.Event()

    def send(piece: int) -> None:
        if piece == 3:
            hanging.set()
            release.wait(30)

    class Stop(BaseException):
        """What the signal raises."""

    def stop(number: int, frame: t.Any) -> None:
        raise Stop

    batch = Batch(lambda piece, observe: send(piece), in_flight=1, patience=5.0)
    before = signal.signal(signal.SIGUSR1, stop)
    main = threading.main_thread().ident
    assert main is not None
    messenger = threading.Thread(target=lambda: (hanging.wait(30), signal.pthread_kill(main, signal.SIGUSR1)))
    began = time.monotonic()
    try:
        messenger.start()
        with pytest.raises(Stop):
            batch.run(range(10))
        assert time.monotonic() - began < 10
        assert outcome(batch.applied) == ([0, 1, 2], [], [3, 4, 5, 6, 7, 8, 9])
    finally:
        release.set()
        messenger.join()
        signal.signal(signal.SIGUSR1, before)


def test_each_raises_what_went_wrong() -> None:
    seen: Work = []
    each(range(20), seen.append, in_flight=5)
    assert sorted(seen) == list(range(20))

    def do(piece: int) -> None:
        raise ArmError(f"No {piece}", status=404, kind="registration_not_found")

    with pytest.raises(ArmError, match="No 0"):
        each(range(20), do, in_flight=5)
