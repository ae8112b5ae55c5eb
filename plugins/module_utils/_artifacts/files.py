# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold secrets: 0600, written atomically. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import tempfile

from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

_LARGEST = 1024 * 1024
"""Bytes that are read of one artifact at the most; real ones have a few KiB."""


def read(path: pathlib.Path, what: str) -> bytes:
    """Return the bytes of an artifact or manifest entry. Raises as `read_up_to`."""
    return read_up_to(path, _LARGEST, what)


def read_up_to(path: pathlib.Path, largest: int, what: str) -> bytes:
    """Return a file's bytes.

    :param largest: bytes that such a file has at the most.
    :param what: what the file is, for the message.
    :raises ArtifactError: it is missing, cannot be read or is larger.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(largest + 1)
    except FileNotFoundError:
        raise ArtifactError(
            f"There is no {what}",
            kind="missing_artifact",
            where=str(path),
            remedy="Run the leg that writes it, or copy the whole bundle here, then run this leg again",
        ) from None
    except OSError as error:
        raise ArtifactError(
            f"The {what} cannot be read", kind="unreadable_artifact", where=str(path), cause=error.strerror,
            remedy="Give the user that runs this task the right to read it",
        ) from None
    if len(data) > largest:
        raise ArtifactError(
            f"The {what} is larger than {largest // (1024 * 1024)} MiB", kind="not_an_artifact", where=str(path), remedy="Compare the path"
        )
    return data


def write(path: pathlib.Path, data: bytes) -> None:
    """Write a file with mode 0600 so that it exists whole or not at all, also after a crash.

    A file system without modes or without directory synchronisation (FAT, exFAT on a USB stick) is no failure.

    :raises ArtifactError: the directory cannot be made or the file not be written.
    """
    temporary: str | None = None
    try:
        make_directory(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from the start
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        temporary = None
        with contextlib.suppress(OSError):
            _synchronise(path.parent)
    except OSError as error:
        raise ArtifactError(
            "The file cannot be written", kind="unwritable_artifact", where=str(path), cause=error.strerror,
            remedy="Give the user that runs this task a directory to write to with enough space",
        ) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def make_directory(path: pathlib.Path) -> None:
    """Make a directory and its missing parents; those made here are for their owner alone (0700)."""
    if not path.is_dir():
        make_directory(path.parent)
        with contextlib.suppress(FileExistsError):  # another task made it in between
            path.mkdir(mode=0o700)


def exposure(path: pathlib.Path) -> str | None:
    """Return a warning when others than the owner can read a file with a secret, else None."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return None
    return (
        f"{path} can be read by others than its owner (mode {mode:04o}). Set it to 0600; on a file system without "
        "modes, guard the medium or encrypt the artifact."
    )


def _synchronise(directory: pathlib.Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
