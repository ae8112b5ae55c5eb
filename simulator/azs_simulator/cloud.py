# SPDX-License-Identifier: GPL-3.0-or-later
"""An Azure cloud: subscriptions, resource groups, registrations and their transitions. No sockets; see arm.py."""

from __future__ import annotations

import dataclasses
import time
import typing
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from . import tokens
from .access import CUSTOM_ROLES, Access, RoleAssignment, RoleDefinition
from .directory import Directory, Principal
from .fleet import CloudSpec, FleetError, PrincipalSpec, SubscriptionSpec

if typing.TYPE_CHECKING:
    from .world import World

VENDOR_ENVIRONMENTS = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud", "AzureUSSec")
NAMESPACE = "Microsoft.AzureStack"


class ArmError(Exception):
    """An answer of ARM that is not a success."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


@dataclasses.dataclass
class Registration:
    """A registration resource and what the token said when it was made."""

    name: str
    claims: dict[str, Any]
    created_by: str
    etag: str
    expires: float | None = None  # seconds since 1970; None: never
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    customers: dict[str, str] = dataclasses.field(default_factory=dict)
    """Customer subscription id, in the case it was written in, -> tenant id. Changed by `map` and `unmap` alone."""
    writes: int = 1
    exports: int = 0
    known_from: float = 0.0
    """Monotonic time; before that a new registration is not found."""
    _by_tenant: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def cloud_id(self) -> str:
        """The stamp that is registered."""
        return str(self.claims["cloudId"])

    @property
    def expired(self) -> bool:
        """Whether the yearly subscription behind it has run out."""
        return self.expires is not None and self.expires <= time.time()

    def map(self, customer: str, tenant: str) -> None:
        """Map a customer's subscription; the tenant's earlier one is overwritten."""
        self.unmap(self._by_tenant.get(tenant.lower(), ""))
        self.unmap(customer)
        self.customers[customer] = tenant
        self._by_tenant[tenant.lower()] = customer

    def unmap(self, customer: str) -> None:
        """Forget a customer's subscription; nothing happens when it is not mapped."""
        tenant = self.customers.pop(customer, None)
        if tenant is not None:
            del self._by_tenant[tenant.lower()]


@dataclasses.dataclass
class Group:
    """A resource group."""

    name: str
    location: str
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    registrations: dict[str, Registration] = dataclasses.field(default_factory=dict)
    """By name in lower case."""
    known_from: float = 0.0
    """Monotonic time; before that a new group is not found."""


class Subscription:
    """An Azure subscription: resource providers and resource groups."""

    def __init__(self, spec: SubscriptionSpec, cloud: Cloud) -> None:
        self.cloud = cloud
        self.spec = spec
        self.id = (spec.id or cloud.world.dice.guid()).lower()
        self.name = spec.name
        self.tenant_id = cloud.directory.tenant_id(spec.tenant)
        self.groups: dict[str, Group] = {name.lower(): Group(name, place) for name, place in spec.groups.items()}
        self._registered: dict[str, float] = {"microsoft.resources": 0.0, "microsoft.authorization": 0.0}
        if spec.provider_registered:
            self.have_provider()
        self._writes: list[float] = []
        self._bucket: tuple[float, float] | None = None

    @property
    def scope(self) -> str:
        """The subscription's ARM id."""
        return f"/subscriptions/{self.id}"

    def take_write(self, rate: float, burst: float, now: float) -> tuple[float, int]:
        """Count a write against the limit of `rate` writes a second; the seconds to wait for room (0: taken), and how
        many are left.

        :param burst: size of the bucket that the rate refills; 0: the writes of the last second are counted.
        """
        if burst:
            level, then = self._bucket or (burst, now)
            level = min(burst, level + (now - then) * rate)
            taken = level >= 1
            self._bucket = (level - taken, now)
            return (0.0, int(level - 1)) if taken else ((1 - level) / rate, 0)
        self._writes[:] = [moment for moment in self._writes if moment > now - 1.0]
        if len(self._writes) >= rate:
            return max(1.0, self._writes[0] + 1.0 - now), 0
        self._writes.append(now)
        return 0.0, int(rate - len(self._writes))

    def provider_state(self, namespace: str = NAMESPACE) -> str:
        """NotRegistered, Registering or Registered."""
        done = self._registered.get(namespace.lower())
        if done is None:
            return "NotRegistered"
        return "Registered" if time.monotonic() >= done else "Registering"

    def register_provider(self, namespace: str) -> None:
        """Begin to register a provider; nothing happens when that was done before."""
        lag = self.cloud.world.settings.provider_registration
        self._registered.setdefault(namespace.lower(), time.monotonic() + lag)

    def have_provider(self, namespace: str = NAMESPACE) -> None:
        """Have a provider registered long ago."""
        self._registered[namespace.lower()] = 0.0

    def unregister_provider(self, namespace: str = NAMESPACE) -> None:
        """Forget a provider."""
        self._registered.pop(namespace.lower(), None)

    def group(self, name: str) -> Group:
        """A resource group by name. Raises ArmError (ResourceGroupNotFound)."""
        if not self.has_group(name):
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return self.groups[name.lower()]

    def has_group(self, name: str) -> bool:
        """Whether a resource group exists and is known already."""
        found = self.groups.get(name.lower())
        return found is not None and found.known_from <= time.monotonic()

    def group_scope(self, group: Group) -> str:
        """A group's ARM id, in the case it was made with."""
        return f"{self.scope}/resourceGroups/{group.name}"

    def registration_scope(self, group: Group, registration: Registration) -> str:
        """A registration's ARM id, in the case it was made with."""
        return f"{self.group_scope(group)}/providers/{NAMESPACE}/registrations/{registration.name}"


class Cloud:
    """One Azure cloud with its directory."""

    def __init__(self, spec: CloudSpec, world: World) -> None:
        self.spec = spec
        self.world = world
        self.name = spec.name
        self.environment = spec.environment or (spec.name if spec.name in VENDOR_ENVIRONMENTS else "CustomCloud")
        self.arm_url = ""  # https://127.0.0.1:PORT, known when it listens
        self.audience = f"https://management.{spec.name.lower()}.example/{world.dice.guid()}"
        self.signing_key = tokens.SigningKey()
        self.directory = Directory(world, spec.tenants, adfs=spec.identity == "ADFS")
        self.identity_url = ""  # of the host's identity endpoint; known when it listens
        self.identity_header = world.dice.password()
        self.directory.audiences.add(self.audience)
        self.more_audiences: list[str] = []
        self.access = Access()
        self.customers = {entry.id.lower(): entry for entry in spec.customers}
        self.operations: dict[str, float] = {}
        """Moves under way: operation id -> monotonic time of their end."""
        self.subscriptions = {sub.id: sub for sub in (Subscription(entry, self) for entry in spec.subscriptions)}
        for entry in spec.principals:
            self.add_principal(entry)

    # -- finding -----------------------------------------------------------------------------------------------------

    def subscription(self, name: str = "") -> Subscription:
        """A subscription by name or id, or the first. Raises FleetError."""
        for subscription in self.subscriptions.values():
            if not name or name.lower() in (subscription.id, subscription.name.lower()):
                return subscription
        raise FleetError(f"cloud {self.name}: there is no subscription '{name}'")

    def principal(self, name: str = "") -> Principal:
        """A principal by name or object id, or the first. Raises FleetError."""
        if not name and self.directory.principals:
            return self.directory.principals[0]
        found = self.directory.find(name=name) or self.directory.find(object_id=name)
        if found is None:
            raise FleetError(f"cloud {self.name}: there is no principal '{name}'")
        return found

    def registrations(self) -> Iterator[tuple[Subscription, Group, Registration]]:
        """All registrations of the cloud."""
        for subscription in self.subscriptions.values():
            for group in subscription.groups.values():
                for registration in group.registrations.values():
                    yield subscription, group, registration

    # -- transitions -------------------------------------------------------------------------------------------------

    def add_principal(self, spec: PrincipalSpec) -> Principal:
        """A principal of the fleet file or the control API, with its role at its subscriptions. Raises FleetError."""
        principal = self.directory.add(spec)
        wanted = [self.subscription(name) for name in spec.subscriptions] or list(self.subscriptions.values())
        for subscription in wanted:
            role = self._role(spec, subscription)
            if role.actions:
                self.access.assign(
                    RoleAssignment(self.world.dice.guid(), subscription.scope, principal.object_id, "", role)
                )
        return principal

    def _role(self, spec: PrincipalSpec, subscription: Subscription) -> RoleDefinition:
        if isinstance(spec.role, str):
            if found := self.access.role_named(spec.role):
                return found
            if spec.role not in CUSTOM_ROLES:
                known = [*CUSTOM_ROLES, *(role.role_name for role in self.access.roles.values() if role.built_in)]
                raise FleetError(f"principal {spec.name}: there is no role '{spec.role}' (known: {', '.join(known)})")
        actions = CUSTOM_ROLES[spec.role] if isinstance(spec.role, str) else spec.role
        name = spec.role if isinstance(spec.role, str) else f"Role of {spec.name}"
        role = RoleDefinition(self.world.dice.guid(), name, actions, assignable=[subscription.scope])
        self.access.roles[role.name] = role
        return role

    def put_registration(
        self, subscription: Subscription, group: Group, name: str, token: str, caller: str, tags: Mapping[str, str]
    ) -> tuple[Registration, bool]:
        """Register what a token says under a name, or register again; whether it is new.

        Raises ArmError: InvalidRegistrationToken, CloudIdUpdateNotAllowed, a cloud id in use, not the owner, expired.
        """
        claims = self._open_token(token)
        existing = group.registrations.get(name.lower())
        if existing and existing.cloud_id.lower() != str(claims["cloudId"]).lower():
            raise ArmError(
                409,
                "CloudIdUpdateNotAllowed",
                f"The registration '{existing.name}' is already associated with another Cloud identifier. Changing"
                " cloud identifiers is not allowed.",
            )
        for _subscription, _group, other in self.registrations():
            if other is not existing and other.cloud_id.lower() == str(claims["cloudId"]).lower() and not other.expired:
                raise ArmError(
                    409,
                    "CloudIdAlreadyRegistered",
                    f"Cloud identifier [{claims['cloudId']}] is already registered. Reusing cloud identifiers is not "
                    "allowed.",
                )
        expires = self._expiry(subscription, str(claims["cloudId"]))
        if existing is None:
            existing = Registration(name, claims, caller, "", expires, dict(tags))
            existing.known_from = time.monotonic() + self.world.settings.write_lag
            group.registrations[name.lower()] = existing
            existing.etag = self._etag()
            return existing, True
        if claims.get("objectId") and existing.created_by != caller:
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client with object id '{caller}' does not have authorization to update the registration "
                f"'{existing.name}'. Only the identity that registered the Azure Stack can modify the registration.",
            )
        if existing.expired:
            raise ArmError(
                409,
                "RegistrationExpired",
                f"The registration '{existing.name}' has expired. Delete it, or use another name.",
            )
        existing.claims, existing.etag, existing.expires = claims, self._etag(), expires
        existing.tags = dict(tags)
        existing.writes += 1
        return existing, False

    def _open_token(self, token: str) -> dict[str, Any]:
        try:
            claims = self.world.registration_tokens.read(token)
        except tokens.MalformedToken:
            claims = {}
        if str(claims.get("version")) not in self.spec.token_versions:
            raise ArmError(400, "InvalidRegistrationToken", "The registration token is malformed.")
        return claims

    def _expiry(self, subscription: Subscription, cloud_id: str) -> float | None:
        stamp = next((entry for entry in self.world.stamps.values() if entry.cloud_id == cloud_id), None)
        lifetime = (
            (stamp.spec.registration_lifetime if stamp else 0.0)
            or subscription.spec.registration_lifetime
            or self.world.settings.registration_lifetime
        )
        return time.time() + lifetime if lifetime else None

    def _etag(self) -> str:
        return f'"{self.world.dice.guid()}"'

    def touch(self, registration: Registration) -> None:
        """Give a changed registration its new etag."""
        registration.etag = self._etag()

    def delete_registration(self, subscription: Subscription, group: Group, registration: Registration) -> None:
        """Remove a registration with its locks and role assignments."""
        self.access.drop_scope(subscription.registration_scope(group, registration))
        del group.registrations[registration.name.lower()]

    def activation_key(self, subscription: Subscription, group: Group, registration: Registration) -> str:
        """Export the key: members and order as recorded (azure.json), which ends with all of the token."""
        registration.exports += 1
        own = {"iat": time.time(), "jti": uuid.uuid4().hex} if self.world.settings.numbered_documents else {}
        return self.signing_key.sign(
            {
                "subscriptionId": subscription.id,
                "resourceGroupName": group.name,
                "registrationName": registration.name,
                "certPinningRootSubjects": ["CN=Rehearsal Root"],
                "certPinningIntermediateThumbprints": ["7A" * 20],
                "usageEndpoint": self.arm_url,
                "marketplaceEndpoint": self.arm_url,
                "usageResourceUri": "https://usage.microsoftazurestack.com",
                "marketplaceResourceUri": "https://marketplace.microsoftazurestack.com",
                "expires": tokens.expiry_claim(registration.expires),
                **registration.claims,
                **own,
            }
        )

    # -- seen from elsewhere -----------------------------------------------------------------------------------------

    def registration_dict(self, sub: Subscription, group: Group, registration: Registration) -> dict[str, Any]:
        """A registration for the control API: what ARM hides included."""
        scope = sub.registration_scope(group, registration)
        return {
            "id": scope,
            "cloud_id": registration.cloud_id,
            "billing_model": registration.claims["billingModel"],
            "usage_reporting": bool(registration.claims.get("usageReportingEnabled")),
            "syndication": bool(registration.claims.get("marketplaceSyndicationEnabled")),
            "object_id": registration.claims.get("objectId", ""),
            "token_version": registration.claims.get("version"),
            "expires": tokens.expiry_claim(registration.expires),
            "created_by": registration.created_by,
            "writes": registration.writes,
            "exports": registration.exports,
            "locks": [lock.level for lock in self.access.locks_at(scope)],
            "customer_subscriptions": dict(registration.customers),
        }

    def as_dict(self) -> dict[str, Any]:
        """The cloud for the control API."""
        return {
            "name": self.name,
            "arm_url": self.arm_url,
            "login_url": self.directory.base_url,
            "identity_url": self.identity_url,
            "audience": self.audience,
            "tenants": {name: tenant_id for tenant_id, name in self.directory.tenants.items()},
            "subscriptions": [
                {
                    "id": sub.id,
                    "name": sub.name,
                    "provider": sub.provider_state(),
                    "groups": {group.name: group.location for group in sub.groups.values()},
                }
                for sub in self.subscriptions.values()
            ],
            "principals": [
                {"name": p.name, "kind": p.kind, "client_id": p.client_id, "object_id": p.object_id}
                for p in self.directory.principals
            ],
            "registrations": [self.registration_dict(*entry) for entry in self.registrations()],
            **self.access.as_dict(),
        }
