# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM: customer subscriptions of a registration (which tenant's usage bills to which subscription of a CSP)."""

from __future__ import annotations

import re
import uuid
from typing import Any

from .arm import REGISTRATION, REGISTRATION_VERSIONS, Call, route
from .cloud import NAMESPACE, ArmError, Registration
from .fleet import CustomerSpec
from .web import Answer

TYPE = f"{NAMESPACE}/registrations/customerSubscriptions"
LIST = REGISTRATION + "/customersubscriptions"
ONE = LIST + r"/(?P<customer>[^/]+)"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _registration(call: Call) -> Registration:
    """The path's registration; this resource type has a code of its own for a missing one (facts, section 7)."""
    try:
        return call.registration
    except ArmError as error:
        raise ArmError(
            404,
            "RegistrationNotFound",
            f"The registration '{call.ids['registration']}' was not found. Check the subscription, the resource group"
            " and the name of the registration.",
        ) from error


def _body(call: Call, customer: str, tenant: str) -> dict[str, Any]:
    return {
        "id": f"{call.registration_scope}/customerSubscriptions/{customer}",
        "name": customer,
        # The service really writes a backslash in lists of this type.
        "type": "Microsoft.AzureStack\\customerSubscriptions",
        "properties": {"tenantId": tenant},
    }


@route("GET", LIST, f"{TYPE}/read", REGISTRATION_VERSIONS)
def list_customers(call: Call) -> Answer:
    """The mappings of a registration, paged."""
    registration, settings = _registration(call), call.world.settings
    entries = [] if settings.empty_mapping_list else list(registration.customers.items())
    if not entries and settings.bodyless_empty_lists:
        return Answer()
    page = call.page(entries, lambda entry: _body(call, *entry))
    if settings.padded_mapping_ids:
        for entry in page["value"]:
            entry["name"] = f" {registration.name}/{entry['name']} "
    return Answer(body=page)


@route("GET", ONE, f"{TYPE}/read", REGISTRATION_VERSIONS)
def get_customer(call: Call) -> Answer:
    """One mapping; letter case counts although the name is a GUID."""
    registration, customer = _registration(call), call.ids["customer"]
    if customer not in registration.customers:
        raise _not_found(call, customer, registration)
    return Answer(body=_body(call, customer, registration.customers[customer]))


@route("PUT", ONE, f"{TYPE}/write", REGISTRATION_VERSIONS)
def put_customer(call: Call) -> Answer:
    """Map a subscription; a tenant's earlier subscription is overwritten."""
    registration, customer = _registration(call), call.ids["customer"]
    known = _check(call, registration, customer)
    call.require_unlocked(call.registration_scope, "write")
    wanted = (call.request.json().get("properties") or {}).get("tenantId")
    # Without a tenant in the request the service finds the subscription's own; so that the same one is found again,
    # an unknown subscription's tenant is derived from its id.
    tenant = str(wanted or (known.tenant if known else "") or uuid.uuid5(uuid.NAMESPACE_OID, customer.lower()))
    registration.map(customer, tenant)
    if call.world.settings.mapping_status == 200:
        return Answer(200, _body(call, customer, tenant))
    return Answer(call.world.settings.mapping_status)


@route("DELETE", ONE, f"{TYPE}/delete", REGISTRATION_VERSIONS)
def delete_customer(call: Call) -> Answer:
    """Remove a mapping; the registration's lock, inherited, forbids that."""
    registration, customer = _registration(call), call.ids["customer"]
    if customer not in registration.customers:
        raise _not_found(call, customer, registration)
    call.require_unlocked(f"{call.registration_scope}/customerSubscriptions/{customer}", "delete")
    registration.unmap(customer)
    return Answer(204)


def _not_found(call: Call, customer: str, registration: Registration) -> ArmError:
    return ArmError(
        404,
        call.world.settings.absent_mapping_code,
        f"The customer subscription '{customer}' does not exist on the registration '{registration.name}'.",
    )


def _check(call: Call, registration: Registration, customer: str) -> CustomerSpec | None:
    """The rules for mapping (facts, section 7); what the fleet file says of the subscription. Raises ArmError."""
    if not GUID.fullmatch(customer):
        raise ArmError(400, "InvalidCustomerSubscriptionId", f"'{customer}' is not a valid Azure subscription.")
    if registration.claims["billingModel"] == "Capacity":
        raise ArmError(
            400,
            "CustomerSubscriptionsNotAllowed",
            "Customer subscriptions cannot be added to a registration with the capacity billing model.",
        )
    if not call.subscription.spec.multi_tenant:
        raise ArmError(
            403,
            "UnauthorizedCspRegistration",
            f"The registration '{registration.name}' is not approved for multi-tenancy.",
        )
    if not call.cloud.customers:
        return None
    known = call.cloud.customers.get(customer.lower())
    if known is None:
        raise ArmError(400, "InvalidCustomerSubscriptionId", f"'{customer}' is not a valid Azure subscription.")
    if not known.csp:
        raise ArmError(400, "InvalidCSPSubscription", f"'{customer}' is not a CSP subscription.")
    if known.partner != call.subscription.spec.partner:
        raise ArmError(
            400, "BadCustomerSubscriptionId", f"The subscription '{customer}' rolls up to another CSP partner."
        )
    return known
