#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move a registration to another resource group or subscription."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_registration_move
short_description: Move the registration of a stamp to another resource group or subscription
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Moves the registration resource; name, tenants and activation key's claims but for its place stay. The lock is lifted for the
    move and put on in the new place, and the bridge principal gets its role there, because role assignments do not move along.
  - A registration that is in the new place already is not moved; its lock and role assignment are seen to. So an interrupted
    move is finished by running it again.
  - The activation of the stamp still names the old place afterwards. Activate the stamp again with a new activation key.
  - Between subscriptions Azure moves registrations of CSP subscriptions of the same partner only.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_azure
attributes:
  check_mode:
    support: full
    details:
      - Whether Azure allows the move to another subscription is only known when it is asked for.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  registration_id:
    description: Resource id of the registration, in its old place.
    type: str
  name:
    description: Name of the registration, instead of its resource id.
    type: str
  resource_group:
    description: Resource group that the registration is moved from, with O(name). Defaults to V(azurestack).
    type: str
  cloud_id:
    description:
      - The stamp's cloud id. The registration is found by it when it is not named, and one of another stamp is refused.
    type: str
  target_resource_group:
    description: Resource group that the registration is moved to. It is made when it does not exist.
    type: str
    required: true
  target_subscription_id:
    description: Subscription that the registration is moved to. Defaults to O(subscription_id), the one that it is moved from.
    type: str
  location:
    description: Location of the target group when it has to be made. Defaults to what fits the cloud.
    type: str
  timeout:
    description: Seconds that the move may take.
    type: int
    default: 3600
  provider_timeout:
    description: Seconds to wait until the resource provider is usable in the target subscription when it had to be registered.
    type: int
    default: 600
  replication_timeout:
    description: Seconds to wait until the bridge principal can be given its role.
    type: int
    default: 300
  preflight:
    description: Whether to check, before the first write, that the account may do everything at both ends.
    type: bool
    default: true
seealso:
  - module: azurestack.hub.azs_registration
"""

EXAMPLES = r"""
- name: Move the registration of a stamp to another resource group
  azurestack.hub.azs_registration_move:
    subscription_id: "{{ subscription }}"
    cloud_id: "{{ cloud_id }}"
    target_resource_group: stamps
"""

RETURN = r"""
registration:
  description: Where the registration is; in check mode where it would be.
  returned: success
  type: dict
  sample:
    id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/stamps/providers/Microsoft.AzureStack/registrations/north
    name: north
    resource_group: stamps
    subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
moved_from:
  description: Resource id that the registration had before. Null when it was not moved.
  returned: success
  type: str
actions:
  description:
    - What was done, or in check mode would be done, in this order.
    - Of C(register_provider), C(create_resource_group), C(lift_lock), C(move), C(put_lock), C(assign_role).
  returned: success
  type: list
  elements: str
  sample: [lift_lock, move, put_lock]
cloud:
  description: What the cloud says about itself, for the option C(cloud_metadata) of later tasks.
  returned: success
  type: dict
  sample: {name: AzureCloud, resource_manager: https://management.azure.com}
"""

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import registrar, relocation
from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts, preflight
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of


def work(module: AzsModule) -> dict[str, t.Any]:
    """Move the registration, unless it is there."""
    params = module.params
    azure = session.connect(module)
    journey = relocation.Journey(
        source=_source(params, azure),
        cloud_id=params["cloud_id"],
        subscription_id=session.subscription_id(params["target_subscription_id"] or azure.subscription_id),
        resource_group=params["target_resource_group"],
        location=params["location"],
        timeout=params["timeout"],
    )
    how = registrar.How(
        check=module.check_mode,
        warn=module.warn,
        **{name: params[name] for name in ("preflight", "provider_timeout", "replication_timeout")},
    )
    outcome = relocation.move(azure, journey, how)
    moved = preflight.MOVE in outcome.actions
    return {
        "changed": bool(outcome.actions),
        "diff": diff_of(outcome.before, outcome.after),
        "registration": {"id": str(outcome.id), **dataclasses.asdict(outcome.id), "cloud_id": outcome.cloud_id},
        "moved_from": outcome.before["registration_id"] if moved else None,
        "actions": outcome.actions,
        "cloud": azure.cloud.as_result(),
    }


def _source(params: dict[str, t.Any], azure: session.Azure) -> RegistrationId | None:
    """Return the registration that is named, None when it is to be found by cloud id. Raises AzsError."""
    if params["registration_id"]:
        where = RegistrationId.parse(params["registration_id"])
        if not claims.same_id(where.subscription_id, azure.subscription_id):
            raise conflicts.in_another_subscription(
                "The stamp", str(where), where.subscription_id, azure.subscription_id
            )
        return where
    if params["name"]:
        return RegistrationId(azure.subscription_id, params["resource_group"] or DEFAULT_GROUP, params["name"])
    return None


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            "registration_id": {"type": "str"},
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "cloud_id": {"type": "str"},
            "target_resource_group": {"type": "str", "required": True},
            "target_subscription_id": {"type": "str"},
            "location": {"type": "str"},
            "timeout": {"type": "int", "default": 3600},
            "provider_timeout": {"type": "int", "default": 600},
            "replication_timeout": {"type": "int", "default": 300},
            "preflight": {"type": "bool", "default": True},
        },
        required_one_of=[("registration_id", "name", "cloud_id")],
        mutually_exclusive=[("registration_id", "name"), ("registration_id", "resource_group")],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
