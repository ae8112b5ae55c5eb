# SPDX-License-Identifier: GPL-3.0-or-later
"""A stamp's admin ARM, and on the same port its AD FS when it has one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from .arm import read_bearer, subscription_not_found
from .cloud import ArmError
from .faults import Faults
from .journal import Journal
from .login import LoginEndpoints
from .metadata import Endpoints, metadata
from .stamp import Stamp
from .web import Answer, Request, Service
from .world import World

GROUP = "azurestack-activation"
ACTIVATIONS = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/providers/microsoft\.azurebridge\.admin"
    r"/activations(?:/(?P<activation>[^/]+)(?P<products>/products)?)?/?",
    re.IGNORECASE,
)
OF_SUBSCRIPTION = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/providers/microsoft\.azurebridge\.admin/activations/?", re.IGNORECASE
)
LOCAL_TIME = timezone(timedelta(hours=-8))
"""Of the service whose answers of 2018 were recorded."""
API_VERSION = "2016-01-01"


class AdminService(Service):
    """The admin ARM endpoint of one stamp; its AD FS is logged as the service `login`."""

    name = "admin"

    def __init__(self, stamp: Stamp, world: World, faults: Faults, journal: Journal) -> None:
        super().__init__(world, faults, journal)
        self.stamp = stamp
        self.directory = world.directory_of(stamp)
        self.login = LoginEndpoints(self.directory)

    def service_of(self, request: Request) -> str:
        """Sign-ins at the stamp's own AD FS count as sign-ins."""
        return "login" if self.directory.adfs and request.path.lower().startswith("/adfs/") else "admin"

    def describe(self, request: Request) -> None:
        """Add the stamp, and for a sign-in the grant and the client."""
        request.facts["stamp"] = self.stamp.name
        if self.service_of(request) == "login":
            self.login.describe(request)

    async def respond(self, request: Request) -> Answer:
        """Metadata and sign-in without a token, all else with one."""
        if self.service_of(request) == "login":
            return self.login.respond(request)
        path = request.path.rstrip("/").lower()
        if path == "/metadata/endpoints":
            version, as_list = request.query.get("api-version", ""), self.world.settings.metadata_list
            return Answer(body=metadata(version, self._endpoints(), as_list=as_list))
        caller = read_bearer(request, self.directory, [self.stamp.admin_audience], self.directory.base_url)
        if request.method != "GET":
            raise ArmError(405, "MethodNotAllowed", f"The method {request.method} is not simulated on the admin ARM.")
        administrator = caller.object_id == self.world.stamp_admins[self.stamp.name].object_id
        if path == "/subscriptions":
            return Answer(body={"value": self._subscriptions() if administrator else []})
        match = ACTIVATIONS.fullmatch(request.path)
        if match is None and self.world.settings.activation_list:
            match = OF_SUBSCRIPTION.fullmatch(request.path)
        if match is None:
            raise ArmError(404, "InvalidResourceType", f"There is nothing at '{request.path}'.")
        if match["subscription"].lower() not in [entry["subscriptionId"] for entry in self._subscriptions()]:
            raise subscription_not_found(match["subscription"])
        if not administrator:
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to"
                f" perform action 'Microsoft.AzureBridge.Admin/activations/read' over scope '{request.path}' or the"
                " scope is invalid.",
            )
        if request.query.get("api-version") != API_VERSION:
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                "No registered resource provider found for the api-version for type 'activations'. The supported "
                f"api-versions are '{API_VERSION}'.",
            )
        return self._activations(match)

    def _activations(self, match: re.Match[str]) -> Answer:
        own = match["subscription"].lower() == self.stamp.provider_subscription_id
        asked = match.groupdict()
        activation = self._activation_body() if own and asked.get("group", GROUP).lower() == GROUP else None
        if asked.get("activation") is None:
            return Answer(body={"value": [activation] if activation else []})
        if activation is None or match["activation"].lower() != "default":
            raise ArmError(
                404,
                self.world.settings.absent_activation_code,
                f"The Resource 'Microsoft.AzureBridge.Admin/activations/{match['activation']}' under resource group "
                f"'{match['group']}' was not found.",
            )
        return Answer(body={"value": self._products(activation)} if match["products"] else activation)

    def _activation_body(self) -> dict[str, Any] | None:
        """The resource in the recorded shape; a stamp that is not registered has none."""
        if self.stamp.activation is None:
            return None
        return {
            "id": (
                f"/subscriptions/{self.stamp.provider_subscription_id}/resourceGroups/{GROUP}"
                "/providers/Microsoft.AzureBridge.Admin/activations/default"
            ),
            "name": "default",
            "type": "Microsoft.AzureBridge.Admin/activations",
            "etag": self.stamp.activation["etag"],
            "location": self.stamp.region,
            "properties": self._properties(self.stamp.activation["properties"]),
        }

    def _properties(self, properties: dict[str, Any]) -> dict[str, Any]:
        """In today's form, or in that of 2018."""
        if not self.world.settings.expirations_of_2018:
            return properties
        moment = datetime.fromisoformat(properties["expiration"].replace("Z", "+00:00")).astimezone(LOCAL_TIME)
        older = {name: value for name, value in properties.items() if name != "azureEnvironmentName"}
        return {**older, "expiration": moment.replace(tzinfo=None).isoformat()}

    def _products(self, activation: dict[str, Any]) -> list[dict[str, Any]]:
        """The marketplace: empty on a disconnected stamp, and while the stamp is not properly registered."""
        syndication = activation["properties"]["marketplaceSyndicationEnabled"]
        if not (self.stamp.connected and syndication and self.stamp.activation_status() == "Registered"):
            return []
        names = ("microsoft.windowsserver", "canonical.ubuntu", "microsoft.custom-script")
        return [
            {
                "id": f"{activation['id']}/products/{name}",
                "name": f"default/{name}",
                "type": "Microsoft.AzureBridge.Admin/activations/products",
                "properties": {"displayName": name, "publisherIdentifier": name.split(".", maxsplit=1)[0]},
            }
            for name in names
        ]

    def _subscriptions(self) -> list[dict[str, Any]]:
        provider = self.stamp.provider_subscription_id
        other = f"{provider[:-1]}{'0' if provider[-1] != '0' else '1'}"
        return [
            {"id": f"/subscriptions/{key}", "subscriptionId": key, "displayName": name, "state": "Enabled"}
            for key, name in ((other, "Default Consumption Subscription"), (provider, "Default Provider Subscription"))
        ]

    def _endpoints(self) -> Endpoints:
        adfs = self.directory.adfs
        return Endpoints(
            name=f"AzureStack-Admin-{self.stamp.name}",
            arm_url=self.url,
            login_url=f"{self.directory.base_url}/{'adfs' if adfs else ''}",
            audience=self.stamp.admin_audience,
            tenant="adfs" if adfs else self.stamp.aad_tenant_id,
            identity_provider="ADFS" if adfs else "AAD",
        )
