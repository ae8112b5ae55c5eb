# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_registration_info against a simulated Azure."""

from __future__ import annotations

import typing as t

import pytest
from simulated_azure import Registrar, azure_simulator, oldest_libraries, registrar, registrar_numbers
from tables import first_of

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
MODULE = "azs_registration_info"


@pytest.mark.parametrize("check", [False, True])
def test_everything_about_one_registration(registrar: Make, check: bool) -> None:
    here = registrar()
    here.register()
    here.requests()
    outcome = here.run(MODULE, {"name": f"AZURESTACK-{here.cloud_id}"}, check=check)
    assert not outcome.changed
    (found,) = outcome["registrations"]
    expected = {
        "id": here.id,
        "name": f"azurestack-{here.cloud_id}",
        "resource_group": "azurestack",
        "subscription_id": here.subscription_id,
        "cloud_id": here.cloud_id,
        "billing_model": "Capacity",
        "marketplace_syndication": False,
        "usage_reporting": False,
        "bridge_principal": None,
        "token_version": found["token_version"],
        "nodes": 2,
        "expires": "9999-12-30T23:59:59Z",
        "expires_in_days": None,
        "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
    }
    assert expected.items() <= found.items()
    assert here.requests() == ["GET metadata", "GET R", "POST key", "GET lock"]
    assert str(here.simulator.do("activation-key", stamp=here.stamp)).split(".")[1][:60] not in outcome.printed


def test_one_stamp_among_others_on_several_pages(registrar: Make) -> None:
    here = registrar()
    here.simulator.do("add-registration", count=5, subscription=here.subscription_id)
    here.register(name="vendor", resource_group="elsewhere")
    here.requests()
    here.simulator.settings(page_size=4)
    try:
        (found,) = here.run(MODULE, {"cloud_id": here.cloud_id.upper()})["registrations"]
    finally:
        here.simulator.settings(page_size=100)
    assert (found["name"], found["resource_group"]) == ("vendor", "elsewhere")
    assert here.requests() == ["GET metadata", "GET list", "GET list", "POST key", "GET lock"]


def test_all_of_a_group_without_further_requests(registrar: Make) -> None:
    here = registrar()
    here.simulator.do("add-registration", count=3, group="one", subscription=here.subscription_id)
    here.simulator.do("add-registration", count=2, group="two", subscription=here.subscription_id)
    options = {"claims": False, "lock": False}
    here.requests()
    assert len(here.run(MODULE, {**options, "resource_group": "ONE"})["registrations"]) == 3
    assert here.requests() == ["GET metadata", "GET group list"]
    found = here.run(MODULE, options)["registrations"]
    assert len(found) == 5
    assert found[0]["usage_reporting"] is None
    assert found[0]["lock"] is None


def test_days_that_are_left(registrar: Make) -> None:
    here = registrar()
    here.register()
    here.simulator.do("expire-registration", stamp=here.stamp, days=10.5)
    assert here.run(MODULE)["registrations"][0]["expires_in_days"] == 10
    here.simulator.do("expire-registration", stamp=here.stamp, days=-1.5)
    assert here.run(MODULE)["registrations"][0]["expires_in_days"] == -2


def test_an_unlocked_registration_shows(registrar: Make) -> None:
    here = registrar()
    here.register()
    here.simulator.do("delete-lock", stamp=here.stamp)
    assert here.run(MODULE)["registrations"][0]["lock"] is None


@pytest.mark.parametrize("options", first_of([{}, {"name": "none"}, {"resource_group": "none"}, {"cloud_id": "none"}]))
def test_nothing_there_is_an_empty_list(registrar: Make, options: dict[str, str]) -> None:
    assert registrar().run(MODULE, options)["registrations"] == []


def test_missing_rights_are_named(registrar: Make) -> None:
    here = registrar()
    here.azure |= here.account("nobody")
    outcome = here.run(MODULE)
    assert outcome.kind == "missing_rights"
    assert "lacks Microsoft.AzureStack/registrations/read on" in outcome.message


@pytest.mark.deep
def test_with_the_oldest_libraries(registrar: Make) -> None:
    here = registrar()
    here.register()
    (found,) = here.run(MODULE, environment=oldest_libraries())["registrations"]
    assert found["cloud_id"] == here.cloud_id


def test_tenants_are_counted(registrar: Make) -> None:
    here = registrar()
    here.register(here.mint(BillingModel="PayAsYouUse"))
    here.simulator.do("map-customers", stamp=here.stamp, count=7)
    here.requests()
    (found,) = here.run(MODULE, {"cloud_id": here.cloud_id, "tenants": True})["registrations"]
    assert found["tenants"] == 7
    assert here.requests()[-1] == "GET R/customerSubscriptions"
    here.fault("error", "GET", "/customerSubscriptions", status=403, code="AuthorizationFailed", message="no")
    outcome = here.run(MODULE, {"cloud_id": here.cloud_id, "tenants": True})
    assert outcome["registrations"][0]["tenants"] is None and "not counted" in str(outcome["warnings"])


@pytest.fixture
def object_id_of_a_disconnected_stamp(registrar: Make, request: pytest.FixtureRequest) -> t.Iterator[Registrar]:
    """A registration of a disconnected stamp, as Azure shows it in one of the ways that it may."""
    here = registrar()
    form = here.simulator.settings()["disconnected_object_id"]
    here.simulator.settings(disconnected_object_id=request.param)
    yield here
    here.simulator.settings(disconnected_object_id=form)


@pytest.mark.parametrize("object_id_of_a_disconnected_stamp", first_of(["none", "zeros", "id"]), indirect=True)
def test_what_makes_a_stamp_connected_is_its_token_and_no_object_id(
    object_id_of_a_disconnected_stamp: Registrar,
) -> None:
    """A guess about Azure's answer: the product holds whichever way it turns out."""
    here = object_id_of_a_disconnected_stamp
    here.register()
    (found,) = here.run(MODULE, {"cloud_id": here.cloud_id, "role_assignment": True})["registrations"]
    assert (found["bridge_principal"], found["role_assignment"]) == (None, None)
    assert not here.register().changed
    assert not here.register(assign_role=True).changed


def test_an_activation_that_names_the_place_before_a_move_is_not_believed(registrar: Make) -> None:
    """What was read elsewhere, earlier: the old id is read before it is believed."""
    here, other = registrar(), registrar()
    here.register()
    old = other.id
    hinted = here.run(MODULE, {"registration_hint": old, "cloud_id": here.cloud_id})
    assert [one["id"].lower() for one in hinted["registrations"]] == [here.id.lower()]
    assert here.run(MODULE, {"registration_hint": old})["registrations"] == []
    other.register()
    assert here.run(MODULE, {"registration_hint": old, "cloud_id": here.cloud_id}).kind == "registered_elsewhere"
