# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stamp's admin Azure Resource Manager shows of its activation. FOR INTERNAL COLLECTION USE ONLY.

The resource is Microsoft.AzureBridge.Admin/activations/default, api-version 2016-01-01, in the subscription named
"Default Provider Subscription". Its states are the portal's: no resource is "Not registered", a passed expiry "Expired".
Which code a stamp without activation answers is not published; the list below the subscription, where there is one, confirms it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import (
    UNEXPECTED,
    ArmClient,
    Trust,
    properties,
    require_libraries,
    text,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId, check_part
from ansible_collections.azurestack.hub.plugins.module_utils._caller import AccessTokens, Memo
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import credentials

API_VERSION: t.Final = "2016-01-01"
SUBSCRIPTIONS_VERSION: t.Final = "2015-11-01"
SUBSCRIPTION_NAME: t.Final = "Default Provider Subscription"

_PROVIDER: t.Final = "Microsoft.AzureBridge.Admin"

REGISTERED: t.Final = "Registered"
NOT_REGISTERED: t.Final = "Not registered"
EXPIRED: t.Final = "Expired"
UNKNOWN: t.Final = "Unknown"
"""What a caller says when nothing tells the state."""


@dataclasses.dataclass(frozen=True)
class Activation:
    """A stamp's activation, as its admin Azure Resource Manager shows it; None where it does not tell.

    :param registration_id: resource id of the registration in Azure that the stamp was activated with.
    :param expires: UTC timestamp; claims.NEVER when it never expires.
    """

    registration_id: str | None
    environment: str | None
    expires: str | None
    marketplace_syndication: bool | None
    usage_reporting: bool | None
    provisioning_state: str | None
    unreadable_expiry: str | None = None

    @classmethod
    def of(cls, resource: t.Mapping[str, t.Any]) -> Activation:
        """Return the activation of a resource as the service answers it.

        :raises ArmError: it says nothing of a registration. What is not registered has no activation at all, so this is
            another service's answer; what follows from "Not registered" can be that the registration is deleted.
        """
        told = properties(resource)
        if "azureRegistrationResourceIdentifier" not in told:
            raise ArmError(
                "Could not read the activation: the answer holds none",
                kind=UNEXPECTED,
                where=str(resource.get("id") or "activations/default"),
                cause="it does not name a registration",
                remedy="Compare admin_endpoint, look for a proxy that answers in its place, and run again",
            )
        return cls(
            registration_id=text(told.get("azureRegistrationResourceIdentifier")),
            environment=text(told.get("azureEnvironmentName")),
            expires=expiry.normal(told.get("expiration")),
            marketplace_syndication=_flag(told.get("marketplaceSyndicationEnabled")),
            usage_reporting=_flag(told.get("usageReportingEnabled")),
            provisioning_state=text(told.get("provisioningState")),
            unreadable_expiry=text(told.get("expiration")) if expiry.normal(told.get("expiration")) is None else None,
        )

    def state(self, now: datetime.datetime) -> str:
        """Return what the portal says: Registered, Not registered or Expired.

        :param now: aware UTC time.
        """
        if not self.registration_id:
            return NOT_REGISTERED
        if self.expires is not None and claims.parse_time(self.expires) <= now:
            return EXPIRED
        return REGISTERED

    def expires_in_days(self, now: datetime.datetime) -> int | None:
        """Return the whole days that are left, negative when it has expired; None when it never does."""
        return expiry.days_left(self.expires, now)

    @property
    def registration(self) -> RegistrationId | None:
        """The parts of the registration's id; None when there is none, or it has another form."""
        try:
            return RegistrationId.parse(self.registration_id or "")
        except InputError:
            return None


@dataclasses.dataclass(frozen=True)
class AdminOptions:
    """The admin option family: where the stamp's admin Azure Resource Manager is and who signs in."""

    endpoint: str
    authority: str | None
    identity: credentials.Identity
    subscription_id: str | None
    trust: Trust
    hide: t.Callable[[str], None] = dataclasses.field(default=lambda token: None, compare=False, repr=False)
    shared: Memo = dataclasses.field(default_factory=Memo, compare=False, repr=False)
    tokens: AccessTokens = dataclasses.field(default_factory=AccessTokens, compare=False, repr=False)

    @classmethod
    def from_params(
        cls,
        params: t.Mapping[str, t.Any],
        hide: t.Callable[[str], None] = lambda token: None,
        shared: Memo | None = None,
        tokens: AccessTokens | None = None,
    ) -> AdminOptions:
        """Return the options of a module's parameters.

        :param hide: takes every access token, to keep it out of what is printed.
        :param shared: what the readers of several stamps share.
        :param tokens: the access tokens that the caller has, and gets.
        :raises InputError: admin_endpoint is missing or no https URL.
        """
        endpoint = clouds.base_url("admin_endpoint", params["admin_endpoint"] or "")
        form = "https://adminmanagement.<region>.<fqdn>"
        if not endpoint:
            raise InputError("admin_endpoint is not given", remedy=f"Set it to {form}")
        clouds.check_url("admin_endpoint", endpoint, form)
        if params["admin_authority"]:
            clouds.check_url("admin_authority", params["admin_authority"])
        if params["admin_subscription_id"]:
            check_part("admin_subscription_id", params["admin_subscription_id"])
        return cls(
            endpoint=endpoint,
            authority=params["admin_authority"],
            identity=credentials.of_stamp(params),
            subscription_id=params["admin_subscription_id"],
            trust=Trust(
                verify=params["admin_validate_certs"],
                ca_bundle=params["admin_ca_bundle"],
                timeout=params["admin_timeout"],
            ),
            hide=hide,
            shared=shared or Memo(),
            tokens=tokens or AccessTokens(),
        )


class Stamp:
    """A stamp's admin Azure Resource Manager, signed in once and asked as often as needed."""

    def __init__(self, options: AdminOptions) -> None:
        require_libraries()
        self._options = options
        self._transport = options.shared.of(("transport", options.trust), options.trust.transport)

    def activation(self, *, confirm: bool = True) -> Activation | None:
        """Return the activation, None when there is none.

        :param confirm: whether the list confirms that there is none. Raises as `read`.
        """
        resource = self._client.find(f"{self._path}/activations/default", API_VERSION, doing="read the activation")
        if resource is None and confirm:
            resource = self._listed()
        return None if resource is None else Activation.of(resource)

    def _listed(self) -> dict[str, t.Any] | None:
        """Return the activation of the list below the subscription, which confirms that there is none.

        A service that does not answer with the list leaves it at what it said of the activation itself.
        """
        path = f"{self._subscription}/providers/{_PROVIDER}/activations"
        try:
            listed = list(self._client.list_all(path, API_VERSION, doing="list the activations"))
        except ArmError:
            return None
        return next((one for one in listed if str(one.get("name")).rpartition("/")[2].lower() == "default"), None)

    def products(self) -> int:
        """Return how many marketplace products the stamp is offered (none on disconnected ones). Raises as `read`."""
        path = f"{self._path}/activations/default/products"
        return len(list(self._client.list_all(path, API_VERSION, doing="list the marketplace products")))

    @functools.cached_property
    def _client(self) -> ArmClient:
        endpoint = self._options.endpoint
        stamp = clouds.describe(endpoint, endpoint, self._transport)
        if self._options.authority:
            stamp = dataclasses.replace(stamp, authority=self._options.authority.rstrip("/"))
        identity, tokens = self._options.identity, self._options.tokens
        key = identity.key(stamp)
        credential = identity.credential(
            stamp,
            self._options.trust,
            discovery=False,
            hide=self._options.hide,
            shared=self._options.shared,
            known=tokens.find(key),
        )
        tokens.note(key, "admin", credential.got)
        return ArmClient(
            endpoint, self._transport, credential=credential, audience=stamp.audience, name=f"the stamp's {endpoint}"
        )

    @functools.cached_property
    def subscription_id(self) -> str:
        """The provider's subscription, in which the activation is. Raises as `read`."""
        return self._options.subscription_id or self._provider_subscription()

    @property
    def _subscription(self) -> str:
        return f"/subscriptions/{self.subscription_id}"

    @property
    def _path(self) -> str:
        return f"{self._subscription}/resourceGroups/azurestack-activation/providers/{_PROVIDER}"

    def _provider_subscription(self) -> str:
        seen = []
        for subscription in self._client.list_all(
            "/subscriptions", SUBSCRIPTIONS_VERSION, doing="list the stamp's subscriptions"
        ):
            if subscription.get("displayName") == SUBSCRIPTION_NAME:
                found = str(subscription.get("subscriptionId") or "")
                check_part(f"The id of the stamp's {SUBSCRIPTION_NAME}", found)
                return found
            seen.append(str(subscription.get("displayName")))
        raise ArmError(
            f"The account does not see the stamp's {SUBSCRIPTION_NAME}",
            kind="provider_subscription_not_visible",
            where=self._options.endpoint,
            cause=f"it sees {', '.join(seen)}" if seen else "it sees no subscription",
            remedy=f"Give the account a role (Reader is enough) on the {SUBSCRIPTION_NAME}, "
            "and compare admin_endpoint: it is the admin one, https://adminmanagement.<region>.<fqdn>",
        )


def clock_ahead(options: AdminOptions) -> datetime.timedelta | None:
    """Return by how much this host's clock is ahead of the stamp's; None when it does not tell. Nobody signs in for that."""
    client = ArmClient(options.endpoint, options.trust.transport())
    with contextlib.suppress(AzsError):  # any answer tells
        client.get("/metadata/endpoints", clouds.METADATA_VERSION, doing="read the stamp's clock")
    return client.clock_ahead


def read(options: AdminOptions, *, confirm: bool = True) -> Activation | None:
    """Return the stamp's activation, None when there is none.

    Reading again with the same options uses the sign-in and the connection of the first time.

    :param confirm: whether a stamp that shows none is asked for the list as well, since it is not published how it answers.
    :raises Unreachable: the stamp's admin endpoint or its sign-in service does not answer.
    :raises SignInError: the credential was not accepted.
    :raises ArmError: the account may not read the activation.
    :raises InputError: the options cannot work.
    """
    return _stamp(options).activation(confirm=confirm)


def _flag(value: t.Any) -> bool | None:
    return value if isinstance(value, bool) else None


def state_of(activation: Activation | None, now: datetime.datetime) -> str:
    """Return the portal's state of an activation that may not exist."""
    return NOT_REGISTERED if activation is None else activation.state(now)


@functools.lru_cache(maxsize=1)
def _stamp(options: AdminOptions) -> Stamp:
    return Stamp(options)
