# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM: subscriptions, resource providers, resource groups."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .arm import GROUP, SUBSCRIPTION, Call, route
from .arm_registrations import registration_body
from .cloud import NAMESPACE, ArmError, Group, Registration, Subscription
from .web import Answer

GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"


# -- subscriptions ---------------------------------------------------------------------------------------------------


def _subscription_body(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.scope,
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant_id,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "CSP_2015-05-01" if subscription.spec.offer == "CSP" else "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


@route("GET", "/subscriptions", "")
def list_subscriptions(call: Call) -> Answer:
    """Subscriptions of the caller's tenant in which it has any role."""
    visible = [
        subscription
        for subscription in call.cloud.subscriptions.values()
        if subscription.tenant_id == call.caller.tenant_id
        and call.cloud.access.sees(call.caller.object_id, subscription.scope)
    ]
    return Answer(body=call.page(visible, _subscription_body))


@route("GET", "/tenants", "")
def list_tenants(call: Call) -> Answer:
    """The caller's tenant."""
    tenant = call.caller.tenant_id
    return Answer(body={"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant}]})


@route("GET", SUBSCRIPTION, "")
def get_subscription(call: Call) -> Answer:
    """One subscription."""
    return Answer(body=_subscription_body(call.subscription))


@route("GET", SUBSCRIPTION + "/locations", "Microsoft.Resources/subscriptions/locations/read")
def list_locations(call: Call) -> Answer:
    """Where resource groups can be."""
    scope = call.subscription.scope
    return Answer(
        body={
            "value": [
                {"id": f"{scope}/locations/{one}", "name": one, "displayName": one} for one in call.cloud.spec.locations
            ]
        }
    )


# -- resource providers ----------------------------------------------------------------------------------------------


def _provider_body(call: Call, namespace: str) -> dict[str, Any]:
    if namespace.lower() == NAMESPACE.lower():
        namespace = NAMESPACE
    return {
        "id": f"{call.subscription.scope}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": call.subscription.provider_state(namespace),
        "resourceTypes": [],
    }


@route("GET", SUBSCRIPTION + "/providers", "Microsoft.Resources/subscriptions/providers/read")
def list_providers(call: Call) -> Answer:
    """The one provider that matters here."""
    return Answer(body={"value": [_provider_body(call, NAMESPACE)]})


@route("GET", SUBSCRIPTION + r"/providers/(?P<namespace>[^/]+)", "Microsoft.Resources/subscriptions/providers/read")
def get_provider(call: Call) -> Answer:
    """A provider and its registration state."""
    return Answer(body=_provider_body(call, call.ids["namespace"]))


@route("POST", SUBSCRIPTION + rf"/providers/{NAMESPACE}/register", f"{NAMESPACE}/register/action")
def register_provider(call: Call) -> Answer:
    """Begin to register the provider; Registering for as long as the setting says."""
    call.subscription.register_provider(NAMESPACE)
    return Answer(body=_provider_body(call, NAMESPACE))


@route("POST", SUBSCRIPTION + rf"/providers/{NAMESPACE}/unregister", f"{NAMESPACE}/unregister/action")
def unregister_provider(call: Call) -> Answer:
    """Forget the provider."""
    call.subscription.unregister_provider()
    return Answer(body=_provider_body(call, NAMESPACE))


# -- resource groups -------------------------------------------------------------------------------------------------


def _group_body(call: Call, group: Group) -> dict[str, Any]:
    return {
        "id": call.subscription.group_scope(group),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": {"provisioningState": "Succeeded"},
    }


@route("GET", SUBSCRIPTION + "/resourcegroups", f"{GROUPS}/read")
def list_groups(call: Call) -> Answer:
    """All groups of the subscription."""
    return Answer(body=call.page(list(call.subscription.groups.values()), lambda group: _group_body(call, group)))


@route("GET", GROUP, f"{GROUPS}/read")
def get_group(call: Call) -> Answer:
    """One group."""
    return Answer(body=_group_body(call, call.group))


@route("HEAD", GROUP, f"{GROUPS}/read")
def head_group(call: Call) -> Answer:
    """Whether a group exists: 204 or 404."""
    return Answer(204 if call.subscription.has_group(call.ids["group"]) else 404)


@route("PUT", GROUP, f"{GROUPS}/write")
def put_group(call: Call) -> Answer:
    """Make a group, or replace its tags; a group cannot change its location."""
    body, name = call.request.json(), call.ids["group"]
    location = str(body.get("location", "")).replace(" ", "").lower()
    known = call.cloud.spec.locations
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if location not in known:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{body['location']}' is not available for resource group. List of available regions"
            f" is '{','.join(known)}'.",
        )
    existing = call.subscription.groups.get(name.lower())
    if existing is None:
        group = call.subscription.groups[name.lower()] = Group(name, location, dict(body.get("tags") or {}))
        group.known_from = time.monotonic() + call.world.settings.write_lag
        return Answer(201, _group_body(call, group))
    if existing.location != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing.location}'.",
        )
    call.require_unlocked(call.subscription.group_scope(existing), "write")
    existing.tags = dict(body.get("tags") or {})
    return Answer(200, _group_body(call, existing))


@route("DELETE", GROUP, f"{GROUPS}/delete")
def delete_group(call: Call) -> Answer:
    """Delete a group with all that is in it; any lock in it forbids that. Asynchronous, as ARM does it."""
    scope = call.subscription.group_scope(call.group)
    call.require_none(scope, "delete", [lock.scope for lock in call.cloud.access.locks_at(scope, below=True)])
    call.cloud.access.drop_scope(scope)
    del call.subscription.groups[call.group.name.lower()]
    return start_operation(call, 0.0)


@route("GET", GROUP + "/resources", f"{GROUPS}/read")
def list_resources(call: Call) -> Answer:
    """What is in a group."""

    def resource_body(registration: Registration) -> dict[str, Any]:
        body = registration_body(call.subscription, call.group, registration, "none")
        return {key: body[key] for key in ("id", "name", "type", "location")}

    return Answer(body=call.page(list(call.group.registrations.values()), resource_body))


# -- long operations -------------------------------------------------------------------------------------------------


def start_operation(call: Call, seconds: float) -> Answer:
    """202 with the address to poll for an operation that takes `seconds`."""
    operation = uuid.uuid4().hex
    call.cloud.operations[operation] = time.monotonic() + seconds
    version = call.request.query["api-version"]
    address = f"{call.cloud.arm_url}{call.subscription.scope}/operationresults/{operation}?api-version={version}"
    return Answer(202, headers={"Location": address, "Retry-After": "0" if seconds < 1 else "1"})


@route("GET", SUBSCRIPTION + r"/operationresults/(?P<operation>[^/]+)", "")
def poll_operation(call: Call) -> Answer:
    """202 while an operation runs, then 204."""
    done = call.cloud.operations.get(call.ids["operation"])
    if done is None:
        raise ArmError(404, "OperationNotFound", f"The operation '{call.ids['operation']}' could not be found.")
    if time.monotonic() < done:
        address = f"{call.request.url}?api-version={call.request.query['api-version']}"
        return Answer(202, headers={"Location": address, "Retry-After": "0"})
    return Answer(204)
