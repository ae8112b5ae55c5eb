# SPDX-License-Identifier: GPL-3.0-or-later
"""A stamp that stands twice in the inventory is refused before anything is contacted."""

from __future__ import annotations

import typing as t

import pytest
from controllers import Controller, Traffic
from tables import first_of

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {"name": name, "ercs": 2, "nodes": 1, "connected": True, "registration": {}} for name in ("north", "south")
    ]
}


@pytest.mark.parametrize("variable", first_of(["azs_admin_endpoint", "azs_pep_hosts"]))
def test_what_two_names_have_in_common_is_refused(
    simulator: Simulator, controller: t.Callable[..., Controller], variable: str
) -> None:
    value = simulator.host("south")[variable]
    copied = value if isinstance(value, str) else [simulator.host("north")[variable][0], value[1]]
    here = controller().knows({"north": {variable: copied}, "south": {}})
    traffic = Traffic(simulator)
    refused = here.run("connected_register", "--limit", "north").failure("north")
    assert (
        f"north and south have the same {variable}, " in refused.message and "Nothing was contacted" in refused.message
    )
    assert traffic.read() == []


@pytest.mark.deep
def test_what_is_given_for_all_of_them_is_not_compared(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    here = controller().knows(["north", "south"])
    found = here.run("verify", "--limit", "north", azs_cloud_id=simulator.stamp("north")["cloud_id"]).succeeded()
    assert "north: Registered" in found.output
