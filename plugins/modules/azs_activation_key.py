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
  registered:
    description:
      - What M(azurestack.hub.azs_registration) returned as C(registration), when it registered the stamp in the same run. A key that
        says something else is refused. Somebody else registered the stamp meanwhile.
    type: dict
    default: {}
  replication_timeout:
    description:
      - Seconds to wait until a registration that was just made is known everywhere. Until then Azure may say that it is not there.
        Set it only for a registration that is known to be there.
    type: int
    default: 0
  predicted_key:
    description:
      - What M(azurestack.hub.azs_registration) returned as C(predicted_key). In check mode it stands in for the key of a
        registration that would only be made or changed. Otherwise it is not used.
    type: dict
    default: {}
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
    - Null when it never expires, and in check mode for a key that would only be there later.
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

from ansible_collections.azurestack.hub.plugins.module_utils._arm import keys, provisioning, registrations, session
from ansible_collections.azurestack.hub.plugins.module_utils._arm.ids import DEFAULT_GROUP, RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    bundle,
    handover,
    memory,
    unfinished,
)
from ansible_collections.azurestack.hub.plugins.module_utils._domain import conflicts, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of


def work(module: AzsModule) -> dict[str, t.Any]:
    """Export the key, and write it unless the artifact that is there is still right."""
    params = module.params
    where = handover.target_of(module, bundle.KEY)
    if params["registration_id"]:
        registration = RegistrationId.parse(params["registration_id"])
    else:
        registration = RegistrationId(session.named_subscription(module), params["resource_group"], params["name"])
    entry, artifact = keys.stored(where, module.warn)
    if module.check_mode and params["predicted_key"]:
        said = {name: params["predicted_key"].get(name) for name in keys.FACTS}
        said["registration_id"] = str(registration)
        return _predicted(module, where, said, entry if artifact else None)
    client = session.connect(module).client
    key = provisioning.once_known(lambda: registrations.export_key(client, registration), params["replication_timeout"])
    module.hide(key)
    claims = keys.read(key, params["cloud_id"])
    differing = conflicts.differing_key(params["registered"], vars(claims))
    if differing is not None:
        raise differing
    wrong_clock = expiry.wrong_clock(client.clock_ahead, "Azure Resource Manager")
    if wrong_clock:
        module.warn(
            f"{wrong_clock[0].upper()}{wrong_clock[1:]}: set it. Expiries are compared with Azure's clock here."
        )
    doubt = expiry.unreadable(claims.unreadable_expiry, f"the registration {registration}")
    if doubt:
        module.warn(doubt)
    now = expiry.at_service(expiry.now(), client.clock_ahead)
    if claims.expired(now):
        module.warn(
            f"The registration {registration} has expired ({claims.expires}); no stamp takes its key. Renew it."
        )
    new = keys.new_entry(where, key, claims, str(registration))
    kept = keys.keeps(where, artifact, key, encrypted=params["encrypt"])
    hidden: dict[str, t.Any] = {}
    if kept and artifact is not None:
        for warning in artifact.warnings:
            module.warn(warning)
        if params["return_content"]:
            content = artifact.content or key
            module.hide(content)
            hidden["_azs_sealed"] = handover.seal(content, module.controller["seal"])
    elif not module.check_mode:
        hidden = handover.write(module, where, key, new)
    if where.bundled and not module.check_mode and memory.recall(str(where.path.parent), where.stamp)[0]["unused_key"]:
        unfinished.finish(unfinished.path_of(where))  # the key itself is the mark now: it was not used yet
    file_entry = entry if kept else None if module.check_mode else new
    return {
        "changed": not kept,
        "kept": kept,
        "key": _shown(module, where, keys.facts(new), file_entry),
        "expires_in_days": expiry.days_left(expiry.normal(claims.expires), now),
        "diff": diff_of(keys.facts(entry), keys.facts(entry if kept else new)),
        **hidden,
    }


def _predicted(
    module: AzsModule, where: bundle.Place, said: dict[str, t.Any], entry: bundle.Entry | None
) -> dict[str, t.Any]:
    """Return the result for a key that would only be exported later.

    :param entry: of the artifact that is there, which is kept when it says the same. What is foretold tells neither nodes nor
        expiry; but no new key has expired.
    """
    there = keys.facts(entry)
    same = (
        entry is not None
        and module.params["encrypt"] == (entry.encrypted_sha256 is not None)
        and not expiry.passed(there.get("expires"))
    )
    kept = same and all(
        str(value).lower() == str(there.get(name)).lower() for name, value in said.items() if value is not None
    )
    return {
        "changed": not kept,
        "kept": kept,
        "key": _shown(module, where, there if kept else said, entry if kept else None),
        "expires_in_days": None,
        "diff": diff_of(there, there if kept else said),
    }


def _shown(
    module: AzsModule, where: bundle.Place, said: dict[str, t.Any], file_entry: bundle.Entry | None
) -> dict[str, t.Any]:
    """Return the result's `key`.

    :param file_entry: the entry of the artifact that is there after this run; None in check mode.
    """
    return {
        **said,
        "sha256": file_entry.sha256 if file_entry else None,
        "created": file_entry.created if file_entry else None,
        "path": str(where.path),
        "encrypted": module.params["encrypt"],
    }


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
            "registered": {"type": "dict", "default": {}, "no_log": False},
            "replication_timeout": {"type": "int", "default": 0},
            "predicted_key": {"type": "dict", "default": {}, "no_log": False},
        },
        mutually_exclusive=[*handover.PLACE_CONSTRAINTS["mutually_exclusive"], ("registration_id", "name")],
        required_by=handover.PLACE_CONSTRAINTS["required_by"],
        required_one_of=[("registration_id", "name")],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
