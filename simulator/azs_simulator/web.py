# SPDX-License-Identifier: GPL-3.0-or-later
"""What the HTTP services have in common: a listener each, the request log, latencies and faults."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import email.utils
import json
import time
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .cloud import ArmError
from .faults import Effect, Faults
from .journal import Journal
from .tls import Tls
from .world import World


@dataclasses.dataclass
class Answer:
    """A response: JSON, or nothing when `body` is None."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Request:
    """A request that has been read whole. `facts` are what fault rules can match and what the log shows."""

    def __init__(self, request: web.BaseRequest, content: bytes) -> None:
        self.method = request.method
        self.path = request.path
        self.url = f"{request.scheme}://{request.host}{request.path}"
        self.headers = request.headers
        self.query = {name.lower(): value for name, value in request.rel_url.query.items()}
        self.content = content
        self.facts: dict[str, Any] = {"method": self.method, "path": self.path}

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, empty when there is none. Raises ArmError (InvalidRequestContent)."""
        try:
            body = json.loads(self.content or b"{}")
        except ValueError as error:
            body = error
        if not isinstance(body, dict):
            raise ArmError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{body}'.",
            )
        return body


def error_answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """ARM's error envelope."""
    return Answer(status, {"error": {"code": code, "message": message}}, dict(headers or {}))


class Service:
    """One listener on 127.0.0.1. Subclasses say what is asked (`describe`) and answer it (`respond`)."""

    name = ""
    """Service name in fault rules, latencies and the request log."""

    def __init__(self, world: World, faults: Faults, journal: Journal) -> None:
        self.world = world
        self.faults = faults
        self.journal = journal
        self.url = ""
        self._ending = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    def service_of(self, request: Request) -> str:
        """The service that a request counts for."""
        return self.name

    def describe(self, request: Request) -> None:
        """Complete `request.facts` before faults are looked up."""

    async def respond(self, request: Request) -> Answer:
        """The service's own answer. May raise ArmError."""
        raise NotImplementedError

    async def start(self, tls: Tls | None) -> str:
        """Listen on a free port; returns the URL."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls.context if tls else None).start()
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return self.url

    async def close(self) -> None:
        """Stop listening and cut the open connections."""
        self._ending.set()
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        started = time.monotonic()
        request = Request(raw, await raw.read())
        self.describe(request)
        service = self.service_of(request)
        effect = self.faults.take(service, **request.facts)
        if effect and effect.kind == "hang":
            self.journal.add(service, status=None, **request.facts)
            await self._wait(float(effect.get("seconds", 86400)))
        delay = self.world.settings.latency.get(service, 0.0)
        delay += float(effect.get("seconds", 0)) if effect and effect.kind == "delay" else 0.0
        if delay:
            await asyncio.sleep(delay)
        if effect and effect.kind in ("hang", "drop"):
            if effect.kind == "drop":
                self.journal.add(service, status=None, **request.facts)
            return self._cut(raw)
        if effect and effect.kind == "page":
            self.journal.add(service, status=int(effect.get("status", 502)), **request.facts)
            return self._page(effect)
        failed = effect is not None and effect.kind == "error"
        answer = self._fault_answer(service, effect) if effect and failed else await self._answer(request)
        lost = effect is not None and effect.kind == "drop_after"
        self.journal.add(
            service,
            status=None if lost else answer.status,
            seconds=round(time.monotonic() - started, 6),
            **request.facts,
        )
        if effect and effect.kind == "trickle":
            return await self._trickle(raw, self._render(answer), float(effect.get("seconds", 1.0)))
        return self._cut(raw) if lost else self._render(answer)

    async def _trickle(self, raw: web.BaseRequest, answer: web.StreamResponse, seconds: float) -> web.StreamResponse:
        """The answer, a byte at a time. Blanks before the JSON keep even a short one from ending."""
        body = b" " * 10_000 + bytes(getattr(answer, "body", b"") or b"{}")
        slow = web.StreamResponse(
            status=answer.status, headers={"Content-Type": "application/json", "Content-Length": str(len(body))}
        )
        try:
            await slow.prepare(raw)
            for number in range(len(body)):
                await slow.write(body[number : number + 1])
                await self._wait(seconds)
                if self._ending.is_set():
                    break
        except ConnectionError:  # nobody listens any more
            pass
        return slow

    @staticmethod
    def _page(effect: Effect) -> web.StreamResponse:
        """What a proxy answers in the service's place."""
        status = int(effect.get("status", 502))
        text = f"<html><head><title>{status}</title></head><body><h1>{effect.get('title', 'The proxy says no')}</h1></body></html>"
        return web.Response(status=status, text=text, content_type="text/html", headers={"Via": "1.1 proxy"})

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self.respond(request)
        except ArmError as error:
            return error_answer(error.status, error.code, error.message, error.headers)
        except Exception:  # noqa: BLE001  # a request that nobody thought of must be seen in the log
            traceback.print_exc()
            return error_answer(500, "SimulatorError", f"The simulator cannot handle {request.method} {request.path}.")

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    @staticmethod
    def _fault_answer(service: str, effect: Effect) -> Answer:
        """The error of a fault rule, in the envelope of the service: OAuth's at sign-in, else ARM's."""
        status, code = int(effect.get("status", 500)), str(effect.get("code", "InternalServerError"))
        message = str(effect.get("message", "The server encountered an internal error. Please retry the request."))
        headers = {str(name): str(value) for name, value in effect.get("headers", {}).items()}
        if service == "login":
            return Answer(status, {"error": code, "error_description": message}, headers)
        answer = error_answer(status, code, message, headers)
        if effect.get("details"):
            answer.body["error"]["details"] = effect.get("details")
        return answer

    @staticmethod
    def _cut(raw: web.BaseRequest) -> web.StreamResponse:
        if raw.transport is not None:
            raw.transport.abort()
        return web.Response()

    def _render(self, answer: Answer) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        headers = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": request_id,
            "Cache-Control": "no-cache",
            "Date": email.utils.formatdate(time.time() + self.world.settings.clock_offset, usegmt=True),
            **answer.headers,
        }
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.Response(
            status=answer.status,
            body=json.dumps(answer.body).encode("utf-8"),
            content_type="application/json",
            charset="utf-8",
            headers=headers,
        )
