# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts on their way: what is read, what is refused, how files are written."""

from __future__ import annotations

import codecs
import dataclasses
import gzip
import json
import os
import pathlib
import stat
import tarfile
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import archive, bundle, files, text
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError

CLOUD_ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
CONTENT = "eyJjbG91ZElkIjoiYWJjIn0="
A_KEY = "eyJhbGciOiJSUzI1NiJ9.eyJjbG91ZElkIjoiYWJjIn0.c2lnbmF0dXJl"


@pytest.fixture
def place(tmp_path: pathlib.Path) -> bundle.ArtifactPlace:
    return bundle.place(bundle.TOKEN, bundle=str(tmp_path / "bundle"), stamp="stamp-01", path=None)


@pytest.fixture
def stored(place: bundle.ArtifactPlace) -> bundle.ArtifactPlace:
    bundle.store(place, bundle.new_entry(bundle.TOKEN, "stamp-01", CONTENT, cloud_id=CLOUD_ID), CONTENT)
    return place


def refused(place: bundle.ArtifactPlace) -> str:
    with pytest.raises(ArtifactError) as caught:
        bundle.read(place)
    assert caught.value.remedy
    return caught.value.kind


@pytest.mark.parametrize(
    "raw",
    [
        codecs.BOM_UTF16_LE + (CONTENT + "\r\n").encode("utf-16-le"),  # Out-File of PowerShell 5.1
        codecs.BOM_UTF16_BE + CONTENT.encode("utf-16-be"),
        CONTENT.encode("utf-16-le"),
        codecs.BOM_UTF8 + CONTENT.encode(),
        (CONTENT + "\n").encode(),  # PowerShell 7
        b"  eyJjbG91\r\n  ZElkIjoi\r\nYWJjIn0=  \r\n\r\n",  # wrapped by hand
    ],
)
def test_what_microsofts_tools_and_people_write_is_read(place: bundle.ArtifactPlace, raw: bytes) -> None:
    files.write(place.path, raw)
    artifact = bundle.read(place)
    assert (artifact.content, artifact.entry, artifact.warnings) == (CONTENT, None, ())


def test_a_file_of_powershell_5_that_is_cut_within_a_character_is_truncated(place: bundle.ArtifactPlace) -> None:
    files.write(place.path, (codecs.BOM_UTF16_LE + CONTENT.encode("utf-16-le"))[:-1])
    assert refused(place) == "truncated_artifact"


def test_the_file_is_exactly_the_text(stored: bundle.ArtifactPlace) -> None:
    assert stored.path.read_bytes() == CONTENT.encode()


def test_files_are_for_their_owner_alone(stored: bundle.ArtifactPlace) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in (stored.path, stored.entry_path)} == {0o600}
    assert stat.S_IMODE(stored.path.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in stored.path.parent.iterdir()) == sorted(
        (stored.path.name, stored.entry_path.name)
    )


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "empty_artifact"),
        (b" \r\n\t", "empty_artifact"),
        (codecs.BOM_UTF16_LE, "empty_artifact"),
        (CONTENT[:-5].encode(), "truncated_artifact"),
        (CONTENT[::-1].encode(), "altered_artifact"),
        (CONTENT.encode() + b"AAAA", "altered_artifact"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_an_artifact"),
        (CONTENT[:8].encode() + b"\0" * 16, "truncated_artifact"),
    ],
)
def test_damage_is_refused_by_its_own_name(stored: bundle.ArtifactPlace, raw: bytes, kind: str) -> None:
    stored.path.write_bytes(raw)
    assert refused(stored) == kind
    assert not bundle.intact(stored, bundle.read_entry(stored) or pytest.fail("no entry"))


def test_a_half_copied_bundle_is_refused(stored: bundle.ArtifactPlace) -> None:
    stored.path.unlink()
    assert refused(stored) == "missing_artifact"
    with pytest.raises(ArtifactError, match="half-copied"):
        archive.items_of(stored.path.parent)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"format": 2}, "unknown_bundle_version"),
        ({"kind": bundle.KEY}, "wrong_artifact"),
        ({"format": "1"}, "damaged_manifest"),
    ],
)
def test_entries_of_something_else_are_refused(
    stored: bundle.ArtifactPlace, change: dict[str, object], kind: str
) -> None:
    stored.entry_path.write_text(json.dumps({**json.loads(stored.entry_path.read_text()), **change}))
    assert refused(stored) == kind


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": None},
        {"size": "big"},
        {"size": True},
        {"created": 5},
        {"created": "9999"},
        {"cloud_id": 5},
        {"cloud_id": "{{ lookup('pipe', 'id') }}"},
        {"kind": ["x"]},
        {"kind": {}},
        {"billing_model": 7},
        {"fingerprint": "zz$aa"},
        {"fingerprint": 5},
        {"encrypted_sha256": 5},
        {"format": True},
        {"stamp": {"a": "b"}},
        {"registration_id": 5},
        {"expires": "x"},
        {"usage_reporting": "yes"},
        {"stamp_version": "1\u001b[2J"},
    ],
    ids=str,
)
def test_entries_with_other_values_are_damaged(stored: bundle.ArtifactPlace, change: dict[str, object]) -> None:
    stored.entry_path.write_text(json.dumps({**json.loads(stored.entry_path.read_text()), **change}))
    assert refused(stored) == "damaged_manifest"


@pytest.mark.parametrize("kind", list(bundle.KINDS))
def test_the_artifact_of_another_stamp_is_refused(tmp_path: pathlib.Path, kind: str) -> None:
    content = A_KEY if kind == bundle.KEY else CONTENT
    made(tmp_path, kind, "d", content, "2026-11-01T00:00:00Z")
    there, here = (bundle.place(kind, bundle=str(tmp_path), stamp=stamp, path=None) for stamp in "db")
    here.path.write_bytes(there.path.read_bytes())
    here.entry_path.write_bytes(there.entry_path.read_bytes())
    assert refused(here) == {bundle.TOKEN: "token_of_another_stamp", bundle.KEY: "key_of_another_stamp"}.get(
        kind, "wrong_artifact"
    )
    items, (error,) = archive.items_of(tmp_path)
    assert [item.where.stamp for item in items] == ["d"] and "another stamp, d" in str(error)
    alone = bundle.place(
        kind, bundle=None, stamp=None, path=str(here.path)
    )  # the operator's own file: no stamp to compare
    alone.entry_path.write_bytes(there.entry_path.read_bytes())
    assert bundle.read(alone).content == content


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"format": 1}', b"[" * 300_000, b"\xff"])
def test_damaged_entries_are_refused(stored: bundle.ArtifactPlace, raw: bytes) -> None:
    stored.entry_path.write_bytes(raw)
    assert refused(stored) == "damaged_manifest"


def test_fields_of_later_collections_are_passed_over(stored: bundle.ArtifactPlace) -> None:
    stored.entry_path.write_text(json.dumps({**json.loads(stored.entry_path.read_text()), "colour": "blue"}))
    assert bundle.read(stored).content == CONTENT


def test_a_secret_that_others_can_read_is_warned_about(stored: bundle.ArtifactPlace) -> None:
    stored.path.chmod(0o644)
    assert "can be read by others" in bundle.read(stored).warnings[0]


def test_an_encrypted_artifact_is_read_only_with_its_clear_text(stored: bundle.ArtifactPlace) -> None:
    entry = bundle.read_entry(stored)
    bundle.store(stored, entry, "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    closed = bundle.read(stored)
    assert closed.content is None and closed.encrypted
    assert bundle.read(stored, opened=CONTENT).content == CONTENT
    with pytest.raises(ArtifactError, match="altered"):
        bundle.read(stored, opened=CONTENT[::-1])


def test_an_encrypted_artifact_that_was_altered_is_noticed_without_opening_it(stored: bundle.ArtifactPlace) -> None:
    entry = bundle.store(stored, bundle.read_entry(stored), "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert entry is not None and bundle.intact(stored, entry)
    stored.path.write_text("$ANSIBLE_VAULT;1.1;AES256\n6163\n")
    assert not bundle.intact(stored, entry)


@pytest.mark.parametrize("stamp", ["../x", "a/b", "", ".hidden", "a b", "x" * 200])
def test_names_that_cannot_be_file_names_are_refused(stamp: str) -> None:
    with pytest.raises(InputError):
        bundle.place(bundle.TOKEN, bundle="/b", stamp=stamp, path=None)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    stored: bundle.ArtifactPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left"):
        files.write(stored.path, b"new")
    assert stored.path.read_bytes() == CONTENT.encode()
    assert len(list(stored.path.parent.iterdir())) == 2


def test_the_fingerprint_notices_a_changed_agreement_number_and_hides_it() -> None:
    value = bundle.fingerprint("87654321", None)
    assert "87654321" not in value and value != bundle.fingerprint("87654321", None)
    assert bundle.same_fingerprint(value, "87654321", None)
    assert not bundle.same_fingerprint(value, "87654322", None)
    assert not bundle.same_fingerprint(value, None, "87654321")
    assert not bundle.same_fingerprint(None, None, None)


def test_the_archive_brings_back_what_was_packed_and_is_the_same_every_time(
    stored: bundle.ArtifactPlace, tmp_path: pathlib.Path
) -> None:
    (stored.path.parent / "stamp-01.activation-receipt.json").write_text("{}")
    items, broken = archive.items_of(stored.path.parent)
    packed = archive.pack(items)
    assert packed == archive.pack(archive.items_of(stored.path.parent)[0])
    assert broken == []
    unpacked = archive.unpack(packed, tmp_path / "a.tar.gz", tmp_path / "elsewhere")
    assert [(item.where.path.name, item.raw, item.entry) for item in unpacked] == [
        (stored.path.name, CONTENT.encode(), bundle.read_entry(stored))
    ]


def test_an_archive_cut_anywhere_is_refused(stored: bundle.ArtifactPlace, tmp_path: pathlib.Path) -> None:
    packed = archive.pack(archive.items_of(stored.path.parent)[0])
    for length in range(len(packed)):
        with pytest.raises(ArtifactError) as caught:
            archive.unpack(packed[:length], tmp_path / "a.tar.gz", tmp_path)
        assert caught.value.kind in ("truncated_archive", "damaged_archive", "empty_archive"), length


def made(directory: pathlib.Path, kind: str, stamp: str, content: str, created: str) -> None:
    place = bundle.place(kind, bundle=str(directory), stamp=stamp, path=None)
    bundle.store(place, dataclasses.replace(bundle.new_entry(kind, stamp, content), created=created), content)


def test_packing_loses_nothing_that_the_archive_brings_from_elsewhere(tmp_path: pathlib.Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    made(here, bundle.TOKEN, "both", "newerHere", "2026-11-02T00:00:00Z")
    made(there, bundle.TOKEN, "both", "olderThere", "2026-11-01T00:00:00Z")
    made(here, bundle.KEY, "stale", "olderHere", "2025-11-01T00:00:00Z")
    made(there, bundle.KEY, "stale", "newerThere", "2026-11-01T00:00:00Z")
    made(there, bundle.TOKEN, "another", "onlyThere", "2026-11-01T00:00:00Z")
    made(here, bundle.TOKEN, "new", "onlyHere", "2026-11-02T00:00:00Z")
    merged = archive.merge(archive.items_of(here)[0], archive.items_of(there)[0])
    assert {item.where.path.name: item.raw.decode() for item in merged} == {
        "another.registration-token.txt": "onlyThere",
        "both.registration-token.txt": "newerHere",
        "new.registration-token.txt": "onlyHere",
        "stale.activation-key.txt": "newerThere",
    }


OUT, BACK, OVER = (f"s.{bundle.KINDS[kind]}.txt" for kind in (bundle.TOKEN, bundle.KEY, bundle.DEACTIVATION))


@pytest.mark.parametrize(
    ("packed", "there", "left"),
    [
        ((bundle.KEY, None), (bundle.TOKEN, None), {BACK}),
        ((bundle.TOKEN, None), (bundle.KEY, "token"), {BACK}),
        ((bundle.TOKEN, None), (bundle.KEY, "another"), {OUT}),
        ((bundle.TOKEN, None), (bundle.KEY, None), {OUT}),
        ((bundle.DEACTIVATION, None), (bundle.KEY, "token"), {OVER}),
        ((bundle.DEACTIVATION, None), (bundle.TOKEN, None), {OVER}),
        ((bundle.TOKEN, None), (bundle.DEACTIVATION, None), {OUT, OVER}),
    ],
    ids=[
        "no token comes back with its key",
        "leg 1 once more",
        "a token that was minted anew",
        "a key of which nothing tells the token",
        "a key of a deactivated stamp",
        "a token of a deactivated stamp",
        "registered again after a deactivation",
    ],
)
def test_what_is_used_up_does_not_travel_on(
    tmp_path: pathlib.Path, packed: tuple[str, str | None], there: tuple[str, str | None], left: set[str]
) -> None:
    """Kind: secrets that nobody needs travel between the zones (issue 15, row 11)."""
    lists = []
    for (kind, token), directory in ((packed, tmp_path / "here"), (there, tmp_path / "there")):
        where, content = bundle.place(kind, bundle=str(directory), stamp="s", path=None), kind.partition("_")[2] or kind
        entry = bundle.new_entry(kind, "s", content, token_sha256=text.digest(token) if token else None)
        bundle.store(where, entry, content)
        lists.append(archive.items_of(directory)[0])
    assert {item.where.path.name for item in archive.merge(*lists)} == left
    assert archive.merge([], [*lists[0], *lists[1]]) == sorted(
        [*lists[0], *lists[1]], key=lambda item: item.where.path.name
    )  # of stamps that are not packed all stays


def test_a_key_in_an_archive_names_the_token_that_lay_beside_it(tmp_path: pathlib.Path) -> None:
    """Kind: what is written into a bundle is a change that is told. So the token is named when the key is packed, and not before."""
    made(tmp_path, bundle.KEY, "stamp-01", A_KEY, "2026-11-01T00:00:00Z")
    made(tmp_path, bundle.TOKEN, "stamp-01", CONTENT, "2026-11-01T00:00:00Z")
    (packed,) = archive.items_of(tmp_path, kind=bundle.KEY)[0]
    assert packed.entry and packed.entry.token_sha256 == text.digest(CONTENT)
    there = bundle.read_entry(packed.where)
    assert there and there.token_sha256 is None


def test_an_artifact_without_an_entry_is_taken_from_the_bundle(tmp_path: pathlib.Path) -> None:
    made(tmp_path / "there", bundle.KEY, "stamp-01", "there", "2026-11-01T00:00:00Z")
    files.write(tmp_path / "here" / "stamp-01.activation-key.txt", A_KEY.encode())
    merged = archive.merge(archive.items_of(tmp_path / "here")[0], archive.items_of(tmp_path / "there")[0])
    assert [item.raw for item in merged] == [A_KEY.encode()]


def test_a_damaged_artifact_does_not_keep_the_others_from_being_packed(stored: bundle.ArtifactPlace) -> None:
    made(stored.path.parent, bundle.TOKEN, "broken", CONTENT, "2026-11-01T00:00:00Z")
    (stored.path.parent / "broken.registration-token.txt").write_text(CONTENT[:5])
    items, broken = archive.items_of(stored.path.parent)
    assert [item.where.stamp for item in items] == ["stamp-01"]
    assert [error.kind for error in broken] == ["truncated_artifact"]
    stored.path.unlink()
    with pytest.raises(ArtifactError) as caught:
        archive.items_of(stored.path.parent)
    assert caught.value.kind == "truncated_artifact"


def test_an_entry_that_the_bundle_lost_is_in_the_archive_still(stored: bundle.ArtifactPlace) -> None:
    whole = archive.items_of(stored.path.parent)[0]
    stored.entry_path.unlink()
    bare = archive.items_of(stored.path.parent)[0]
    assert archive.merge(bare, whole) == archive.merge(whole, bare) == whole
    assert whole[0].identity != bare[0].identity


def test_sparse_and_large_members_are_refused(stored: bundle.ArtifactPlace, tmp_path: pathlib.Path) -> None:
    def refused_member(member: tarfile.TarInfo, change: t.Callable[[bytearray], None], content: bytes = b"") -> None:
        header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
        change(header)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header[:512])
        with pytest.raises(ArtifactError) as caught:
            archive.unpack(gzip.compress(bytes(header) + content + b"\0" * 1024), tmp_path / "a.tar.gz", tmp_path)
        assert caught.value.kind == "damaged_archive"

    def with_a_size_of_400_gigabytes(header: bytearray) -> None:
        size = b"\x80" + (400 << 30).to_bytes(11, "big")
        header[386:410], header[482:483], header[483:495] = size + b"00000000000\0", b"\0", size

    member = tarfile.TarInfo(stored.path.name)
    member.size = files.LARGEST + 512
    refused_member(member, lambda _header: None, b"A" * member.size)
    member.size, member.type = 0, tarfile.GNUTYPE_SPARSE
    refused_member(member, with_a_size_of_400_gigabytes)


def test_files_that_cannot_be_read_do_not_keep_the_others_from_being_packed(stored: bundle.ArtifactPlace) -> None:
    directory = stored.path.parent
    (directory / "large.registration-token.txt").write_bytes(b"x" * (files.LARGEST + 1))
    (directory / "directory.registration-token.txt").mkdir()
    os.mkfifo(directory / "pipe.activation-key.txt")
    (directory / "vault.activation-key.txt").write_bytes(b"$ANSIBLE_VAULT;\xff")
    items, broken = archive.items_of(directory)
    assert [item.where.stamp for item in items] == ["stamp-01"]
    assert [error.kind for error in broken] == ["not_an_artifact"] * 4


def test_an_archive_with_foreign_members_is_refused(tmp_path: pathlib.Path) -> None:
    evil = bundle.place(bundle.TOKEN, bundle=str(tmp_path), stamp="x", path=None)
    evil = dataclasses.replace(evil, path=pathlib.Path("/etc/../evil.txt"))
    packed = archive.pack([archive.Item(evil, CONTENT.encode(), None)])
    with pytest.raises(ArtifactError, match="is not the archive of a bundle"):
        archive.unpack(packed, tmp_path / "a.tar.gz", tmp_path)


def test_digest_is_of_the_text() -> None:
    assert text.digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
