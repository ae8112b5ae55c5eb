# SPDX-License-Identifier: GPL-3.0-or-later
"""WinRM over HTTP: authentication per connection, message encryption, one answer or fault for each request."""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import time
import typing
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import soap
from .faults import Effect
from .ntlm import (
    SEALED_CONTENT_TYPE,
    SEALED_PROTOCOL,
    AuthenticationRefused,
    CredentialFile,
    SecurityContext,
    UnreadableMessage,
)
from .shells import Caller, Operation, Reply, Shells

if typing.TYPE_CHECKING:
    from .faults import Faults
    from .journal import Journal
    from .settings import Settings

CONNECTION_EFFECTS = frozenset(
    {"refuse", "drop", "drop_after", "drop_middle", "hang", "delay", "fault", "shell_gone", "close"}
)
"""Fault effects that a request knows, or (`refuse`, `drop`, `hang`) a new connection, whose action is ``Connection``:

- `refuse`, `drop`: the connection is cut, nothing is done
- `drop_after`: it is done, but the connection is cut before the answer; `drop_middle`: in the middle of the answer
- `hang`: never answered; `delay`: answered after `seconds`
- `fault`: answered with a WS-Management fault (code, message), nothing is done
- `shell_gone`: the shell is lost, and the request answered accordingly
- `close`: the address refuses connections until it is opened again, and all open ones are cut

With `commit` (before, after or never) the running cmdlet's action plan takes effect at once, in its own time, or not.
"""

PATH = "/wsman"
_SOAP_TYPE = "application/soap+xml;charset=UTF-8"
_SEALED_TYPE = f'{SEALED_CONTENT_TYPE};protocol="{SEALED_PROTOCOL}";boundary="Encrypted Boundary"'


@dataclasses.dataclass
class _Exchange:
    """One HTTP request on its way: what the journal gets to know of it."""

    request: web.BaseRequest
    context: SecurityContext
    sealed: bool = False
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    action: str = "Authenticate"
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    confirm: Callable[[], None] = lambda: None
    cut_at: int | None = None
    """After how many bytes of the answer's body the connection breaks."""


class Endpoint:
    """What answers at one address of a privileged endpoint."""

    def __init__(
        self,
        shells: Shells,
        credentials: CredentialFile,
        *,
        secure: bool,
        facts: dict[str, Any],
        faults: Faults,
        journal: Journal,
        settings: Settings,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._shells = shells
        self._credentials = credentials
        self._secure = secure
        self._facts = facts
        self._faults = faults
        self._journal = journal
        self._settings = settings
        self._close = close
        self._contexts: weakref.WeakKeyDictionary[asyncio.Transport, SecurityContext] = weakref.WeakKeyDictionary()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer an HTTP request."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        context = self._contexts.get(transport)
        if context is None:
            context = self._contexts[transport] = SecurityContext(self._credentials)
        exchange = _Exchange(request, context)
        started = time.monotonic()
        response: web.Response | None = None
        try:
            body = await request.read()
            if self._settings.latency["pep"]:
                await asyncio.sleep(self._settings.latency["pep"])
            response = await self._respond(exchange, body)
        finally:
            self._journal.add(
                "pep",
                action=exchange.action,
                status=response.status if response is not None and exchange.cut_at is None else None,
                seconds=round(time.monotonic() - started, 6),
                **self._facts,
                **exchange.facts,
            )
        return await self._write(exchange, response)

    async def _respond(self, exchange: _Exchange, body: bytes) -> web.Response:
        request, context = exchange.request, exchange.context
        if request.path != PATH:
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=405)
        try:
            token = self._token(request)
            answer = context.step(token) if token is not None else None
        except (AuthenticationRefused, binascii.Error):
            return self._unauthorized()
        if not context.established:
            return self._unauthorized(answer)
        if answer:
            exchange.headers["WWW-Authenticate"] = _challenge(answer)
        if not body:
            return web.Response(headers=exchange.headers)
        exchange.sealed = request.content_type == SEALED_CONTENT_TYPE
        if not exchange.sealed and not self._secure:
            # AllowUnencrypted is off, and WinRM does not say so: the answer is a bare 500.
            return web.Response(status=500)
        try:
            message = soap.parse(context.unseal(body) if exchange.sealed else body)
        except (UnreadableMessage, soap.MalformedRequest):
            return web.Response(status=400)
        exchange.action = message.action
        return await self._answer(exchange, message)

    async def _answer(self, exchange: _Exchange, message: soap.Request) -> web.Response:
        caller = Caller(exchange.context.user, exchange.request.remote or "")
        try:
            operation = self._shells.prepare(message, caller)
            reply = await self._perform(exchange, message, operation)
        except soap.WSManFault as fault:
            exchange.facts["fault"] = fault.code
            return self._response(exchange, soap.fault(message, fault, self._shells.machine), 500)
        exchange.confirm = reply.confirm
        return self._response(exchange, soap.answer(message, reply.body), 200)

    async def _perform(self, exchange: _Exchange, message: soap.Request, operation: Operation) -> Reply:
        """Do what the request asks for, or what a fault rule makes of it."""
        cmdlet = None
        if operation.pipeline is not None and operation.pipeline.commands is not None:
            cmdlet = "|".join(operation.pipeline.names)
            exchange.facts.update(cmdlet=cmdlet, parameters=operation.pipeline.parameters)
        effect = self._faults.take("pep", action=exchange.action, cmdlet=cmdlet, **self._facts)
        if effect is None:
            return await operation.perform(None)
        if effect.get("commit") and effect.kind in CONNECTION_EFFECTS:
            self._shells.settle(message.shell_id, effect.get("commit"))
        return await self._fail(exchange, message, operation, effect)

    async def _fail(self, exchange: _Exchange, message: soap.Request, operation: Operation, effect: Effect) -> Reply:
        kind = effect.kind
        if kind == "delay":
            await asyncio.sleep(float(effect.get("seconds", 1.0)))
        elif kind == "hang":
            operation.drop()
            await asyncio.Event().wait()
        elif kind in ("refuse", "drop", "close"):
            operation.drop()
            exchange.cut_at = 0
            if kind == "close":
                await self._close()
            return Reply("")
        elif kind == "fault":
            operation.drop()
            raise soap.WSManFault(
                int(effect.get("code", 2150858770)), "w:InternalError", effect.get("message", "Simulated fault. ")
            )
        elif kind == "shell_gone":
            self._shells.lose(message.shell_id)
            raise soap.unknown_shell(message.shell_id)
        reply = await operation.perform(effect)
        if kind in ("drop_after", "drop_middle"):
            exchange.cut_at = 0 if kind == "drop_after" else len(reply.body) // 2
        return reply

    async def _write(self, exchange: _Exchange, response: web.Response) -> web.StreamResponse:
        """Send the answer; only when all of it is out, what it gave away is gone."""
        request = exchange.request
        transport = request.transport
        if exchange.cut_at is not None and transport is not None:
            if exchange.cut_at:
                await self._write_part(request, response, exchange.cut_at)
            transport.close()
            return response
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionResetError:
            return response
        if transport is not None and not transport.is_closing():
            exchange.confirm()
        return response

    @staticmethod
    async def _write_part(request: web.BaseRequest, response: web.Response, size: int) -> None:
        body = typing.cast(bytes, response.body)
        part = web.StreamResponse(status=response.status, headers={"Content-Type": response.headers["Content-Type"]})
        part.content_length = len(body)
        await part.prepare(request)
        await part.write(body[:size])

    @staticmethod
    def _token(request: web.BaseRequest) -> bytes | None:
        """The client's authentication token. Raises AuthenticationRefused for another scheme than Negotiate."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _space, token = header.partition(" ")
        if scheme.casefold() != "negotiate":
            raise AuthenticationRefused(f"{scheme} is not offered")
        return base64.b64decode(token, validate=True)

    @staticmethod
    def _unauthorized(answer: bytes | None = None) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": _challenge(answer)})

    @staticmethod
    def _response(exchange: _Exchange, message: bytes, status: int) -> web.Response:
        headers = {**exchange.headers, "Content-Type": _SEALED_TYPE if exchange.sealed else _SOAP_TYPE}
        return web.Response(
            body=exchange.context.seal(message) if exchange.sealed else message, status=status, headers=headers
        )


def _challenge(answer: bytes | None) -> str:
    return f"Negotiate {base64.b64encode(answer).decode()}" if answer else "Negotiate"
