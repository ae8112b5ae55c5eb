#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the activation key of a registration into an artifact."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_activation_key
short_description: Export the activation key of a registration
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Exports the activation key of a registration from Azure and writes it, with its manifest entry, where
    M(azurestack.hub.azs_activation) reads it.
  - Azure signs every export anew. An artifact is kept when the claims in it are those of the registration now, whatever
    its text is; then nothing is written.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.artifact
  - azurestack.hub.artifact.write
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_azure
attributes:
  check_mode:
    support: full
    details: Exports the key, which changes nothing in Azure, and writes no file.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  registration_id:
    description: Resource id of the registration, instead of O(name).
    type: str
  name:
    description: Name of the registration, instead of O(registration_id).
    type: str
  resource_group:
    description: Resource group of the registration that O(name) names.
    type: str
    default: azurestack
  cloud_id:
    description: The stamp's cloud id. A key of another stamp is refused, and nothing is written.
    type: str
  replication_timeout:
    description:
      - Seconds to wait until a registration that was just made is known everywhere. Until then Azure may say that it is not there.
        Set it only for a registration that is known to be there.
    type: int
    default: 0
seealso:
  - module: azurestack.hub.azs_registration
  - module: azurestack.hub.azs_activation
"""

EXAMPLES = r"""
- name: Export the activation key into the bundle
  azurestack.hub.azs_activation_key:
    subscription_id: "{{ subscription }}"
    tenant: "{{ tenant }}"
    client_id: "{{ client_id }}"
    secret: "{{ secret }}"
    registration_id: "{{ registered.registration.id }}"
    cloud_id: "{{ registered.registration.cloud_id }}"
    cloud_metadata: "{{ registered.cloud }}"
    bundle: /var/lib/azurestack/bundle
    stamp: "{{ inventory_hostname }}"
  delegate_to: azure-gateway
"""

RETURN = r"""
key:
  description:
    - The artifact, and what the key says. In check mode C(sha256) and C(created) of a new one are null.
  returned: success
  type: dict
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    billing_model: Capacity
    marketplace_syndication: false
    usage_reporting: false
    bridge_principal:
    token_version: "1.0"
    registration_id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
    expires: "9999-12-30T23:59:59Z"
    sha256: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
    created: "2026-11-20T09:30:00Z"
    path: /var/lib/azurestack/bundle/stamp01.activation-key.txt
    encrypted: false
expires_in_days:
  description:
    - Whole days until the registration expires, by Azure's clock; negative when it has expired.
    - Null when it never expires.
  returned: success
  type: int
  sample: null
kept:
  description: Whether the artifact that was there is still right and was kept.
  returned: success
  type: bool
content:
  description: The activation key.
  returned: when O(return_content=true)
  type: str
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import keys
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover
from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


def work(module: AzsModule) -> dict[str, t.Any]:
    """Export the key, and write it unless the artifact that is there is still right."""
    params = module.params
    where = handover.target_of(module, bundle.KEY)
    if params["registration_id"]:
        registration = RegistrationId.parse(params["registration_id"])
    else:
        registration = RegistrationId(session.named_subscription(module), params["resource_group"], params["name"])
    asked = keys.Export(where, registration, params["cloud_id"], patience=params["replication_timeout"])
    return keys.export(module, session.connect(module).client, asked)


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            **handover.WRITE_SPEC,
            "registration_id": {"type": "str"},
            "name": {"type": "str"},
            "resource_group": {"type": "str", "default": DEFAULT_GROUP},
            "cloud_id": {"type": "str"},
            "replication_timeout": {"type": "int", "default": 0},
        },
        mutually_exclusive=[*handover.PLACE_CONSTRAINTS["mutually_exclusive"], ("registration_id", "name")],
        required_by=handover.PLACE_CONSTRAINTS["required_by"],
        required_one_of=[("registration_id", "name")],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
