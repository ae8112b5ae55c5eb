# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of one run of a playbook know together, in memory alone. FOR INTERNAL COLLECTION USE ONLY.

ansible-core forks a process for every task of every host, so that what one of them learns is lost to the others. It loads
an action plugin before it forks, though: the memory that this file maps is then common to all of them, and to no other
process. Where it was loaded later than that, each process has a memory of its own, and nobody knows what others learned.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
import typing as t

from ansible import constants as C

_SIZE: t.Final = 1 << 20
_LENGTH: t.Final = 8
_BOARD: t.Final = mmap.mmap(-1, _SIZE)  # no file behind it: secrets lie in it


@contextlib.contextmanager
def exclusive(name: str) -> t.Iterator[None]:
    """Let one process at a time do something, of all that ansible-core forked for this run.

    The lock is one of the operating system, which a process that is killed cannot keep.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = os.path.join(C.DEFAULT_LOCAL_TMP, f"azs-{digest}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def get(name: str) -> dict[str, t.Any]:
    """Return what was put under a name; empty when nothing was."""
    with exclusive(__name__):
        return _read().get(name, {})


def put(name: str, value: dict[str, t.Any]) -> None:
    """Let all processes know a value of JSON types. When the room is used up, what was put earlier is forgotten."""
    change(name, lambda dummy: value)


def change(name: str, work: t.Callable[[dict[str, t.Any]], dict[str, t.Any]]) -> dict[str, t.Any]:
    """Put what a function makes of the value that was put under a name, and return it; no other process comes between."""
    with exclusive(__name__):
        board = _read()
        value = work(board.get(name, {}))
        text = json.dumps({**board, name: value}).encode()
        if _LENGTH + len(text) > _SIZE:
            text = json.dumps({name: value}).encode()
        _BOARD[: _LENGTH + len(text)] = len(text).to_bytes(_LENGTH, "big") + text
        return value


def _read() -> dict[str, dict[str, t.Any]]:
    length = int.from_bytes(_BOARD[:_LENGTH], "big")
    return json.loads(_BOARD[_LENGTH : _LENGTH + length]) if length else {}
