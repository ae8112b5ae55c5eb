# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle: tokens and keys of many stamps on their way between the zones. FOR INTERNAL COLLECTION USE ONLY.

A directory with, per artifact, one plain file (exactly the text that Microsoft's cmdlets read and write) and one manifest
entry file, so that forks and slices never write the same file:

    <stamp>.registration-token.txt   <stamp>.registration-token.json
    <stamp>.activation-key.txt       <stamp>.activation-key.json
    <stamp>.deactivation.txt         <stamp>.deactivation.json (no secret, `deactivation.py`)
    <stamp>.activation-receipt.json  (stays on the runner, `receipt.py`)
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import pathlib
import re
import secrets
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import files, records, text
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError

FORMAT: t.Final = 1
"""Version of the manifest entry's format."""

TOKEN: t.Final = text.TOKEN
KEY: t.Final = text.KEY
DEACTIVATION: t.Final = "deactivation"
KINDS: t.Final = {TOKEN: "registration-token", KEY: "activation-key", DEACTIVATION: "deactivation"}
"""Kind of artifact -> the middle of its file names."""
NAMES: t.Final = {**text.NAMES, DEACTIVATION: "record of the deactivation"}

VAULT_HEADER: t.Final = "$ANSIBLE_VAULT;"


@dataclasses.dataclass(frozen=True)
class ManifestEntry:
    """The manifest entry of one artifact: what it is and what it must look like. It holds no secret.

    :param sha256: digest of the normalised clear text; shows damage, does not prove origin.
    :param size: characters of the normalised clear text.
    :param agreement_number: of a token, as it tells it itself: empty when there is none, None when it does not tell.
    :param asset_tag: likewise.
    :param fingerprint: of a token, salted digest of what it does not tell of agreement number and asset tag, `<salt>$<digest>`.
    :param encrypted_sha256: digest of the file's bytes when it is encrypted with Ansible Vault, else None.
    :param claims_digest: of a key, the digest that the receipt has of the key that was used, see `receipt.digest_of`.
    :param token_sha256: of a key in an archive, the digest of the token that lay beside it when it was packed.
    """

    kind: str
    stamp: str
    sha256: str
    size: int
    created: str
    cloud_id: str | None = None
    billing_model: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None
    token_version: str | None = None
    bridge_principal: str | None = None
    stamp_version: str | None = None
    agreement_number: str | None = None
    asset_tag: str | None = None
    fingerprint: str | None = None
    registration_id: str | None = None
    expires: str | None = None
    encrypted_sha256: str | None = None
    claims_digest: str | None = None
    token_sha256: str | None = None
    format: int = FORMAT

    def as_result(self) -> dict[str, t.Any]:
        """Return the entry as data for a task result."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "fingerprint"}

    def as_json(self) -> bytes:
        """Return the entry as the bytes of its file."""
        return (json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n").encode()


_SHAPES: t.Final[dict[str, records.Shape]] = {
    "kind": records.is_text,
    "stamp": records.is_text,
    "sha256": records.is_sha256,
    "size": records.is_number,
    "created": records.is_created,
    "cloud_id": records.is_guid,
    "billing_model": records.is_text,
    "marketplace_syndication": records.is_flag,
    "usage_reporting": records.is_flag,
    "token_version": records.is_text,
    "bridge_principal": records.is_text,
    "stamp_version": records.is_text,
    "agreement_number": records.is_text,
    "asset_tag": records.is_text,
    "fingerprint": records.matching(r"(?:[0-9a-f]{2})+\$[0-9a-f]{64}"),
    "registration_id": records.is_text,
    "expires": records.is_moment,
    "encrypted_sha256": records.is_sha256,
    "claims_digest": records.is_digest,
    "token_sha256": records.is_sha256,
    "format": records.is_number,
}
_OF_ANOTHER_STAMP: t.Final = {
    TOKEN: "token_of_another_stamp",
    KEY: "key_of_another_stamp",
    DEACTIVATION: "wrong_artifact",
}


@dataclasses.dataclass(frozen=True)
class ArtifactPlace:
    """Where one artifact lies: the text file, and the manifest entry beside it.

    :param bundled: whether in a bundle; else in a file that the operator named, which says nothing of the stamp.
    """

    path: pathlib.Path
    entry_path: pathlib.Path
    kind: str
    stamp: str
    bundled: bool = True

    @property
    def name(self) -> str:
        """What the artifact is called in messages."""
        return f"{NAMES[self.kind]} of {self.stamp}"


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An artifact that was read. `content` is the clear text; None when the file is encrypted and was not opened."""

    place: ArtifactPlace
    entry: ManifestEntry | None
    content: str | None
    encrypted: str | None
    warnings: tuple[str, ...]


def place(kind: str, *, bundle: str | None, stamp: str | None, path: str | None) -> ArtifactPlace:
    """Return where an artifact lies: in a bundle under its stamp's name, or in a file of its own.

    :raises InputError: the options do not name one place, or the stamp's name cannot be a file name.
    """
    if path:
        file = pathlib.Path(path)
        if not file.name:
            raise InputError(f"{path!r} is no path of a file", remedy="Compare path")
        return ArtifactPlace(file, file.with_name(file.name + ".json"), kind, stamp or file.name, bundled=False)
    if not bundle or not stamp:
        raise InputError(f"Nothing says where the {NAMES[kind]} lies", remedy="Give bundle and stamp together, or path")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", stamp):
        raise InputError(
            f"{stamp!r} cannot name a stamp in a bundle",
            remedy="Use letters, digits, dots, dashes and underscores only",
        )
    base = pathlib.Path(bundle) / f"{stamp}.{KINDS[kind]}"
    return ArtifactPlace(base.with_name(base.name + ".txt"), base.with_name(base.name + ".json"), kind, stamp)


def read_raw(where: ArtifactPlace) -> bytes:
    """Return the bytes of an artifact's file.

    :raises ArtifactError: it is missing, no regular file, too large or cannot be read.
    """
    return files.read(where.path, where.name, follow=not where.bundled)


def read_raw_entry(where: ArtifactPlace) -> bytes | None:
    """Return the bytes of a manifest entry's file, None when there is none. Raises as `read_raw`."""
    try:
        return files.read(where.entry_path, f"manifest entry of the {where.name}", follow=not where.bundled)
    except ArtifactError as error:
        if error.kind != "missing_artifact":
            raise
        return None


def read_entry(where: ArtifactPlace) -> ManifestEntry | None:
    """Return the manifest entry of an artifact, or None when there is none (a file of Microsoft's own tools).

    :raises ArtifactError: the entry is damaged, of an unknown bundle version, of something else or of another stamp.
    """
    raw = read_raw_entry(where)
    return None if raw is None else parse_entry(raw, where)


def parse_entry(raw: bytes, where: ArtifactPlace) -> ManifestEntry:
    """Return a manifest entry from the bytes of its file. Raises as `read_entry`."""
    damaged = ArtifactError(
        f"The manifest entry of the {where.name} is damaged",
        kind="damaged_manifest",
        where=str(where.entry_path),
        remedy="Copy the whole bundle again; a half-copied one cannot be used",
    )
    try:
        data = records.load(raw)
    except ValueError:
        raise damaged from None
    if not records.is_number(data.get("format")):
        raise damaged
    if data["format"] != FORMAT:
        raise ArtifactError(
            f"The manifest entry of the {where.name} has bundle version {data['format']}, "
            f"this collection knows version {FORMAT}",
            kind="unknown_bundle_version",
            where=str(where.entry_path),
            remedy="Use the same version of the collection in all zones",
        )
    try:
        entry = records.build(ManifestEntry, data, _SHAPES)
    except ValueError:
        raise damaged from None
    if entry.kind != where.kind:
        raise ArtifactError(
            f"The manifest entry says {NAMES.get(entry.kind, entry.kind)} where a {NAMES[where.kind]} is expected",
            kind="wrong_artifact",
            where=str(where.entry_path),
            remedy="Compare the path, or copy the whole bundle again",
        )
    if where.bundled and entry.stamp != where.stamp:
        raise ArtifactError(
            f"What lies in place of the {where.name} is that of another stamp, {entry.stamp}",
            kind=_OF_ANOTHER_STAMP[where.kind],
            where=str(where.path),
            cause="so its manifest entry says; files were mixed up, or the stamp was renamed",
            remedy=f"Move it and its manifest entry away, they belong to {entry.stamp}. Then copy here what belongs to "
            f"{where.stamp}, or run the leg that writes it",
        )
    return entry


def read(where: ArtifactPlace, *, opened: str | None = None) -> Artifact:
    """Read an artifact and check it against its manifest entry.

    :param opened: the clear text when the file is encrypted and was decrypted by the caller.
    :raises ArtifactError: missing, empty, truncated, altered, of an unknown bundle version.
    """
    raw = read_raw(where)
    entry = read_entry(where)
    warning = files.exposure(where.path)
    warnings = (warning,) if warning else ()
    if raw.startswith(VAULT_HEADER.encode()):
        if opened is None:
            return Artifact(where, entry, None, text_of(raw, str(where.path), where.kind), ())
        raw, warnings = opened.encode(), ()  # encrypted: who can read the file reads nothing
    return Artifact(where, entry, _checked(raw, entry, where), None, warnings)


def check(content: str, entry: ManifestEntry, where: ArtifactPlace) -> None:
    """Compare an artifact's clear text with its manifest entry.

    :raises ArtifactError: truncated or altered.
    """
    if text.digest(content) == entry.sha256:
        return
    if len(content) < entry.size:
        raise ArtifactError(
            f"The {where.name} is truncated",
            kind="truncated_artifact",
            where=str(where.path),
            cause=f"it has {len(content)} of {entry.size} characters",
            remedy="Copy the whole bundle again; a half-copied one cannot be used",
        )
    raise _altered(where)


def store(where: ArtifactPlace, entry: ManifestEntry | None, content: str) -> ManifestEntry | None:
    """Write an artifact and its manifest entry; return the entry as it was written.

    The entry is written last: an artifact without its new entry is found altered, never taken for the new one.

    :param entry: None for a file of Microsoft's own tools, which has none.
    :param content: the clear text, or the Ansible Vault text of it.
    :raises ArtifactError: the files cannot be written.
    """
    files.tidy(where.path, where.entry_path)
    files.write(where.path, content.encode("ascii"))
    if entry is None:
        files.remove(where.entry_path)
        return None
    entry = entry_of(content, entry)
    files.write(where.entry_path, entry.as_json())
    return entry


def entry_of(content: str, entry: ManifestEntry) -> ManifestEntry:
    """Return an artifact's manifest entry as it is stored beside this text, clear or encrypted."""
    encrypted = text.digest(content) if content.startswith(VAULT_HEADER) else None
    return dataclasses.replace(entry, encrypted_sha256=encrypted)


def text_of(raw: bytes, where: str, kind: str) -> str:
    """Return what an artifact's file says: the normalised clear text, or the Ansible Vault text as it is.

    :raises ArtifactError: the file is empty or holds no text.
    """
    if not raw.startswith(VAULT_HEADER.encode()):
        return text.normalise(raw, where, _form(kind))
    if not raw.isascii():
        raise ArtifactError(
            "The file is damaged: it is not the text that Ansible Vault writes",
            kind="not_an_artifact",
            where=where,
            remedy="Copy it again without converting it",
        )
    return raw.decode("ascii")


def identity(raw: bytes, where: ArtifactPlace) -> str:
    """Return the digest that tells an artifact's file from another, however its text was wrapped and encoded.

    :raises ArtifactError: the file is empty or holds something else.
    """
    return hashlib.sha256(text_of(raw, str(where.path), where.kind).encode()).hexdigest()


def sha256_of(where: ArtifactPlace) -> str | None:
    """Return the digest of an artifact's clear text, None when there is none that can be used."""
    try:
        artifact = read(where)
    except ArtifactError:
        return None
    if artifact.entry is not None:
        return artifact.entry.sha256
    return text.digest(artifact.content) if artifact.content is not None else None


def verify(where: ArtifactPlace, raw: bytes, entry: ManifestEntry | None) -> None:
    """Check the bytes of an artifact's file against its entry without opening what is encrypted.

    An encrypted file that was encrypted again since (`ansible-vault rekey`) differs from its entry, too.

    :raises ArtifactError: empty, no text, truncated or altered.
    """
    if not raw.startswith(VAULT_HEADER.encode()):
        _checked(raw, entry, where)
        return
    found = identity(raw, where)
    if entry is not None and found != entry.encrypted_sha256:
        raise ArtifactError(
            f"The encrypted {where.name} was altered",
            kind="altered_artifact",
            where=str(where.path),
            cause="its hash is not the one in its manifest entry",
            remedy="Copy the whole bundle again, or run the leg that writes it again",
        )


def intact(where: ArtifactPlace, entry: ManifestEntry) -> bool:
    """Tell whether the stored file is still the one that its entry was written for, clear or encrypted."""
    try:
        raw = read_raw(where)
        verify(where, raw, entry)
    except ArtifactError:
        return False
    return raw.startswith(VAULT_HEADER.encode()) is (entry.encrypted_sha256 is not None)


def encrypted_anew(where: ArtifactPlace, entry: ManifestEntry, opened: str) -> ManifestEntry:
    """Return the entry of an artifact that was encrypted anew with another secret (ansible-vault rekey).

    :param opened: its clear text.
    :raises ArtifactError: it is not the artifact that the entry was written for.
    """
    _checked(opened.encode(), entry, where)
    return entry_of(read_raw(where).decode("ascii", "replace"), entry)


def new_entry(kind: str, stamp: str, content: str, **facts: t.Any) -> ManifestEntry:
    """Return the manifest entry of an artifact made now; `facts` are further fields of Entry."""
    created = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0).isoformat()
    return ManifestEntry(
        kind=kind,
        stamp=stamp,
        sha256=text.digest(content),
        size=len(content),
        created=created.replace("+00:00", "Z"),
        **facts,
    )


def fingerprint(agreement_number: str | None, asset_tag: str | None, salt: str | None = None) -> str:
    """Return a salted digest of what cannot be read back anywhere, to notice later that it changed.

    Slow on purpose (PBKDF2): agreement numbers are short.

    :param salt: hexadecimal; None draws a new one.
    """
    salt = salt or secrets.token_hex(16)
    secret = json.dumps([agreement_number or "", asset_tag or ""]).encode()
    return f"{salt}${hashlib.pbkdf2_hmac('sha256', secret, bytes.fromhex(salt), 100_000).hex()}"


def same_fingerprint(stored_value: str | None, agreement_number: str | None, asset_tag: str | None) -> bool:
    """Tell whether a stored fingerprint was made of this agreement number and asset tag."""
    if not stored_value or "$" not in stored_value:
        return False
    return secrets.compare_digest(
        stored_value, fingerprint(agreement_number, asset_tag, stored_value.partition("$")[0])
    )


def _checked(raw: bytes, entry: ManifestEntry | None, where: ArtifactPlace) -> str:
    """Return the clear text of an artifact that its manifest entry, or else its form, shows to be one. Raises ArtifactError."""
    try:
        content = text.normalise(raw, str(where.path), _form(where.kind))
    except text.Unrecognised:
        if entry is None:
            raise
        raise _altered(where) from None
    if entry is not None:
        check(content, entry, where)
    else:
        text.check(content, str(where.path), where.kind)
    return content


def _altered(where: ArtifactPlace) -> ArtifactError:
    return ArtifactError(
        f"The {where.name} was altered",
        kind="altered_artifact",
        where=str(where.path),
        cause="its hash is not the one in its manifest entry",
        remedy="Copy the whole bundle again, or run the leg that writes it again",
    )


def _form(kind: str) -> str | None:
    return kind if kind in text.NAMES else None
