# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a deactivation, which travels in the bundle. FOR INTERNAL COLLECTION USE ONLY.

The side with Azure cannot see the stamp, and must not delete the registration of an active one. So the side of the stamp
leaves a record when it deactivated the stamp, and the bundle carries it. It holds no secret. Each record counts once: a
medium may bring it again long after the stamp was registered and activated anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle as bundles
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import files
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt as receipts
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

_USED: t.Final = "deactivation-used.json"


def place(bundle: str, stamp: str) -> bundles.ArtifactPlace:
    """Return where a stamp's record lies. Raises InputError."""
    return bundles.place(bundles.DEACTIVATION, bundle=bundle, stamp=stamp, path=None)


def write(bundle: str, stamp: str, cloud_id: str, registration_id: str | None) -> None:
    """Write the record of a deactivation that succeeded now.

    :param registration_id: what the stamp was activated with, None when that is not known.
    :raises ArtifactError: the files cannot be written.
    """
    bundles.store(place(bundle, stamp), new_entry(stamp, cloud_id, registration_id), _content(cloud_id))


def new_entry(stamp: str, cloud_id: str | None, registration_id: str | None) -> bundles.ManifestEntry:
    """Return the manifest entry of a record that is made now.

    :param cloud_id: None when it is not known yet, in check mode.
    """
    facts = {"cloud_id": cloud_id, "registration_id": registration_id}
    return bundles.new_entry(bundles.DEACTIVATION, stamp, _content(cloud_id), **facts)


def at_stamp(bundle: str, stamp: str) -> bundles.ManifestEntry | None:
    """Return the record when nothing was activated from this bundle since; for the side of the stamp.

    :raises ArtifactError: the record is damaged.
    """
    entry = _read(place(bundle, stamp))
    key = bundles.place(bundles.KEY, bundle=bundle, stamp=stamp, path=None)
    receipt = receipts.read(receipts.path_of(key))
    return entry if entry and not (receipt and receipt.activated >= entry.created) else None


def in_azure(
    bundle: str, stamp: str, brought: t.Sequence[t.Mapping[str, t.Any]] = ()
) -> tuple[bundles.ManifestEntry | None, bool]:
    """Return the record, and whether it counts: for the side of Azure.

    It counts when it was not used yet and no activation key was exported since.

    :param brought: manifest entries of the stamp's artifacts that an archive would bring into the bundle (check mode).
    :raises ArtifactError: the record is damaged.
    """
    where = place(bundle, stamp)
    entry = _newest(_read(where), bundles.DEACTIVATION, brought)
    if entry is None or entry.created <= _used(where):
        return entry, False
    key = None
    with contextlib.suppress(ArtifactError):  # what is wrong with the key is not this leg's business
        key = bundles.read_entry(bundles.place(bundles.KEY, bundle=bundle, stamp=stamp, path=None))
    key = _newest(key, bundles.KEY, brought)
    return entry, not (key and key.created > entry.created)


def use(bundle: str, stamp: str) -> None:
    """Let the record that the bundle has now count no more: the registration was deleted, or made anew.

    :raises ArtifactError: the note of it cannot be written.
    """
    where = place(bundle, stamp)
    with contextlib.suppress(ArtifactError):  # a damaged record proves nothing anyway
        entry = _read(where)
        if entry is None or entry.created <= _used(where):
            return
        files.write(_used_path(where), (json.dumps({"created": entry.created}) + "\n").encode())


def _content(cloud_id: str | None) -> str:
    return f"deactivated:{cloud_id}"


def _newest(
    there: bundles.ManifestEntry | None, kind: str, brought: t.Sequence[t.Mapping[str, t.Any]]
) -> bundles.ManifestEntry | None:
    """Return what lies in the bundle, or in check mode what an archive would put in its place."""
    names = {field.name for field in dataclasses.fields(bundles.ManifestEntry)}
    found = [there] if there else []
    for artifact in brought:
        if artifact.get("kind") == kind and artifact.get("created"):
            told = {name: artifact.get(name) for name in names & artifact.keys()}
            found.append(bundles.ManifestEntry(**t.cast("dict[str, t.Any]", told)))
    return max(found, key=lambda entry: entry.created, default=None)


def _read(where: bundles.ArtifactPlace) -> bundles.ManifestEntry | None:
    try:
        return bundles.read(where).entry
    except ArtifactError as error:
        if error.kind != "missing_artifact":
            raise
        return None


def _used_path(where: bundles.ArtifactPlace) -> pathlib.Path:
    return where.path.with_name(f"{where.stamp}.{_USED}")


def _used(where: bundles.ArtifactPlace) -> str:
    """Return when the newest record was made that counts no more; before all others when there is none."""
    try:
        return str(json.loads(files.read(_used_path(where), "note of a deactivation"))["created"])
    except (ArtifactError, ValueError, KeyError, TypeError):
        return ""
