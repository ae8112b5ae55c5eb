# SPDX-License-Identifier: GPL-3.0-or-later
"""How the versions of PowerShell word what they say, and which assemblies they name: 5.1 of a stamp's Windows, and 7.

What 7 says is recorded (``tests/recordings``); of 5.1 it is what its resources and transcripts of stamps say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import psrpcore.types as ps


@dataclasses.dataclass(frozen=True)
class Wording:
    """One version's."""

    version: str
    core_library: str
    """Where .NET has its own types; stands in the names of generic ones."""
    automation_library: str
    """Where PowerShell has its own."""
    unknown_command: str
    bad_number: str
    """Why a text is no number."""
    ellipsis: tuple[int, str]
    """How a long target is shortened: characters of either end, and what stands between."""
    has_statement: bool
    """Whether an error's invocation tells the statement."""
    extra_parameters: tuple[str, ...]
    """Common parameters that it has besides those of every version."""
    versions: Mapping[str, Any]
    """The version table."""

    def command_not_found(self, name: str) -> str:
        """What is said of a command that is not there."""
        return self.unknown_command.format(name=name)

    def shortened(self, target: str) -> str:
        """A target as it stands in the sentence about the category."""
        length, between = self.ellipsis
        return target if len(target) <= 40 else f"{target[:length]}{between}{target[-length:]}"

    def generic(self, name: str, *arguments: str) -> str:
        """The name of a generic type over types of .NET, or (System.Management.Automation...) of PowerShell."""
        parts = ",".join(f"[{argument}, {self._library(argument)}]" for argument in arguments)
        return f"{name}`{len(arguments)}[{parts}]"

    def _library(self, name: str) -> str:
        return self.automation_library if name.startswith("System.Management.Automation.") else self.core_library


def _version_list(*versions: str) -> Any:
    array = ps.PSList([ps.PSVersion(version) for version in versions])
    array.PSObject.type_names = ["System.Version[]", "System.Array", "System.Object"]
    return array


_COMPATIBLE = ("1.0", "2.0", "3.0", "4.0", "5.0", "5.1")

_EVERY = {
    "SerializationVersion": ps.PSVersion("1.1.0.1"),
    "PSRemotingProtocolVersion": ps.PSVersion("2.3"),
    "WSManStackVersion": ps.PSVersion("3.0"),
}

WORDINGS: Mapping[str, Wording] = {
    "5.1": Wording(
        version="5.1",
        core_library="mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
        automation_library=(
            "System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
        ),
        unknown_command=(
            "The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
            "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
        ),
        bad_number="Input string was not in a correct format.",
        ellipsis=(15, "..."),
        has_statement=False,
        extra_parameters=(),
        versions={
            **_EVERY,
            "PSVersion": ps.PSVersion("5.1.17763.5458"),
            "PSEdition": "Desktop",
            "PSCompatibleVersions": _version_list(*_COMPATIBLE),
            "CLRVersion": ps.PSVersion("4.0.30319.42000"),
            "BuildVersion": ps.PSVersion("10.0.17763.5458"),
        },
    ),
    "7": Wording(
        version="7",
        core_library="System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e",
        automation_library=(
            "System.Management.Automation, Version=7.6.0.500, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
        ),
        unknown_command=(
            "The term '{name}' is not recognized as a name of a cmdlet, function, script file, or executable program.\n"
            "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
        ),
        bad_number="The input string '{value}' was not in a correct format.",
        ellipsis=(19, "…"),
        has_statement=True,
        extra_parameters=("ProgressAction",),
        versions={
            **_EVERY,
            "PSVersion": ps.PSVersion("7.6.9"),
            "PSEdition": "Core",
            "PSCompatibleVersions": _version_list(*_COMPATIBLE, "6.0", "7.0"),
            "PSSemanticVersion": "7.6.9",
            "GitCommitId": "7.6.9",
            "OS": "Linux",
            "Platform": "Unix",
        },
    ),
}
