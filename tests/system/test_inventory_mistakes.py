# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelled variables, numbers where a text is meant, and a missing billing model end a playbook before anything is contacted."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from controllers import CORES, Controller

from azs_simulator.client import Simulator

FLEET = {"stamps": [{"name": name, "agreement_number": "01234567", "nodes": 1} for name in ("one", "two")]}


@pytest.mark.parametrize("core", sorted(CORES))
def test_whatever_is_wrong_is_said_for_all_stamps_at_once(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str
) -> None:
    operator, mark = controller(core), simulator.mark()
    operator.knows(
        {
            "one": {"azs_agreement_number": yaml.safe_load("01234567"), "azs_biling_model": "Capacity"},
            "two": {"azs_encript": True, "azs_billing_model": None, "azs_pep_password": 87654321},
        }
    )
    play = operator.run("disconnected_export_token", "--check")
    assert play.status != 0
    (failed,) = (one for one in play.results if one.outcome == "failed")
    assert failed.kind == "unknown_variable"
    for said in (
        "azs_biling_model is not a variable of this collection; did you mean azs_billing_model? (one)",
        "azs_encript is not a variable of this collection; did you mean azs_encrypt? (two)",
        "azs_agreement_number is a number for YAML, and not a text (one)",
        "azs_pep_password is a number for YAML, and not a text (two)",
        "azs_billing_model is missing (two)",
        "Nothing was contacted",
    ):
        assert said in failed.message
    assert "87654321" not in play.output and "342391" not in play.output
    assert simulator.requests(mark) == []


def test_a_variable_of_the_command_line_and_ones_own(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    operator, mark = controller(), simulator.mark()
    operator.knows(["one"], azs_own_variables=["azs_site"], azs_site="north")
    failed = operator.run("verify", azs_archiv="/media/stick/b.tgz")
    assert "azs_archiv is not a variable of this collection; did you mean azs_archive? (one)" in failed.output
    assert "azs_site" not in failed.output
    assert simulator.requests(mark) == []
    operator.run("disconnected_export_token").succeeded()
