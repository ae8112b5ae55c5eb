# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to Azure Resource Manager, of a cloud or of a stamp. FOR INTERNAL COLLECTION USE ONLY.

A thin layer over azure-core's pipeline: it turns error answers into typed errors, follows pages, and tries again where
that can help. Neither bodies nor headers are logged: they hold tokens and keys.
"""

from __future__ import annotations

import dataclasses
import datetime
import json as jsons
import math
import random
import re
import ssl
import threading
import time
import typing as t
import urllib.parse

from ansible_collections.azurestack.hub.plugins.module_utils import _deadline, _failures
from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    AzsError,
    InputError,
    MissingLibrary,
    Unreachable,
    printable,
)

try:
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.policies import HeadersPolicy, ProxyPolicy, RequestIdPolicy, UserAgentPolicy
    from azure.core.pipeline.transport import RequestsTransport
    from azure.core.rest import HttpRequest
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
except ImportError as error:
    IMPORT_ERROR: str | None = str(error)
else:
    IMPORT_ERROR = None

if t.TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse

    Observer = t.Callable[[int, t.Mapping[str, str]], None]
    """Takes status and headers of an answer."""

_TRANSIENT: t.Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request can succeed. Every request of the collection may be sent twice."""
OF_PROXIES: t.Final = frozenset({403, 404, 407, 502, 503, 504})
"""Statuses that proxies, firewalls and load balancers answer with; Azure Resource Manager gives each a code."""
_ATTEMPTS: t.Final = 4
CONNECTIONS: t.Final = 4
"""Connections that a transport keeps open; requests beyond them work, each over a connection of its own."""
_INCURABLE: t.Final = frozenset({"InvalidAuthenticationTokenTenant", "InvalidAuthenticationTokenAudience"})
"""Codes of a 401 that a new access token of the same sign-in cannot cure."""
_RENEWALS: t.Final = 2
"""Access tokens that one request may lose: more than one expiry can fall into its attempts."""
_PATIENCE: t.Final = 300.0
"""Seconds that one request may spend waiting between its attempts; a server that asks for more is believed, not met."""
_SILENCE: t.Final = 90.0
"""Seconds after which a service that gives no answer is not asked again; one attempt may cost arm_timeout."""
_PAGES: t.Final = 10_000
"""Pages of one list that are followed; a list of Azure's own size stays far below."""
_LONGEST: t.Final = 86_400
"""The longest timeout, in seconds: sockets take no number."""
PAGE: t.Final = "page_in_place_of_an_answer"
"""Kind of a failure: a page answered, most likely a proxy's."""
UNEXPECTED: t.Final = "unexpected_answer"
"""Kind of a failure: what answered did not answer as Azure Resource Manager does."""

# What an answer without an error has to hold.
_ANYTHING: t.Final = "anything"
"""An object, a list, or nothing: what a change, or an operation under way, is answered with."""
_OBJECT: t.Final = "an object"
_RESOURCE: t.Final = "a resource with its id"
_LIST: t.Final = "a list"
_LIST_OR_NOTHING: t.Final = "a list, or nothing"


def require_libraries() -> None:
    """Raise MissingLibrary when the libraries for Azure Resource Manager cannot be imported."""
    if IMPORT_ERROR is not None:
        raise MissingLibrary("azure-mgmt-core", "azure-mgmt-core>=1.4.0", IMPORT_ERROR)


@dataclasses.dataclass(frozen=True)
class Trust:
    """How the services' certificates are checked, and how long they may take.

    :param verify: whether certificates are checked.
    :param ca_bundle: file with the authorities to trust instead of the host's own.
    :param timeout: seconds for the answer to one request; connecting may take 15 more.
    """

    verify: bool = True
    ca_bundle: str | None = None
    timeout: int = 60

    def transport_options(self) -> dict[str, t.Any]:
        """Return the options that azure-core and azure-identity take alike.

        :raises InputError: the file of authorities cannot be read or holds no certificate.
        """
        if not 0 < self.timeout <= _LONGEST:
            raise InputError(
                f"The timeout for Azure Resource Manager is {self.timeout} seconds",
                remedy=f"Set arm_timeout (admin_timeout for a stamp) to 1 to {_LONGEST} seconds",
            )
        verify: bool | str = self.verify
        if self.verify and self.ca_bundle:
            try:
                ssl.create_default_context(cafile=self.ca_bundle)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise InputError(
                    "The file with the certificates of the authorities cannot be used",
                    where=self.ca_bundle,
                    cause=getattr(error, "strerror", None) or str(error),
                    remedy="Give a PEM file that the user running this task can read, "
                    "on the host that the task runs on",
                ) from None
            # A path given here wins over REQUESTS_CA_BUNDLE, for the sign-in too.
            verify = self.ca_bundle
        return {
            "connection_verify": verify,
            "connection_timeout": min(self.timeout, 15),
            "read_timeout": self.timeout,
        }

    def transport(self, connections: int = CONNECTIONS) -> RequestsTransport:
        """Return a transport that keeps its connections; raises as `transport_options` and `require_libraries`.

        :param connections: requests that will be under way at once.
        """
        require_libraries()
        transport = RequestsTransport(**self.transport_options())
        transport.open()
        transport.session.auth = as_it_is
        for adapter in transport.session.adapters.values():
            adapter.init_poolmanager(connections=CONNECTIONS, maxsize=connections)
        _deadline.bound(transport.session, min(self.timeout, 15) + self.timeout)
        return transport


def as_it_is(request: t.Any) -> t.Any:
    """Sign a request in with what it holds already. Without this, a netrc entry would take the access token's place."""
    return request


class ArmClient:
    """Requests to one Azure Resource Manager endpoint. Threads can share it.

    :param endpoint: its URL.
    :param transport: from Trust.transport(); several clients can share one.
    :param credential: signs in; None for what needs no sign-in.
    :param audience: audience of the access tokens, from the endpoint's metadata.
    :param name: what messages call the service.
    :param warn: takes a warning for the operator.
    """

    def __init__(
        self,
        endpoint: str,
        transport: RequestsTransport,
        *,
        credential: TokenCredential | None = None,
        audience: str = "",
        name: str = "Azure Resource Manager",
        warn: t.Callable[[str], None] = lambda message: None,
    ) -> None:
        require_libraries()
        self.endpoint = endpoint.rstrip("/")
        self.name = name
        self.warn = warn
        self.clock_ahead: datetime.timedelta | None = None
        """By how much this host's clock is ahead of the service's, as its last answer told; None before that."""
        self._transport = transport
        self._credential = credential
        self._audience = audience
        self._local = threading.local()

    @property
    def _client(self) -> ARMPipelineClient:
        """The calling thread's pipeline: azure-core's sign-in policy must not be shared, one thread resets it under another."""
        client = getattr(self._local, "client", None)
        if client is None:
            policies: list[t.Any] = [
                RequestIdPolicy(),
                HeadersPolicy({"Accept": "application/json"}),
                UserAgentPolicy(base_user_agent="azurestack.hub"),
                ProxyPolicy(),
            ]
            if self._credential is not None:
                policies.append(ARMChallengeAuthenticationPolicy(self._credential, f"{self._audience}/.default"))
            client = ARMPipelineClient(self.endpoint, policies=policies, transport=self._transport)
            self._local.client = client
        return client

    def get(self, path: str, api_version: str, *, doing: str) -> dict[str, t.Any]:
        """Return a resource, or a list in the form {"value": [...]}. Raises as `request`."""
        return self.request("GET", path, api_version, doing=doing)

    def find(self, path: str, api_version: str, *, doing: str) -> dict[str, t.Any] | None:
        """Return a resource, or None when it or its resource group does not exist. Raises as `request`."""
        try:
            return self.get(path, api_version, doing=doing)
        except ArmError as error:
            if absence.is_told(error):
                return None
            raise

    def list_all(
        self, path: str, api_version: str, *, doing: str, only: str | None = None, may_be_bare: bool = False
    ) -> t.Iterator[dict[str, t.Any]]:
        """Yield the entries of a list, page by page as they are needed.

        :param only: OData filter that the service applies.
        :param may_be_bare: whether an answer without a body is an empty list.

        A link that leads to a page that was read already ends the list with a warning: some services loop.

        :raises ArmError: also when an answer is no list, or a page leads to another host, which would get the access token.
        """
        url = self._url(path, api_version)
        if only:
            url += f"&$filter={urllib.parse.quote(only, safe='')}"
        seen: set[str] = set()
        while url and url not in seen:
            if len(seen) == _PAGES:
                raise ArmError(
                    f"Could not {doing}: the list does not end",
                    kind=UNEXPECTED,
                    where=path,
                    cause=f"each of {_PAGES} pages leads to another one",
                    remedy="Ask the operators of this cloud",
                )
            seen.add(url)
            page = self._send("GET", url, None, doing, _LIST_OR_NOTHING if may_be_bare else _LIST)
            yield from (entry for entry in page.get("value") or () if isinstance(entry, dict))
            link = page.get("nextLink")
            url = self._at_home(link, doing) if link else ""
        if url:
            self.warn(f"A list of {self.name} repeats its pages ({path}); what it showed up to there was used.")

    def request(
        self,
        method: str,
        path: str,
        api_version: str,
        *,
        doing: str,
        json: t.Any = None,
        observe: Observer | None = None,
        resource: bool = False,
    ) -> dict[str, t.Any]:
        """Send a request, again where that can help, and return the answer's body ({} when it has none and needs none).

        What a proxy, a portal or a load balancer answers is no success: redirections, pages, and a GET without an object.

        :param doing: completes the sentence "Could not ..." of an error.
        :param observe: takes status and headers of every answer. Who observes keeps to the service's rate limit himself:
            an answer 429 is raised at once.
        :param resource: whether the answer has to be a resource, as one of a GET always is.
        :raises ArmError: an error answer, or one that is none of Azure Resource Manager.
        :raises Unreachable: no answer at all.
        :raises SignInError: the credential was not accepted.
        """
        expected = _RESOURCE if resource else _OBJECT if method == "GET" else _ANYTHING
        return self._send(method, self._url(path, api_version), json, doing, expected, observe)

    def follow(self, url: str, *, doing: str, observe: Observer | None = None) -> dict[str, t.Any]:
        """Look at an address that an answer named, such as that of an operation under way. Raises as `request`."""
        return self._send("GET", self._at_home(url, doing), None, doing, _ANYTHING, observe)

    def _url(self, path: str, api_version: str) -> str:
        # requests and services resolve such parts: the request would be for something else than was meant.
        if any(part in ("", ".", "..") for part in path.split("/")[1:]):
            raise InputError(
                f"{path} is not the address of anything in Azure",
                cause="a part of it is empty, or leads elsewhere",
                remedy="Compare the names and ids that the task was given",
            )
        return f"{self.endpoint}{urllib.parse.quote(path, safe='/:@!$&()*+,;=~')}?api-version={api_version}"

    def _send(
        self, method: str, url: str, json: t.Any, doing: str, expected: str, observe: Observer | None = None
    ) -> dict[str, t.Any]:
        path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        attempt, waited, began = 1, 0.0, time.monotonic()
        refused: set[str] = set()
        while True:
            asked: float | None = None
            try:
                response = self._client.send_request(HttpRequest(method, url, json=json))
                self.clock_ahead = expiry.clock_ahead(response.headers.get("Date"), expiry.now())
                if observe is not None:
                    observe(response.status_code, response.headers)
                if response.status_code < 400:
                    return self._body(response, expected, path, doing)
                failure: AzsError = error_of(response, path, doing)
                if response.status_code == 401 and failure.code not in _INCURABLE and self._renew(response, refused):
                    continue
                asked = retry_after(response.headers)
                again = response.status_code in _TRANSIENT and not (observe and response.status_code == 429)
            except AzureError as error:
                failure = unreachable(error, self.name, self.endpoint, doing)
                again = failure.kind == Unreachable.default_kind and time.monotonic() - began < _SILENCE
            # The random part keeps many stamps' tasks from coming back at the same moment.
            pause = (asked if asked is not None else 0.5 * 2 ** (attempt - 1)) * random.uniform(1.0, 1.25)
            if not again or attempt == _ATTEMPTS or waited + pause > _PATIENCE:
                if asked is not None:
                    failure.details["retry_after"] = asked
                raise failure
            time.sleep(pause)
            attempt, waited = attempt + 1, waited + pause

    def _renew(self, response: HttpResponse, refused: set[str]) -> bool:
        """Let the access token go that an answer refused; tell whether another one is worth a try.

        Threads that were refused with the same token share the next one: the credential lets each go but once.

        :param refused: the tokens that this request lost already; the next one is added.
        """
        forget = getattr(self._credential, "forget", None)
        token = response.request.headers.get("Authorization", "").partition(" ")[2]
        if forget is None or not token or token in refused or len(refused) == _RENEWALS:
            return False
        refused.add(token)
        forget(token)
        self._local.client = None  # azure-core's sign-in policy keeps the token as well
        return True

    def _at_home(self, link: t.Any, doing: str) -> str:
        """Return the URL of a link that an answer holds. Raises ArmError when it is none, or one of another host."""
        try:
            url = urllib.parse.urljoin(self.endpoint + "/", link)
            own, other = urllib.parse.urlsplit(self.endpoint), urllib.parse.urlsplit(url)
            elsewhere = (other.scheme, other.hostname, other.port or 443) != (own.scheme, own.hostname, own.port or 443)
            cause = f"what follows is at another host, {other.hostname}, which must not get the access token"
        except (TypeError, ValueError, AttributeError):
            elsewhere, cause = True, f"what follows is at {str(link)[:200]!r}, which is no address"
        if elsewhere:
            raise ArmError(
                f"Could not {doing}",
                kind="foreign_next_link",
                where=self.endpoint,
                cause=cause,
                remedy="Ask the operators of this cloud",
            )
        return url

    def _body(self, response: HttpResponse, expected: str, path: str, doing: str) -> dict[str, t.Any]:
        """Return the body of an answer that is no error. Raises ArmError when it is not what Azure Resource Manager answers."""
        status = response.status_code
        if status >= 300:
            cause = f"it answers HTTP status {status}, which leads to {response.headers.get('Location') or 'nowhere'}"
            raise self._unexpected(cause, status, path, doing)
        if not response.content.strip():
            if expected in (_ANYTHING, _LIST_OR_NOTHING):
                return {}
            raise self._unexpected(f"its answer, HTTP status {status}, is empty, not {expected}", status, path, doing)
        try:
            body = jsons.loads(response.content)
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type") or "something"
            raise self._unexpected(
                f"its answer, HTTP status {status}, is {kind}, not JSON", status, path, doing
            ) from None
        # A few answers are bare lists; they are handed on as the list form.
        body = {"value": body} if isinstance(body, list) else body
        if isinstance(body, dict) and body.get("error"):
            failure = error_of(response, path, doing)
            # Not what a known code would mean in an error answer: nothing is absent because of it.
            failure.kind, failure.cause, failure.remedy = (
                UNEXPECTED,
                f"it was said in an answer of HTTP status {status}",
                _REMEDY,
            )
            raise failure
        if not isinstance(body, dict):
            fits = False
        elif expected in (_LIST, _LIST_OR_NOTHING):
            fits = isinstance(body.get("value"), list)
        else:
            fits = expected != _RESOURCE or isinstance(body.get("id"), str)
        if not fits:
            raise self._unexpected(f"its answer, HTTP status {status}, is not {expected}", status, path, doing)
        return body

    def _unexpected(self, cause: str, status: int, path: str, doing: str) -> ArmError:
        return ArmError(
            f"Could not {doing}: the answer is not one of {self.name}",
            kind=UNEXPECTED,
            status=status,
            where=path,
            cause=cause,
            remedy=_REMEDY,
        )


_OWN_WORDS: t.Final = "This is the service's own message; follow it, or give it to the service's support"
_REMEDY: t.Final = "Compare the address, and look for a proxy, a sign-in page or a load balancer that answers in its place; then run again"


def properties(resource: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the properties of a resource, {} when it has none.

    :raises ArmError: they are no object.
    """
    found = resource.get("properties") or {}
    if not isinstance(found, dict):
        raise ArmError(
            "A resource has properties that nobody can read",
            kind=UNEXPECTED,
            where=str(resource.get("id") or resource.get("name")),
            cause=f"they are {type(found).__name__}, not an object",
            remedy=_REMEDY,
        )
    return found


def text(value: t.Any) -> str | None:
    """Return a field of an answer that is text; None for an empty one and for anything else."""
    return value if isinstance(value, str) and value else None


def error_of(response: HttpResponse, path: str, doing: str) -> ArmError:
    """Return the typed error of an error answer.

    :param path: what the request was for.
    :param doing: completes the sentence "Could not ...".
    """
    body = _document(response)
    code, text = _code_and_message(body)
    known = _failures.classify(code, text)
    details: dict[str, t.Any] = {}
    missing = re.search(r"(?:client|user|account) '([^']+)'.*?action '([^']+)'.*?scope '([^']+)'", text, re.DOTALL)
    if missing and known and known.kind == "missing_rights":
        details = dict(zip(("account", "action", "scope"), missing.groups(), strict=True))
        text = f"the account '{details['account']}' lacks {details['action']} on {details['scope']}"
    status = response.status_code
    text = " ".join(text.split()).rstrip(".")[:600]
    if not code and status != 401 and (not text or status in OF_PROXIES):
        page = _failures.named(PAGE)
        via = response.headers.get("Via") or response.headers.get("Server")
        said = repr(text) if text else "a page" if response.content.strip() else "nothing"
        return ArmError(
            f"Could not {doing}: HTTP status {status}, and {said} in place of an answer",
            status=status,
            kind=page.kind,
            where=path,
            cause=page.cause + (f"; it calls itself {via[:100]!r}" if via else ""),
            remedy=page.remedy,
        )
    if known is None and status >= 500:
        known = _failures.named("service_failing")
    elif known is None and status == 401:
        known = _failures.named("access_token_refused")
    reason = text or f"HTTP status {status}"
    return ArmError(
        f"Could not {doing}: {reason}" + (f" [{code}]" if code else ""),
        status=status,
        in_form=absence.is_error_document(body),
        kind=known.kind if known else None,
        where=path,
        cause=known.cause if known else None,
        remedy=known.remedy if known else _OWN_WORDS,
        code=code,
        request_id=response.headers.get("x-ms-request-id") or response.headers.get("x-ms-correlation-request-id"),
        details=details,
    )


def unreachable(error: BaseException, name: str, endpoint: str, doing: str) -> AzsError:
    """Return the typed error for a request that got no answer: kind certificate_not_trusted, or unreachable."""
    chain: list[BaseException] = []
    inner: t.Any = error
    while isinstance(inner, BaseException) and inner not in chain:
        chain.append(inner)
        # azure-core, requests and urllib3 each keep the cause in a place of their own, not always as __cause__.
        nested = (
            getattr(inner, "inner_exception", None),
            getattr(inner, "reason", None),
            *inner.args[:2],
            inner.__cause__,
            inner.__context__,
        )
        inner = next((cause for cause in nested if isinstance(cause, BaseException)), None)
    refused = next((cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        known = _failures.named("certificate_not_trusted")
        return Unreachable(
            f"Could not {doing}: the certificate of {name} is not trusted",
            kind=known.kind,
            where=endpoint,
            cause=refused.verify_message or str(refused),
            remedy=known.remedy,
        )
    reasons = [cause.strerror or str(cause) for cause in chain if isinstance(cause, OSError) and cause.errno]
    return Unreachable(
        f"Could not {doing}: {name} does not answer",
        where=endpoint,
        cause=(reasons[-1] if reasons else " ".join(str(chain[-1]).split()))[:300],
        remedy=_failures.named("unreachable").remedy,
    )


def _document(response: HttpResponse) -> t.Any:
    """Return the JSON of an answer, None when it is none."""
    try:
        return jsons.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _code_and_message(body: t.Any) -> tuple[str | None, str]:
    """Return the service's error code and message; the shapes of Azure and of the stamps' own services."""
    if not isinstance(body, dict):
        return None, ""
    error = next((body[name] for name in ("error", "Error", "odata.error") if isinstance(body.get(name), dict)), body)
    message = error.get("message", error.get("Message", ""))
    if isinstance(message, dict):
        message = message.get("value", "")
    code = error.get("code", error.get("Code"))
    return (printable(str(code)) if code else None), printable(str(message or "")) or ""


def retry_after(headers: t.Mapping[str, str]) -> float | None:
    """Return the seconds that an answer's headers ask to wait: Retry-After in seconds, or its milliseconds variants."""
    for header, scale in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[header]) * scale
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
