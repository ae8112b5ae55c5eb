# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator beside what a real PowerShell answered: binding, and every element of its messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any
from xml.etree import ElementTree

import psrpcore
import psrpcore.types as ps
import pytest
from psrp_lab import Client, Message, recorded

from azs_simulator import fleet, psrp
from azs_simulator.binding import Parameter, bind, integer, switch, text, texts
from azs_simulator.faults import Effect
from azs_simulator.psobjects import PSError
from azs_simulator.sessions import Session
from azs_simulator.settings import PLAIN
from azs_simulator.wording import WORDINGS
from azs_simulator.world import World

# -- binding ---------------------------------------------------------------------------------------------------------

NOT_COVERED = {
    "Bool": "neither the endpoint's cmdlets nor the session's own have a parameter of this type",
    "Guid": "neither the endpoint's cmdlets nor the session's own have a parameter of this type",
    "NotEmpty": "neither the endpoint's cmdlets nor the session's own have such an attribute",
}
"""Parameters of the recorded function, and why the simulator has nothing like them."""

FUNCTIONS = {
    "Test-Binding": (
        Parameter("String", text),
        Parameter("Int", integer),
        switch("Switch"),
        Parameter("Any"),
        Parameter("Strings", texts),
        Parameter("Choice", text, choices=("PayAsYouUse", "Capacity")),
        Parameter("NotNull", text),  # a text is never null
    ),
    "Test-Mandatory": (Parameter("Text", text, mandatory=True), Parameter("Any", mandatory=True)),
}
ROWS = recorded("bindings.json")
STATES = {3: "stopped", 4: "completed", 5: "failed"}


def shown(parameter: Parameter, value: Any) -> str:
    """A bound value as the recorded function shows it."""
    if value is None:
        return f"{parameter.name} null"
    if parameter.switch:
        return f"{parameter.name} [switch] {value}"
    kind = {str: "String", bool: "Boolean", int: "Int32"}.get(type(value))
    if isinstance(value, list):
        kind, value = "String[]" if parameter.convert is texts else "ArrayList", "|".join(value)
    elif kind is None:
        kind = "String" if isinstance(value, str) else "Int32"
    return f"{parameter.name} [{kind}] {value}"


def answer(client: Client, cmdlet: str, sent: dict[str, Any], version: str = "7") -> dict[str, Any]:
    """One call, in the form of the recording."""
    parameters = {parameter.name: parameter for parameter in FUNCTIONS[cmdlet]}

    async def run(pipeline: psrp.Pipeline) -> None:
        (command,) = pipeline.commands or []
        values = bind(cmdlet, parameters.values(), command.parameters, WORDINGS[version])
        if cmdlet == "Test-Mandatory":
            pipeline.write_output(str(values["Any"]))
        else:
            for name, value in values.items():
                pipeline.write_output(shown(parameters[name], value))

    _messages, events = client.call(run, cmdlet, sent, invocation_info=False)
    (end,) = (event for event in events if isinstance(event, psrpcore.PipelineStateEvent))
    failed = end.state == ps.PSInvocationState.Failed
    return {
        "cmdlet": cmdlet,
        "sent": sent,
        "state": STATES[int(end.state)],
        "bound": None
        if failed
        else [str(event.data) for event in events if isinstance(event, psrpcore.PipelineOutputEvent)],
        "error": str(end.reason) if failed else None,
        "error_id": str(end.reason.FullyQualifiedErrorId) if failed else None,
    }


def test_every_recorded_row_of_the_binder() -> None:
    """Simulator: what was sent, what was bound or the error with its text and id, as PowerShell 7 has it."""
    client = Client(psrp.RunspacePool(WORDINGS["7"]))
    covered = [row for row in ROWS if not set(row["sent"]) & set(NOT_COVERED)]
    assert len(ROWS) - len(covered) == 11 * len(NOT_COVERED)
    assert [answer(client, row["cmdlet"], row["sent"]) for row in covered] == covered


def test_5_1_has_the_same_ids_and_says_otherwise_what_is_no_number() -> None:
    """Simulator: the wording of Windows PowerShell."""
    client = Client(psrp.RunspacePool(WORDINGS["5.1"]))
    told = answer(client, "Test-Binding", {"Int": "text"}, "5.1")
    assert told["error_id"] == "ParameterArgumentTransformationError,Test-Binding"
    assert told["error"].endswith('Error: "Input string was not in a correct format."')


# -- records ---------------------------------------------------------------------------------------------------------

STAMP = {
    "name": "stamp",
    "nodes": 4,
    "registration": {"activated": False},
    "durations": {"Get-AzureStackStampInformation": 0.1, "New-AzureStackActivation": 0.1},
    "progress_records": {"Get-AzureStackStampInformation": 3, "New-AzureStackActivation": 3},
}
KEY = "this-stands-for-the-activation-key"
OUTPUT, ERROR, STATE = "0x00041004", "0x00041005", "0x00041006"
RECORDED = recorded("records.json")
OPENING = RECORDED[0]
CALLS = RECORDED[1:]

NOT_PLAYED = {
    "an object with one guid": "an object with properties, as the stamp's information is one",
    "an exception with an inner one, text of two lines": "the simulator's cmdlets throw texts, no exceptions of .NET",
    "values of many types": "no cmdlet of the endpoint writes them",
    "Write-Host": "no cmdlet of the endpoint writes to the console",
}
"""Recorded calls that the simulator has nothing like, and why."""

EXCEPTIONS = {
    "an object with typed properties; verbose, warning, progress": (
        f"{OUTPUT}/.+",
        "the properties of an object are of the function that makes it, not of PowerShell",
    ),
    "two errors with ids and categories, and output": (
        ".*/ErrorDetails_(Message|RecommendedAction)",
        "no cmdlet of the endpoint recommends anything",
    ),
    "asks for a confirmation, with no host to ask": (
        ".*/Exception(/InnerException|/Data/.+)?(?!/)",
        "the simulator's cmdlets end with an error of their own, without another one inside",
    ),
}
"""Elements (type of the message and path) that are not compared, and why."""

Run = Callable[[psrp.Pipeline], Coroutine[Any, Any, None]]


def bound(*signature: Parameter) -> Callable[[Session], Run]:
    """A function of PowerShell that has nothing but a signature."""

    async def run(pipeline: psrp.Pipeline) -> None:
        (command,) = pipeline.commands or []
        bind(command.command_text, signature, command.parameters, WORDINGS["7"])

    return lambda _session: run


def wrong(*errors: PSError, end: PSError | None = None) -> Callable[[Session], Run]:
    """A function that writes errors, and ends with one."""

    async def run(pipeline: psrp.Pipeline) -> None:
        for error in errors:
            pipeline.write_error(error)
        pipeline.write_output("out")
        if end is not None:
            raise end

    return lambda _session: run


def written(message: str, exception: str, cmdlet: str, category: str = "NotSpecified", name: str = "") -> PSError:
    """What a function makes of Write-Error."""
    return PSError(message, f"{name or exception},{cmdlet}", category, exception=exception, activity="Write-Error")


def as_cmdlet(kind: str, cmdlet: str, **effect: str) -> Callable[[Session], Run]:
    """A cmdlet of the stamp that a fault rule spoils."""

    def play(session: Session) -> Run:
        async def run(pipeline: psrp.Pipeline) -> None:
            for command in pipeline.commands or []:
                command.command_text, command.parameters = cmdlet, []
            await session.run(pipeline, Effect(kind, effect))

        return run

    return play


_WRITTEN = "Microsoft.PowerShell.Commands.WriteErrorException"
_THROWN = "AADSTS70008: The provided authorization code or refresh token has expired due to inactivity."
PLAYED: dict[str, Callable[[Session], Run]] = {
    "value outside the set": bound(Parameter("BillingModel", text, choices=("PayAsYouUse", "Capacity"))),
    "mandatory parameter missing": bound(Parameter("BillingModel", text, mandatory=True)),
    "empty value of a mandatory parameter": bound(Parameter("ActivationKey", text, mandatory=True)),
    "an error that does not end the cmdlet": wrong(written("a complaint", _WRITTEN, "Remove-AzureStackActivation")),
    "an error that goes on, then one that ends it": wrong(
        written("Execution timeout", _WRITTEN, "New-AzureStackActivation"),
        end=PSError("Could not retrieve it.", "Could not retrieve it.", "NotSpecified"),
    ),
    "two errors with ids and categories, and output": wrong(
        written("one", _WRITTEN, "Set-TestErrors", "ResourceBusy", "ID1"),
        written("two", "System.TimeoutException", "Set-TestErrors"),
    ),
    "thrown text": as_cmdlet(
        "error", "New-AzureBridgeServicePrincipal", message=_THROWN, fully_qualified_error_id=_THROWN
    ),
    "asks for a confirmation, with no host to ask": as_cmdlet(
        "error", "Remove-AzureStackActivation", fully_qualified_error_id="HostException,Remove-AzureStackActivation"
    ),
}
"""Calls that take more than to run the cmdlet at the stamp."""


class Player:
    """Lets the simulator do what was recorded."""

    def __init__(self) -> None:
        settings = {**PLAIN, "wording": "7"}
        world = World(fleet.parse({"stamps": [STAMP], "settings": settings}), seed=7)
        self.stamp = next(iter(world.stamps.values()))
        (place,) = self.stamp.cloud.registrations()
        self._key = self.stamp.cloud.activation_key(*place)
        self._session = Session(self.stamp, "ERCS01", [])
        self.client = Client(self._session.pool)

    def messages(self, call: dict[str, Any]) -> list[Message]:
        """The messages of a recorded call."""
        parameters = {name: self._key if value == KEY else value for name, value in call["parameters"].items()}
        run = PLAYED.get(call["call"], lambda session: lambda pipeline: session.run(pipeline, None))(self._session)
        return self.client.call(run, call["cmdlet"], parameters, invocation_info=call["invocation_info"])[0]


@pytest.fixture(scope="module")
def player() -> Player:
    return Player()


Shape = tuple[tuple[str, str, str], ...]


def shape(message: Message, but: str = "") -> Shape:
    """The elements of a message in order: where each stands, its tag, and an object's types.

    What a dictionary or a list holds is of the call, not of PowerShell.
    """
    if not message["clixml"]:
        return ()
    root = ElementTree.fromstring(message["clixml"])
    objects = {element.get("RefId"): element for element in root.iter("Obj")}
    types = {element.get("RefId"): " ".join(name.text or "" for name in element) for element in root.iter("TN")}
    found: list[tuple[str, str, str]] = []

    def walk(element: ElementTree.Element, path: str) -> None:
        if but and re.fullmatch(but, path):
            return
        element = objects[element.get("RefId")] if element.tag == "Ref" else element
        found.append((path, element.tag, ""))
        for child in element:
            if child.tag in ("TN", "TNRef"):
                found.append((path, "TN", types[child.get("RefId")]))
            else:
                found.append((path, child.tag, ""))
            if child.tag in ("Props", "MS"):
                for one in child:
                    walk(one, f"{path}/{one.get('N')}")

    walk(root, message["type"])
    return tuple(found)


def shapes(messages: list[Message], but: str = "") -> dict[str, set[Shape]]:
    """The shapes by types of messages."""
    found: dict[str, set[Shape]] = {}
    for message in messages:
        found.setdefault(message["type"], set()).add(shape(message, but))
    return found


def differences(theirs: dict[str, set[Shape]], ours: dict[str, set[Shape]]) -> list[str]:
    """What one side has and not the other, one element a line."""
    lines = []
    for kind, wanted in theirs.items():
        left, right = ({element for one in side for element in one} for side in (wanted, ours.get(kind, set())))
        lines += [f"- {element}" for element in sorted(left - right)] + [
            f"+ {element}" for element in sorted(right - left)
        ]
        if wanted != ours.get(kind) and not lines:
            lines.append(f"~ {kind}: another order, or another mixture")
    return lines


def test_a_session_opens_with_the_recorded_messages(player: Player) -> None:
    """Simulator: capability (whose properties psrpcore has in another order), the server's versions, the state."""
    ours, theirs = player.client.opening, OPENING["messages"]
    assert [(one["type"], sorted(shape(one))) for one in ours] == [(one["type"], sorted(shape(one))) for one in theirs]


def test_every_recorded_call_is_played_or_has_a_reason() -> None:
    """Simulator: nothing of the recordings is left out silently."""
    names = {call["call"] for call in CALLS}
    assert set(NOT_PLAYED) | set(PLAYED) | set(EXCEPTIONS) <= names
    assert not set(NOT_PLAYED) & (set(PLAYED) | set(EXCEPTIONS))


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(call, id=f"{call['call']}{', with invocation info' if call['invocation_info'] else ''}")
        for call in CALLS
        if call["call"] not in NOT_PLAYED
    ],
)
def test_each_message_has_the_recorded_elements(player: Player, call: dict[str, Any]) -> None:
    """Simulator: element by element, with types, of each kind of message that the call brings."""
    but = EXCEPTIONS.get(call["call"], ("", ""))[0]
    theirs, ours = shapes(call["messages"], but), shapes(player.messages(call), but)
    if call["call"] in PLAYED:
        theirs = {kind: wanted for kind, wanted in theirs.items() if kind in (ERROR, STATE)}
    assert differences(theirs, ours) == []
