# SPDX-License-Identifier: GPL-3.0-or-later
"""A stamp: what its cmdlets do to it, without any protocol around them.

A long cmdlet calls `begin`, then a `check_...` method, waits its duration, calls the method that makes the transition,
and `finish`. All methods are synchronous and complete: a transition has happened or has not.
"""

from __future__ import annotations

import hashlib
import time
import typing
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from . import tokens
from .fleet import StampSpec

if typing.TYPE_CHECKING:
    from .cloud import Cloud
    from .directory import Principal
    from .world import World

BILLING_MODELS = ("PayAsYouUse", "Capacity", "Development", "Ruggedized", "Custom")

ASSET_TAG_MODELS = ("Ruggedized", "Custom")

DURATIONS = {
    "Get-AzureStackStampInformation": 0.05,
    "Set-RegistrationKeyPair": 0.02,
    "New-RegistrationToken": 0.05,
    "New-AzureBridgeServicePrincipal": 0.1,
    "New-AzureStackActivation": 0.2,
    "Remove-AzureStackActivation": 0.2,
}
"""Seconds. A real stamp needs 10 to 15 s for its information and up to 10 minutes to activate (facts, section 2)."""

PROGRESS_RECORDS = {
    "New-AzureStackActivation": 4,
    "Remove-AzureStackActivation": 4,
    "New-AzureBridgeServicePrincipal": 2,
}

FIRST_PARTY_CLIENTS = frozenset({"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2"})
"""Public clients of the Azure CLI and of Azure PowerShell: the stamp redeems refresh tokens of no other (facts, 10)."""

# Gates of the facts, section 2: (version, whether that version itself is included).
ASSET_TAG_FROM = ((1, 1912, 0, 19), True)
TOKEN_VERSION_FROM = ((1, 2008, 0, 49), True)
KEY_PAIR_FROM = ((1, 2209, 0, 23), False)
TOKEN_VERSION_6_FROM = ((1, 2309, 0, 4), False)


class CmdletError(Exception):
    """A terminating error of a cmdlet."""

    def __init__(self, message: str, fully_qualified_error_id: str, category: str = "InvalidArgument") -> None:
        super().__init__(message)
        self.message = message
        self.fully_qualified_error_id = fully_qualified_error_id
        self.category = category
        """Name of a PowerShell ErrorCategory."""


class Stamp:
    """One stamp: identity, hardware, and what the registration cmdlets changed.

    `pep_servers` is filled by `start_pep`: per ERCS address an object with `address` ("127.0.0.1:PORT"), and the
    coroutines `close()` (refuse connections from now on, cut the open ones) and `open()` (listen there again).
    """

    def __init__(self, spec: StampSpec, world: World, cloud: Cloud) -> None:
        dice = world.dice
        self.world = world
        self.cloud = cloud
        self.spec = spec
        self.name = spec.name
        self.version = spec.version
        self.nodes = spec.nodes
        self.cloud_id = spec.cloud_id or dice.guid()
        self.deployment_id = spec.deployment_id or dice.guid()
        self.region = spec.region or spec.name.replace("_", "-").lower()
        self.fqdn = spec.fqdn
        self.netbios = spec.pep_username.split("\\")[0]
        self.connected = spec.connected
        self.identity = spec.identity or ("AzureAD" if spec.connected and not cloud.directory.adfs else "ADFS")
        self.aad_tenant_id = cloud.directory.tenant_id(spec.tenant) if self.identity == "AzureAD" else ""
        self.aad_tenant_name = cloud.directory.tenants[self.aad_tenant_id] if self.aad_tenant_id else ""
        self.ercs_count = spec.ercs
        self.pep_username = spec.pep_username
        self.pep_password = spec.pep_password or dice.password()
        self.pep_tls = spec.pep_tls
        self.pep_servers: list[Any] = []
        self.admin_url = ""  # of the admin ARM; known when it listens
        self.admin_audience = f"https://adminmanagement.{self.fqdn}/{dice.guid()}"
        self.provider_subscription_id = dice.guid()
        self.billing_model = spec.billing_model or ("PayAsYouUse" if spec.connected else "Capacity")
        self.agreement_number = spec.agreement_number or ("12345678" if self.billing_model == "Capacity" else "")
        self.asset_tag = spec.asset_tag or ("AT-0042" if self.billing_model in ASSET_TAG_MODELS else "")
        self.asset_tag_told = dice.one_of((True, False)) if spec.asset_tag_told is None else spec.asset_tag_told
        self.durations = {**DURATIONS, **spec.durations}
        self.progress_records = {**PROGRESS_RECORDS, **spec.progress_records}
        self.principals: list[Principal] = []
        """Bridge principals that this stamp made; the last one goes into its tokens."""
        self.activation: dict[str, Any] | None = None
        self.busy: str | None = None
        self.actions: dict[str, dict[str, str]] = {}
        """Cmdlet -> its latest action plan, as Get-ActionStatus tells it."""
        self.key_pair = False
        self.last_token_request: dict[str, Any] = {}
        self.tokens_minted = 0

    # -- what this version offers ------------------------------------------------------------------------------------

    @property
    def has_key_pair_cmdlet(self) -> bool:
        """Whether Set-RegistrationKeyPair exists here; then a token needs it."""
        return self._passes(KEY_PAIR_FROM) and self.nodes > 1

    @property
    def knows_asset_tag(self) -> bool:
        """Whether New-RegistrationToken has the parameter MsAssetTag."""
        return self._passes(ASSET_TAG_FROM)

    @property
    def knows_token_version(self) -> bool:
        """Whether New-RegistrationToken has the parameter TokenVersion."""
        return self._passes(TOKEN_VERSION_FROM)

    @property
    def token_versions(self) -> tuple[str, ...]:
        """Values that the parameter TokenVersion takes."""
        return ("3.0", "4.0", "6.0") if self._passes(TOKEN_VERSION_6_FROM) else ("3.0", "4.0")

    def _passes(self, gate: tuple[tuple[int, ...], bool]) -> bool:
        version = tuple(int(part) for part in self.version.split("."))
        return version > gate[0] or (gate[1] and version == gate[0])

    # -- action plans ------------------------------------------------------------------------------------------------

    def begin(self, action_id: str = "") -> str:
        """Start an action plan and return its id. A stamp runs one at a time; raises CmdletError when it is busy."""
        if self.busy:
            raise CmdletError(
                f"Cannot invoke action plan because another action is in progress: {self.busy}",
                "ActionPlanInProgress",
                "ResourceBusy",
            )
        self.busy = action_id or self.world.dice.guid()
        return self.busy

    def finish(self, action_id: str) -> None:
        """End an action plan, however it went."""
        if self.busy == action_id:
            self.busy = None

    # -- cmdlets -----------------------------------------------------------------------------------------------------

    def information(self) -> dict[str, Any]:
        """Get-AzureStackStampInformation: names as on a stamp; StampVersion as text, the caller types it."""
        suffix = f"{self.region}.{self.fqdn}"
        # Where the admin ARM is simulated as unreachable its real name is given, which resolves nowhere.
        admin = self.admin_url if self.spec.admin_reachable and self.admin_url else f"https://adminmanagement.{suffix}"
        return {
            "StampVersion": self.version,
            "CloudID": self.cloud_id,
            "DeploymentID": self.deployment_id,
            "NumberOfNodes": self.nodes,
            "RegionName": self.region,
            "ExternalDomainFQDN": self.fqdn,
            "DomainFQDN": f"{self.netbios.lower()}.local",
            "DomainNetBIOSName": self.netbios,
            "AADTenantID": self.aad_tenant_id,
            "AADTenantName": self.aad_tenant_name,
            "Timezone": "UTC",
            "EmergencyConsoleIPAddresses": [f"192.168.200.{224 + n}" for n in range(self.ercs_count)],
            "AdminExternalEndpoints": {
                "AdminResourceManager": admin,
                "AdminPortal": f"https://adminportal.{suffix}",
            },
            "TenantExternalEndpoints": {
                "TenantResourceManager": f"https://management.{suffix}",
                "TenantPortal": f"https://portal.{suffix}",
            },
        }

    def create_key_pair(self) -> None:
        """Set-RegistrationKeyPair. Raises CmdletError where the cmdlet does not exist."""
        if not self.has_key_pair_cmdlet:
            raise CmdletError("This stamp needs no registration key pair.", "RegistrationKeyPairNotNeeded")
        self.key_pair = True

    def check_token_request(self, params: Mapping[str, Any]) -> None:
        """The rules of New-RegistrationToken (facts, sections 2 and 3). Raises CmdletError."""
        cmdlet = "New-RegistrationToken"
        for name, known in (("MsAssetTag", self.knows_asset_tag), ("TokenVersion", self.knows_token_version)):
            if name in params and not known:
                raise CmdletError(
                    f"A parameter cannot be found that matches parameter name '{name}'.",
                    f"NamedParameterNotFound,{cmdlet}",
                )
        model = _given(params, "BillingModel", "Development")
        for name, value, allowed in (
            ("BillingModel", model, BILLING_MODELS),
            ("TokenVersion", _given(params, "TokenVersion", "3.0"), self.token_versions),
        ):
            if str(value).lower() not in (entry.lower() for entry in allowed):
                # The parameters have no sets of values: it is the action that finds a wrong one.
                raise CmdletError(
                    f"'{value}' is not a valid value of {name}.", f"Invalid{name},{cmdlet}", "InvalidData"
                )
        model = str(model).lower()
        if model == "capacity" and not params.get("AgreementNumber"):
            raise CmdletError(
                "Agreement number is null or empty when BillingModel is set to Capacity",
                f"MissingAgreementNumber,{cmdlet}",
            )
        if model in map(str.lower, ASSET_TAG_MODELS) and not params.get("MsAssetTag"):
            raise CmdletError(
                "ErrorCode: MissingMsAssetTag. MsAssetTag is null or empty when BillingModel is set to "
                f"{params['BillingModel']}",
                f"MissingMsAssetTag,{cmdlet}",
            )
        if self.has_key_pair_cmdlet and not self.key_pair:
            raise CmdletError(
                "The registration key pair was not found. Run Set-RegistrationKeyPair first.",
                f"RegistrationKeyPairNotFound,{cmdlet}",
                "ObjectNotFound",
            )

    def mint_token(self, params: Mapping[str, Any]) -> str:
        """New-RegistrationToken: a token. Raises CmdletError."""
        self.check_token_request(params)
        model = str(_given(params, "BillingModel", "Development")).lower()
        number, tag = str(params.get("AgreementNumber") or ""), str(params.get("MsAssetTag") or "")
        # Members and their order as recorded (azure.json); what no recorded token holds comes after them.
        claims: dict[str, Any] = {
            "cloudId": self.cloud_id,
            **({"objectId": self.principals[-1].object_id} if self.principals else {}),
            "billingModel": next(entry for entry in BILLING_MODELS if entry.lower() == model),
            "hardwareInfo": self.hardware,
            "regionNames": [self.region],
            **({"agreementNumber": number} if self.spec.agreement_number_told else {}),
            "usageReportingEnabled": bool(params.get("UsageReportingEnabled")),
            "marketplaceSyndicationEnabled": bool(params.get("MarketplaceSyndicationEnabled")),
            "issuer": "AzureStack",
            "version": str(_given(params, "TokenVersion", "3.0" if self.knows_token_version else "1.0")),
            **({"msAssetTag": tag} if self.asset_tag_told and self.knows_asset_tag else {}),
        }
        if self.world.settings.numbered_documents:
            claims.update(issuedAt=datetime.now(timezone.utc).isoformat(), nonce=self.world.dice.guid())
        self.last_token_request = dict(params)
        self.tokens_minted += 1
        opaque = self.spec.opaque_tokens and claims["version"] == "6.0"
        return self.world.registration_tokens.write(claims, opaque=opaque)

    def check_principal(self, params: Mapping[str, Any]) -> Principal:
        """Whose refresh token this is: what New-AzureBridgeServicePrincipal asks the cloud. Raises CmdletError."""
        cmdlet = "New-AzureBridgeServicePrincipal"
        environment = str(params.get("AzureEnvironment") or self.cloud.environment)
        if environment.lower() != self.cloud.environment.lower():
            raise CmdletError(
                f"Cannot get the endpoints of Azure environment '{environment}'.", f"InvalidEnvironment,{cmdlet}"
            )
        grant = self.cloud.directory.redeem(str(params.get("RefreshToken") or ""))
        tenant = str(params.get("TenantId") or (grant.tenant_id if grant else ""))
        if grant is None or grant.client_id not in FIRST_PARTY_CLIENTS or grant.tenant_id != tenant.lower():
            raise CmdletError(
                "AADSTS9002313: Invalid request. The refresh token is malformed, expired, or was issued to another "
                "client or tenant.",
                f"AdalServiceException,{cmdlet}",
                "AuthenticationError",
            )
        return grant.principal

    def create_principal(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """New-AzureBridgeServicePrincipal: a new principal on every call. Raises CmdletError."""
        owner = self.check_principal(params)
        principal = self.cloud.directory.add_bridge_principal(f"Azurebridge-{self.name}", owner)
        self.principals.append(principal)
        return {"ObjectId": principal.object_id, "ApplicationId": principal.client_id}

    def check_activation(self, activation_key: Any) -> dict[str, Any]:
        """The claims of a key that this stamp accepts. Raises CmdletError."""
        cmdlet = "New-AzureStackActivation"
        signer, claims = self.world.open_activation_key(str(activation_key or ""))
        if signer is None:
            raise CmdletError("The activation key is not valid.", f"InvalidActivationKey,{cmdlet}", "InvalidData")
        if str(claims["cloudId"]).lower() != self.cloud_id.lower():
            raise CmdletError(
                f"The activation key was issued for cloud identifier '{claims['cloudId']}', but the cloud identifier of"
                f" this stamp is '{self.cloud_id}'.",
                f"ActivationKeyCloudIdMismatch,{cmdlet}",
                "InvalidData",
            )
        expires = tokens.expiry_moment(claims["expires"])
        if expires is not None and expires <= time.time():
            raise CmdletError(
                f"The activation key expired on {claims['expires']}.", f"ActivationKeyExpired,{cmdlet}", "InvalidData"
            )
        return claims

    def activate(self, activation_key: Any) -> None:
        """New-AzureStackActivation; replaces an earlier activation. Raises CmdletError."""
        claims = self.check_activation(activation_key)
        signer, _claims = self.world.open_activation_key(str(activation_key or ""))
        now = datetime.now(timezone.utc)
        stamped = now.strftime("%Y-%m-%dT%H%%3A%M%%3A%S.%f") + "0Z"
        self.activation = {
            "etag": f"W/\"datetime'{stamped}'\"",
            "properties": {
                "displayName": "Azure Stack Activation",
                "azureRegistrationResourceIdentifier": (
                    f"/subscriptions/{claims['subscriptionId']}/resourceGroups/{claims['resourceGroupName']}"
                    f"/providers/Microsoft.AzureStack/registrations/{claims['registrationName']}"
                ),
                "azureEnvironmentName": signer.environment if signer else "",
                "expiration": claims["expires"].split(".")[0].rstrip("Z") + "Z",
                "marketplaceSyndicationEnabled": claims["marketplaceSyndicationEnabled"],
                "usageReportingEnabled": claims["usageReportingEnabled"],
                "provisioningState": "Succeeded",
            },
        }

    def deactivate(self) -> None:
        """Remove-AzureStackActivation; nothing to do on a stamp that is not activated."""
        self.activation = None

    # -- seen from elsewhere -----------------------------------------------------------------------------------------

    @property
    def hardware(self) -> list[dict[str, Any]]:
        """The nodes as tokens describe them: hashes, stable while a node stays, so that equal lists compare equal."""

        def digest(*parts: object) -> str:
            text = "/".join(map(str, (self.cloud_id, *parts)))
            return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]

        return [
            {
                "name": f"AzS-Node{n:02}",
                "uuid": digest(n, "uuid"),
                "numCores": 48,
                "bios": [digest(n, "bios")],
                "nic": [digest(n, "nic", c) for c in range(2)],
                "cpu": [digest(n, "cpu", c) for c in range(2)],
                "disk": [digest(n, "disk", c) for c in range(2)],
                "memory": [digest(n, "memory")],
            }
            for n in range(1, self.nodes + 1)
        ]

    def activation_status(self) -> str:
        """Registered, Not registered or Expired, as the portal says."""
        if self.activation is None:
            return "Not registered"
        expires = tokens.expiry_moment(self.activation["properties"]["expiration"].rstrip("Z") + ".0Z")
        return "Expired" if expires is not None and expires <= time.time() else "Registered"

    def as_dict(self) -> dict[str, Any]:
        """The stamp for the control API."""
        return {
            "name": self.name,
            "version": self.version,
            "nodes": self.nodes,
            "cloud": self.cloud.name,
            "cloud_id": self.cloud_id,
            "deployment_id": self.deployment_id,
            "identity": self.identity,
            "connected": self.connected,
            "pep_hosts": [server.address for server in self.pep_servers],
            "admin_url": self.admin_url,
            "status": self.activation_status(),
            "activation": self.activation["properties"] if self.activation else None,
            "busy": self.busy,
            "key_pair": self.key_pair,
            "principals": [principal.object_id for principal in self.principals],
            "tokens_minted": self.tokens_minted,
            "last_token_request": self.last_token_request,
            "transcripts": [entry for server in self.pep_servers for entry in server.transcripts],
        }


def _given(params: Mapping[str, Any], name: str, default: str) -> Any:
    """A parameter without a type: null is as good as not given."""
    value = params.get(name)
    return default if value is None else value
