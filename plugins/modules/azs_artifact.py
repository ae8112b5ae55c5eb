#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a registration token or an activation key from one host to another."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_artifact
short_description: Copy a registration token or activation key between hosts
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Copies one artifact of a bundle, with its manifest entry, from a source host to the host of the task.
  - The text passes through the memory of the controller only. It appears in no file there, in no task result and in no
    log; an encrypted artifact stays encrypted on the way.
  - The artifact is checked against its manifest entry before it is written.
  - In check mode, one that an earlier task of the run would have written is copied, whatever the source host has now.
extends_documentation_fragment:
  - azurestack.hub.artifact
  - azurestack.hub.attributes
  - azurestack.hub.attributes.full
  - azurestack.hub.attributes.internal
options:
  kind:
    description: Which artifact of the stamp to copy.
    type: str
    choices: [registration_token, activation_key, deactivation]
    required: true
  source_host:
    description: Inventory name of the host that has the artifact, or V(localhost) for the controller.
    type: str
    required: true
  source_bundle:
    description: Directory of the bundle on the source host. Defaults to O(bundle).
    type: path
seealso:
  - module: azurestack.hub.azs_bundle
"""

EXAMPLES = r"""
- name: Pass the registration token from the host at the privileged endpoint to the one with Azure
  azurestack.hub.azs_artifact:
    kind: registration_token
    stamp: "{{ inventory_hostname }}"
    bundle: /var/lib/azurestack/bundle
    source_host: paw01
  delegate_to: azure-gateway
"""

RETURN = r"""
artifact:
  description: The manifest entry of the artifact. RV(ignore:artifact) is empty when the artifact is only foreseen (check mode).
  returned: success
  type: dict
  sample:
    kind: registration_token
    stamp: stamp01
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    sha256: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
    created: "2026-11-20T09:30:00Z"
"""

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of


def copy(module: AzsModule) -> dict[str, t.Any]:
    """Write what the action plugin brought, or hand the artifact of this host to it."""
    where = handover.place_of(module, module.params["kind"])
    if module.controller["content"] is None:
        return _hand_over(module, where)
    content = module.controller["content"]
    entry = (
        bundle.entry_of(content, bundle.ManifestEntry(**module.controller["entry"]))
        if module.controller["entry"]
        else None
    )
    before, raw = _there(where)
    changed = raw != content.encode() or before != entry
    if changed and not module.check_mode:
        bundle.store(where, entry, content)
    return {"changed": changed, "artifact": _shown(entry), "diff": diff_of(_shown(before), _shown(entry))}


def _there(where: bundle.ArtifactPlace) -> tuple[bundle.ManifestEntry | None, bytes | None]:
    """Return the artifact that is to be replaced, with its entry; None for what is missing or damaged."""
    try:
        return bundle.read_entry(where), bundle.read_raw(where)
    except ArtifactError:
        return None, None


def _hand_over(module: AzsModule, where: bundle.ArtifactPlace) -> dict[str, t.Any]:
    if handover.foreseen(module, module.params["kind"]).get("changed"):
        return {"changed": True, "artifact": {}}  # whatever is there now, it is not what would be copied
    artifact = bundle.read(where)
    for warning in artifact.warnings:
        module.warn(warning)
    content = t.cast(str, artifact.content or artifact.encrypted)
    module.hide(content)
    return {
        "changed": False,
        "artifact": _shown(artifact.entry),
        "_azs_entry": dataclasses.asdict(artifact.entry) if artifact.entry else None,
        "_azs_sealed": handover.seal(content, module.controller["seal"]),
    }


def _shown(entry: bundle.ManifestEntry | None) -> dict[str, t.Any]:
    return entry.as_result() if entry else {}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        argument_spec={
            **handover.READ_SPEC,
            "kind": {"type": "str", "choices": list(bundle.KINDS), "required": True},
            "source_host": {"type": "str", "required": True},
            "source_bundle": {"type": "path"},
        },
        **handover.PLACE_CONSTRAINTS,
        supports_check_mode=True,
    ).run(copy)


if __name__ == "__main__":
    main()
