# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions at a privileged endpoint. FOR INTERNAL COLLECTION USE ONLY.

The endpoint is a JEA session configuration without a language: only cmdlets can be run, one at a time, never scripts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
import signal
import threading
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    AzsError,
    MissingLibrary,
    PepError,
    PepSessionLost,
)
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan, cmdlets, failures
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import Address, PepOptions, Transcripts
from ansible_collections.azurestack.hub.plugins.module_utils._pep.transport import Connection

try:
    import requests
    from pypsrp.complex_objects import PSCredential, PSInvocationState
    from pypsrp.exceptions import WinRMError
    from pypsrp.powershell import PowerShell, RunspacePool
except ImportError as error:
    MISSING: str | None = str(error)
else:
    MISSING = None

Notify = t.Callable[[str], None]
ProgressCallback = t.Callable[[str, str, int], None]

_MARGIN: t.Final = 60
"""Seconds to wait longer than a cmdlet's own limit, so that its own message arrives."""
_READ_MARGIN: t.Final = 5
"""Seconds to wait longer for an answer than the endpoint may take."""
_OPENING: t.Final = 90
"""Seconds that the session configuration may take to start; loading its modules is slow on a busy stamp."""
_PATIENCE: t.Final = 4
"""How many connection timeouts long a lost connection is tried again while a cmdlet runs."""
_LONGEST_PAUSE: t.Final = 30.0
_STARS: t.Final = "********"
_CLOSING: t.Final = 300


@contextlib.contextmanager
def open_session(options: PepOptions, notify: Notify) -> t.Iterator[PepSession]:
    """Open a session at the first address that answers; close it whatever happens.

    Only an address that does not answer, or has no room for another session (rooms are counted on each machine), is
    passed over, and tried last in every later session of the run. Refused sign-ins, unknown configurations and untrusted
    certificates end the search: the next address would say the same, and every wrong password counts towards locking the
    account.

    :param notify: takes warnings: an address that was passed over, transcripts that could not be shipped.
    :raises PepUnreachable: no address answered.
    :raises SignInError: the account was refused, or this host cannot use the method.
    :raises PepError: pypsrp is missing, or the endpoint refused the session.
    """
    if MISSING:
        raise MissingLibrary(
            "pypsrp", "pypsrp>=0.9.0", f"the modules reach the privileged endpoint with it ({MISSING})"
        )
    with terminable():
        session = _first_that_answers(options, notify)
        try:
            yield session
        finally:
            session.close()


def _first_that_answers(options: PepOptions, notify: Notify) -> PepSession:
    reasons: dict[str, str] = {}
    for address in sorted(options.addresses, key=lambda one: str(one) in options.silent):
        try:
            session = PepSession(options, address, notify)
        except failures.TryNext as reason:
            reasons[str(address)] = str(reason)
            if str(reason) != failures.TOO_MANY and str(address) not in options.silent:
                options.silent.append(str(address))
            continue
        if str(address) in options.silent:
            options.silent.remove(str(address))
        if reasons:
            passed = "; ".join(f"{passed}: {reason}" for passed, reason in reasons.items())
            notify(f"The privileged endpoint was reached at {address}, not at an earlier address ({passed}).")
        return session
    if failures.TOO_MANY in reasons.values():
        raise failures.quota(reasons)
    raise failures.unreachable(reasons)


class PepSession:
    """An open session. Made by `open_session`.

    :ivar host: the address that answered, with its port.
    :ivar plan_completed: whether the action plan of the last cmdlet was seen to complete; False when nothing told.
    """

    def __init__(self, options: PepOptions, address: Address, notify: Notify) -> None:
        self.host = str(address)
        self._options = options
        self._notify = notify
        self.plan_completed = False
        self._lost = False
        self._finished: t.Any = None
        self._connection = Connection(
            address.host,
            port=address.port,
            username=options.username,
            password=options.password,
            ssl=options.tls,
            auth=options.auth,
            cert_validation=options.verify,
            connection_timeout=options.connection_timeout,
            operation_timeout=options.operation_timeout,
            read_timeout=options.operation_timeout + _READ_MARGIN,
            proxy=options.proxy,
            no_proxy=options.proxy is None,  # the environment's proxy is the one to the internet
        )
        self._pool = RunspacePool(self._connection, configuration_name=options.configuration)
        self._connection.wait_until = time.monotonic() + _OPENING
        try:
            self._pool.open()
        except Exception as error:
            self._discard()
            raise failures.on_opening(error, address, options) from error
        except BaseException:  # interrupted
            self._connection.line.renew()
            self._discard()
            raise
        self._connection.wait_until = 0.0
        self._connection.line.patience = _PATIENCE * options.connection_timeout

    def run(
        self,
        cmdlet: str,
        parameters: t.Mapping[str, t.Any] | None = None,
        *,
        timeout: int,
        changes: bool = False,
        tolerant: bool = False,
        reports: bool = False,
        progress: ProgressCallback | None = None,
    ) -> list[t.Any]:
        """Run one cmdlet and return what it wrote to the output stream, without what its action plan left there.

        An action plan that failed is a failure of the cmdlet, also when the cmdlet says nothing of it. While the stamp runs
        another action plan, the cmdlet is tried again with growing pauses.

        :param parameters: names and values; switches are true or false.
        :param timeout: seconds after which the cmdlet itself gives up; waited for a little longer.
        :param changes: whether it changes the stamp, so that a lost session leaves the outcome unknown.
        :param tolerant: whether errors that did not end the cmdlet are only told when there is output all the same.
        :param reports: whether its output tells of other action plans: it is returned whole, and none of them is this cmdlet's.
        :param progress: called with activity, status and percent of new progress records, and with the plan's steps.
        :raises PepSessionLost: the session was lost or the time is over: the outcome is unknown.
        :raises PepError: the cmdlet failed.
        """
        until = time.monotonic() + self._options.busy_timeout
        pause = 1.0
        while True:
            try:
                return self._run(cmdlet, parameters or {}, timeout, changes, tolerant, reports, progress)
            except PepError as error:
                remaining = until - time.monotonic()
                if error.kind != "stamp_busy":
                    raise
                if remaining <= 0:
                    error.cause = f"{error.cause}, still after {self._options.busy_timeout} s"
                    raise
            if progress:
                progress("waiting for the stamp", "another action is in progress", -1)
            time.sleep(min(pause * random.uniform(0.75, 1.25), remaining))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def close(self) -> None:
        """Ship the transcripts when asked, and close the session. Never raises for what the endpoint does not do."""
        if self._options.transcripts and not self._lost:
            self._ship_transcripts()
        self._discard()

    def _run(
        self,
        cmdlet: str,
        parameters: t.Mapping[str, t.Any],
        timeout: int,
        changes: bool,
        tolerant: bool,
        reports: bool,
        progress: ProgressCallback | None,
    ) -> list[t.Any]:
        self.plan_completed = False
        shell = PowerShell(self._pool)
        shell.add_cmdlet(cmdlet)
        shell.add_parameters(dict(parameters))
        until = time.monotonic() + timeout + _MARGIN
        shown = _Shown(cmdlet, progress) if progress else None
        started = False
        try:
            self._end_last()
            started = True
            # Without invocation info: with it, each record brings the parameters back with their values, secrets included.
            shell.begin_invoke(remote_stream_options=0)
            while shell.state == PSInvocationState.RUNNING:
                shell.poll_invoke()
                if shown:
                    shown.update(shell.streams)
                if shell.state == PSInvocationState.RUNNING and time.monotonic() > until:
                    raise failures.on_waiting(cmdlet, self.host, timeout + _MARGIN, changes=changes)
        except Exception as error:
            self._lost = True
            if isinstance(error, AzsError):
                raise
            # Whatever it is, the cmdlet may go on at the stamp, and nobody watches it any more.
            self._connection.line.renew()
            raise failures.on_losing(error, cmdlet, self.host, self._options, changes=changes and started) from error
        except BaseException:  # interrupted
            self._lost = True
            self._connection.line.renew()
            raise
        self._finished = shell
        return self._outcome(cmdlet, shell, _Hidden(parameters), tolerant=tolerant, reports=reports)

    def _outcome(self, cmdlet: str, shell: t.Any, hidden: _Hidden, *, tolerant: bool, reports: bool) -> list[t.Any]:
        """Return the output of a cmdlet that has ended.

        :raises PepError: it failed, or its action plan did.
        """
        errors = [hidden.in_error(_said(record)) for record in shell.streams.error]
        verbose = [str(record) for record in map(_message, shell.streams.verbose)]
        plan = action_plan.ActionPlan() if reports else hidden.in_plan(action_plan.read(verbose, shell.output))
        self.plan_completed = plan.completed is True
        output = list(shell.output) if reports else action_plan.results(shell.output)
        failed = plan.completed is False or (plan.busy is not None and not output)
        if shell.state == PSInvocationState.COMPLETED and (not (errors or failed) or (tolerant and output)):
            for error in errors:
                self._notify(f"{cmdlet} at {self.host} reported an error and went on: {error.message}")
            return output
        others = (shell.streams.warning, shell.streams.information, shell.streams.debug)
        noise = [*verbose, *(_message(record) for stream in others for record in stream)]
        noise += [text for text in shell.output if isinstance(text, str)]
        raise failures.of_cmdlet(cmdlet, errors, self.host, plan, noise)

    def _end_last(self) -> None:
        """Tell the endpoint that the last pipeline is done with: finished ones count against the shell's quota.

        Done before the next one and not at once, because closing the session ends the last pipeline as well.
        """
        finished, self._finished = self._finished, None
        if finished is not None:
            finished.close()

    def _ship_transcripts(self) -> None:
        transcripts = t.cast(Transcripts, self._options.transcripts)
        parameters = {
            "TranscriptsPathDestination": transcripts.share,
            "Credential": PSCredential(username=transcripts.username, password=transcripts.password),
        }
        try:
            self._connection.wait_until = time.monotonic() + self._options.operation_timeout
            self._pool.exchange_keys()
            self._connection.wait_until = 0.0
            self._run("Close-PrivilegedEndpoint", parameters, _CLOSING, False, True, False, None)
        except PepSessionLost as lost:
            # The cmdlet ends the session that it runs in, so its own end may not be seen.
            if lost.code != str(failures.SHELL_NOT_FOUND):
                self._not_shipped(transcripts.share, str(lost))
        except (AzsError, requests.RequestException, WinRMError) as error:
            self._not_shipped(transcripts.share, str(error))

    def _not_shipped(self, share: str, why: str) -> None:
        self._notify(f"The transcript of this session was not shipped to {share}, it stays on {self.host}: {why}")

    def _discard(self) -> None:
        """Close shell and connection as far as the endpoint lets us."""
        self._connection.line.patience = 0.0
        self._connection.wait_until = 0.0
        with contextlib.suppress(Exception):  # whatever answers at this address
            self._pool.close()
        self._connection.close()


class _Shown:
    """Shows the progress records and the action plan's steps of a running cmdlet.

    A step has no percentage: the last one of the progress records stays.
    """

    def __init__(self, cmdlet: str, progress: ProgressCallback) -> None:
        self._cmdlet = cmdlet
        self._progress = progress
        self._records = 0
        self._lines = 0
        self._percent = -1

    def update(self, streams: t.Any) -> None:
        """Show what is new in the streams."""
        records, self._records = streams.progress[self._records :], len(streams.progress)
        lines, self._lines = streams.verbose[self._lines :], len(streams.verbose)
        if records:
            last = records[-1]
            self._percent = last.percent_complete or 0
            self._progress(last.activity or self._cmdlet, last.description or "", self._percent)
        steps = [step for record in lines for step in action_plan.steps_in(_message(record))]
        if steps:
            name, status = steps[-1]
            self._progress(name, status, self._percent)


class _Hidden:
    """Takes secrets out of what a stamp says: what was sent to it, and whatever looks like a token or key."""

    _LIKE_A_TOKEN: t.Final = re.compile(r"[\w+/=.~-]{120,}")

    def __init__(self, parameters: t.Mapping[str, t.Any]) -> None:
        values = (getattr(value, "password", value) for name, value in parameters.items() if name in cmdlets.SECRETS)
        self._secrets = [value for value in values if isinstance(value, str) and value]

    def in_text(self, text: str) -> str:
        """Return the text with stars in place of secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _STARS)
        return self._LIKE_A_TOKEN.sub(_STARS, text)

    def in_error(self, said: failures.Said) -> failures.Said:
        """Return the error with stars in place of secrets."""
        return failures.Said(self.in_text(said.message), self.in_text(said.id) if said.id else None, said.target)

    def in_plan(self, plan: action_plan.ActionPlan) -> action_plan.ActionPlan:
        """Return the plan with stars in place of secrets."""
        step, why = (self.in_text(text) if text else None for text in (plan.step, plan.why))
        return dataclasses.replace(plan, step=step, why=why)


def _message(record: t.Any) -> str:
    """Return the text of a record of any stream but the errors'."""
    text = getattr(record, "message", None) or getattr(record, "message_data", None) or record
    return text if isinstance(text, str) else str(action_plan.properties(text).get("message") or text)


def _said(record: t.Any) -> failures.Said:
    exception = getattr(record, "exception", None)
    message = getattr(record, "details_message", None) or action_plan.properties(exception).get("message")
    text = re.sub(r"\s+", " ", str(message or record)).strip()
    return failures.Said(text, getattr(record, "fq_error", None), getattr(record, "target_name", None))


@contextlib.contextmanager
def terminable() -> t.Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack as an interrupt does, so that the session is closed.

    A signal that is ignored (nohup) stays so. Signals reach the main thread alone, which sees to it that the others end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, t.Any] = {}
    unwinding = False

    def unwind(number: int, dummy: t.Any) -> None:
        nonlocal unwinding
        if not unwinding:
            unwinding = True  # a second one, as the end of a login brings it, must not break what the first one started
            raise SystemExit(128 + number)

    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:
            before[ending] = signal.signal(ending, unwind)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
