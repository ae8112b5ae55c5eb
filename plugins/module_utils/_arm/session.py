# SPDX-License-Identifier: GPL-3.0-or-later
"""From the Azure options to a client that is ready to ask. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm import clouds, credentials
from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import (
    CONNECTIONS,
    ArmClient,
    Trust,
    require_libraries,
)
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


@dataclasses.dataclass(frozen=True)
class Azure:
    """A cloud, the client for its Azure Resource Manager, and the subscription that the options name."""

    cloud: clouds.Cloud
    client: ArmClient
    subscription_id: str


def connect(module: AzsModule, connections: int = CONNECTIONS) -> Azure:
    """Return the client that the module's Azure options describe.

    The cloud's metadata are asked for (one request) unless the option cloud_metadata holds them. The sign-in happens with
    the first request.

    :param connections: requests that will be under way at once.
    :raises InputError: the options do not make one way to sign in, or name no cloud.
    :raises Unreachable: the cloud's metadata endpoint does not answer.
    """
    require_libraries()
    params = module.params
    subscription = subscription_id(params["subscription_id"])
    identity, profile = credentials.of_azure(params)
    for name in ("secret", "password"):
        if profile.get(name):
            module.hide(profile[name])
    trust = Trust(
        verify=params["cert_validation_mode"] == "validate", ca_bundle=params["ca_bundle"], timeout=params["arm_timeout"]
    )
    transport = trust.transport(connections)
    environment = params["cloud_environment"]
    if environment == "AzureCloud":
        environment = profile.get("cloud_environment") or environment
    if params["cloud_metadata"]:
        cloud = clouds.from_result(params["cloud_metadata"])
    else:
        cloud = clouds.resolve(environment, transport)
    authority = params["adfs_authority_url"]
    discovery = cloud.public and not authority
    if params["disable_instance_discovery"] is not None:
        discovery = not params["disable_instance_discovery"]
    signed_in = dataclasses.replace(cloud, authority=authority.rstrip("/")) if authority else cloud
    credential = identity.credential(signed_in, trust, discovery=discovery, hide=module.hide)
    client = ArmClient(
        cloud.resource_manager, transport, credential=credential, audience=cloud.audience, warn=module.warn
    )
    return Azure(cloud, client, subscription)


def subscription_id(text: str) -> str:
    """Return a subscription id without the decoration that it is copied with.

    :raises InputError: it is not a GUID.
    """
    found = re.fullmatch(r"(?:/?subscriptions/)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?", text.strip())
    if not found:
        raise InputError(
            f"subscription_id {text!r} is not the id of a subscription",
            remedy="Set it to the subscription's GUID; its name does not work",
        )
    return found.group(1)
