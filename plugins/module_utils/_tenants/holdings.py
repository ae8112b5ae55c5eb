# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tenants a registration holds. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mappings

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration


@dataclasses.dataclass(frozen=True)
class Held:
    """A registration and its mappings.

    :param found: tenants by subscription id.
    :param hidden: whether Azure's list does not show the subscription that was looked for, although it is mapped.
    """

    registration: Registration
    found: dict[str, str | None]
    hidden: bool = False


def read(client: ArmClient, registration: Registration, subscription: str | None) -> Held:
    """Return the mappings of a registration. Raises as ArmClient.request.

    :param subscription: one that is asked for by itself when the list does not show it.
    """
    found = mappings.list_all(client, registration.id)
    if not subscription or subscription in found:
        return Held(registration, found)
    hidden, tenant = mappings.find(client, registration.id, subscription)
    return Held(registration, {**found, subscription: tenant} if hidden else found, hidden)
