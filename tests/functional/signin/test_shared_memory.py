# SPDX-License-Identifier: GPL-3.0-or-later
"""What the forked workers of one run know together."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible import constants as C
from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared


@pytest.fixture(autouse=True)
def local_tmp(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """The run's directory for temporary files."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def forked(work: t.Callable[[], None]) -> int:
    """Do something in a forked process, as ansible-core does tasks; its process id."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    """Exit status of a forked process, when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_what_one_worker_learns_the_others_know() -> None:
    assert _shared.get("a") == {}
    assert ended(forked(lambda: _shared.put("a", {"token": "secret"}))) == 0
    assert _shared.get("a") == {"token": "secret"}

    def check() -> None:
        if _shared.get("a") != {"token": "secret"}:
            raise AssertionError

    assert ended(forked(check)) == 0


def test_no_file_holds_it(local_tmp: pathlib.Path) -> None:
    _shared.put("b", {"token": "a-secret-value"})
    files = [path for path in local_tmp.rglob("*") if path.is_file()]
    assert files and all(path.stat().st_size == 0 for path in files)


def test_one_at_a_time() -> None:
    def count() -> None:
        for _number in range(50):
            with _shared.exclusive("counter"):
                _shared.put("count", {"n": _shared.get("count").get("n", 0) + 1})

    assert [ended(pid) for pid in [forked(count) for _worker in range(4)]] == [0] * 4
    assert _shared.get("count") == {"n": 200}


def test_a_worker_that_dies_lets_go() -> None:
    reading, writing = os.pipe()

    def die() -> None:
        with _shared.exclusive("mine"):
            os.write(writing, b"x")
            os._exit(9)

    pid = forked(die)
    assert os.read(reading, 1) == b"x"
    with _shared.exclusive("mine"):
        assert ended(pid) == 9


def test_when_the_room_is_used_up_the_newest_stays() -> None:
    for number in range(5):
        _shared.put(f"big-{number}", {"text": "x" * 300_000})
    assert _shared.get("big-4")["text"]
    assert _shared.get("big-0") == {}
