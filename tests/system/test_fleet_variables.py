# SPDX-License-Identifier: GPL-3.0-or-later
"""One task reads the fleet: the variables of each stamp count for it as if it had a task of its own."""

from __future__ import annotations

import typing as t

import pytest
from controllers import BOTH_CORES, Controller

from azs_simulator.client import Simulator

STAMPS: t.Final = ("north", "south")
FLEET = {"stamps": [{"name": name, "connected": True, "registration": {}} for name in STAMPS]}
OWN = """
- ansible.builtin.import_playbook: azurestack.hub.connected_register
  vars:
    azs_bundle: "{{ place }}/{{ inventory_hostname }}"
    azs_billing_model: PayAsYouUse
"""


@pytest.mark.parametrize("core", BOTH_CORES)
def test_templates_are_filled_in_for_each_stamp(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str
) -> None:
    """What one task says of many hosts: no stamp is read with another one's value, nor with a template."""
    known = {name: simulator.host(name) for name in STAMPS}
    here = controller(core).knows(
        {
            name: {
                "own_endpoint": known[name]["azs_admin_endpoint"],
                "azs_admin_endpoint": "{{ own_endpoint }}",
                "azs_cloud_id": "{{ {'north': north_id, 'south': south_id}[inventory_hostname] }}",
            }
            for name in STAMPS
        },
        north_id=simulator.stamp("north")["cloud_id"],
        south_id=simulator.stamp("south")["cloud_id"],
    )
    playbook = here.place / "own.yml"
    playbook.write_text(OWN, encoding="utf-8")
    play = here.run(str(playbook), place=str(here.place)).succeeded()
    assert set(play.settled) == set(STAMPS)


@pytest.mark.deep
def test_what_a_stamp_is_not_read_with_need_not_be_there(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    """A controller of one zone does not have what the variables of the other zone are made of."""
    here = controller().knows(
        {
            name: {"azs_pep_password": "{{ only_there }}", "azs_archive": "{{ only_there }}/stamps.tar.gz"}
            for name in STAMPS
        }
    )
    assert set(here.run("verify").succeeded().settled) == set(STAMPS)


@pytest.mark.deep
def test_a_template_that_cannot_be_filled_in_is_one_stamps_own(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    """What one task says of many hosts: what is wrong with one stamp's variables stops no other one."""
    here = controller().knows({"north": {"azs_admin_secret": "{{ only_there }}"}, "south": {}})
    play = here.run("verify")
    assert set(play.settled) == {"south"}
    failed = play.failure("north")
    assert failed.kind == "bad_input"
    for part in ("A variable of north cannot be worked out", "only_there", "Correct it in the inventory"):
        assert part in failed.message
    # What is wanted is compared by the stamp's own tasks then.
    here.knows({"north": {"azs_agreement_number": "{{ only_there }}"}, "south": {}})
    play = here.run("verify").succeeded()
    assert set(play.settled) == {"south"}
    assert play.verdict("north")["agrees"]
