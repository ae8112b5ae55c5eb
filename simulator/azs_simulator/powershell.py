# SPDX-License-Identifier: GPL-3.0-or-later
"""The second engine of a privileged endpoint: a real PowerShell runs the pipelines, one process for each session.

The process is PowerShell's own remoting server (``pwsh -SSHServerMode``) in a restricted session. What a client sends
and receives are its PSRP fragments; this module only passes them on. The endpoint's cmdlets are functions in it which
ask the simulator (`callbacks.Callbacks`) what to write, so that state, durations and faults are those of the built-in engine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import logging
import os
import re
import shutil
import struct
import tempfile
import typing
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from . import psrp
from .pssc import configuration
from .soap import WSManFault
from .wording import WORDINGS

if typing.TYPE_CHECKING:
    from .callbacks import Callbacks
    from .faults import Effect
    from .sessions import Session
    from .stamp import Stamp

VARIABLE = "AZS_PWSH"
"""Environment variable with the path of `pwsh`."""

_FRAGMENT = struct.Struct(">QQBI")
_START, _END = 1, 2
_MESSAGE_HEADER = 40
_CREATE_PIPELINE = 0x00021006
_GET_COMMAND_METADATA = 0x0002100A
_PIPELINE_STATE = 0x00041006
_RUNSPACE_POOL_STATE = 0x00021005
_CLOSED = b'<Obj RefId="0"><MS><I32 N="RunspaceState">3</I32></MS></Obj>'
_SESSION = uuid.UUID(int=0)
_PACKET = re.compile(rb"<(\w+)(?: Stream='(\w+)')? PSGuid='([0-9a-fA-F-]+)'(?: />|>([^<]*)</\w+>)")
_LONGEST_LINE = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_LAST_WORDS = 10.0
"""Seconds that a process may take to hand on a command that was accepted when its session is already lost."""
_LAST_OBJECT = 2**62
"""Number of the messages that this side makes up, where PowerShell's own counting never comes."""

_log = logging.getLogger(__name__)


class NoPowerShell(Exception):
    """There is no PowerShell on this machine; the message says how to get one."""


def find_pwsh() -> str:
    """The path of `pwsh`. Raises NoPowerShell."""
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or "pwsh")
    if found:
        return found
    place = (
        f"{VARIABLE}={named} is not an executable file"
        if named
        else f"there is no pwsh on the PATH, and {VARIABLE} is not set"
    )
    raise NoPowerShell(
        f"the engine 'powershell' needs PowerShell 7: {place}. Install it"
        " (https://learn.microsoft.com/powershell/scripting/install/installing-powershell-on-linux), or unpack an archive of"
        f" https://github.com/PowerShell/PowerShell/releases and set {VARIABLE} to the path of its pwsh."
    )


class PowerShells:
    """The engine: starts the sessions' processes, and ends those that are left at the end."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.pwsh = find_pwsh()
        self.callbacks = callbacks
        self._directory = tempfile.TemporaryDirectory(prefix="azs-simulator-")
        self._hosts: set[Host] = set()

    def session(self, stamp: Stamp, inner: Session) -> PowerShellSession:
        """A session at a stamp. `inner` is the built-in one that decides what the stamp's cmdlets do."""
        return PowerShellSession(self, stamp, inner)

    def start(self, stamp: Stamp, environment: dict[str, str], received: Received, ended: Callable[[], None]) -> Host:
        """Start a process with the cmdlets that a stamp offers now."""
        text = configuration(stamp)
        path = Path(self._directory.name, f"{uuid.uuid5(_SESSION, text)}.pssc")
        if not path.exists():
            path.write_text(text, encoding="utf-8")
        host = Host(
            [self.pwsh, "-SSHServerMode", "-NoLogo", "-NoProfile", "-ConfigurationFile", str(path)], environment
        )
        self._hosts.add(host)

        def has_ended() -> None:
            self._hosts.discard(host)
            ended()

        host.run(received, has_ended)
        return host

    async def close(self) -> None:
        """End all processes."""
        hosts = list(self._hosts)
        for host in hosts:
            host.end()
        await asyncio.gather(*(host.gone() for host in hosts))
        self._directory.cleanup()


Received = Callable[[uuid.UUID, bytes], None]
"""Takes the fragments for a pipeline, or (id 0) for the session."""


class Host:
    """One process. Packets go to it one by one, each after the acknowledgement of the one before."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = {
            **os.environ, "POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off", "DOTNET_TieredPGO": "0",
            **environment,
        }  # fmt: skip
        self._packets: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._acknowledged: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._last_words: asyncio.Task[None] | None = None
        self._ending = False

    def run(self, received: Received, ended: Callable[[], None]) -> None:
        """Start it; `ended` is called once when it is gone, for whatever reason."""
        self._task = asyncio.create_task(self._run(received))
        self._task.add_done_callback(lambda _task: ended())

    def end(self) -> None:
        """End the process now."""
        self._ending = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def end_after(self, event: asyncio.Event) -> None:
        """End the process when something has happened, or some seconds later when it does not happen."""

        async def wait() -> None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(event.wait(), _LAST_WORDS)
            self.end()

        self._last_words = asyncio.create_task(wait())

    async def gone(self) -> None:
        """Wait until it has ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def command(self, identifier: uuid.UUID) -> None:
        """Announce a pipeline."""
        self._put("CommandAck", identifier, f"<Command PSGuid='{identifier}' />")

    def data(self, identifier: uuid.UUID, fragments: bytes) -> None:
        """Send fragments to a pipeline or to the session."""
        text = base64.b64encode(fragments).decode("ascii")
        self._put("DataAck", identifier, f"<Data Stream='Default' PSGuid='{identifier}'>{text}</Data>")

    def signal(self, identifier: uuid.UUID) -> None:
        """Stop a pipeline."""
        self._put("SignalAck", identifier, f"<Signal PSGuid='{identifier}' />")

    def forget(self, identifier: uuid.UUID) -> None:
        """Close a pipeline that has ended."""
        self._put("CloseAck", identifier, f"<Close PSGuid='{identifier}' />")

    def _put(self, answer: str, identifier: uuid.UUID, packet: str) -> None:
        self._packets.put_nowait((f"{answer} {identifier}", packet.encode("ascii") + b"\n"))

    async def _run(self, received: Received) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        writer = asyncio.create_task(self._write(process))
        try:
            if self._ending:
                return
            await self._read(process, received)
        finally:
            writer.cancel()
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _write(self, process: asyncio.subprocess.Process) -> None:
        stdin = typing.cast(asyncio.StreamWriter, process.stdin)
        while True:
            answer, packet = await self._packets.get()
            stdin.write(packet)
            try:
                await stdin.drain()
            except ConnectionError:
                return
            while " ".join(await self._acknowledged.get()) != answer:
                pass

    async def _read(self, process: asyncio.subprocess.Process, received: Received) -> None:
        stdout = typing.cast(asyncio.StreamReader, process.stdout)
        while line := await stdout.readline():
            packet = _PACKET.match(line)
            if packet is None:  # the word with which it says goodbye, or that it did not understand something
                _log.warning("pwsh: %s", line.decode("utf-8", "replace").strip())
                continue
            kind, identifier = packet[1].decode("ascii"), uuid.UUID(packet[3].decode("ascii"))
            if kind == "Data":
                received(identifier, base64.b64decode(packet[4] or b""))
            elif kind.endswith("Ack"):
                self._acknowledged.put_nowait((kind, str(identifier)))


@dataclasses.dataclass
class RelayedCommand:
    """A command as far as the simulator has to know it: its name, and the names of its parameters."""

    command_text: str
    is_script: bool
    parameters: list[str]


class RelayedPipeline:
    """A pipeline that runs in the process. `commands` is None until all of its definition has arrived."""

    def __init__(self, pool: RelayedPool, identifier: uuid.UUID) -> None:
        self.id = identifier
        self.output = psrp.Output()
        self.commands: list[RelayedCommand] | None = None
        self.started = False
        self.ended = asyncio.Event()
        self.definition: list[bytes] = []
        self.last_type = 0
        """Type of the message that its output has come to."""
        self._pool = pool
        self._task: asyncio.Task[None] | None = None

    @property
    def names(self) -> list[str]:
        """The names of the commands; a script has the name ``<script>``, for scripts may hold secrets."""
        return ["<script>" if command.is_script else command.command_text for command in self.commands or []]

    @property
    def parameters(self) -> list[str]:
        """The names of all parameters given."""
        return [name for command in self.commands or [] for name in command.parameters]

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.started and not self.ended.is_set()

    def start(self, run: Callable[[RelayedPipeline], Coroutine[Any, Any, None]]) -> None:
        """Run it in the background."""
        self.started = True
        self._task = asyncio.create_task(run(self))

    def stop(self) -> None:
        """Stop at the client's wish; the process says when it has."""
        if self.running:
            self._pool.stop(self)

    def close(self, fault: WSManFault) -> None:
        """Forget the pipeline; what it still had to say is lost."""
        self.stop()
        if self._task is not None:
            self._task.cancel()
        self.output.close(fault)


class RelayedPool:
    """The runspace pool of one shell, in the process."""

    def __init__(self) -> None:
        self.output = psrp.Output()
        self._host: Host | None = None
        self._negotiation = psrp.RunspacePool(WORDINGS["7"])
        """Understands how the session was opened, and answers a client that takes it over."""
        self._opening: list[bytes] = []
        self._pipelines: dict[uuid.UUID, RelayedPipeline] = {}
        self._receivers: dict[int, uuid.UUID] = {}
        """Of messages of which more fragments are to come: the pipeline."""
        self._definitions: dict[int, bytearray] = {}
        """Of the same: what has come of the definition of a pipeline."""

    def open(self, host: Host) -> None:
        """Send what the client opened the session with."""
        self._host = host
        for fragment in self._opening:
            host.data(_SESSION, fragment)

    def leave(self) -> None:
        """Send nothing more to the process."""
        self._host = None

    def feed(self, data: bytes) -> None:
        """Take data that is for the pool itself, or a pipeline's definition or input. Raises MalformedData."""
        if self._host is None:
            self._negotiation.feed(data)
            self._opening.extend(fragment.whole for fragment in _fragments(data))
            return
        for fragment in _fragments(data):
            identifier = self._receiver(fragment)
            pipeline = self._pipelines.get(identifier)
            if pipeline is None:
                self._host.data(_SESSION, fragment.whole)
            elif pipeline.started:
                self._host.data(identifier, fragment.whole)
            else:
                pipeline.definition.append(fragment.whole)

    def create_pipeline(self, data: bytes) -> RelayedPipeline:
        """Take the first fragment of a pipeline's definition, which may be all of it. Raises MalformedData."""
        first = next(_fragments(data), None)
        if first is None or len(first.content) < _MESSAGE_HEADER:
            raise psrp.MalformedData("too short for a pipeline's first fragment")
        pipeline = RelayedPipeline(self, first.pipeline)
        self._pipelines[pipeline.id] = pipeline
        try:
            self.feed(data)
        except psrp.MalformedData:
            self.remove_pipeline(pipeline)
            raise
        return pipeline

    def remove_pipeline(self, pipeline: RelayedPipeline) -> None:
        """Forget a pipeline that has ended."""
        if self._pipelines.pop(pipeline.id, None) is not None and self._host is not None and pipeline.started:
            self._host.forget(pipeline.id)

    def connect(self, data: bytes) -> bytes:
        """Take the negotiation of a client that takes over the pool; returns the answer to it. Raises MalformedData."""
        return self._negotiation.connect(data)

    def announce_closed(self) -> None:
        """Tell the client that the server closed the pool."""
        message = struct.pack("<II", 1, _RUNSPACE_POOL_STATE) + bytes(32) + _CLOSED
        self.output.add(iter([_FRAGMENT.pack(_LAST_OBJECT, 0, _START | _END, len(message)) + message]), separate=True)

    def run(self, pipeline: RelayedPipeline) -> None:
        """Send a pipeline's definition to the process."""
        if self._host is not None:
            self._host.command(pipeline.id)
            for fragment in pipeline.definition:
                self._host.data(pipeline.id, fragment)
        pipeline.definition.clear()

    def stop(self, pipeline: RelayedPipeline) -> None:
        """Ask the process to stop a pipeline."""
        if self._host is not None:
            self._host.signal(pipeline.id)

    def received(self, identifier: uuid.UUID, data: bytes) -> None:
        """Take what the process has for a pipeline or for the pool."""
        if identifier == _SESSION:
            # The pool is opened only after the negotiation is answered: each message is an answer of its own.
            self.output.add(iter([data]), separate=True)
            return
        pipeline = self._pipelines.get(identifier)
        if pipeline is None:
            return
        pipeline.output.add(iter([data]))
        for fragment in _fragments(data):
            if fragment.flags & _START:
                pipeline.last_type = fragment.type
            if fragment.flags & _END and pipeline.last_type == _PIPELINE_STATE:
                pipeline.output.finish()
                pipeline.ended.set()

    def _receiver(self, fragment: _Fragment) -> uuid.UUID:
        """The pipeline that a client's fragment is for. A definition that is complete becomes its commands."""
        number = fragment.number
        if fragment.flags & _START:
            if len(fragment.content) < _MESSAGE_HEADER:
                raise psrp.MalformedData("a message without its header")
            self._receivers[number] = fragment.pipeline
            if fragment.type in (_CREATE_PIPELINE, _GET_COMMAND_METADATA):
                self._definitions[number] = bytearray()
        if number not in self._receivers:
            raise psrp.MalformedData("a fragment without the first one of its message")
        identifier = self._receivers[number]
        if number in self._definitions:
            self._definitions[number] += fragment.content
        if fragment.flags & _END:
            del self._receivers[number]
            definition = self._definitions.pop(number, None)
            if definition is not None and identifier in self._pipelines:
                self._pipelines[identifier].commands = _commands(bytes(definition))
        return identifier


class PowerShellSession:
    """A session whose pipelines run in a process. The built-in session beside it decides what the stamp's cmdlets do."""

    def __init__(self, engine: PowerShells, stamp: Stamp, inner: Session) -> None:
        self.pool = RelayedPool()
        self._engine = engine
        self._stamp = stamp
        self._inner = inner
        self._visit = engine.callbacks.admit(inner)
        self._host: Host | None = None
        self._waiting: RelayedPipeline | None = None
        """The pipeline that was accepted last."""

    @property
    def closed(self) -> bool:
        """Whether Close-PrivilegedEndpoint ended it."""
        return self._inner.closed

    def open(self, lost: Callable[[], None]) -> None:
        """Start the process; `lost` is called when it dies."""

        def ended() -> None:
            self._visit.end()
            if self._host is not None:  # and not ended by `end`
                lost()

        self._host = self._engine.start(self._stamp, self._visit.environment, self.pool.received, ended)
        self.pool.open(self._host)

    def end(self) -> None:
        """End the process; but what was accepted reaches the stamp before, as it does when a real session is lost."""
        host, self._host = self._host, None
        self.pool.leave()
        if host is None:
            return
        if self._waiting is None or self._waiting.ended.is_set() or self._visit.begun.is_set():
            host.end()
        else:
            host.end_after(self._visit.begun)

    def settle(self, commit: str) -> None:
        """Decide what becomes of what the stamp is doing (see plans.COMMITS)."""
        self._inner.settle(commit)

    async def run(self, pipeline: RelayedPipeline, effect: Effect | None) -> None:
        """Let the process run a pipeline; returns when it has ended."""
        self._visit.expect(effect)
        self._waiting = pipeline
        self.pool.run(pipeline)
        await pipeline.ended.wait()
        self._visit.stop()


@dataclasses.dataclass
class _Fragment:
    """One fragment of a PSRP message."""

    number: int
    """Of the message, within its direction."""
    flags: int
    content: bytes
    whole: bytes
    """With the fragment's header."""

    @property
    def type(self) -> int:
        """Type of the message that begins with it."""
        return int.from_bytes(self.content[4:8], "little")

    @property
    def pipeline(self) -> uuid.UUID:
        """The pipeline that the message is for which begins with it; id 0: the pool."""
        return uuid.UUID(bytes_le=self.content[24:40])


def _fragments(data: bytes) -> Iterator[_Fragment]:
    """The fragments one after the other. Raises MalformedData."""
    start = 0
    while start < len(data):
        content = start + _FRAGMENT.size
        if content > len(data):
            raise psrp.MalformedData("half a fragment")
        number, _place, flags, length = _FRAGMENT.unpack_from(data, start)
        end = content + length
        if end > len(data):
            raise psrp.MalformedData("a fragment is shorter than it says")
        yield _Fragment(number, flags, data[content:end], data[start:end])
        start = end


def _commands(definition: bytes) -> list[RelayedCommand]:
    """The commands of a pipeline's definition. Raises MalformedData."""
    if int.from_bytes(definition[4:8], "little") == _GET_COMMAND_METADATA:
        return [RelayedCommand("Get-CommandMetadata", False, [])]
    try:
        root = ElementTree.fromstring(definition[_MESSAGE_HEADER:].removeprefix(_BOM))
    except ElementTree.ParseError as error:
        raise psrp.MalformedData(str(error)) from error
    return [
        RelayedCommand(
            command.findtext("./{*}MS/{*}S[@N='Cmd']", ""),
            command.findtext("./{*}MS/{*}B[@N='IsScript']", "") == "true",
            [name.text for name in command.findall("./{*}MS/*[@N='Args']/{*}LST/*/{*}MS/{*}S[@N='N']") if name.text],
        )
        for command in root.findall(".//*[@N='Cmds']/{*}LST/{*}Obj")
    ]
