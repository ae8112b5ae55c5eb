# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting the activation key into an artifact. FOR INTERNAL COLLECTION USE ONLY.

Azure signs every export anew, so two exports of an unchanged registration differ as text. An artifact is kept while the
claims in it are those of the registration now.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    bundle,
    handover,
    memory,
    receipt,
    unfinished,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure import registrations, replication
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
    from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule

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


@dataclasses.dataclass(frozen=True)
class Export:
    """A key that is exported into an artifact.

    :param where: the artifact.
    :param registration: whose key it is.
    :param cloud_id: the stamp's, when the task knows it: a key of another stamp is refused.
    :param registered: the registration as this run has made it; empty when it has not.
    :param patience: seconds to wait until a registration that was just made is known everywhere.
    :param text: the key, when it was exported already.
    """

    where: bundle.ArtifactPlace
    registration: RegistrationId
    cloud_id: str | None = None
    registered: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    patience: float = 0.0
    text: str | None = dataclasses.field(default=None, repr=False)


def export(module: AzsModule, client: ArmClient, asked: Export) -> dict[str, t.Any]:
    """Export the key, and write it unless the artifact that is there is still right; return the task result.

    :param module: with the options of the artifact; a new one is written outside check mode only.
    :raises ArtifactError: it is no key, or another stamp's, or the file cannot be written.
    :raises ConflictError: it is not that of the registration that this run has made.
    """
    where = asked.where
    entry, artifact = stored(where, module.warn)
    key = asked.text or replication.once_known(
        lambda: registrations.export_key(client, asked.registration), asked.patience
    )
    module.hide(key)
    said = read(key, asked.cloud_id)
    differing = conflicts.differing_key(asked.registered, vars(said))
    if differing is not None:
        raise differing
    _warn(module, asked.registration, said, client)
    new = new_entry(where, key, said, str(asked.registration))
    kept = keeps(where, artifact, key, encrypted=module.params["encrypt"])
    hidden: dict[str, t.Any] = {}
    if kept and artifact is not None:
        for warning in artifact.warnings:
            module.warn(warning)
        if module.params.get("return_content"):
            content = artifact.content or key
            module.hide(content)
            hidden["_azs_sealed"] = handover.seal(content, module.controller["seal"])
    elif not module.check_mode:
        hidden = handover.write(module, where, key, new)
    if where.bundled and not module.check_mode and memory.recall(str(where.path.parent), where.stamp)[0]["unused_key"]:
        unfinished.finish(unfinished.path_of(where))  # the key itself is the mark now: it was not used yet
    file_entry = entry if kept else None if module.check_mode else new
    now = expiry.at_service(expiry.now(), client.clock_ahead)
    shown = _shown(module, where, facts(new), file_entry)
    return {
        "changed": not kept,
        "kept": kept,
        "key": shown,
        "expires_in_days": expiry.days_left(expiry.normal(said.expires), now),
        "diff": {"before": facts(entry), "after": facts(entry if kept else new)},
        **hidden,
        **handover.foresee(module, bundle.KEY, {**shown, "changed": not kept}),
    }


def predicted(module: AzsModule, where: bundle.ArtifactPlace, registration: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the result for the key of a registration that would only be made or changed (check mode).

    The artifact that is there is kept when it says the same. What is foretold tells neither nodes nor expiry; but no new key
    has expired.

    :param registration: as azs_registration foretells it.
    """
    entry, artifact = stored(where, module.warn)
    entry = entry if artifact else None
    said = {**{name: registration.get(name) for name in FACTS}, "registration_id": registration["id"]}
    there = facts(entry)
    same = (
        entry is not None
        and module.params["encrypt"] == (entry.encrypted_sha256 is not None)
        and not expiry.passed(there.get("expires"))
    )
    kept = same and all(
        str(value).lower() == str(there.get(name)).lower() for name, value in said.items() if value is not None
    )
    shown = _shown(module, where, there if kept else said, entry if kept else None)
    return {
        "changed": not kept,
        "kept": kept,
        "key": shown,
        "expires_in_days": None,
        "diff": {"before": there, "after": there if kept else said},
        **handover.foresee(module, bundle.KEY, {**shown, "changed": not kept}),
    }


def _warn(module: AzsModule, registration: RegistrationId, said: claims.KeyClaims, client: ArmClient) -> None:
    """Warn of an expiry that is past or cannot be read, and of clocks that differ."""
    wrong_clock = expiry.wrong_clock(client.clock_ahead, "Azure Resource Manager")
    if wrong_clock:
        module.warn(
            f"{wrong_clock[0].upper()}{wrong_clock[1:]}: set it. Expiries are compared with Azure's clock here."
        )
    doubt = expiry.unreadable(said.unreadable_expiry, f"the registration {registration}")
    if doubt:
        module.warn(doubt)
    if said.expired(expiry.at_service(expiry.now(), client.clock_ahead)):
        module.warn(f"The registration {registration} has expired ({said.expires}); no stamp takes its key. Renew it.")


def _shown(
    module: AzsModule, where: bundle.ArtifactPlace, said: dict[str, t.Any], file_entry: bundle.ManifestEntry | None
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


def new_entry(
    where: bundle.ArtifactPlace, key: str, said: claims.KeyClaims, registration_id: str
) -> bundle.ManifestEntry:
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


def stored(
    where: bundle.ArtifactPlace, notify: t.Callable[[str], None]
) -> tuple[bundle.ManifestEntry | None, bundle.Artifact | None]:
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


def keeps(where: bundle.ArtifactPlace, artifact: bundle.Artifact | None, key: str, *, encrypted: bool) -> bool:
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


def facts(entry: bundle.ManifestEntry | None) -> dict[str, t.Any]:
    """Return an entry's fields that result and diff show; {} when there is none."""
    return {} if entry is None else {name: getattr(entry, name) for name in FACTS}


def _digest(key: str) -> str:
    return receipt.digest_of(claims.read_key(key), key)
