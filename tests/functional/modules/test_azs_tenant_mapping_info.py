# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_tenant_mapping_info as a process: mappings, and one tenant over all registrations."""

from __future__ import annotations

import typing as t

import pytest
from cloud_provider import Provider, guid, pairs, provider, provider_numbers, provider_simulator, tenants
from tables import first_of

__all__ = ["provider", "provider_numbers", "provider_simulator"]  # fixtures

Make = t.Callable[..., Provider]
INFO: t.Final = "azs_tenant_mapping_info"
SUBSCRIPTION: t.Final = "abcdefab-0000-4000-8000-00000000000a"


def test_one_registration(provider: Make) -> None:
    here, listed = provider(page_size=2), tenants(5)
    here.hold(listed)
    outcome = here.run(INFO)
    (registration,) = outcome["registrations"]
    assert {entry["subscription_id"]: entry["tenant_id"] for entry in registration["mappings"]} == pairs(listed)
    assert (registration["id"], registration["cloud_id"], registration["count"]) == (here.id, here.cloud_id, 5)
    assert outcome["changed"] is False and "comparison" not in outcome.result
    assert here.counts() == {"GET R": 1, "GET list": 3}
    assert here.run(INFO, check=True)["registrations"] == outcome["registrations"]


@pytest.mark.parametrize(
    "options", first_of([{"name": "nowhere"}, {"cloud_id": guid()}, {"resource_group": "nowhere"}])
)
def test_no_registration(provider: Make, options: dict[str, str]) -> None:
    assert provider().run(INFO, registration_id=None, **options)["registrations"] == []


def test_by_cloud_id(provider: Make) -> None:
    here = provider()
    (registration,) = here.run(INFO, registration_id=None, cloud_id=here.cloud_id)["registrations"]
    assert registration["id"] == here.id


def test_the_limit_counts_over_all_registrations(provider: Make) -> None:
    here, other = provider(), provider()
    here.hold(tenants(30))
    other.hold(tenants(30))
    outcome = here.run(INFO, registration_id=None, limit=40)
    assert sum(len(registration["mappings"]) for registration in outcome["registrations"]) == 40
    assert sum(registration["count"] for registration in outcome["registrations"]) >= 60
    everything = here.run(INFO, registration_id=None, limit=0)["registrations"]
    assert all(len(registration["mappings"]) == registration["count"] for registration in everything)


class TestComparison:
    """On which stamps is a tenant missing?"""

    def test_over_all_registrations(self, provider: Make) -> None:
        tenant = guid()
        mapped, missing, elsewhere, foreign, case = (provider() for _number in range(5))
        mapped.hold([{"subscription_id": SUBSCRIPTION, "tenant_id": tenant}])
        elsewhere.hold([{"subscription_id": guid(), "tenant_id": tenant}])
        foreign.hold([{"subscription_id": SUBSCRIPTION, "tenant_id": guid()}])
        case.hold([{"subscription_id": SUBSCRIPTION.upper(), "tenant_id": tenant}])
        outcome = mapped.run(
            INFO, registration_id=None, customer_subscription_id=SUBSCRIPTION, customer_tenant_id=tenant.upper()
        )
        states = {entry["id"]: entry["state"] for entry in outcome["comparison"]}
        expected = {
            mapped: "mapped",
            missing: "missing",
            elsewhere: "other_subscription",
            foreign: "other_tenant",
            case: "other_letter_case",
        }
        for where, state in expected.items():
            assert states[where.id] == state
        names = {where: where.id.rpartition("/")[2] for where in expected}
        assert names[mapped] not in outcome["missing"] and len(outcome["missing"]) == len(states) - 1
        assert set(names.values()) - {names[mapped]} <= set(outcome["missing"])

    def test_by_tenant_alone(self, provider: Make) -> None:
        here, other = provider(), provider()
        (held,) = tenants(1)
        here.hold([held])
        outcome = here.run(INFO, registration_id=None, customer_tenant_id=held["tenant_id"])
        states = {entry["id"]: (entry["state"], entry["subscription_id"]) for entry in outcome["comparison"]}
        assert states[here.id] == ("mapped", held["subscription_id"]) and states[other.id] == ("missing", None)

    def test_a_mapping_that_the_list_does_not_show(self, provider: Make) -> None:
        here, (held,) = provider(), tenants(1)
        here.hold([held])
        here.simulator.settings(empty_mapping_list=True)
        outcome = here.run(INFO, customer_subscription_id=held["subscription_id"])
        assert outcome["missing"] == [] and outcome["registrations"][0]["hidden_from_list"] is True
        assert here.counts() == {"GET R": 1, "GET list": 1, "GET mapping": 1}


def test_a_registration_that_cannot_be_read(provider: Make) -> None:
    here = provider()
    here.fault(
        "error", "GET", "customerSubscriptions", status=403, code="AuthorizationFailed", message="No.", times=None
    )
    outcome = here.run(INFO, registration_id=None)
    assert outcome.kind == "missing_rights" and outcome["error"]["remedy"]
