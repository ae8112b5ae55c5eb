# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connected stamp lacks, and the steps that give it that."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import plan
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, ConflictError

CLOUD_ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
PRINCIPAL = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"
OTHER = "11111111-2222-3333-4444-555555555555"
ID = f"/subscriptions/{OTHER}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north"
NEVER = "9999-12-30T23:59:59Z"

REGISTRATION: dict[str, t.Any] = {
    "id": ID,
    "name": "north",
    "resource_group": "azurestack",
    "subscription_id": OTHER,
    "cloud_id": CLOUD_ID,
    "billing_model": "PayAsYouUse",
    "marketplace_syndication": True,
    "usage_reporting": True,
    "bridge_principal": PRINCIPAL,
    "expires": NEVER,
    "expires_in_days": None,
    "claims_digest": "digest",
    "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
    "role_assignment": {"role": "Azure Stack Registration Owner", "principal_id": PRINCIPAL, "assigned": True},
}
ACTIVATION: dict[str, t.Any] = {
    "evidence": "activation",
    "state": "Registered",
    "registration_id": ID,
    "expires": NEVER,
    "marketplace_syndication": True,
    "usage_reporting": True,
}
REMEMBERED: dict[str, t.Any] = {"cloud_id": None, "bridge_principal": None, "activated_with": None, "unused_key": False}
ALL = {"principal", "token", "registration", "lock", "role_assignment", "key", "activation"}
AGAIN = {"token", "registration", "key", "activation"}
"""The steps of registering again with the principal on record."""


def plan_of(
    options: t.Mapping[str, t.Any] | None = None,
    *,
    registration: t.Mapping[str, t.Any] | None = None,
    registrations: list[dict[str, t.Any]] | None = None,
    activation: t.Mapping[str, t.Any] | None = None,
    remembered: t.Mapping[str, t.Any] | None = None,
) -> plan.Plan:
    """Plan for a stamp that is as wanted, but for what is given."""
    wanted, dummy = plan.wanted_of({"billing_model": "PayAsYouUse", **(options or {})})
    found = [{**REGISTRATION, **(registration or {})}] if registrations is None else registrations
    return plan.plan(
        wanted,
        activation={**ACTIVATION, **(activation or {})},
        remembered={**REMEMBERED, **(remembered or {})},
        registrations=found,
    )


def steps(made: plan.Plan) -> set[str]:
    """The steps that are taken."""
    return {name for name in ALL if getattr(made.steps, name)}


def drift(made: plan.Plan) -> list[tuple[str, t.Any, t.Any, str]]:
    """The fields that drifted."""
    return [(one.field, one.wanted, one.found, one.read_from) for one in made.drift]


def test_an_expiry_in_local_time_is_no_drift() -> None:
    dated = {"expires": "2031-05-01T10:20:30Z", "expires_in_days": 1000}
    assert plan_of(registration=dated, activation={"expires": "2031-05-01T02:20:30Z"}).drift == ()
    assert drift(plan_of(registration=dated, activation={"expires": "2031-05-01T02:20:31Z"})) == [
        ("expires", "2031-05-01T10:20:30Z", "2031-05-01T02:20:31Z", "activation")
    ]


def test_nothing_to_do() -> None:
    made = plan_of()
    assert made.drift == ()
    assert steps(made) == set()
    assert (made.cloud_id, made.registration_id, made.bridge_principal) == (CLOUD_ID, ID, PRINCIPAL)


@pytest.mark.parametrize(
    ("registration", "expected", "taken"),
    [
        ({"billing_model": "Development"}, ("billing_model", "PayAsYouUse", "Development", "activation_key"), AGAIN),
        ({"marketplace_syndication": False}, ("marketplace_syndication", True, False, "activation_key"), AGAIN),
        ({"usage_reporting": False}, ("usage_reporting", True, False, "activation_key"), AGAIN),
        ({"lock": None}, ("lock", "CanNotDelete", None, "registration"), {"lock"}),
        ({"lock": {"level": "ReadOnly"}}, ("lock", "CanNotDelete", "ReadOnly", "registration"), {"lock"}),
        (
            {"role_assignment": {"principal_id": PRINCIPAL, "assigned": False}},
            ("role_assignment", PRINCIPAL, None, "registration"),
            {"role_assignment"},
        ),
        (
            {"bridge_principal": None, "role_assignment": None},
            ("bridge_principal", "a new one", None, "activation_key"),
            ALL - {"lock"},
        ),
    ],
)
def test_what_is_wrong_in_azure(
    registration: dict[str, t.Any], expected: tuple[str, t.Any, t.Any, str], taken: set[str]
) -> None:
    made = plan_of(registration=registration)
    assert drift(made) == [expected]
    assert steps(made) == taken


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (
            {"state": "Not registered", "registration_id": None},
            ("activation", "Registered", "Not registered", "activation"),
        ),
        ({"state": "Expired"}, ("activation", "Registered", "Expired", "activation")),
        ({"state": "Unknown", "evidence": "none"}, ("activation", "Registered", "Unknown", "none")),
        ({"registration_id": ID + "-2"}, ("registration_id", ID, ID + "-2", "activation")),
        ({"usage_reporting": False}, ("usage_reporting", True, False, "activation")),
        ({"marketplace_syndication": False}, ("marketplace_syndication", True, False, "activation")),
        ({"expires": "2030-01-01T00:00:00Z"}, ("expires", NEVER, "2030-01-01T00:00:00Z", "activation")),
        ({"evidence": "receipt", "usage_reporting": False}, ("usage_reporting", True, False, "receipt")),
    ],
)
def test_what_is_wrong_at_the_stamp(activation: dict[str, t.Any], expected: tuple[str, t.Any, t.Any, str]) -> None:
    made = plan_of(activation=activation)
    assert drift(made) == [expected]
    assert steps(made) == {"key", "activation"}


def test_what_an_interrupted_run_left() -> None:
    older = plan_of(remembered={"activated_with": "older"})
    assert [one.read_from for one in older.drift] == ["receipt"]
    assert steps(older) == {"key", "activation"}
    for left in ("unfinished", "unused_token"):
        assert steps(plan_of(remembered={left: True})) == {"key", "activation"}, left
    unused = plan_of(remembered={"unused_key": True})
    assert [one.read_from for one in unused.drift] == ["bundle"]
    assert steps(unused) == {"key", "activation"}
    assert plan_of(remembered={"activated_with": "digest"}).drift == ()


def test_ids_without_letter_case() -> None:
    made = plan_of(
        {
            "cloud_id": CLOUD_ID.upper(),
            "name": "NORTH",
            "resource_group": "AzureStack",
            "bridge_principal": PRINCIPAL.upper(),
        },
        activation={"registration_id": ID.upper()},
    )
    assert made.drift == ()


def test_a_first_run() -> None:
    none = {"state": "Not registered", "registration_id": None}
    made = plan_of(registrations=[], activation=none)
    assert [one.field for one in made.drift] == ["registration", "activation"]
    assert steps(made) == ALL
    assert made.cloud_id is None
    given = plan_of({"bridge_principal": PRINCIPAL}, registrations=[], activation=none)
    assert steps(given) == ALL - {"principal"}
    remembered = plan_of(
        registrations=[],
        activation=none,
        remembered={"bridge_principal": PRINCIPAL, "cloud_id": CLOUD_ID},
    )
    assert steps(remembered) == ALL - {"principal"}
    assert remembered.cloud_id == CLOUD_ID


def test_another_principal_that_exists() -> None:
    made = plan_of({"bridge_principal": OTHER})
    assert drift(made) == [("bridge_principal", OTHER, PRINCIPAL, "activation_key")]
    assert steps(made) == {*AGAIN, "role_assignment"}


def test_azures_object_id_stands_in_for_a_key_that_does_not_tell() -> None:
    """The playbook is for connected stamps; else an object id proves nothing, see a registration whose key names no principal."""
    untold = {"bridge_principal": None, "role_assignment": None, "object_id": PRINCIPAL}
    assert drift(plan_of(registration={**untold, "key": None})) == []
    told = plan_of(registration={**untold, "key": {"bridge_principal": None}})
    assert drift(told) == [("bridge_principal", "a new one", None, "activation_key")]
    assert "principal" in steps(told)


def test_what_the_operator_asks_for_is_no_drift() -> None:
    again = plan_of({"reregister": True})
    assert again.drift == ()
    assert steps(again) == AGAIN
    fresh = plan_of({"new_bridge_principal": True})
    assert fresh.drift == ()
    assert steps(fresh) == {*AGAIN, "principal", "role_assignment"}


@pytest.mark.parametrize(
    ("options", "registrations", "kind"),
    [
        ({"name": "south"}, [REGISTRATION], "registered_elsewhere"),
        ({"name": "north", "resource_group": "other"}, [REGISTRATION], "registered_elsewhere"),
        ({"cloud_id": OTHER}, [REGISTRATION], "registration_of_another_stamp"),
        (
            {},
            [{**REGISTRATION, "id": ID + "1"}, {**REGISTRATION, "id": ID + "2", "name": "south"}],
            "several_registrations",
        ),
        ({}, [{**REGISTRATION, "expires_in_days": -3, "expires": "2025-01-01T00:00:00Z"}], "registration_expired"),
    ],
)
def test_what_contradicts_is_refused(
    options: dict[str, t.Any], registrations: list[dict[str, t.Any]], kind: str
) -> None:
    with pytest.raises(ConflictError) as caught:
        plan_of(options, registrations=registrations)
    assert caught.value.kind == kind
    assert caught.value.remedy


def test_an_expired_registration_under_another_name_does_not_count() -> None:
    expired = {**REGISTRATION, "expires_in_days": -3, "expires": "2025-01-01T00:00:00Z"}
    made = plan_of({"name": "renewed"}, registrations=[expired])
    assert steps(made) == ALL
    living = {**REGISTRATION, "id": ID.replace("north", "renewed"), "name": "renewed"}
    assert plan_of(registrations=[expired, living], activation={"registration_id": living["id"]}).drift == ()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"billing_model": "Capacity"}, "needs an agreement number"),
        ({"billing_model": "Custom"}, "needs the asset tag"),
        ({"billing_model": "Ruggedized"}, "needs the asset tag"),
        ({"usage_reporting": False}, "cannot switch usage reporting off"),
        ({"bridge_principal": "Azurebridge"}, "is not an object id"),
        ({"bridge_principal": PRINCIPAL, "new_bridge_principal": True}, "Leave one of them out"),
    ],
)
def test_rules(options: dict[str, t.Any], part: str) -> None:
    with pytest.raises(AzsError) as caught:
        plan.wanted_of({"billing_model": "PayAsYouUse", **options})
    assert part in str(caught.value)


def test_capacity_never_reports() -> None:
    wanted, warnings = plan.wanted_of({"billing_model": "Capacity", "agreement_number": "1", "usage_reporting": True})
    assert not wanted.request.usage_reporting
    assert warnings


@pytest.mark.parametrize(
    ("field", "found", "place", "line"),
    [
        ("usage_reporting", False, "activation", "usage reporting is off on the stamp's activation, wanted on"),
        (
            "billing_model",
            "Capacity",
            "activation_key",
            "billing model is Capacity in the registration's activation key, wanted True",
        ),
        ("registration", None, "registration", "there is no registration in Azure, wanted True"),
        (
            "registration",
            None,
            "none",
            "no registration is known, because the stamp's cloud id is not known yet, wanted True",
        ),
        ("activation", "Expired", "receipt", "the receipt of the last activation says Expired, wanted True"),
        (
            "activation",
            "Unknown",
            "none",
            "nothing tells whether the stamp is activated: it has no admin endpoint and no receipt here",
        ),
        (
            "bridge_principal",
            None,
            "activation_key",
            "the registration was made for a disconnected stamp: it names no bridge principal, wanted on",
        ),
        (
            "bridge_principal",
            "other",
            "activation_key",
            "bridge principal is other in the registration's activation key, wanted on",
        ),
    ],
)
def test_lines(field: str, found: t.Any, place: str, line: str) -> None:
    wanted = "True" if field in ("billing_model", "activation") else True
    assert plan.Drift(field, wanted, found, place).line() == line


@pytest.mark.parametrize(
    ("told", "steps_taken"), [("01234567", set()), ("01234567 ", set()), ("7654321", AGAIN), ("", AGAIN), (None, set())]
)
def test_the_agreement_is_compared_where_the_key_tells_it(told: str | None, steps_taken: set[str]) -> None:
    made = plan_of({"agreement_number": "01234567"}, registration={"agreement_number": told})
    assert steps(made) == steps_taken
    assert ("agreement_number" in made.not_compared) is (told is None)


def test_of_two_living_registrations_the_one_of_the_activation_is_kept() -> None:
    other = {**REGISTRATION, "id": ID + "-2", "name": "north-2"}
    for found in ([other, REGISTRATION], [REGISTRATION, other]):
        assert plan_of(registrations=found).registration_id == ID
