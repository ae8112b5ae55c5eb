# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out many requests at once, and the removals with the lock lifted. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import locks
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    AzsError,
    InputError,
    SignInError,
    Unreachable,
)
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mappings
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.mapping_plan import MappingChange
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.pace import Pace, Passage, Stopped

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Observer

HOPELESS: t.Final = frozenset(
    {
        "tenants_need_pay_as_you_use",
        "registration_not_multi_tenant",
        "registration_not_found",
        "resource_not_found",
        "subscription_not_found",
        "wrong_tenant",
        "wrong_audience",
        "missing_rights",
        "not_registration_owner",
        "resource_locked",
        "provider_not_registered",
        "certificate_not_trusted",
    }
)
"""Kinds of failure that every other mapping of the registration would meet as well."""
MOST_IN_FLIGHT: t.Final = 64
"""Requests under way at once that a task may ask for; beyond that only the rate limit is reached sooner."""
_FAULTS_IN_A_ROW: t.Final = 12
"""Requests that the service fails or does not answer, one after the other and each tried several times, before it is given
up."""
_LOOK_UP_EVERY: t.Final = 0.2
"""Seconds after which the main thread looks whether a signal has arrived."""

T = t.TypeVar("T")


@dataclasses.dataclass
class Applied(t.Generic[T]):
    """What became of many pieces of work.

    :param done: carried out.
    :param failed: refused, each with the reason.
    :param untried: not carried out, because of `stopped_by`.
    """

    done: list[T] = dataclasses.field(default_factory=list)
    failed: list[tuple[T, AzsError]] = dataclasses.field(default_factory=list)
    untried: list[T] = dataclasses.field(default_factory=list)
    stopped_by: AzsError | None = None
    throttled: int = 0


class Batch(t.Generic[T]):
    """Carries out pieces of work in parallel, as fast as the service takes them.

    :param send: carries out one piece; hands the observer on to the request.
    :param in_flight: requests under way at most.
    :param patience: seconds that the service's rate limit may hold everything up before the rest is given up.
    :param progress: takes how many pieces are through.
    """

    def __init__(
        self,
        send: t.Callable[[T, Observer], t.Any],
        *,
        in_flight: int,
        patience: float,
        progress: t.Callable[[int], None] = lambda through: None,
    ) -> None:
        self._send = send
        self._in_flight = in_flight
        self._patience = patience
        self._progress = progress
        self._pace = Pace(in_flight)
        self._lock = threading.Lock()
        self._queue: collections.deque[T] = collections.deque()
        self._faults = 0
        self._last_success = 0.0
        self.begun = False
        """Whether `run` was reached."""
        self.applied: Applied[T] = Applied()

    def run(self, work: t.Iterable[T]) -> Applied[T]:
        """Carry out all pieces and return what became of them; a failure of one does not stop the others.

        An exception that comes from outside (a signal) ends this at once: what is in flight then is not waited for, and
        counts as not tried.
        """
        self.begun = True
        self._queue.extend(work)
        self._last_success = time.monotonic()
        # Daemons: a request that hangs must not keep an interrupted module from ending.
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _number in range(min(self._in_flight, len(self._queue)))
        ]
        started = list(self._queue)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    # Not without a limit: a signal that arrives just before an endless wait would be seen only after it.
                    thread.join(_LOOK_UP_EVERY)
        finally:
            self._pace.stop()
            with self._lock:
                self.applied.throttled = self._pace.throttled
                through = {id(piece) for piece in self.applied.done}
                through.update(id(piece) for piece, _error in self.applied.failed)
                self.applied.untried = [piece for piece in started if id(piece) not in through]
        return self.applied

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    return
                piece = self._queue.popleft()
            try:
                with self._pace.enter() as passage:
                    self._carry_out(piece, passage)  # with all that it tells: the next one may go when this is left
            except Stopped:
                return

    def _carry_out(self, piece: T, passage: Passage) -> None:
        try:
            self._send(piece, passage.observe)
        except AzsError as error:
            self._failed(piece, error)
        except Exception as error:  # noqa: BLE001  # a bug in one piece of work must not look as if the piece had been carried out
            self._stop(piece, AzsError(f"Unexpected {type(error).__name__}: {error}", kind="bug"))
        else:
            with self._lock:
                self._faults = 0
                self._last_success = time.monotonic()
                self.applied.done.append(piece)
                self._progress(len(self.applied.done) + len(self.applied.failed))

    def _failed(self, piece: T, error: AzsError) -> None:
        if isinstance(error, ArmError) and error.status == 429:
            self._throttled(piece, error)
        elif isinstance(error, SignInError) or error.kind in HOPELESS:
            self._stop(piece, error)
        else:
            with self._lock:
                fault = isinstance(error, Unreachable) or (isinstance(error, ArmError) and (error.status or 0) >= 500)
                self._faults = self._faults + 1 if fault else 0
                self.applied.failed.append((piece, error))
                given_up = self._faults >= _FAULTS_IN_A_ROW
                if given_up and self.applied.stopped_by is None:
                    self.applied.stopped_by = error
            if given_up:
                self._pace.stop()

    def _throttled(self, piece: T, error: ArmError) -> None:
        """Put a piece back that came too early, or give up when waiting would take too long."""
        wait = float(error.details.get("retry_after") or 0.0)
        with self._lock:
            held_up = time.monotonic() - self._last_success + wait
            if held_up <= self._patience:
                self._queue.appendleft(piece)
                return
            error.cause = f"{error.cause or 'the rate limit is used up'}; it asks to wait {wait:.0f} s"
            error.remedy = (
                "Run the same command again later: it continues where this one stopped; or raise throttle_timeout"
            )
            # What was refused for having come too early counts as not tried.
            self.applied.stopped_by = self.applied.stopped_by or error
        self._pace.stop()

    def _stop(self, piece: T, error: AzsError) -> None:
        """Record a failure that all the others would meet too, and let no further request through."""
        with self._lock:
            self.applied.failed.append((piece, error))
            self.applied.stopped_by = self.applied.stopped_by or error
        self._pace.stop()


def check_in_flight(number: int) -> None:
    """Raise InputError when the option in_flight is out of its range."""
    if not 1 <= number <= MOST_IN_FLIGHT:
        raise InputError(f"in_flight is {number}", remedy=f"Set it to a number from 1 to {MOST_IN_FLIGHT}")


def each(pieces: t.Iterable[T], do: t.Callable[[T], None], *, in_flight: int) -> None:
    """Do something for each piece, several at a time.

    :raises AzsError: it could not be done for one of them; the others may have been left out.
    """
    batch: Batch[T] = Batch(lambda piece, observe: do(piece), in_flight=in_flight, patience=0.0)
    _raise_the_first(batch.run(pieces))


def _raise_the_first(applied: Applied[t.Any]) -> None:
    """Raise the failure that stopped everything, or else the first one, if there is any."""
    failures = [*filter(None, [applied.stopped_by]), *(error for _piece, error in applied.failed)]
    if failures:
        raise failures[0]


def puts(client: ArmClient, where: RegistrationId, **how: t.Any) -> Batch[MappingChange]:
    """Return the batch that makes mappings and gives them to other tenants; options as Batch."""
    return Batch(
        lambda change, observe: mappings.put(client, where, change.subscription_id, change.tenant_id, observe), **how
    )


def removals(client: ArmClient, where: RegistrationId, **how: t.Any) -> Batch[MappingChange]:
    """Return the batch that removes mappings; options as Batch. The registration's lock forbids it, see `remove`."""
    return Batch(lambda change, observe: mappings.delete(client, where, change.subscription_id, observe), **how)


def remove(
    client: ArmClient,
    where: RegistrationId,
    batch: Batch[MappingChange],
    changes: t.Sequence[MappingChange],
    *,
    locked: bool,
) -> None:
    """Remove mappings with the registration's lock lifted once for all; it is put back whatever happens.

    :param locked: whether the registration has its lock.
    :raises AzsError: the lock could not be lifted or put back, or this was interrupted; `batch.applied` tells what was
        removed up to then.
    """
    locks.unlocked(
        client,
        where,
        lambda: batch.run(changes),
        doing=f"remove {len(changes)} tenant mappings of {where.name}",
        locked=locked,
    )


def look_up(
    client: ArmClient, where: RegistrationId, subscriptions: t.Iterable[str], *, in_flight: int, patience: float
) -> dict[str, str | None]:
    """Return the tenants of those subscriptions that are mapped, each asked for by itself; options as Batch.

    :raises AzsError: one of them could not be read: then nothing is known for sure.
    """
    found: dict[str, str | None] = {}

    def ask(subscription: str, observe: Observer) -> None:
        mapped, tenant = mappings.find(client, where, subscription, observe)
        if mapped:
            found[subscription] = tenant

    applied = Batch(ask, in_flight=in_flight, patience=patience).run(subscriptions)
    _raise_the_first(applied)
    return found
