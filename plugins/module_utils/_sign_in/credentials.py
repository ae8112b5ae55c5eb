# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in to a cloud or to a stamp's admin services. FOR INTERNAL COLLECTION USE ONLY.

Chooses one azure-identity credential from the options (never several, never one after another in silence) and turns its
failures into errors that say what to change.
"""

from __future__ import annotations

import configparser
import dataclasses
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import threading
import time
import typing as t
import urllib.parse

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import OF_PROXIES, PAGE, Trust, unreachable
from ansible_collections.azurestack.hub.plugins.module_utils._azure.clouds import Cloud
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError, MissingLibrary, SignInError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in.cli_cache import CLI_CLIENT

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Memo
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.pipeline.transport import RequestsTransport

ADFS: t.Final = "adfs"
"""The tenant that means: an AD FS, not a directory of Entra ID."""
DEVICE_CODE: t.Final = "device_code"
"""The source that the controller signs in with; it hands an access token over."""
CREDENTIAL_FILE: t.Final = "~/.azure/credentials"
PROFILE_OPTIONS: t.Final = ("subscription_id", "cloud_environment", "adfs_authority_url", "cert_validation_mode")
"""What a profile can say besides the account itself."""

for _library in ("azure", "msal"):
    # Without a handler Python prints the libraries' warnings to standard error, beside our own error.
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclasses.dataclass(frozen=True)
class Identity:
    """Who signs in, and how that is proved.

    :param prefix: "admin_" when the options of the stamp's admin family are meant, for messages.
    :param source: the option auth_source.
    """

    tenant: str | None = None
    client_id: str | None = None
    secret: str | None = dataclasses.field(default=None, repr=False)
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    certificate_path: str | None = None
    certificate_password: str | None = dataclasses.field(default=None, repr=False)
    oidc_token: str | None = dataclasses.field(default=None, repr=False)
    oidc_token_file: str | None = None
    access_token: str | None = dataclasses.field(default=None, repr=False)
    source: str = "auto"
    prefix: str = ""

    @property
    def proven(self) -> bool:
        """Whether something proves the identity without asking another program."""
        return any((self.secret, self.password, self.certificate_path, self.oidc_token, self.oidc_token_file))

    def credential(
        self,
        cloud: Cloud,
        trust: Trust,
        *,
        discovery: bool,
        hide: t.Callable[[str], None],
        shared: Memo | None = None,
        known: tuple[str, int] | None = None,
    ) -> SignIn:
        """Return the credential for a cloud; nothing is contacted before the first access token is wanted.

        :param discovery: whether the public cloud is asked if the sign-in address is a known one.
        :param hide: takes every access token, to keep it out of what is printed.
        :param shared: lets one identity sign in for several audiences with one credential.
        :param known: an access token that an earlier task got, and when it expires: nobody signs in while it is good.
        :raises InputError: the options do not make one way to sign in.
        """
        authority, tenant = cloud.authority, self.tenant
        if tenant:
            check_tenant(f"{self.prefix}tenant", tenant)
        if authority.lower().endswith(f"/{ADFS}"):
            authority, tenant = authority[: -len(ADFS) - 1], ADFS

        def make() -> TokenCredential:
            return self._azure_identity(cloud, authority, tenant, trust, discovery)

        if shared is None or known is not None:
            return SignIn(make, self, cloud, hide, known=known)
        key = ("credential", self, authority, tenant, trust, discovery)
        return SignIn(make, self, cloud, hide, first=shared.of(key, lambda: _OneAfterTheOther(make())))

    def key(self, cloud: Cloud) -> str:
        """Return what tells this identity at this cloud from any other one; nothing can be read out of it."""
        told = {**dataclasses.asdict(self), "access_token": None}
        return hashlib.sha256(json.dumps([told, cloud.authority, cloud.audience]).encode()).hexdigest()

    def _azure_identity(
        self, cloud: Cloud, authority: str, tenant: str | None, trust: Trust, discovery: bool
    ) -> TokenCredential:
        try:
            from azure import identity  # imported here: it costs a third of a module's start-up
        except ImportError as error:
            raise MissingLibrary("azure-identity", "azure-identity>=1.19.0", str(error)) from None
        if self.source == "cli":
            return identity.AzureCliCredential(tenant_id=self.tenant or "", process_timeout=60)
        if self.source == "msi":
            return identity.ManagedIdentityCredential(client_id=self.client_id)
        if self.source == DEVICE_CODE:
            return _HandedOver(self.access_token)
        common: dict[str, t.Any] = {
            "authority": authority,
            "disable_instance_discovery": not discovery,
            "retry_total": 3,
            "retry_backoff_factor": 0.4,
            "transport": _noting_pages(trust.transport()),
        }
        if self.password:
            return identity.UsernamePasswordCredential(
                self.client_id or CLI_CLIENT,
                self._given("username", "ad_user"),
                self.password,
                tenant_id=tenant or "organizations",
                **common,
            )
        if not tenant:
            raise InputError(
                f"Nothing says which directory to sign in to at {cloud.name}",
                remedy=f"Set {self.prefix}tenant"
                + (" to the directory of the subscription" if not self.prefix else ""),
            )
        client_id = self._given("client_id", "client_id")
        if self.secret:
            return identity.ClientSecretCredential(tenant, client_id, self.secret, **common)
        if self.certificate_path:
            return self._certificate(identity, tenant, client_id, common)
        token_file = self.oidc_token_file
        if self.oidc_token or token_file:
            return identity.ClientAssertionCredential(
                tenant, client_id, lambda: self.oidc_token or _read(str(token_file)), **common
            )
        raise self._nothing_proves(cloud)

    def _certificate(self, identity: t.Any, tenant: str, client_id: str, common: dict[str, t.Any]) -> TokenCredential:
        try:
            return identity.CertificateCredential(
                tenant, client_id, self.certificate_path, password=self.certificate_password, **common
            )
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                "The certificate to sign in with cannot be used",
                where=self.certificate_path,
                cause=str(error),
                remedy="Give a PEM or PKCS12 file with certificate and RSA private key, and its password if it has one",
            ) from None

    def _given(self, field: str, option: str) -> str:
        value = getattr(self, field)
        if not value:
            option = self.prefix + (field if self.prefix else option)
            raise InputError(f"Signing in needs {option}", remedy=f"Set {option}")
        return value

    def _nothing_proves(self, cloud: Cloud) -> InputError:
        if self.prefix:
            ways = "admin_secret, admin_certificate_path, or admin_username and admin_password"
        else:
            ways = "secret, x509_certificate_path, oidc_token, or ad_user and password (or the AZURE_* variables)"
        return InputError(f"Nothing proves the identity that signs in to {cloud.name}", remedy=f"Set {ways}")


def check_tenant(option: str, tenant: str) -> None:
    """Refuse what is neither id nor name of a directory. Raises InputError."""
    if not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
        raise InputError(
            f"{option} {tenant!r} is no directory",
            remedy="Set it to the directory's id (a GUID) or its name, such as contoso.onmicrosoft.com; it is no URL",
        )


def _renew_at(token: AccessToken) -> float:
    """Return when an access token is replaced by a new one, in seconds since 1970."""
    now = time.time()
    return now + max((token.expires_on - now) * 2 / 3, token.expires_on - now - 300)


class _HandedOver:
    """The access token that the controller got for a user.

    :raises SignInError: there is none.
    """

    def __init__(self, token: str | None) -> None:
        if not token:
            raise SignInError(
                "A device code can be shown by the controller only",
                kind="no_action_plugin",
                cause="nothing here can wait for a user: a module without its action plugin, or an inventory plugin",
                remedy="Call modules by their full name, azurestack.hub.<module>, and set another auth_source for inventories",
            )
        self._token = token

    def get_token(self, *dummy_scopes: str, **dummy_options: t.Any) -> AccessToken:
        """Return it; the controller saw to it that it is valid for longer than a task takes."""
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, int(time.time()) + 3600)


class _OneAfterTheOther:
    """A credential that several audiences share: what the first one learns of the sign-in service serves the others."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._known = False

    def get_token(self, *scopes: str, **options: t.Any) -> AccessToken:
        """Return an access token, with one request of the first one to come at a time until one has succeeded."""
        if self._known:
            return self._credential.get_token(*scopes, **options)
        with self._lock:
            token = self._credential.get_token(*scopes, **options)
            self._known = True
            return token


class SignIn:
    """An azure-identity credential whose failures are typed errors. Threads share it: one of them signs in for all.

    :param make: returns the azure-identity credential; called again when its access token proves to be of no use.
    :param first: the credential to begin with, which others use too.
    :param known: an access token that an earlier task got, and when it expires. While it is good there is no need of a credential.
    """

    def __init__(
        self,
        make: t.Callable[[], TokenCredential],
        identity: Identity,
        cloud: Cloud,
        hide: t.Callable[[str], None],
        first: TokenCredential | None = None,
        known: tuple[str, int] | None = None,
    ) -> None:
        self._make = make
        self._credential = first or (None if known else make())
        self._identity = identity
        self._cloud = cloud
        self._hide = hide
        self._lock = threading.RLock()
        self._token: AccessToken | None = None
        self._asked_for: t.Any = None
        self._claims: str | None = None
        self._renew_at = 0.0
        self._refusal: SignInError | None = None
        self._known: AccessToken | None = None
        if known:
            from azure.core.credentials import AccessToken

            self._known = self._token = AccessToken(*known)
            self._renew_at = _renew_at(self._token)

    def got(self) -> tuple[str, int] | None:
        """Return the access token that was got here and when it expires; None when there is none."""
        with self._lock:
            new = self._token is not None and self._token is not self._known
            return (self._token.token, int(self._token.expires_on)) if new and self._token else None

    def get_token(self, *scopes: str, claims: str | None = None, **options: t.Any) -> AccessToken:
        """Return an access token that is valid for some time (the interface that azure-core's policies call).

        azure-core asks before every request when a token has less than five minutes left, so short-lived ones are kept
        here until a third of their life is left.

        :param claims: what a service's challenge asks for. It counts for every further token, and threads that meet the same challenge
            share one.
        :raises SignInError: the credential was not accepted, or there is none.
        :raises Unreachable: the sign-in service does not answer.
        """
        with self._lock:
            asked_for = (scopes, options)
            if claims and claims != self._claims:
                self._token, self._claims, self._refusal = None, claims, None
            if self._refusal is not None:
                raise self._refusal  # asked again and again, a directory locks the account
            if self._claims:
                options["claims"] = self._claims
            other = self._asked_for != asked_for and self._token is not self._known
            if self._token is None or other or time.time() >= self._renew_at:
                try:
                    token = self._sign_in(*scopes, **options)
                except SignInError as error:
                    self._refusal = error
                    raise
                self._renew_at = _renew_at(token)
                self._token, self._asked_for = token, asked_for
            return self._token

    def forget(self, token: str) -> None:
        """Let go of an access token that the service refused, and of the credential that would give it out again.

        :param token: the refused one; when another one is in use by now, nothing happens.
        """
        with self._lock:
            if self._token is not None and self._token.token == token:
                self._token, self._credential, self._refusal = None, self._make(), None

    def _sign_in(self, *scopes: str, **options: t.Any) -> AccessToken:
        from azure.core.exceptions import AzureError
        from azure.identity import CredentialUnavailableError

        pages = note_pages()
        self._credential = self._credential or self._make()
        try:
            token = self._credential.get_token(*scopes, **options)
        except CredentialUnavailableError as error:
            raise self._unavailable(str(error)) from None
        except (AzureError, ValueError) as error:
            raise self._failed(error, pages) from None
        self._hide(token.token)
        return token

    def _failed(self, error: Exception, pages: list[Page]) -> Exception:
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        if pages:
            return pages[-1].error(self._cloud)
        if isinstance(error, ClientAuthenticationError):
            # azure-identity wraps what it meets on the way, a closed port included.
            if isinstance(error.__cause__, AzureError) and not isinstance(error.__cause__, ClientAuthenticationError):
                return self._silent(error.__cause__)
            return self._refused(str(error.message))
        # A ValueError is a sign-in address whose discovery document is not one.
        return self._silent(error) if isinstance(error, AzureError) else self._refused(str(error))

    def _silent(self, error: Exception) -> Exception:
        return unreachable(error, "the sign-in service", self._cloud.authority, f"sign in to {self._cloud.name}")

    def _unavailable(self, text: str) -> SignInError:
        host = os.uname().nodename
        if self._identity.source == "cli":
            absent = "not found" in text
            return SignInError(
                f"There is no Azure CLI on {host}" if absent else f"The Azure CLI on {host} is not signed in",
                kind="cli_absent" if absent else "cli_not_signed_in",
                cause=_one_line(text),
                remedy=("Install it there" if absent else "Run 'az login' there as the user that runs this task")
                + " (and 'az cloud set' for another cloud), or set another auth_source",
            )
        known = _failures.classify(None, text)
        if known is not None:
            return self._refused(text)
        return SignInError(
            f"{host} has no managed identity",
            kind="no_managed_identity",
            cause=_one_line(text),
            remedy="Assign one to the machine (client_id names a user-assigned one), or set another auth_source",
        )

    def _refused(self, text: str) -> SignInError:
        identity = self._identity
        if identity.source == "cli":
            who = "the Azure CLI's account"
        elif identity.source == "msi":
            who = f"the managed identity {identity.client_id}" if identity.client_id else "the managed identity"
        else:
            who = identity.username or identity.client_id or "the account"
        return refusal(self._cloud, identity.tenant, who, text)


@dataclasses.dataclass(frozen=True)
class Page:
    """An answer that no sign-in service gives, most likely a proxy's.

    :param via: what answered calls itself.
    """

    status: int
    where: str
    via: str | None

    def error(self, cloud: Cloud) -> SignInError:
        """Return the error that it stands for."""
        known = _failures.named(PAGE)
        return SignInError(
            f"Could not sign in to {cloud.name}: HTTP status {self.status}, and a page in place of an answer",
            kind=known.kind,
            where=self.where,
            cause=known.cause + (f"; it calls itself {self.via[:100]!r}" if self.via else ""),
            remedy=known.remedy,
        )


_OF_PROXIES: t.Final = OF_PROXIES - {404}
"""Without what a sign-in service says itself of a directory that it does not have."""
_noted = threading.local()
"""`pages` of the sign-in that the thread is at."""


def note_pages() -> list[Page]:
    """Return a list that this thread's pages are added to from now on; an answer of the sign-in service empties it."""
    pages: list[Page] = []
    _noted.pages = pages
    return pages


def note_page(response: t.Any, *dummy_args: t.Any, **dummy_options: t.Any) -> None:
    """Take note of an answer when it is a page. A hook of requests."""
    pages = getattr(_noted, "pages", None)
    if pages is None:
        return
    pages.clear()
    path = urllib.parse.urlsplit(response.url).path
    html = re.match(rb"\s*<(?:!doctype\s+html|html|head|body)\b", response.content, re.IGNORECASE)
    # Where a directory or an AD FS is looked for at a wrong address, other services answer 400 to 405 as well.
    elsewhere = response.status_code in (400, 401, 404, 405) and not path.lower().endswith("/token")
    if response.status_code in _OF_PROXIES or (html and not elsewhere):
        try:
            json.loads(response.content)
        except ValueError:
            headers = response.headers
            pages.append(
                Page(response.status_code, response.url.partition("?")[0], headers.get("Via") or headers.get("Server"))
            )


def _noting_pages(transport: RequestsTransport) -> RequestsTransport:
    transport.session.hooks["response"].append(note_page)
    return transport


def refusal(cloud: Cloud, tenant: str | None, who: str, text: str, code: str | None = None) -> SignInError:
    """Return what it means that a sign-in service refused.

    :param who: who wanted to sign in.
    :param text: what the service said.
    :param code: its OAuth error, for answers without a number of Entra ID's or AD FS's own.
    """
    number = next(iter(re.findall(r"\b(AADSTS\d+|MSIS\d+)\b", text)), None)
    known = _failures.classify(number, text) or _failures.classify(code, text)
    trace = re.search(r"Trace ID: ([0-9a-fA-F-]+)", text)
    reason = _one_line(re.split(r"Trace ID:", re.sub(r"^Authentication failed: ", "", text))[0])
    return SignInError(
        f"{cloud.name} did not accept the sign-in of {who}: {reason}",
        kind=known.kind if known else None,
        where=f"{cloud.authority}, tenant {tenant or 'not given'}",
        cause=known.cause if known else None,
        remedy=known.remedy if known else "Compare tenant, client id and credential with the directory",
        code=number or code,
        request_id=trace.group(1) if trace else None,
    )


def of_azure(params: t.Mapping[str, t.Any]) -> tuple[Identity, dict[str, str]]:
    """Return the identity of the Azure option family, and the further options that its profile supplies.

    auto takes the options (and the environment, which stands in for them), then the profile, then the Azure CLI.

    :param params: the module's options.
    :raises InputError: no identity, or half of one.
    """
    source = params["auth_source"]
    given = _from_options(params)
    if given.proven and source in ("auto", "env"):
        return given, {}
    if source in ("cli", "msi", DEVICE_CODE):
        return given, {}
    if source == "auto" and (given.client_id or given.username):
        raise InputError(
            f"{'client_id' if given.client_id else 'ad_user'} is given, but nothing that proves it",
            remedy="Set secret, x509_certificate_path, oidc_token or password; "
            "for a managed identity set auth_source to msi",
        )
    if source in ("auto", "credential_file"):
        profile = _profile(params["profile"], required=source == "credential_file" or params["profile"] != "default")
        if profile:
            merged = {**params, **{name: value for name, value in profile.items() if not params.get(name)}}
            return _from_options(merged), profile
    if source == "auto" and shutil.which("az"):
        return dataclasses.replace(given, source="cli"), {}
    raise InputError(
        "No credential for Azure is given",
        remedy="Set tenant, client_id and secret (or AZURE_TENANT, AZURE_CLIENT_ID and AZURE_SECRET), "
        f"or auth_source to msi, cli, device_code or credential_file ({CREDENTIAL_FILE})",
    )


def with_profile(
    params: t.Mapping[str, t.Any], given: t.Container[str], profile: t.Mapping[str, str]
) -> dict[str, t.Any]:
    """Return the options with what the profile says where the task says nothing, as azure.azcollection reads it.

    :param given: names of the options that were given.
    :param profile: section of the credential file that the account was taken from; empty when it was not.
    :raises InputError: the profile says something that is none of an option's choices.
    """
    found = {
        name: profile[name].strip() for name in PROFILE_OPTIONS if profile.get(name, "").strip() and name not in given
    }
    mode = found.get("cert_validation_mode")
    if mode is not None and mode not in ("validate", "ignore"):
        raise InputError(
            f"The profile's cert_validation_mode is {mode!r}",
            where=str(pathlib.Path(CREDENTIAL_FILE).expanduser()),
            remedy="Set it to validate or ignore",
        )
    return {**params, **found}


def _from_options(params: t.Mapping[str, t.Any]) -> Identity:
    return Identity(
        tenant=params.get("tenant"),
        client_id=params.get("client_id"),
        secret=params.get("secret"),
        username=params.get("ad_user"),
        password=params.get("password"),
        certificate_path=params.get("x509_certificate_path"),
        certificate_password=params.get("x509_certificate_password"),
        oidc_token=params.get("oidc_token"),
        oidc_token_file=params.get("oidc_token_file_path"),
        source=params.get("auth_source") or "auto",
    )


def of_stamp(params: t.Mapping[str, t.Any]) -> Identity:
    """Return the identity of the admin option family."""
    return Identity(
        tenant=params.get("admin_tenant"),
        client_id=params.get("admin_client_id"),
        secret=params.get("admin_secret"),
        username=params.get("admin_username"),
        password=params.get("admin_password"),
        certificate_path=params.get("admin_certificate_path"),
        certificate_password=params.get("admin_certificate_password"),
        prefix="admin_",
    )


def _profile(name: str, *, required: bool) -> dict[str, str]:
    """Return a section of the credential file that Azure's other tools use.

    :raises InputError: the file is damaged, or has no such section although it is required.
    """
    path = pathlib.Path(CREDENTIAL_FILE).expanduser()
    parser = configparser.ConfigParser(interpolation=None)  # secrets hold percent signs
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InputError(
            "The credential file cannot be read",
            where=str(path),
            cause=type(error).__name__,
            remedy="Write it as INI: [default] with subscription_id, tenant, client_id and secret",
        ) from None
    if parser.has_section(name):
        return dict(parser.items(name))
    if required:
        raise InputError(
            f"The credential file has no profile {name!r}",
            where=str(path),
            remedy=f"Add the section [{name}] with tenant, client_id and secret, or set profile",
        )
    return {}


def _read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            "The file with the workload's token cannot be read",
            where=path,
            remedy="Compare oidc_token_file_path on the host that this task runs on",
        ) from None


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:400]
