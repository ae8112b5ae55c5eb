# SPDX-License-Identifier: GPL-3.0-or-later
"""The single-file archive of a bundle, for the USB stick. FOR INTERNAL COLLECTION USE ONLY.

A gzipped tar: gzip's own checksum shows a cut or damaged copy before anything is taken out of it. The same bundle always
gives the same bytes. Receipts stay on the runner and are not packed.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import pathlib
import re
import tarfile
import typing as t
import zlib

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, files
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

LARGEST: t.Final = 256 * 1024 * 1024
"""Bytes that an archive may hold unpacked: ten thousand stamps need about a tenth of it."""
_NAME: t.Final = re.compile(
    r"(?P<stamp>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}?)\.(?P<middle>"
    + "|".join(bundle.KINDS.values())
    + r")\.(?P<end>txt|json)"
)
_KIND_OF: t.Final = {middle: kind for kind, middle in bundle.KINDS.items()}


@dataclasses.dataclass(frozen=True)
class Item:
    """One artifact of a bundle or archive: where it lies or would lie, its bytes, and its entry's."""

    where: bundle.ArtifactPlace
    raw: bytes
    entry_raw: bytes | None

    @property
    def sha256(self) -> str:
        """Digest of the clear text; where it is encrypted and no entry tells it, of the file."""
        return self.entry.sha256 if self.entry else bundle.identity(self.raw, self.where)

    @property
    def encrypted(self) -> bool:
        """Whether the artifact is encrypted with Ansible Vault."""
        return self.raw.startswith(bundle.VAULT_HEADER.encode())

    @property
    def shows_secret(self) -> bool:
        """Whether who can read the file reads a token or key."""
        return self.where.kind in (bundle.TOKEN, bundle.KEY) and not self.encrypted

    @property
    def identity(self) -> str:
        """What tells the item from another: its text, however it was wrapped, and whether an entry says what it is."""
        return bundle.identity(self.raw, self.where) + ("" if self.entry_raw is not None else ", no manifest entry")

    def same_text(self, other: Item) -> bool:
        """Tell whether another item is the same token or key, however it was wrapped."""
        return bundle.identity(self.raw, self.where) == bundle.identity(other.raw, other.where)

    def completes(self, other: Item) -> bool:
        """Tell whether this is the same artifact as another that lost its manifest entry."""
        return other.entry_raw is None and self.entry_raw is not None and self.same_text(other)

    @property
    def entry(self) -> bundle.ManifestEntry | None:
        """The manifest entry. Raises ArtifactError."""
        return bundle.parse_entry(self.entry_raw, self.where) if self.entry_raw is not None else None


def items_of(
    directory: pathlib.Path, *, stamps: t.Collection[str] | None = None, kind: str | None = None
) -> tuple[list[Item], list[ArtifactError]]:
    """Return the artifacts of a bundle that match their manifest entries, and what is wrong with the others.

    :param stamps: names of those whose artifacts are meant; None for all.
    :param kind: the kind that is meant; None for all.
    :raises ArtifactError: the bundle is missing or empty, or none of its artifacts can be used.
    """
    try:
        names = [name for name in os.listdir(directory) if _is_meant(name, stamps, kind)]
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except (OSError, ValueError) as error:
        raise ArtifactError(
            "The bundle cannot be read",
            kind="unreadable_artifact",
            where=str(directory),
            cause=getattr(error, "strerror", None) or str(error),
            remedy="Compare the path, and give the user that runs this task the right to read it",
        ) from None
    if not names:
        raise ArtifactError(
            f"The bundle holds no {bundle.NAMES[kind] if kind else 'artifact'}"
            + (f" of {', '.join(sorted(stamps))}" if stamps is not None else ""),
            kind="empty_bundle",
            where=str(directory),
            remedy="Compare the path, or run the leg that writes the bundle",
        )
    items: list[Item] = []
    broken: list[ArtifactError] = []
    for of_one in _by_artifact(names):
        try:
            items += map(_naming_its_token, _items({name: _read(name, directory) for name in of_one}, directory))
        except ArtifactError as error:
            broken.append(error)
    if not items:
        raise broken[0]
    return items, broken


def _naming_its_token(item: Item) -> Item:
    """Return a key with the digest of the token that lies beside it, which does not travel with the key; any other item as it is."""
    if item.where.kind != bundle.KEY or item.entry is None:
        return item
    token = bundle.sha256_of(
        bundle.place(bundle.TOKEN, bundle=str(item.where.path.parent), stamp=item.where.stamp, path=None)
    )
    if token in (None, item.entry.token_sha256):
        return item
    return dataclasses.replace(item, entry_raw=dataclasses.replace(item.entry, token_sha256=token).as_json())


def merge(of_bundle: list[Item], of_archive: list[Item]) -> list[Item]:
    """Return what an archive holds after packing a bundle: nothing that is newer, or only there, is lost from it.

    The medium may carry artifacts of other stamps, and what the other zone made since this bundle was filled. Left out of it is
    what a packed artifact used up: the token of a key, the key of another token, both where the stamp was deactivated.
    """
    merged = {item.where.path.name: item for item in of_bundle}
    own = {(item.where.stamp, item.where.kind): item for item in of_bundle}
    for item in of_archive:
        there = merged.get(item.where.path.name)
        if there is None or item.completes(there) or newer(item.entry, there.entry):
            merged[item.where.path.name] = item
    for item in of_archive:
        stamp, kind = item.where.stamp, item.where.kind
        token = own.get((stamp, bundle.TOKEN))
        if (stamp, kind) in own or kind == bundle.DEACTIVATION:
            continue
        if (stamp, bundle.DEACTIVATION) in own or (kind == bundle.TOKEN and (stamp, bundle.KEY) in own):
            del merged[item.where.path.name]
        elif kind == bundle.KEY and token is not None:
            used = item.entry is not None and item.entry.token_sha256 == token.sha256
            del merged[(token if used else item).where.path.name]
    return [merged[name] for name in sorted(merged)]


def newer(one: bundle.ManifestEntry | None, other: bundle.ManifestEntry | None) -> bool:
    """Tell whether an artifact was made after another; False where it is not known."""
    return one is not None and other is not None and one.created > other.created


def pack(items: t.Iterable[Item]) -> bytes:
    """Return the archive of a bundle's artifacts."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for item in items:
            for path, raw in ((item.where.path, item.raw), (item.where.entry_path, item.entry_raw)):
                if raw is not None:
                    member = tarfile.TarInfo(path.name)
                    member.size, member.mode = len(raw), 0o600
                    archive.addfile(member, io.BytesIO(raw))
    return gzip.compress(stream.getvalue(), mtime=0)


def unpack(raw: bytes, archive_path: pathlib.Path, directory: pathlib.Path) -> list[Item]:
    """Return the artifacts in an archive, each checked against its manifest entry; nothing is written.

    :param directory: the bundle that they are meant for.
    :raises ArtifactError: the archive is cut, damaged or not one of ours, or an artifact in it must not be used.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            plain = stream.read(LARGEST + 1)
        if len(plain) > LARGEST:
            raise ValueError("too large")
        contents: dict[str, bytes] = {}
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for member in archive:
                # A sparse member of a few bytes may say that it has any size.
                plainly = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
                if not (plainly and 0 <= member.size <= files.LARGEST and _NAME.fullmatch(member.name)):
                    raise ValueError(member.name)
                content = archive.extractfile(member)
                if content is None or member.name in contents:
                    raise ValueError(member.name)
                contents[member.name] = content.read()
    except EOFError:
        raise ArtifactError(
            "The archive is truncated",
            kind="truncated_archive",
            where=str(archive_path),
            remedy="Copy it again; a half-copied archive cannot be used",
        ) from None
    except (OSError, ValueError, OverflowError, RecursionError, zlib.error, tarfile.TarError):
        raise ArtifactError(
            "The archive is damaged, or is not the archive of a bundle",
            kind="damaged_archive",
            where=str(archive_path),
            remedy="Compare the path, or copy the archive again",
        ) from None
    try:
        return _items(contents, directory)
    except ArtifactError as error:
        error.where = f"{pathlib.Path(error.where or '').name} in {archive_path}"
        raise


def _is_meant(name: str, stamps: t.Collection[str] | None, kind: str | None) -> bool:
    match = _NAME.fullmatch(name)
    return (
        match is not None
        and (stamps is None or match["stamp"] in stamps)
        and (kind is None or _KIND_OF[match["middle"]] == kind)
    )


def _by_artifact(names: t.Iterable[str]) -> list[list[str]]:
    """Return the names of files grouped by the artifact that they belong to."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    return list(groups.values())


def _read(name: str, directory: pathlib.Path) -> bytes:
    """Return the bytes of a file of the bundle. Raises ArtifactError."""
    match = t.cast("re.Match[str]", _NAME.fullmatch(name))
    where = bundle.place(_KIND_OF[match["middle"]], bundle=str(directory), stamp=match["stamp"], path=None)
    if match["end"] == "txt":
        return bundle.read_raw(where)
    return bundle.read_raw_entry(where) or b""


def _items(contents: dict[str, bytes], directory: pathlib.Path) -> list[Item]:
    items = []
    for stamp, middle in sorted(
        {(match["stamp"], match["middle"]) for match in map(_NAME.fullmatch, contents) if match}
    ):
        where = bundle.place(_KIND_OF[middle], bundle=str(directory), stamp=stamp, path=None)
        raw = contents.get(where.path.name)
        if raw is None:
            raise ArtifactError(
                f"The bundle has the manifest entry of the {where.name}, and not the artifact itself",
                kind="incomplete_bundle",
                where=str(where.path),
                remedy="Copy the whole bundle again; a half-copied one cannot be used",
            )
        item = Item(where, raw, contents.get(where.entry_path.name))
        bundle.verify(where, item.raw, item.entry)
        items.append(item)
    return items
