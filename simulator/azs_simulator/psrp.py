# SPDX-License-Identifier: GPL-3.0-or-later
"""The server side of PSRP: a runspace pool, its pipelines, and what clients receive of both."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import re
import struct
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import psrpcore
import psrpcore.types as ps

from . import psobjects, records
from .soap import WSManFault, operation_timed_out
from .wording import Wording

_FRAGMENT = struct.Struct(">QQBI")
_MESSAGE_HEADER = 40
_TO_CLIENT = 1
_MESSAGE_TYPE = slice(4, 8)
_PIPELINE_ID = slice(24, 40)
_BOM = b"\xef\xbb\xbf"

_CALLS_WITH_CAPITALS = (ps.PSRPMessageType.SetMaxRunspaces, ps.PSRPMessageType.SetMinRunspaces)
"""Clients call the call id CI in these messages alone, and psrpcore knows it as ci."""

MAX_FRAGMENT = 32 * 1024
"""Bytes in one fragment; Windows puts each into a stream element of its own."""

_ABORTED = 995

_PLACES = {"TN": 0, "TNRef": 0, "ToString": 1}

_log = logging.getLogger(__name__)


class MalformedData(Exception):
    """Bytes that are not PSRP, or not at this point of the conversation."""


@dataclasses.dataclass
class Delivery:
    """What one Receive is answered with. Nothing is lost until it is confirmed."""

    message_id: str
    fragments: list[bytes]
    done: bool
    """Whether this was the last of a pipeline."""


class Output:
    """What a client receives of a pool or of a pipeline.

    A Receive takes everything that is there. It stays there until the answer is known to be written; and an answer
    that was written can be had again with the same message id, because a client whose connection broke resends.
    """

    def __init__(self) -> None:
        self._fragments: deque[tuple[bytes, bool]] = deque()
        self._changed = asyncio.Event()
        self._finished = False
        self._fault: WSManFault | None = None
        self._last: Delivery | None = None
        self._turn = 0

    def add(self, fragments: Iterator[bytes], *, separate: bool = False) -> None:
        """Append a message's fragments; `separate` ones begin a new answer."""
        for fragment in fragments:
            self._fragments.append((fragment, separate))
            separate = False
        self._notify()

    def finish(self) -> None:
        """Nothing more will come."""
        self._finished = True
        self._notify()

    def close(self, fault: WSManFault) -> None:
        """Answer waiting and later Receives with a fault."""
        self._fault = fault
        self._notify()

    async def receive(self, message_id: str, timeout: float, limit: int) -> Delivery:
        """Wait up to `timeout` seconds for data and take at most about `limit` bytes of it.

        Raises WSManFault: nothing came, the shell is gone, or a later Receive took this one's place.
        """
        if self._last is not None and self._last.message_id == message_id:
            return self._last
        self._turn += 1
        turn = self._turn
        self._notify()
        deadline = asyncio.get_running_loop().time() + timeout
        while self._fault is None and not self._fragments and not self._finished:
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise operation_timed_out()
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
            except asyncio.TimeoutError:
                continue
            if turn != self._turn:
                raise aborted()
        if self._fault is not None:
            raise self._fault
        return self._take(message_id, limit)

    def confirm(self, delivery: Delivery) -> None:
        """The answer was written: do not give it out again, unless to the very same request."""
        offered = [fragment for fragment, _separate in itertools.islice(self._fragments, len(delivery.fragments))]
        if offered and offered == delivery.fragments:
            for _fragment in offered:
                self._fragments.popleft()
        self._last = delivery

    def _take(self, message_id: str, limit: int) -> Delivery:
        taken: list[bytes] = []
        size = 0
        for fragment, separate in self._fragments:
            size += len(fragment)
            if taken and (separate or size > limit):
                break
            taken.append(fragment)
        return Delivery(message_id, taken, self._finished and len(taken) == len(self._fragments))

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def aborted() -> WSManFault:
    """What a waiting Receive gets when something else ended it."""
    return WSManFault(
        _ABORTED,
        "w:InternalError",
        "The I/O operation has been aborted because of either a thread exit or an application request. ",
        sender=False,
    )


class Pipeline:
    """One pipeline. `commands` is None until all of its definition has arrived."""

    def __init__(self, pool: RunspacePool, identifier: uuid.UUID) -> None:
        self.output = Output()
        self.commands: list[psrpcore.Command] | None = None
        self.stream_options = ps.RemoteStreamOptions.none
        """Which records the client wants with invocation info."""
        self._pool = pool
        self._server = psrpcore.ServerPipeline(pool.server, identifier)
        self._task: asyncio.Task[None] | None = None

    @property
    def names(self) -> list[str]:
        """The names of the commands; a script has the name ``<script>``, for scripts may hold secrets."""
        return ["<script>" if command.is_script else command.command_text for command in self.commands or []]

    @property
    def parameters(self) -> list[str]:
        """The names of all parameters given."""
        return [name for command in self.commands or [] for name, _value in command.parameters if name]

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._server.state == ps.PSInvocationState.Running

    def start(self, run: Callable[[Pipeline], Awaitable[None]]) -> None:
        """Run the commands in the background; the outcome of `run` becomes the outcome of the pipeline."""
        # Windows does not announce that a pipeline runs, hence no `ServerPipeline.start`.
        self._server.state = ps.PSInvocationState.Running
        self._task = asyncio.create_task(self._run(run))

    def stop(self) -> None:
        """Stop at the client's wish."""
        if self.running:
            self._end(ps.PSInvocationState.Stopped, psobjects.pipeline_stopped())
        if self._task is not None:
            self._task.cancel()

    def close(self, fault: WSManFault) -> None:
        """Forget the pipeline; what it still had to say is lost."""
        self.stop()
        self.output.close(fault)

    def write_output(self, value: Any) -> None:
        """Write an object to the output stream."""
        self._send(value, ps.PSRPMessageType.PipelineOutput)

    def write_error(self, error: psobjects.PSError) -> None:
        """Write to the error stream; the pipeline goes on."""
        invocation = self._invocation(ps.RemoteStreamOptions.AddInvocationInfoToErrorRecord)
        record = records.error_that_goes_on(error, self._pool.wording, invocation)
        self._send(record, ps.PSRPMessageType.ErrorRecord)

    def write_verbose(self, message: str) -> None:
        """Write to the verbose stream."""
        invocation = self._invocation(ps.RemoteStreamOptions.AddInvocationInfoToVerboseRecord)
        record = records.verbose_or_warning("Verbose", message, self._pool.wording, invocation)
        self._send(record, ps.PSRPMessageType.VerboseRecord)

    def write_warning(self, message: str) -> None:
        """Write to the warning stream."""
        invocation = self._invocation(ps.RemoteStreamOptions.AddInvocationInfoToWarningRecord)
        record = records.verbose_or_warning("Warning", message, self._pool.wording, invocation)
        self._send(record, ps.PSRPMessageType.WarningRecord)

    def write_progress(self, activity: str, status: str, percent: int) -> None:
        """Write to the progress stream."""
        self._send(records.progress(activity, status, percent), ps.PSRPMessageType.ProgressRecord)

    def write_information(self, message: str, source: str, computer: str) -> None:
        """Write to the information stream."""
        record = records.information(message, source, computer, self._pool.wording)
        self._send(record, ps.PSRPMessageType.InformationRecord)

    def replay(self, messages: Sequence[Mapping[str, str]]) -> None:
        """Say what was recorded, and end in the state that the last message tells."""
        for message in messages:
            header = struct.pack("<II", _TO_CLIENT, int(message["type"], 16))
            header += self._pool.server.runspace_pool_id.bytes_le + self._server.pipeline_id.bytes_le
            self._pool.tell(self, header + message["clixml"].encode("utf-8"))
        told = re.search(r'<I32 N="PipelineState">(\d+)</I32>', messages[-1]["clixml"])
        if told is None:
            raise ValueError("the last recorded message is not a pipeline's state")
        self._ended(ps.PSInvocationState(int(told.group(1))))

    async def _run(self, run: Callable[[Pipeline], Awaitable[None]]) -> None:
        try:
            await run(self)
        except psobjects.PSError as error:
            self._end(ps.PSInvocationState.Failed, error)
        except Exception as error:  # noqa: BLE001  # of the simulator, for the log
            _log.exception("a pipeline failed inside the simulator")
            failure = psobjects.PSError(f"Simulator failure: {error!r}", "SimulatorFailure", "NotSpecified")
            self._end(ps.PSInvocationState.Failed, failure)
        else:
            if self.running:
                self._end(ps.PSInvocationState.Completed)

    def _invocation(self, option: ps.RemoteStreamOptions) -> records.Invocation | None:
        """What PowerShell tells of the command, the values of its parameters among it, if the client asked for that."""
        if not (option & self.stream_options and self.commands) or self.commands[0].is_script:
            return None
        command = self.commands[0]
        return records.Invocation(command.command_text, {name: value for name, value in command.parameters if name})

    def _send(self, value: Any, message_type: ps.PSRPMessageType) -> None:
        self._server.prepare_message(value, message_type=message_type)
        self._pool.flush()

    def _end(self, state: ps.PSInvocationState, error: psobjects.PSError | None = None) -> None:
        record = None if error is None else records.error_that_ends(error, self._pool.wording)
        self._server.prepare_message(records.state(int(state), record), message_type=ps.PSRPMessageType.PipelineState)
        self._pool.flush()
        self._ended(state)

    def _ended(self, state: ps.PSInvocationState) -> None:
        self._server.state = state
        self.output.finish()
        self._server.close()


class RunspacePool:
    """The runspace pool of one shell."""

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        versions = ps.PSPrimitiveDictionary(wording.versions)
        self.server = psrpcore.ServerRunspacePool(application_private_data={"PSVersionTable": versions})
        self.output = Output()
        self._pipelines: dict[uuid.UUID, Pipeline] = {}
        self._object_ids = itertools.count(1)

    def feed(self, data: bytes) -> None:
        """Take data that is for the pool itself, or the rest of a pipeline's definition or input.

        Raises MalformedData.
        """
        self._process(data)
        self.flush()

    def create_pipeline(self, data: bytes) -> Pipeline:
        """Take the first fragment of a pipeline's definition, which may be all of it. Raises MalformedData."""
        if len(data) < _FRAGMENT.size + _MESSAGE_HEADER:
            raise MalformedData("too short for a pipeline's first fragment")
        message = data[_FRAGMENT.size :]
        # psrpcore wants the pipeline to exist when the definition is complete, and names it only then.
        identifier = uuid.UUID(bytes_le=message[_PIPELINE_ID])
        self._pipelines[identifier] = pipeline = Pipeline(self, identifier)
        try:
            self.feed(data)
        except MalformedData:
            self.remove_pipeline(pipeline)
            raise
        return pipeline

    def remove_pipeline(self, pipeline: Pipeline) -> None:
        """Forget a pipeline that has ended."""
        self._pipelines = {key: value for key, value in self._pipelines.items() if value is not pipeline}

    def connect(self, data: bytes) -> bytes:
        """Take the negotiation of a client that takes over the pool; returns the answer to it. Raises MalformedData."""
        self.flush()
        self.server.disconnect()
        self.server.connect()
        self.server.prepare_message(self.server.our_capability)
        self._process(data)
        answer = bytearray()
        for _pipeline_id, message in self._messages():
            kind = _message_type(message)
            fragments = _fragments(next(self._object_ids), message)
            if kind == ps.PSRPMessageType.ApplicationPrivateData:
                self.output.add(fragments)
            elif kind != ps.PSRPMessageType.RunspacePoolState:  # which Windows sends to the client that opened it alone
                answer.extend(b"".join(fragments))
        return bytes(answer)

    def tell(self, pipeline: Pipeline, message: bytes) -> None:
        """Hand a whole message, header and text, to a pipeline's output."""
        pipeline.output.add(_fragments(next(self._object_ids), message))

    def flush(self) -> None:
        """Hand what psrpcore has to say to the outputs that it is for."""
        for pipeline_id, message in self._messages():
            receiver = self if pipeline_id is None else self._pipelines.get(pipeline_id)
            if receiver is not None:
                # The pool is opened only after the negotiation is answered: its state is in an answer of its own.
                separate = _message_type(message) == ps.PSRPMessageType.RunspacePoolState
                receiver.output.add(_fragments(next(self._object_ids), message), separate=separate)

    def announce_closed(self) -> None:
        """Tell the client that the server closed the pool."""
        self.server.prepare_message(ps.RunspacePoolStateMsg(RunspaceState=int(ps.RunspacePoolState.Closed)))
        self.flush()

    def _process(self, data: bytes) -> None:
        try:
            if _message_type(data[_FRAGMENT.size :]) in _CALLS_WITH_CAPITALS:
                data = data.replace(b'N="CI"', b'N="ci"')
            self.server.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
            while (event := self.server.next_event()) is not None:
                self._handle(event)
        except (psrpcore.PSRPCoreError, struct.error, SyntaxError, ValueError, AttributeError, KeyError) as error:
            raise MalformedData(str(error)) from error

    def _handle(self, event: Any) -> None:
        if isinstance(event, psrpcore.CreatePipelineEvent):
            self._pipelines[event.pipeline_id].commands = event.pipeline.commands
            self._pipelines[event.pipeline_id].stream_options = ps.RemoteStreamOptions(
                event.pipeline.remote_stream_options
            )
        elif isinstance(event, psrpcore.GetCommandMetadataEvent):
            # Import-PSSession asks so; a command that is not visible is the honest answer.
            self._pipelines[event.pipeline_id].commands = [psrpcore.Command("Get-CommandMetadata")]
        elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
            self.server.runspace_availability_response(event.ci, self.server.max_runspaces)
        elif isinstance(
            event, (psrpcore.SetMaxRunspacesEvent, psrpcore.SetMinRunspacesEvent, psrpcore.ResetRunspaceStateEvent)
        ):
            self.server.runspace_availability_response(event.ci, True)

    def _messages(self) -> Iterator[tuple[uuid.UUID | None, bytes]]:
        # Without a limit psrpcore puts each message into one fragment, several of them into one payload.
        while (payload := self.server.data_to_send()) is not None:
            data, start = payload.data, 0
            while start < len(data):
                length = _FRAGMENT.unpack_from(data, start)[-1]
                start += _FRAGMENT.size
                yield payload.pipeline_id, data[start : start + length]
                start += length


def _message_type(message: bytes) -> int:
    return int.from_bytes(message[_MESSAGE_TYPE], "little")


def _fragments(object_id: int, message: bytes) -> Iterator[bytes]:
    """Cut a message up as Windows does, which also begins each message's text with a byte order mark."""
    header, text = message[:_MESSAGE_HEADER], _in_order(message[_MESSAGE_HEADER:])
    message = header + _BOM + text if text else header
    for number, start in enumerate(range(0, len(message), MAX_FRAGMENT)):
        part = message[start : start + MAX_FRAGMENT]
        flags = (start == 0) | (start + MAX_FRAGMENT >= len(message)) << 1
        yield _FRAGMENT.pack(object_id, number, flags, len(part)) + part


def _in_order(text: bytes) -> bytes:
    """An object's types and its string form come before its values and properties; psrpcore puts them elsewhere."""
    if b"<ToString>" not in text:
        return text
    root = ElementTree.fromstring(text)
    for element in root.iter("Obj"):
        element[:] = sorted(element, key=lambda child: _PLACES.get(child.tag, len(_PLACES)))
    return ElementTree.tostring(root, encoding="utf-8")
