# SPDX-License-Identifier: GPL-3.0-or-later
"""A stamp's privileged endpoint: one listener for each address of its ERCS machines."""

from __future__ import annotations

import asyncio
import ssl
import typing
from typing import Any

from aiohttp import web

from .ntlm import CredentialFile
from .sessions import EFFECTS, Session
from .shells import Shells
from .winrm import CONNECTION_EFFECTS, Endpoint

if typing.TYPE_CHECKING:
    from .faults import Effect, Faults
    from .journal import Journal
    from .powershell import PowerShells, PowerShellSession
    from .stamp import Stamp
    from .tls import Tls
    from .world import World

HOST = "127.0.0.1"


class PepServer:
    """The endpoint at one ERCS address; `address` stays the same when it is closed and opened again."""

    def __init__(
        self,
        stamp: Stamp,
        number: int,
        world: World,
        faults: Faults,
        journal: Journal,
        credentials: CredentialFile,
        context: ssl.SSLContext | None,
        engine: PowerShells | None,
    ) -> None:
        self.machine = f"AzS-ERCS{number:02}"
        self.transcripts: list[dict[str, str]] = []
        """Sessions whose transcripts Close-PrivilegedEndpoint shipped: destination and user name of each."""
        self._facts: dict[str, Any] = {"stamp": stamp.name, "ercs": number}
        self._faults = faults
        self._journal = journal
        self._tls = context
        self._port = 0
        self._listener: asyncio.Server | None = None

        def open_session() -> Session | PowerShellSession:
            session = Session(stamp, self.machine, self.transcripts)
            return engine.session(stamp, session) if engine else session

        endpoint = Endpoint(
            Shells(self.machine, world.settings, open_session),
            credentials,
            secure=context is not None,
            facts=self._facts,
            faults=faults,
            journal=journal,
            settings=world.settings,
            close=self.close,
        )
        self._http = web.Server(endpoint.handle, handler_cancellation=True, access_log=None)

    @property
    def address(self) -> str:
        """Where it listens, as ``127.0.0.1:PORT``."""
        return f"{HOST}:{self._port}"

    async def open(self) -> None:
        """Listen; the second time at the same port as before."""
        if self._listener is None:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(self._protocol, HOST, self._port, ssl=self._tls)
            self._port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections from now on and cut the open ones. Shells stay, as behind a broken network."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in self._http.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def _protocol(self) -> asyncio.Protocol:
        effect = self._faults.take("pep", action="Connection", **self._facts)
        if effect is None or effect.kind not in ("refuse", "drop", "hang"):
            return self._http()
        self._journal.add("pep", action="Connection", status=None, **self._facts)
        return _BrokenConnection(effect)


class _BrokenConnection(asyncio.Protocol):
    """A connection that a fault rule spoils: cut at once, or (`hang`) never answered."""

    def __init__(self, effect: Effect) -> None:
        self._hangs = effect.kind == "hang"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self._hangs:
            typing.cast(asyncio.Transport, transport).abort()


async def start_pep(
    stamp: Stamp, world: World, faults: Faults, journal: Journal, tls: Tls, engine: PowerShells | None = None
) -> list[str]:
    """Start listening at all ERCS addresses of a stamp; returns the addresses and fills `stamp.pep_servers`."""
    faults.define("pep", EFFECTS | CONNECTION_EFFECTS)
    credentials = CredentialFile(stamp)
    context = tls.context if stamp.pep_tls else None
    for number in range(1, stamp.ercs_count + 1):
        server = PepServer(stamp, number, world, faults, journal, credentials, context, engine)
        await server.open()
        stamp.pep_servers.append(server)
    return [server.address for server in stamp.pep_servers]
