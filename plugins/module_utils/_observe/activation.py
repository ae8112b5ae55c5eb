# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a stamp's activation. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._admin import activations
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import memory
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt as receipts
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import Unreachable

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Caller


def read(module: Caller) -> dict[str, t.Any]:
    """Return the activation as a task result, and what the bundle remembers of the stamp when the options name it.

    :param module: with the options of the admin family; bundle and stamp; products; receipt_stands_in.
    :raises AzsError: the stamp does not answer or refuses, and no receipt stands in.
    """
    params = module.params
    if not params["bundle"]:
        return {"changed": False, "activation": _read(module)}
    remembered, receipt = memory.recall(params["bundle"], params["stamp"], module.warn)
    return {"changed": False, "activation": _known(module, receipt), "remembered": remembered}


def _known(module: Caller, receipt: receipts.Receipt | None) -> dict[str, t.Any]:
    """Return the activation from the stamp when it can be asked, else from the receipt."""
    if module.params["admin_endpoint"]:
        try:
            return _read(module)
        except Unreachable as error:
            if receipt is None or not module.params.get("receipt_stands_in", True):
                raise
            module.warn(f"{error} What is known of the activation comes from the receipt instead.")
    if receipt is None:
        return _shown("none", activations.UNKNOWN, None, None)
    found = activations.Activation(
        registration_id=receipt.registration_id,
        environment=None,
        expires=receipt.expires or claims.NEVER,
        marketplace_syndication=receipt.marketplace_syndication,
        usage_reporting=receipt.usage_reporting,
        provisioning_state=None,
    )
    return _shown("receipt", found.state(expiry.now()), found, None)


def _read(module: Caller) -> dict[str, t.Any]:
    stamp = activations.Stamp(
        activations.AdminOptions.from_params(
            module.params, hide=module.hide, shared=module.shared, tokens=module.tokens
        )
    )
    found = stamp.activation()
    doubt = expiry.unreadable(found.unreadable_expiry, "the activation") if found else None
    if doubt:
        module.warn(doubt)
    products = stamp.products() if found and module.params.get("products") else None
    shown = _shown("activation", activations.state_of(found, expiry.now()), found, products)
    return {**shown, "provider_subscription_id": stamp.subscription_id}


def _shown(evidence: str, state: str, found: activations.Activation | None, products: int | None) -> dict[str, t.Any]:
    where = found.registration if found else None
    return {
        "evidence": evidence,
        "state": state,
        "registration_id": found.registration_id if found else None,
        "registration_name": where.name if where else None,
        "resource_group": where.resource_group if where else None,
        "subscription_id": where.subscription_id if where else None,
        "environment": found.environment if found else None,
        "marketplace_syndication": found.marketplace_syndication if found else None,
        "usage_reporting": found.usage_reporting if found else None,
        "expires": found.expires if found else None,
        "expires_in_days": found.expires_in_days(expiry.now()) if found else None,
        "provisioning_state": found.provisioning_state if found else None,
        "products": products,
        "provider_subscription_id": None,
    }
