# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell objects as a privileged endpoint gives them out: errors, records, property bags, command information."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

import psrpcore.types as ps

_EXCEPTION_TYPES = (
    "System.Management.Automation.RuntimeException",
    "System.SystemException",
    "System.Exception",
    "System.Object",
)
_HRESULT = -2146233087
_VERSION = re.compile(r"\d+(\.\d+){1,3}")
_PARAMETERS_TYPE = (
    "System.Collections.Generic.Dictionary`2[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, "
    "PublicKeyToken=b77a5c561934e089],[System.Management.Automation.ParameterMetadata, System.Management.Automation, "
    "Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]"
)


class PSError(Exception):
    """An error; raised, it ends the pipeline. `record` is what the client sees of it."""

    def __init__(
        self,
        message: str,
        fully_qualified_error_id: str,
        category: str,
        *,
        exception: str = "System.Management.Automation.RuntimeException",
        activity: str = "",
        target: str | None = None,
    ) -> None:
        super().__init__(message)
        self.record = _error_record(message, fully_qualified_error_id, category, exception, activity, target)


def scripts_not_allowed(script: str) -> PSError:
    """What a script gets in a runspace without a language."""
    return PSError(
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
        "ScriptsNotAllowed",
        "ParserError",
        exception="System.Management.Automation.ParseException",
        target=script,
    )


def command_not_found(name: str, seeker: str = "") -> PSError:
    """What a command gets that is not visible in this session, or the cmdlet (`seeker`) that looks for it."""
    return PSError(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        f"CommandNotFoundException,{seeker}" if seeker else "CommandNotFoundException",
        "ObjectNotFound",
        exception="System.Management.Automation.CommandNotFoundException",
        target=name,
    )


def binding_error(message: str, identifier: str, cmdlet: str, category: str = "InvalidArgument") -> PSError:
    """What a command gets whose parameters do not fit it."""
    return PSError(
        message,
        f"{identifier},{cmdlet}",
        category,
        exception="System.Management.Automation.ParameterBindingException",
        activity=cmdlet,
    )


def pipeline_stopped() -> PSError:
    """What a pipeline ends with that its client stopped."""
    return PSError(
        "The pipeline has been stopped.",
        "PipelineStopped",
        "OperationStopped",
        exception="System.Management.Automation.PipelineStoppedException",
    )


def informational_record(record_type: type[Any], message: str) -> Any:
    """A verbose or warning record; its text is in the object's string form, where clients look for it."""
    record = record_type(Message=message, InvocationInfo=None, PipelineIterationInfo=None)
    record.serialize_extended_info = False
    record.PSObject.to_string = message
    return record


def invocation_info(command: str, bound: Mapping[str | None, Any]) -> Any:
    """What PowerShell adds to a record when the client asks for it: the function's source and its parameters' values."""
    parameters = ps.PSDict({name: value for name, value in bound.items() if name})
    parameters.PSObject.type_names = [
        "System.Management.Automation.PSBoundParametersDictionary",
        "System.Collections.Generic.Dictionary`2[[System.String],[System.Object]]",
        "System.Object",
    ]
    unbound = ps.PSList()
    unbound.PSObject.type_names = ["System.Collections.Generic.List`1[[System.Object]]", "System.Object"]
    return ps.InvocationInfo(
        BoundParameters=parameters,
        CommandOrigin=ps.CommandOrigin.Runspace,
        ExpectingInput=False,
        HistoryId=1,
        InvocationName=command,
        Line="",
        MyCommand=types.SimpleNamespace(
            Name=command,
            CommandType=ps.CommandTypes.Function,
            Definition=f"\n[CmdletBinding()] param()\n# the source of {command}\n" * 20,
            Visibility=ps.SessionStateEntryVisibility.Public,
        ),
        OffsetInLine=0,
        PipelineLength=1,
        PipelinePosition=1,
        PositionMessage="",
        PSScriptRoot="",
        ScriptLineNumber=0,
        ScriptName="",
        UnboundArguments=unbound,
    )


def progress_record(activity: str, status: str, percent: int) -> Any:
    """A progress record; 100 percent completes the activity."""
    record_type = ps.ProgressRecordType.Completed if percent >= 100 else ps.ProgressRecordType.Processing
    return ps.ProgressRecordMsg(
        Activity=activity,
        ActivityId=1,
        StatusDescription=status,
        CurrentOperation=None,
        ParentActivityId=-1,
        PercentComplete=percent,
        Type=record_type,
        SecondsRemaining=-1,
    )


def property_bag(properties: Mapping[str, Any]) -> Any:
    """A custom object with these properties, nested mappings becoming nested objects."""
    bag = ps.PSCustomObject()
    for name, value in properties.items():
        ps.add_note_property(bag, name, _value(name, value))
    return bag


def command_information(name: str, parameters: Iterable[str]) -> Any:
    """A visible command as Get-Command describes it; the names of its parameters are the keys of ``Parameters``."""
    metadata = ps.PSDict(dict.fromkeys(parameters, "System.Management.Automation.ParameterMetadata"))
    metadata.PSObject.type_names = [_PARAMETERS_TYPE, "System.Object"]
    information = ps.PSObject()
    information.PSObject.type_names = [
        "System.Management.Automation.FunctionInfo",
        "System.Management.Automation.CommandInfo",
        "System.Object",
    ]
    information.PSObject.to_string = name
    information.PSObject.adapted_properties = [
        ps.PSNoteProperty("Name", name),
        ps.PSNoteProperty("CommandType", "Function"),
        ps.PSNoteProperty("Visibility", "Public"),
        ps.PSNoteProperty("ModuleName", ""),
        ps.PSNoteProperty("Parameters", metadata),
    ]
    return information


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return property_bag(value)
    if isinstance(value, (list, tuple)):
        array = ps.PSList([_value("", item) for item in value])
        array.PSObject.type_names = ["System.Object[]", "System.Array", "System.Object"]
        return array
    if name.endswith("Version") and isinstance(value, str) and _VERSION.fullmatch(value):
        return ps.PSVersion(value)
    return value


def _error_record(
    message: str, identifier: str, category: str, exception: str, activity: str, target: str | None
) -> ps.ErrorRecord:
    error = ps.NETException(Message=message, HResult=_HRESULT)
    error.PSObject.type_names = [exception, *(name for name in _EXCEPTION_TYPES if name != exception)]
    error.PSObject.to_string = f"{exception}: {message}"
    record = ps.ErrorRecord(
        Exception=error,
        TargetObject=target,
        FullyQualifiedErrorId=identifier,
        CategoryInfo=ps.ErrorCategoryInfo(
            Category=ps.ErrorCategory[category],
            Activity=activity,
            Reason=exception.rsplit(".", 1)[-1],
            TargetName=target or "",
            TargetType="String" if target else "",
        ),
    )
    record.PSObject.to_string = message
    return record
