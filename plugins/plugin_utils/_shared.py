# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of one run of a playbook know together, in memory alone. FOR INTERNAL COLLECTION USE ONLY.

ansible-core forks a process for every task of every host, so that what one of them learns is lost to the others. It loads
an action plugin before it forks, though: the memory that this file maps is then common to all of them, and to no other
process. Where it was loaded later than that, each process has a memory of its own, and nobody knows what others learned.

The memory holds one record for each name, one after the other. A record whose value outgrew its room is written anew at the end,
and the old one has no name any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
import struct
import typing as t

from ansible import constants as C
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

_SIZE: t.Final = 1 << 26
_BOARD: t.Final = mmap.mmap(-1, _SIZE)  # no file behind it: secrets lie in it; what is not used of it costs nothing
_END: t.Final = struct.Struct(">Q")
"""At the begin of the memory: bytes that are in use after that."""
_HEAD: t.Final = struct.Struct(">III")
"""At the begin of a record: bytes of the whole record, of its name, and of its value."""


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
        at = _find(name.encode())
        return {} if at is None else _value(at)


def beginning(prefix: str) -> dict[str, dict[str, t.Any]]:
    """Return what was put under all names that begin so, by the rest of the name."""
    with exclusive(__name__):
        return {name.decode()[len(prefix) :]: _value(at) for at, name in _records() if name.startswith(prefix.encode())}


def put(name: str, value: dict[str, t.Any]) -> None:
    """Let all processes know a value of JSON types. Raises InputError when there is no room for it."""
    change(name, lambda dummy: value)


def change(name: str, work: t.Callable[[dict[str, t.Any]], dict[str, t.Any]]) -> dict[str, t.Any]:
    """Put what a function makes of the value that was put under a name, and return it; no other process comes between.

    :raises InputError: there is no room for it. Nothing is forgotten.
    """
    with exclusive(__name__):
        key = name.encode()
        at = _find(key)
        value = work({} if at is None else _value(at))
        _write(key, at, json.dumps(value).encode())
        return value


def _records() -> t.Iterator[tuple[int, bytes]]:
    """Yield where each record is, and its name."""
    at, end = _END.size, _end()
    while at < end:
        size, length, dummy = _HEAD.unpack_from(_BOARD, at)
        if length:
            begin = at + _HEAD.size
            yield at, _BOARD[begin : begin + length]
        at += size


def _find(key: bytes) -> int | None:
    return next((at for at, name in _records() if name == key), None)


def _value(at: int) -> dict[str, t.Any]:
    dummy, length, filled = _HEAD.unpack_from(_BOARD, at)
    begin = at + _HEAD.size + length
    return json.loads(_BOARD[begin : begin + filled])


def _write(key: bytes, at: int | None, text: bytes) -> None:
    """Write a value in its record's place, else at the end."""
    needed = _HEAD.size + len(key) + len(text)
    if at is not None:
        size = _HEAD.unpack_from(_BOARD, at)[0]
        if needed <= size:
            _fill(at, size, key, text)
            return
    room = 1 << needed.bit_length()  # some more, because what is learned grows
    if _end() + room > _SIZE:
        _pack(key, room)
    elif at is not None:
        _HEAD.pack_into(_BOARD, at, size, 0, 0)
    end = _end()
    _fill(end, room, key, text)
    _END.pack_into(_BOARD, 0, end + room - _END.size)


def _fill(at: int, size: int, key: bytes, text: bytes) -> None:
    record = _HEAD.pack(size, len(key), len(text)) + key + text
    _BOARD[at : at + len(record)] = record


def _pack(but: bytes, room: int) -> None:
    """Move all records together, but for one that is written anew. Raises InputError when that does not make enough room."""
    kept = []
    for at, name in _records():
        dummy, length, filled = _HEAD.unpack_from(_BOARD, at)
        size = _HEAD.size + length + filled
        if name != but:
            kept.append(_HEAD.pack(size, length, filled) + _BOARD[at + _HEAD.size : at + size])
    packed = b"".join(kept)
    if _END.size + len(packed) + room > _SIZE:
        raise InputError(
            "What the hosts of this run know together has no room in memory",
            kind="run_too_large",
            cause=f"it is limited to {_SIZE >> 20} MB",
            remedy="Run the playbook for fewer hosts at once (--limit)",
        )
    _BOARD[_END.size : _END.size + len(packed)] = packed
    _END.pack_into(_BOARD, 0, len(packed))


def _end() -> int:
    return _END.size + int(_END.unpack_from(_BOARD, 0)[0])
