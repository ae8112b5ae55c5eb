# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API: plain HTTP on 127.0.0.1, for tests and for the person who rehearses."""

from __future__ import annotations

import json
import os
from typing import Any

from aiohttp import web

from . import effects
from .cloud import ArmError
from .faults import Faults
from .fleet import FleetError
from .journal import Journal
from .stamp import CmdletError
from .world import World

LONGEST_WAIT = 60.0
"""Seconds that a request for the log can wait for an entry."""


class Control:
    """Routes: GET /health, /state, /credentials, /requests; POST and DELETE /faults; PUT /settings; POST /do/{what}."""

    def __init__(self, world: World, faults: Faults, journal: Journal) -> None:
        self.world = world
        self.faults = faults
        self.journal = journal
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free port; returns the URL."""
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/state", self._state),
                web.get("/credentials", self._credentials),
                web.get("/requests", self._requests),
                web.get("/faults", self._list_faults),
                web.post("/faults", self._add_fault),
                web.delete("/faults", self._remove_faults),
                web.delete("/faults/{id}", self._remove_faults),
                web.get("/settings", self._settings),
                web.put("/settings", self._change_settings),
                web.post("/do/{what}", self._do),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def close(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "pid": os.getpid()})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self.world.as_dict())

    async def _credentials(self, _request: web.Request) -> web.Response:
        """All secrets there are, e.g. to search logs for them."""
        return web.json_response(
            {
                "clouds": {
                    name: {p.name: p.secret for p in cloud.directory.principals if p.secret}
                    for name, cloud in self.world.clouds.items()
                },
                "hosts": {
                    name: {"identity_header": cloud.identity_header} for name, cloud in self.world.clouds.items()
                },
                "refresh_tokens": {
                    name: {str(number): token for number, token in enumerate(cloud.directory.refresh_tokens)}
                    for name, cloud in self.world.clouds.items()
                },
                "stamps": {
                    name: {"pep_password": stamp.pep_password, "admin_secret": self.world.stamp_admins[name].secret}
                    for name, stamp in self.world.stamps.items()
                },
            }
        )

    async def _requests(self, request: web.Request) -> web.Response:
        since, service = int(request.query.get("since", 0)), request.query.get("service")
        seconds = min(float(request.query.get("wait", 0)), LONGEST_WAIT)
        return web.json_response(await self.journal.wait(since, service, seconds))

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self.faults.rules())

    async def _add_fault(self, request: web.Request) -> web.Response:
        return web.json_response({"id": self.faults.add(await _body(request))})

    async def _remove_faults(self, request: web.Request) -> web.Response:
        self.faults.remove(request.match_info.get("id"))
        return web.json_response({})

    async def _settings(self, _request: web.Request) -> web.Response:
        return web.json_response(self.world.settings.as_dict())

    async def _change_settings(self, request: web.Request) -> web.Response:
        self.world.change_settings(await _body(request))
        return await self._settings(request)

    async def _do(self, request: web.Request) -> web.Response:
        result = await effects.run(self.world, request.match_info["what"], await _body(request))
        return web.json_response({"result": result})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ValueError("the body has to be a JSON object")
    return body


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response(
            {"error": f"{error.status} {error.reason}: {request.method} {request.path}"}, status=error.status
        )
    except (ValueError, TypeError, KeyError, IndexError, FleetError, ArmError, CmdletError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
