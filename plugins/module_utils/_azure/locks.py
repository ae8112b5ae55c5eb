# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock that protects a registration, and steps that need it lifted. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import signal
import types
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence, replication
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, properties
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError, SignInError

API_VERSION: t.Final = "2016-09-01"
NAME: t.Final = "RegistrationResourceLock"
LEVEL: t.Final = "CanNotDelete"
NOTES: t.Final = "Protects the registration of an Azure Stack Hub. Lifted and put back by the modules that change it."

REPLICATION: t.Final = 60.0
"""Seconds that a registration may take to be known everywhere once Azure has said that it made it."""

T = t.TypeVar("T")


def level(client: ArmClient, where: RegistrationId) -> str | None:
    """Return the level of the registration's own lock, None when it has none. Raises as ArmClient.request."""
    lock = client.find(_path(where), API_VERSION, doing=f"read the lock of {where.name}")
    return None if lock is None else str(properties(lock).get("level") or "")


def put(client: ArmClient, where: RegistrationId, *, patience: float = 0.0) -> None:
    """Lock a registration. Raises as ArmClient.request.

    :param patience: seconds to wait for one that was just made, or moved, and may not be known everywhere yet.
    """
    body = {"properties": {"level": LEVEL, "notes": NOTES}}
    doing = f"lock the registration {where.name}"
    replication.once_known(
        lambda: client.request("PUT", _path(where), API_VERSION, json=body, doing=doing, resource=True), patience
    )


def lift(client: ArmClient, where: RegistrationId) -> None:
    """Remove the registration's own lock; one that is gone already is no error. Raises as ArmClient.request."""
    try:
        client.request("DELETE", _path(where), API_VERSION, doing=f"lift the lock of {where.name}")
    except ArmError as error:
        if not absence.is_told_of_a_part(error):
            raise


def unlocked(
    client: ArmClient,
    where: RegistrationId,
    step: t.Callable[[], T],
    *,
    doing: str,
    locked: bool,
    exists: bool = True,
    deletes: bool = False,
) -> T:
    """Run a step on a registration with its lock lifted; the registration is locked again whatever happens.

    SIGTERM, SIGINT and SIGHUP end the step instead of the process, so that the lock comes back then too.

    :param doing: completes the sentence "Interrupted by SIGTERM while trying to ...".
    :param locked: whether there is a lock to lift.
    :param exists: whether the registration is there before the step.
    :param deletes: whether the step leaves no registration behind, so that there is nothing to lock after it.
    :raises AzsError: the step failed; it was interrupted (kind interrupted); or the lock could not be put back
        (kind registration_unprotected), which names what the step came to as well.
    """
    lifting = False
    with _Signals() as signals:
        try:
            if locked:
                lifting = True
                lift(client, where)
                lifting = False
            answer = step()
            signals.defer()
        except BaseException as failure:
            signals.defer()
            refused = _refused(failure)
            # A refused lift left the lock where it was; a refused first registration left nothing to lock.
            if not (lifting and refused) and (locked or not (refused or deletes)):
                _restore(client, where, failure, sure=exists and (refused or not deletes))
            if isinstance(failure, Interrupted):
                raise failure.as_error(doing, str(where)) from None
            raise
        if not deletes:
            try:
                put(client, where, patience=REPLICATION)
            except AzsError as error:
                raise unprotected(where, f"Azure did {doing}", error) from None
        return answer


class Interrupted(BaseException):
    """A signal that asks the process to end; not an Exception, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number).name

    def as_error(self, doing: str, where: str) -> AzsError:
        """Return the error that the task ends with."""
        return AzsError(
            f"Interrupted by {self.signal} while trying to {doing}",
            kind="interrupted",
            where=where,
            cause="whether the request was carried out is unknown; the registration is locked if it exists",
            remedy="Run the same command again: it reads the state and finishes",
        )


class _Signals:
    """Turns the first ending signal into Interrupted, and after `defer` lets none through."""

    _NUMBERS: t.Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self._deferred = False
        self._before: dict[int, t.Any] = {}

    def defer(self) -> None:
        """From now on signals wait: what follows is short and must not be interrupted."""
        self._deferred = True

    def __enter__(self) -> _Signals:
        for number in self._NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # ignored signals (nohup) end nothing
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: types.FrameType | None) -> None:
        if not self._deferred:
            self._deferred = True  # a second signal must not break what the first one started
            raise Interrupted(number)


def _refused(failure: BaseException) -> bool:
    """Tell whether a failure proves that the service did not carry the request out."""
    if isinstance(failure, ArmError):
        # What is no error answer, such as a proxy's page, proves nothing.
        return failure.status is not None and 400 <= failure.status < 500
    return isinstance(failure, SignInError)


def _restore(client: ArmClient, where: RegistrationId, failure: BaseException, *, sure: bool) -> None:
    """Lock the registration after a failed step.

    :param sure: whether the registration is certainly there; else its absence is no failure.
    """
    try:
        put(client, where)
    except AzsError as error:
        if absence.is_told(error) and not sure:
            return
        text = str(failure) if isinstance(failure, AzsError) else f"Ended by {failure!r}"
        raise unprotected(where, text.rstrip("."), error) from None


def unprotected(where: RegistrationId, before: str, error: AzsError) -> AzsError:
    """Return the error for a registration that could not be locked.

    :param before: what happened before that, a sentence without a full stop.
    :param error: why it could not be locked.
    """
    return AzsError(
        f"{before}. The registration {where.name} is not protected by its lock now",
        kind="registration_unprotected",
        where=str(where),
        cause=str(error).rstrip("."),
        remedy=f"Run the same command again to put the lock back, or set a lock {NAME}, level {LEVEL}, by hand",
        code=error.code,
        request_id=error.request_id,
        details={"lock_error": error.as_result()},
    )


def _path(where: RegistrationId) -> str:
    return f"{where}/providers/Microsoft.Authorization/locks/{NAME}"
