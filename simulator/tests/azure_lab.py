# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Azure clients, pointed at a simulator."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from azure.core import PipelineClient
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

SMALL_FLEET: dict[str, t.Any] = {
    "stamps": [{"name": "one"}, {"name": "two", "connected": True}],
    "clouds": [
        {
            "name": "AzureCloud",
            "tenants": {"rehearsal.onmicrosoft.com": ""},
            "subscriptions": [{"name": "Registrations", "provider_registered": True}],
            "principals": [
                {"name": "registrar"},
                {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"},
            ],
        }
    ],
    "settings": {**PLAIN, "provider_registration": 0.1, "move_duration": 0.1},
}


class Arm:
    """ARM through azure-identity and azure-core's pipeline, as an operator's tools use it, without retries."""

    VERSION = "2017-06-01"

    def __init__(self, simulator: Simulator, **account: str) -> None:
        self.simulator = simulator
        values = {**simulator.azure(), **account}
        self.url: str = values["azs_cloud_environment"]
        self.subscription = f"/subscriptions/{values['azs_subscription_id']}"
        self.audience: str = next(
            cloud["audience"] for cloud in simulator.state()["clouds"].values() if cloud["arm_url"] == self.url
        )
        self.credential = credential(simulator, **account)
        policy = ARMChallengeAuthenticationPolicy(self.credential, f"{self.audience}/.default")
        self._client = ARMPipelineClient(self.url, policies=[policy], connection_verify=simulator.ca)

    def __call__(self, method: str, path: str, body: t.Any = None, **query: str) -> t.Any:
        """Send a request below the subscription (a path with a scheme or /subscriptions: as it is); the response."""

        url = path if path.startswith("https:") else self.url + self.absolute(path)
        if "api-version=" not in url:
            url += f"?api-version={query.pop('version', self.VERSION)}"
        url += "".join(f"&{name}={value}" for name, value in query.items())
        return self._client.send_request(
            HttpRequest(method, url, json=body) if body is not None else HttpRequest(method, url)
        )

    def absolute(self, path: str) -> str:
        """A path below the subscription as an ARM id."""
        return (
            path if path.lower().startswith(("/subscriptions", "/tenants", "/metadata")) else self.subscription + path
        )

    def wait(self, response: t.Any) -> int:
        """Poll an accepted operation; the status that it ended with."""
        while response.status_code == 202:
            response = self("GET", response.headers["Location"])
        return response.status_code

    def register(self, stamp: str, name: str | None = None, group: str = "azurestack", **params: t.Any) -> str:
        """Register a stamp; the registration's ARM id."""
        assert self("PUT", f"/resourceGroups/{group}", {"location": "westcentralus"}).status_code < 300
        path = registration(name or stamp, group)
        response = self("PUT", path, registration_body(self.simulator, stamp, **params))
        assert response.status_code in (200, 201), response.text()
        return response.json()["id"]


def credential(simulator: Simulator, **account: str) -> ClientSecretCredential:
    """A ClientSecretCredential of the inventory's account, or of another (azs_client_id=..., azs_secret=...)."""
    values = {**simulator.azure(), **account}
    login = next(
        cloud["login_url"]
        for cloud in simulator.state()["clouds"].values()
        if cloud["arm_url"] == values["azs_cloud_environment"]
    )
    return ClientSecretCredential(
        values["azs_tenant"],
        values["azs_client_id"],
        values["azs_secret"],
        authority=login,
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )


def account(principal: Mapping[str, str]) -> dict[str, str]:
    """What ``do("add-principal")`` gave, as an account for Arm."""
    return {
        "azs_client_id": principal["client_id"],
        "azs_secret": principal["secret"],
        "azs_tenant": principal["tenant_id"],
    }


def registration(name: str, group: str = "azurestack") -> str:
    """Path of a registration below the subscription."""
    return f"/resourceGroups/{group}/providers/Microsoft.AzureStack/registrations/{name}"


def registration_body(simulator: Simulator, stamp: str, **params: t.Any) -> dict[str, t.Any]:
    """Body of a registration's PUT with a fresh token; pay-as-you-use unless told otherwise."""
    token = simulator.do(
        "mint-token", stamp=stamp, **{"BillingModel": "PayAsYouUse", "UsageReportingEnabled": True, **params}
    )
    return {"location": "global", "properties": {"registrationToken": token}}


def code_of(response: t.Any) -> tuple[int, str]:
    """Status and ARM's error code."""
    return response.status_code, json.loads(response.text())["error"]["code"]


def plain_get(simulator: Simulator, url: str, token: str | None = None) -> t.Any:
    """GET without a credential, with a token of one's own making."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = PipelineClient(url, policies=[], connection_verify=simulator.ca)
    return client.send_request(HttpRequest("GET", url, headers=headers))


def admin_credential(simulator: Simulator, stamp: str) -> ClientSecretCredential:
    """Sign-in to a stamp's admin ARM with the inventory's account."""
    host = simulator.host(stamp)
    return ClientSecretCredential(
        host["azs_admin_tenant"],
        host["azs_admin_client_id"],
        host["azs_admin_secret"],
        authority=host["azs_admin_authority"].removesuffix("/adfs"),
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )


def admin_token(simulator: Simulator, stamp: str) -> str:
    """An access token for a stamp's admin ARM, its audience taken from the metadata."""
    url = f"{simulator.host(stamp)['azs_admin_endpoint']}/metadata/endpoints?api-version=2015-01-01"
    audience = plain_get(simulator, url).json()["authentication"]["audiences"][0]
    return admin_credential(simulator, stamp).get_token(f"{audience}/.default").token
