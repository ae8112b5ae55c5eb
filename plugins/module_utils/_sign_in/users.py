# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing a user in with a device code. FOR INTERNAL COLLECTION USE ONLY.

azure-identity keeps refresh tokens to itself, and the bridge principal needs one: so this speaks to msal directly.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Trust, as_it_is, unreachable
from ansible_collections.azurestack.hub.plugins.module_utils._azure.clouds import Cloud
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError, MissingLibrary, SignInError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import credentials
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in.cli_cache import CLI_CLIENT

try:
    import msal
    import requests
    from msal.exceptions import MsalError
except ImportError as error:
    IMPORT_ERROR: str | None = str(error)
else:
    IMPORT_ERROR = None

CLIENTS: t.Final = {"cli": CLI_CLIENT, "powershell": "1950a258-227b-4e31-a9cf-717495945fc2"}
"""Public clients by the values of the option device_code_client: those whose refresh tokens a stamp can redeem."""
_PENDING: t.Final = ("authorization_pending", "slow_down")


@dataclasses.dataclass(frozen=True)
class SignedIn:
    """A user who signed in.

    :param expires_on: when the access token expires, in seconds since 1970.
    """

    access_token: str = dataclasses.field(repr=False)
    expires_on: float
    refresh_token: str = dataclasses.field(repr=False)
    username: str | None
    tenant: str


class PublicClient:
    """The public client of the Azure CLI or of Azure PowerShell, at the directory of a tenant.

    :param cloud: with the sign-in address that is meant.
    :param tenant: id or name of the directory.
    :param client: a key of CLIENTS.
    :param discovery: whether the public cloud is asked if the sign-in address is a known one.
    :raises MissingLibrary: azure-identity is not there.
    :raises InputError: no tenant.
    :raises SignInError: there is no such directory, or it is no sign-in service.
    :raises Unreachable: the sign-in service does not answer.
    """

    def __init__(self, cloud: Cloud, tenant: str | None, client: str, trust: Trust, *, discovery: bool) -> None:
        if IMPORT_ERROR is not None:
            raise MissingLibrary("azure-identity", "azure-identity>=1.19.0", IMPORT_ERROR)
        authority = cloud.authority
        if authority.lower().endswith(f"/{credentials.ADFS}"):
            authority, tenant = authority[: -len(credentials.ADFS) - 1], credentials.ADFS
        if not tenant:
            raise InputError(
                f"Nothing says which directory the user signs in to at {cloud.name}",
                remedy="Set tenant to the directory of the subscription",
            )
        credentials.check_tenant("tenant", tenant)
        self.cloud = cloud
        self.tenant = tenant
        self._http = _Http(trust)
        self._scopes = [f"{cloud.audience}/.default"]
        # An address that the public cloud does not know must not be asked about there.
        options: dict[str, t.Any] = {} if discovery else {"instance_discovery": False}
        with self._failures():
            self._application = msal.PublicClientApplication(
                CLIENTS[client], authority=f"{authority}/{tenant}", http_client=self._http, **options
            )

    def ask(self) -> DeviceCode:
        """Return a device code for a user to sign in with. Raises SignInError and Unreachable."""
        with self._failures():
            flow = self._application.initiate_device_flow(self._scopes)
        if "user_code" not in flow:
            raise self.refused(flow)
        return DeviceCode(self, self._application, flow)

    def renew(self, signed_in: SignedIn) -> SignedIn:
        """Return a user with a new access token. Raises SignInError and Unreachable."""
        with self._failures():
            answer = self._application.acquire_token_by_refresh_token(signed_in.refresh_token, self._scopes)
        if "access_token" not in answer:
            raise self.refused(answer)
        return dataclasses.replace(
            signed_in,
            access_token=answer["access_token"],
            expires_on=time.time() + int(answer["expires_in"]),
            refresh_token=answer.get("refresh_token") or signed_in.refresh_token,
        )

    def refused(self, answer: t.Mapping[str, t.Any]) -> SignInError:
        """Return what an answer without a token means."""
        error = str(answer.get("error") or "")
        text = str(answer.get("error_description") or error or "it gave no token")
        return credentials.refusal(self.cloud, self.tenant, "the user", text, error or None)

    def _failures(self) -> _Failures:
        return _Failures(self)


class DeviceCode:
    """A device code that waits for its user.

    :ivar url: page to open.
    :ivar code: what to enter there.
    """

    def __init__(self, client: PublicClient, application: t.Any, flow: dict[str, t.Any]) -> None:
        self._client = client
        self._application = application
        self._flow = flow
        self.url = str(flow.get("verification_uri") or flow.get("verification_url"))
        self.code = str(flow["user_code"])

    def wait(self, seconds: float) -> SignedIn:
        """Return the user when the sign-in is done.

        A sign-in service that does not answer for a while is asked again: the user may be signing in meanwhile.

        :param seconds: how long to wait; the code's own life ends the waiting, too.
        :raises SignInError: nobody signed in, or whoever was asked declined.
        """
        until = min(time.time() + seconds, float(self._flow.get("expires_at") or time.time() + seconds))
        pages = credentials.note_pages()
        while True:
            answer: dict[str, t.Any] = {"error": _PENDING[0]}
            try:
                answer = self._application.acquire_token_by_device_flow(self._flow, exit_condition=lambda flow: True)
            except (requests.RequestException, MsalError):
                pass
            except ValueError as error:
                if not pages:
                    raise self._client.refused({"error_description": str(error)}) from None
            if answer.get("error") not in _PENDING:
                return self._signed_in(answer)
            left = until - time.time()
            if left <= 0:
                if pages:
                    raise pages[-1].error(self._client.cloud)
                known = _failures.named("sign_in_not_finished")
                raise SignInError(
                    f"Nobody signed in with the code {self.code}",
                    kind=known.kind,
                    where=self.url,
                    cause=known.cause,
                    remedy=known.remedy,
                )
            time.sleep(min(float(self._flow.get("interval") or 5), left))

    def _signed_in(self, answer: dict[str, t.Any]) -> SignedIn:
        if "access_token" not in answer:
            raise self._client.refused(answer)
        claims = answer.get("id_token_claims") or {}
        return SignedIn(
            access_token=answer["access_token"],
            expires_on=time.time() + int(answer["expires_in"]),
            refresh_token=answer.get("refresh_token") or "",
            username=claims.get("preferred_username") or claims.get("upn"),
            tenant=str(claims.get("tid") or self._client.tenant),
        )


class _Failures:
    """Context manager that turns what msal raises into typed errors."""

    def __init__(self, client: PublicClient) -> None:
        self._client = client
        self._pages: list[credentials.Page] = []

    def __enter__(self) -> None:
        self._pages = credentials.note_pages()

    def __exit__(self, kind: t.Any, error: BaseException | None, trace: t.Any) -> None:
        cloud = self._client.cloud
        if self._pages and isinstance(error, (requests.RequestException, MsalError, ValueError)):
            raise self._pages[-1].error(cloud) from None
        if isinstance(error, (requests.RequestException, MsalError)):
            raise unreachable(error, "the sign-in service", cloud.authority, f"sign in to {cloud.name}") from None
        if isinstance(error, ValueError):  # what it answers is no answer of a sign-in service
            raise self._client.refused({"error_description": str(error)}) from None


class _Http:
    """What msal sends its requests with.

    The file of authorities is given with each request: that way it wins over REQUESTS_CA_BUNDLE.
    """

    def __init__(self, trust: Trust) -> None:
        options = trust.transport_options()
        self._session = requests.Session()
        self._session.auth = as_it_is
        self._session.hooks["response"].append(credentials.note_page)
        self._options = {
            "verify": options["connection_verify"],
            "timeout": (options["connection_timeout"], options["read_timeout"]),
        }

    def get(self, url: str, **options: t.Any) -> t.Any:
        """Send a GET request."""
        return self._session.get(url, **{**options, **self._options})

    def post(self, url: str, **options: t.Any) -> t.Any:
        """Send a POST request."""
        return self._session.post(url, **{**options, **self._options})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
