#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a connected stamp's activation and its registration."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_connected_info
short_description: Read the activation of a connected Azure Stack Hub and its registration
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads what M(azurestack.hub.azs_activation_info) and M(azurestack.hub.azs_registration_info) read, the second one after what
    the first one found. One process does both where one host reaches both, at half the cost.
  - The registration is the one that the stamp is activated with, else that of O(cloud_id), else that of the cloud id that the
    bundle remembers.
  - With O(bundle) the receipt of the last activation stands in where O(admin_endpoint) is not given or does not answer.
extends_documentation_fragment:
  - azurestack.hub.admin
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_azure_admin
options:
  azure_host:
    description:
      - Inventory name of the host that reaches Azure, when it is not the one that the task runs on. The options of Azure are then
        given to that host alone, those of the stamp to the task's host alone.
    type: str
  cloud_id:
    description:
      - The stamp's cloud id, when it is known. It lets the registration of a stamp be found that is not activated.
    type: str
  bundle:
    description:
      - Directory of the bundle with the stamp's artifacts, on the host that the task runs on.
    type: path
    required: true
  stamp:
    description: Name of the stamp in O(bundle).
    type: str
    required: true
  all_registrations:
    description:
      - Whether all registrations of the cloud id are read, and not the one alone that the activation names.
    type: bool
    default: false
  old_subscription_id:
    description: A subscription whose registrations of the cloud id are read, too.
    type: str
seealso:
  - module: azurestack.hub.azs_activation_info
  - module: azurestack.hub.azs_registration_info
  - module: azurestack.hub.azs_plan
"""

EXAMPLES = r"""
- name: Read the activation of the stamp and its registration
  azurestack.hub.azs_connected_info:
    subscription_id: "{{ subscription }}"
    admin_endpoint: https://adminmanagement.local.azurestack.example
    admin_tenant: "{{ tenant }}"
    admin_client_id: "{{ client_id }}"
    admin_secret: "{{ secret }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
    azure_host: gateway01
  delegate_to: paw01
  register: found
"""

RETURN = r"""
activation:
  description: As of M(azurestack.hub.azs_activation_info).
  returned: success
  type: dict
remembered:
  description: As of M(azurestack.hub.azs_activation_info).
  returned: success
  type: dict
registrations:
  description:
    - As of M(azurestack.hub.azs_registration_info), with lock and role assignment.
    - Null when nothing tells which registration the stamp has; where nothing names one, and nothing tells the cloud id, Azure is not
      asked. An activation names a registration that is not there when that was moved.
  returned: success
  type: list
  elements: dict
old_registrations:
  description: Those in O(old_subscription_id), without lock and key. Not returned where it is the subscription itself.
  returned: when O(old_subscription_id) is given, and Azure was asked
  type: list
  elements: dict
cloud:
  description: As of M(azurestack.hub.azs_registration_info).
  returned: when Azure was asked
  type: dict
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import leads
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._observe import activation, registration


def work(module: AzsModule) -> dict[str, t.Any]:
    """Read the activation, and then the registration that it leads to."""
    known, params = activation.read(module), module.params
    where = leads.to_registration(known, params["cloud_id"], every=params["all_registrations"])
    if where is None:
        return {**known, "registrations": None}
    found = registration.of_stamp(
        module, where, every=params["all_registrations"], old_subscription_id=params["old_subscription_id"]
    )
    return {**known, **found}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("admin", "azure"),
        argument_spec={
            "azure_host": {"type": "str"},
            "cloud_id": {"type": "str"},
            "bundle": {"type": "path", "required": True},
            "stamp": {"type": "str", "required": True},
            "all_registrations": {"type": "bool", "default": False},
            "old_subscription_id": {"type": "str"},
        },
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
