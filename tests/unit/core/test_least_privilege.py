# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the role for registration explains exactly the actions that the role has."""

from __future__ import annotations

import pathlib
import re

import yaml
from ansible_collections.azurestack.hub.plugins.module_utils._azure import roles
from ansible_collections.azurestack.hub.plugins.module_utils._domain import rights

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "least-privilege.md").read_text(encoding="utf-8")


def test_every_action_is_explained_and_no_other() -> None:
    explained = re.findall(r"^\| `(Microsoft\.[^`]+)` \|", PAGE, re.MULTILINE)
    assert sorted(explained) == sorted(rights.role_actions(move=True))


def test_the_variables_are_those_of_the_playbook() -> None:
    described = set(re.findall(r"^\| `(azs_role_\w+)` \|", PAGE, re.MULTILINE))
    text = (ROOT / "playbooks" / "prerequisites.yml").read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text)
    used = (
        set(re.findall(r"\bazs_role_\w+", text)) - set(play["vars"]) - {task.get("register") for task in play["tasks"]}
    )
    assert described == used


def test_the_default_name() -> None:
    assert f"`{roles.DEFAULT_NAME}`" in PAGE
    assert roles.DEFAULT_NAME in (ROOT / "plugins" / "modules" / "azs_registration_role.py").read_text(encoding="utf-8")
