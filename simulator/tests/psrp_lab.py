# SPDX-License-Identifier: GPL-3.0-or-later
"""A session of the simulator without WinRM between, whose messages come in the form of the recordings."""

from __future__ import annotations

import asyncio
import json
import struct
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psrpcore
from psrpcore.types import RemoteStreamOptions

from azs_simulator import psrp
from azs_simulator.soap import WSManFault

RECORDINGS = Path(__file__).with_name("recordings")
"""What a real PowerShell answered; ``make recordings`` asks it again."""

_FRAGMENT = struct.Struct(">QQBI")
_HEADER = 40
_LAST = 2
"""Flag of a message's last fragment."""
Message = dict[str, str]


def recorded(name: str) -> Any:
    """The content of a recording."""
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


class Client:
    """A client that has opened a session; `opening` is what it was answered."""

    def __init__(self, pool: psrp.RunspacePool) -> None:
        self._pool = pool
        self._client = psrpcore.ClientRunspacePool()
        self._client.open()
        pool.feed(self._sent())
        self.opening = self._received(pool.output)

    def call(
        self,
        run: Callable[[psrp.Pipeline], Coroutine[Any, Any, None]],
        cmdlet: str,
        parameters: dict[str, Any],
        *,
        invocation_info: bool,
    ) -> tuple[list[Message], list[Any]]:
        """Let `run` run a cmdlet; returns the messages, and what psrpcore makes of them."""
        options = RemoteStreamOptions(15) if invocation_info else RemoteStreamOptions.none
        shell = psrpcore.ClientPowerShell(self._client, remote_stream_options=options)
        command = psrpcore.Command(cmdlet)
        for name, value in parameters.items():
            command.add_parameter(name, value)
        shell.add_command(command)
        shell.start()

        async def play() -> psrp.Pipeline:
            pipeline = self._pool.create_pipeline(self._sent())
            pipeline.start(run)
            while pipeline.running:
                await asyncio.sleep(0.01)
            return pipeline

        pipeline = asyncio.run(play())
        messages = self._received(pipeline.output, shell.pipeline_id)
        events = []
        while (event := self._client.next_event()) is not None:
            events.append(event)
        shell.close()
        self._pool.remove_pipeline(pipeline)
        return messages, events

    def _sent(self) -> bytes:
        data = b""
        while (payload := self._client.data_to_send()) is not None:
            data += payload.data
        return data

    def _received(self, output: psrp.Output, pipeline: uuid.UUID | None = None) -> list[Message]:
        messages: list[Message] = []
        content = b""
        while (delivery := _next(output)) is not None:
            for fragment in delivery.fragments:
                self._client.receive_data(psrpcore.PSRPPayload(fragment, psrpcore.StreamType.default, pipeline))
                content += fragment[_FRAGMENT.size :]
                if _FRAGMENT.unpack_from(fragment)[2] & _LAST:
                    kind = int.from_bytes(content[4:8], "little")
                    messages.append({"type": f"0x{kind:08X}", "clixml": content[_HEADER:].decode("utf-8-sig")})
                    content = b""
        return messages


def _next(output: psrp.Output) -> psrp.Delivery | None:
    """The next part of an output; None when there is no more."""
    try:
        delivery = asyncio.run(output.receive(str(uuid.uuid4()), 0.0, 2**31))
    except WSManFault:
        return None
    output.confirm(delivery)
    return delivery if delivery.fragments else None
