# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant over all registrations: where is it mapped, and where is it missing? FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import same_tenant, twins

MAPPED: t.Final = "mapped"
MISSING: t.Final = "missing"
OTHER_SUBSCRIPTION: t.Final = "other_subscription"
OTHER_TENANT: t.Final = "other_tenant"
OTHER_CASE: t.Final = "other_letter_case"


@dataclasses.dataclass(frozen=True)
class Standing:
    """How a registration holds a tenant.

    :param state: MAPPED, MISSING, OTHER_SUBSCRIPTION (the tenant has another one), OTHER_TENANT (the subscription is
        another one's) or OTHER_CASE (only an id that differs in letter case is mapped).
    :param subscription_id: the mapping that was found instead, or as wanted; None when there is none.
    :param tenant_id: its tenant.
    """

    state: str
    subscription_id: str | None = None
    tenant_id: str | None = None


def compare(found: t.Mapping[str, str | None], subscription: str | None, tenant: str | None) -> Standing:
    """Return how a registration holds a tenant that is given by its subscription, its directory, or both.

    :param found: the registration's mappings, tenants by subscription id.
    """
    theirs = next((one for one, owner in found.items() if tenant and owner and same_tenant(owner, tenant)), None)
    if subscription is None:
        return Standing(MISSING) if theirs is None else Standing(MAPPED, theirs, found[theirs])
    if subscription in found:
        owner = found[subscription]
        fits = tenant is None or owner is None or same_tenant(owner, tenant)
        return Standing(MAPPED if fits else OTHER_TENANT, subscription, owner)
    twin = next((other for _one, other in twins([subscription], found)), None)
    if twin is not None:
        return Standing(OTHER_CASE, twin, found[twin])
    return Standing(MISSING) if theirs is None else Standing(OTHER_SUBSCRIPTION, theirs, found[theirs])
