# SPDX-License-Identifier: GPL-3.0-or-later
"""The shells at one address of a privileged endpoint: their whole life, as WS-Management knows it, and the quotas."""

from __future__ import annotations

import base64
import dataclasses
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from xml.sax.saxutils import escape

from . import psrp, soap
from .faults import Effect
from .soap import NS, Request, WSManFault

CONFIGURATION = "PrivilegedEndpoint"
DEFAULT_IDLE_TIMEOUT = 7200.0
_DONE = f"{soap.SHELL_URI}/CommandState/Done"
_TERMINATE = f"{soap.SHELL_URI}/signal/Terminate"
_INVALID_PARAMETER = 87
_MAX_ENVELOPE_KB = 500
_ENVELOPE_OVERHEAD = 4096


class Session(Protocol):
    """What runs the pipelines of a shell."""

    @property
    def closed(self) -> bool:
        """Whether it has ended."""

    @property
    def pool(self) -> Any:
        """Where its pipelines live."""

    def open(self, lost: Callable[[], None]) -> None:
        """Begin; `lost` is called when what runs the pipelines is gone."""

    def end(self) -> None:
        """End what runs the pipelines."""

    def settle(self, commit: str) -> None:
        """Decide what becomes of what the stamp is doing, when the session is lost (see plans.COMMITS)."""

    async def run(self, pipeline: Any, effect: Effect | None) -> None:
        """Run the commands of a pipeline of its pool, writing to its streams. Raises psobjects.PSError."""


class Quotas(Protocol):
    """How much a user may hold."""

    sessions_per_user: int
    commands_per_shell: int


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who sends a request."""

    user: str
    address: str


@dataclasses.dataclass
class Reply:
    """The body of an answer, and what there is to do once it is written."""

    body: str
    confirm: Callable[[], None] = lambda: None


@dataclasses.dataclass
class Operation:
    """A request that is understood and allowed, ready to be performed or (with nothing done) dropped."""

    perform: Callable[[Effect | None], Awaitable[Reply]]
    pipeline: psrp.Pipeline | None = None
    """The pipeline that it is about."""
    drop: Callable[[], None] = lambda: None


class Shell:
    """One shell: a runspace pool and its commands. It belongs to a user, not to a connection."""

    def __init__(self, identifier: str, caller: Caller, idle_timeout: float, session: Session) -> None:
        self.id = identifier
        self.caller = caller
        self.idle_timeout = idle_timeout
        self.session = session
        self.pool = session.pool
        self.commands: dict[str, psrp.Pipeline] = {}
        self.connected = True
        self.created = self.used = time.monotonic()

    def command(self, command_id: str) -> psrp.Pipeline:
        """The command with that id. Raises WSManFault."""
        pipeline = self.commands.get(command_id.upper())
        if pipeline is None:
            raise soap.unknown_command(command_id)
        return pipeline

    def add(self, command_id: str, pipeline: psrp.Pipeline) -> None:
        """Take up a command."""
        self.commands[command_id] = pipeline

    def remove(self, command_id: str, fault: WSManFault) -> None:
        """End a command; whoever waits for its output gets the fault."""
        pipeline = self.commands.pop(command_id)
        pipeline.close(fault)
        self.pool.remove_pipeline(pipeline)

    def close(self, fault: WSManFault) -> None:
        """End all commands; whoever waits for output gets the fault. What the stamp is doing goes on."""
        self.session.end()
        for command_id in list(self.commands):
            self.remove(command_id, fault)
        self.pool.output.close(fault)

    def start(self, pipeline: psrp.Pipeline, effect: Effect | None) -> None:
        """Run a pipeline whose definition is complete."""
        pipeline.start(lambda started: self._run(started, effect))

    async def _run(self, pipeline: psrp.Pipeline, effect: Effect | None) -> None:
        await self.session.run(pipeline, effect)
        if self.session.closed:
            self.pool.announce_closed()

    def xml(self) -> str:
        """The shell as Create, Get and Enumerate show it."""
        age, idle = (int(time.monotonic() - since) for since in (self.created, self.used))
        return (
            f'<rsp:Shell xmlns:rsp="{NS["rsp"]}"><rsp:ShellId>{self.id}</rsp:ShellId>'
            f"<rsp:ResourceUri>{soap.POWERSHELL_URI}{CONFIGURATION}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(self.caller.user)}</rsp:Owner>"
            f"<rsp:ClientIP>{escape(self.caller.address)}</rsp:ClientIP>"
            f"<rsp:ProcessId>{4000 + int(self.id[:3], 16)}</rsp:ProcessId>"
            f"<rsp:IdleTimeOut>PT{self.idle_timeout:.3f}S</rsp:IdleTimeOut>"
            "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
            "<rsp:MaxIdleTimeOut>PT2147483.647S</rsp:MaxIdleTimeOut>"
            "<rsp:Locale>en-US</rsp:Locale><rsp:DataLocale>en-US</rsp:DataLocale>"
            "<rsp:CompressionMode>NoCompression</rsp:CompressionMode><rsp:ProfileLoaded>Yes</rsp:ProfileLoaded>"
            "<rsp:Encoding>UTF8</rsp:Encoding><rsp:BufferMode>Block</rsp:BufferMode>"
            f"<rsp:State>{'Connected' if self.connected else 'Disconnected'}</rsp:State>"
            f"<rsp:ShellRunTime>P0DT0H0M{age}S</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>P0DT0H0M{idle}S</rsp:ShellInactivity></rsp:Shell>"
        )


class Shells:
    """All shells at one address."""

    def __init__(self, machine: str, quotas: Quotas, open_session: Callable[[], Session]) -> None:
        self.machine = machine
        self._quotas = quotas
        self._open_session = open_session
        self._shells: dict[str, Shell] = {}
        self._handlers: dict[str, Callable[[Shell, Request], Operation]] = {
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
            "Get": self._get,
            "Disconnect": self._disconnect,
            "Reconnect": self._reconnect,
            "Connect": self._connect,
        }

    def __len__(self) -> int:
        return len(self._shells)

    def prepare(self, request: Request, caller: Caller) -> Operation:
        """Find out what a request asks for. Nothing runs yet. Raises WSManFault."""
        self._expire()
        try:
            if request.action == "Create":
                return self._create(request, caller)
            if request.action == "Enumerate":
                return self._enumerate(request, caller)
            if request.action == "Get" and request.resource_uri.startswith(soap.CONFIG_URI):
                return _simple(lambda: _CONFIG)
            shell = self._find(request, caller)
            handler = self._handlers.get(request.action)
            if handler is None:
                raise soap.unsupported(f"the action {request.action_uri}")
            return handler(shell, request)
        except (psrp.MalformedData, soap.MalformedRequest, ValueError) as error:
            raise WSManFault(
                _INVALID_PARAMETER, "w:InvalidParameter", f"The parameter is incorrect. {error}"
            ) from error

    def lose(self, shell_id: str) -> None:
        """Lose a shell, as when its host process dies."""
        shell = self._shells.pop(shell_id, None)
        if shell is not None:
            shell.close(soap.unknown_shell(shell_id))

    def settle(self, shell_id: str, commit: str) -> None:
        """Decide what becomes of what the stamp is doing for a shell (see plans.COMMITS)."""
        shell = self._shells.get(shell_id)
        if shell is not None:
            shell.session.settle(commit)

    def _find(self, request: Request, caller: Caller) -> Shell:
        shell = self._shells.get(request.shell_id)
        if shell is None or shell.caller.user.casefold() != caller.user.casefold():
            raise soap.unknown_shell(request.shell_id)
        shell.used = time.monotonic()
        return shell

    def _expire(self) -> None:
        now = time.monotonic()
        for shell in list(self._shells.values()):
            busy = any(pipeline.running for pipeline in shell.commands.values())
            if not busy and now - shell.used > shell.idle_timeout:
                self.lose(shell.id)

    def _create(self, request: Request, caller: Caller) -> Operation:
        configuration = request.resource_uri.removeprefix(soap.POWERSHELL_URI)
        if configuration.casefold() != CONFIGURATION.casefold():
            raise soap.unknown_configuration(configuration, self.machine)
        own = [shell for shell in self._shells.values() if shell.caller.user.casefold() == caller.user.casefold()]
        if len(own) >= self._quotas.sessions_per_user:
            raise soap.too_many_shells(self._quotas.sessions_per_user)
        element = request.body.find("rsp:Shell", NS)
        data = request.body.findtext("rsp:Shell/pwsh:creationXml", "", NS)
        wanted = element.get("ShellId", "") if element is not None else ""
        idle_timeout = request.body.findtext("rsp:Shell/rsp:IdleTimeOut", "", NS)
        shell = Shell(
            _identifier(wanted),
            caller,
            soap.seconds(idle_timeout) if idle_timeout else DEFAULT_IDLE_TIMEOUT,
            self._open_session(),
        )
        shell.pool.feed(base64.b64decode(data))

        def create() -> str:
            self._shells[shell.id] = shell
            shell.session.open(lambda: self.lose(shell.id))
            return (
                f"<x:ResourceCreated><a:Address>{escape(request.to)}</a:Address><a:ReferenceParameters>"
                f"<w:ResourceURI>{escape(request.resource_uri)}</w:ResourceURI><w:SelectorSet>"
                f'<w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
                f"</x:ResourceCreated>{shell.xml()}"
            )

        return _simple(create)

    def _command(self, shell: Shell, request: Request) -> Operation:
        if len(shell.commands) >= self._quotas.commands_per_shell:
            raise soap.too_many_commands(self._quotas.commands_per_shell)
        if shell.session.closed:
            raise soap.unknown_shell(shell.id)
        line = request.body.find("rsp:CommandLine", NS)
        command_id = _identifier(line.get("CommandId", "") if line is not None else "")
        pipeline = shell.pool.create_pipeline(
            base64.b64decode(request.body.findtext("rsp:CommandLine/rsp:Arguments", "", NS))
        )

        async def perform(effect: Effect | None) -> Reply:
            shell.add(command_id, pipeline)
            if pipeline.commands is not None:
                shell.start(pipeline, effect)
            return Reply(f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>")

        return Operation(perform, pipeline, lambda: shell.pool.remove_pipeline(pipeline))

    def _send(self, shell: Shell, request: Request) -> Operation:
        pipeline: psrp.Pipeline | None = None
        complete = True
        for stream in request.body.findall("rsp:Send/rsp:Stream", NS):
            command_id = stream.get("CommandId")
            if command_id:
                pipeline = shell.command(command_id)
                complete = pipeline.commands is not None
            shell.pool.feed(base64.b64decode(stream.text or ""))

        async def perform(effect: Effect | None) -> Reply:
            if pipeline is not None and not complete and pipeline.commands is not None:
                shell.start(pipeline, effect)
            return Reply("<rsp:SendResponse/>")

        return Operation(perform, pipeline)

    def _receive(self, shell: Shell, request: Request) -> Operation:
        desired = request.body.find("rsp:Receive/rsp:DesiredStream", NS)
        command_id = (desired.get("CommandId", "") if desired is not None else "").upper()
        pipeline = shell.command(command_id) if command_id else None
        output = pipeline.output if pipeline is not None else shell.pool.output
        limit = (request.envelope_size - _ENVELOPE_OVERHEAD) * 3 // 4

        async def perform(_effect: Effect | None) -> Reply:
            delivery = await output.receive(request.message_id, request.operation_timeout, limit)
            shell.used = time.monotonic()
            attribute = f' CommandId="{command_id}"' if command_id else ""
            streams = "".join(
                f'<rsp:Stream Name="stdout"{attribute}>{base64.b64encode(fragment).decode()}</rsp:Stream>'
                for fragment in delivery.fragments
            )
            state = (
                f'<rsp:CommandState{attribute} State="{_DONE}"><rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>'
                if delivery.done
                else ""
            )
            body = f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
            return Reply(body, lambda: output.confirm(delivery))

        return Operation(perform, pipeline)

    def _signal(self, shell: Shell, request: Request) -> Operation:
        signal = request.body.find("rsp:Signal", NS)
        command_id = (signal.get("CommandId", "") if signal is not None else "").upper()
        terminate = request.body.findtext("rsp:Signal/rsp:Code", "", NS).casefold() == _TERMINATE.casefold()
        pipeline = shell.command(command_id)

        async def perform(_effect: Effect | None) -> Reply:
            if terminate:
                shell.remove(command_id, psrp.aborted())
            else:
                pipeline.stop()
            return Reply("<rsp:SignalResponse/>")

        return Operation(perform, pipeline)

    def _delete(self, shell: Shell, _request: Request) -> Operation:
        def delete() -> str:
            del self._shells[shell.id]
            shell.close(psrp.aborted())
            return ""

        return _simple(delete)

    def _get(self, shell: Shell, _request: Request) -> Operation:
        return _simple(shell.xml)

    def _disconnect(self, shell: Shell, _request: Request) -> Operation:
        def disconnect() -> str:
            shell.connected = False
            return ""

        return _simple(disconnect)

    def _reconnect(self, shell: Shell, _request: Request) -> Operation:
        def reconnect() -> str:
            shell.connected = True
            return ""

        return _simple(reconnect)

    def _connect(self, shell: Shell, request: Request) -> Operation:
        connect = request.body.find("rsp:Connect", NS)
        command_id = connect.get("CommandId") if connect is not None else None
        if command_id:
            shell.command(command_id)
            return _simple(lambda: "<rsp:ConnectResponse/>")
        data = base64.b64decode(request.body.findtext("rsp:Connect/pwsh:connectXml", "", NS))

        def take_over() -> str:
            shell.connected = True
            answer = base64.b64encode(shell.pool.connect(data)).decode()
            return (
                "<rsp:ConnectResponse><rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout"
                f'</rsp:OutputStreams><connectResponseXml xmlns="{NS["pwsh"]}">{answer}</connectResponseXml>'
                "</rsp:ConnectResponse>"
            )

        return _simple(take_over)

    def _enumerate(self, request: Request, caller: Caller) -> Operation:
        own = [shell for shell in self._shells.values() if shell.caller.user.casefold() == caller.user.casefold()]
        if request.resource_uri == soap.COMMAND_URI:
            filtered = request.body.find("n:Enumerate/w:Filter", NS)
            shell_id = soap.selectors(filtered).get("ShellId", "").upper() if filtered is not None else ""
            commands = [
                (command_id, pipeline)
                for shell in own
                if shell.id == shell_id
                for command_id, pipeline in shell.commands.items()
            ]
            items = "".join(
                f'<rsp:Command xmlns:rsp="{NS["rsp"]}"><rsp:CommandId>{command_id}</rsp:CommandId><rsp:CommandLine/>'
                f"<rsp:CommandState>{'Running' if pipeline.running else 'Done'}</rsp:CommandState></rsp:Command>"
                for command_id, pipeline in commands
            )
        elif request.resource_uri == soap.SHELL_URI:
            items = "".join(shell.xml() for shell in own)
        else:
            raise soap.unsupported(f"enumerating {request.resource_uri}")
        body = (
            f"<n:EnumerateResponse><n:EnumerationContext/><w:Items>{items}</w:Items><w:EndOfSequence/>"
            "</n:EnumerateResponse>"
        )
        return _simple(lambda: body)


_CONFIG = (
    f'<cfg:Config xmlns:cfg="{soap.CONFIG_URI}"><cfg:MaxEnvelopeSizekb>{_MAX_ENVELOPE_KB}</cfg:MaxEnvelopeSizekb>'
    "</cfg:Config>"
)


def _identifier(wanted: str) -> str:
    """The id that a client wants for its shell or command, or a new one. Raises ValueError."""
    return str(uuid.UUID(wanted) if wanted else uuid.uuid4()).upper()


def _simple(act: Callable[[], str]) -> Operation:
    async def perform(_effect: Effect | None) -> Reply:
        return Reply(act())

    return Operation(perform)
