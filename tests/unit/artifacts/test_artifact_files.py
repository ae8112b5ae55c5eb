# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold secrets: what is opened, what is replaced, what an interrupted write leaves behind."""

from __future__ import annotations

import os
import pathlib
import signal
import stat
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import archive, bundle, files
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, AzsError

SECRET = b"eyJjbG91ZElkIjoiYWJjIn0="
NAME = "s.registration-token.txt"


def refused(work: t.Callable[[], object]) -> AzsError:
    with pytest.raises(AzsError) as caught:
        work()
    assert caught.value.remedy
    return caught.value


def interrupted(path: pathlib.Path, number: signal.Signals) -> int:
    """Write a file in a process that gets a signal before the file is whole; return the signal that ended it."""
    process = os.fork()
    if not process:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup hands it on as ignored
        os.fsync = lambda _descriptor: os.kill(os.getpid(), number)
        try:
            files.write(path, SECRET)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_write_that_is_ended_leaves_no_secret(tmp_path: pathlib.Path, number: signal.Signals) -> None:
    assert interrupted(tmp_path / NAME, number) == -number
    assert list(tmp_path.iterdir()) == []


def test_the_next_write_removes_what_a_killed_one_left(tmp_path: pathlib.Path) -> None:
    where = bundle.place(bundle.TOKEN, bundle=str(tmp_path), stamp="s", path=None)
    assert interrupted(where.path, signal.SIGKILL) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == SECRET and stat.S_IMODE(left.stat().st_mode) == 0o600
    other = tmp_path / f".t.registration-token.txt{left.name.removeprefix(f'.{NAME}')}"
    other.write_bytes(b"of another stamp")
    bundle.store(where, None, SECRET.decode())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([other.name, NAME])


def test_the_unfinished_file_of_a_live_writer_stays(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synchronise = tmp_path / NAME, os.fsync

    def another_writer(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", synchronise)
        files.tidy(path)
        files.write(path, b"of the other")
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", another_writer)
    files.write(path, SECRET)
    assert path.read_bytes() == SECRET
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_that_is_taken_away_is_written_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def taken(source: str, target: pathlib.Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        os.unlink(source)
        replace(source, target)

    monkeypatch.setattr(os, "replace", taken)
    files.write(tmp_path / NAME, SECRET)
    assert (tmp_path / NAME).read_bytes() == SECRET


class TestOtherThanFiles:
    """Links, pipes and directories where a file is expected."""

    def test_a_link_in_a_bundle_is_not_followed(self, tmp_path: pathlib.Path) -> None:
        where = bundle.place(bundle.KEY, bundle=str(tmp_path), stamp="x", path=None)
        (tmp_path / "other").write_text("root:secret:0")
        where.path.symlink_to("other")
        error = refused(lambda: bundle.read(where))
        assert error.kind == "not_an_artifact" and "symbolic link" in str(error)
        with pytest.raises(ArtifactError, match="symbolic link"):
            archive.items_of(tmp_path)
        bundle.store(where, None, "text")  # the link is replaced, and what it led to stays
        assert not where.path.is_symlink() and (tmp_path / "other").read_text() == "root:secret:0"

    def test_a_bundle_and_a_path_may_be_links(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / NAME).write_bytes(SECRET)
        (tmp_path / "bundle").symlink_to("real", target_is_directory=True)
        (tmp_path / "file").symlink_to(f"real/{NAME}")
        for options in (
            {"bundle": str(tmp_path / "bundle"), "stamp": "s", "path": None},
            {"bundle": None, "stamp": None, "path": str(tmp_path / "file")},
        ):
            assert bundle.read(bundle.place(bundle.TOKEN, **options)).content == SECRET.decode()

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
    def test_nothing_but_a_file_is_read_or_replaced(
        self, tmp_path: pathlib.Path, make: t.Callable[[pathlib.Path], None]
    ) -> None:
        make(tmp_path / "special")
        before = (tmp_path / "special").stat()
        (tmp_path / "link").symlink_to("special")
        for name in ("special", "link"):
            where = bundle.place(bundle.TOKEN, bundle=None, stamp=None, path=str(tmp_path / name))
            assert refused(lambda where=where: bundle.read(where)).kind == "not_an_artifact"
            for work in (lambda path: files.write(path, SECRET), files.check_target):
                error = refused(lambda work=work, where=where: work(where.path))
                assert error.kind == "unwritable_artifact" and "not a regular file" in str(error)
        assert (tmp_path / "special").stat().st_ino == before.st_ino
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "special"]


@pytest.mark.parametrize(
    "path", ["/tmp/a\0b", "/tmp/" + "n" * 256, "/tmp/" + "n/" * 2500, "n/" * 1900 + "x", "/", "\ud800"]
)
def test_a_path_that_no_file_can_have_is_a_typed_error(
    path: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(lambda: bundle.read(bundle.place(bundle.TOKEN, bundle=None, stamp=None, path=path)))
    assert refused(lambda: archive.items_of(pathlib.Path(path)))
    if "n/n" not in path or path.startswith("/"):
        assert refused(lambda: files.check_target(bundle.place(bundle.TOKEN, bundle=None, stamp=None, path=path).path))
        assert refused(lambda: files.write(pathlib.Path(path), SECRET))
