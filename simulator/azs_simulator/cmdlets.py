# SPDX-License-Identifier: GPL-3.0-or-later
"""The cmdlets that a privileged endpoint offers: their parameters, their gates by stamp version, and what they do."""

from __future__ import annotations

import dataclasses
import fnmatch
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import psobjects
from .binding import COMMON_PARAMETERS, Parameter, switch, text, texts

if typing.TYPE_CHECKING:
    from .stamp import Stamp
    from .wording import Wording


@dataclasses.dataclass(frozen=True)
class Action:
    """What a cmdlet makes the stamp do."""

    commit: Callable[[Stamp, Mapping[str, Any]], Any]
    """Makes the transition; what it returns is the output."""
    check: Callable[[Stamp, Mapping[str, Any]], Any] = lambda _stamp, _parameters: None
    """Refuses before anything begins."""
    output: Callable[[Any], Any] | None = None
    """Turns the result into the object that is written; None: nothing is written."""
    timeout: float | None = None
    """Default of the parameter TimeoutInSeconds; a cmdlet without one has no limit."""


@dataclasses.dataclass(frozen=True)
class Cmdlet:
    """A cmdlet. One without an action is built into the session, or visible only."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    action: Action | None = None
    offered: Callable[[Stamp], bool] = lambda _stamp: True
    gates: Mapping[str, Callable[[Stamp], bool]] = dataclasses.field(default_factory=dict)
    """Parameters that not every version has."""

    def parameters_of(self, stamp: Stamp) -> list[Parameter]:
        """The parameters in the stamp's version, without the common ones."""
        return [
            parameter
            for parameter in self.parameters
            if parameter.name not in self.gates or self.gates[parameter.name](stamp)
        ]


_AS_JOB = switch("AsJob")
INPUT = Parameter("InputObject", mandatory=True)
"""What comes through the pipe."""
_DESCRIBED = (
    "ModuleName", "Namespace", "OutputType", "Count", "HelpUri", "Name", "CommandType", "ResolvedCommandName",
    "DefaultParameterSet", "CmdletBinding", "Parameters",
)  # fmt: skip
"""What Select-Object picks in a restricted session."""

# As published: wrapper functions, whose parameters have neither types nor sets of values, and none is mandatory.
_CMDLETS = (
    Cmdlet(
        "Get-AzureStackStampInformation",
        (_AS_JOB,),
        Action(lambda stamp, _parameters: stamp.information(), output=psobjects.property_bag),
    ),
    Cmdlet(
        "Set-RegistrationKeyPair",
        (),
        Action(lambda stamp, _parameters: stamp.create_key_pair()),
        offered=lambda stamp: stamp.has_key_pair_cmdlet,
    ),
    Cmdlet(
        "New-RegistrationToken",
        (
            Parameter("BillingModel", position=1),
            Parameter("AgreementNumber", position=2),
            Parameter("MsAssetTag", position=3),
            switch("UsageReportingEnabled"),
            switch("MarketplaceSyndicationEnabled"),
            Parameter("TokenVersion"),
            _AS_JOB,
        ),
        Action(
            lambda stamp, parameters: stamp.mint_token(parameters),
            lambda stamp, parameters: stamp.check_token_request(parameters),
            output=str,
        ),
        gates={
            "MsAssetTag": lambda stamp: stamp.knows_asset_tag,
            "TokenVersion": lambda stamp: stamp.knows_token_version,
        },
    ),
    Cmdlet(
        "New-AzureBridgeServicePrincipal",
        (
            Parameter("AzureEnvironment", position=1),
            Parameter("TenantId", position=2),
            Parameter("RefreshToken", position=3),
            Parameter("TimeoutInSeconds", position=4),
            _AS_JOB,
        ),
        Action(
            lambda stamp, parameters: stamp.create_principal(parameters),
            lambda stamp, parameters: stamp.check_principal(parameters),
            output=psobjects.property_bag,
            timeout=420,
        ),
    ),
    Cmdlet(
        "New-AzureStackActivation",
        (Parameter("ActivationKey", position=1), Parameter("TimeoutInSeconds", position=2), _AS_JOB),
        Action(
            lambda stamp, parameters: stamp.activate(parameters.get("ActivationKey")),
            lambda stamp, parameters: stamp.check_activation(parameters.get("ActivationKey")),
            timeout=1000,
        ),
    ),
    Cmdlet(
        "Remove-AzureStackActivation",
        (Parameter("TimeoutInSeconds", position=0), _AS_JOB),
        Action(lambda stamp, _parameters: stamp.deactivate(), timeout=1000),
    ),
    Cmdlet(
        "Close-PrivilegedEndpoint",
        (Parameter("TranscriptsPathDestination", position=0), Parameter("Credential", position=1), _AS_JOB),
    ),
    Cmdlet("Get-ActionStatus", (Parameter("FunctionName", position=1), Parameter("ActionType", position=2), _AS_JOB)),
    Cmdlet("Save-HCILicense", (Parameter("License", text),), offered=lambda stamp: stamp.has_key_pair_cmdlet),
    Cmdlet("Get-Command", (Parameter("Name", texts, position=0), switch("ListImported"))),
    Cmdlet("Exit-PSSession"),
    Cmdlet("Clear-Host"),
    Cmdlet("Out-Default", (INPUT,)),
    Cmdlet("Measure-Object", (INPUT,)),
    Cmdlet("Select-Object", (Parameter("Property", texts, position=0, choices=_DESCRIBED), INPUT)),
    *(
        Cmdlet(name)
        for name in (
            "Get-AzureStackLog",
            "Get-ClusterLog",
            "Get-FormatData",
            "Get-Help",
            "Get-ThirdPartyNotices",
            "New-CloudAdminUser",
            "Remove-CloudAdminUser",
            "Set-CloudAdminUserPassword",
            "Stop-AzureStack",
            "Test-AzureStack",
        )
    ),
)
_BY_NAME = {cmdlet.name.casefold(): cmdlet for cmdlet in _CMDLETS}

NOISE = (
    ("verbose", "Looking up shared vhd product drive letter."),
    ("warning", "Unable to find volume with label Deployment"),
    ("verbose", "Get-Package returned with Success:True"),
)
"""What the cmdlets of a stamp write besides their output, as seen in logs of real ones."""


def find(stamp: Stamp, name: str, wording: Wording) -> Cmdlet:
    """The cmdlet of that name, with or without the name of a module. Raises psobjects.PSError."""
    cmdlet = _BY_NAME.get(name.rsplit("\\", 1)[-1].casefold())
    if cmdlet is None or not cmdlet.offered(stamp):
        raise psobjects.command_not_found(name, wording)
    return cmdlet


def offered(stamp: Stamp) -> list[Cmdlet]:
    """The cmdlets that the stamp's version has."""
    return [cmdlet for cmdlet in _CMDLETS if cmdlet.offered(stamp)]


def visible(stamp: Stamp, patterns: Iterable[str], wording: Wording) -> tuple[list[Any], list[str]]:
    """The visible commands whose names match, as Get-Command describes them, and the names that no command has."""
    known = {cmdlet.name: cmdlet for cmdlet in offered(stamp)}
    found: list[str] = []
    missing: list[str] = []
    for pattern in patterns:
        matching = [name for name in sorted(known) if fnmatch.fnmatchcase(name.casefold(), pattern.casefold())]
        if not matching and not set(pattern) & set("*?["):
            missing.append(pattern)
        found.extend(name for name in matching if name not in found)
    common = (*COMMON_PARAMETERS, *wording.extra_parameters)
    descriptions = [
        psobjects.command_information(
            name, [*(parameter.name for parameter in known[name].parameters_of(stamp)), *common], wording
        )
        for name in found
    ]
    return descriptions, missing
