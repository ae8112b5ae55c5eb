# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting the activation key into an artifact. FOR INTERNAL COLLECTION USE ONLY.

Azure signs every export anew, so two exports of an unchanged registration differ as text. An artifact is kept while the
claims in it are those of the registration now.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, receipt
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

FACTS: t.Final = (
    "cloud_id",
    "billing_model",
    "marketplace_syndication",
    "usage_reporting",
    "bridge_principal",
    "token_version",
    "registration_id",
    "expires",
)
"""What result and diff show of a key."""


def read(key: str, cloud_id: str | None) -> claims.KeyClaims:
    """Return the claims of an exported key.

    :param cloud_id: the stamp's, when the task knows it.
    :raises ArtifactError: it is no key, or another stamp's.
    """
    said = claims.read_key(key)
    if cloud_id and said.cloud_id and not claims.same_id(said.cloud_id, cloud_id):
        raise ArtifactError(
            f"The activation key is that of another stamp, cloud id {said.cloud_id}",
            kind="key_of_another_stamp",
            where=said.registration_id,
            cause=f"this stamp's cloud id is {cloud_id}",
            remedy="Compare the registration's name and resource group; azs_registration_info finds it by cloud_id",
        )
    return said


def new_entry(where: bundle.Place, key: str, said: claims.KeyClaims, registration_id: str) -> bundle.Entry:
    """Return the manifest entry of a key that was exported now.

    :param registration_id: used where the key does not name its registration.
    """
    return bundle.new_entry(
        bundle.KEY,
        where.stamp,
        key,
        cloud_id=said.cloud_id,
        billing_model=said.billing_model,
        marketplace_syndication=said.marketplace_syndication,
        usage_reporting=said.usage_reporting,
        bridge_principal=said.bridge_principal,
        token_version=said.token_version,
        registration_id=said.registration_id or registration_id,
        expires=expiry.normal(said.expires),
        claims_digest=receipt.digest_of(said, key),
    )


def stored(where: bundle.Place, notify: t.Callable[[str], None]) -> tuple[bundle.Entry | None, bundle.Artifact | None]:
    """Return the artifact that is there, with its entry; None for what is missing, damaged, altered or another stamp's.

    :param notify: takes a warning of another stamp's key: it is replaced, and Azure gives it out again.
    """
    try:
        entry = bundle.read_entry(where)
        return entry, bundle.read(where) if entry is not None else None
    except ArtifactError as error:
        if error.kind == "key_of_another_stamp":
            notify(f"{error.message} ({where.path}). It is replaced by the key of {where.stamp}.")
        return None, None


def keeps(where: bundle.Place, artifact: bundle.Artifact | None, key: str, *, encrypted: bool) -> bool:
    """Tell whether a stored artifact is still right.

    :param artifact: from `stored`. An encrypted one is judged by its manifest entry, which was written with it.
    :param key: the key as it is exported now.
    :param encrypted: whether the artifact is to be encrypted.
    """
    if artifact is None or artifact.entry is None or (artifact.content is None) is not encrypted:
        return False
    if artifact.content is not None:
        return _digest(artifact.content) == _digest(key)
    return artifact.entry.claims_digest == _digest(key) and bundle.intact(where, artifact.entry)


def facts(entry: bundle.Entry | None) -> dict[str, t.Any]:
    """Return an entry's fields that result and diff show; {} when there is none."""
    return {} if entry is None else {name: getattr(entry, name) for name in FACTS}


def _digest(key: str) -> str:
    return receipt.digest_of(claims.read_key(key), key)
