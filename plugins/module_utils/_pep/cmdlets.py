# SPDX-License-Identifier: GPL-3.0-or-later
"""The cmdlets of a privileged endpoint as typed functions. FOR INTERNAL COLLECTION USE ONLY.

Source: the vendor's privileged endpoint reference and RegisterWithAzure.psm1 (branch az).
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, PepError
from ansible_collections.azurestack.hub.plugins.module_utils._pep.action_plan import properties

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession, ProgressCallback

REGISTRATION_CMDLETS: t.Final = (
    "Get-AzureStackStampInformation",
    "Set-RegistrationKeyPair",
    "New-RegistrationToken",
    "New-AzureBridgeServicePrincipal",
    "New-AzureStackActivation",
    "Remove-AzureStackActivation",
    "Close-PrivilegedEndpoint",
)
SECRETS: t.Final = frozenset({"ActivationKey", "RefreshToken", "Credential"})
"""Parameters whose values must never be shown."""
_SHORTEST_TOKEN: t.Final = 40
_COMMON_PARAMETERS: t.Final = frozenset(
    name.lower()
    for name in (
        "Verbose",
        "Debug",
        "ErrorAction",
        "WarningAction",
        "InformationAction",
        "ProgressAction",
        "ErrorVariable",
        "WarningVariable",
        "InformationVariable",
        "OutVariable",
        "OutBuffer",
        "PipelineVariable",
        "WhatIf",
        "Confirm",
    )
)
_ORDINARY: t.Final = 600
"""Seconds for cmdlets that have no limit of their own."""


@dataclasses.dataclass(frozen=True)
class StampInformation:
    """What Get-AzureStackStampInformation tells; None where this stamp's version does not tell."""

    cloud_id: str
    stamp_version: str
    deployment_id: str | None
    nodes: int | None
    region: str | None
    external_fqdn: str | None
    domain: str | None
    aad_tenant_id: str | None
    aad_tenant_name: str | None
    ercs_addresses: tuple[str, ...]
    admin_endpoint: str | None
    admin_portal: str | None
    tenant_endpoint: str | None
    tenant_portal: str | None

    def as_result(self) -> dict[str, t.Any]:
        """Return the stamp as data for the task result."""
        return {**dataclasses.asdict(self), "ercs_addresses": list(self.ercs_addresses)}


def stamp_information(session: PepSession, progress: ProgressCallback | None = None) -> StampInformation:
    """Read the stamp information; an action plan of 10 to 15 s on a real stamp.

    :raises PepError: the cmdlet failed, or tells neither cloud id nor version.
    """
    cmdlet = "Get-AzureStackStampInformation"
    found = session.run(cmdlet, timeout=_ORDINARY, tolerant=True, progress=progress)
    stamp = stamp_in(found)
    if stamp is None:
        raise _unexpected(session, cmdlet, "an object with cloud id and stamp version", len(found))
    return stamp


def create_key_pair(session: PepSession, progress: ProgressCallback | None = None) -> None:
    """Create the key pair that the token of newer stamps with several nodes is made with. Raises PepError."""
    session.run("Set-RegistrationKeyPair", timeout=_ORDINARY, changes=False, progress=progress)


def new_registration_token(
    session: PepSession, request: billing.Request, progress: ProgressCallback | None = None
) -> str:
    """Mint a registration token.

    :param request: as `Request.at_stamp` made it.
    :raises PepError: the cmdlet failed, or gave something else than one string.
    """
    cmdlet = "New-RegistrationToken"
    found = session.run(cmdlet, token_parameters(request), timeout=_ORDINARY, progress=progress)
    token = token_in(found)
    if token is None:
        raise _unexpected(session, cmdlet, "exactly one registration token", len(found))
    return token


def token_parameters(request: billing.Request) -> dict[str, t.Any]:
    """Return the parameters of New-RegistrationToken, as the vendor's own module sends them.

    Both switches have a value, always: a switch that is sent as null is false for a function, and the endpoint's cmdlets are
    functions (recorded from PowerShell). Agreement number and asset tag are empty texts where there are none.
    """
    parameters: dict[str, t.Any] = {
        "BillingModel": request.billing_model,
        "MarketplaceSyndicationEnabled": request.marketplace_syndication,
        "UsageReportingEnabled": request.usage_reporting,
        "AgreementNumber": request.agreement_number or "",
    }
    if request.takes_asset_tag:
        parameters["MsAssetTag"] = request.asset_tag or ""
    if request.token_version:
        parameters["TokenVersion"] = request.token_version
    return parameters


def token_in(output: t.Sequence[t.Any]) -> str | None:
    """Return the registration token without white space, None unless the output holds exactly one.

    It is the text that is base64 of a JSON object. Newer versions may not decode: without such a text it is the one text of the
    alphabet, whatever else stands beside it. A sentence is none.
    """
    texts = [
        (joined, text)
        for text in output
        if isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9+/_-]+=*", joined := "".join(text.split()))
    ]
    told = [joined for joined, dummy in texts if _is_document(joined)]
    if not told:
        words = [joined for joined, text in texts if " " not in text.strip()]
        told = [word for word in words if len(word) >= _SHORTEST_TOKEN] or words
    return told[0] if len(told) == 1 else None


def _is_document(text: str) -> bool:
    try:
        return not claims.read_token(text).opaque
    except ArtifactError:  # a document that ends in the middle
        return False


def new_bridge_principal(
    session: PepSession,
    *,
    refresh_token: str,
    environment: str,
    tenant: str | None,
    timeout: int,
    progress: ProgressCallback | None = None,
) -> str:
    """Make the service principal of the Azure bridge and return its object id.

    :param refresh_token: of the Azure user that registers; a service principal has none.
    :param environment: the vendor's name of the Azure cloud.
    :param timeout: seconds.
    :raises PepError: the cmdlet failed, or gave no object id.
    """
    cmdlet = "New-AzureBridgeServicePrincipal"
    parameters: dict[str, t.Any] = {
        "RefreshToken": refresh_token,
        "AzureEnvironment": environment,
        "TimeoutInSeconds": timeout,
    }
    if tenant:
        parameters["TenantId"] = tenant
    found = session.run(cmdlet, parameters, timeout=timeout, changes=True, progress=progress)
    identifier = object_id_in(found)
    if identifier is None:
        raise _unexpected(session, cmdlet, "one object id", len(found))
    return identifier


def object_id_in(output: t.Iterable[t.Any]) -> str | None:
    """Return the object id in the output of New-AzureBridgeServicePrincipal, None unless there is exactly one."""
    found = [str(bag["objectid"]) for bag in map(properties, output) if bag.get("objectid")]
    return found[0] if len({identifier.lower() for identifier in found}) == 1 else None


def activate(session: PepSession, key: str, *, timeout: int, progress: ProgressCallback | None = None) -> None:
    """Activate the stamp; up to 10 minutes on a real one.

    :param timeout: seconds.
    :raises PepSessionLost: the outcome is unknown.
    :raises PepError: the stamp refused.
    """
    session.run(
        "New-AzureStackActivation",
        {"ActivationKey": key, "TimeoutInSeconds": timeout},
        timeout=timeout,
        changes=True,
        progress=progress,
    )


def deactivate(session: PepSession, *, timeout: int, progress: ProgressCallback | None = None) -> None:
    """Remove the stamp's activation; up to 10 minutes on a real one. Parameters and errors as `activate`.

    The cmdlet gets no limit of its own: not every version has that parameter.
    """
    session.run("Remove-AzureStackActivation", timeout=timeout, changes=True, progress=progress)


def offers(session: PepSession) -> dict[str, list[str]]:
    """Return the registration cmdlets that this stamp offers, each with its own parameters in alphabetical order.

    :raises PepError: the endpoint does not let Get-Command be run.
    """
    # A name without a wildcard that does not exist would be an error, and which ones exist is the question.
    names = [f"{name[:-1]}[{name[-1]}]" for name in REGISTRATION_CMDLETS]
    return offers_in(session.run("Get-Command", {"Name": names}, timeout=_ORDINARY, tolerant=True))


def offers_in(output: t.Iterable[t.Any]) -> dict[str, list[str]]:
    """Return the registration cmdlets in the output of Get-Command with the names of their own parameters, sorted."""
    bags = (bag for bag in map(properties, output) if bag.get("name"))
    offered = {str(bag["name"]).lower(): _parameter_names(bag.get("parameters")) for bag in bags}
    return {name: offered[name.lower()] for name in sorted(REGISTRATION_CMDLETS) if name.lower() in offered}


def stamp_in(output: t.Iterable[t.Any]) -> StampInformation | None:
    """Return the stamp information in the output of its cmdlet; None when no object tells cloud id and version."""
    bags = map(properties, output)
    told = next((bag for bag in bags if bag.get("cloudid") and bag.get("stampversion")), None)
    if told is None:
        return None
    admin = properties(told.get("adminexternalendpoints"))
    tenant = properties(told.get("tenantexternalendpoints"))
    nodes = _text(told.get("numberofnodes")) or ""
    consoles = told.get("emergencyconsoleipaddresses") or []
    if not isinstance(consoles, (list, tuple, set)):
        consoles = [consoles]
    return StampInformation(
        cloud_id=str(told["cloudid"]),
        stamp_version=str(told["stampversion"]),
        deployment_id=_text(told.get("deploymentid")),
        nodes=int(nodes) if nodes.isdecimal() and len(nodes) < 10 else None,
        region=_text(told.get("regionname")),
        external_fqdn=_text(told.get("externaldomainfqdn")),
        domain=_text(told.get("domainnetbiosname")),
        aad_tenant_id=_text(told.get("aadtenantid")),
        aad_tenant_name=_text(told.get("aadtenantname")),
        ercs_addresses=tuple(str(address) for address in consoles),
        admin_endpoint=_address(admin.get("adminresourcemanager")),
        admin_portal=_address(admin.get("adminportal")),
        tenant_endpoint=_address(tenant.get("tenantresourcemanager")),
        tenant_portal=_address(tenant.get("tenantportal")),
    )


def _parameter_names(value: t.Any) -> list[str]:
    names: t.Iterable[t.Any] = ()
    if isinstance(value, dict):
        names = value
    elif isinstance(value, (list, tuple)):
        names = (item if isinstance(item, str) else properties(item).get("name") for item in value)
    return sorted(str(name) for name in names if name and str(name).lower() not in _COMMON_PARAMETERS)


def _text(value: t.Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _address(value: t.Any) -> str | None:
    text = _text(value)
    return text.rstrip("/") if text else None


def _unexpected(session: PepSession, cmdlet: str, expected: str, count: int) -> PepError:
    return PepError(
        f"{cmdlet} did not give {expected}",
        kind="unexpected_output",
        where=session.host,
        cause=f"it ended without an error and wrote {count} object(s)",
        remedy="Run the same command again; when it stays so, the stamp needs support",
    )
