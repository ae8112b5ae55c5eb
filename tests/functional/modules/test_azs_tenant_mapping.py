# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_tenant_mapping as a process, against simulated registrations."""

from __future__ import annotations

import base64
import collections
import json
import signal
import typing as t

import pytest
from cloud_provider import (
    KNOWN,
    NO_CSP,
    OTHERS,
    Provider,
    guid,
    in_flight,
    pairs,
    provider,
    provider_numbers,
    provider_simulator,
    tenants,
)
from processes import Outcome
from simulated_azure import oldest_libraries
from tables import first_of

__all__ = ["provider", "provider_numbers", "provider_simulator"]  # fixtures

Make = t.Callable[..., Provider]
LISTS: t.Final = ("created", "updated", "removed", "failures", "not_tried")


def failed(outcome: Outcome, kind: str, *parts: str) -> None:
    """Check that a message says what failed, why and what to do next, and holds `parts`."""
    assert outcome.kind == kind, outcome.message
    for part in parts:
        assert part in outcome.message, outcome.message
    for question in ("message", "cause", "remedy"):
        assert outcome["error"][question], outcome.message


def ids(entries: t.Iterable[dict[str, t.Any]]) -> list[str]:
    """Subscription ids of a list, in order."""
    return sorted(entry["subscription_id"] for entry in entries)


def counted(outcome: Outcome) -> dict[str, int]:
    """The counts that are not zero, without what was found and wanted."""
    return {name: number for name, number in outcome["counts"].items() if number and name not in ("wanted", "found")}


class TestPresent:
    """Making mappings."""

    def test_first_run_second_run(self, provider: Make) -> None:
        here, listed = provider(), tenants(30)
        predicted = here.run(tenants=listed, check=True)
        foretelling = {
            f"GET R{what}": 1
            for what in (
                "",
                "/providers/Microsoft.Authorization/locks",
                "/providers/Microsoft.Authorization/permissions",
            )
        }
        assert here.counts() == {"GET list": 1, "GET mapping": 16, **foretelling}
        outcome = here.run(tenants=listed)
        assert here.counts() == {"GET list": 1, "GET mapping": 16, "PUT mapping": 30}
        assert here.mapped == pairs(listed) and here.locked
        for result in (predicted, outcome):
            assert result.changed and counted(result) == {"created": 30}
            assert ids(result["created"]) == ids(listed)
        again = here.run(tenants=listed)
        assert not again.changed and counted(again) == {"unchanged": 30} and again["msg"] == "30 unchanged"
        assert here.requests() == ["GET list"]

    def test_one_subscription(self, provider: Make) -> None:
        here, one = provider(), guid()
        assert here.run(customer_subscription_id=one).changed
        assert list(here.mapped) == [one]
        assert not here.run(customer_subscription_id=one, customer_tenant_id=here.mapped[one]).changed
        again = guid()
        outcome = here.run(customer_subscription_id=one, customer_tenant_id=again)
        assert outcome["updated"][0]["tenant_id"] == again and here.mapped == {one: again}

    def test_only_differences_are_sent(self, provider: Make) -> None:
        here, listed = provider(page_size=40), tenants(100)
        here.hold(listed)
        listed[7]["tenant_id"] = guid()
        more = tenants(2)
        outcome = here.run(tenants=[*listed, *more])
        assert counted(outcome) == {"created": 2, "updated": 1, "unchanged": 99}
        assert here.counts() == {"GET list": 3, "PUT mapping": 3}
        assert here.mapped == pairs([*listed, *more])

    def test_the_tenant_is_sent_only_when_it_is_given(self, provider: Make) -> None:
        here, given, open_ = provider(), guid(), guid()
        tenant = guid()
        here.run(tenants=[{"subscription_id": given, "tenant_id": tenant}, open_])
        assert here.mapped[given] == tenant
        assert here.mapped[open_] != tenant

    def test_a_second_subscription_replaces_the_first(self, provider: Make) -> None:
        here, (old,) = provider(), tenants(1)
        here.hold([old])
        new = {"subscription_id": guid(), "tenant_id": old["tenant_id"].upper()}
        outcome = here.run(tenants=[new], exact=True, diff=True)
        assert outcome["created"][0]["replaces"] == old["subscription_id"] and counted(outcome)["replaced"] == 1
        assert f"{old['subscription_id']} by {new['subscription_id']}" in outcome.warnings[0]
        assert f"replaces {old['subscription_id']}" in outcome["diff"]["prepared"]
        assert list(here.mapped) == [new["subscription_id"]]
        assert here.requests() == ["GET list", "PUT mapping"], (
            "what is overwritten needs no removal, and no lock lifted"
        )

    def test_another_letter_case_is_another_mapping(self, provider: Make) -> None:
        here, low = provider(), "abcdefab-0000-4000-8000-00000000000a"
        here.hold([{"subscription_id": low, "tenant_id": guid()}])
        outcome = here.run(tenants=[{"subscription_id": low.upper(), "tenant_id": guid()}])
        assert outcome.changed and set(here.mapped) == {low, low.upper()}
        assert (
            low in outcome.warnings[0] and low.upper() in outcome.warnings[0] and "letter case" in outcome.warnings[0]
        )

    @pytest.mark.parametrize("status", first_of([200, 201, 204]))
    def test_answers_to_a_put(self, provider: Make, status: int) -> None:
        here = provider(mapping_status=status)
        assert here.run(tenants=tenants(3)).changed and len(here.mapped) == 3

    def test_lists_as_they_have_been_seen(self, provider: Make) -> None:
        here, listed = provider(padded_mapping_ids=True, bodyless_empty_lists=True, page_size=7), tenants(20)
        assert here.run(tenants=listed).changed
        assert not here.run(tenants=listed, exact=True).changed

    def test_pages_that_loop(self, provider: Make) -> None:
        here, listed = provider(page_size=10, looping_pages=True), tenants(30)
        here.hold(listed)
        outcome = here.run(tenants=listed, exact=True)
        assert not outcome.changed and "repeats its pages" in outcome.warnings[0]
        assert here.counts() == {"GET list": 4}, "three pages, and the first once more under another address"

    def test_an_answer_that_got_lost(self, provider: Make) -> None:
        here, listed = provider(), tenants(5)
        here.fault("drop_after", "PUT", times=2)
        assert here.run(tenants=listed).changed and here.mapped == pairs(listed)


class TestHidden:
    """The list is empty although mappings exist."""

    @pytest.mark.parametrize("count", [10, 40])
    def test_presence_is_decided_by_asking(self, provider: Make, count: int) -> None:
        here, listed = provider(), tenants(count)
        here.hold(listed)
        here.simulator.settings(empty_mapping_list=True)
        outcome = here.run(tenants=listed, exact=True)
        assert not outcome.changed and outcome["hidden_from_list"] == count
        assert "Azure lists no mappings" in outcome.warnings[0]
        assert here.counts() == {"GET list": 1, "GET mapping": count}
        here.simulator.settings(empty_mapping_list=False)

    def test_only_the_missing_ones_are_made(self, provider: Make) -> None:
        here, listed = provider(), tenants(30)
        here.hold(listed[:20])
        here.simulator.settings(empty_mapping_list=True)
        assert counted(here.run(tenants=listed)) == {"created": 10, "unchanged": 20}

    def test_removals_find_what_is_hidden(self, provider: Make) -> None:
        here, listed = provider(), tenants(30)
        here.hold(listed[29:])
        here.simulator.settings(empty_mapping_list=True)
        outcome = here.run(tenants=listed, state="absent")
        assert counted(outcome) == {"removed": 1, "unchanged": 29} and here.mapped == {}


class TestRemoval:
    """Removing mappings under the lock that the registration's children inherit."""

    @pytest.mark.parametrize("how", ["absent", "exact"])
    def test_the_lock_is_lifted_once(self, provider: Make, how: str) -> None:
        here, stay, leave = provider(), tenants(20), tenants(5)
        here.hold([*stay, *leave])
        options = (
            {"tenants": leave, "state": "absent"}
            if how == "absent"
            else {"tenants": stay, "exact": True, "max_removals": "5"}
        )
        predicted = here.run(check=True, diff=True, **options)
        assert here.requests() == ["GET list"] and here.locked
        outcome = here.run(diff=True, **options)
        assert here.requests() == ["GET list", "GET lock", "DELETE lock", *["DELETE mapping"] * 5, "PUT lock"]
        assert here.locked and here.mapped == pairs(stay)
        for result in (predicted, outcome):
            assert result.changed and counted(result)["removed"] == 5 and ids(result["removed"]) == ids(leave)
            assert sorted(result["diff"]["prepared"].splitlines()) == sorted(outcome["diff"]["prepared"].splitlines())
        assert outcome["lock"] == {"name": "RegistrationResourceLock", "lifted": True}
        assert not here.run(**options).changed
        assert here.requests() == ["GET list"]

    def test_without_removals_the_lock_is_not_touched(self, provider: Make) -> None:
        here, listed = provider(), tenants(3)
        here.simulator.do("delete-lock", stamp=here.stamp)
        assert here.run(tenants=listed, exact=True).changed
        assert not here.run(tenants=tenants(2), state="absent").changed
        assert not any("lock" in request for request in here.requests()) and not here.locked

    def test_a_registration_without_its_lock_gets_it(self, provider: Make) -> None:
        here, listed = provider(), tenants(3)
        here.hold(listed)
        here.simulator.do("delete-lock", stamp=here.stamp)
        outcome = here.run(tenants=listed[:1], state="absent")
        assert outcome.changed and here.locked and "had no lock" in outcome.warnings[0]
        assert outcome["lock"]["lifted"] is False

    def test_too_many_removals_change_nothing(self, provider: Make) -> None:
        here, listed = provider(), tenants(20)
        here.hold(listed)
        more = tenants(1)
        for check in (True, False):
            outcome = here.run(tenants=[*listed[:15], *more], exact=True, check=check)
            failed(
                outcome,
                "too_many_removals",
                "5 of 20 mappings",
                "max_removals is 10%",
                "allows 2",
                listed[15]["subscription_id"],
            )
        assert here.mapped == pairs(listed) and here.counts() == {"GET list": 2}
        assert here.run(tenants=[*listed[:15], *more], exact=True, max_removals="25%").changed
        assert here.mapped == pairs([*listed[:15], *more])

    def test_nothing_is_removed_when_the_list_has_failures(self, provider: Make) -> None:
        here, listed = provider(), tenants(20)
        here.hold(listed)
        outcome = here.run(tenants=[*listed[1:], "mistyped", *tenants(1)], exact=True)
        failed(outcome, "tenant_subscription_invalid", "1 removals were not tried", "mistyped")
        assert counted(outcome) == {"created": 1, "failed": 1, "not_tried": 1, "unchanged": 19}
        assert listed[0]["subscription_id"] in here.mapped and here.locked

    def test_another_tenants_mapping_stays(self, provider: Make) -> None:
        here, listed = provider(), tenants(2)
        here.hold(listed)
        wrong = {**listed[0], "tenant_id": guid()}
        outcome = here.run(tenants=[wrong, listed[1]], state="absent")
        failed(outcome, "mapping_of_another_tenant", listed[0]["tenant_id"], wrong["tenant_id"])
        assert here.mapped == pairs(listed[:1]) and here.locked

    def test_a_failed_removal_brings_the_lock_back(self, provider: Make) -> None:
        here, listed = provider(), tenants(4)
        here.hold(listed)
        here.fault(
            "error", "DELETE", listed[0]["subscription_id"], status=409, code="Conflict", message="Busy.", times=None
        )
        outcome = here.run(tenants=listed, state="absent")
        assert counted(outcome) == {"removed": 3, "failed": 1} and here.locked
        assert outcome["failures"][0]["code"] == "Conflict" and "Busy" in outcome["failures"][0]["message"]
        assert outcome["failures"][0]["action"] == "remove"

    def test_a_lock_of_the_group(self, provider: Make) -> None:
        here, listed = provider(), tenants(4)
        here.hold(listed)
        group = here.id.split("/providers/")[0]
        here.simulator.do("add-lock", scope=group, name="others")
        try:
            outcome = here.run(tenants=listed, state="absent", in_flight=1)
            failed(outcome, "resource_locked", "1 failed, 3 not tried", "others put on the group")
        finally:
            here.simulator.do("delete-lock", scope=group, name="others")
        assert here.mapped == pairs(listed) and here.locked

    def test_a_lock_that_may_not_be_lifted(self, provider: Make) -> None:
        here, listed = provider(), tenants(4)
        here.hold(listed)
        more = tenants(1)
        outcome = here.run(tenants=[*listed[:3], *more], exact=True, **here.account("lockless"))
        failed(outcome, "missing_rights", "Microsoft.Authorization/locks/read", "1 created, 3 unchanged, 1 not tried")
        assert here.mapped == pairs([*listed, *more])
        assert ids(outcome["created"]) == ids(more) and ids(outcome["not_tried"]) == ids(listed[3:])

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_an_interruption_brings_the_lock_back(self, provider: Make, number: signal.Signals) -> None:
        here, listed = provider(), tenants(40)
        here.hold(listed)
        here.fault("hang", "DELETE", "customerSubscriptions/[^/]+", times=None, after=10)
        mark = here.simulator.mark()
        running = here.start({"tenants": listed, "state": "absent", "in_flight": 4})
        hung = 0
        while hung < 4:
            entry = here.simulator.wait_for(mark, service="arm", method="DELETE", status=None)
            mark, hung = entry["n"], hung + 1
        running.send(number)
        outcome = running.wait()
        failed(outcome, "interrupted", "10 removed", "30 not tried")
        assert here.locked and len(here.mapped) == 30
        here.simulator.clear_faults()
        assert counted(here.run(tenants=listed, state="absent")) == {"removed": 30, "unchanged": 10}
        assert here.locked and here.mapped == {}

    def test_a_kill_while_the_lock_is_lifted(self, provider: Make) -> None:
        here, listed = provider(), tenants(20)
        here.hold(listed)
        here.fault("hang", "DELETE", "customerSubscriptions/[^/]+", times=None, after=10)
        mark = here.simulator.mark()
        running = here.start({"tenants": listed, "state": "absent", "in_flight": 1})
        here.simulator.wait_for(mark, service="arm", method="DELETE", status=None)
        running.kill()
        assert not here.locked and len(here.mapped) == 10
        here.simulator.clear_faults()
        assert counted(here.run(tenants=listed, state="absent")) == {"removed": 10, "unchanged": 10}
        assert here.locked and here.mapped == {}


class TestInput:
    """What is refused before anything is asked."""

    @pytest.mark.parametrize(
        ("options", "kind", "parts"),
        first_of(
            [
                (
                    {
                        "tenants": [
                            {"subscription_id": guid(50), "tenant_id": guid(60)},
                            {"subscription_id": guid(51), "tenant_id": guid(60)},
                        ]
                    },
                    "several_subscriptions_of_a_tenant",
                    ("entry 1", "entry 2", "overwrites"),
                ),
                (
                    {
                        "tenants": [
                            {"subscription_id": guid(50), "tenant_id": guid(60)},
                            {"subscription_id": guid(50), "tenant_id": guid(61)},
                        ]
                    },
                    "bad_input",
                    ("two tenants", "entry 2"),
                ),
                ({"tenants": [{"subscription": "x"}]}, "bad_input", ("unknown keys: subscription",)),
                (
                    {"tenants": [{"subscription_id": guid(50), "stamps": "edge-10"}], "known_stamps": ["edge-01"]},
                    "bad_input",
                    ("edge-10", "inventory"),
                ),
                ({"tenants_file": "/nowhere/tenants.csv"}, "bad_tenant_list", ("/nowhere/tenants.csv",)),
                ({"tenants": [], "exact": True, "state": "absent"}, "bad_input", ("exact needs state present",)),
                ({}, "bad_input", ("which tenants", "azs_tenants_file")),
                (
                    {"tenants": [], "registration_id": None},
                    "bad_input",
                    ("which registration", "azs_registration_name"),
                ),
                ({"tenants": [], "in_flight": 65}, "bad_input", ("from 1 to 64",)),
            ]
        ),
    )
    def test_refused(self, provider: Make, options: dict[str, t.Any], kind: str, parts: tuple[str, ...]) -> None:
        here = provider()
        outcome = here.run(**options)
        assert outcome.kind == kind
        for part in parts:
            assert part in outcome.message
        assert here.log() == []

    def test_a_second_subscription_that_only_azure_shows(self, provider: Make) -> None:
        here, (held,) = provider(), tenants(1)
        here.hold([held])
        outcome = here.run(
            tenants=[held["subscription_id"], {"subscription_id": guid(), "tenant_id": held["tenant_id"]}]
        )
        failed(outcome, "several_subscriptions_of_a_tenant", "entry 1", "entry 2", "Nothing was changed")
        assert here.requests() == ["GET list"]

    def test_repeated_entries(self, provider: Make) -> None:
        here, listed = provider(), tenants(3)
        outcome = here.run(tenants=[*listed, *listed, listed[0]["subscription_id"]])
        assert counted(outcome) == {"created": 3, "repeated": 4}

    def test_the_part_of_a_stamp(self, provider: Make) -> None:
        here, listed = provider(), tenants(4)
        listed[0]["stamps"], listed[1]["stamps"], listed[2]["stamps"] = "edge-01", "edge-02", "north;east"
        lines = [";".join(("CustomerId", "CustomerName", "EntitlementId", "Stamps"))]
        lines += [
            ";".join((one["tenant_id"], "C", one["subscription_id"], f'"{one.get("stamps", "")}"')) for one in listed
        ]
        lines += [f"{guid()};Without Azure;;"]
        options = {"stamp_names": ["Edge-01", "NORTH"], "known_stamps": ["edge-01", "edge-02", "north", "east"]}
        outcome = here.run(tenants_file=here.file("\n".join(lines), "usage.csv"), **options)
        assert counted(outcome) == {"created": 3, "of_other_stamps": 1}
        assert here.mapped == pairs([listed[0], *listed[2:]])
        assert "1 lines" in outcome.warnings[0]


class TestPlace:
    """Which registration is meant."""

    def test_by_name_and_by_cloud_id(self, provider: Make) -> None:
        here, listed = provider(), tenants(2)
        name = here.id.rpartition("/")[2]
        assert here.run(tenants=listed, registration_id=None, name=name).changed
        here.requests()
        outcome = here.run(tenants=listed, registration_id=None, cloud_id=here.cloud_id.upper())
        assert not outcome.changed and outcome["registration"]["id"] == here.id
        assert here.requests() == ["GET registrations", "GET list"]

    def test_no_registration(self, provider: Make) -> None:
        here = provider()
        failed_by_name = here.run(tenants=tenants(2), registration_id=None, name="nowhere")
        assert failed_by_name.kind == "registration_not_found"
        outcome = here.run(tenants=tenants(2), registration_id=None, cloud_id=guid())
        assert outcome.kind == "registration_not_found" and "No registration of the stamp" in outcome.message

    def test_several_registrations(self, provider: Make) -> None:
        here = provider()
        here.simulator.do("expire-registration", stamp=here.stamp)
        (other,) = here.simulator.do("add-registration", cloud_id=here.cloud_id, name=f"second-{here.stamp}")
        here.simulator.do("expire-registration", stamp=here.stamp, days=30)  # both are living
        outcome = here.run(tenants=tenants(2), registration_id=None, cloud_id=here.cloud_id)
        failed(outcome, "several_registrations", other, here.id)

    @pytest.mark.parametrize("name", ["aaa", "zzz"])
    def test_of_several_registrations_the_living_one_is_meant(self, provider: Make, name: str) -> None:
        """Kind: which registration is meant, answered by the order of Azure's list."""
        here = provider()
        here.simulator.do("expire-registration", stamp=here.stamp)
        (other,) = here.simulator.do("add-registration", cloud_id=here.cloud_id, name=f"{name}-{here.stamp}")
        outcome = here.run(tenants=tenants(2), registration_id=None, cloud_id=here.cloud_id)
        assert outcome.changed and outcome["registration"]["id"] == other

    def test_the_metadata_are_handed_on(self, provider: Make) -> None:
        here, listed = provider(), tenants(2)
        cloud = here.run(tenants=listed)["cloud"]
        here.log()
        assert not here.run(tenants=listed, cloud_metadata=cloud).changed
        assert [entry["path"].rpartition("/")[2] for entry in here.log() if entry["service"] == "arm"] == [
            "customerSubscriptions"
        ]


class TestFailures:
    """What Azure refuses."""

    def test_one_mistyped_subscription_among_many(self, provider: Make) -> None:
        here, listed = provider(page_size=1000), tenants(500, name="Customer")
        bad = listed[123]
        here.fault(
            "error",
            "PUT",
            bad["subscription_id"],
            times=None,
            status=400,
            code="InvalidCSPSubscription",
            message="Not a CSP subscription.",
        )
        outcome = here.run(tenants=listed)
        failed(
            outcome,
            "not_a_csp_subscription",
            "1 of 500",
            f"{bad['subscription_id']} (Customer 123)",
            "mistyped",
            "A repeated run",
        )
        assert outcome["changed"] is True and counted(outcome) == {"created": 499, "failed": 1}
        (failure,) = outcome["failures"]
        assert (
            failure["name"] == "Customer 123" and failure["code"] == "InvalidCSPSubscription" and failure["request_id"]
        )
        assert failure["cause"] and failure["remedy"] and failure["action"] == "create"
        assert len(here.mapped) == 499
        here.log()
        again = here.run(tenants=listed)
        assert again.kind == "not_a_csp_subscription" and again["changed"] is False
        assert here.counts() == {"GET list": 1, "PUT mapping": 1}

    def test_every_reason_of_its_own(self, provider: Make) -> None:
        here = provider("strict")
        outcome = here.run(tenants=[KNOWN[0], NO_CSP, OTHERS, guid(), "mistyped", KNOWN[1]])
        failed(outcome, "tenant_mappings_failed", "4 of 6")
        kinds = collections.Counter(failure["kind"] for failure in outcome["failures"])
        assert kinds == {"not_a_csp_subscription": 1, "tenant_of_another_partner": 1, "tenant_subscription_invalid": 2}
        assert outcome["error"]["details"]["kinds"] == dict(kinds)
        assert all(failure["cause"] and failure["remedy"] for failure in outcome["failures"])
        assert set(here.mapped) == {KNOWN[0], KNOWN[1]}

    @pytest.mark.parametrize(
        ("stamp", "kind", "remedy"),
        [
            ("capacity", "tenants_need_pay_as_you_use", "billing model"),
            ("unapproved", "registration_not_multi_tenant", "Microsoft support"),
        ],
    )
    def test_a_registration_that_takes_no_tenants(self, provider: Make, stamp: str, kind: str, remedy: str) -> None:
        here, listed = provider(stamp), tenants(100)
        outcome = here.run(tenants=listed)
        failed(outcome, kind, remedy, "of 100 tenant mappings", "1 failed, 99 not tried")
        assert outcome["changed"] is False and len(outcome["not_tried"]) == 99
        assert here.counts()["PUT mapping"] == 1, "the others would fail just the same"
        if stamp == "capacity":
            foretold = here.run(tenants=listed, check=True)
            failed(foretold, kind, remedy, "of 100 tenant mappings", "1 failed, 99 not tried")
            assert here.counts().get("PUT mapping", 0) == 0

    @pytest.mark.parametrize("check", [False, True])
    def test_a_registration_that_takes_no_tenants_is_left_out_of_what_is_meant_for_all(
        self, provider: Make, check: bool
    ) -> None:
        here = provider("capacity")
        outcome = here.run(tenants=tenants(3), stamp_names=["capacity", "azs_stamps"], check=check)
        assert not outcome.changed
        assert "takes no tenants" in outcome["msg"] and "takes no tenants" in outcome.warnings[0]
        named = [{"subscription_id": guid(), "stamps": ["capacity"]}]
        failed(
            here.run(tenants=named, stamp_names=["capacity"], check=check),
            "tenants_need_pay_as_you_use",
            "billing model",
        )

    def test_missing_rights(self, provider: Make) -> None:
        here = provider()
        outcome = here.run(tenants=tenants(50), **here.account("reader"))
        failed(outcome, "missing_rights", "customerSubscriptions/write", "49 not tried")
        assert here.counts()["PUT mapping"] == 1
        foretold = here.run(tenants=tenants(50), check=True, **here.account("reader"))
        failed(foretold, "missing_rights", "customerSubscriptions/write", "49 not tried")
        assert here.counts().get("PUT mapping", 0) == 0

    def test_an_upstream_fault_passes(self, provider: Make) -> None:
        here, listed = provider(), tenants(30)
        here.fault("error", "PUT", times=3, status=502, code="MetadataResolverBadGatewayError", message="Upstream.")
        assert here.run(tenants=listed).changed and here.mapped == pairs(listed)

    def test_a_mapping_that_is_gone_meanwhile(self, provider: Make) -> None:
        here, listed = provider(), tenants(3)
        here.hold(listed)
        here.fault(
            "error",
            "DELETE",
            listed[0]["subscription_id"],
            status=404,
            code="CustomerSubscriptionNotFound",
            message="No.",
        )
        assert counted(here.run(tenants=listed, state="absent")) == {"removed": 3}

    def test_a_service_that_does_nothing_but_fail_is_given_up(self, provider: Make) -> None:
        here, listed = provider(), tenants(200)
        here.hold(tenants(1))
        here.fault(
            "error",
            "PUT",
            times=None,
            status=500,
            code="InternalServerError",
            message="Oops.",
            headers={"Retry-After": "0"},
        )
        outcome = here.run(tenants=listed, in_flight=8)
        failed_ = counted(outcome)
        assert failed_["failed"] < 40 and failed_["not_tried"] == 200 - failed_["failed"] and "Oops" in outcome.message

    def test_the_list_cannot_be_read(self, provider: Make) -> None:
        here = provider()
        here.fault("error", "GET", "customerSubscriptions", status=404, code="RegistrationNotFound", message="No.")
        outcome = here.run(tenants=tenants(2))
        assert outcome.kind == "registration_not_found" and "counts" not in outcome.result


@pytest.mark.deep
class TestLongRuns:
    """Access tokens, kills, and the rate limit."""

    def test_tokens_are_renewed(self, provider: Make) -> None:
        here, listed = provider(token_lifetime=3, latency={"arm": 0.02}), tenants(400)
        here.log()
        assert here.run(tenants=listed, in_flight=2).changed
        entries = here.log()
        tokens = [entry for entry in entries if entry["service"] == "login" and entry["method"] == "POST"]
        refused = [entry for entry in entries if entry["status"] == 401]
        assert refused == [] and here.mapped == pairs(listed)
        assert 2 <= len(tokens) <= 2 + (entries[-1]["at"] - entries[0]["at"]) / 1.5, (
            "each is used for two thirds of its life"
        )

    def test_a_token_that_ends_before_its_time(self, provider: Make) -> None:
        here, listed = provider(), tenants(60)
        here.fault("error", "PUT", times=3, after=20, status=401, code="ExpiredAuthenticationToken", message="Expired.")
        assert here.run(tenants=listed).changed and here.mapped == pairs(listed)
        tokens = [entry for entry in here.log() if entry["service"] == "login" and entry["method"] == "POST"]
        assert len(tokens) >= 2

    @pytest.mark.parametrize("challenge", [None, "one", "two"])
    def test_refused_tokens_in_the_middle_fail_no_mapping(self, provider: Make, challenge: str | None) -> None:
        here, listed = provider(latency={"arm": 0.02}), tenants(300)
        waves = 2 if challenge == "two" else 1
        for number in range(waves):
            claims = base64.urlsafe_b64encode(
                json.dumps({"access_token": {"nbf": {"value": str(number)}}}).encode()
            ).decode()
            headers = (
                {"WWW-Authenticate": f'Bearer error="insufficient_claims", claims="{claims}"'} if challenge else {}
            )
            here.fault(
                "error",
                "PUT",
                times=16,
                after=100 * (number + 1),
                status=401,
                code="AuthenticationFailed",
                message="No.",
                headers=headers,
            )
        here.log()
        outcome = here.run(tenants=listed)
        assert not outcome.failed, outcome.message
        assert here.mapped == pairs(listed)
        entries = here.log()
        refused = [entry for entry in entries if entry["status"] == 401]
        tokens = [entry for entry in entries if entry["service"] == "login" and entry["method"] == "POST"]
        assert len(refused) == 16 * waves and len(tokens) <= 1 + 2 * waves

    def test_killed_half_way(self, provider: Make) -> None:
        here, listed = provider(page_size=1000), tenants(300)
        here.fault("hang", "PUT", times=None, after=150)
        mark = here.simulator.mark()
        running = here.start({"tenants": listed})
        here.simulator.wait_for(mark, seconds=60, service="arm", method="PUT", status=None)
        running.kill()
        done = len(here.mapped)
        assert 100 <= done < 300
        here.simulator.clear_faults()
        here.log()
        outcome = here.run(tenants=listed)
        assert counted(outcome) == {"created": 300 - done, "unchanged": done}
        assert here.counts() == {"GET list": 1, "PUT mapping": 300 - done} and here.mapped == pairs(listed)

    @pytest.mark.parametrize("limit", [1, 5, 16])
    def test_never_more_in_flight_than_allowed(self, provider: Make, limit: int) -> None:
        # An answer takes long enough for the last one of a wave to be sent before the first one is answered, on a slow machine too.
        here = provider(latency={"arm": 0.05 * limit})
        here.log()
        here.run(tenants=tenants(40), in_flight=limit)
        puts = [entry for entry in here.log() if entry.get("method") == "PUT"]
        assert len(puts) == 40 and in_flight(puts) == limit

    @pytest.mark.parametrize("settings", [{"writes_per_second": 10}, {"writes_per_second": 10, "write_burst": 20}])
    def test_a_throttled_server(self, provider: Make, settings: dict[str, float]) -> None:
        here, listed = provider(**settings), tenants(60)
        outcome = here.run(tenants=listed)
        assert outcome.changed and here.mapped == pairs(listed)
        statuses = [entry["status"] for entry in here.log() if entry.get("method") == "PUT"]
        assert statuses.count(429) <= 0.05 * len(statuses) and statuses.count(429) == outcome["counts"]["throttled"]

    def test_removals_are_throttled_too(self, provider: Make) -> None:
        here, listed = provider(writes_per_second=10), tenants(20)
        here.hold(listed)
        outcome = here.run(tenants=listed, state="absent")
        assert outcome.changed and here.mapped == {} and here.locked and outcome["counts"]["throttled"] <= 2

    def test_a_limit_that_nobody_tells_of(self, provider: Make) -> None:
        here, listed = provider(), tenants(60)
        here.fault(
            "error",
            "PUT",
            times=3,
            after=10,
            status=429,
            code="TooManyRequests",
            message="Slow down.",
            headers={"Retry-After": "1"},
        )
        outcome = here.run(tenants=listed)
        assert outcome.changed and here.mapped == pairs(listed) and outcome["counts"]["throttled"] == 3

    def test_a_limit_that_takes_too_long(self, provider: Make) -> None:
        here, listed = provider(), tenants(30)
        here.fault(
            "error",
            "PUT",
            times=None,
            after=10,
            status=429,
            code="SubscriptionRequestsThrottled",
            message="Too many.",
            headers={"Retry-After": "3600"},
        )
        outcome = here.run(tenants=listed)
        failed(outcome, "throttled", "3600 s", "continues where this one stopped")
        counts = counted(outcome)
        assert counts["created"] == len(here.mapped) >= 10
        assert counts["not_tried"] == 30 - counts["created"] and "failed" not in counts
        here.simulator.clear_faults()
        assert counted(here.run(tenants=listed)) == {"created": 30 - counts["created"], "unchanged": counts["created"]}


@pytest.mark.deep
class TestScale:
    """Ten thousand entries."""

    def test_planning_is_cheap_and_linear(self, provider: Make) -> None:
        here, listed = provider(), tenants(10_000, name="Customer")
        here.hold(listed)
        costs = [here.measure(tenants_file=here.file(listed[:count]), check=True) for count in (100, 5000, 10_000)]
        assert [cost.outcome["counts"]["unchanged"] for cost in costs] == [100, 5000, 10_000]
        assert costs[-1].cpu < 2.0
        for cost in costs:
            assert len(cost.outcome.stdout) < 10_000
        here.simulator.do("unmap-customers", stamp=here.stamp)
        empty = here.measure(tenants_file=here.file(listed[:100]), check=True)
        assert costs[-1].megabytes - empty.megabytes < 100
        assert costs[2].megabytes - costs[1].megabytes < 1.5 * max(8, costs[1].megabytes - empty.megabytes)

    def test_ten_thousand_changes_stay_readable(self, provider: Make) -> None:
        here, listed = provider(page_size=1000), tenants(10_000)
        here.hold(tenants(10))
        outcome = here.run(tenants_file=here.file(listed), check=True, diff=True)
        assert counted(outcome) == {"created": 10_000}
        assert len(outcome.stdout) < 500_000
        assert outcome["not_shown"]["created"] == 10_000 - len(outcome["created"])
        assert (
            outcome["diff"]["prepared"].startswith("tenant mappings of ")
            and "10000 created" in outcome["diff"]["prepared"]
        )

    def test_the_list_is_never_echoed(self, provider: Make) -> None:
        here, listed = provider(), tenants(300)
        here.hold(listed)
        for more in ([], [{"subscription_id": "bad"}], [{"subscription": "unknown key"}]):
            outcome = here.run(tenants=[*listed, *more])
            assert not any(entry["subscription_id"] in outcome.printed for entry in listed)
        assert "300 entries, not shown" in json.dumps(here.run(tenants=listed)["invocation"])


@pytest.mark.deep
def test_with_the_oldest_libraries(provider: Make) -> None:
    here, listed, old = provider(), tenants(40), oldest_libraries()
    assert counted(here.run(tenants=listed, environment=old)) == {"created": 40}
    assert not here.run(tenants=listed, environment=old, exact=True).changed
    here.fault("error", "DELETE", times=1, after=3, status=401, code="ExpiredAuthenticationToken", message="Expired.")
    outcome = here.run(tenants=listed[:30], environment=old, state="absent")
    assert counted(outcome) == {"removed": 30} and here.locked and here.mapped == pairs(listed[30:])
