# SPDX-License-Identifier: GPL-3.0-or-later
"""The troubleshooting page is what the table of known failures says, and what it quotes is what the table recognises."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _failures

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tests" / "bin" / "write_troubleshooting.py"), "--print"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert page == rendered, "run python3 tests/bin/write_troubleshooting.py"


def test_every_failure_has_its_place() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")]
    assert headings == [failure.kind for failure in _failures.FAILURES]


@pytest.mark.parametrize("failure", _failures.FAILURES, ids=lambda failure: failure.kind)
def test_what_is_quoted_is_recognised(failure: _failures.Failure) -> None:
    assert failure.messages or not failure.pattern
    if failure.met is not None:  # no service says it: it is known by its kind
        assert not failure.codes and not failure.messages
        assert _failures.classify(None, failure.met) is None and _failures.named(failure.kind) is failure
        return
    for code in failure.codes or (None,):
        for message in failure.messages or ("",):
            assert _failures.classify(code, message) is failure
