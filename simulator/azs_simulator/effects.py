# SPDX-License-Identifier: GPL-3.0-or-later
"""Side effects behind the clients' backs (control API: ``POST /do/{what}``): drift, failures, and what people do.

Every function here takes the world and the keywords of the request; what it returns is the JSON answer. Errors are
ValueError, KeyError, FleetError, ArmError and CmdletError; the control API answers 400 with their text.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import tokens
from .access import Lock
from .cloud import Cloud, Group, Registration, Subscription
from .fleet import PrincipalSpec
from .stamp import FIRST_PARTY_CLIENTS, Stamp
from .world import LOCK_NAME, World

EFFECTS: dict[str, Callable[..., Any]] = {}


def effect(function: Callable[..., Any]) -> Callable[..., Any]:
    """Offer a function under its name, with hyphens."""
    EFFECTS[function.__name__.replace("_", "-")] = function
    return function


async def run(world: World, what: str, arguments: Mapping[str, Any]) -> Any:
    """Do it. Raises ValueError when the name or the keywords are wrong."""
    if what not in EFFECTS:
        raise ValueError(f"cannot do '{what}' (known: {', '.join(sorted(EFFECTS))})")
    try:
        inspect.signature(EFFECTS[what]).bind(world, **arguments)
    except TypeError as error:
        raise ValueError(f"{what}: {error}") from error
    result = EFFECTS[what](world, **arguments)
    return await result if inspect.isawaitable(result) else result


def _stamp(world: World, name: str) -> Stamp:
    if name not in world.stamps:
        raise ValueError(f"there is no stamp '{name}' (known: {', '.join(world.stamps)})")
    return world.stamps[name]


def _cloud(world: World, name: str = "") -> Cloud:
    if name and name not in world.clouds:
        raise ValueError(f"there is no cloud '{name}' (known: {', '.join(world.clouds)})")
    return world.clouds[name] if name else next(iter(world.clouds.values()))


def _registration(world: World, stamp: str) -> tuple[Subscription, Group, Registration]:
    """The registration of a stamp given by name."""
    found = _stamp(world, stamp)
    for entry in found.cloud.registrations():
        if entry[2].cloud_id.lower() == found.cloud_id.lower():
            return entry
    raise ValueError(f"stamp {stamp} is not registered in {found.cloud.name}")


# -- registrations in Azure ------------------------------------------------------------------------------------------


@effect
def add_registration(
    world: World,
    name: str = "",
    cloud_id: str = "",
    group: str = "azurestack",
    billing_model: str = "PayAsYouUse",
    cloud: str = "",
    subscription: str = "",
    count: int = 1,
) -> list[str]:
    """Registrations of stamps that are not simulated; their ids."""
    place = _cloud(world, cloud)
    sub = place.subscription(subscription)
    sub.have_provider()
    holder = sub.groups.setdefault(group.lower(), Group(group, place.spec.locations[0]))
    made = []
    for number in range(count):
        claims = {"cloudId": cloud_id or world.dice.guid(), "billingModel": billing_model, "version": "4.0"}
        claims["objectId"] = world.dice.guid()
        token = world.registration_tokens.write(claims)
        title = name + (f"-{number + 1}" if count > 1 else "") if name else f"azurestack-{claims['cloudId']}"
        registration, _new = place.put_registration(sub, holder, title, token, "", {})
        made.append(sub.registration_scope(holder, registration))
    return made


@effect
def delete_registration(world: World, stamp: str) -> None:
    """Remove a stamp's registration, lock or no lock."""
    sub, group, registration = _registration(world, stamp)
    sub.cloud.delete_registration(sub, group, registration)


@effect
def edit_registration(world: World, stamp: str, claims: dict[str, Any]) -> None:
    """Change what a registration holds, e.g. billingModel, usageReportingEnabled, objectId, hardwareInfo."""
    sub, _group, registration = _registration(world, stamp)
    registration.claims = {**registration.claims, **claims}
    sub.cloud.touch(registration)


@effect
def expire_registration(world: World, stamp: str, days: float = -1) -> None:
    """Let the registration of a stamp end `days` from now; the stamp's activation stays as it is."""
    world.expire(None, _registration(world, stamp)[2], days)


@effect
def activation_key(world: World, stamp: str) -> str:
    """Export a stamp's activation key."""
    sub, group, registration = _registration(world, stamp)
    return sub.cloud.activation_key(sub, group, registration)


@effect
def map_customers(
    world: World, stamp: str, count: int = 1, ids: list[str] | None = None, mappings: dict[str, str] | None = None
) -> list[str]:
    """Map customer subscriptions on a stamp's registration; their ids.

    `mappings` are tenants by subscription id; `ids` get made-up tenants; without both `count` are made up altogether.
    """
    registration = _registration(world, stamp)[2]
    if mappings is None:
        mappings = {customer: world.dice.guid() for customer in ids or [world.dice.guid() for _number in range(count)]}
    for customer, tenant in mappings.items():
        registration.map(customer, tenant)
    return list(mappings)


@effect
def unmap_customers(world: World, stamp: str, ids: list[str] | None = None) -> None:
    """Remove customer subscriptions from a stamp's registration, lock or no lock; all of them when no ids are given."""
    registration = _registration(world, stamp)[2]
    for customer in ids if ids is not None else list(registration.customers):
        registration.unmap(customer)


@effect
def add_lock(
    world: World, stamp: str = "", scope: str = "", name: str = LOCK_NAME, level: str = "CanNotDelete", cloud: str = ""
) -> None:
    """Lock a stamp's registration, or any scope of a cloud."""
    place, scope = _lock_scope(world, stamp, scope, cloud)
    place.access.put_lock(Lock(name, scope, level))


@effect
def delete_lock(world: World, stamp: str = "", scope: str = "", name: str = LOCK_NAME, cloud: str = "") -> None:
    """Lift a lock of a stamp's registration, or of any scope of a cloud."""
    place, scope = _lock_scope(world, stamp, scope, cloud)
    del place.access.locks[scope.lower(), name.lower()]


def _lock_scope(world: World, stamp: str, scope: str, cloud: str) -> tuple[Cloud, str]:
    if not stamp:
        return _cloud(world, cloud), scope
    sub, group, registration = _registration(world, stamp)
    return sub.cloud, sub.registration_scope(group, registration)


@effect
def accept_own_audience(world: World, cloud: str = "") -> None:
    """Let a cloud take access tokens for its own address, as Azure does for clients that do not read its metadata."""
    place = _cloud(world, cloud)
    place.more_audiences.append(place.arm_url)
    place.directory.audiences.add(place.arm_url)


@effect
def unregister_provider(world: World, cloud: str = "", subscription: str = "") -> None:
    """Forget the resource provider in a subscription."""
    _cloud(world, cloud).subscription(subscription).unregister_provider()


# -- stamps ----------------------------------------------------------------------------------------------------------


@effect
def mint_token(world: World, stamp: str, **params: Any) -> str:
    """A registration token without going through the PEP; `params` are those of New-RegistrationToken."""
    found = _stamp(world, stamp)
    if found.has_key_pair_cmdlet:
        found.create_key_pair()
    return found.mint_token(params)


@effect
def create_principal(world: World, stamp: str, **params: Any) -> dict[str, str]:
    """A bridge principal without going through the PEP; `params` are those of New-AzureBridgeServicePrincipal."""
    return _stamp(world, stamp).create_principal(params)


@effect
def activate_stamp(world: World, stamp: str) -> None:
    """Activate a registered stamp without going through the PEP."""
    _stamp(world, stamp).activate(activation_key(world, stamp))


@effect
def deactivate_stamp(world: World, stamp: str) -> None:
    """Remove a stamp's activation."""
    _stamp(world, stamp).deactivate()


@effect
def expire_activation(world: World, stamp: str, days: float = -1) -> None:
    """Let a stamp's activation end `days` from now; its registration stays as it is."""
    world.expire(_stamp(world, stamp), None, days)


@effect
def edit_activation(world: World, stamp: str, properties: dict[str, Any]) -> None:
    """Change what a stamp's activation says, e.g. usageReportingEnabled."""
    activation = _stamp(world, stamp).activation
    if activation is None:
        raise ValueError(f"stamp {stamp} is not activated")
    activation["properties"] = {**activation["properties"], **properties}


@effect
def set_stamp(
    world: World,
    stamp: str,
    version: str | None = None,
    nodes: int | None = None,
    key_pair: bool | None = None,
    busy: str | None = None,
) -> None:
    """Update a stamp, add or remove nodes, forget its key pair, let it be busy with an action (empty: idle again)."""
    found = _stamp(world, stamp)
    found.version = version or found.version
    found.nodes = nodes or found.nodes
    found.key_pair = found.key_pair if key_pair is None else key_pair
    found.busy = found.busy if busy is None else busy or None


@effect
async def close_ercs(world: World, stamp: str, ercs: int = 1) -> None:
    """Let an ERCS address (1 to 3) refuse connections."""
    await _stamp(world, stamp).pep_servers[ercs - 1].close()


@effect
async def open_ercs(world: World, stamp: str, ercs: int = 1) -> None:
    """Let an ERCS address (1 to 3) listen again."""
    await _stamp(world, stamp).pep_servers[ercs - 1].open()


# -- people and principals -------------------------------------------------------------------------------------------


@effect
def add_principal(world: World, cloud: str = "", **spec: Any) -> dict[str, str]:
    """Somebody new who can sign in; keys as in the fleet file."""
    principal = _cloud(world, cloud).add_principal(PrincipalSpec(**spec))
    return {
        "client_id": principal.client_id,
        "object_id": principal.object_id,
        "tenant_id": principal.tenant_id,
        "secret": principal.secret,
    }


@effect
def expire_secret(world: World, name: str = "", cloud: str = "") -> None:
    """Let an application's secret expire."""
    _cloud(world, cloud).principal(name).secret_expired = True


@effect
def remove_role_assignments(world: World, name: str = "", scope: str = "", cloud: str = "") -> int:
    """Take from a principal its roles at a scope (empty: at all scopes); how many it were."""
    place = _cloud(world, cloud)
    gone = [
        key
        for key, entry in place.access.assignments.items()
        if entry.principal_id == place.principal(name).object_id and scope.lower() in ("", key[0])
    ]
    for key in gone:
        del place.access.assignments[key]
    return len(gone)


@effect
def approve_device_code(world: World, user_code: str, user: str, cloud: str = "") -> None:
    """What a user does in the browser with a device code."""
    place = _cloud(world, cloud)
    place.directory.approve_device_code(user_code, place.principal(user))


@effect
def decline_device_code(world: World, user_code: str, cloud: str = "") -> None:
    """What a user does in the browser when it was not him."""
    _cloud(world, cloud).directory.approve_device_code(user_code, None)


@effect
def refresh_token(world: World, user: str, cloud: str = "", client_id: str = "") -> str:
    """A user's refresh token, of the Azure CLI's client unless another is named."""
    place = _cloud(world, cloud)
    found = place.principal(user)
    return place.directory.refresh_token(found, client_id or min(FIRST_PARTY_CLIENTS), found.tenant_id)


@effect
def oidc_token(world: World, name: str = "", cloud: str = "") -> str:
    """A token of a pipeline or cluster, to be exchanged for one of the application (workload identity)."""
    app, now = _cloud(world, cloud).principal(name), int(time.time())
    claims = {
        "iss": tokens.OIDC_ISSUER,
        "sub": app.client_id,
        "aud": "api://AzureADTokenExchange",
        "iat": now,
        "exp": now + 3600,
    }
    return world.sign_in_key.sign(claims)
