# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign-in endpoints: Entra ID's (``/{tenant}/...``) and AD FS's (``/adfs/...``), good enough for MSAL."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs

from . import tokens
from .directory import DEVICE_CODE_LIFETIME, Directory, Principal
from .faults import Faults
from .journal import Journal
from .stamp import FIRST_PARTY_CLIENTS
from .web import Answer, Request, Service
from .world import World

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE_GRANTS = ("urn:ietf:params:oauth:grant-type:device_code", "device_code")
ADFS_CODES = {700016: 9223, 50126: 9659, 50034: 9659, 500011: 9602}
"""Number of Entra ID's error -> number of the message (MSIS...) with which AD FS says the same."""
OIDC_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})


class SignInError(Exception):
    """An OAuth error answer."""

    def __init__(self, error: str, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.code = code
        """Number of Entra ID's error (AADSTS...); AD FS has texts alone."""
        self.message = message
        self.status = status


class LoginEndpoints:
    """The sign-in paths of one directory. A cloud serves them alone, an AD FS stamp beside its admin ARM."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def describe(self, request: Request) -> None:
        """Add the grant and the client to the facts."""
        form = self._form(request)
        request.facts.update(
            {name: form[key] for name, key in (("grant", "grant_type"), ("client_id", "client_id")) if key in form}
        )

    def respond(self, request: Request) -> Answer:
        """Answer a request below the directory's base URL."""
        parts = [part for part in request.path.split("/") if part]
        path = "/".join(parts[1:]).lower()
        try:
            if parts[:2] == ["common", "userrealm"]:
                return Answer(
                    body={
                        "ver": "1.0",
                        "account_type": "Managed",
                        "domain_name": "rehearsal",
                        "cloud_instance_name": "",
                    }
                )
            tenant = self._tenant(parts[0] if parts else "")
            if path.endswith(".well-known/openid-configuration"):
                return Answer(body=self._discovery(tenant, path.startswith("v2.0")))
            if path.endswith(("discovery/keys", "discovery/v2.0/keys")):
                return Answer(body={"keys": [self.directory.world.sign_in_key.jwk()]})
            if request.method == "POST" and path in ("oauth2/v2.0/devicecode", "oauth2/devicecode"):
                return self._start_device_code(self._form(request), tenant)
            if request.method == "POST" and path in ("oauth2/v2.0/token", "oauth2/token"):
                return self._token(self._form(request), tenant)
        except SignInError as error:
            return self._error(error)
        return Answer(404, {"error": "not_found", "error_description": f"There is nothing at {request.path}"})

    # -- tenants and discovery ---------------------------------------------------------------------------------------

    def _tenant(self, name: str) -> str:
        """The id of the path's tenant; `organizations` and `common` mean the first."""
        if name.lower() in ("organizations", "common") and not self.directory.adfs:
            return self.directory.tenant_id()
        for tenant_id, tenant_name in self.directory.tenants.items():
            if name.lower() in (tenant_id, tenant_name.lower()):
                return tenant_id
        raise SignInError(
            "invalid_tenant" if not self.directory.adfs else "not_found",
            90002,
            f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the"
            " correct cloud. Check with your subscription administrator, this may happen if there are no active"
            " subscriptions for the tenant.",
        )

    def _discovery(self, tenant: str, version_2: bool) -> dict[str, Any]:
        base = f"{self.directory.base_url}/{tenant}"
        oauth = f"{base}/oauth2/v2.0" if version_2 else f"{base}/oauth2"
        keys = f"{base}/discovery/v2.0/keys" if version_2 else f"{base}/discovery/keys"
        return {
            "issuer": self.directory.issuer(tenant),
            "authorization_endpoint": f"{oauth}/authorize",
            "token_endpoint": f"{oauth}/token",
            "device_authorization_endpoint": f"{oauth}/devicecode",
            "jwks_uri": keys,
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        }

    # -- token endpoint ----------------------------------------------------------------------------------------------

    def _token(self, form: dict[str, str], tenant: str) -> Answer:
        grant = form.get("grant_type", "")
        client_id = form.get("client_id", "").lower()
        if grant == "client_credentials":
            return self._tokens(self._authenticate_client(form, tenant), client_id, tenant, form)
        self._require_client(client_id, tenant)
        if grant == "password":
            user = self.directory.find(kind="user", name=form.get("username", ""))
            if user is None or user.tenant_id != tenant:
                raise SignInError(
                    "invalid_grant",
                    50034,
                    f"The user account {form.get('username', '')} does not exist in the "
                    f"{self.directory.tenants[tenant]} directory. To sign into this application, the account must be "
                    "added to the directory.",
                )
            if user.secret != form.get("password"):
                raise SignInError(
                    "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
                )
            return self._tokens(user, client_id, tenant, form)
        if grant == "refresh_token":
            known = self.directory.redeem(form.get("refresh_token", ""))
            if known is None or known.tenant_id != tenant or known.client_id != client_id:
                raise SignInError("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
            return self._tokens(known.principal, client_id, tenant, form)
        if grant in DEVICE_GRANTS:
            return self._finish_device_code(form, client_id)
        raise SignInError("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")

    def _require_client(self, client_id: str, tenant: str) -> Principal | None:
        found = self.directory.find(client_id=client_id, kind="app") if client_id else None
        if (found is None or found.tenant_id != tenant) and client_id not in FIRST_PARTY_CLIENTS:
            raise SignInError(
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory "
                f"'{self.directory.tenants[tenant]}'. This can happen if the application has not been installed by the "
                "administrator of the tenant or consented to by any user in the tenant. You may have sent your "
                "authentication request to the wrong tenant.",
            )
        return found

    def _authenticate_client(self, form: dict[str, str], tenant: str) -> Principal:
        app = self._require_client(form.get("client_id", "").lower(), tenant)
        if app is None:
            raise SignInError(
                "invalid_client", 7000216, "A public client cannot use the client credentials grant.", 401
            )
        if form.get("client_assertion_type") == JWT_BEARER:
            self._verify_assertion(app, form.get("client_assertion", ""))
        elif form.get("client_secret") != app.secret:
            raise SignInError(
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
                f" value, not the client secret ID, for a secret added to app '{app.client_id}'.",
                401,
            )
        elif app.secret_expired:
            raise SignInError(
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{app.client_id}' are expired. Visit the Azure portal to"
                " create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate"
                " credentials for added security: https://aka.ms/certCreds.",
                401,
            )
        return app

    def _verify_assertion(self, app: Principal, assertion: str) -> None:
        """A client assertion is signed by the app's certificate, or is an OIDC token that the control API has made."""
        try:
            claims = tokens.split_jws(assertion)[1]
            if claims.get("iss") == tokens.OIDC_ISSUER:
                claims = self.directory.world.sign_in_key.verify(assertion)
            else:
                claims = tokens.verify_client_assertion(assertion, app.certificate)
        except (tokens.MalformedToken, ValueError) as error:
            raise SignInError(
                "invalid_client",
                700027,
                "Client assertion failed signature validation. [Reason - The key was not found.]",
                401,
            ) from error
        if str(claims.get("sub", "")).lower() != app.client_id.lower() or claims.get("exp", 0) < time.time():
            raise SignInError("invalid_client", 700024, "Client assertion is not within its valid time range.", 401)

    def _tokens(self, principal: Principal, client_id: str, tenant: str, form: dict[str, str]) -> Answer:
        audience = self._audience(form, tenant)
        access_token, lifetime = self.directory.access_token(principal, audience, client_id, tenant)
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access_token,
        }
        if principal.kind == "user":
            uid = {"uid": principal.object_id, "utid": tenant}
            body.update(
                scope=form.get("scope", ""),
                refresh_token=self.directory.refresh_token(principal, client_id, tenant),
                id_token=self.directory.id_token(principal, client_id, tenant),
                client_info=tokens.b64url(json.dumps(uid).encode()),
                foci="1",
            )
        return Answer(body=body)

    def _audience(self, form: dict[str, str], tenant: str) -> str:
        """The resource of a request: `resource`, or the scope without its permission. Raises SignInError."""
        wanted = form.get("resource", "")
        for scope in form.get("scope", "").split():
            if scope.lower() not in OIDC_SCOPES:
                wanted = scope.removesuffix("/.default").removesuffix("/user_impersonation")
        if wanted.rstrip("/") not in {audience.rstrip("/") for audience in self.directory.audiences}:
            raise SignInError(
                "invalid_resource",
                500011,
                f"The resource principal named {wanted} was not found in the tenant named "
                f"{self.directory.tenants[tenant]}. This can happen if the application has not been installed by the "
                "administrator of the tenant or consented to by any user in the tenant. You might have sent your "
                "authentication request to the wrong tenant.",
            )
        return wanted

    # -- device code -------------------------------------------------------------------------------------------------

    def _start_device_code(self, form: dict[str, str], tenant: str) -> Answer:
        client_id = form.get("client_id", "").lower()
        self._require_client(client_id, tenant)
        device_code, code = self.directory.start_device_code(client_id, tenant, form.get("scope", ""))
        address = f"{self.directory.base_url}/device"
        return Answer(
            body={
                "device_code": device_code,
                "user_code": code.user_code,
                "verification_uri": address,
                "expires_in": DEVICE_CODE_LIFETIME,
                "interval": 1,
                "message": (
                    f"To sign in, use a web browser to open the page {address} and enter the code {code.user_code} "
                    "to authenticate."
                ),
            }
        )

    def _finish_device_code(self, form: dict[str, str], client_id: str) -> Answer:
        code = self.directory.device_codes.get(form.get("device_code", form.get("code", "")))
        if code is None or code.client_id != client_id or code.expires < time.monotonic():
            raise SignInError(
                "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid."
            )
        if code.declined:
            raise SignInError("authorization_declined", 70016, "The user declined the sign-in.")
        if code.principal is None:
            raise SignInError(
                "authorization_pending",
                70016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )
        if code.principal.tenant_id != code.tenant_id:
            raise SignInError(
                "invalid_grant",
                50020,
                f"User account '{code.principal.name}' from identity provider does not exist in tenant "
                f"'{self.directory.tenants[code.tenant_id]}' and cannot access the application '{client_id}' in that "
                "tenant. The account needs to be added as an external user in the tenant first.",
            )
        return self._tokens(code.principal, client_id, code.tenant_id, {"scope": code.scope})

    # -- helpers -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _form(request: Request) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(request.content.decode("utf-8", "replace")).items()}

    def _error(self, error: SignInError) -> Answer:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        if self.directory.adfs:
            number = ADFS_CODES.get(error.code, 9622)
            return Answer(error.status, {"error": error.error, "error_description": f"MSIS{number}: {error.message}"})
        stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        return Answer(
            error.status,
            {
                "error": error.error,
                "error_description": (
                    f"AADSTS{error.code}: {error.message} Trace ID: {trace} Correlation ID: {correlation} "
                    f"Timestamp: {stamp}"
                ),
                "error_codes": [error.code],
                "timestamp": stamp,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self.directory.base_url}/error?code={error.code}",
            },
        )


class LoginService(Service):
    """Entra ID of a cloud."""

    name = "login"

    def __init__(self, cloud_name: str, directory: Directory, world: World, faults: Faults, journal: Journal) -> None:
        super().__init__(world, faults, journal)
        self.cloud_name = cloud_name
        self.endpoints = LoginEndpoints(directory)

    def describe(self, request: Request) -> None:
        """Add the cloud, the grant and the client."""
        request.facts["cloud"] = self.cloud_name
        self.endpoints.describe(request)

    async def respond(self, request: Request) -> Answer:
        """Any sign-in path."""
        return self.endpoints.respond(request)
