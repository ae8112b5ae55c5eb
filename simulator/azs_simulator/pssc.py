# SPDX-License-Identifier: GPL-3.0-or-later
"""The session configuration of a privileged endpoint for a real PowerShell: the stamp's cmdlets as functions."""

from __future__ import annotations

import typing
from importlib import resources

from . import cmdlets

if typing.TYPE_CHECKING:
    from .binding import Parameter
    from .stamp import Stamp

OWN_COMMANDS = frozenset(
    {
        "Clear-Host",
        "Exit-PSSession",
        "Get-Command",
        "Get-FormatData",
        "Get-Help",
        "Measure-Object",
        "Out-Default",
        "Select-Object",
    }
)
"""Commands that every restricted session has, PowerShell's own."""


_CONFIGURATION = """\
@{{
SchemaVersion = '2.0.0.0'
GUID = 'b2f7a1f4-3c58-4c8f-9d53-4d8c4a0f6e11'
SessionType = 'RestrictedRemoteServer'
LanguageMode = 'NoLanguage'
VisibleFunctions = {visible}
FunctionDefinitions = @(
{functions})
}}
"""


def configuration(stamp: Stamp) -> str:
    """What the process is started with: the functions that the stamp's version offers, and nothing else to be seen."""
    offered = [cmdlet for cmdlet in cmdlets.offered(stamp) if cmdlet.name not in OWN_COMMANDS]
    functions = [
        *(
            _function(cmdlet.name, _signature(cmdlet.parameters_of(stamp)) + _script("cmdlet.ps1"))
            for cmdlet in offered
        ),
        _function("Invoke-Simulator", _script("invoke_simulator.ps1")),
        _function("ConvertTo-Sent", _script("convert_to_sent.ps1")),
        _function("ConvertFrom-Received", _script("convert_from_received.ps1")),
    ]
    return _CONFIGURATION.format(
        visible=", ".join(f"'{cmdlet.name}'" for cmdlet in offered), functions=",\n".join(functions)
    )


def _signature(parameters: list[Parameter]) -> str:
    """As published: nothing but switches has a type, nothing is mandatory. An unknown name has to be an error."""
    texts = [f"[switch] ${parameter.name}" if parameter.switch else f"${parameter.name}" for parameter in parameters]
    return f"[CmdletBinding()]\nparam({', '.join(texts)})\n"


def _function(name: str, body: str) -> str:
    return f"@{{ Name = '{name}'; ScriptBlock = {{\n{body}}} }}"


def _script(name: str) -> str:
    return resources.files(__package__).joinpath("powershell_scripts").joinpath(name).read_text(encoding="utf-8")
