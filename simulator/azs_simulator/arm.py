# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager of one cloud: who asks, what for, may it, and which handler answers.

The handlers stand in arm_resources, arm_registrations, arm_customers, arm_authorization and arm_move; each states its
method, path, api-versions and the action that the caller needs.
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import tokens
from .cloud import ArmError, Cloud, Group, Registration, Subscription
from .directory import Directory, Principal
from .faults import Faults
from .journal import Journal
from .metadata import Endpoints, metadata
from .web import Answer, Request, Service
from .world import World

SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
GROUP = SUBSCRIPTION + r"/resourcegroups/(?P<group>[^/]+)"
REGISTRATION = GROUP + r"/providers/microsoft\.azurestack/registrations/(?P<registration>[^/]+)"
ANY_SCOPE = (
    r"(?P<scope>/subscriptions/[^/]+(?:/resourcegroups/[^/]+"
    r"(?:/providers/microsoft\.azurestack/registrations/[^/]+)?)?)"
)

REGISTRATION_VERSIONS = ("2016-01-01", "2017-06-01", "2020-06-01-preview", "2022-06-01")
WRITES = ("PUT", "PATCH", "POST", "DELETE")


@dataclasses.dataclass
class Route:
    """One operation of ARM."""

    method: str
    pattern: re.Pattern[str]
    action: str
    versions: tuple[str, ...]
    handler: Callable[[Call], Answer]


ROUTES: list[Route] = []


def route(
    method: str, pattern: str, action: str, versions: tuple[str, ...] = ()
) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Register a handler. `action` is what the caller's roles have to allow; empty: whoever sees the subscription."""

    def register(handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        ROUTES.append(Route(method, re.compile(pattern + "/?", re.IGNORECASE), action, versions, handler))
        return handler

    return register


@dataclasses.dataclass
class Call:
    """A request whose caller is known and may do what it asks."""

    request: Request
    cloud: Cloud
    world: World
    caller: Principal
    ids: dict[str, str]
    """Parts of the path, in the case they were written in."""

    @property
    def subscription(self) -> Subscription:
        """The subscription of the path."""
        return self.cloud.subscriptions[self.ids["subscription"].lower()]

    @property
    def group(self) -> Group:
        """The resource group of the path. Raises ArmError (ResourceGroupNotFound)."""
        return self.subscription.group(self.ids["group"])

    @property
    def registration(self) -> Registration:
        """The registration of the path. Raises ArmError (ResourceNotFound)."""
        found = self.group.registrations.get(self.ids["registration"].lower())
        if found is None or found.known_from > time.monotonic():
            raise ArmError(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.AzureStack/registrations/{self.ids['registration']}' under resource group "
                f"'{self.ids['group']}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix",
            )
        return found

    @property
    def registration_scope(self) -> str:
        """The ARM id of the path's registration, in the case it was made with."""
        return self.subscription.registration_scope(self.group, self.registration)

    def resolve(self, scope: str) -> str:
        """The proper ARM id of a scope given in any case. Raises ArmError when there is nothing."""
        for pattern in (REGISTRATION, GROUP, SUBSCRIPTION):
            match = re.fullmatch(pattern, scope.rstrip("/"), re.IGNORECASE)
            if match:
                target = dataclasses.replace(self, ids=match.groupdict())
                if target.ids["subscription"].lower() not in self.cloud.subscriptions:
                    raise subscription_not_found(target.ids["subscription"])
                if pattern is REGISTRATION:
                    return target.registration_scope
                return target.subscription.group_scope(target.group) if pattern is GROUP else target.subscription.scope
        raise ArmError(404, "InvalidResourceType", f"The scope '{scope}' is not supported.")

    def require_unlocked(self, scope: str, operation: str) -> None:
        """Raise ArmError (ScopeLocked) when a lock at or above `scope` forbids the operation (write or delete)."""
        self.require_none(
            scope,
            operation,
            [
                lock.scope
                for lock in self.cloud.access.locks_at(scope)
                if lock.level == "ReadOnly" or operation == "delete"
            ],
        )

    @staticmethod
    def require_none(scope: str, operation: str, locked: list[str]) -> None:
        """Raise ArmError (ScopeLocked) naming the locked scopes, if there are any."""
        if locked:
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are locked: "
                f"'{','.join(locked)}'. Please remove the lock and try again.",
            )

    def page(self, entries: Sequence[Any], render: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """One page of a list, rendered entry by entry, with the absolute link to the next page."""
        token = self.request.query.get("$skiptoken", "0")
        start = int(token) if token.isdigit() else 0
        end = start + max(1, self.world.settings.page_size)
        body: dict[str, Any] = {"value": [render(entry) for entry in entries[start:end]]}
        if end < len(entries) or (start and self.world.settings.looping_pages):
            following = end if end < len(entries) else 0
            version = self.request.query["api-version"]
            body["nextLink"] = f"{self.request.url}?api-version={version}&$skipToken={following}"
        return body


def subscription_not_found(subscription_id: str) -> ArmError:
    """ARM's answer for a subscription that it does not know."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")


def read_bearer(request: Request, directory: Directory, audiences: list[str], realm: str) -> Principal:
    """Who sends the request. Raises ArmError 401 the way ARM words it."""
    challenge = {"WWW-Authenticate": f'Bearer authorization_uri="{realm}", error="invalid_token"'}
    scheme, _blank, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise ArmError(
            401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", challenge
        )
    try:
        claims, principal = directory.read_access_token(text)
    except tokens.MalformedToken as error:
        raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.", challenge) from error
    if claims["exp"] <= time.time():
        raise ArmError(
            401,
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than the current UTC time.",
            challenge,
        )
    if str(claims["aud"]).rstrip("/") not in [audience.rstrip("/") for audience in audiences]:
        raise ArmError(
            401,
            "InvalidAuthenticationTokenAudience",
            f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should exactly"
            f" match with one of the allowed audiences '{', '.join(audiences)}'.",
            challenge,
        )
    if principal is None:
        raise ArmError(401, "InvalidAuthenticationToken", "The identity of the access token does not exist.", challenge)
    return dataclasses.replace(principal, tenant_id=str(claims["tid"]))


class ArmService(Service):
    """The ARM endpoint of a cloud."""

    name = "arm"

    def __init__(self, cloud: Cloud, world: World, faults: Faults, journal: Journal) -> None:
        super().__init__(world, faults, journal)
        self.cloud = cloud

    def describe(self, request: Request) -> None:
        """Add the cloud and the ARM action."""
        request.facts["cloud"] = self.cloud.name
        found = self._find(request)
        if found and found[0].action:
            request.facts["action"] = found[0].action

    async def respond(self, request: Request) -> Answer:
        """Authenticate, authorize, throttle, dispatch."""
        if request.path.rstrip("/").lower() == "/metadata/endpoints":
            others = [_endpoints(cloud) for cloud in self.world.clouds.values() if cloud is not self.cloud]
            version, as_list = request.query.get("api-version", ""), self.world.settings.metadata_list
            return Answer(body=metadata(version, _endpoints(self.cloud), others, as_list=as_list))
        audiences = [self.cloud.audience, *self.cloud.more_audiences]
        caller = read_bearer(request, self.cloud.directory, audiences, self.cloud.directory.base_url)
        found = self._find(request)
        if found is None:
            raise ArmError(
                404, "InvalidResourceType", f"The resource '{request.path}' is not known for method {request.method}."
            )
        chosen, ids = found
        self._check_version(chosen, request)
        call = Call(request, self.cloud, self.world, caller, ids)
        headers = {}
        if "subscription" in ids:
            self._check_subscription(call)
            self._authorize(chosen, call)
            headers = self._throttle(call)
        answer = chosen.handler(call)
        answer.headers.update(headers)
        return answer

    @staticmethod
    def _find(request: Request) -> tuple[Route, dict[str, str]] | None:
        for candidate in ROUTES:
            match = candidate.pattern.fullmatch(request.path) if candidate.method == request.method else None
            if match:
                ids = match.groupdict()
                if "scope" in ids:
                    ids["subscription"] = ids["scope"].split("/")[2]
                return candidate, ids
        return None

    @staticmethod
    def _check_version(chosen: Route, request: Request) -> None:
        version = request.query.get("api-version", "")
        if not version:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if chosen.versions and version.lower() not in chosen.versions:
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for location 'global' and API version '{version}' for type "
                f"'registrations'. The supported api-versions are '{', '.join(chosen.versions)}'.",
            )
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", version, re.IGNORECASE):
            raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")

    def _check_subscription(self, call: Call) -> None:
        subscription = self.cloud.subscriptions.get(call.ids["subscription"].lower())
        if subscription is None:
            raise subscription_not_found(call.ids["subscription"])
        if subscription.tenant_id != call.caller.tenant_id:
            issuer = f"https://sts.windows.net/{call.caller.tenant_id}/"
            raise ArmError(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer '{issuer}'. It must match the tenant "
                f"'https://sts.windows.net/{subscription.tenant_id}/' associated with this subscription.",
            )

    def _authorize(self, chosen: Route, call: Call) -> None:
        scope, caller = call.request.path.rstrip("/"), call.caller
        if not chosen.action and self.cloud.access.sees(caller.object_id, call.subscription.scope):
            return
        action = chosen.action or "Microsoft.Resources/subscriptions/read"
        if not self.cloud.access.allows(caller.object_id, action, scope):
            who = caller.name if caller.kind == "user" else caller.client_id
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{who}' with object id '{caller.object_id}' does not have authorization to perform action"
                f" '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please"
                " refresh your credentials.",
            )

    def _throttle(self, call: Call) -> dict[str, str]:
        if call.request.method not in WRITES:
            return {"x-ms-ratelimit-remaining-subscription-reads": "11999"}
        kind = "deletes" if call.request.method == "DELETE" else "writes"
        settings, subscription = self.world.settings, call.subscription
        if not settings.writes_per_second:
            return {f"x-ms-ratelimit-remaining-subscription-{kind}": "1199"}
        wait, left = subscription.take_write(settings.writes_per_second, settings.write_burst, time.monotonic())
        if wait:
            seconds = math.ceil(settings.throttled_wait or wait)
            raise ArmError(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of requests for subscription '{subscription.id}' and operation '{call.request.method}' "
                f"exceeded the limit. Please try again after '{seconds}' seconds.",
                {"Retry-After": str(seconds), f"x-ms-ratelimit-remaining-subscription-{kind}": "0"},
            )
        return {f"x-ms-ratelimit-remaining-subscription-{kind}": str(left)}


def _endpoints(cloud: Cloud) -> Endpoints:
    if cloud.directory.adfs:
        return Endpoints(
            cloud.name,
            cloud.arm_url,
            f"{cloud.directory.base_url}/adfs",
            cloud.audience,
            "adfs",
            identity_provider="ADFS",
        )
    return Endpoints(cloud.name, cloud.arm_url, f"{cloud.directory.base_url}/", cloud.audience)
