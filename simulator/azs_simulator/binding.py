# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of cmdlets, and binding what a client sent to them as PowerShell does (``tests/recordings/bindings.json``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .psobjects import BadlyBound, PSError, binding_error
from .wording import Wording

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

_ARRAY_LIST = "System.Collections.ArrayList"
_ONLY_BOOLEANS = "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."


class NotConvertible(ValueError):
    """A value that is of another type; the text says so as PowerShell does."""


def anything(value: Any, _wording: Wording) -> Any:
    """What was sent, as it is."""
    return value


def text(value: Any, wording: Wording) -> str:
    """A text, whatever was sent: null is empty, and a list is its items."""
    if isinstance(value, list):
        return " ".join(text(item, wording) for item in value)
    return "" if value is None else str(value)


def texts(value: Any, wording: Wording) -> list[str] | None:
    """A list of texts; one value is a list of one."""
    if value is None:
        return None
    return [text(item, wording) for item in (value if isinstance(value, list) else [value])]


def integer(value: Any, wording: Wording) -> int:
    """A number, also when it was sent as a text; null and the empty text are 0."""
    if isinstance(value, list):
        raise NotConvertible(
            f'Cannot convert the "{_ARRAY_LIST}" value of type "{_ARRAY_LIST}" to type "System.Int32".'
        )
    try:
        return int(value or 0)
    except ValueError:
        why = wording.bad_number.format(value=value)
        raise NotConvertible(f'Cannot convert value "{value}" to type "System.Int32". Error: "{why}"') from None


def switched(value: Any, _wording: Wording) -> bool:
    """True or false. The endpoint's cmdlets are functions, and for these null is false."""
    if value is None or isinstance(value, bool):
        return value is True
    to = 'to type "System.Management.Automation.SwitchParameter".'
    if isinstance(value, int):
        raise NotConvertible(f'Cannot convert the "{value}" value of type "System.Int32" {to}')
    raise NotConvertible(f'Cannot convert value "{_type_of(value)}" {to} {_ONLY_BOOLEANS}')


_TYPES: dict[Callable[[Any, Wording], Any], str] = {
    anything: "System.Object",
    text: "System.String",
    texts: "System.String[]",
    integer: "System.Int32",
    switched: "System.Management.Automation.SwitchParameter",
}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a cmdlet. Those of the endpoint's cmdlets have no type, as published."""

    name: str
    convert: Callable[[Any, Wording], Any] = anything
    """Makes the cmdlet's value of what was sent; raises NotConvertible."""
    position: int | None = None
    """Where it stands among the values without a name."""
    mandatory: bool = False
    choices: tuple[str, ...] = ()
    """The texts that it may be, or its items; empty: any."""

    @property
    def switch(self) -> bool:
        """Whether it is a switch."""
        return self.convert is switched

    @property
    def type_name(self) -> str:
        """Its type in .NET."""
        return _TYPES[self.convert]


def switch(name: str) -> Parameter:
    """A parameter that is on or off."""
    return Parameter(name, switched)


def _common(name: str) -> Parameter:
    return Parameter(name, switched if name in ("Verbose", "Debug") else integer if name == "OutBuffer" else text)


def bind(
    cmdlet: str, offered: Iterable[Parameter], given: Iterable[tuple[str | None, Any]], wording: Wording
) -> dict[str, Any]:
    """The given parameters under their proper names.

    Names match in any case, and abbreviated while they stay unambiguous. Raises psobjects.PSError.
    """
    own = list(offered)
    parameters = [*own, *map(_common, (*COMMON_PARAMETERS, *wording.extra_parameters))]
    values: dict[str, Any] = {}
    chosen: list[tuple[Parameter, Any]] = []
    rest: list[tuple[str | None, Any]] = []
    for name, value in given:
        found = _find(parameters, name.removeprefix("-").rstrip(":"), cmdlet) if name is not None else None
        if found is None:
            rest.append((name, value))
            continue
        if any(other is found for other, _value in chosen):
            raise binding_error(
                f"Cannot bind parameter because parameter '{found.name}' is specified more than once. To provide "
                "multiple values to parameters that can accept multiple values, use the array syntax. For example, "
                '"-parameter value1,value2,value3".',
                "ParameterAlreadyBound",
                cmdlet,
                BadlyBound(found.name),
            )
        chosen.append((found, value))
    free = [parameter for parameter in own if parameter.position is not None and parameter not in dict(chosen)]
    free.sort(key=lambda parameter: parameter.position or 0)
    for entry in [entry for entry in rest if entry[0] is None][: len(free)]:
        rest.remove(entry)
        chosen.append((free.pop(0), entry[1]))
    for parameter, value in chosen:
        values[parameter.name] = _value(parameter, value, cmdlet, wording)
    for name, value in rest:
        raise _unbound(name, value, cmdlet)
    missing = [parameter.name for parameter in own if parameter.mandatory and parameter.name not in values]
    if missing:
        names = " ".join(missing)
        raise binding_error(
            f"Cannot process command because of one or more missing mandatory parameters: {names}.",
            "MissingMandatoryParameter",
            cmdlet,
            BadlyBound(f" {names}"),
        )
    return values


def _find(parameters: Sequence[Parameter], name: str, cmdlet: str) -> Parameter | None:
    wanted = name.casefold()
    candidates = [parameter for parameter in parameters if parameter.name.casefold().startswith(wanted)]
    exact = [parameter for parameter in candidates if parameter.name.casefold() == wanted]
    if len(exact or candidates) > 1:
        names = " ".join(f"-{candidate.name}" for candidate in candidates)
        raise binding_error(
            f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches "
            f"include: {names}.",
            "AmbiguousParameter",
            cmdlet,
            BadlyBound(name),
        )
    return next(iter(exact or candidates), None)


def _unbound(name: str | None, value: Any, cmdlet: str) -> PSError:
    if name is not None:
        name = name.removeprefix("-").rstrip(":")
        return binding_error(
            f"A parameter cannot be found that matches parameter name '{name}'.",
            "NamedParameterNotFound",
            cmdlet,
            BadlyBound(name, None, _type_of(value)),
        )
    return binding_error(
        f"A positional parameter cannot be found that accepts argument '{value}'.",
        "PositionalParameterNotFound",
        cmdlet,
        BadlyBound("", None, _type_of(value)),
    )


def _value(parameter: Parameter, given: Any, cmdlet: str, wording: Wording) -> Any:
    """The cmdlet's value of what was sent for a parameter. Raises psobjects.PSError."""

    def refused(message: str, identifier: str, kind: str = "Validation", because: str = "") -> PSError:
        bound = BadlyBound(parameter.name, parameter.type_name, _type_of(given))
        return binding_error(
            message, identifier, cmdlet, bound, category="InvalidData", kind=kind, because=because
        )  # fmt: skip

    try:
        value = parameter.convert(given, wording)
    except NotConvertible as error:
        raise refused(
            f"Cannot process argument transformation on parameter '{parameter.name}'. {error}",
            "ParameterArgumentTransformationError",
            "ArgumentTransformation",
        ) from None
    if parameter.mandatory and value is None:
        raise refused(
            f"Cannot bind argument to parameter '{parameter.name}' because it is null.",
            "ParameterArgumentValidationErrorNullNotAllowed",
        )
    if parameter.mandatory and value == "" and parameter.convert is text:
        raise refused(
            f"Cannot bind argument to parameter '{parameter.name}' because it is an empty string.",
            "ParameterArgumentValidationErrorEmptyStringNotAllowed",
        )
    because = _invalid(parameter, value)
    if because:
        message = f"Cannot validate argument on parameter '{parameter.name}'. {because}"
        raise refused(message, "ParameterArgumentValidationError", because=because)
    return value


def _invalid(parameter: Parameter, value: Any) -> str:
    allowed = {choice.casefold() for choice in parameter.choices}
    wrong = [item for item in (value if isinstance(value, list) else [value]) if str(item).casefold() not in allowed]
    if not parameter.choices or not wrong:
        return ""
    return (
        f'The argument "{wrong[0]}" does not belong to the set "{",".join(parameter.choices)}" specified by the '
        "ValidateSet attribute. Supply an argument that is in the set and then try the command again."
    )


def _type_of(value: Any) -> str | None:
    if value is None:
        return None
    names = {bool: "System.Boolean", int: "System.Int32", list: _ARRAY_LIST, str: "System.String"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "System.Object")
