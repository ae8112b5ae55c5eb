# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold secrets: 0600, written atomically. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import signal
import stat
import tempfile
import threading
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

LARGEST: t.Final = 1024 * 1024
"""Bytes that are read of one artifact at the most; real ones have a few KiB."""

_UNFINISHED: t.Final = ".new"
_ABANDONED: t.Final = 24 * 3600
"""Seconds after which an unfinished file is nobody's any more, on a file system without locks."""


def read(path: pathlib.Path, what: str, *, follow: bool = False) -> bytes:
    """Return the bytes of an artifact or manifest entry. Raises as `read_up_to`."""
    return read_up_to(path, LARGEST, what, follow=follow)


def read_up_to(path: pathlib.Path, largest: int, what: str, *, follow: bool = False) -> bytes:
    """Return a file's bytes.

    :param largest: bytes that such a file has at the most.
    :param what: what the file is, for the message.
    :param follow: whether a symbolic link may lead to the file, which the operator named then. What lies in a bundle came
        with it, perhaps from elsewhere: a link there could lead to any file of this host.
    :raises ArtifactError: it is missing, no regular file, cannot be read or is larger.
    """
    try:
        data = _content(path, largest + 1, follow)
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(
            f"There is no {what}",
            kind="missing_artifact",
            where=str(path),
            remedy="Run the leg that writes it, with a new archive where one is used, or copy the whole bundle here, then run this leg again",
        ) from None
    except (OSError, ValueError) as error:
        if not follow and getattr(error, "errno", None) == errno.ELOOP:
            raise ArtifactError(
                f"The {what} is a symbolic link",
                kind="not_an_artifact",
                where=str(path),
                cause="links in a bundle are not followed: they could lead to any file of this host",
                remedy="Put the file itself there, or give it to the module as path",
            ) from None
        raise ArtifactError(
            f"The {what} cannot be read",
            kind="unreadable_artifact",
            where=str(path),
            cause=_reason(error),
            remedy=_remedy(error, "Give the user that runs this task the right to read it"),
        ) from None
    if data is None:
        raise ArtifactError(
            f"The {what} is not a regular file",
            kind="not_an_artifact",
            where=str(path),
            remedy="Compare the path, or remove what lies there",
        )
    if len(data) > largest:
        raise ArtifactError(
            f"The {what} is larger than {largest // (1024 * 1024)} MiB",
            kind="not_an_artifact",
            where=str(path),
            remedy="Compare the path",
        )
    return data


def check_target(path: pathlib.Path) -> None:
    """Refuse to write what cannot be a file, or lies where something else than a file is: it would be replaced.

    :raises ArtifactError: it is a directory, named pipe, device or the like, or no file can be there.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    if not stat.S_ISREG(mode):
        raise ArtifactError(
            "The file cannot be written",
            kind="unwritable_artifact",
            where=str(path),
            cause="what lies there is not a regular file",
            remedy="Compare the path, or remove what lies there",
        )


def write(path: pathlib.Path, data: bytes) -> None:
    """Write a file with mode 0600 so that it exists whole or not at all, also after a crash.

    A file system without modes or without directory synchronisation (FAT, exFAT on a USB stick) is no failure.

    :raises ArtifactError: the directory cannot be made, something else than a file is there, or it cannot be written.
    """
    check_target(path)
    try:
        make_directory(path.parent)
        for last in (False, False, True):
            try:
                _replace(path, data)
                break
            except (
                FileNotFoundError
            ):  # between two steps, another writer's `tidy` took the unfinished file for abandoned
                if last:
                    raise
        with contextlib.suppress(OSError):
            _synchronise(path.parent)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def check_medium(path: pathlib.Path) -> None:
    """Refuse to write a file of a medium whose directory is not there: made anew it would be on this host, and not on the medium.

    :raises ArtifactError: kind missing_directory.
    """
    if not path.parent.exists():
        raise ArtifactError(
            f"There is no directory {path.parent}",
            kind="missing_directory",
            where=str(path),
            cause="its medium is not mounted on the host that this task runs on, or the path is mistyped; it is not made, because the "
            "archive would then stay on this host",
            remedy="Mount the medium, correct the path, or make the directory; then run again. Nothing was changed",
        )


_ROOM: t.Final = 256 * 1024
"""Bytes that have to be free: more than an artifact, its manifest entry and their unfinished copies take."""


def check_room(directory: pathlib.Path, *, probe: bool) -> None:
    """Make sure that files can be written to a directory, before something is made that would be lost otherwise.

    :param probe: write and remove a file where the directory is there; else look only, at what is there of it.
    :raises ArtifactError: kind unwritable_artifact.
    """
    try:
        if probe and directory.is_dir():
            with tempfile.TemporaryFile(dir=directory) as file:
                file.write(bytes(_ROOM))
                file.flush()
                os.fsync(file.fileno())
            return
        there = next(one for one in (directory, *directory.absolute().parents) if one.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        about = os.statvfs(there)
        if about.f_bavail * about.f_frsize < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except (OSError, ValueError) as error:
        raise _unwritable(directory, error, "No file can be written to the directory") from None


def tidy(*paths: pathlib.Path) -> None:
    """Remove what writers of these files of one directory left unfinished when they were killed: it may hold a secret.

    A live writer holds a lock on its unfinished file. Where there are no locks, age tells.
    """
    names = "|".join(re.escape(path.name) for path in paths)
    unfinished = re.compile(rf"\.(?:{names})\.[a-z0-9_]+{re.escape(_UNFINISHED)}")
    with contextlib.suppress(OSError, ValueError):
        for name in os.listdir(paths[0].parent):
            if unfinished.fullmatch(name):
                with contextlib.suppress(OSError):
                    _remove_abandoned(paths[0].parent / name)


def remove(path: pathlib.Path) -> None:
    """Delete a file, when there is one. Raises ArtifactError."""
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def make_directory(path: pathlib.Path) -> None:
    """Make a directory and its missing parents; those made here are for their owner alone (0700)."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another task made it in between
            directory.mkdir(mode=0o700)


def exposure(path: pathlib.Path) -> str | None:
    """Return a warning when others than the owner can read a file with a secret, else None."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:  # taken away since it was read
        return None
    if not mode & 0o077:
        return None
    return (
        f"{path} can be read by others than its owner (mode {mode:04o}). Set it to 0600; on a file system without "
        "modes, guard the medium or encrypt the artifact."
    )


def _content(path: pathlib.Path, most: int, follow: bool) -> bytes | None:
    """Return the first bytes of a file, None when it is no regular file. Raises OSError, ValueError."""
    # Without O_NONBLOCK a named pipe would be waited for until somebody writes; regular files do not care.
    flags = os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as stream:
            return stream.read(most) if stat.S_ISREG(os.fstat(stream.fileno()).st_mode) else None
    except IsADirectoryError:
        return None


def _replace(path: pathlib.Path, data: bytes) -> None:
    """Write a file beside the path, and put it in its place. Raises OSError."""
    descriptor, unfinished = tempfile.mkstemp(
        suffix=_UNFINISHED, prefix=f".{path.name}.", dir=path.parent
    )  # 0600 already
    with _removed_when_ended(unfinished), os.fdopen(descriptor, "wb") as stream:
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
        os.replace(unfinished, path)


@contextlib.contextmanager
def _removed_when_ended(unfinished: str) -> t.Iterator[None]:
    """Remove an unfinished file when it does not get finished, also when the process is told to end."""

    def end(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    taken = []
    if threading.current_thread() is threading.main_thread():  # no other may
        taken = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_DFL]
    try:
        for number in taken:
            signal.signal(number, end)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _remove_abandoned(unfinished: pathlib.Path) -> None:
    """Remove an unfinished file unless its writer lives. Raises OSError."""
    descriptor = os.open(unfinished, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except OSError:
        if time.time() - os.fstat(descriptor).st_mtime < _ABANDONED:
            return
    finally:
        os.close(descriptor)
    os.unlink(unfinished)


def _unwritable(path: pathlib.Path, error: Exception, what: str = "The file cannot be written") -> ArtifactError:
    return ArtifactError(
        what,
        kind="unwritable_artifact",
        where=str(path),
        cause=_reason(error),
        remedy=_remedy(error, "Give the user that runs this task a directory to write to with enough space"),
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _remedy(error: Exception, usual: str) -> str:
    wrong = isinstance(error, ValueError) or getattr(error, "errno", None) in (
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.ENOTDIR,
    )
    return "Compare the path: no file can have this one" if wrong else usual


def _synchronise(directory: pathlib.Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
