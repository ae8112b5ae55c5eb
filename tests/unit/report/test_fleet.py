# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet report says of stamps, and what changed since the one before."""

from __future__ import annotations

import copy
import datetime
import json
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain
from ansible_collections.azurestack.hub.plugins.module_utils._report import fleet
from made_up import MOMENT, failed, guid, hundred, stamp, two_reports

OFF = {"evidence": "activation", "state": "Not registered"}
REFUSED = failed(
    "The stamp does not answer", "https://admin.example", "the connection was refused", "Look at the firewall"
)
OTHER = f"/subscriptions/{guid(1)}/resourceGroups/old/providers/Microsoft.AzureStack/registrations/old"


def report(*stamps: dict[str, t.Any], days: int = 0, **options: t.Any) -> fleet.Report:
    """The report on some stamps, so many days after MOMENT."""
    return fleet.report(stamps, moment=MOMENT + datetime.timedelta(days=days), **{"within_days": 30, **options})


def line(*stamps: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """The line of the only stamp."""
    (one,) = report(*stamps, **options).data["stamps"]
    return one


def nothing_in_azure() -> dict[str, t.Any]:
    """The result of a search without a find."""
    return {"registrations": []}


@pytest.mark.parametrize(
    ("given", "status", "part"),
    [
        (stamp("a"), "in_sync", ""),
        (stamp("a", days=30), "in_sync", ""),
        (stamp("a", days=29), "expires_soon", ""),
        (
            stamp("a", days=400, activation={"expires": "2026-03-20T00:00:00Z"}),
            "drifted",
            "expires is 2026-03-20T00:00:00Z",
        ),
        (stamp("a", days=-1), "expired", "the registration expired"),
        (
            stamp("a", activation={"state": "Expired", "expires": "2026-03-01T00:00:00Z"}),
            "expired",
            "activation expired",
        ),
        (stamp("a", activation=OFF), "not_registered", "the stamp is not activated"),
        (stamp("a", registration_result=nothing_in_azure()), "not_registered", "Azure has no registration"),
        (stamp("a", activation={"registration_id": OTHER}), "drifted", "the stamp is activated with"),
        (stamp("a", registration={"lock": None}), "drifted", "has no lock"),
        (stamp("a", registration={"usage_reporting": False}), "drifted", "usage reporting is on on the stamp and off"),
        (stamp("a", wanted={"billing_model": "Development"}), "drifted", "wanted is Development"),
        (stamp("a", wanted={"marketplace_syndication": "false"}), "drifted", "wanted is off"),
        (stamp("a", wanted={"name": "mine"}), "drifted", "registered"),
        (stamp("a", remembered={"activated_with": "older"}), "drifted", "activation key of today"),
        (stamp("a", activation_result=REFUSED), "unknown", "(https://admin.example): the connection was refused"),
        (stamp("a", activation_result=REFUSED, days=-1), "expired", "the connection was refused"),
        (
            stamp("a", registration_result={"unreachable": True, "msg": "no route\n to host"}),
            "unknown",
            "no route to host",
        ),
        (stamp("a", registration_result={"failed": True, "msg": "'x' is undefined"}), "unknown", "'x' is undefined"),
        (stamp("a", activation={"evidence": "none", "state": "Unknown"}), "unknown", "nothing tells whether"),
        (stamp("a", activation={"evidence": "receipt"}), "unknown", "as of the receipt"),
        (stamp("a", stamp=False, activation={"evidence": "receipt"}), "in_sync", ""),
        (
            stamp("a", stamp=False, activation={"evidence": "none", "state": "Unknown"}),
            "unknown",
            "nothing tells whether",
        ),
        (stamp("a", require_activation=False, activation={"evidence": "none", "state": "Unknown"}), "in_sync", ""),
        (stamp("a", azure=False, registration_result={"skipped": True}), "in_sync", ""),
        ({"name": "a", "failure": {"failed": True, "msg": "vault"}}, "unknown", "vault"),
        ({"name": "a"}, "unknown", "neither Azure nor the stamp was asked"),
    ],
)
def test_a_stamp_has_the_first_status_that_fits_and_the_reason(given: dict[str, t.Any], status: str, part: str) -> None:
    found = line(given)
    assert found["status"] == status
    assert part in "; ".join(found["reasons"]) if part else not found["reasons"]


def test_drift_is_told_field_by_field_and_once() -> None:
    found = line(stamp("a", wanted={"billing_model": "Development"}, registration={"lock": None}))
    assert found["drift"] == [
        {"field": "billing_model", "wanted": "Development", "found": "PayAsYouUse", "read_from": "registration"},
        {"field": "lock", "wanted": "RegistrationResourceLock", "found": None, "read_from": "registration"},
    ]
    model = line(stamp("a", model="PayAsYouUse", wanted={"billing_model": "Capacity"}))
    assert [one["field"] for one in model["drift"]] == ["billing_model", "usage_reporting"]
    # A disconnected stamp has no bridge principal, and lacks none.
    alone = stamp("a", model="Capacity", connected=False, registration={"bridge_principal": None})
    assert line(alone)["status"] == "in_sync"


def test_a_remedy_is_kept_apart_from_the_reason() -> None:
    assert line(stamp("a", activation_result=REFUSED))["remedies"] == ["Look at the firewall"]


def test_what_drifted_tells_what_to_do_once() -> None:
    found = line(stamp("a", registration={"lock": None, "usage_reporting": False}))
    assert len(found["reasons"]) > 1
    assert found["remedies"] == [chain.REPAIR]


def test_who_is_in_the_play_is_in_the_report() -> None:
    made = report(stamp("a"), hosts=["a", "gone"]).data
    assert [(one["name"], one["status"]) for one in made["stamps"]] == [("gone", "unknown"), ("a", "in_sync")]
    assert "its output tells why" in made["stamps"][0]["reasons"][0]


def test_the_worst_and_the_next_come_first() -> None:
    made = report(
        stamp("calm"),
        stamp("later", days=300),
        stamp("soon", days=3),
        stamp("over", days=-9),
        stamp("long-over", days=-90),
    )
    assert [one["name"] for one in made.data["stamps"]] == ["long-over", "over", "soon", "later", "calm"]


def test_sums() -> None:
    made = report(*hundred()).data
    assert {one["status"]: one["stamps"] for one in made["statuses"]} == {
        "expired": 2,
        "not_registered": 3,
        "drifted": 4,
        "unknown": 3,
        "expires_soon": 4,
        "in_sync": 84,
    }
    assert sum(one["stamps"] for one in made["billing_models"]) == 100
    expiries = made["expiries"]
    months = {one["month"]: one["stamps"] for one in expiries["months"]}
    assert next(iter(months)) == "2026-03" and list(months)[-1] == "2027-03" and len(months) == 13
    assert sum(months.values()) + sum(expiries[name] for name in ("expired", "later", "never", "unknown")) == 100


def test_the_terminal_names_those_that_need_somebody() -> None:
    lines = report(stamp("a"), stamp("b", days=3), stamp("c", registration={"lock": None})).lines()
    assert lines[0] == "3 stamps: 1 drifted, 1 expires soon, 1 in sync"
    assert [one.split(":")[0] for one in lines[1:]] == ["c", "b"]
    before = report(stamp("a"), stamp("b"))
    after = report(
        stamp("a", registration={"nodes": 8}), stamp("b", registration={"lock": None}), days=1, previous=before.data
    )
    assert after.lines()[1:] == [
        f"b: drifted, was in sync: {after.data['stamps'][0]['reasons'][0]}",
        "b: changed: lock: CanNotDelete → none",
        "a: changed: nodes: 4 → 8",
    ]


def test_time_alone_is_no_difference() -> None:
    first = report(stamp("a", days=200), stamp("b"))
    assert first.differs and json.loads(json.dumps(first.data)) == first.data
    same = report(stamp("a", days=200), stamp("b"), days=1, previous=first.data)
    assert (
        not same.differs
        and len(same.lines()) == 1
        and same.data["made"] != first.data["made"]
        and same.data["first_made"] == first.data["made"]
    )
    assert report(stamp("a", days=200), days=1, previous=first.data).differs  # a stamp is gone


def test_the_last_change_is_remembered_with_what_it_was() -> None:
    first = report(stamp("a"))
    assert first.data["stamps"][0]["last_change"] is None
    changed = report(stamp("a", registration={"lock": None, "nodes": 8}), days=1, previous=first.data)
    assert changed.data["stamps"][0]["last_change"] == {
        "at": "2026-03-11T04:05:06Z",
        "what": ["nodes: 4 → 8", "lock: CanNotDelete → none"],
    }
    calm = report(stamp("a", registration={"lock": None, "nodes": 8}), days=2, previous=changed.data).data["stamps"][0]
    assert calm["last_change"]["at"] == "2026-03-11T04:05:06Z" and calm["status_since"] == "2026-03-11T04:05:06Z"
    assert calm["known_since"] == "2026-03-10T04:05:06Z"


@pytest.mark.parametrize(
    ("group", "name", "told"),
    [
        ("azurestack", "south", "north → south"),
        ("elsewhere", "north", "azurestack/north → elsewhere/north"),
        ("elsewhere", "south", "azurestack/north → elsewhere/south"),
    ],
)
def test_a_change_of_place_tells_what_differs(group: str, name: str, told: str) -> None:
    def placed(group: str, name: str, subscription: str = "one") -> dict[str, t.Any]:
        where = (
            f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.AzureStack/registrations/{name}"
        )
        return stamp("a", registration={"id": where}, activation={"registration_id": where})

    first = report(placed("azurestack", "north"))
    changed = report(placed(group, name), days=1, previous=first.data)
    assert changed.data["stamps"][0]["last_change"]["what"] == [f"registration: {told}", f"activated with: {told}"]
    moved = report(placed(group, name, "two"), days=2, previous=changed.data)
    assert moved.data["stamps"][0]["last_change"]["what"] == [
        f"{what}: one/{group}/{name} → two/{group}/{name}" for what in ("registration", "activated with")
    ]
    # Azure's ids have no letter case.
    same = report(placed(group, name.upper(), "TWO"), days=3, previous=moved.data)
    assert same.data["stamps"][0]["last_change"] == moved.data["stamps"][0]["last_change"]


def test_a_new_expiry_on_the_day_of_the_old_one_is_told_with_its_time() -> None:
    old, new = "2027-03-01T10:00:00Z", "2027-03-01T18:30:00Z"
    first = report(stamp("a", registration={"expires": old}))
    changed = report(stamp("a", registration={"expires": new}), days=1, previous=first.data)
    assert changed.data["stamps"][0]["last_change"]["what"] == [f"expiry of the registration: {old} → {new}"]


def test_the_receipt_tells_of_an_activation_later_than_the_change() -> None:
    made = report(stamp("a", remembered={"activated": "2026-03-09T00:00:00Z"}))
    assert made.data["stamps"][0]["last_change"] == {"at": "2026-03-09T00:00:00Z", "what": ["activated"]}


def test_what_cannot_be_read_today_is_what_was_known_last() -> None:
    first = report(stamp("a", days=200, registration={"tenants": 5}))
    silent = stamp("a", registration_result=REFUSED, activation_result=REFUSED)
    during = report(silent, days=1, previous=first.data)
    found = during.data["stamps"][0]
    assert found["status"] == "unknown" and found["last_change"] is None and found["expires"] is None
    assert (found["azure"]["tenants"], found["azure"]["as_of"]) == (5, "2026-03-10T04:05:06Z")
    # Back again as it was: that is no change of the stamp.
    back = report(stamp("a", days=200, registration={"tenants": 5}), days=2, previous=during.data).data["stamps"][0]
    assert back["last_change"] is None and back["azure"]["as_of"] == "2026-03-12T04:05:06Z"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 0, "stamps": []}', '{"format": 1, "stamps": [{}]}', '{"format": 1}']
)
def test_what_is_no_report_is_none(text: str) -> None:
    assert fleet.parse(text) is None


def test_a_report_is_read_back() -> None:
    made = two_reports().data
    assert fleet.parse(json.dumps(made)) == made


def test_nothing_gets_in_that_is_not_named() -> None:
    secret = "S3cret-that-nobody-asked-for"
    given = copy.deepcopy(stamp("a", days=3))
    for place in (
        given,
        given["wanted"],
        given["activation_result"],
        given["activation_result"]["activation"],
        given["activation_result"]["remembered"],
        given["registration_result"],
        given["registration_result"]["registrations"][0],
    ):
        place["agreement_number"] = place["content"] = place["invocation"] = secret
    given["registration_result"]["registrations"][0]["key"] = {"cloud_id": guid(1), "token": secret}
    assert secret not in json.dumps(report(given).data)


def together(one: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    """The same stamp, read together with others."""
    read = {
        **one.pop("activation_result"),
        "registrations": one.pop("registration_result")["registrations"],
        "failed": "failures" in changes,
        **changes,
    }
    return {**one, "read": read}


def test_a_stamp_that_was_read_with_others_has_the_same_line() -> None:
    for one in (stamp("a"), stamp("a", days=-1), stamp("a", registration={"lock": None}), stamp("a", activation=OFF)):
        assert line(together(copy.deepcopy(one))) == line(one)


@pytest.mark.parametrize("side", ["stamp", "azure"])
def test_a_side_that_was_not_read_is_never_in_sync(side: str) -> None:
    one = together(stamp("a"), failures={side: REFUSED}, **REFUSED)
    del one["read"][{"stamp": "activation", "azure": "registrations"}[side]]
    said = line(one)
    assert said["status"] == "unknown" and said[side] is None
    assert said["reasons"] == ["The stamp does not answer (https://admin.example): the connection was refused"]
    assert said[{"stamp": "azure", "azure": "stamp"}[side]]["billing_model" if side == "stamp" else "state"]


def test_a_stamp_of_which_nothing_was_read_tells_why() -> None:
    one = {**stamp("a"), "read": {"failed": True, "unreachable": True, "msg": "No route to host"}}
    del one["activation_result"], one["registration_result"]
    said = line(one)
    assert (said["status"], said["reasons"]) == ("unknown", ["the runner cannot be reached: No route to host"])
