# SPDX-License-Identifier: GPL-3.0-or-later
"""What all playbooks have in common."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLAYS: t.Final = [
    (path.stem, play)
    for path in sorted((ROOT / "playbooks").glob("*.yml"))
    for play in yaml.safe_load(path.read_text("utf-8"))
    if "hosts" in play
]


@pytest.mark.parametrize(("playbook", "play"), [pytest.param(*one, id=one[0]) for one in PLAYS])
def test_a_fleet_that_is_not_found_is_no_success(playbook: str, play: dict[str, t.Any]) -> None:
    if play["hosts"] != "localhost":
        assert play["hosts"] in ("{{ azs_stamps_found }}", "{{ azs_stamps_due }}")
        assert "vars/stamps.yml" in play["vars_files"]


@pytest.mark.parametrize(("playbook", "play"), [pytest.param(*one, id=one[0]) for one in PLAYS])
def test_a_playbook_of_a_kind_says_so(playbook: str, play: dict[str, t.Any]) -> None:
    kind = playbook.partition("_")[0]
    if kind in ("connected", "disconnected") and play["hosts"] != "{{ azs_stamps_due }}":
        assert play["vars"]["azs_kind"] == kind
