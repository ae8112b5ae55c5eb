# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples of the guides can be copied as they are."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from azs_simulator import fleet

ROOT = pathlib.Path(__file__).resolve().parents[3]
GUIDES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "simulator" / "README.md")
EXAMPLES: t.Final = [
    pytest.param(example, id=f"{guide.relative_to(ROOT)}-{number}")
    for guide in GUIDES
    for number, example in enumerate(
        re.findall(r"^```yaml\n(.*?)^```", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL), 1
    )
]


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tags."""


_Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))
_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_yaml_and_a_fleet_is_one(example: str) -> None:
    content = yaml.load(example, _Loader)
    assert content
    keys = content.keys() if isinstance(content, dict) else set()
    if keys <= {"stamps", "clouds", "settings"} and "stamps" in keys and isinstance(content["stamps"], list):
        fleet.parse(content)
