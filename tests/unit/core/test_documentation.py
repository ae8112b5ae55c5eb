# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ansible-doc` shows of the modules."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts.handover import CONTROLLER_SPEC

ROOT = pathlib.Path(__file__).resolve().parents[3]
GROUPS: t.Final[dict[str, list[str]]] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))[
    "action_groups"
]
MODULES: t.Final = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("azs_*.py"))


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, t.Any]]:
    """Documentation of each module, its fragments merged into it."""
    names = [f"azurestack.hub.{name}" for name in MODULES]
    program = pathlib.Path(sys.executable).parent / "ansible-doc"
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections")}
    done = subprocess.run([program, "--json", *names], capture_output=True, text=True, check=True, env=environment)
    return {name.rpartition(".")[2]: content["doc"] for name, content in json.loads(done.stdout).items()}


def test_every_module_is_documented(shown: dict[str, dict[str, t.Any]]) -> None:
    assert sorted(shown) == MODULES
    for name, doc in shown.items():
        assert {"check_mode", "diff_mode", "idempotent", "platform"} <= set(doc["attributes"]), name
        for attribute in doc["attributes"].values():
            assert attribute["description"] and attribute["support"], name


def test_modules_name_the_groups_that_they_are_in(shown: dict[str, dict[str, t.Any]]) -> None:
    for name, doc in shown.items():
        wanted = {f"azurestack.hub.{group}" for group, members in GROUPS.items() if name in members}
        told = doc["attributes"].get("action_group", {}).get("membership", [])
        assert set([told] if isinstance(told, str) else told) == wanted, name


def test_what_an_action_plugin_tells_its_module_is_documented(shown: dict[str, dict[str, t.Any]]) -> None:
    """Kind: a hidden option that the documentation fragment does not know; `ansible-test sanity` refuses it."""
    options = CONTROLLER_SPEC["_azs"]["options"]
    for name, doc in shown.items():
        hidden = doc["options"].get("_azs")
        if hidden:
            told = {one: (about["type"], about.get("elements")) for one, about in hidden["suboptions"].items()}
            assert told == {one: (spec["type"], spec.get("elements")) for one, spec in options.items()}, name
