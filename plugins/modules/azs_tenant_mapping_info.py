#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tenant mappings, and compare one tenant over all registrations."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_tenant_mapping_info
short_description: Read the tenant mappings of Azure Stack Hub registrations
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads the tenant mappings of one registration, or of all registrations of a subscription or resource group.
  - With O(customer_subscription_id) or O(customer_tenant_id) it tells for each registration how it holds that tenant, and
    which registrations lack it.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_azure
options:
  registration_id:
    description:
      - Resource id of a registration, in any subscription.
    type: str
  name:
    description:
      - Name of a registration, in O(resource_group).
    type: str
  resource_group:
    description:
      - Resource group of the registration. Defaults to V(azurestack) with O(name).
      - Without O(name) and O(registration_id), the registrations of this group are read instead of the subscription's.
    type: str
  cloud_id:
    description:
      - Only registrations of the stamp with this cloud id.
    type: str
  customer_subscription_id:
    description:
      - The Azure subscription of the tenant to compare, letter case included. When a registration's list does not hold it, it
        is asked for by itself, because the list has been seen empty although mappings existed.
    type: str
  customer_tenant_id:
    description:
      - The directory of the tenant to compare.
    type: str
  limit:
    description:
      - How many mappings are returned at most, of all registrations together. The counts are complete.
      - V(0) returns all. Mind that AWX drops results of more than 700,000 characters, which are some 6,000 mappings.
    type: int
    default: 2000
  in_flight:
    description:
      - Registrations that are read at the same time, at most. From 1 to 64.
    type: int
    default: 16
seealso:
  - module: azurestack.hub.azs_tenant_mapping
"""

EXAMPLES = r"""
- name: Read the mappings of a registration
  azurestack.hub.azs_tenant_mapping_info:
    subscription_id: "{{ subscription }}"
    name: "{{ registration_name }}"
  register: mapped

- name: On which stamps is this tenant missing?
  azurestack.hub.azs_tenant_mapping_info:
    subscription_id: "{{ subscription }}"
    customer_subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
    customer_tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001
  register: tenant

- name: Show them
  ansible.builtin.debug:
    msg: "{{ tenant.missing }}"
"""

RETURN = r"""
registrations:
  description:
    - The registrations with their mappings, as many as O(limit) allows.
    - C(hidden_from_list) tells that Azure's list does not show the subscription that is compared, although it is mapped.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/azurestack-1
      name: azurestack-1
      resource_group: azurestack
      subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
      cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      count: 1
      hidden_from_list: false
      mappings:
        - subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
          tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001
comparison:
  description:
    - How each registration holds the tenant that is compared.
    - C(state) is C(mapped), C(missing), C(other_subscription) when the tenant has another one there, C(other_tenant) when the
      subscription is mapped for another tenant, or C(other_letter_case) when only an id that differs in letter case is mapped.
      The ids are those that were found.
  returned: when a tenant is compared
  type: list
  elements: dict
  sample:
    - id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/azurestack-1
      name: azurestack-1
      cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      state: missing
      subscription_id:
      tenant_id:
missing:
  description: Names of the registrations on which the tenant is not mapped as given.
  returned: when a tenant is compared
  type: list
  elements: str
  sample: [azurestack-1]
cloud:
  description: What the cloud says about itself, for the option C(cloud_metadata) of later tasks.
  returned: success
  type: dict
  sample:
    name: AzureCloud
    resource_manager: https://management.azure.com
    authority: https://login.microsoftonline.com
    audience: https://management.core.windows.net/
"""

import dataclasses
import itertools
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import registrations, session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import comparison, holdings, whereabouts, workers
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.holdings import Held


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the mappings, and compare the tenant if one is given."""
    params = module.params
    workers.check_in_flight(params["in_flight"])
    azure = session.connect(module, connections=params["in_flight"])
    subscription, tenant = params["customer_subscription_id"], params["customer_tenant_id"]
    read: dict[RegistrationId, Held] = {}

    def look(one: Registration) -> None:
        read[one.id] = holdings.read(azure.client, one, subscription)

    found = _registrations(azure, params)
    workers.each(found, look, in_flight=params["in_flight"])
    held = [read[one.id] for one in found]
    result: dict[str, t.Any] = {
        "changed": False,
        "registrations": _shown(held, params["limit"]),
        "cloud": azure.cloud.as_result(),
    }
    if subscription or tenant:
        standings = [(one.registration, comparison.compare(one.found, subscription, tenant)) for one in held]
        result["comparison"] = [
            {"id": str(where.id), "name": where.id.name, "cloud_id": where.cloud_id, **dataclasses.asdict(standing)}
            for where, standing in standings
        ]
        result["missing"] = [where.id.name for where, standing in standings if standing.state != comparison.MAPPED]
    return result


def _registrations(azure: session.Azure, params: t.Mapping[str, t.Any]) -> list[Registration]:
    if not params["registration_id"] and not params["name"]:
        return whereabouts.several(azure, params)
    where: RegistrationId = whereabouts.one(azure, params)
    found = registrations.get(azure.client, where)
    return [found] if found else []


def _shown(held: list[Held], limit: int) -> list[dict[str, t.Any]]:
    left = limit or sum(len(one.found) for one in held)
    shown = []
    for one in held:
        listed = list(itertools.islice(one.found.items(), left))
        left -= len(listed)
        shown.append(
            {
                "id": str(one.registration.id),
                **dataclasses.asdict(one.registration.id),
                "cloud_id": one.registration.cloud_id,
                "count": len(one.found),
                "hidden_from_list": one.hidden,
                "mappings": [{"subscription_id": subscription, "tenant_id": tenant} for subscription, tenant in listed],
            }
        )
    return shown


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            **whereabouts.PLACE_SPEC,
            "customer_subscription_id": {"type": "str"},
            "customer_tenant_id": {"type": "str"},
            "limit": {"type": "int", "default": 2000},
            "in_flight": {"type": "int", "default": 16},
        },
        mutually_exclusive=[("registration_id", "name", "cloud_id")],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
