# SPDX-License-Identifier: GPL-3.0-or-later
"""From the Azure options to a client that is ready to ask. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import (
    CONNECTIONS,
    ArmClient,
    Trust,
    require_libraries,
)
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import credentials

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Caller
    from azure.core.pipeline.transport import RequestsTransport


@dataclasses.dataclass(frozen=True)
class Azure:
    """A cloud, the client for its Azure Resource Manager, and the subscription that the options name."""

    cloud: clouds.Cloud
    client: ArmClient
    subscription_id: str
    account: t.Hashable = None
    """Who asks, and where: what one of two callers with the same account reads, the other one would read too."""


def connect(module: Caller, connections: int = CONNECTIONS) -> Azure:
    """Return the client that the module's Azure options describe.

    The cloud's metadata are asked for (one request) unless the option cloud_metadata holds them. The sign-in happens
    with the first request.

    :param connections: requests that will be under way at once.
    :raises InputError: the options do not make one way to sign in, or name no cloud.
    :raises Unreachable: the cloud's metadata endpoint does not answer.
    """
    require_libraries()
    params, identity = _settled(module)
    subscription = subscription_id(params["subscription_id"])
    clouds.check_location(params.get("location"))
    if identity.source == credentials.DEVICE_CODE:
        identity = dataclasses.replace(identity, access_token=module.controller.get("access_token"))
    trust, shared = trust_of(params), module.shared
    transport = shared.of(("transport", trust, connections), lambda: trust.transport(connections))
    names = (params["cloud_environment"], params["cloud_manifest_file"], str(params["cloud_metadata"]))
    cloud = shared.of(("cloud", trust, names), lambda: cloud_of(params, transport))
    signed_in, discovery = sign_in_service(params, cloud)
    credential = shared.of(
        ("sign-in", identity, signed_in, trust, discovery),
        lambda: identity.credential(
            signed_in, trust, discovery=discovery, hide=module.hide, known=module.tokens.find(identity.key(signed_in))
        ),
    )
    if identity.proven:  # who else signs in depends on the process: whose Azure CLI it is, or whose machine
        module.tokens.note(identity.key(signed_in), "azure", credential.got)
    client = ArmClient(
        cloud.resource_manager, transport, credential=credential, audience=cloud.audience, warn=module.warn
    )
    return Azure(cloud, client, subscription, (identity, signed_in, trust))


def named_subscription(module: Caller) -> str:
    """Return the subscription that the options name, or the profile of the credential file. Raises InputError."""
    return subscription_id(_settled(module)[0]["subscription_id"])


def _settled(module: Caller) -> tuple[dict[str, t.Any], credentials.Identity]:
    """Return the Azure options with what the profile adds, and who signs in."""
    identity, profile = credentials.of_azure(module.params)
    for name in ("secret", "password"):
        if profile.get(name):
            module.hide(profile[name])
    return credentials.with_profile(module.params, module.given, profile), identity


def trust_of(params: t.Mapping[str, t.Any]) -> Trust:
    """Return how the Azure options say that certificates are checked."""
    return Trust(
        verify=params["cert_validation_mode"] != "ignore",
        ca_bundle=params["ca_bundle"],
        timeout=params["arm_timeout"],
    )


def cloud_of(params: t.Mapping[str, t.Any], transport: RequestsTransport) -> clouds.Cloud:
    """Return the cloud that the Azure options name, asking for its metadata unless they hold them.

    :raises InputError: they name none.
    :raises Unreachable: its metadata endpoint does not answer.
    """
    if params["cloud_metadata"]:
        return clouds.from_result(params["cloud_metadata"])
    return clouds.resolve(params["cloud_environment"], transport, params["cloud_manifest_file"])


def sign_in_service(params: t.Mapping[str, t.Any], cloud: clouds.Cloud) -> tuple[clouds.Cloud, bool]:
    """Return the cloud with the sign-in address that is meant, and whether the public cloud is to be asked about it."""
    authority = params["adfs_authority_url"]
    if authority:
        clouds.check_url("adfs_authority_url", authority)
    discovery = cloud.public and not authority
    if params["disable_instance_discovery"] is not None:
        discovery = not params["disable_instance_discovery"]
    return (dataclasses.replace(cloud, authority=authority.rstrip("/")) if authority else cloud), discovery


def subscription_id(text: str | None) -> str:
    """Return a subscription id without the decoration that it is copied with.

    :raises InputError: there is none, or it is not a GUID.
    """
    if not (text or "").strip():
        raise InputError(
            "Nothing says which subscription is meant",
            remedy="Set subscription_id (or AZURE_SUBSCRIPTION_ID, or subscription_id in the profile of the credential file)",
        )
    found = re.fullmatch(
        r"(?:/?subscriptions/)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?", str(text).strip()
    )
    if not found:
        raise InputError(
            f"subscription_id {text!r} is not the id of a subscription",
            remedy="Set it to the subscription's GUID; its name does not work",
        )
    return found.group(1)
