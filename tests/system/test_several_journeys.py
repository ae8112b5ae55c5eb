# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of several journeys: each acts on the stamps that it has read itself, whatever another one found to be done."""

from __future__ import annotations

import typing as t

import pytest
from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {"name": name, "connected": True, "ercs": 1, "nodes": 1, "registration": {}} for name in ("stays", "goes")
    ],
}
SITE = """---
- ansible.builtin.import_playbook: azurestack.hub.connected_register
  vars:
    azs_stamps: stays
- ansible.builtin.import_playbook: azurestack.hub.connected_unregister
  vars:
    azs_stamps: goes
"""


@pytest.mark.deep
def test_a_later_journey_leaves_the_stamps_of_an_earlier_one_alone(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    """Kind: what a playbook notes for its own second half, taken up by another playbook of the same run."""
    simulator.do("delete-lock", stamp="stays")
    here = controller().knows({"stays": {}, "goes": {}})
    site = here.place / "site.yml"
    site.write_text(SITE)
    traffic = Traffic(simulator)
    here.run(str(site)).succeeded()
    entries = traffic.read()
    assert cmdlets(entries, "stays") == [] and cmdlets(entries, "goes")[-1] == "Remove-AzureStackActivation"
    registration = simulator.registration_of("stays")
    assert registration and registration["locks"] == ["CanNotDelete"]
    assert simulator.stamp("stays")["status"] == "Registered"
    assert simulator.registration_of("goes") is None


def test_a_second_half_alone_is_never_green(controller: t.Callable[..., Controller], simulator: Simulator) -> None:
    here = controller().knows({"stays": {}, "goes": {}})
    traffic = Traffic(simulator)
    play = here.run("connected_due")
    assert play.status != 0 and "No stamps were read in this run" in play.output
    assert here.run("connected_due", "--syntax-check").status == 0
    assert changing(traffic.read()) == []
