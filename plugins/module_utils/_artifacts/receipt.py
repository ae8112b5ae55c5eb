# SPDX-License-Identifier: GPL-3.0-or-later
"""The receipt of an activation: what this collection activated a stamp with. FOR INTERNAL COLLECTION USE ONLY.

It lies beside the activation key on the host that reaches the privileged endpoint, and tells a later run that there is
nothing to do where the stamp's admin Azure Resource Manager cannot be asked. It holds no secret. It proves nothing:
what others did to the stamp since is not in it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import pathlib
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, files, records
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims as domain
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

FORMAT: t.Final = 1
_SUFFIX: t.Final = "activation-receipt.json"
_DIGEST_FORMAT: t.Final = 1
_DIGESTED: t.Final = (
    "subscription_id",
    "resource_group",
    "registration_name",
    "cloud_id",
    "bridge_principal",
    "billing_model",
    "hardware",
    "usage_reporting",
    "marketplace_syndication",
    "agreement_number",
    "asset_tag",
    "usage_endpoint",
    "marketplace_endpoint",
    "expires",
    "token_version",
)
"""The claims that describe the registration, in the order of the digest's format; times and nonces belong to one export.
Digests are kept for years: who changes these claims raises the number of the format."""


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What a stamp was activated with.

    :param claims_digest: of the key's claims, see `digest_of`.
    :param activated: UTC timestamp.
    """

    cloud_id: str | None
    registration_id: str | None
    claims_digest: str
    activated: str
    billing_model: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None
    bridge_principal: str | None = None
    expires: str | None = None
    format: int = FORMAT


_SHAPES: t.Final[dict[str, records.Shape]] = {
    "cloud_id": records.is_guid,
    "registration_id": records.is_text,
    "claims_digest": records.is_digest,
    "activated": records.is_created,
    "billing_model": records.is_text,
    "marketplace_syndication": records.is_flag,
    "usage_reporting": records.is_flag,
    "bridge_principal": records.is_text,
    "expires": records.is_moment,
    "format": records.is_number,
}


def path_of(key: bundle.ArtifactPlace, suffix: str = _SUFFIX) -> pathlib.Path:
    """Return where the receipt of the stamp lies whose activation key lies there.

    :param suffix: end of the file's name; another one for what lies beside the key as the receipt does.
    """
    middle = f".{bundle.KINDS[bundle.KEY]}.txt"
    if key.path.name == f"{key.stamp}{middle}":
        return key.path.with_name(f"{key.stamp}.{suffix}")
    return key.path.with_name(f"{key.path.name}.{suffix}")


def digest_of(claims: domain.KeyClaims, key: str) -> str:
    """Return the digest of what a key says of its registration, the same for every export of an unchanged one.

    Receipts, manifest entries and results keep it, as `<format>:<SHA-256>`. It holds no secret.

    :param key: the key's text, digested when it says nothing that can be decoded; every export of those counts as new.
    """
    said = [getattr(claims, name) for name in _DIGESTED]
    told = any(value is not None for value in said)
    text = json.dumps(said, sort_keys=True) if told else key
    return f"{_DIGEST_FORMAT}:{hashlib.sha256(text.encode()).hexdigest()}"


def read(path: pathlib.Path, notify: t.Callable[[str], None] | None = None) -> Receipt | None:
    """Return the receipt, None when there is none, or none that can be understood: it is a hint, not a proof.

    :param notify: takes a warning of one that cannot be understood.
    """
    try:
        receipt = records.build(Receipt, records.load(files.read(path, "activation receipt")), _SHAPES)
        if receipt.format == FORMAT:
            return receipt
        why = "it is of another version of the collection"
    except ArtifactError as error:
        if error.kind == "missing_artifact":
            return None
        why = str(error).rstrip(".")
    except ValueError:
        why = "it is damaged"
    if notify:
        notify(f"The activation receipt {path} counts as none: {why}.")
    return None


def write(path: pathlib.Path, claims: domain.KeyClaims, digest: str) -> None:
    """Write the receipt of an activation that succeeded now.

    :raises ArtifactError: the file cannot be written.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    receipt = Receipt(
        cloud_id=claims.cloud_id,
        registration_id=claims.registration_id,
        claims_digest=digest,
        activated=now.isoformat().replace("+00:00", "Z"),
        billing_model=claims.billing_model,
        marketplace_syndication=claims.marketplace_syndication,
        usage_reporting=claims.usage_reporting,
        bridge_principal=claims.bridge_principal,
        expires=claims.expires,
    )
    files.write(path, (json.dumps(dataclasses.asdict(receipt), indent=2, sort_keys=True) + "\n").encode())


def remove(path: pathlib.Path) -> None:
    """Delete the receipt, when there is one: the stamp is not activated any more.

    :raises ArtifactError: the file cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(
            "The activation receipt cannot be deleted",
            kind="unwritable_artifact",
            where=str(path),
            cause=error.strerror,
            remedy="Delete it by hand, then run again: it would go on saying what the stamp is activated with",
        ) from None
