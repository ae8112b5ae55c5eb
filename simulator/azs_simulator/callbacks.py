# SPDX-License-Identifier: GPL-3.0-or-later
"""What the functions of a real PowerShell ask the simulator: a private HTTP API on 127.0.0.1.

A function posts its name and bound parameters (CLIXML), and then asks again and again what it has to write. The built-in
session decides it: it takes a `Script` for the pipeline of its client.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import typing
from typing import Any

import psrpcore
import psrpcore.types as ps
from aiohttp import web

from .psobjects import PSError

if typing.TYPE_CHECKING:
    from .faults import Effect
    from .sessions import Session

VARIABLE = "AZS_SIMULATOR_SESSION"
"""Environment variable that tells the functions where to ask."""

HOST = "127.0.0.1"
_LARGEST_CALL = 16 * 1024 * 1024
_NO_SECRETS = ps.PSCryptoProvider()
"""Secure strings do not go this way: passwords are told as they are, for nobody else listens."""

_EXCEPTIONS = frozenset(
    {
        "System.Exception",
        "System.Management.Automation.CommandNotFoundException",
        "System.Management.Automation.ParameterBindingException",
        "System.Management.Automation.RuntimeException",
        "System.TimeoutException",
    }
)

_log = logging.getLogger(__name__)


class Script:
    """What a function has to write, in order: written like a pipeline, read by the function."""

    def __init__(self, command: psrpcore.Command) -> None:
        self.commands = [command]
        self._lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._name = command.command_text

    def write_output(self, value: Any) -> None:
        """Write an object to the output stream."""
        self._say("output", Value=value)

    def write_error(self, error: PSError) -> None:
        """Write to the error stream; the function goes on."""
        self._error("error", error)

    def write_verbose(self, message: str) -> None:
        """Write to the verbose stream."""
        self._say("verbose", Text=message)

    def write_warning(self, message: str) -> None:
        """Write to the warning stream."""
        self._say("warning", Text=message)

    def write_progress(self, activity: str, status: str, percent: int) -> None:
        """Write to the progress stream."""
        self._say("progress", Activity=activity, Status=status, Percent=percent)

    def write_information(self, message: str, _source: str, _computer: str) -> None:
        """Write to the information stream."""
        self._say("information", Text=message)

    async def play(self, session: Session, effect: Effect | None) -> None:
        """Let the built-in session run the cmdlet."""
        try:
            await session.run(typing.cast(Any, self), effect)
        except PSError as error:
            self._error("end with error", error)
        except Exception as error:  # noqa: BLE001  # of the simulator, for the log
            _log.exception("a cmdlet failed inside the simulator")
            self._error("end with error", PSError(f"Simulator failure: {error!r}", "SimulatorFailure", "NotSpecified"))
        else:
            self._say("end")

    async def read(self) -> list[dict[str, Any]]:
        """What is to be written now; waits until there is something."""
        lines = [await self._lines.get()]
        while not self._lines.empty():
            lines.append(self._lines.get_nowait())
        return lines

    def _say(self, kind: str, **what: Any) -> None:
        self._lines.put_nowait({"Kind": kind, **what})

    def _error(self, kind: str, error: PSError) -> None:
        if kind == "end with error" and error.thrown:
            self._say("throw", Text=error.message)
        else:
            suffix = f",{self._name}"
            self._say(
                kind,
                Text=error.message,
                Id=error.fully_qualified_error_id.removesuffix(suffix),
                Whole=not error.fully_qualified_error_id.endswith(suffix),  # else PowerShell adds the cmdlet
                Category=error.category,
                Exception=_exception(error.exception),
                Target=error.target,
            )


class Visit:
    """One session's place at the API."""

    def __init__(self, callbacks: Callbacks, ticket: str, session: Session) -> None:
        self.begun = asyncio.Event()
        """Set when the pipeline that runs has come to a cmdlet of the stamp."""
        self._effect: Effect | None = None
        self._callbacks = callbacks
        self._ticket = ticket
        self._session = session
        self._numbers = itertools.count(1)
        self._scripts: dict[str, Script] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        """What the process needs to know."""
        return {VARIABLE: f"{self._callbacks.url}/{self._ticket}"}

    def expect(self, effect: Effect | None) -> None:
        """A pipeline begins; `effect` is what a fault rule makes of its cmdlets."""
        self._effect = effect
        self.begun = asyncio.Event()

    def begin(self, name: str, parameters: dict[str, Any]) -> str:
        """Begin to run a cmdlet; returns the number to ask for."""
        command = psrpcore.Command(name)
        for parameter, value in parameters.items():
            command.add_parameter(parameter, _sent(value))
        number = str(next(self._numbers))
        script = self._scripts[number] = Script(command)
        task = asyncio.create_task(script.play(self._session, self._effect))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.begun.set()
        return number

    def script(self, number: str) -> Script:
        """What `begin` began. Raises KeyError."""
        return self._scripts[number]

    def stop(self) -> None:
        """Run no cmdlet any longer; what the stamp is doing goes on."""
        for task in self._tasks:
            task.cancel()
        self._scripts.clear()

    def end(self) -> None:
        """Give up the place."""
        self.stop()
        self._callbacks.visits.pop(self._ticket, None)


class Callbacks:
    """The API, one for all sessions."""

    def __init__(self) -> None:
        self.url = ""
        self.visits: dict[str, Visit] = {}
        self._runner: web.AppRunner | None = None

    def admit(self, session: Session) -> Visit:
        """Make place for a session."""
        ticket = secrets.token_urlsafe(16)
        visit = self.visits[ticket] = Visit(self, ticket, session)
        return visit

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=_LARGEST_CALL)
        app.add_routes([web.post("/{ticket}", self._begin), web.post("/{ticket}/{number}", self._read)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _visit(self, request: web.Request) -> Visit:
        visit = self.visits.get(request.match_info["ticket"])
        if visit is None:
            raise web.HTTPNotFound
        return visit

    async def _begin(self, request: web.Request) -> web.Response:
        call = _read_clixml(await request.text())
        return _clixml(self._visit(request).begin(call["Cmdlet"], dict(call["Parameters"])))

    async def _read(self, request: web.Request) -> web.Response:
        try:
            script = self._visit(request).script(request.match_info["number"])
        except KeyError:
            raise web.HTTPNotFound from None
        return _clixml(*await script.read())


def _exception(name: str) -> str:
    """The name, if PowerShell 7 has an exception of that name which a text is enough to make."""
    return name if name in _EXCEPTIONS else "System.Management.Automation.RuntimeException"


def _sent(value: Any) -> Any:
    """A parameter's value as the client sent it."""
    if isinstance(value, dict) and set(value) == {"UserName", "Password"}:
        return ps.PSCredential(value["UserName"], ps.PSSecureString(value["Password"]))
    return value


def _read_clixml(text: str) -> Any:
    return ps.deserialize_clixml(text, _NO_SECRETS)[0]


def _clixml(*values: Any) -> web.Response:
    text = ps.serialize_clixml(list(values), _NO_SECRETS)
    return web.Response(text=text, content_type="application/xml", charset="utf-8")
