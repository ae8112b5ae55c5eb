# SPDX-License-Identifier: GPL-3.0-or-later
"""The troubleshooting page is what the table of known failures says, and what it quotes is what the table recognises."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _failures

ROOT = pathlib.Path(__file__).resolve().parents[3]
_NO_ERRORS = frozenset({"registration_token", "activation_key"})
"""Kinds of artifacts."""


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


def test_every_kind_of_error_that_the_code_raises_is_on_the_page() -> None:
    """Kind: an error whose kind no row of the page explains."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    there = set(re.findall(r"^### (\w+)$|^\| `(\w+)` \|", page, re.MULTILINE))
    listed = {one or other for one, other in there}
    raised: dict[str, str] = {}
    for path in (ROOT / "plugins").rglob("*.py"):
        for kind in re.findall(r"\bkind ?= ?(.+?)(?:,$|,? *\)?$)", path.read_text(encoding="utf-8"), re.MULTILINE):
            raised |= dict.fromkeys(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', kind), path.name)
    assert {"not_a_text", "missing_variable", "token_says_otherwise", "stamp_disagrees", "name_taken"} <= set(raised)
    without = {kind: file for kind, file in raised.items() if kind not in listed and kind not in _NO_ERRORS}
    assert not without
