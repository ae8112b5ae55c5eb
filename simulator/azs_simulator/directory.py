# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of principals: Entra ID of a cloud, or AD FS of a stamp. No sockets; see login.py for those."""

from __future__ import annotations

import dataclasses
import secrets
import time
import typing
from typing import Any

from . import tokens
from .fleet import FleetError, PrincipalSpec

if typing.TYPE_CHECKING:
    from .world import World

DEVICE_CODE_LIFETIME = 900


@dataclasses.dataclass
class Principal:
    """Somebody or something that can sign in or hold a role."""

    object_id: str
    client_id: str
    tenant_id: str
    name: str
    kind: str  # app | user | bridge
    secret: str = ""
    secret_expired: bool = False
    certificate: bytes = b""
    owner: str = ""  # object id of who made it
    visible_from: float = 0.0  # monotonic time; before it, role assignments answer PrincipalNotFound

    @property
    def visible(self) -> bool:
        """Whether the principal has been replicated."""
        return time.monotonic() >= self.visible_from


@dataclasses.dataclass
class Grant:
    """What a refresh token stands for."""

    principal: Principal
    client_id: str
    tenant_id: str


@dataclasses.dataclass
class DeviceCode:
    """A device code sign-in under way."""

    user_code: str
    client_id: str
    tenant_id: str
    scope: str
    expires: float  # monotonic time
    principal: Principal | None = None  # who approved it
    declined: bool = False


class Directory:
    """Tenants, principals and the tokens that were given to them."""

    def __init__(self, world: World, tenants: dict[str, str], *, adfs: bool = False) -> None:
        """`tenants`: name -> id, made up when empty. AD FS has one tenant, of the fixed id `adfs`."""
        self.world = world
        self.adfs = adfs
        self.base_url = ""  # https://127.0.0.1:PORT, known when it listens
        self.tenants: dict[str, str] = (
            {"adfs": "adfs"}
            if adfs
            else {(tenant_id or world.dice.guid()).lower(): name for name, tenant_id in tenants.items()}
        )
        self.principals: list[Principal] = []
        self.audiences: set[str] = set()
        self.device_codes: dict[str, DeviceCode] = {}
        self._grants: dict[str, Grant] = {}

    # -- who there is ------------------------------------------------------------------------------------------------

    def tenant_id(self, tenant: str = "") -> str:
        """The id of a tenant given by name or id, or of the first. Raises FleetError."""
        if not tenant:
            return next(iter(self.tenants))
        for tenant_id, name in self.tenants.items():
            if tenant.lower() in (tenant_id, name.lower()):
                return tenant_id
        raise FleetError(f"there is no tenant '{tenant}' (known: {', '.join(self.tenants.values())})")

    def add(self, spec: PrincipalSpec) -> Principal:
        """A principal of the fleet file."""
        dice = self.world.dice
        principal = Principal(
            object_id=spec.object_id or dice.guid(),
            client_id=spec.client_id or dice.guid(),
            tenant_id=self.tenant_id(spec.tenant),
            name=spec.name,
            kind=spec.kind,
            secret=spec.secret or dice.password(),
            secret_expired=spec.secret_expired,
        )
        if spec.certificate:
            try:
                with open(spec.certificate, "rb") as file:
                    principal.certificate = file.read()
            except OSError as error:
                raise FleetError(f"principal {spec.name}: cannot read its certificate: {error}") from error
        self.principals.append(principal)
        return principal

    def add_bridge_principal(self, name: str, owner: Principal) -> Principal:
        """A stamp's bridge principal, made in the name of `owner`; seen by ARM after the replication lag."""
        principal = Principal(
            object_id=self.world.dice.guid(),
            client_id=self.world.dice.guid(),
            tenant_id=owner.tenant_id,
            name=name,
            kind="bridge",
            owner=owner.object_id,
            visible_from=time.monotonic() + self.world.settings.replication_lag,
        )
        self.principals.append(principal)
        return principal

    def find(self, **facts: str) -> Principal | None:
        """The first principal whose fields have these values, letter case aside."""
        for principal in self.principals:
            if all(str(getattr(principal, name)).lower() == value.lower() for name, value in facts.items()):
                return principal
        return None

    # -- tokens ------------------------------------------------------------------------------------------------------

    def issuer(self, tenant_id: str) -> str:
        """The issuer in this directory's tokens."""
        return f"{self.base_url}/adfs" if self.adfs else f"{self.base_url}/{tenant_id}/v2.0"

    def access_token(self, principal: Principal, audience: str, client_id: str, tenant_id: str) -> tuple[str, int]:
        """A bearer token for `audience`, and its lifetime in seconds."""
        lifetime = int(self.world.settings.token_lifetime)
        claims = self._claims(principal, audience, tenant_id, lifetime)
        claims.update(appid=client_id, idtyp="user" if principal.kind == "user" else "app")
        return self.world.sign_in_key.sign(claims, typ="JWT"), lifetime

    def id_token(self, principal: Principal, client_id: str, tenant_id: str) -> str:
        """The id token that goes with a user's sign-in."""
        claims = self._claims(principal, client_id, tenant_id, int(self.world.settings.token_lifetime))
        claims.update(preferred_username=principal.name, name=principal.name, ver="2.0")
        return self.world.sign_in_key.sign(claims, typ="JWT")

    def _claims(self, principal: Principal, audience: str, tenant_id: str, lifetime: int) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self.issuer(tenant_id),
            "iat": now,
            "nbf": now - 60,
            "exp": now + lifetime,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": tenant_id,
            "jti": secrets.token_hex(8),
        }
        if principal.kind == "user":
            claims["upn"] = principal.name
        return claims

    def read_access_token(self, text: str) -> tuple[dict[str, Any], Principal | None]:
        """Claims of a token of this directory, and whose it is. Raises tokens.MalformedToken."""
        claims = self.world.sign_in_key.verify(text)
        if claims.get("iss") != self.issuer(str(claims.get("tid"))):
            raise tokens.MalformedToken("issued by another directory")
        return claims, self.find(object_id=str(claims.get("oid")))

    def refresh_token(self, principal: Principal, client_id: str, tenant_id: str) -> str:
        """A refresh token; users alone have them."""
        text = f"0.A{self.world.dice.guid()}-{self.world.dice.guid()}"
        self._grants[text] = Grant(principal, client_id.lower(), tenant_id)
        return text

    @property
    def refresh_tokens(self) -> list[str]:
        """All refresh tokens that were given out."""
        return list(self._grants)

    def redeem(self, refresh_token: str) -> Grant | None:
        """What a refresh token of this directory stands for; None when it is not one. It stays valid."""
        return self._grants.get(refresh_token)

    # -- device codes ------------------------------------------------------------------------------------------------

    def start_device_code(self, client_id: str, tenant_id: str, scope: str) -> tuple[str, DeviceCode]:
        """Begin a device code sign-in: the device's code, and what the user has to type."""
        code = DeviceCode(
            secrets.token_hex(4).upper(), client_id, tenant_id, scope, time.monotonic() + DEVICE_CODE_LIFETIME
        )
        device_code = secrets.token_urlsafe(32)
        self.device_codes[device_code] = code
        return device_code, code

    def approve_device_code(self, user_code: str, principal: Principal | None) -> None:
        """What the user does in the browser; without a principal, decline. Raises KeyError when the code is unknown."""
        for code in self.device_codes.values():
            if code.user_code == user_code:
                code.principal, code.declined = principal, principal is None
                return
        raise KeyError(f"there is no device code {user_code}")
