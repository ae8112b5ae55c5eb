# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of cmdlets, and binding what a client sent to them as PowerShell does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from . import psobjects

COMMON_PARAMETERS = (
    "Verbose",
    "Debug",
    "ErrorAction",
    "WarningAction",
    "InformationAction",
    "ErrorVariable",
    "WarningVariable",
    "InformationVariable",
    "OutVariable",
    "OutBuffer",
    "PipelineVariable",
)


def text(value: Any) -> str:
    """Whatever was sent, as a string."""
    return str(value)


def integer(value: Any) -> int:
    """A number, also when it was sent as a string. Raises ValueError."""
    return int(str(value))


def anything(value: Any) -> Any:
    """What was sent, as it is."""
    return value


_NET_TYPES = {"PSList": "System.Collections.ArrayList", "list": "System.Collections.ArrayList"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a cmdlet."""

    name: str
    convert: Callable[[Any], Any] = text
    """Makes the cmdlet's value of what was sent; raises ValueError."""
    type_name: str = "System.String"
    mandatory: bool = False
    switch: bool = False


def switch(name: str) -> Parameter:
    """A parameter that is there or not."""
    return Parameter(name, anything, "System.Management.Automation.SwitchParameter", switch=True)


def number(name: str) -> Parameter:
    """A parameter that takes a number."""
    return Parameter(name, integer, "System.Int32")


_COMMON = tuple(switch(name) if name in ("Verbose", "Debug") else Parameter(name) for name in COMMON_PARAMETERS)


def bind(cmdlet: str, offered: Iterable[Parameter], given: Iterable[tuple[str | None, Any]]) -> dict[str, Any]:
    """The given parameters under their proper names; switches that are off are left out.

    Names match in any case, and abbreviated while they stay unambiguous. Raises psobjects.PSError.
    """
    parameters = {parameter.name.casefold(): parameter for parameter in (*offered, *_COMMON)}
    bound: dict[str, Any] = {}
    for name, value in given:
        if name is None:
            raise psobjects.binding_error(
                f"A positional parameter cannot be found that accepts argument '{value}'.",
                "PositionalParameterNotFound",
                cmdlet,
            )
        parameter = _find(parameters, name.removeprefix("-").rstrip(":"), cmdlet)
        if parameter.name in bound:
            raise psobjects.binding_error(
                f"Cannot bind parameter because parameter '{parameter.name}' is specified more than once. To provide "
                "multiple values to parameters that can accept multiple values, use the array syntax. For example, "
                '"-parameter value1,value2,value3".',
                "ParameterAlreadyBound",
                cmdlet,
            )
        bound[parameter.name] = _convert(parameter, value, cmdlet)
    missing = [
        parameter.name for parameter in parameters.values() if parameter.mandatory and parameter.name not in bound
    ]
    if missing:
        raise psobjects.binding_error(
            "Cannot process command because of one or more missing mandatory parameters: " + " ".join(missing) + ".",
            "MissingMandatoryParameter",
            cmdlet,
        )
    return {name: value for name, value in bound.items() if value is not False}


def _find(parameters: dict[str, Parameter], name: str, cmdlet: str) -> Parameter:
    exact = parameters.get(name.casefold())
    if exact is not None:
        return exact
    candidates = [parameter for key, parameter in parameters.items() if key.startswith(name.casefold())]
    if not candidates:
        raise psobjects.binding_error(
            f"A parameter cannot be found that matches parameter name '{name}'.", "NamedParameterNotFound", cmdlet
        )
    if len(candidates) > 1:
        names = " ".join(f"-{candidate.name}" for candidate in candidates)
        raise psobjects.binding_error(
            f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches "
            f"include: {names}.",
            "AmbiguousParameter",
            cmdlet,
        )
    return candidates[0]


def _convert(parameter: Parameter, value: Any, cmdlet: str) -> Any:
    if parameter.switch:
        if value is None or isinstance(value, bool):
            return value is True  # null is false for a function, and the endpoint's cmdlets are functions
        told = (
            f'the "{value}" value of type "System.Int32" to type "{parameter.type_name}".'
            if isinstance(value, int)
            else f'value "{_NET_TYPES.get(type(value).__name__, "System.String")}" to type "{parameter.type_name}". Boolean '
            "parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."
        )
        raise psobjects.binding_error(
            f"Cannot process argument transformation on parameter '{parameter.name}'. Cannot convert {told}",
            "ParameterArgumentTransformationError",
            cmdlet,
            "InvalidData",
        )
    if value is None:
        raise psobjects.binding_error(
            f"Missing an argument for parameter '{parameter.name}'. Specify a parameter of type "
            f"'{parameter.type_name}' and try again.",
            "MissingArgument",
            cmdlet,
        )
    try:
        return parameter.convert(value)
    except ValueError:
        raise psobjects.binding_error(
            f"Cannot bind parameter '{parameter.name}'. Cannot convert value to type \"{parameter.type_name}\".",
            "CannotConvertArgumentNoMessage",
            cmdlet,
        ) from None
