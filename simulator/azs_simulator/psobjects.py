# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell objects as a privileged endpoint gives them out: errors, property bags, command information."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psrpcore.types as ps

from .wording import Wording

_VERSION = re.compile(r"\d+(\.\d+){1,3}")
_SYSTEM = ("System.SystemException", "System.Exception", "System.Object")
_RUNTIME = "System.Management.Automation.RuntimeException"
_BINDING = "System.Management.Automation.ParameterBindingException"
_BASES = {
    _RUNTIME: _SYSTEM,
    "System.Exception": ("System.Object",),
    "System.TimeoutException": _SYSTEM,
    "Microsoft.PowerShell.Commands.WriteErrorException": _SYSTEM,
    "System.Management.Automation.ParameterBindingValidationException": (_BINDING, _RUNTIME, *_SYSTEM),
    "System.Management.Automation.ParameterBindingArgumentTransformationException": (_BINDING, _RUNTIME, *_SYSTEM),
}
"""What an exception is besides; all others are PowerShell's own."""

_VALIDATION_FAILED = (
    "System.Management.Automation.ValidationMetadataException",
    "System.Management.Automation.MetadataException",
    _RUNTIME,
    *_SYSTEM,
)


@dataclasses.dataclass(frozen=True)
class BadlyBound:
    """What an error of the binder tells of the parameter."""

    name: str
    type_name: str | None = None
    given_type: str | None = None


class PSError(Exception):
    """An error; raised, it ends the pipeline."""

    def __init__(
        self,
        message: str,
        fully_qualified_error_id: str,
        category: str,
        *,
        exception: str = _RUNTIME,
        activity: str = "",
        target: str | None = None,
        by_engine: bool = False,
        bound: BadlyBound | None = None,
        inner: tuple[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fully_qualified_error_id = fully_qualified_error_id
        self.thrown = message == fully_qualified_error_id
        """Whether a function threw its text, which then is id and target as well."""
        self.category = "OperationStopped" if self.thrown else category
        self.exception = exception
        self.activity = "" if self.thrown else activity
        self.target = message if self.thrown else target
        self.by_engine = by_engine
        """Whether PowerShell itself found it, and no function."""
        self.bound = bound
        self.inner = inner
        """Message and types of the exception behind it."""

    @property
    def exception_types(self) -> list[str]:
        """The exception's type and those that it is derived from."""
        return [self.exception, *_BASES.get(self.exception, (_RUNTIME, *_SYSTEM))]


def scripts_not_allowed(script: str) -> PSError:
    """What a script gets in a runspace without a language."""
    return PSError(
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
        "ScriptsNotAllowed",
        "ParserError",
        exception="System.Management.Automation.ParseException",
        target=script,
        by_engine=True,
    )


def command_not_found(name: str, wording: Wording, seeker: str = "", activity: str = "") -> PSError:
    """What a command gets that is not visible in this session, or the cmdlet (`seeker`, run as `activity`) that looks for it."""
    return PSError(
        wording.command_not_found(name),
        f"CommandNotFoundException,{seeker}" if seeker else "CommandNotFoundException",
        "ObjectNotFound",
        exception="System.Management.Automation.CommandNotFoundException",
        activity=activity,
        target=name,
        by_engine=not seeker,
    )


def binding_error(
    message: str,
    identifier: str,
    cmdlet: str,
    bound: BadlyBound,
    *,
    category: str = "InvalidArgument",
    kind: str = "",
    because: str = "",
) -> PSError:
    """What a command gets whose parameters do not fit it.

    :param kind: "Validation" or "ArgumentTransformation", where it is the value that does not fit.
    :param because: what the attribute says that was asked to validate it.
    """
    return PSError(
        message,
        f"{identifier},{cmdlet}",
        category,
        exception=f"System.Management.Automation.ParameterBinding{kind}Exception",
        activity=cmdlet,
        by_engine=True,
        bound=bound,
        inner=(because, _VALIDATION_FAILED) if because else None,
    )


def pipeline_stopped() -> PSError:
    """What a pipeline ends with that its client stopped."""
    return PSError(
        "The pipeline has been stopped.",
        "PipelineStopped",
        "OperationStopped",
        exception="System.Management.Automation.PipelineStoppedException",
        by_engine=True,
    )


def property_bag(properties: Mapping[str, Any]) -> Any:
    """A custom object with these properties, nested mappings becoming nested objects."""
    made = ps.PSCustomObject()
    for name, value in properties.items():
        ps.add_note_property(made, name, _value(name, value))
    return made


def bag(
    types: Sequence[str],
    *,
    adapted: Mapping[str, Any] | None = None,
    extended: Mapping[str, Any] | None = None,
    text: str = "",
) -> Any:
    """An object of these types with these properties, in their order; `text` is its string form."""
    made = ps.PSObject()
    made.PSObject.type_names = list(types)
    made.PSObject.to_string = text
    made.PSObject.adapted_properties = [ps.PSNoteProperty(name, value) for name, value in (adapted or {}).items()]
    made.PSObject.extended_properties = [ps.PSNoteProperty(name, value) for name, value in (extended or {}).items()]
    return made


def array(values: Iterable[Any], item: str = "System.Object") -> Any:
    """An array of items of a type."""
    made = ps.PSList(values)
    made.PSObject.type_names = [f"{item}[]", "System.Array", "System.Object"]
    return made


def command_information(name: str, parameters: Iterable[str], wording: Wording) -> Any:
    """A visible command as Get-Command describes it; the names of its parameters are the keys of ``Parameters``."""
    own = "System.Management.Automation"
    metadata = ps.PSDict(dict.fromkeys(parameters, f"{own}.ParameterMetadata"))
    metadata.PSObject.type_names = [
        wording.generic("System.Collections.Generic.Dictionary", "System.String", f"{own}.ParameterMetadata"),
        "System.Object",
    ]
    source = f" [CmdletBinding()] param() # the source of {name} "
    verb, _hyphen, noun = name.partition("-")
    properties = {
        "ScriptBlock": ps.PSScriptBlock(source),
        "CmdletBinding": True,
        "DefaultParameterSet": None,
        "Definition": source,
        "Options": "None",
        "Description": None,
        "Verb": verb,
        "Noun": noun,
        "HelpFile": None,
        "OutputType": _read_only(wording, f"{own}.PSTypeName"),
        "Name": name,
        "CommandType": "Function",
        "Source": "",
        "Version": None,
        "Visibility": "Public",
        "ModuleName": "",
        "Module": None,
        "RemotingCapability": "PowerShell",
        "Parameters": metadata,
        "ParameterSets": _read_only(wording, f"{own}.CommandParameterSetInfo", "[<CommonParameters>]"),
    }
    return bag(
        [f"{own}.FunctionInfo", f"{own}.CommandInfo", "System.Object"],
        adapted=properties,
        extended={"Namespace": "", "HelpUri": ""},
        text=name,
    )


def _read_only(wording: Wording, item: str, *values: str) -> Any:
    made = ps.PSList(values)
    made.PSObject.type_names = [
        wording.generic("System.Collections.ObjectModel.ReadOnlyCollection", item),
        "System.Object",
    ]
    return made


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return property_bag(value)
    if isinstance(value, (list, tuple)):
        return array(_value("", item) for item in value)
    if name.endswith("Version") and isinstance(value, str) and _VERSION.fullmatch(value):
        return ps.PSVersion(value)
    return value
