# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stamp it is, verify learns where it costs least: no session at the privileged endpoint when anything else tells."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, unfinished
from controllers import Controller, Traffic, cmdlets

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {"name": name, "ercs": 1, "nodes": 1, "registration": {}} for name in ("by-activation", "by-bundle", "untold")
    ]
}
NO_ADMIN = {f"azs_admin_{name}": None for name in ("endpoint", "tenant", "client_id", "secret", "ca_bundle")}
NO_ENDPOINT = {f"azs_pep_{name}": None for name in ("hosts", "username", "password")}


def test_no_session_is_opened_when_anything_else_tells_the_stamp(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    here = controller().knows({"by-activation": {}, "by-bundle": NO_ADMIN, "untold": NO_ADMIN})
    store_token(here, simulator, "by-bundle")
    traffic = Traffic(simulator)
    found = here.run("verify", azs_verify_require_activation=False).succeeded()
    entries = traffic.read()
    assert "by-activation: Registered, Capacity, " in found.output
    assert "by-bundle: NOT KNOWN to be activated" in found.output
    assert {name: cmdlets(entries, name) for name in FLEET_NAMES} == {
        "by-activation": [],
        "by-bundle": [],
        "untold": ["Get-AzureStackStampInformation"],
    }


@pytest.mark.deep
def test_a_run_that_ended_before_the_activation_shows(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    """Though the stamp has an admin endpoint, which shows nothing of it."""
    here = controller().knows(["by-activation"])
    here.bundle.mkdir(mode=0o700)
    unfinished.begin(unfinished.of_stamp(str(here.bundle), "by-activation"))
    refused = here.run("verify").failure("by-activation")
    assert "a run ended before the stamp was activated" in refused.message


@pytest.mark.deep
def test_in_azure_s_zone_nothing_of_the_stamp_is_needed(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    apart = {**NO_ADMIN, **NO_ENDPOINT}
    here = controller().knows({"by-bundle": apart, "untold": apart})
    store_token(here, simulator, "by-bundle")
    found = here.run("verify", azs_verify_stamp=False)
    assert "by-bundle: stamp not asked, Capacity, " in found.output
    message = found.failure("untold").message
    assert "Nothing tells the cloud id of untold" in message and "azs_cloud_id" in message
    assert "undefined" not in found.output


FLEET_NAMES: t.Final = [str(stamp["name"]) for stamp in FLEET["stamps"]]


def store_token(here: Controller, simulator: Simulator, stamp: str) -> None:
    """Put a registration token's text and manifest entry into the bundle, as leg 1 leaves them."""
    here.bundle.mkdir(mode=0o700)
    where = bundle.place(bundle.TOKEN, bundle=str(here.bundle), stamp=stamp, path=None)
    facts = {"cloud_id": simulator.stamp(stamp)["cloud_id"]}
    bundle.store(where, bundle.new_entry(bundle.TOKEN, stamp, "dG9rZW4=", **facts), "dG9rZW4=")
