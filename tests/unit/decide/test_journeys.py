# SPDX-License-Identifier: GPL-3.0-or-later
"""What each journey does with a stamp, from what was read."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import journeys, plan
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError, InputError

OLD_SUBSCRIPTION, NEW_SUBSCRIPTION = "0badc0de-0000-4000-8000-000000000001", "0badc0de-0000-4000-8000-000000000002"
CLOUD_ID = "6dfdc0de-0000-4000-8000-000000000003"


def registration(
    name: str, days: int | None = None, *, group: str = "azurestack", subscription: str = OLD_SUBSCRIPTION
) -> dict[str, t.Any]:
    """A registration as azs_registration_info returns it."""
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.AzureStack/registrations/{name}",
        "name": name,
        "resource_group": group,
        "subscription_id": subscription,
        "expires": None if days is None else f"2026-{6 + days // 30:02}-15T00:00:00Z",
        "expires_in_days": days,
    }


LIVING, ENDING, EXPIRED, LONG_EXPIRED = (
    registration("living", 200),
    registration("ending", 20),
    registration("expired", -3, group="Legacy"),
    registration("long-expired", -90),
)
NEW_NAME = f"azurestack-{CLOUD_ID}-20260515"


def renewal(
    found: t.Sequence[dict[str, t.Any]],
    renewal: str | None = None,
    *,
    state: str = "Registered",
    activated_with: dict[str, t.Any] | None = None,
    days: int | None = None,
    **wanted: t.Any,
) -> journeys.Renewal:
    """Decide on a stamp that is activated, with the first of its registrations."""
    there = activated_with or (found[0] if found else None)
    activation = {"state": state, "registration_id": there and there["id"].upper(), "expires_in_days": days}
    asked = {"cloud_id": CLOUD_ID, "renew_within_days": 30, "renewal": renewal, **wanted}
    decided = [journeys.renewal(asked, activation, order) for order in itertools.permutations(found)]
    assert all(one.due == decided[0].due and one.removed == decided[0].removed for one in decided), "the order matters"
    return decided[0]


@pytest.mark.parametrize(
    ("found", "how", "line", "due", "reregister"),
    [
        ([registration("endless")], {}, "never expires", False, False),
        ([LIVING], {}, "days left: 200, not due", False, False),
        ([ENDING], {}, "days left: 20, due", True, True),
        ([ENDING], {"renew_within_days": 20}, "days left: 20, not due", False, False),
        ([LIVING], {"days": 5}, "days left: 5, due", True, False),
        ([LIVING], {"state": "Not registered"}, "not registered: to be registered", True, False),
        ([], {"state": "Not registered"}, "not registered: to be registered", True, False),
        ([LIVING, EXPIRED], {}, "days left: 200, not due", False, False),
        ([ENDING, EXPIRED], {}, "days left: 20, due", True, True),
        # What the stamp is activated with ends, and the registration does not tell when it does.
        ([registration("untold")], {"days": 5}, "days left: 5, due", True, True),
    ],
)
def test_what_is_due(
    found: list[dict[str, t.Any]], how: dict[str, t.Any], line: str, due: bool, reregister: bool
) -> None:
    made = renewal(found, **how)
    assert (made.line, made.due, made.reregister) == (line, due, reregister)
    assert made.removed is None and made.name is None and made.staying == tuple(found)


def test_an_expired_registration_is_renewed_as_the_operator_says() -> None:
    replaced = renewal([EXPIRED, LONG_EXPIRED], "replace")
    assert (replaced.line, replaced.due, replaced.removed) == ("expired: due", True, EXPIRED)
    assert (replaced.name, replaced.resource_group, replaced.staying) == ("expired", "Legacy", (LONG_EXPIRED,))
    assert not replaced.reregister and replaced.afterwards == ()
    renamed = renewal([EXPIRED], "new_name")
    assert renamed.removed is None and (renamed.name, renamed.resource_group) == (NEW_NAME, "Legacy")
    assert renamed.afterwards == (EXPIRED,)
    assert renewal([EXPIRED], "new_name", keep_expired=True).afterwards == ()


def test_nobody_chooses_for_the_operator() -> None:
    with pytest.raises(ConflictError) as caught:
        renewal([EXPIRED])
    assert caught.value.kind == "renewal_undecided" and caught.value.where == EXPIRED["id"]
    assert all(part in str(caught.value) for part in ("replace", NEW_NAME, "azs_renewal", "marketplace items are lost"))


@pytest.mark.parametrize(
    ("how", "gone"),
    [
        ({}, (EXPIRED,)),
        ({"activated_with": EXPIRED}, ()),
        ({"state": "Expired"}, ()),
        ({"keep_expired": True}, ()),
        ({"state": "Not registered"}, (EXPIRED,)),
    ],
)
def test_expired_ones_go_only_when_the_stamp_has_left_them(
    how: dict[str, t.Any], gone: tuple[dict[str, t.Any], ...]
) -> None:
    assert renewal([LIVING, EXPIRED], "new_name", **how).afterwards == gone
    assert renewal([LIVING, EXPIRED], "replace", **how).afterwards == ()


HERE, THERE = registration("here"), registration("here", subscription=NEW_SUBSCRIPTION)


def change(
    found: t.Sequence[dict[str, t.Any]],
    there: t.Sequence[dict[str, t.Any]] | None = None,
    *,
    pointing: t.Any = "here",
    **wanted: t.Any,
) -> journeys.PlaceChange:
    """Decide on a stamp that is to go from one subscription to another, under the default name."""
    there_now = HERE if pointing == "here" else pointing
    asked = {
        "cloud_id": CLOUD_ID,
        "subscription_id": NEW_SUBSCRIPTION,
        "old_subscription_id": OLD_SUBSCRIPTION,
        "confirm_marketplace_loss": True,
        **wanted,
    }
    return journeys.change(asked, {"registration_id": there_now and there_now["id"].upper()}, found, there)


TARGET = registration(f"azurestack-{CLOUD_ID}", subscription=NEW_SUBSCRIPTION)


@pytest.mark.parametrize(
    ("found", "how", "due", "leaving"),
    [
        ([HERE], {}, True, HERE),
        ([], {}, True, HERE),  # an interrupted run has deleted it
        ([], {"pointing": TARGET}, False, TARGET),
        ([], {"pointing": None}, False, None),
        ([HERE], {"pointing": None}, True, HERE),
        ([HERE, EXPIRED], {"old_registration_id": EXPIRED["id"].upper()}, True, EXPIRED),
        ([HERE], {"subscription_id": OLD_SUBSCRIPTION, "name": "Here", "resource_group": "AzureStack"}, False, HERE),
        ([HERE], {"subscription_id": OLD_SUBSCRIPTION, "name": "another"}, True, HERE),
    ],
)
def test_what_a_stamp_has_to_leave(
    found: list[dict[str, t.Any]], how: dict[str, t.Any], due: bool, leaving: dict[str, t.Any] | None
) -> None:
    made = change(found, **how)
    assert made.due is due
    assert (made.leaving or "").lower() == ((leaving or {}).get("id") or "").lower()


def test_what_stays_is_what_is_not_left() -> None:
    assert change([HERE], [THERE]).staying == (THERE,)
    own = change([HERE], [HERE, THERE], subscription_id=OLD_SUBSCRIPTION, name="another")
    assert own.staying == (THERE,) and own.name == "another" and own.target.endswith("/registrations/another")
    assert change([HERE]).staying is None


@pytest.mark.parametrize(
    ("found", "how", "kind", "parts"),
    [
        ([HERE], {"old_registration_id": THERE["id"]}, "named_registration_missing", (THERE["id"], HERE["id"])),
        ([HERE, EXPIRED], {}, "several_registrations", (HERE["id"], EXPIRED["id"], "azs_old_registration_id")),
        (
            [HERE],
            {"confirm_marketplace_loss": False},
            "loss_not_confirmed",
            (HERE["id"], "azs_confirm_marketplace_loss"),
        ),
    ],
)
def test_what_is_the_operators_to_say(
    found: list[dict[str, t.Any]], how: dict[str, t.Any], kind: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConflictError) as caught:
        change(found, **how)
    assert caught.value.kind == kind and all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"subscription_id": OLD_SUBSCRIPTION, "old_subscription_id": OLD_SUBSCRIPTION}, "Nothing says where"),
        ({"subscription_id": "x", "old_subscription_id": OLD_SUBSCRIPTION}, "azs_subscription_id is x"),
        ({"old_subscription_id": OLD_SUBSCRIPTION}, "azs_subscription_id is empty"),
        ({"subscription_id": OLD_SUBSCRIPTION, "old_subscription_id": "y"}, "azs_old_subscription_id is y"),
    ],
)
def test_places_that_are_none(wanted: dict[str, str], part: str) -> None:
    with pytest.raises(InputError) as caught:
        journeys.place_wanted(wanted)
    assert part in str(caught.value) and "Nothing was contacted" in str(caught.value)


CONNECTED: t.Final = {**LIVING, "bridge_principal": "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"}
DISCONNECTED: t.Final = {**LIVING, "bridge_principal": None}


@pytest.mark.parametrize(
    ("found", "said", "connected"),
    [
        ([CONNECTED], None, True),
        ([DISCONNECTED], None, False),
        ([DISCONNECTED], True, True),
        ([DISCONNECTED], False, False),
        ([EXPIRED, CONNECTED], None, True),
    ],
)
def test_what_a_stamp_is_registered_again_as(found: list[dict[str, t.Any]], said: bool | None, connected: bool) -> None:
    for order in itertools.permutations(found):
        registration, as_connected = journeys.again(order, None, said)
        assert registration["name"] == "living" and as_connected is connected


@pytest.mark.parametrize(
    ("found", "said", "kind"),
    [
        ([], None, "no_registration"),
        ([LIVING, ENDING], None, "several_registrations"),
        ([CONNECTED], False, "registration_of_connected_stamp"),
    ],
)
def test_what_cannot_be_registered_again(found: list[dict[str, t.Any]], said: bool | None, kind: str) -> None:
    with pytest.raises(ConflictError) as caught:
        journeys.again(found, None, said)
    assert caught.value.kind == kind


UNTOLD: t.Final = {"state": "Unknown", "evidence": "none", "registration_id": None}


@pytest.mark.parametrize(
    ("named", "evidence", "found"),
    [("here", "activation", []), ("here", "receipt", []), ("here", "none", [HERE]), (None, "none", [])],
)
def test_a_stamp_that_may_be_deactivated(named: str | None, evidence: str, found: list[dict[str, t.Any]]) -> None:
    journeys.removal(named, {**UNTOLD, "evidence": evidence}, found)


def test_a_stamp_is_not_deactivated_for_a_registration_that_is_not_there() -> None:
    """Kind: an explicit target that is not there, where nothing tells what the stamp has."""
    with pytest.raises(ConflictError) as caught:
        journeys.removal("there", UNTOLD, [])
    assert caught.value.kind == "named_registration_missing" and caught.value.where == "there"


PRINCIPAL: t.Final = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"
REGISTERING: t.Final = ["token", "registration", "key", "activation"]
ANEW: t.Final = ["principal", "token", "registration", "lock", "role_assignment", "key", "activation"]
LEAVING: t.Final = ["deactivation", "removal"]


def whole(one: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    """A registration of a connected stamp with all that a plan compares."""
    return {
        **one,
        "cloud_id": CLOUD_ID,
        "billing_model": "PayAsYouUse",
        "marketplace_syndication": True,
        "usage_reporting": True,
        "bridge_principal": PRINCIPAL,
        "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
        "role_assignment": {"principal_id": PRINCIPAL, "assigned": True},
        **changes,
    }


def decided(journey: str, registrations: t.Sequence[dict[str, t.Any]], **options: t.Any) -> plan.Plan:
    """What a journey does with a stamp that is activated with the first of its registrations."""
    active = options.pop("activated_with", registrations[0] if registrations else None)
    found = {
        "activation": {
            "evidence": "activation",
            "state": options.pop("state", "Registered"),
            "registration_id": active["id"] if active else None,
            "expires_in_days": registrations[0]["expires_in_days"] if registrations else None,
        },
        "remembered": {"cloud_id": CLOUD_ID},
        "registrations": list(registrations),
        "old_registrations": options.pop("old", None),
    }
    asked = {"billing_model": "PayAsYouUse", "renew_within_days": 30, "subscription_id": OLD_SUBSCRIPTION, **options}
    return journeys.decide(journey, asked, found)


def steps(made: plan.Plan) -> list[str]:
    """The steps that are taken, in their order."""
    return [step for step, due in dataclasses.asdict(made.steps).items() if due]


ELSEWHERE: t.Final = whole(registration("north", subscription=NEW_SUBSCRIPTION))


@pytest.mark.parametrize(
    ("journey", "registrations", "options", "taken"),
    [
        (journeys.REGISTER, [whole(LIVING)], {}, []),
        (journeys.REGISTER, [], {"state": "Not registered"}, ANEW),
        (journeys.REGISTER, [whole(LIVING, lock=None)], {}, ["lock"]),
        (journeys.RENEW, [whole(LIVING)], {}, []),
        (journeys.RENEW, [whole(ENDING)], {}, REGISTERING),
        (journeys.RENEW, [whole(EXPIRED)], {"renewal": "replace"}, [*LEAVING, *ANEW]),
        (journeys.RENEW, [whole(EXPIRED)], {"renewal": "new_name"}, ANEW),
        (journeys.CHANGE, [whole(LIVING)], {"name": "new", "confirm_marketplace_loss": True}, [*LEAVING, *ANEW]),
        (journeys.CHANGE, [whole(LIVING)], {"name": "living"}, []),
        (journeys.CHANGE, [ELSEWHERE], {"subscription_id": NEW_SUBSCRIPTION, "name": "north", "old": []}, []),
        (journeys.UNREGISTER, [whole(LIVING)], {}, LEAVING),
        (journeys.UNREGISTER, [], {}, ["deactivation"]),
        (journeys.UNREGISTER, [], {"state": "Not registered"}, []),
        (journeys.REREGISTER, [whole(LIVING)], {"billing_model": None}, REGISTERING),
        (
            journeys.REREGISTER,
            [whole(LIVING, bridge_principal=None)],
            {"connected": False, "billing_model": None},
            None,
        ),
    ],
)
def test_the_steps_of_each_journey(
    journey: str, registrations: list[dict[str, t.Any]], options: dict[str, t.Any], taken: list[str] | None
) -> None:
    if taken is None:  # pay-as-you-use is not for a disconnected stamp
        with pytest.raises(InputError, match="disconnected stamp cannot use"):
            decided(journey, registrations, **options)
        return
    made = decided(journey, registrations, **options)
    assert steps(made) == taken
    assert made.due == bool(taken or made.afterwards)


def test_an_interrupted_change_goes_on_where_it_ended() -> None:
    """The old registration is gone, and the activation still names it."""
    gone = decided(
        journeys.CHANGE,
        [],
        old=[],
        subscription_id=NEW_SUBSCRIPTION,
        old_subscription_id=OLD_SUBSCRIPTION,
        confirm_marketplace_loss=True,
    )
    assert steps(gone) == ANEW, "nothing names what was left"
    found = {
        "activation": {"evidence": "activation", "state": "Registered", "registration_id": HERE["id"]},
        "remembered": {"cloud_id": CLOUD_ID},
        "registrations": [],
        "old_registrations": [],
    }
    asked = {"billing_model": "PayAsYouUse", "subscription_id": NEW_SUBSCRIPTION, "confirm_marketplace_loss": True}
    made = journeys.decide(journeys.CHANGE, {**asked, "old_subscription_id": OLD_SUBSCRIPTION}, found)
    assert steps(made) == ["deactivation", *ANEW]
    assert made.removed is not None and made.removed["name"] == "here"
    assert made.removed["subscription_id"] == OLD_SUBSCRIPTION and made.removed["resource_group"] == "azurestack"


def test_what_is_kept_of_a_stamp_that_is_registered_again() -> None:
    again = decided(
        journeys.REREGISTER, [whole(LIVING, billing_model="Capacity", usage_reporting=False)], agreement_number="7"
    )
    assert again.wanted is not None
    assert (again.wanted.billing_model, again.wanted.usage_reporting) == ("Capacity", False)
    assert again.reregister and again.renew_token and again.name == "living"
    apart = whole(LIVING, billing_model="Capacity", usage_reporting=False, bridge_principal=None)
    made = decided(journeys.REREGISTER, [apart], connected=False, agreement_number="7")
    assert not made.connected and steps(made) == REGISTERING and made.wanted is not None
    assert made.wanted.agreement_number == "7"


def test_the_plan_as_the_operator_reads_it() -> None:
    replaced = decided(journeys.RENEW, [whole(EXPIRED)], renewal="replace")
    assert replaced.sentence().startswith(
        "deactivate the stamp, delete the registration expired, make a bridge principal"
    )
    renamed = decided(journeys.RENEW, [whole(EXPIRED)], renewal="new_name")
    assert f"register the stamp as {NEW_NAME}" in renamed.sentence()
    assert renamed.sentence().endswith("delete the expired registration expired")
    assert decided(journeys.UNREGISTER, [], state="Not registered").line == "not registered"


def test_a_billing_model_is_never_guessed() -> None:
    with pytest.raises(InputError, match="Nothing says how the stamp is billed"):
        decided(journeys.REGISTER, [], billing_model=None)


def test_a_stamp_is_not_deactivated_for_another_registration() -> None:
    """Kind: check mode that foretells what the real run refuses. The activation names another one than the one that goes."""
    for journey, options, remedy in (
        (journeys.UNREGISTER, {"name": "expired"}, "leave azs_registration_name and azs_registration_id out"),
        (journeys.RENEW, {"renewal": "replace"}, "run azurestack.hub.connected_unregister"),
    ):
        with pytest.raises(ConflictError) as caught:
            decided(journey, [whole(EXPIRED)], activated_with=whole(registration("elsewhere")), **options)
        assert caught.value.kind == "activated_otherwise" and "/elsewhere" in str(caught.value), journey
        assert remedy in str(caught.value.remedy), "the remedy is one that this playbook has"


def test_a_stamp_leaves_only_what_was_looked_for() -> None:
    """Kind: a registration that is not in the subscription that was searched counts as gone, and its stamp is deactivated."""
    far = whole(registration("far", subscription="0badc0de-0000-4000-8000-00000000000f"))
    with pytest.raises(ConflictError) as caught:
        decided(journeys.CHANGE, [], activated_with=far, name="north", confirm_marketplace_loss=True)
    assert caught.value.kind == "registered_elsewhere" and "azs_old_subscription_id" in str(caught.value)
    # It was moved earlier, and the inventory still names the subscription before: what is there is left.
    made = decided(
        journeys.CHANGE,
        [ELSEWHERE],
        old=[],
        name="another",
        subscription_id=NEW_SUBSCRIPTION,
        old_subscription_id=OLD_SUBSCRIPTION,
        confirm_marketplace_loss=True,
    )
    assert steps(made) == [*LEAVING, *ANEW] and made.removed is not None
    assert made.removed["id"] == ELSEWHERE["id"] and made.removed["subscription_id"] == NEW_SUBSCRIPTION


def test_a_stamp_that_has_arrived_is_not_deactivated() -> None:
    made = decided(
        journeys.CHANGE,
        [ELSEWHERE],
        old=[whole(LIVING)],
        name="north",
        subscription_id=NEW_SUBSCRIPTION,
        old_subscription_id=OLD_SUBSCRIPTION,
        confirm_marketplace_loss=True,
    )
    assert steps(made) == ["removal"] and made.removed is not None and made.removed["id"] == LIVING["id"]
    again = decided(
        journeys.CHANGE,
        [ELSEWHERE],
        old=[],
        name="north",
        subscription_id=NEW_SUBSCRIPTION,
        old_subscription_id=OLD_SUBSCRIPTION,
        old_registration_id=LIVING["id"],
    )
    assert not again.due, "what was left in an earlier run is not asked for again"
