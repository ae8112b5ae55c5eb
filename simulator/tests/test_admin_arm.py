# SPDX-License-Identifier: GPL-3.0-or-later
"""A stamp's admin ARM: activation as recorded from a real stamp, metadata in both forms."""

from __future__ import annotations

import datetime

import pytest
from azure_lab import admin_token, code_of, plain_get

from azs_simulator.fleet import parse
from azs_simulator.world import ABSENT_ACTIVATION_CODES, ABSENT_LOCK_CODES, ABSENT_MAPPING_CODES, World

RECORDED_KEYS = {"id", "name", "type", "etag", "location", "properties"}
RECORDED_PROPERTIES = {
    "displayName",
    "azureRegistrationResourceIdentifier",
    "azureEnvironmentName",
    "expiration",
    "marketplaceSyndicationEnabled",
    "usageReportingEnabled",
    "provisioningState",
}

FLEET = {
    "stamps": [
        {"name": "fresh"},
        {"name": "old", "registration": {}},
        {"name": "syndicated", "connected": True, "registration": {}},
        {"name": "expired", "registration": {"expires_in_days": -3}},
    ],
    "settings": {"expirations_of_2018": False},
}


class Admin:
    """The admin ARM of a stamp, signed in."""

    def __init__(self, simulator, stamp):
        self.simulator = simulator
        self.url = simulator.host(stamp)["azs_admin_endpoint"]
        self.token = admin_token(simulator, stamp)

    def get(self, path, version="2016-01-01"):
        return plain_get(self.simulator, f"{self.url}{path}?api-version={version}", self.token)

    def activation(self, suffix="/default"):
        subscription = next(
            entry["id"]
            for entry in self.get("/subscriptions").json()["value"]
            if entry["displayName"] == "Default Provider Subscription"
        )
        prefix = f"{subscription}/resourceGroups/azurestack-activation/providers/Microsoft.AzureBridge.Admin"
        return self.get(f"{prefix}/activations{suffix}")


def test_activation_in_the_recorded_shape(simulator):
    activation = Admin(simulator, "old").activation().json()
    assert set(activation) == RECORDED_KEYS and set(activation["properties"]) == RECORDED_PROPERTIES
    assert activation["etag"].startswith("W/\"datetime'20") and activation["name"] == "default"
    properties = activation["properties"]
    assert properties["azureRegistrationResourceIdentifier"] == simulator.registration_of("old")["id"]
    assert properties["expiration"] == "9999-12-30T23:59:59Z" and properties["provisioningState"] == "Succeeded"
    assert properties["marketplaceSyndicationEnabled"] is False


def test_not_registered_and_expired(simulator):
    fresh = Admin(simulator, "fresh")
    code = simulator.state()["settings"]["absent_activation_code"]
    assert code in ABSENT_ACTIVATION_CODES and code_of(fresh.activation()) == (404, code)
    assert fresh.activation("").json() == {"value": []}
    assert Admin(simulator, "expired").activation().json()["properties"]["expiration"] < "2100"
    assert simulator.stamp("expired")["status"] == "Expired"


def test_the_code_of_a_missing_activation_is_drawn_at_every_start():
    drawn = {World(parse({}), seed).settings.absent_activation_code for seed in range(40)}
    assert drawn == set(ABSENT_ACTIVATION_CODES)
    assert {World(parse({}), seed).settings.activation_list for seed in range(10)} == {True, False}


def test_the_codes_of_missing_locks_and_mappings_are_drawn_at_every_start():
    drawn = [World(parse({}), seed).settings for seed in range(80)]
    assert {one.absent_lock_code for one in drawn} == set(ABSENT_LOCK_CODES)
    assert {one.absent_mapping_code for one in drawn} == set(ABSENT_MAPPING_CODES)


@pytest.mark.parametrize(("there", "status"), [(True, 200), (False, 404)])
def test_the_list_below_the_subscription_answers_or_not(simulator, there, status):
    simulator.settings(activation_list=there)
    admin = Admin(simulator, "old")
    provider = next(
        entry["id"] for entry in admin.get("/subscriptions").json()["value"] if "Provider" in entry["displayName"]
    )
    answer = admin.get(f"{provider}/providers/Microsoft.AzureBridge.Admin/activations")
    assert answer.status_code == status
    assert not there or [entry["name"] for entry in answer.json()["value"]] == ["default"]


def test_an_expiration_of_2018_is_local_time_without_a_zone(simulator):
    now = Admin(simulator, "expired").activation().json()["properties"]
    simulator.settings(expirations_of_2018=True)
    try:
        assert Admin(simulator, "old").activation().json()["properties"]["expiration"] == "9999-12-30T15:59:59"
        then = Admin(simulator, "expired").activation().json()["properties"]
    finally:
        simulator.settings(expirations_of_2018=False)
    assert "azureEnvironmentName" not in then
    utc, local = (datetime.datetime.fromisoformat(text.rstrip("Z")) for text in (now["expiration"], then["expiration"]))
    assert utc - local == datetime.timedelta(hours=8)


def test_products_are_there_on_connected_stamps_alone(simulator):
    assert Admin(simulator, "old").activation("/default/products").json() == {"value": []}
    syndicated = Admin(simulator, "syndicated")
    assert len(syndicated.activation("/default/products").json()["value"]) == 3
    assert len(syndicated.activation("").json()["value"]) == 1


@pytest.mark.parametrize(("stamp", "provider"), [("old", "ADFS"), ("syndicated", "AAD")])
def test_metadata_in_both_forms(simulator, stamp, provider):
    url = simulator.host(stamp)["azs_admin_endpoint"] + "/metadata/endpoints?api-version="
    one = plain_get(simulator, url + "2015-01-01").json()
    (entry,) = plain_get(simulator, url + "2022-09-01").json()
    assert one["authentication"]["audiences"] == entry["authentication"]["audiences"]
    assert one["authentication"]["loginEndpoint"] == entry["authentication"]["loginEndpoint"]
    assert entry["authentication"]["identityProvider"] == provider
    assert one["authentication"]["loginEndpoint"].endswith("/adfs") is (provider == "ADFS")
    assert plain_get(simulator, url).status_code == 400


def test_a_token_for_another_stamp_is_refused(simulator):
    url = simulator.host("old")["azs_admin_endpoint"] + "/subscriptions?api-version=2016-01-01"
    assert plain_get(simulator, url, admin_token(simulator, "fresh")).status_code == 401
    assert code_of(plain_get(simulator, url)) == (401, "AuthenticationFailed")


def test_odd_requests(simulator):
    admin = Admin(simulator, "old")
    assert code_of(admin.get("/nothing")) == (404, "InvalidResourceType")
    wrong = "/subscriptions/0/resourceGroups/azurestack-activation/providers/Microsoft.AzureBridge.Admin/activations"
    assert code_of(admin.get(wrong)) == (404, "SubscriptionNotFound")


def test_drift_behind_our_back(simulator):
    simulator.do("edit-activation", stamp="old", properties={"usageReportingEnabled": True})
    assert Admin(simulator, "old").activation().json()["properties"]["usageReportingEnabled"] is True
    simulator.do("deactivate-stamp", stamp="old")
    assert Admin(simulator, "old").activation().status_code == 404
    simulator.do("activate-stamp", stamp="old")
    simulator.do("expire-activation", stamp="old", days=-1)
    assert simulator.stamp("old")["status"] == "Expired"


def test_sign_ins_count_as_such(simulator):
    mark = simulator.mark()
    Admin(simulator, "old").activation()
    services = [entry["service"] for entry in simulator.requests(mark) if entry.get("stamp") == "old"]
    assert services.count("admin") == 3 and services.count("login") >= 2
