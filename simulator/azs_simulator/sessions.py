# SPDX-License-Identifier: GPL-3.0-or-later
"""A session at a privileged endpoint: runs the pipelines of one shell, in no-language mode."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import psrpcore.types as ps

from . import cmdlets, psobjects, psrp, story
from .binding import bind
from .faults import Effect
from .plans import ActionPlan
from .stamp import CmdletError
from .wording import WORDINGS

if typing.TYPE_CHECKING:
    import psrpcore

    from .psrp import Pipeline
    from .stamp import Stamp

EFFECTS = frozenset(
    {"error", "busy", "timeout", "hardware", "empty_output", "two_outputs", "not_offered", "plan_failed", "replay"}
)
"""Fault effects that a cmdlet knows; a rule has to match a `cmdlet`, or another request uses it up:

- `error`: fails at once (message, fully_qualified_error_id, category)
- `busy`: the stamp says that another action is in progress (action_id; hidden: true for the verbose stream alone, behind
  another error; as the setting hidden_busy says)
- `plan_failed`: the action plan fails and changes nothing, and no error says so, only the streams (step, message; told:
  verbose, output or both)
- `timeout`: fails with an execution timeout when its time is over; `commit` says whether it took effect all the same
  (never, the default; before: it did; after: it does later, when the duration has passed once more)
- `hardware`: a physical host did not answer (host, unreachable: true for the message about the connection)
- `empty_output`: writes nothing, or `value` in place of the output
- `two_outputs`: writes its output twice
- `not_offered`: this version does not have the cmdlet, or with `parameter` not that parameter
- `replay`: nothing is run; the client gets recorded `messages` (type and CLIXML each, as in a recording), the last of which is the
  pipeline's state
"""

_GET_COMMAND = "Microsoft.PowerShell.Commands.GetCommandCommand"
_TIMED_OUT = "Action plan execution failed. Error: Execution timeout"


class Session:
    """What a shell's pipelines run in."""

    def __init__(self, stamp: Stamp, machine: str, transcripts: list[dict[str, str]]) -> None:
        self.closed = False
        """Whether Close-PrivilegedEndpoint ended it."""
        self._wording = WORDINGS[stamp.world.settings.wording]
        self.pool = psrp.RunspacePool(self._wording)
        self._stamp = stamp
        self._machine = machine
        self._transcripts = transcripts
        self._plan: ActionPlan | None = None
        self._commit: str | None = None

    def open(self, lost: Callable[[], None]) -> None:
        """Nothing has to be started, and nothing can be lost."""

    def end(self) -> None:
        """Nothing has to be ended."""

    def settle(self, commit: str) -> None:
        """Decide what becomes of the action plan, running or about to, when the session is lost (see plans.COMMITS)."""
        if self._plan is not None and self._plan.running:
            self._plan.settle(commit)
        else:
            self._commit = commit

    async def run(self, pipeline: Pipeline, effect: Effect | None) -> None:
        """Run the statements of a pipeline. Raises psobjects.PSError."""
        if effect is not None and effect.kind == "replay":
            pipeline.replay(effect.get("messages", []))
            return
        for statement in _statements(pipeline.commands or []):
            first, *others = [self._resolve(command, effect, piped=n > 0) for n, command in enumerate(statement)]
            try:
                objects = await self._invoke(*first, pipeline, effect)
            except CmdletError as error:
                raise psobjects.PSError(
                    error.message, error.fully_qualified_error_id, error.category, activity=first[0].name
                ) from error
            for cmdlet, parameters in others:
                objects = _filter(cmdlet.name, parameters, objects)
            for value in objects:
                pipeline.write_output(value)

    def _resolve(
        self, command: psrpcore.Command, effect: Effect | None, *, piped: bool
    ) -> tuple[cmdlets.Cmdlet, dict[str, Any]]:
        if command.is_script:
            raise psobjects.scripts_not_allowed(command.command_text)
        hidden = effect.get("parameter", "") if effect and effect.kind == "not_offered" else None
        if hidden == "":
            raise psobjects.command_not_found(command.command_text, self._wording)
        cmdlet = cmdlets.find(self._stamp, command.command_text, self._wording)
        offered = [p for p in cmdlet.parameters_of(self._stamp) if p.name.casefold() != str(hidden).casefold()]
        if piped:
            offered = [p for p in offered if p.name != cmdlets.INPUT.name]  # which comes from the command before it
        return cmdlet, bind(cmdlet.name, offered, command.parameters, self._wording)

    async def _invoke(
        self, cmdlet: cmdlets.Cmdlet, parameters: dict[str, Any], pipeline: Pipeline, effect: Effect | None
    ) -> list[Any]:
        if effect is not None:
            self._fail(effect, cmdlet.name, pipeline)
        if cmdlet.action is None:
            return self._built_in(cmdlet.name, parameters, pipeline)
        quiet = str(parameters.get("WarningAction", "")).casefold() in ("silentlycontinue", "ignore")
        cmdlet.action.check(self._stamp, parameters)
        failure = effect if effect is not None and effect.kind == "plan_failed" else None
        teller = _Teller(self._stamp, self._machine, cmdlet.name, parameters, failure)
        teller.begin(pipeline)
        result = await self._act(cmdlet, cmdlet.action, parameters, pipeline, effect)
        teller.end(pipeline)
        for stream, message in cmdlets.NOISE:
            if stream == "verbose":
                pipeline.write_verbose(message)
            elif not quiet:
                pipeline.write_warning(message)
        pipeline.write_information(f"{cmdlet.name} on {self._machine} has completed.", cmdlet.name, self._machine)
        if cmdlet.action.output is None or failure is not None:
            return teller.objects()
        if effect is not None and effect.kind == "empty_output":
            return [*teller.objects(), *([effect.get("value")] if effect.get("value") is not None else [])]
        copies = 2 if effect is not None and effect.kind == "two_outputs" else 1
        return [*teller.objects(), *(cmdlet.action.output(result) for _copy in range(copies))]

    async def _act(
        self,
        cmdlet: cmdlets.Cmdlet,
        action: cmdlets.Action,
        parameters: dict[str, Any],
        pipeline: Pipeline,
        effect: Effect | None,
    ) -> Any:
        """Run the stamp's action plan, telling its progress."""
        stamp = self._stamp
        seconds = stamp.durations.get(cmdlet.name, 0.0)
        lifetime = seconds
        limit = _seconds(parameters.get("TimeoutInSeconds"), cmdlet)

        def commit() -> Any:
            return action.commit(stamp, parameters)

        fails = effect is not None and effect.kind == "timeout"
        if effect is not None and fails:
            outcome = effect.get("commit", "never")
            limit = seconds if outcome == "after" else None
            lifetime = seconds * 2 if outcome == "after" else seconds
            commit = _nothing if outcome == "never" else commit
        if effect is not None and effect.kind == "plan_failed":
            commit = _nothing
        try:
            plan = self._plan = ActionPlan(stamp, lifetime, commit)
        except CmdletError as error:
            self._refuse_busy(error, cmdlet.name, pipeline, hidden=stamp.world.settings.hidden_busy)
        told = stamp.actions[cmdlet.name] = {
            "Status": "Running",
            "StartDateTime": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            # What the cmdlet was given, secrets among it, as the instances in public transcripts have it.
            "RuntimeParameters": json.dumps({name: str(value) for name, value in parameters.items()}),
        }
        failed = effect is not None and effect.kind == "plan_failed"
        plan.when_ended(lambda worked: told.update(Status="Completed" if worked and not failed else "Failed"))
        if self._commit is not None:
            plan.settle(self._commit)
            self._commit = None
        finished = await self._follow(plan, cmdlet.name, seconds, limit, pipeline)
        if fails or not finished or plan.dropped:
            raise CmdletError(_TIMED_OUT, f"ActionPlanTimeout,{cmdlet.name}", "OperationTimeout")
        return plan.result()

    async def _follow(
        self, plan: ActionPlan, name: str, seconds: float, limit: float | None, pipeline: Pipeline
    ) -> bool:
        """Spread the progress records over the duration; returns whether the plan ended within the limit."""
        records = self._stamp.progress_records.get(name, 0)
        step = seconds / (records + 1)
        for record in range(1, records + 1):
            if limit is not None and step * record > limit:
                return await plan.wait(max(limit - step * (record - 1), 0.0))
            if await plan.wait(step):
                return True
            pipeline.write_progress(name, f"Running step {record} of {records}", 100 * record // (records + 1))
        return await plan.wait(None if limit is None else max(limit - step * records, 0.0))

    def _refuse_busy(self, error: CmdletError, cmdlet: str, pipeline: Pipeline, *, hidden: bool) -> typing.NoReturn:
        """Say that the stamp is busy: by the error, or in the verbose stream behind an error of something else."""
        if not hidden:
            raise error
        pipeline.write_verbose(story.busy(error.message))
        raise psobjects.command_not_found(story.TNC, self._wording) from error

    def _fail(self, effect: Effect, cmdlet: str, pipeline: Pipeline) -> None:
        if effect.kind == "error":
            raise CmdletError(
                effect.get("message", "Simulated failure"),
                effect.get("fully_qualified_error_id", f"SimulatedFailure,{cmdlet}"),
                effect.get("category", "InvalidOperation"),
            )
        if effect.kind == "busy":
            action_id = effect.get("action_id") or self._stamp.world.dice.guid()
            error = CmdletError(
                f"Cannot invoke action plan because another action is in progress: {action_id}",
                f"ActionPlanInProgress,{cmdlet}",
                "ResourceBusy",
            )
            hidden = bool(effect.get("hidden", self._stamp.world.settings.hidden_busy))
            self._refuse_busy(error, cmdlet, pipeline, hidden=hidden)
        if effect.kind == "hardware":
            host = effect.get("host", self._stamp.hardware[0]["name"])
            message = (
                f"Cannot connect to {host} to get hardware info. Check physical host and connectivity, then try to "
                "rerun registration."
                if effect.get("unreachable")
                else f"Could not retrieve mandatory hardware info for {host}. Check physical host and connectivity, "
                "then try to rerun registration."
            )
            raise CmdletError(message, f"HardwareInfoNotAvailable,{cmdlet}", "ResourceUnavailable")

    def _built_in(self, name: str, parameters: dict[str, Any], pipeline: Pipeline) -> list[Any]:
        if name == "Get-Command":
            descriptions, missing = cmdlets.visible(self._stamp, parameters.get("Name") or ["*"], self._wording)
            for pattern in missing:
                pipeline.write_error(psobjects.command_not_found(pattern, self._wording, _GET_COMMAND, name))
            return descriptions
        if name == "Get-ActionStatus":
            return self._action_status(str(parameters.get("FunctionName") or ""))
        if name == "Close-PrivilegedEndpoint":
            self._ship_transcripts(parameters)
            return []
        if name in ("Out-Default", "Measure-Object", "Select-Object"):
            return _filter(name, parameters, [parameters[cmdlets.INPUT.name]])
        if name in ("Exit-PSSession", "Clear-Host"):
            return []
        raise CmdletError(f"{name} is not simulated.", f"NotSimulated,{name}", "NotImplemented")

    def _action_status(self, function: str) -> list[Any]:
        """The latest action plan of a cmdlet, in one of the forms that it may have: its output is not published."""
        action = self._stamp.actions.get(function)
        form = self._stamp.world.settings.action_status_form
        if action is None or form == "silent":
            return []
        if form == "text":
            return [f"{function}: status is {action['Status']}", f"Input parameters: {action['RuntimeParameters']}"]
        if form == "timeless":
            action = {name: value for name, value in action.items() if name != "StartDateTime"}
        return [psobjects.property_bag({"FunctionName": function, **action})]

    def _ship_transcripts(self, parameters: dict[str, Any]) -> None:
        credential = parameters.get("Credential")
        password = credential.Password if isinstance(credential, ps.PSCredential) else None
        destination = str(parameters.get("TranscriptsPathDestination") or "")
        if not destination.startswith("\\\\") or not isinstance(password, ps.PSSecureString) or not password.decrypt():
            raise CmdletError(
                f"The network path '{destination}' was not found or access to it was denied.",
                "TranscriptsNotTransferred,Close-PrivilegedEndpoint",
                "WriteError",
            )
        self._transcripts.append({"destination": destination, "username": str(typing.cast(Any, credential).UserName)})
        self.closed = True


class _Teller:
    """Tells in the streams of a cmdlet what its action plan does, as far as the settings want."""

    def __init__(
        self, stamp: Stamp, machine: str, cmdlet: str, parameters: dict[str, Any], failure: Effect | None
    ) -> None:
        settings = stamp.world.settings
        told = failure.get("told", "both") if failure else None
        self._story = settings.plan_story
        if told is not None and told != "output" and self._story == "silent":
            self._story = "steps"
        elif told == "output":
            self._story = "silent"
        self._in_output = settings.plan_objects if told is None else told != "verbose"
        self._failure = str(failure.get("message", "The role AzureBridge did not answer.")) if failure else None
        self._step = str(failure.get("step", "Run the operation") if failure else "Run the operation")
        self._stamp, self._machine, self._cmdlet, self._parameters = stamp, machine, cmdlet, parameters
        self._id = stamp.world.dice.guid()
        self._started = _now()

    def begin(self, pipeline: Pipeline) -> None:
        """Tell that it begins."""
        if self._story == "input":
            for line in story.inputs(self._cmdlet, self._machine, self._stamp.pep_username, self._parameters):
                pipeline.write_verbose(line)
        if self._story != "silent":
            for line in story.beginning(self._id, self._started, self._step):
                pipeline.write_verbose(line)

    def end(self, pipeline: Pipeline) -> None:
        """Tell how it ended."""
        if self._story != "silent":
            for line in story.ending(self._id, self._step, completed=self._failure is None):
                pipeline.write_verbose(line)

    def objects(self) -> list[Any]:
        """What stands in the output before the result."""
        if not self._in_output:
            return []
        instance = story.instance(
            self._id,
            self._cmdlet.replace("-", ""),
            self._step,
            started=self._started,
            ended=_now(),
            parameters=self._parameters,
            failure=self._failure,
        )
        return [self._id, psobjects.property_bag(instance)]


def _nothing() -> None:
    """What a plan commits that changes nothing."""


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _statements(commands: list[psrpcore.Command]) -> Iterator[list[psrpcore.Command]]:
    statement: list[psrpcore.Command] = []
    for command in commands:
        statement.append(command)
        if command.end_of_statement:
            yield statement
            statement = []
    if statement:
        yield statement


def _seconds(given: Any, cmdlet: cmdlets.Cmdlet) -> float | None:
    """The limit of a cmdlet, which is found wrong by its action. Raises CmdletError."""
    if given is None:
        return cmdlet.action.timeout if cmdlet.action else None
    try:
        return float(str(given))
    except ValueError:
        raise CmdletError(
            f"'{given}' is not a valid value of TimeoutInSeconds.", f"InvalidTimeout,{cmdlet.name}"
        ) from None


def _filter(name: str, parameters: dict[str, Any], objects: list[Any]) -> list[Any]:
    """Run a command that takes the output of the one before it."""
    if name == "Out-Default":
        return objects
    if name == "Measure-Object":
        return [psobjects.property_bag({"Count": len(objects)})]
    if name == "Select-Object":
        names = parameters.get("Property")
        if not names:
            return objects
        return [psobjects.property_bag({name: getattr(value, name, None) for name in names}) for value in objects]
    raise psobjects.binding_error(
        "The input object cannot be bound to any parameters for the command either because the command does not take "
        "pipeline input or the input and its properties do not match any of the parameters that take pipeline input.",
        "InputObjectNotBound",
        name,
        psobjects.BadlyBound(""),
    )
