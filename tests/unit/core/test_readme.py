# SPDX-License-Identifier: GPL-3.0-or-later
"""README leads to everything that the collection has."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["plugins/modules/*.py", "plugins/inventory/*.py", "playbooks/*.yml"])
def test_every_module_and_playbook_is_named(kind: str) -> None:
    names = sorted(path.stem for path in ROOT.glob(kind))
    assert names and [name for name in names if f"`{name}`" not in README] == []


@pytest.mark.parametrize("kind", ["docs/*.md", "roles/*/README.md"])
def test_every_guide_and_role_is_linked(kind: str) -> None:
    pages = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(kind))
    assert pages and [page for page in pages if f"]({page})" not in README] == []


def test_no_link_leads_nowhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
