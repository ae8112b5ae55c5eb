# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a real PowerShell the calls of the recordings: ``python tests/powershell/recorder.py DIRECTORY`` writes them anew.

``bindings.json``: what was sent for a parameter, and what was bound or the error. ``records.json``: calls, each with and
without invocation info, and every message that came back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import re
import struct
import sys
import typing as t
import uuid

import psrpcore
from psrpcore.types import RemoteStreamOptions

from azs_simulator.powershell import Host, NoPowerShell, find_pwsh

CONFIGURATION: t.Final = pathlib.Path(__file__).with_name("recorded.pssc")

VALUES: t.Final = (
    None, True, False, "", "text", "5", 5, 0, ["a", "b"], "capacity", "41111111-2222-3333-4444-555555555555",
)  # fmt: skip
PARAMETERS: t.Final = ("String", "Int", "Switch", "Bool", "Any", "Strings", "Choice", "NotEmpty", "Guid", "NotNull")

MANDATORY: t.Final[tuple[dict[str, t.Any], ...]] = (
    {},
    {"Text": "x"},
    {"Text": "", "Any": 1},
    {"Text": None, "Any": 1},
    {"Text": "x", "Any": None},
    {"Tex": "x", "An": 1},
    {"text": "x", "ANY": 1},
    {"-Text": "x", "Any": 1},
    {"Text": "x", "Any": 1, "Verbose": None},
    {"Text": "x", "Any": 1, "Verbose": True},
    {"Text": "x", "Any": 1, "ErrorAction": "Stop"},
    {"Text": "x", "Any": 1, "WarningAction": "SilentlyContinue"},
    {"Text": "x", "Any": 1, "AsJob": True},
)

BINDINGS: t.Final[tuple[tuple[str, dict[str, t.Any]], ...]] = (
    *(("Test-Binding", {parameter: value}) for parameter in PARAMETERS for value in VALUES),
    *(("Test-Mandatory", parameters) for parameters in MANDATORY),
)

RECORDS: t.Final[tuple[tuple[str, str, dict[str, t.Any]], ...]] = (
    ("an object with typed properties; verbose, warning, progress", "Get-AzureStackStampInformation", {}),
    ("no output, one verbose line", "Set-RegistrationKeyPair", {}),
    (
        "one string; an information record", "New-RegistrationToken",
        {"BillingModel": "Capacity", "AgreementNumber": "12345678", "UsageReportingEnabled": False},
    ),
    ("value outside the set", "New-RegistrationToken", {"BillingModel": "Nonsense"}),
    ("unknown parameter", "New-RegistrationToken", {"BillingModel": "Capacity", "Wrong": "x"}),
    ("mandatory parameter missing", "New-RegistrationToken", {}),
    ("empty value of a mandatory parameter", "New-AzureStackActivation", {"ActivationKey": ""}),
    ("unknown cmdlet", "Get-Nonsense", {}),
    ("two cmdlets described", "Get-Command", {"Name": ["New-RegistrationToke[n]", "Close-PrivilegedEndpoin[t]"]}),
    ("describing a cmdlet that does not exist: an error that does not end it", "Get-Command", {"Name": "Get-Nonsense"}),
    ("an error that does not end the cmdlet", "Remove-AzureStackActivation", {}),
    (
        "verbose and progress while it runs; the parameters come back with each verbose record when invocation info is asked for",
        "New-AzureStackActivation", {"ActivationKey": "this-stands-for-the-activation-key"},
    ),
    ("an error that goes on, then one that ends it", "New-AzureStackActivation", {"ActivationKey": "fails"}),
    ("thrown text", "New-AzureBridgeServicePrincipal", {"RefreshToken": "bad"}),
    ("an object with one guid", "New-AzureBridgeServicePrincipal", {"RefreshToken": "this-stands-for-the-refresh-token"}),
    ("two errors with ids and categories, and output", "Set-TestErrors", {}),
    ("an exception with an inner one, text of two lines", "Set-TestInner", {}),
    ("values of many types", "Set-TestTypes", {}),
    ("Write-Host", "Set-TestWriteHost", {}),
    ("asks for a confirmation, with no host to ask", "Set-TestConfirm", {}),
)  # fmt: skip

STATES: t.Final = {3: "stopped", 4: "completed", 5: "failed"}
_FRAGMENT: t.Final = struct.Struct(">QQBI")
_HEADER: t.Final = 40
_ANONYMOUS: t.Final = {"User": r"AZURESTACK\CloudAdmin", "Computer": "ERCS01"}
"""What a recording tells of whoever made it."""
_SESSION: t.Final = uuid.UUID(int=0)


class Client:
    """A session at a PowerShell without WinRM between."""

    def __init__(self) -> None:
        self.opening: list[dict[str, str]] = []
        """The messages that answered its opening."""
        self._pool = psrpcore.ClientRunspacePool()
        self._host = Host(
            [find_pwsh(), "-SSHServerMode", "-NoLogo", "-NoProfile", "-ConfigurationFile", str(CONFIGURATION)], {}
        )
        self._incoming: asyncio.Queue[tuple[uuid.UUID, bytes] | None] = asyncio.Queue()

    async def open(self) -> None:
        """Start the process and open the session."""
        self._host.run(
            lambda receiver, data: self._incoming.put_nowait((receiver, data)), lambda: self._incoming.put_nowait(None)
        )
        self._pool.open()
        self._send(_SESSION)
        while self._pool.state != psrpcore.types.RunspacePoolState.Opened:
            self.opening += [message for message, _event in await self._receive()]

    async def close(self) -> None:
        """End the process."""
        self._host.end()
        await self._host.gone()

    async def call(
        self, cmdlet: str, parameters: t.Mapping[str, t.Any], *, invocation_info: bool
    ) -> tuple[list[dict[str, str]], list[t.Any]]:
        """Run a cmdlet to its end; returns the messages that came back, and what psrpcore makes of them."""
        options = RemoteStreamOptions(15) if invocation_info else RemoteStreamOptions.none
        pipeline = psrpcore.ClientPowerShell(self._pool, remote_stream_options=options)
        command = psrpcore.Command(cmdlet)
        for name, value in parameters.items():
            command.add_parameter(name, value)
        pipeline.add_command(command)
        pipeline.start()
        self._host.command(pipeline.pipeline_id)
        self._send(pipeline.pipeline_id)
        messages: list[dict[str, str]] = []
        events: list[t.Any] = []
        while not any(isinstance(event, psrpcore.PipelineStateEvent) for event in events):
            for message, event in await self._receive():
                messages.append(message)
                events.append(event)
        pipeline.close()
        self._host.forget(pipeline.pipeline_id)
        return messages, events

    def _send(self, receiver: uuid.UUID) -> None:
        while (payload := self._pool.data_to_send()) is not None:
            self._host.data(receiver, payload.data)

    async def _receive(self) -> list[tuple[dict[str, str], t.Any]]:
        """The next messages that are complete, in the order that they came."""
        found = await self._incoming.get()
        if found is None:
            raise RuntimeError("the PowerShell has ended")
        receiver, data = found
        message = self._message(data)
        while message is None:
            _receiver, more = t.cast("tuple[uuid.UUID, bytes]", await self._incoming.get())
            data += more
            message = self._message(data)
        self._pool.receive_data(
            psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None if receiver == _SESSION else receiver)
        )
        return [(message, self._pool.next_event())]

    @staticmethod
    def _message(data: bytes) -> dict[str, str] | None:
        """The message in some fragments, or None when more of them have to come. One message is all that a packet holds."""
        content, start, flags = b"", 0, 0
        while start < len(data):
            _number, _place, flags, length = _FRAGMENT.unpack_from(data, start)
            start += _FRAGMENT.size
            content += data[start : start + length]
            start += length
        if not flags & 2:
            return None
        text = content[_HEADER:].decode("utf-8-sig")
        for name, value in _ANONYMOUS.items():
            text = re.sub(rf'(<S N="{name}">)[^<]*(</S>)', lambda found, value=value: found[1] + value + found[2], text)
        return {"type": f"0x{int.from_bytes(content[4:8], 'little'):08X}", "clixml": text}


@contextlib.asynccontextmanager
async def session() -> t.AsyncIterator[Client]:
    """A session for the time of a block."""
    client = Client()
    try:
        await client.open()
        yield client
    finally:
        await client.close()


async def bindings() -> list[dict[str, t.Any]]:
    """The calls of bindings.json, asked now."""
    async with session() as client:
        return [await _binding(client, cmdlet, sent) for cmdlet, sent in BINDINGS]


async def _binding(client: Client, cmdlet: str, sent: dict[str, t.Any]) -> dict[str, t.Any]:
    _messages, events = await client.call(cmdlet, sent, invocation_info=False)
    (end,) = (event for event in events if isinstance(event, psrpcore.PipelineStateEvent))
    failed = end.state == psrpcore.types.PSInvocationState.Failed
    output = [str(event.data) for event in events if isinstance(event, psrpcore.PipelineOutputEvent)]
    return {
        "cmdlet": cmdlet,
        "sent": sent,
        "state": STATES[int(end.state)],
        "bound": None if failed else output,
        "error": str(end.reason) if failed else None,
        "error_id": str(end.reason.FullyQualifiedErrorId) if failed else None,
    }


async def records() -> list[dict[str, t.Any]]:
    """The calls of records.json, asked now."""
    async with session() as client:
        found: list[dict[str, t.Any]] = [
            {"call": "open the session", "invocation_info": None, "messages": client.opening}
        ]
        for call, cmdlet, parameters in RECORDS:
            for invocation_info in (True, False):
                messages, _events = await client.call(cmdlet, parameters, invocation_info=invocation_info)
                found.append(
                    {
                        "call": call, "cmdlet": cmdlet, "parameters": parameters, "invocation_info": invocation_info,
                        "messages": messages,
                    }
                )  # fmt: skip
        return found


def main() -> None:
    """Write the recordings into the directory that the command line names."""
    try:
        find_pwsh()
    except NoPowerShell as error:
        sys.exit(str(error))
    place = pathlib.Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    rows = asyncio.run(bindings())
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (place / "bindings.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    text = json.dumps(asyncio.run(records()), ensure_ascii=False, indent=1)
    (place / "records.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
