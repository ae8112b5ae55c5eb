# SPDX-License-Identifier: GPL-3.0-or-later
"""Customer subscriptions: case, overwriting, locks, paging, and the errors of a CSP."""

from __future__ import annotations

import uuid

import pytest
from azure_lab import Arm, code_of, registration

R = registration("one")
CUSTOMERS = f"{R}/customerSubscriptions"
SUB = "abcdef00-0000-4000-8000-000000000001"


def test_put_get_list_delete(arm, simulator):
    arm.register("one")
    absent = (404, simulator.state()["settings"]["absent_mapping_code"])
    made = arm("PUT", f"{CUSTOMERS}/{SUB}", {"properties": {"tenantId": "t1"}})
    assert made.status_code == 201 and made.text() == ""
    found = arm("GET", f"{CUSTOMERS}/{SUB}").json()
    assert found["name"] == SUB and found["properties"] == {"tenantId": "t1"}
    assert code_of(arm("GET", f"{CUSTOMERS}/{SUB.upper()}")) == absent
    assert [entry["name"] for entry in arm("GET", CUSTOMERS).json()["value"]] == [SUB]
    assert arm("DELETE", f"{CUSTOMERS}/{SUB}").status_code == 204
    assert code_of(arm("DELETE", f"{CUSTOMERS}/{SUB}")) == absent


def test_a_second_subscription_of_a_tenant_overwrites_the_first(arm):
    arm.register("one")
    other = SUB[:-1] + "2"
    for name in (SUB, other):
        arm("PUT", f"{CUSTOMERS}/{name}", {"properties": {"tenantId": "t1"}})
    assert [entry["name"] for entry in arm("GET", CUSTOMERS).json()["value"]] == [other]


def test_without_a_tenant_in_the_request(arm):
    arm.register("one")
    arm("PUT", f"{CUSTOMERS}/{SUB}", {"properties": {}})
    tenant = arm("GET", f"{CUSTOMERS}/{SUB}").json()["properties"]["tenantId"]
    assert uuid.UUID(tenant)


def test_the_lock_of_the_registration_is_inherited(arm, simulator):
    arm.register("one")
    simulator.do("add-lock", stamp="one")
    assert arm("PUT", f"{CUSTOMERS}/{SUB}", {}).status_code == 201
    assert code_of(arm("DELETE", f"{CUSTOMERS}/{SUB}")) == (409, "ScopeLocked")


def test_answers_with_a_body_and_lists_that_stay_empty(arm, simulator):
    arm.register("one")
    simulator.settings(mapping_status=200, empty_mapping_list=True)
    assert arm("PUT", f"{CUSTOMERS}/{SUB}", {}).json()["name"] == SUB
    assert arm("GET", CUSTOMERS).json() == {"value": []}
    assert arm("GET", f"{CUSTOMERS}/{SUB}").status_code == 200


def test_paging(arm, simulator):
    arm.register("one")
    simulator.settings(page_size=40)
    made = simulator.do("map-customers", stamp="one", count=100)
    link, names, pages = CUSTOMERS, [], 0
    while link:
        page = arm("GET", link).json()
        names, link, pages = names + [entry["name"] for entry in page["value"]], page.get("nextLink", ""), pages + 1
    assert names == made and pages == 3


def test_capacity_registrations_take_no_customers(arm):
    arm.register("one", BillingModel="Capacity", AgreementNumber="1", UsageReportingEnabled=False)
    assert code_of(arm("PUT", f"{CUSTOMERS}/{SUB}", {})) == (400, "CustomerSubscriptionsNotAllowed")
    assert code_of(arm("PUT", f"{registration('none')}/customerSubscriptions/{SUB}", {})) == (
        404,
        "RegistrationNotFound",
    )


@pytest.mark.parametrize(
    ("customer", "status", "code"),
    [
        ("mistyped", 400, "InvalidCustomerSubscriptionId"),
        (SUB[:-1] + "9", 400, "InvalidCustomerSubscriptionId"),
        (SUB[:-1] + "2", 400, "InvalidCSPSubscription"),
        (SUB[:-1] + "3", 400, "BadCustomerSubscriptionId"),
    ],
)
def test_customers_that_the_cloud_does_not_accept(simulate, customer, status, code):
    fleet = {
        "stamps": [{"name": "one"}],
        "clouds": [
            {
                "subscriptions": [{"offer": "CSP", "partner": "p", "provider_registered": True}],
                "customers": [
                    {"id": SUB, "tenant": "t", "partner": "p"},
                    {"id": SUB[:-1] + "2", "csp": False},
                    {"id": SUB[:-1] + "3", "partner": "another"},
                ],
            }
        ],
    }
    arm = Arm(simulate(fleet))
    arm.register("one")
    assert arm("PUT", f"{CUSTOMERS}/{SUB}", {}).status_code in (200, 201)
    assert arm("GET", f"{CUSTOMERS}/{SUB}").json()["properties"]["tenantId"] == "t"
    assert code_of(arm("PUT", f"{CUSTOMERS}/{customer}", {})) == (status, code)


def test_a_registration_that_is_not_approved(simulate):
    arm = Arm(
        simulate(
            {
                "stamps": [{"name": "one"}],
                "clouds": [{"subscriptions": [{"multi_tenant": False, "provider_registered": True}]}],
            }
        )
    )
    arm.register("one")
    assert code_of(arm("PUT", f"{CUSTOMERS}/{SUB}", {})) == (403, "UnauthorizedCspRegistration")


def test_lists_as_they_have_been_seen(arm, simulator):
    arm.register("one")
    simulator.settings(bodyless_empty_lists=True, padded_mapping_ids=True, looping_pages=True, page_size=1)
    empty = arm("GET", CUSTOMERS)
    assert empty.status_code == 200 and empty.text() == ""
    simulator.do("map-customers", stamp="one", mappings={SUB: "t1", SUB[:-1] + "2": "t2"})
    first = arm("GET", CUSTOMERS).json()
    assert [entry["name"] for entry in first["value"]] == [f" one/{SUB} "]
    last = arm("GET", first["nextLink"]).json()
    assert last["nextLink"].endswith("$skipToken=0")
    simulator.do("unmap-customers", stamp="one", ids=[SUB])
    assert list(simulator.registration_of("one")["customer_subscriptions"]) == [SUB[:-1] + "2"]
    simulator.do("unmap-customers", stamp="one")
    assert simulator.registration_of("one")["customer_subscriptions"] == {}


def test_a_bucket_of_writes(arm, simulator):
    arm.register("one")
    simulator.settings(writes_per_second=0.01, write_burst=2, throttled_wait=17)
    left = [arm("PUT", f"{CUSTOMERS}/{SUB[:-1]}{n}", {}) for n in (1, 2, 3)]
    assert [answer.status_code for answer in left] == [201, 201, 429]
    assert [answer.headers["x-ms-ratelimit-remaining-subscription-writes"] for answer in left] == ["1", "0", "0"]
    assert left[2].headers["Retry-After"] == "17"
