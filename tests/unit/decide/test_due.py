# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stamps of a fleet have something to do."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import due, journeys

CLOUD_ID: t.Final = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
PRINCIPAL: t.Final = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"
ID: t.Final = "/subscriptions/s/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north"
WANTED: t.Final = {"billing_model": "PayAsYouUse"}


def found(**changes: t.Any) -> dict[str, t.Any]:
    """What was read of a stamp that is as wanted, with changes of its registration or of all."""
    registration = {
        "id": ID,
        "name": "north",
        "resource_group": "azurestack",
        "cloud_id": CLOUD_ID,
        "billing_model": "PayAsYouUse",
        "marketplace_syndication": True,
        "usage_reporting": True,
        "bridge_principal": PRINCIPAL,
        "expires": "2030-01-01T00:00:00Z",
        "expires_in_days": 900,
        "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
        "role_assignment": {"role": "Azure Stack Registration Owner", "principal_id": PRINCIPAL, "assigned": True},
    }
    activation = {
        "evidence": "activation",
        "state": "Registered",
        "registration_id": ID,
        "marketplace_syndication": True,
        "usage_reporting": True,
        "expires": "2030-01-01T00:00:00Z",
    }
    registration.update({name: value for name, value in changes.items() if name in registration})
    activation.update(
        {name: value for name, value in changes.items() if name in activation and name not in registration}
    )
    return {"activation": activation, "remembered": {"cloud_id": CLOUD_ID}, "registrations": [registration]}


@pytest.mark.parametrize("journey", [journeys.REGISTER, due.VERIFY])
def test_a_stamp_that_is_as_wanted_has_nothing_to_do(journey: str) -> None:
    said = due.settled(journey, WANTED, found())
    assert said is not None
    assert said.verdict["agrees"]
    assert said.line == said.verdict["line"]


@pytest.mark.parametrize("journey", [journeys.REGISTER, due.VERIFY])
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(found(lock=None), id="no lock"),
        pytest.param(found(billing_model="Capacity"), id="another billing model"),
        pytest.param(found(state="Not registered"), id="not activated"),
        pytest.param(found(expires_in_days=-1), id="expired"),
        pytest.param({**found(), "registrations": []}, id="no registration"),
        pytest.param({**found(), "registrations": None}, id="nothing leads to the registration"),
        pytest.param({**found(), "activation": {"evidence": "none", "state": "Unknown"}}, id="nothing tells the state"),
        pytest.param({"failed": True, "msg": "The stamp does not answer."}, id="not read"),
        pytest.param({**found(), "failed": True}, id="read in part"),
    ],
)
def test_what_is_not_known_or_not_as_wanted_is_due(journey: str, read: dict[str, t.Any]) -> None:
    assert due.settled(journey, WANTED, read) is None


def test_what_cannot_be_asked_for_is_due() -> None:
    """The steps of the journey say what is wrong with it."""
    assert due.settled(journeys.REGISTER, {"billing_model": "Capacity"}, found()) is None


def test_a_side_that_was_not_asked_is_not_compared() -> None:
    read = found()
    del read["registrations"]
    said = due.settled(due.VERIFY, {}, read)
    assert said is not None and said.verdict["agrees"]


@pytest.mark.parametrize(
    ("read", "untold"),
    [
        pytest.param(found(), False, id="read"),
        pytest.param({**found(), "registrations": []}, False, id="no registration"),
        pytest.param({**found(), "registrations": None}, True, id="nothing leads to the registration"),
        pytest.param(
            {"failed": True, "registrations": None, "failures": {"stamp": {}}}, True, id="silent, and nothing else"
        ),
        pytest.param({"failed": True, "msg": "A variable cannot be worked out."}, False, id="not read"),
        pytest.param({"activation": {}, "remembered": {}}, False, id="Azure is not to be read"),
    ],
)
def test_a_report_asks_only_a_stamp_that_nothing_else_tells(read: dict[str, t.Any], untold: bool) -> None:
    assert due.untold(read) is untold


@pytest.mark.parametrize(
    ("read", "line"),
    [
        pytest.param({"standing": {"state": "missing"}}, "missing", id="missing"),
        pytest.param(
            {"standing": {"state": "other_tenant", "subscription_id": "one", "tenant_id": None}},
            "other tenant (one, tenant None)",
            id="another one's",
        ),
        pytest.param({"activation": {}, "standing": None}, "not registered", id="not activated"),
        pytest.param({"registrations": [], "standing": None}, "not registered", id="no registration"),
        pytest.param({"registrations": None, "standing": None}, due.NOWHERE, id="nothing leads to the registration"),
    ],
)
def test_a_tenant_is_compared_in_one_line(read: dict[str, t.Any], line: str) -> None:
    said = due.settled(due.COMPARE_TENANT, {}, read)
    assert said is not None and said.line == line


def test_a_tenant_of_which_nothing_was_read_is_no_line() -> None:
    assert due.settled(due.COMPARE_TENANT, {}, {"failed": True, "activation": {}}) is None
    assert due.settled(due.COMPARE_TENANT, {}, {"activation": {}}) is None


def test_the_plan_of_a_stamp_that_is_due() -> None:
    made = due.planned(journeys.REGISTER, WANTED, {**found(), "registrations": []})
    assert made is not None
    assert made.steps.token and made.steps.registration
    assert (made.cloud_id, made.registration_id) == (CLOUD_ID, None)
    lock = due.planned(journeys.REGISTER, WANTED, found(lock=None))
    assert lock is not None and lock.steps.lock and not lock.steps.token
    assert lock.registration_id == ID


def test_a_stamp_that_is_refused_or_not_known_has_no_plan() -> None:
    assert due.planned(journeys.REGISTER, WANTED, {**found(), "registrations": None}) is None
    assert due.planned(journeys.REGISTER, {**WANTED, "name": "elsewhere"}, found()) is None
    assert due.planned(journeys.REGISTER, {"billing_model": "Capacity"}, found()) is None
