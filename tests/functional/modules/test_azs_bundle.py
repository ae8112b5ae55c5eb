# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_bundle: what is packed, what is left out and said, what comes back."""

from __future__ import annotations

import functools
import gzip
import os
import pathlib
import typing as t

import in_container
import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import archive, bundle
from tables import first_of

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

CONTENT = "eyJjbG91ZElkIjoiYWJjIn0="


class Carrier:
    """Somebody who packs and unpacks one bundle."""

    def __init__(self, modules: Modules, directory: pathlib.Path) -> None:
        self.bundle, self.archive = directory / "bundle", directory / "stick.tar.gz"
        self._modules = modules

    def carry(
        self,
        state: str = "packed",
        *,
        stamps: list[str] | None = None,
        kind: str | None = None,
        kept: bool = True,
        foretold: dict[str, t.Any] | None = None,
        **how: t.Any,
    ) -> Outcome:
        """Run the module; whatever these tests run in is kept."""
        options = {"state": state, "bundle": str(self.bundle), "archive": str(self.archive), "stamps": stamps}
        options |= {"kind": kind} if kind else {}
        options |= {"kept_container": kept}
        options |= {"_azs": foretold} if foretold else {}
        return self._modules.run("azs_bundle", options, **how)

    def place(self, stamp: str, kind: str = bundle.TOKEN) -> bundle.ArtifactPlace:
        """Where an artifact lies."""
        return bundle.place(kind, bundle=str(self.bundle), stamp=stamp, path=None)

    def make(self, stamp: str) -> bundle.ArtifactPlace:
        """Put a token into the bundle."""
        where = self.place(stamp)
        bundle.store(where, bundle.new_entry(bundle.TOKEN, stamp, CONTENT), CONTENT)
        return where


@pytest.fixture
def carrier(modules: Modules, tmp_path: pathlib.Path) -> Carrier:
    return Carrier(modules, tmp_path)


def test_a_lost_manifest_entry_comes_back_and_is_not_packed_away(carrier: Carrier) -> None:
    where = carrier.make("s")
    assert carrier.carry().changed
    whole = where.entry_path.read_bytes()
    where.entry_path.unlink()
    assert not carrier.carry().changed  # the archive has the entry still
    assert carrier.carry("unpacked", check=True).changed and not where.entry_path.exists()
    outcome = carrier.carry("unpacked")
    assert outcome.changed and where.entry_path.read_bytes() == whole
    assert "no manifest entry" in outcome["diff"]["before"][where.path.name]
    assert not carrier.carry("unpacked").changed


def test_what_is_of_other_stamps_or_of_another_kind_is_not_packed(carrier: Carrier) -> None:
    """Kind: secrets that nobody needs travel between the zones (issue 15, row 11)."""
    for stamp in ("mine", "foreign"):
        carrier.make(stamp)
    foreign = carrier.place("foreign")
    foreign.path.write_text("half of a to")
    outcome = carrier.carry(stamps=["mine"], kind=bundle.TOKEN)
    assert [one["stamp"] for one in outcome["artifacts"]] == ["mine"] and not outcome.warnings
    assert not carrier.carry(stamps=["mine"], kind=bundle.TOKEN).changed
    missing = carrier.carry(stamps=["mine"], kind=bundle.KEY)
    assert missing.kind == "empty_bundle" and "no activation key of mine" in missing.message


def test_what_must_not_be_packed_is_left_out_and_said(carrier: Carrier, tmp_path: pathlib.Path) -> None:
    where = carrier.make("d")
    mixed_up = carrier.place("b")
    mixed_up.path.write_bytes(where.path.read_bytes())
    mixed_up.entry_path.write_bytes(where.entry_path.read_bytes())
    (tmp_path / "shadow").write_text("root:HASHSECRET:0")
    carrier.place("x", bundle.KEY).path.symlink_to(tmp_path / "shadow")
    os.mkfifo(carrier.place("y", bundle.KEY).path)
    outcome = carrier.carry()
    assert [(one["stamp"], one["kind"]) for one in outcome["artifacts"]] == [("d", bundle.TOKEN)]
    said = "\n".join(outcome.warnings)
    for part in ("another stamp, d", "symbolic link", "not a regular file"):
        assert part in said
    assert b"HASHSECRET" not in gzip.decompress(carrier.archive.read_bytes())


def test_a_pipe_in_place_of_the_archive_stays(carrier: Carrier) -> None:
    carrier.make("s")
    os.mkfifo(carrier.archive)
    assert carrier.carry().kind == "unwritable_artifact"
    assert carrier.carry("unpacked").kind == "not_an_artifact"
    assert carrier.archive.is_fifo()


def test_an_archive_with_an_artifact_of_another_stamp_is_left_alone(carrier: Carrier) -> None:
    where = carrier.make("d")
    entry_raw = where.entry_path.read_bytes()
    mixed_up = archive.pack([archive.Item(carrier.place("b"), CONTENT.encode(), entry_raw)])
    carrier.archive.write_bytes(mixed_up)
    for state in ("packed", "unpacked"):
        outcome = carrier.carry(state)
        assert outcome.kind == "token_of_another_stamp"
        assert f"b.registration-token.txt in {carrier.archive}" in outcome.message
    assert carrier.archive.read_bytes() == mixed_up


@pytest.mark.parametrize("state", first_of(["packed", "checked"]))
@pytest.mark.parametrize("check", first_of([True, False]))
def test_a_medium_that_is_not_mounted_is_refused_and_not_made(carrier: Carrier, state: str, check: bool) -> None:
    """Kind: missing directories of what travels are never made (row 17)."""
    carrier.make("s")
    carrier.archive = carrier.archive.parent / "media" / "stick" / "stamps.tar.gz"
    outcome = carrier.carry(state, check=check)
    assert outcome.kind == "missing_directory", outcome.message
    assert str(carrier.archive.parent) in outcome.message and "Mount" in outcome.message
    assert not carrier.archive.parent.parent.exists()
    carrier.archive.parent.mkdir(parents=True)
    assert not carrier.carry("checked", check=check).changed and not list(carrier.archive.parent.iterdir())
    assert carrier.carry(check=check).changed


@pytest.mark.skipif(not in_container.possible(), reason="this host lets its users make no mounts")
@pytest.mark.parametrize("check", [True, False])
def test_what_a_container_would_take_along_is_refused(carrier: Carrier, tmp_path: pathlib.Path, check: bool) -> None:
    """Kind: what is reported as written has to be there after the job (issue 15, row 2)."""
    root, stick, own = tmp_path / "root", tmp_path / "stick", pathlib.Path("/mnt/bundle")
    for directory in (root, stick):
        directory.mkdir()
    inside = functools.partial(in_container.command, root, overlays=[stick])
    mounted = (carrier.bundle, carrier.archive)
    for carrier.bundle, carrier.archive, lost, why in (
        (own, mounted[1], own, "no mount"),
        (mounted[0], stick / "stamps.tar.gz", stick, "(:O)"),
    ):
        assert carrier.carry("checked", check=True, inside=inside).changed is False  # the operator says that it is kept
        outcome = carrier.carry("checked", kept=False, check=check, inside=inside)
        assert outcome.kind == "lost_with_container", outcome.message
        for part in (str(lost), why, "inside a container", "/var/lib/azurestack:/var/lib/azurestack:rw"):
            assert part in outcome.message
    carrier.bundle, carrier.archive = mounted
    assert not carrier.carry("checked", kept=False, check=check, inside=inside).changed
    assert not list(stick.iterdir())


def test_what_earlier_tasks_would_have_made_counts_in_check_mode(carrier: Carrier) -> None:
    made = {"s": {bundle.TOKEN: {"changed": True}, bundle.KEY: {"changed": False}}}
    foretold = {"foreseen": made}
    assert carrier.carry(check=True, foretold=foretold).changed  # not even the bundle is there yet
    carrier.make("s")
    carrier.carry()
    assert carrier.carry(check=True, foretold=foretold, kind=bundle.TOKEN).changed
    carrier.make("t")
    carrier.carry()
    assert not carrier.carry(check=True, foretold=foretold, stamps=["t"]).changed
    assert carrier.carry(check=True, foretold=foretold, kind=bundle.KEY).kind == "empty_bundle"
    assert not carrier.carry(foretold=foretold).changed


def test_what_would_be_taken_out_is_told_to_later_tasks(carrier: Carrier) -> None:
    where = carrier.make("s")
    carrier.carry()
    assert carrier.carry("unpacked", check=True)["_azs_foreseen"] == {"s": {bundle.TOKEN: None}}
    entry = bundle.read_entry(where)
    assert entry
    where.path.unlink()
    (told,) = carrier.carry("unpacked", check=True)["_azs_foreseen"]["s"].values()
    assert (told["changed"], told["sha256"]) == (True, entry.sha256)
    assert "_azs_foreseen" not in carrier.carry("unpacked").result
