# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM: moving registrations to another resource group or subscription."""

from __future__ import annotations

import dataclasses
import re

from .arm import GROUP, REGISTRATION, Call, route
from .arm_resources import start_operation
from .cloud import ArmError, Group, Registration, Subscription
from .web import Answer

ACTION = "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action"
WRITE = "Microsoft.Resources/subscriptions/resourceGroups/write"


@route("POST", GROUP + "/moveresources", ACTION)
def move_resources(call: Call) -> Answer:
    """Move registrations; asynchronous. Role assignments at their old ids stay behind and go (facts, section 4)."""
    group, registrations = _check(call)
    for registration in registrations:
        old_scope = call.subscription.registration_scope(call.group, registration)
        del call.group.registrations[registration.name.lower()]
        group.registrations[registration.name.lower()] = registration
        call.cloud.access.drop_scope(old_scope)
        call.cloud.touch(registration)
    return start_operation(call, call.world.settings.move_duration)


@route("POST", GROUP + "/validatemoveresources", ACTION)
def validate_move(call: Call) -> Answer:
    """Whether a move would work; asynchronous."""
    _check(call)
    return start_operation(call, 0.0)


def _check(call: Call) -> tuple[Group, list[Registration]]:
    """Where to, and what. Raises ArmError when the move is not possible."""
    body = call.request.json()
    subscription, group = _target(call, str(body.get("targetResourceGroup", "")))
    registrations = [_resource(call, str(resource)) for resource in body.get("resources") or []]
    if not registrations:
        raise ArmError(400, "InvalidRequestContent", "The 'resources' to be moved are missing.")
    if group is call.group:
        raise ArmError(400, "CannotMoveToSameResourceGroup", "The source and the target resource group are the same.")
    if subscription is not call.subscription:
        _check_subscriptions(call.subscription, subscription)
    scopes = [call.subscription.registration_scope(call.group, registration) for registration in registrations]
    scopes.append(subscription.group_scope(group))
    locked = {lock.scope for scope in scopes for lock in call.cloud.access.locks_at(scope)}
    call.require_none(call.subscription.group_scope(call.group), "move", sorted(locked))
    for registration in registrations:
        if registration.name.lower() in group.registrations:
            raise ArmError(
                409, "ResourceAlreadyExists", f"The target resource group has a registration '{registration.name}'."
            )
    return group, registrations


def _target(call: Call, target: str) -> tuple[Subscription, Group]:
    match = re.fullmatch(GROUP + "/?", target, re.IGNORECASE)
    subscription = call.cloud.subscriptions.get(match["subscription"].lower()) if match else None
    if match is None or subscription is None:
        raise ArmError(400, "InvalidTargetResourceGroup", f"The target resource group '{target}' is not valid.")
    group = subscription.group(match["group"])
    if not call.cloud.access.allows(call.caller.object_id, WRITE, subscription.group_scope(group)):
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{call.caller.client_id}' with object id '{call.caller.object_id}' does not have authorization"
            f" to perform action '{WRITE}' over scope '{target}' or the scope is invalid.",
        )
    return subscription, group


def _resource(call: Call, resource: str) -> Registration:
    match = re.fullmatch(REGISTRATION, resource, re.IGNORECASE)
    source = (call.subscription.id, call.group.name.lower())
    if match is None or (match["subscription"].lower(), match["group"].lower()) != source:
        raise ArmError(400, "InvalidResourceId", f"The resource '{resource}' is not in the source resource group.")
    return dataclasses.replace(call, ids=match.groupdict()).registration


def _check_subscriptions(source: Subscription, target: Subscription) -> None:
    """Across subscriptions: of CSPs alone, of one partner, with the provider registered in the target."""
    if {source.spec.offer, target.spec.offer} != {"CSP"} or source.spec.partner != target.spec.partner:
        raise ArmError(
            409,
            "ResourceMoveNotSupported",
            "Registrations can move to another subscription only between CSP subscriptions of the same partner.",
        )
    if source.tenant_id != target.tenant_id:
        raise ArmError(409, "ResourceMoveNotSupported", "The subscriptions belong to different tenants.")
    if target.provider_state() != "Registered":
        raise ArmError(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription '{target.id}' is not registered to use namespace 'Microsoft.AzureStack'.",
        )
