# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations move to another group or subscription, and are locked afterwards wherever they are."""

from __future__ import annotations

import signal
import types
import typing as t

import pytest
from simulated_azure import (
    Registrar,
    azure_simulator,
    registrar,
    registrar_numbers,
)
from tables import first_of

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
GROUP = "Stamps"
USER = "operator@rehearsal.onmicrosoft.com"
PRINCIPAL = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"


def move(here: Registrar, *, check: bool = False, **options: t.Any) -> t.Any:
    """Run the module for the registrar's stamp."""
    given = {"cloud_id": here.cloud_id, "target_resource_group": GROUP, "location": here.location, **options}
    return here.run("azs_registration_move", given, check=check)


def where(here: Registrar) -> str:
    """Where the registration really is."""
    registration = here.registration()
    assert registration
    return str(registration["id"])


@pytest.mark.parametrize("way", first_of(["cloud_id", "name", "registration_id"]))
def test_within_a_subscription(registrar: Make, way: str) -> None:
    here = registrar()
    assert here.register().changed
    chosen = {
        "cloud_id": {},
        "name": {"name": f"azurestack-{here.cloud_id}"},
        "registration_id": {"registration_id": here.id},
    }
    here.requests()
    predicted = move(here, check=True, **chosen[way])
    assert not [one for one in here.requests() if not one.startswith(("GET", "POST key"))]
    outcome = move(here, **chosen[way])
    assert outcome["actions"] == predicted["actions"] == ["create_resource_group", "lift_lock", "move", "put_lock"]
    assert outcome["diff"] == predicted["diff"]
    assert outcome["moved_from"] == here.id
    new = here.id_of(f"azurestack-{here.cloud_id}", GROUP)
    assert where(here) == outcome["registration"]["id"] == new
    assert here.locked()
    here.requests()
    assert not move(here, **chosen[way]).changed
    assert not [one for one in here.requests() if not one.startswith(("GET", "POST key"))]


def test_the_bridge_principal_gets_its_role_anew(registrar: Make) -> None:
    here = registrar()
    assert here.register(here.mint(), assign_role=True).changed
    here.simulator.do("edit-registration", stamp=here.stamp, claims={"objectId": PRINCIPAL})
    outcome = move(here, replication_timeout=0)
    # The simulated directory does not know this principal; what counts is that the role was asked for in the new place.
    assert outcome.kind == "principal_not_replicated"
    assert here.locked() and f"/{GROUP}/" in where(here)


def test_another_stamps_registration_is_refused(registrar: Make) -> None:
    here, other = registrar(), registrar()
    assert here.register().changed
    outcome = move(here, registration_id=here.id, cloud_id=other.cloud_id)
    assert outcome.kind == "registration_of_another_stamp"
    assert move(other).kind == "no_registration"
    assert where(here) == here.id and here.locked()


def test_missing_rights_are_named_before_the_lock_is_lifted(registrar: Make) -> None:
    here = registrar()
    assert here.register().changed
    here.requests()
    outcome = move(here, **here.account("least"))
    assert outcome.kind == "missing_rights"
    assert "moveResources/action" in outcome.message
    assert not [one for one in here.requests() if not one.startswith(("GET", "POST key"))]
    assert here.locked()


def test_between_subscriptions_that_are_no_csp_ones(registrar: Make) -> None:
    here, other = registrar(), registrar()
    assert here.register().changed
    outcome = move(here, target_subscription_id=other.subscription_id)
    assert outcome.kind == "move_not_supported"
    assert "connected_change" in outcome.message
    assert where(here) == here.id and here.locked()


def test_between_csp_subscriptions(registrar: Make) -> None:
    (cloud,) = registrar().simulator.state()["clouds"].values()
    ids = {one["name"]: one["id"] for one in cloud["subscriptions"]}
    here = registrar(beside=types.SimpleNamespace(subscription_id=ids["csp"]))
    principal = here.simulator.do(
        "create-principal", stamp=here.stamp, RefreshToken=here.simulator.do("refresh-token", user=USER)
    )
    assert here.register(here.mint(), assign_role=True).changed

    refused = move(here, target_subscription_id=ids["csp of another"])
    assert refused.kind == "move_not_supported" and where(here) == here.id and here.locked()

    predicted = move(here, check=True, target_subscription_id=ids["csp, too"])
    moved = move(here, target_subscription_id=ids["csp, too"])
    # That the provider is not registered there shows only when Azure is asked to move.
    assert moved["actions"] == ["register_provider", *predicted["actions"]]
    assert predicted["actions"] == ["create_resource_group", "lift_lock", "move", "put_lock", "assign_role"]
    place = f"/subscriptions/{ids['csp, too']}/resourceGroups/{GROUP}/"
    assert where(here) == moved["registration"]["id"] and where(here).startswith(place)
    assert here.locked()
    (cloud,) = here.simulator.state()["clouds"].values()
    scopes = [one["scope"] for one in cloud["role_assignments"] if one["principal_id"] == principal["ObjectId"]]
    assert scopes == [where(here)], "it has its role in the new place, and none is left in the old one"
    assert not move(here, target_subscription_id=ids["csp, too"]).changed


@pytest.mark.parametrize("effect", ["error", "drop_after"])
def test_a_failure_in_the_middle(registrar: Make, effect: str) -> None:
    here = registrar()
    assert here.register().changed
    how = {"status": 409, "code": "Busy", "message": "Not now."} if effect == "error" else {}
    here.fault(effect, "POST", "moveResources", **how)
    outcome = move(here)
    assert outcome.failed == (effect == "error")
    assert here.locked()
    assert (where(here) == here.id) == (effect == "error")


def test_a_location_that_the_subscription_does_not_offer_is_told_in_check_mode_too(registrar: Make) -> None:
    here = registrar()
    assert here.register().changed
    here.requests()
    for check in (True, False):
        refused = move(here, check=check, location="nowhere")
        assert refused.kind == "unknown_location" and here.location in refused.message
    assert not [one for one in here.requests() if not one.startswith(("GET", "POST key"))]
    assert here.locked() and where(here) == here.id


def test_a_signal_while_azure_moves(registrar: Make) -> None:
    here = registrar()
    assert here.register().changed
    here.fault("hang", "GET", "operationresults/[^/]+")
    mark = here.simulator.mark()
    options = {"cloud_id": here.cloud_id, "target_resource_group": GROUP, "location": here.location}
    running = here.start("azs_registration_move", options)
    here.simulator.wait_for(
        mark, service="arm", method="POST", path=f"{here.id.partition('/providers/')[0]}/moveResources"
    )
    running.send(signal.SIGTERM)
    outcome = running.wait()
    assert outcome.kind == "interrupted"
    assert here.locked()
    here.simulator.clear_faults()
    move(here)
    assert here.locked() and f"/{GROUP}/" in where(here)
