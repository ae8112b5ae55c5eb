# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM: the registrations of Azure Stack Hub stamps, and their activation keys."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .arm import GROUP, REGISTRATION, REGISTRATION_VERSIONS, SUBSCRIPTION, Call, route
from .cloud import NAMESPACE, ArmError, Group, Registration, Subscription
from .web import Answer

TYPE = f"{NAMESPACE}/registrations"


def _shown_object_id(registration: Registration, form: str) -> str | None:
    """What the resource shows as object id; of a disconnected stamp's that is not published."""
    told = registration.claims.get("objectId")
    if told or form == "none":
        return told or None
    return str(uuid.UUID(int=0)) if form == "zeros" else str(uuid.uuid5(uuid.NAMESPACE_OID, registration.cloud_id))


def registration_body(
    subscription: Subscription, group: Group, registration: Registration, object_id_form: str
) -> dict[str, Any]:
    """The resource as ARM shows it: never the token."""
    object_id = _shown_object_id(registration, object_id_form)
    # Members and their order as recorded (azure.json).
    return {
        "id": subscription.registration_scope(group, registration),
        "name": registration.name,
        "type": TYPE,
        "etag": registration.etag,
        "location": "global",
        **({"tags": registration.tags} if registration.tags else {}),
        "properties": {
            "cloudId": registration.cloud_id,
            **({"objectId": object_id} if object_id else {}),
            "billingModel": registration.claims["billingModel"],
        },
    }


def require_provider(call: Call) -> None:
    """Raise ArmError (MissingSubscriptionRegistration) until the provider is Registered."""
    if call.subscription.provider_state() != "Registered":
        raise ArmError(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{NAMESPACE}'. See https://aka.ms/rps-not-found for"
            " how to register subscriptions.",
        )


@route("GET", SUBSCRIPTION + rf"/providers/{NAMESPACE}/registrations", f"{TYPE}/read", REGISTRATION_VERSIONS)
def list_by_subscription(call: Call) -> Answer:
    """All registrations of a subscription."""
    require_provider(call)
    entries = [
        (group, registration)
        for group in call.subscription.groups.values()
        for registration in group.registrations.values()
        if registration.known_from <= time.monotonic()
    ]
    return Answer(
        body=call.page(
            entries,
            lambda entry: registration_body(
                call.subscription, entry[0], entry[1], call.world.settings.disconnected_object_id
            ),
        )
    )


@route("GET", GROUP + rf"/providers/{NAMESPACE}/registrations", f"{TYPE}/read", REGISTRATION_VERSIONS)
def list_by_group(call: Call) -> Answer:
    """The registrations of a resource group."""
    group = call.group
    entries = list(group.registrations.values())
    return Answer(
        body=call.page(
            entries,
            lambda entry: registration_body(
                call.subscription, group, entry, call.world.settings.disconnected_object_id
            ),
        )
    )


@route("GET", REGISTRATION, f"{TYPE}/read", REGISTRATION_VERSIONS)
def get_registration(call: Call) -> Answer:
    """One registration."""
    return Answer(
        body=registration_body(
            call.subscription, call.group, call.registration, call.world.settings.disconnected_object_id
        )
    )


@route("HEAD", REGISTRATION, f"{TYPE}/read", REGISTRATION_VERSIONS)
def head_registration(call: Call) -> Answer:
    """Whether a registration exists: 204 or 404."""
    return Answer(204 if call.ids["registration"].lower() in call.group.registrations else 404)


@route("PUT", REGISTRATION, f"{TYPE}/write", REGISTRATION_VERSIONS)
def put_registration(call: Call) -> Answer:
    """Register a stamp by its token, or register it again; for the latter locks have to be lifted (facts, 4)."""
    return _write(call, call.request.json())


@route("PATCH", REGISTRATION, f"{TYPE}/write", REGISTRATION_VERSIONS)
def patch_registration(call: Call) -> Answer:
    """Change tags, or register again when there is a token."""
    registration, body = call.registration, call.request.json()
    if (body.get("properties") or {}).get("registrationToken"):
        return _write(call, {"location": "global", "tags": registration.tags, **body})
    call.require_unlocked(call.registration_scope, "write")
    registration.tags = {**registration.tags, **(body.get("tags") or {})}
    call.cloud.touch(registration)
    return Answer(
        body=registration_body(call.subscription, call.group, registration, call.world.settings.disconnected_object_id)
    )


def _write(call: Call, body: dict[str, Any]) -> Answer:
    require_provider(call)
    group, name = call.group, call.ids["registration"]
    location, token = body.get("location"), (body.get("properties") or {}).get("registrationToken")
    if str(location).lower() != "global":
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{TYPE}'. List of available regions"
            " for the resource type is 'global'.",
        )
    if not isinstance(token, str) or not token:
        raise ArmError(400, "InvalidRegistrationToken", "The registration token is malformed.")
    existing = group.registrations.get(name.lower())
    if existing:
        scope = call.subscription.registration_scope(group, existing)
        call.require_none(scope, "write", _stopping(call, scope))
        if call.request.headers.get("If-Match", "*") not in ("*", existing.etag):
            raise ArmError(412, "PreconditionFailed", "The etag does not match that of the registration.")
    else:
        call.require_unlocked(call.subscription.group_scope(group), "write")
    registration, new = call.cloud.put_registration(
        call.subscription, group, name, token, call.caller.object_id, body.get("tags") or {}
    )
    return Answer(
        201 if new else 200,
        registration_body(call.subscription, group, registration, call.world.settings.disconnected_object_id),
    )


def _stopping(call: Call, scope: str) -> list[str]:
    """The scopes of the locks that stop registering again: those that forbid writes, and of the others what the setting says."""
    others = {
        "none": lambda lock: False,
        "own": lambda lock: lock.scope.lower() == scope.lower(),
        "any": lambda lock: True,
    }[call.world.settings.locked_writes]
    return [lock.scope for lock in call.cloud.access.locks_at(scope) if lock.level == "ReadOnly" or others(lock)]


@route("DELETE", REGISTRATION, f"{TYPE}/delete", REGISTRATION_VERSIONS)
def delete_registration(call: Call) -> Answer:
    """Remove a registration; 204 when there is none."""
    if call.ids["registration"].lower() not in call.group.registrations:
        return Answer(204)
    call.require_unlocked(call.registration_scope, "delete")
    call.cloud.delete_registration(call.subscription, call.group, call.registration)
    return Answer(200)


@route("POST", REGISTRATION + "/getactivationkey", f"{TYPE}/getActivationKey/action", REGISTRATION_VERSIONS)
def get_activation_key(call: Call) -> Answer:
    """Export the activation key; changes nothing."""
    key = call.cloud.activation_key(call.subscription, call.group, call.registration)
    return Answer(body={"activationKey": key})
