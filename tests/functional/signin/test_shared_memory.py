# SPDX-License-Identifier: GPL-3.0-or-later
"""What the forked workers of one run know together."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible import constants as C
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
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


def test_a_thousand_stamps_are_known_at_once() -> None:
    facts = {"text": "x" * 4_000}
    for number in range(1_000):
        _shared.put(f"stamp {number}", {})
        _shared.put(f"stamp {number}", facts)
    known = _shared.beginning("stamp ")
    assert len(known) == 1_000 and known["7"] == facts == _shared.get("stamp 999")


def fits(name: str, text: str) -> bool:
    """Whether there was room for a text."""
    try:
        _shared.put(name, {"text": text})
    except InputError as error:
        return error.kind != "run_too_large"
    return True


def test_when_the_room_is_used_up_nothing_is_forgotten_silently() -> None:
    text = "x" * 2_000_000
    _shared.put("first", {"text": "kept"})
    fitting = next(number for number in range(64) if not fits(f"big-{number}", text))
    assert fitting > 10
    assert _shared.get("first") == {"text": "kept"}
    assert _shared.get("big-0") == {"text": text}
    for number in range(fitting):
        _shared.put(f"big-{number}", {})
    _shared.put("again", {"text": text})
    assert _shared.get("again") == {"text": text} and _shared.get("first") == {"text": "kept"}
