# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench PART=fleet` compares with: the same work with pypsrp, azure-identity and azure-core, in threads, without Ansible and
without the collection. It knows nothing of failures, resuming, artifacts, or of what somebody else changed.

    plain_client.py INVENTORY first     registers and activates every stamp
    plain_client.py INVENTORY no-op     reads every stamp, and ends with status 1 when one is not as wanted
"""

from __future__ import annotations

import base64
import concurrent.futures
import json
import sys
import threading
import time
import typing as t
import uuid

import yaml
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

THREADS = 100
ROLE = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
REGISTRATIONS, LOCKS, ROLES, RESOURCES = "2017-06-01", "2016-09-01", "2022-04-01", "2021-04-01"
Variables = t.Mapping[str, t.Any]


class Arm:
    """An Azure Resource Manager: a cloud's, or a stamp's own."""

    def __init__(self, url: str, ca: str, authority: str | None, tenant: str, client: str, secret: str) -> None:
        self.url, self._ca = url, ca
        transport = RequestsTransport(connection_verify=ca)
        found = PipelineClient(url, policies=[], transport=transport).send_request(
            HttpRequest("GET", f"{url}/metadata/endpoints?api-version=2015-01-01")
        )
        signing = found.json()["authentication"]
        self._credential = ClientSecretCredential(
            tenant,
            client,
            secret,
            authority=authority or signing["loginEndpoint"].rstrip("/"),
            disable_instance_discovery=True,
            connection_verify=ca,
        )
        policy = BearerTokenCredentialPolicy(self._credential, f"{signing['audiences'][0]}/.default")
        self._client = PipelineClient(url, policies=[policy], transport=transport)

    def __call__(self, method: str, path: str, version: str, body: t.Any = None, **query: str) -> dict[str, t.Any]:
        """Send a request; an empty answer where there is nothing."""
        url = f"{self.url}{path}?api-version={version}" + "".join(f"&{name}={one}" for name, one in query.items())
        answer = self._client.send_request(HttpRequest(method, url, json=body))
        if answer.status_code == 404:
            return {}
        answer.raise_for_status()
        return t.cast(dict[str, t.Any], answer.json()) if answer.text() else {}


def activation(stamp: Variables) -> dict[str, t.Any]:
    """Read a stamp's activation."""
    admin = Arm(
        stamp["azs_admin_endpoint"],
        stamp["azs_admin_ca_bundle"],
        stamp["azs_admin_authority"],
        stamp["azs_admin_tenant"],
        stamp["azs_admin_client_id"],
        stamp["azs_admin_secret"],
    )
    listed = admin("GET", "/subscriptions", "2015-11-01")["value"]
    (provider,) = [one for one in listed if one["displayName"] == "Default Provider Subscription"]
    path = f"/subscriptions/{provider['subscriptionId']}/resourceGroups/azurestack-activation"
    found = admin("GET", f"{path}/providers/Microsoft.AzureBridge.Admin/activations/default", "2016-01-01")
    return t.cast(dict[str, t.Any], found.get("properties", {}))


def claims(key: str) -> dict[str, t.Any]:
    """Read an activation key."""
    payload = key.split(".")[1]
    return t.cast(dict[str, t.Any], json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def assignments(azure: Arm, where: str, principal: str) -> list[dict[str, t.Any]]:
    """Read the roles of a bridge principal."""
    path = f"{where}/providers/Microsoft.Authorization/roleAssignments"
    only = {"%24filter": f"principalId%20eq%20%27{principal}%27"}
    return t.cast(list[dict[str, t.Any]], azure("GET", path, ROLES, **only)["value"])


def as_wanted(azure: Arm, stamp: Variables) -> bool:
    """Read a stamp and its registration, and compare."""
    found = activation(stamp)
    where = found.get("azureRegistrationResourceIdentifier")
    if not where:
        return False
    said = claims(azure("POST", f"{where}/getactivationkey", REGISTRATIONS)["activationKey"])
    lock = azure("GET", f"{where}/providers/Microsoft.Authorization/locks/RegistrationResourceLock", LOCKS)
    roles = assignments(azure, where, said["objectId"])
    return (
        said["billingModel"] == stamp["azs_billing_model"]
        and said["usageReportingEnabled"] == found["usageReportingEnabled"]
        and said["marketplaceSyndicationEnabled"] == found["marketplaceSyndicationEnabled"]
        and lock.get("properties", {}).get("level") == "CanNotDelete"
        and any(one["properties"]["roleDefinitionId"].endswith(ROLE) for one in roles)
    )


class Endpoint:
    """A session at a stamp's privileged endpoint."""

    def __init__(self, stamp: Variables) -> None:
        address, port = stamp["azs_pep_hosts"][0].split(":")
        self._connection = WSMan(
            address,
            port=int(port),
            ssl=False,
            auth="negotiate",
            username=stamp["azs_pep_username"],
            password=stamp["azs_pep_password"],
            no_proxy=True,
        )
        self._pool = RunspacePool(self._connection, configuration_name="PrivilegedEndpoint")

    def __enter__(self) -> Endpoint:
        """Open it."""
        self._pool.open()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close it."""
        self._pool.close()
        self._connection.close()

    def __call__(self, cmdlet: str, **parameters: t.Any) -> list[t.Any]:
        """Run a cmdlet."""
        shell = PowerShell(self._pool).add_cmdlet(cmdlet).add_parameters(parameters)
        output = shell.invoke()
        if shell.had_errors:
            raise RuntimeError(f"{cmdlet}: {[str(error) for error in shell.streams.error]}")
        return t.cast(list[t.Any], output)


def told(output: t.Sequence[t.Any], name: str) -> str:
    """Return a property of the only object that has it, among the others that a cmdlet leaves behind."""
    bags = [{**one.adapted_properties, **one.extended_properties} for one in output if not isinstance(one, str)]
    (value,) = [bag[name] for bag in bags if name in bag]
    return str(value)


def register(azure: Arm, stamp: Variables, once: threading.Lock, prepared: list[str]) -> bool:
    """Register and activate a stamp."""
    subscription = f"/subscriptions/{stamp['azs_subscription_id']}"
    group = f"{subscription}/resourceGroups/{stamp['azs_resource_group']}"
    if activation(stamp):
        return False
    with Endpoint(stamp) as endpoint:
        cloud_id = told(endpoint("Get-AzureStackStampInformation"), "CloudID")
        endpoint("Set-RegistrationKeyPair")
        made = endpoint(
            "New-AzureBridgeServicePrincipal",
            RefreshToken=stamp["azs_refresh_token"],
            AzureEnvironment=stamp["azs_bridge_principal_environment"],
            TimeoutInSeconds=1800,
        )
        principal = told(made, "ObjectId")
        minted = endpoint(
            "New-RegistrationToken",
            BillingModel=stamp["azs_billing_model"],
            MarketplaceSyndicationEnabled=True,
            UsageReportingEnabled=True,
            AgreementNumber="",
        )
        token = max((one for one in minted if isinstance(one, str) and " " not in one), key=len)
    with once:
        if not prepared:
            azure("POST", f"{subscription}/providers/Microsoft.AzureStack/register", RESOURCES)
            azure("PUT", group, RESOURCES, {"location": stamp["azs_location"]})
            prepared.append(group)
    where = f"{group}/providers/Microsoft.AzureStack/registrations/azurestack-{cloud_id}"
    body = {"location": "global", "properties": {"registrationToken": token}}
    while True:
        try:
            azure("PUT", where, REGISTRATIONS, body)
            break
        except HttpResponseError as error:
            if not error.error or error.error.code != "MissingSubscriptionRegistration":
                raise
            time.sleep(0.5)
    lock = f"{where}/providers/Microsoft.Authorization/locks/RegistrationResourceLock"
    azure("PUT", lock, LOCKS, {"properties": {"level": "CanNotDelete"}})
    role = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
    body = {"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}}
    azure("PUT", f"{where}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", ROLES, body)
    key = azure("POST", f"{where}/getactivationkey", REGISTRATIONS)["activationKey"]
    with Endpoint(stamp) as endpoint:
        endpoint("New-AzureStackActivation", ActivationKey=key)
    return activation(stamp).get("azureRegistrationResourceIdentifier", "").lower() == where.lower()


def main(inventory: str, kind: str) -> int:
    """Do it for all stamps of an inventory; return the exit status."""
    with open(inventory, encoding="utf-8") as stream:
        group = yaml.safe_load(stream)["all"]["children"]["azs_stamps"]
    hosts = group["children"]["azs_connected"]["hosts"]
    stamps = [{**group["vars"], **own} for own in hosts.values()]
    shared = group["vars"]
    azure = Arm(
        shared["azs_cloud_environment"],
        shared["azs_ca_bundle"],
        None,
        shared["azs_tenant"],
        shared["azs_client_id"],
        shared["azs_secret"],
    )
    once, prepared = threading.Lock(), list[str]()

    def work(stamp: Variables) -> bool:
        return register(azure, stamp, once, prepared) if kind == "first" else as_wanted(azure, stamp)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        done = list(pool.map(work, stamps))
    print(f"{sum(done)} of {len(done)}")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
