# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that PowerShell sends, element by element as recorded from a real one (``tests/recordings``)."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import psrpcore.types as ps

from .psobjects import PSError, array, bag
from .wording import Wording

_HRESULT = -2146233087
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STACK = "   at System.Management.Automation.Runspaces.LocalPipeline.InvokeHelper()\n"
_LIBRARY = "System.Management.Automation"
_INVOCATION = "System.Management.Automation.InvocationInfo"


class Invocation:
    """What PowerShell adds to a record when the client asks for it: the function's source and its parameters' values.

    Errors have it without the parameters.
    """

    def __init__(self, command: str, bound: Mapping[str, Any]) -> None:
        self.command = command
        self.bound = bound


def verbose_or_warning(kind: str, message: str, wording: Wording, invocation: Invocation | None) -> Any:
    """A record of the verbose or warning stream; its text is in the object's string form, too."""
    properties: dict[str, Any] = {
        "InformationalRecord_Message": message,
        "InformationalRecord_SerializeInvocationInfo": invocation is not None,
    }
    if invocation is not None:
        bound = ps.PSDict(invocation.bound)
        bound.PSObject.type_names = [
            "System.Management.Automation.PSBoundParametersDictionary", *_dictionary_types(wording)
        ]  # fmt: skip
        properties |= _extended(invocation, bound, _unbound(wording), wording, ps.CommandOrigin.Runspace, (0, 1), 1)
        properties["InformationalRecord_PipelineIterationInfo"] = _iteration(wording)
    types = [f"{_LIBRARY}.{kind}Record", f"{_LIBRARY}.InformationalRecord", "System.Object"]
    return bag(types, extended=properties, text=_escaped(message))


def progress(activity: str, status: str, percent: int) -> Any:
    """A progress record; 100 percent completes the activity."""
    return ps.ProgressRecordMsg(
        Activity=activity,
        ActivityId=1,
        StatusDescription=status,
        CurrentOperation=None,
        ParentActivityId=-1,
        PercentComplete=percent,
        Type=ps.ProgressRecordType.Completed if percent >= 100 else ps.ProgressRecordType.Processing,
        SecondsRemaining=-1,
    )


def information(message: str, source: str, computer: str, wording: Wording) -> Any:
    """A record of the information stream."""
    tags = ps.PSList()
    tags.PSObject.type_names = [wording.generic("System.Collections.Generic.List", "System.String"), "System.Object"]
    properties = {
        "MessageData": message,
        "Source": source,
        "TimeGenerated": datetime.now(timezone.utc),
        "Tags": tags,
        "User": "AZURESTACK\\AzureStackAdmin",
        "Computer": computer,
        "ProcessId": ps.PSUInt(os.getpid()),
        "NativeThreadId": ps.PSUInt(threading.get_native_id()),
        "ManagedThreadId": ps.PSUInt(6),
    }
    return bag([], extended=properties)


def state(number: int, error: Any = None) -> Any:
    """A pipeline's state; `error` is the record of what ended it."""
    properties = {"PipelineState": number}
    return bag([], extended=properties if error is None else {**properties, "ExceptionAsErrorRecord": error})


def error_that_ends(error: PSError, wording: Wording) -> Any:
    """The record in the state of a pipeline that failed. It never brings the invocation, whatever the client asked for."""
    return _error(error, wording, {"SerializeExtendedInfo": False}, {})


def error_that_goes_on(error: PSError, wording: Wording, invocation: Invocation | None) -> Any:
    """A record of the error stream."""
    extended: dict[str, Any] = {"SerializeExtendedInfo": invocation is not None}
    if invocation is not None:
        bound, unbound = _no_parameters(wording), _unbound(wording)
        extended |= _extended(invocation, bound, unbound, wording, ps.CommandOrigin.Internal, (), 0)
        extended["PipelineIterationInfo"] = _iteration(wording)
    return _error(error, wording, extended, {"PSMessageDetails": None})


def _error(error: PSError, wording: Wording, invocation: Mapping[str, Any], last: Mapping[str, Any]) -> Any:
    reason = error.exception.rsplit(".", 1)[-1]
    target = error.target or ""
    kind = "String" if target else ""
    shortened = f"{wording.shortened(target)}:{kind}"
    properties = {
        "Exception": _exception(error),
        "TargetObject": error.target,
        "FullyQualifiedErrorId": error.fully_qualified_error_id,
        "InvocationInfo": _invocation_info(error, wording),
        "ErrorCategory_Category": int(ps.ErrorCategory[error.category]),
        "ErrorCategory_Activity": error.activity,
        "ErrorCategory_Reason": reason,
        "ErrorCategory_TargetName": target,
        "ErrorCategory_TargetType": kind,
        "ErrorCategory_Message": f"{error.category}: ({shortened}) [{error.activity}], {reason}",
        **invocation,
    }
    if not error.by_engine:
        properties["ErrorDetails_ScriptStackTrace"] = "at <ScriptBlock>, <No file>: line 1"
    types = ["System.Management.Automation.ErrorRecord", "System.Object"]
    return bag(types, extended={**properties, **last}, text=_escaped(error.message))


def _exception(error: PSError) -> Any:
    common: dict[str, Any] = {
        "TargetSite": "Void Prepare()" if error.by_engine else None,
        "Message": error.message,
        "Data": _empty_data(),
        "InnerException": _inner(error),
        "HelpLink": None,
        "Source": _LIBRARY if error.by_engine else None,
        "HResult": _HRESULT,
        "StackTrace": _STACK if error.by_engine else None,
    }
    if error.bound is not None:
        common = {
            "Message": common.pop("Message"),
            "ParameterName": error.bound.name,
            "ParameterType": error.bound.type_name,
            "TypeSpecified": error.bound.given_type,
            "ErrorId": error.fully_qualified_error_id.split(",", 1)[0],
            "Line": ps.PSInt64(0),
            "Offset": ps.PSInt64(0),
            "CommandInvocation": _INVOCATION,
            "ErrorRecord": error.message,
            "WasThrownFromThrowStatement": False,
            **common,
        }
    elif "System.Management.Automation.RuntimeException" in error.exception_types:
        name = {"CommandName": error.target} if error.exception.endswith(".CommandNotFoundException") else {}
        common = {
            "ErrorRecord": error.message, **name, "WasThrownFromThrowStatement": error.thrown, **common
        }  # fmt: skip
    text = f"{error.exception}: {error.message}" + (f"\n{_STACK}" if error.by_engine else "")
    return bag(error.exception_types, adapted=common, text=_escaped(text))


def _inner(error: PSError) -> Any:
    if error.inner is None:
        return None
    message, types = error.inner
    properties = {
        "ErrorRecord": message,
        "WasThrownFromThrowStatement": False,
        "TargetSite": "Void ValidateElement(System.Object)",
        "Message": message,
        "Data": _empty_data(),
        "InnerException": None,
        "HelpLink": None,
        "Source": _LIBRARY,
        "HResult": _HRESULT,
        "StackTrace": _STACK,
    }
    return bag(types, adapted=properties, text=_escaped(f"{types[0]}: {message}"))


def _invocation_info(error: PSError, wording: Wording) -> Any:
    """The object that every error has but those of PowerShell's own before there is a command."""
    if error.by_engine and error.bound is None:
        return None
    command = None if error.thrown else error.activity
    properties: dict[str, Any] = {
        "MyCommand": command,
        "BoundParameters": _no_parameters(wording),
        "UnboundArguments": _unbound(wording),
        "ScriptLineNumber": 0,
        "OffsetInLine": 0,
        "HistoryId": ps.PSInt64(1),
        "ScriptName": "",
        "Line": "",
        "Statement": "",
        "PositionMessage": "",
        "PSScriptRoot": "",
        "PSCommandPath": None,
        "InvocationName": "" if error.by_engine else command or "",
        "PipelineLength": 0,
        "PipelinePosition": 0,
        "ExpectingInput": False,
        "CommandOrigin": "Internal",
        "DisplayScriptPosition": None,
    }
    if not wording.has_statement:
        del properties["Statement"]
    return bag([_INVOCATION, "System.Object"], adapted=properties, text=_INVOCATION)


def _extended(
    invocation: Invocation,
    bound: Any,
    unbound: Any,
    wording: Wording,
    origin: ps.CommandOrigin,
    iterations: Iterable[int],
    position: int,
) -> dict[str, Any]:
    numbers = array(iterations, "System.Int32")
    return {
        "InvocationInfo_BoundParameters": bound,
        "InvocationInfo_CommandOrigin": origin,
        "InvocationInfo_ExpectingInput": False,
        "InvocationInfo_InvocationName": invocation.command,
        "InvocationInfo_Line": "",
        "InvocationInfo_OffsetInLine": 0,
        "InvocationInfo_HistoryId": ps.PSInt64(1),
        "InvocationInfo_PipelineIterationInfo": numbers,
        "InvocationInfo_PipelineLength": position,
        "InvocationInfo_PipelinePosition": position,
        "InvocationInfo_PSScriptRoot": "",
        "InvocationInfo_PSCommandPath": None,
        "InvocationInfo_PositionMessage": "",
        "InvocationInfo_ScriptLineNumber": 0,
        "InvocationInfo_ScriptName": "",
        "InvocationInfo_UnboundArguments": unbound,
        "SerializeExtent": False,
        "CommandInfo_CommandType": ps.CommandTypes.Function,
        "CommandInfo_Definition": f"\n[CmdletBinding()] param()\n# the source of {invocation.command}\n" * 20,
        "CommandInfo_Name": invocation.command,
        "CommandInfo_Visibility": ps.SessionStateEntryVisibility.Public,
    }


def _no_parameters(wording: Wording) -> Any:
    parameters = ps.PSDict()
    parameters.PSObject.type_names = _dictionary_types(wording)
    return parameters


def _dictionary_types(wording: Wording) -> list[str]:
    name = wording.generic("System.Collections.Generic.Dictionary", "System.String", "System.Object")
    return [name, "System.Object"]


def _unbound(wording: Wording) -> Any:
    arguments = ps.PSList()
    arguments.PSObject.type_names = [
        wording.generic("System.Collections.Generic.List", "System.Object"),
        "System.Object",
    ]
    return arguments


def _iteration(wording: Wording) -> Any:
    numbers = ps.PSList([0, 1])
    name = wording.generic("System.Collections.ObjectModel.ReadOnlyCollection", "System.Int32")
    numbers.PSObject.type_names = [name, "System.Object"]
    return numbers


def _empty_data() -> Any:
    data = ps.PSDict()
    data.PSObject.type_names = ["System.Collections.ListDictionaryInternal", "System.Object"]
    return data


def _escaped(text: str) -> str:
    """A text as an object's string form has it: psrpcore leaves that as it is."""
    return _CONTROLS.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
