#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack a bundle into a single file, or unpack one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_bundle
short_description: Pack the bundle of registration tokens and activation keys for the way between two zones
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Packs all artifacts of a bundle into one file, in one final step, or takes them out of it again.
  - Every artifact is checked against its manifest entry on both ways. A truncated or damaged archive is refused before
    anything is written. An artifact of the bundle that is damaged, another stamp's, or no regular file is left out of the
    archive, with a warning.
  - In check mode, artifacts that earlier tasks of the run would have written into the bundle count as if they were there.
  - The hashes show damage. They do not prove who made the archive; only encryption with Ansible Vault
    guards against forgery and against readers.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.full
  - azurestack.hub.attributes.internal
options:
  state:
    description:
      - V(packed) writes the archive from the bundle. What only the archive holds stays in it, and so does what is newer
        there, so that the archive can travel through all legs of many stamps. A truncated or damaged archive is replaced.
      - What is used up leaves the archive. A key takes the place of its stamp's token, a token that of the key of another token,
        and the record of a deactivation that of both. A token whose key is in the archive already stays out of it.
      - V(unpacked) writes the bundle from the archive. Artifacts of the bundle that are newer than those of the archive
        stay, with a warning.
      - V(checked) only makes sure that the archive can be written later, before anything is made for it. The bundle is not read.
        Inside a container, both have to be on a mount that outlives it.
    type: str
    choices: [packed, unpacked, checked]
    default: packed
  bundle:
    description: Directory of the bundle.
    type: path
    required: true
  archive:
    description: File of the archive. Its directory has to be there; a medium that is not mounted is refused.
    type: path
    required: true
  stamps:
    description:
      - Names of the stamps whose artifacts to pack or unpack. When unpacking, each of them has to be in the archive.
      - Those of all stamps when not given.
    type: list
    elements: str
  kind:
    description: Kind of the artifacts to pack. All kinds when not given; unpacking always takes all.
    type: str
    choices: [registration_token, activation_key, deactivation]
  kept_container:
    description: With O(state=checked), whether the container that the task runs in, if it does, is kept, so that nothing in it is lost.
    type: bool
    default: false
seealso:
  - module: azurestack.hub.azs_artifact
"""

EXAMPLES = r"""
- name: Pack the bundle for the USB stick
  azurestack.hub.azs_bundle:
    bundle: /var/lib/azurestack/bundle
    archive: /media/usb/stamps.tar.gz

- name: Pack the keys of two stamps alone for the way back
  azurestack.hub.azs_bundle:
    bundle: /var/lib/azurestack/bundle
    archive: /media/usb/stamps.tar.gz
    kind: activation_key
    stamps: [stamp01, stamp02]

- name: Make sure that the USB stick is there before tokens are minted
  azurestack.hub.azs_bundle:
    state: checked
    bundle: /var/lib/azurestack/bundle
    archive: /media/usb/stamps.tar.gz

- name: Take the bundle from the USB stick
  azurestack.hub.azs_bundle:
    state: unpacked
    bundle: /var/lib/azurestack/bundle
    archive: /media/usb/stamps.tar.gz
"""

RETURN = r"""
artifacts:
  description: The artifacts of the bundle or archive.
  returned: success
  type: list
  elements: dict
  contains:
    stamp:
      description: Name of the stamp.
      type: str
    kind:
      description: V(registration_token) or V(activation_key).
      type: str
    encrypted:
      description: Whether the artifact is encrypted.
      type: bool
    cloud_id:
      description: The stamp's cloud id. This and all further fields of the manifest entry are there when the entry is.
      type: str
    created:
      description: When the artifact was made, in UTC.
      type: str
    sha256:
      description: Hash of the artifact's clear text.
      type: str
  sample:
    - stamp: stamp01
      kind: registration_token
      encrypted: false
      cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
      billing_model: Capacity
      created: "2026-11-20T09:30:00Z"
      sha256: 0f3c5a1d7be0c7d4d3f1f0a1bd4f8a51f5a9c2f0a6b7c8d9e0f1a2b3c4d5e6f7
archive:
  description: The archive.
  returned: success
  type: str
  sample: /media/usb/stamps.tar.gz
"""

import pathlib
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import archive, bundle, containers, files
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of


def carry(module: AzsModule) -> dict[str, t.Any]:
    """Pack or unpack the bundle."""
    directory, file = pathlib.Path(module.params["bundle"]), pathlib.Path(module.params["archive"])
    if module.params["state"] == "checked":
        files.check_medium(file)
        files.check_target(file)
        files.check_room(file.parent, probe=not module.check_mode)
        kept = module.params["kept_container"]
        containers.check_lasting("bundle", directory, kept=kept)
        containers.check_lasting("archive", file.parent, kept=kept)
        return {"changed": False, "archive": str(file), "artifacts": []}
    try:
        changed, items, before, after = (_pack if module.params["state"] == "packed" else _unpack)(
            module, directory, file
        )
    except ArtifactError as error:
        packing = module.params["state"] == "packed"
        if packing and _foreseen(module) and error.kind in ("empty_bundle", "missing_artifact"):
            return {"changed": True, "archive": str(file), "artifacts": []}
        raise
    result = {
        "changed": changed,
        "archive": str(file),
        "artifacts": [_shown(item) for item in items],
        "diff": diff_of(before, after),
    }
    if module.check_mode and module.params["state"] == "unpacked":
        result["_azs_foreseen"] = _brought(items, before, after)
    return result


_REPLACEABLE = ("truncated_archive", "damaged_archive")
"""What a copy that was broken off leaves behind. Any other archive that cannot be read is left alone."""

_Outcome = tuple[bool, list[archive.Item], dict[str, t.Any], dict[str, t.Any]]


def _pack(module: AzsModule, directory: pathlib.Path, file: pathlib.Path) -> _Outcome:
    files.check_medium(file)
    own, broken = archive.items_of(directory, stamps=module.params["stamps"], kind=module.params["kind"])
    for error in broken:
        module.warn(f"Left out of the archive: {error}")
    files.check_target(file)
    old = _old(file)
    packed = _packed(module, old, file, directory) if old is not None else []
    items = archive.merge(own, packed)
    data = archive.pack(items)
    changed = old != data or _foreseen(module)
    if changed and not module.check_mode:
        files.tidy(file)
        files.write(file, data)
    return changed, items, _listed(packed), _listed(items)


def _foreseen(module: AzsModule) -> bool:
    """Tell whether earlier tasks would have written artifacts that are to be packed (check mode)."""
    kind, stamps = module.params["kind"], module.params["stamps"]
    return module.check_mode and any(
        facts["changed"] and kind in (None, one) and (stamps is None or stamp in stamps)
        for stamp, by_kind in (module.controller["foreseen"] or {}).items()
        for one, facts in by_kind.items()
    )


def _brought(
    items: list[archive.Item], before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]
) -> dict[str, dict[str, t.Any]]:
    """Return what would be taken out of the archive: stamp -> kind -> facts, None for what stays as it is in the bundle."""
    brought: dict[str, dict[str, t.Any]] = {}
    for item in items:
        name = item.where.path.name
        stays = before.get(name) == after[name]
        brought.setdefault(item.where.stamp, {})[item.where.kind] = None if stays else {**_shown(item), "changed": True}
    return brought


def _old(file: pathlib.Path) -> bytes | None:
    """Return the bytes of the archive that is there already."""
    try:
        return files.read_up_to(file, archive.LARGEST, "archive", follow=True)
    except ArtifactError as error:
        if error.kind != "missing_artifact":
            raise
        return None


def _packed(module: AzsModule, old: bytes, file: pathlib.Path, directory: pathlib.Path) -> list[archive.Item]:
    """Return what the archive holds already."""
    try:
        return archive.unpack(old, file, directory)
    except ArtifactError as error:
        if error.kind not in _REPLACEABLE:
            error.remedy = f"{error.remedy}. To begin a new archive, delete this one or name another file"
            raise
        module.warn(f"{error.message} ({file}) and is replaced.")
        return []


def _unpack(module: AzsModule, directory: pathlib.Path, file: pathlib.Path) -> _Outcome:
    items = archive.unpack(files.read_up_to(file, archive.LARGEST, "archive", follow=True), file, directory)
    if module.params["stamps"] is not None:
        items = _only(items, module.params["stamps"], file)
    exposure = files.exposure(file)
    if exposure and any(item.shows_secret for item in items):
        module.warn(exposure)
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for item in items:
        name = item.where.path.name
        there = _there(item)
        if there is not None:
            before[name] = after[name] = there.identity
            if item.same_text(there) and not item.completes(there):
                continue
            if archive.newer(there.entry, item.entry):
                module.warn(f"The {item.where.name} in {directory} is newer than the one in the archive and was kept.")
                continue
        after[name] = item.identity
        if not module.check_mode:
            bundle.store(item.where, item.entry, bundle.text_of(item.raw, name, item.where.kind))
    return before != after, items, before, after


def _only(items: list[archive.Item], stamps: list[str], file: pathlib.Path) -> list[archive.Item]:
    """Return the artifacts of the named stamps."""
    there = {item.where.stamp for item in items}
    missing = sorted(set(stamps) - there)
    if missing:
        raise ArtifactError(
            f"The archive has no artifact of {', '.join(missing)}",
            kind="stamp_not_in_archive",
            where=str(file),
            cause=f"it holds {', '.join(sorted(there)) or 'none'}",
            remedy="Compare the inventory names in both zones, or run the leg that packs the archive for these stamps",
        )
    return [item for item in items if item.where.stamp in stamps]


def _there(item: archive.Item) -> archive.Item | None:
    """Return what the bundle has in place of an item, None when there is nothing, or nothing that can be used."""
    try:
        raw, entry_raw = bundle.read_raw(item.where), bundle.read_raw_entry(item.where)
        there = archive.Item(item.where, raw, entry_raw)
        bundle.verify(there.where, there.raw, there.entry)
    except ArtifactError:
        return None
    return there


def _listed(items: list[archive.Item]) -> dict[str, t.Any]:
    return {item.where.path.name: item.identity for item in items}


def _shown(item: archive.Item) -> dict[str, t.Any]:
    return {
        **(item.entry.as_result() if item.entry else {}),
        "stamp": item.where.stamp,
        "kind": item.where.kind,
        "encrypted": item.encrypted,
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        argument_spec={
            "state": {"type": "str", "choices": ["packed", "unpacked", "checked"], "default": "packed"},
            "bundle": {"type": "path", "required": True},
            "archive": {"type": "path", "required": True},
            "stamps": {"type": "list", "elements": "str"},
            "kind": {"type": "str", "choices": [*bundle.KINDS]},
            "kept_container": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    ).run(carry)


if __name__ == "__main__":
    main()
