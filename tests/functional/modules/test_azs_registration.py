# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_registration against a simulated Azure: what it asks, what it changes, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import pathlib
import signal
import typing as t

import pytest
from cryptography.fernet import Fernet
from processes import Outcome
from simulated_azure import (
    FIRST,
    LOOK,
    OTHER_TENANT,
    Registrar,
    azure_simulator,
    oldest_libraries,
    registrar,
    registrar_numbers,
)
from tables import first_of

from azs_simulator.client import Simulator

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
PLAN = [*LOOK, "GET rights", "GET locks"]
"""What check mode asks when something differs."""
AGAIN = [*PLAN, "DELETE lock", "PUT R", "PUT lock"]
"""What registering again asks when something differs."""


def foreseen(token: dict[str, t.Any]) -> dict[str, t.Any]:
    """The hidden option that tells which token earlier tasks would have made."""
    return {"_azs": {"foreseen": {"registration_token": token}}}


def same_prediction(predicted: Outcome, real: Outcome) -> None:
    """Check that check mode said what the real run then did."""
    for name in ("changed", "diff", "registration", "lock", "differences", "not_compared", "adopted", "actions"):
        assert predicted[name] == real[name], name


def answers(outcome: Outcome, kind: str, *parts: str) -> None:
    """Check that a message says what failed, why and what to do next, and holds `parts`."""
    assert outcome.kind == kind, outcome.message
    for part in parts:
        assert part in outcome.message
    for question in ("message", "cause", "remedy"):
        assert outcome["error"][question], outcome.message


class TestFirstRun:
    """A subscription that has never seen a registration."""

    def test_everything_that_is_missing_is_made(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register()
        assert outcome.changed
        assert here.requests() == FIRST
        assert outcome["actions"] == ["register_provider", "create_resource_group", "register", "put_lock"]
        assert outcome["registration"] == {
            "id": here.id,
            "name": f"azurestack-{here.cloud_id}",
            "resource_group": "azurestack",
            "subscription_id": here.subscription_id,
            "cloud_id": here.cloud_id,
            "billing_model": "Capacity",
            "marketplace_syndication": False,
            "usage_reporting": False,
            "bridge_principal": None,
            "expires": None,
        }
        assert outcome["lock"] == {"name": "RegistrationResourceLock", "level": "CanNotDelete", "changed": True}
        assert outcome["diff"]["before"] == {}
        assert outcome["diff"]["after"]["lock"] == "CanNotDelete"
        assert not outcome["adopted"]
        assert "exported_key" not in outcome.result
        assert here.locked()

    def test_check_mode_predicts_it_and_only_reads(self, registrar: Make) -> None:
        here = registrar()
        predicted = here.register(check=True)
        assert here.requests() == FIRST[:6]
        assert here.registration() is None
        same_prediction(predicted, here.register())

    def test_an_existing_group_is_left_alone(self, registrar: Make) -> None:
        here = registrar()
        here.simulator.do("add-registration", group="AzureStack", subscription=here.subscription_id)
        here.requests()
        outcome = here.register()
        assert outcome["actions"] == ["register", "put_lock"]
        assert here.requests() == [*FIRST[:3], "GET locks", "PUT R", "PUT lock"], (
            "rights and existence of the group in one request"
        )

    def test_a_slow_provider_is_waited_for_without_asking_it(self, registrar: Make, azure_simulator: Simulator) -> None:
        here = registrar()
        azure_simulator.settings(provider_registration=1.5)
        try:
            assert here.register().changed
        finally:
            azure_simulator.settings(provider_registration=0.2)
        asked = here.requests()
        assert asked[:8] == FIRST[:8]
        assert set(asked[8:-1]) == {"PUT R"}
        assert 2 <= len(asked[8:-1]) <= 4
        assert here.locked()

    def test_a_provider_that_never_comes_ends_in_an_error(self, registrar: Make, azure_simulator: Simulator) -> None:
        here = registrar()
        azure_simulator.settings(provider_registration=3600)
        try:
            outcome = here.register(provider_timeout=1)
        finally:
            azure_simulator.settings(provider_registration=0.2)
        answers(outcome, "provider_not_registered", "it was waited for", "Wait some minutes and run again")
        assert here.requests()[-1] == "PUT R"

    def test_a_listing_that_hides_the_missing_provider(self, registrar: Make, azure_simulator: Simulator) -> None:
        here = registrar()
        azure_simulator.do("add-registration", subscription=here.subscription_id)
        here.fault(
            "error",
            "PUT",
            r"registrations/azurestack-[^/]+",
            status=409,
            code="MissingSubscriptionRegistration",
            message="The subscription is not registered to use namespace 'Microsoft.AzureStack'.",
        )
        here.requests()
        outcome = here.register()
        assert outcome["actions"] == ["register_provider", "register", "put_lock"]
        assert here.requests()[4:] == ["PUT R", "POST provider", "PUT R", "PUT lock"]

    def test_names_of_the_operators_choice(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(name="north", resource_group="stamps")
        assert outcome["registration"]["id"] == here.id_of("north", "stamps")
        assert not here.register(name="NORTH", resource_group="Stamps").changed
        assert not here.register(name="north").changed

    def test_a_cloud_without_default_location_asks_for_one(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(location=None)
        answers(outcome, "bad_input", "The resource group azurestack does not exist", "Set location")
        assert here.requests() == ["GET metadata", "GET list", "GET rights", "GET rights", "GET locks"]

    def test_an_unknown_location_shows_the_known_ones(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(location="atlantis")
        answers(outcome, "unknown_location", "atlantis", "westeurope")

    def test_the_registration_role_is_enough(self, registrar: Make) -> None:
        here = registrar()
        here.azure |= here.account("least")
        assert here.register().changed
        assert not here.register().changed
        assert here.remove(cloud_id=here.cloud_id).changed

    def test_no_secret_is_printed(self, registrar: Make) -> None:
        here = registrar()
        token = here.mint()
        outcome = here.run("azs_registration", here.options(token), diff=True)
        assert outcome.changed
        for secret in (token, here.azure["secret"]):
            assert secret not in outcome.printed

    def test_what_the_cloud_said_saves_asking_again(self, registrar: Make) -> None:
        here = registrar()
        cloud = here.register()["cloud"]
        here.requests()
        assert not here.register(cloud_metadata=cloud).changed
        assert here.requests() == LOOK[1:]


class TestSecondRun:
    """A stamp that is registered."""

    @pytest.mark.parametrize(("kind", "untold"), [("stamp", ["asset_tag"]), ("telling", [])])
    def test_nothing_to_do(self, registrar: Make, kind: str, untold: list[str]) -> None:
        here = registrar(kind)
        here.register()
        here.requests()
        outcome = here.register()  # with another token of the same contents
        assert not outcome.changed
        assert here.requests() == LOOK
        assert outcome["diff"]["before"] == outcome["diff"]["after"]
        assert outcome["registration"]["expires"] == "9999-12-30T23:59:59Z"
        assert outcome["not_compared"] == [*untold, "bridge_principal"]

    def test_another_agreement_number_is_found_and_registered(self, registrar: Make) -> None:
        """A part of the token that only the key tells: billed wrongly until somebody compares it."""
        here = registrar()
        here.register()
        token = here.mint(AgreementNumber="9999999")
        predicted = here.register(token, check=True)
        assert predicted.changed
        assert [(one["field"], one["read_from"]) for one in predicted["differences"]] == [
            ("agreement_number", "activation_key")
        ]
        outcome = here.register(token)
        assert outcome["differences"] == predicted["differences"]
        assert not here.register(token).changed

    def test_a_known_id_saves_the_search(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.requests()
        assert not here.register(registration_id=here.id.upper()).changed
        assert here.requests() == ["GET metadata", "GET R", "GET lock", "POST key"]

    def test_a_hint_that_is_gone_leads_to_the_search(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.requests()
        assert not here.register(registration_hint=here.id_of("gone")).changed
        assert here.requests() == ["GET metadata", "GET R", "GET list", "GET lock", "POST key"]

    def test_a_hint_that_is_empty_in_another_subscription_is_not_believed(self, registrar: Make) -> None:
        here, other = registrar(), registrar()
        here.register()
        assert not here.register(registration_hint=other.id).changed

    def test_ids_and_names_without_letter_case(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="Alpha", resource_group="Group")
        outcome = here.register(name="ALPHA", resource_group="gROUP", cloud_id=here.cloud_id.upper())
        assert not outcome.changed
        assert outcome["registration"]["name"] == "Alpha"

    @pytest.mark.parametrize(
        ("claims", "field", "wanted", "found", "source"),
        first_of(
            [
                ({"billingModel": "Development"}, "billing_model", "Capacity", "Development", "registration"),
                ({"usageReportingEnabled": True}, "usage_reporting", False, True, "activation_key"),
                ({"marketplaceSyndicationEnabled": True}, "marketplace_syndication", False, True, "activation_key"),
            ]
        ),
    )
    def test_a_differing_field_is_found_and_repaired(
        self, registrar: Make, claims: dict[str, t.Any], field: str, wanted: t.Any, found: t.Any, source: str
    ) -> None:
        here = registrar()
        here.register()
        here.simulator.do("edit-registration", stamp=here.stamp, claims=claims)
        here.requests()
        predicted = here.register(check=True)
        assert here.requests() == PLAN
        assert predicted["differences"] == [{"field": field, "wanted": wanted, "found": found, "read_from": source}]
        outcome = here.register()
        assert here.requests() == AGAIN
        same_prediction(predicted, outcome)
        assert outcome["diff"]["before"][field] == found
        assert outcome["diff"]["after"][field] == wanted
        assert here.locked()
        assert not here.register().changed

    def test_a_principal_of_another_token_is_a_difference(self, registrar: Make) -> None:
        here = registrar()
        principal = "2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55"
        here.register()
        here.simulator.do("edit-registration", stamp=here.stamp, claims={"objectId": principal})
        # A token of a disconnected stamp names no principal: nothing to compare with.
        assert not here.register().changed

    def test_a_connected_stamps_registration_is_converted_only_when_told(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        connected = {
            "objectId": "2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55",
            "billingModel": "PayAsYouUse",
            "usageReportingEnabled": True,
            "marketplaceSyndicationEnabled": True,
        }
        here.simulator.do("edit-registration", stamp=here.stamp, claims=connected)
        here.requests()
        for check in (True, False):
            answers(
                here.register(check=check),
                "registration_of_connected_stamp",
                here.id,
                connected["objectId"],
                "billing_model, marketplace_syndication, usage_reporting",
                "group azs_connected",
                "azs_reregister",
                "Nothing was changed",
            )
            assert here.requests() == LOOK
        assert here.register(reregister=True).changed
        assert here.registration()["billing_model"] == "Capacity"

    def test_an_added_node_is_a_difference(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.simulator.do("set-stamp", stamp=here.stamp, nodes=3)
        outcome = here.register()
        (difference,) = outcome["differences"]
        assert difference["field"] == "hardware"
        assert (len(difference["wanted"]), len(difference["found"])) == (3, 2)
        assert not here.register().changed

    def test_a_missing_lock_is_put_and_nothing_else(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.simulator.do("delete-lock", stamp=here.stamp)
        here.requests()
        predicted = here.register(check=True)
        assert here.requests() == PLAN
        outcome = here.register()
        assert here.requests() == [*PLAN, "PUT lock"]
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["put_lock"]
        assert (outcome["diff"]["before"]["lock"], outcome["diff"]["after"]["lock"]) == (None, "CanNotDelete")
        assert here.locked()

    def test_reregister_sends_the_token_every_time(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.requests()
        predicted = here.register(reregister=True, check=True)
        assert here.requests() == PLAN
        outcome = here.register(reregister=True)
        assert here.requests() == AGAIN
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["lift_lock", "register", "put_lock"]
        assert outcome["differences"] == []

    def test_reregister_repairs_what_has_no_key(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("error", "POST", "/getactivationkey", times=None, status=409, code="Broken", message="No.")
        assert here.register().failed
        assert here.register(reregister=True).changed

    def test_an_expired_registration_is_warned_of(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.simulator.do("expire-registration", stamp=here.stamp)
        outcome = here.register()
        assert not outcome.changed
        assert "has expired" in outcome.warnings[0]


class TestAdoption:
    """A stamp that the vendor's script registered under a name of its own."""

    def test_another_name_and_group_are_adopted(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="AzureStackRegistration", resource_group="vendor")
        here.requests()
        outcome = here.register()
        assert not outcome.changed
        assert outcome["adopted"]
        assert outcome["registration"]["id"] == here.id_of("AzureStackRegistration", "vendor")
        assert here.requests() == LOOK

    def test_another_name_is_refused_before_a_lock_is_touched(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="AzureStackRegistration", resource_group="vendor")
        here.requests()
        for options in ({"name": "mine"}, {"name": "AzureStackRegistration", "resource_group": "mine"}):
            outcome = here.register(here.mint(UsageReportingEnabled=None), **options)
            answers(
                outcome,
                "registered_elsewhere",
                "AzureStackRegistration in resource group vendor",
                "azurestack.hub.connected_change",
                here.cloud_id,
            )
            assert outcome["error"]["details"] == {"registration_id": here.id_of("AzureStackRegistration", "vendor")}
            assert here.requests() == ["GET metadata", "GET list", "POST key"]
        assert here.locked()

    def test_a_name_that_another_stamp_has_is_refused(self, registrar: Make) -> None:
        other = registrar()
        other.register(name="north")
        here = registrar(beside=other)
        here.requests()
        outcome = here.register(name="NORTH")
        answers(outcome, "registration_of_another_stamp", "north", other.cloud_id, here.cloud_id, "Choose another name")
        assert here.requests() == ["GET metadata", "GET list"]
        assert other.locked()

    def test_a_known_id_of_another_stamp_is_refused(self, registrar: Make) -> None:
        other = registrar()
        other.register()
        outcome = registrar(beside=other).register(registration_id=other.id)
        answers(outcome, "registration_of_another_stamp", other.cloud_id)

    def test_a_stamp_of_another_subscription(self, registrar: Make) -> None:
        here, elsewhere = registrar(), registrar()
        here.register()
        here.requests()
        moved = {"subscription_id": elsewhere.subscription_id}
        outcome = here.register(registration_id=here.id, **moved)
        answers(outcome, "registered_elsewhere", here.subscription_id, "azurestack.hub.connected_change")
        assert here.requests() == ["GET metadata", "GET R"]
        outcome = here.register(**moved)  # nobody told where it is: Azure refuses
        answers(outcome, "cloud_id_already_registered", here.cloud_id, "azs_registration_info")

    def test_an_expired_registration_does_not_block_a_new_name(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="first-year")
        here.simulator.do("expire-registration", stamp=here.stamp)
        assert here.register(name="second-year")["actions"] == ["register", "put_lock"]
        here.requests()
        outcome = here.register()  # the one that has not expired
        assert not outcome.changed
        assert outcome["registration"]["name"] == "second-year"
        assert here.requests() == ["GET metadata", "GET list", "POST key", "POST key", "GET lock", "POST key"]

    def test_the_search_reads_all_pages(self, registrar: Make, azure_simulator: Simulator) -> None:
        here = registrar()
        azure_simulator.do("add-registration", count=7, subscription=here.subscription_id)
        here.register()
        here.requests()
        azure_simulator.settings(page_size=3)
        try:
            assert not here.register().changed
        finally:
            azure_simulator.settings(page_size=100)
        assert here.requests() == ["GET metadata", "GET list", "GET list", "GET list", "GET lock", "POST key"]


class TestProtection:
    """The lock comes back whatever happens."""

    def test_after_a_refused_registration(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault(
            "error",
            "PUT",
            "registrations/[^/]+",
            status=400,
            code="InvalidRegistrationToken",
            message="The registration token is malformed.",
        )
        here.requests()
        outcome = here.register(here.mint(TokenVersion="4.0"), reregister=True)
        answers(outcome, "malformed_token", here.cloud_id, "billing model Capacity", "token version 4.0")
        assert outcome["error"]["details"]["token"]["cloud_id"] == here.cloud_id
        assert here.requests() == AGAIN
        assert here.locked()

    @pytest.mark.deep
    @pytest.mark.parametrize("kind", ["drop", "drop_after"])
    def test_after_a_lost_answer(self, registrar: Make, kind: str) -> None:
        here = registrar()
        here.register()
        here.fault(kind, "PUT", "registrations/[^/]+", times=None)
        outcome = here.register(reregister=True)
        answers(outcome, "unreachable", "register the stamp")
        assert here.locked()

    @pytest.mark.deep
    def test_after_an_answer_that_trickles_in(self, registrar: Make) -> None:
        """A byte at a time is no answer, however long it goes on."""
        here = registrar()
        here.register()
        here.fault("trickle", "PUT", "registrations/[^/]+", times=None, seconds=0.2)
        outcome = here.register(reregister=True, arm_timeout=1)
        answers(outcome, "unreachable", "register the stamp", "not complete after 2 seconds")
        assert here.locked()

    @pytest.mark.deep
    def test_one_lost_answer_is_no_failure(self, registrar: Make) -> None:
        here = registrar()
        here.fault("drop_after", "PUT", "registrations/[^/]+")
        assert here.register().changed
        assert here.locked()

    @pytest.mark.deep
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_after_a_signal_in_the_middle(self, registrar: Make, number: signal.Signals) -> None:
        here = registrar()
        here.register()
        here.fault("hang", "PUT", "registrations/[^/]+")
        mark = here.simulator.mark()
        running = here.start("azs_registration", here.options(reregister=True))
        here.simulator.wait_for(mark, service="arm", method="PUT")
        assert not here.locked()
        running.send(number)
        outcome = running.wait()
        answers(outcome, "interrupted", number.name, "Run the same command again")
        assert here.locked()
        assert here.register(reregister=True).changed

    @pytest.mark.deep
    def test_after_a_signal_while_the_lock_is_lifted(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("hang", "DELETE", "locks/[^/]+")
        mark = here.simulator.mark()
        running = here.start("azs_registration", here.options(reregister=True))
        here.simulator.wait_for(mark, service="arm", method="DELETE")
        running.send(signal.SIGTERM)
        answers(running.wait(), "interrupted")
        assert here.locked()

    @pytest.mark.deep
    def test_a_signal_while_the_first_registration_is_made(self, registrar: Make) -> None:
        here = registrar()
        here.fault("hang", "PUT", "registrations/[^/]+")
        mark = here.simulator.mark()
        running = here.start("azs_registration", here.options())
        here.simulator.wait_for(mark, service="arm", method="PUT", path=here.id)
        running.send(signal.SIGTERM)
        answers(running.wait(), "interrupted")
        assert here.registration() is None
        assert here.register().changed

    @pytest.mark.deep
    def test_a_lock_that_cannot_be_put_back_is_shouted(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("error", "PUT", "registrations/[^/]+", status=400, code="Odd", message="First.")
        here.fault("error", "PUT", "locks/[^/]+", status=409, code="Odder", message="Second.")
        outcome = here.register(reregister=True)
        answers(
            outcome,
            "registration_unprotected",
            "First [Odd]",
            "Second [Odder]",
            "is not protected by its lock now",
            "RegistrationResourceLock",
        )
        assert not here.locked()
        assert here.register()["actions"] == ["put_lock"]

    @pytest.mark.deep
    def test_an_old_role_without_lock_actions(self, registrar: Make) -> None:
        here = registrar()
        here.azure |= here.account("lockless")
        outcome = here.register()
        answers(outcome, "missing_rights", "Microsoft.Authorization/locks/write", "Nothing was changed")
        assert here.requests() == FIRST[:6]
        outcome = here.register(preflight=False)
        answers(
            outcome,
            "registration_unprotected",
            "Azure did register the stamp",
            "Microsoft.Authorization/locks/write",
            "Run the same command again",
        )
        answers(here.register(), "missing_rights", "lacks Microsoft.Authorization/locks/read on")

    @pytest.mark.deep
    def test_an_old_role_that_reads_locks_lifts_none(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        text = (
            "The client 'x' with object id 'y' does not have authorization to perform action "
            f"'Microsoft.Authorization/locks/delete' over scope '{here.id}' or the scope is invalid."
        )
        here.fault("error", "DELETE", "locks/[^/]+", status=403, code="AuthorizationFailed", message=text)
        here.requests()
        outcome = here.register(reregister=True)
        answers(outcome, "missing_rights", "lacks Microsoft.Authorization/locks/delete", "lift the lock")
        assert here.requests() == [*PLAN, "DELETE lock"]
        assert here.locked()

    @pytest.mark.deep
    def test_a_lock_of_somebody_else(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        scope = here.id.split("/providers/")[0]
        here.simulator.do("add-lock", scope=scope, name="theirs", level="ReadOnly")
        outcome = here.register(reregister=True)
        answers(outcome, "resource_locked", "theirs", scope, "Nothing was changed")
        here.simulator.do("delete-lock", scope=scope, name="theirs")


class TestTokens:
    """However the token comes."""

    def test_from_a_file_of_microsofts_tools(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        token = here.mint()
        file = tmp_path / "RegistrationToken.txt"
        wrapped = "\r\n".join(token[start : start + 76] for start in range(0, len(token), 76)) + " \r\n"
        file.write_bytes(b"\xff\xfe" + wrapped.encode("utf-16-le"))
        file.chmod(0o600)
        assert here.run("azs_registration", {"path": str(file), "location": here.location}).changed
        assert not here.register(token).changed

    def test_a_token_readable_by_others_is_warned_of(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        file = tmp_path / "token.txt"
        file.write_text(here.mint())
        file.chmod(0o644)
        outcome = here.run("azs_registration", {"path": str(file), "location": here.location})
        assert "can be read by others" in outcome.warnings[0]

    def test_an_opaque_token_needs_the_cloud_id_and_is_compared_by_nothing_else(self, registrar: Make) -> None:
        here = registrar("opaque")
        token = here.mint(TokenVersion="6.0")
        outcome = here.register(token)
        answers(outcome, "bad_input", "Set cloud_id to the stamp's cloud id")
        assert here.requests() == []
        assert here.register(token, cloud_id=here.cloud_id).changed
        outcome = here.register(token, cloud_id=here.cloud_id)
        assert not outcome.changed
        assert outcome["not_compared"] == [
            "agreement_number",
            "asset_tag",
            "billing_model",
            "marketplace_syndication",
            "usage_reporting",
            "bridge_principal",
            "hardware",
        ]

    def test_an_opaque_token_of_another_stamp_is_noticed(self, registrar: Make) -> None:
        here, other = registrar("opaque"), registrar()
        outcome = here.register(here.mint(TokenVersion="6.0"), cloud_id=other.cloud_id)
        answers(outcome, "token_of_another_stamp", here.cloud_id, other.cloud_id)

    def test_another_stamps_token_is_refused_before_anything_is_asked(self, registrar: Make) -> None:
        here, other = registrar(), registrar()
        outcome = here.register(other.mint(), cloud_id=here.cloud_id)
        answers(outcome, "token_of_another_stamp", here.cloud_id, other.cloud_id)
        assert here.requests() == []

    def test_a_cut_token_is_refused_before_anything_is_asked(self, registrar: Make) -> None:
        here = registrar()
        token = here.mint()
        answers(here.register(token[: len(token) // 2]), "truncated_token", "Copy the file again")
        assert here.requests() == []

    def test_a_decorated_token_is_refused_in_check_mode_too_whatever_cloud_id_is_set(
        self, registrar: Make, tmp_path: pathlib.Path
    ) -> None:
        here = registrar()
        file = tmp_path / "token.txt"
        for form, likeness in (('{{"token": "{}"}}', "JSON"), ("{0}\n{0}", "twice"), ("PS C:\\> {}", "prompt")):
            file.write_text(form.format(here.mint()))
            for check in (True, False):
                options = {"path": str(file), "location": here.location, "cloud_id": here.cloud_id}
                outcome = here.run("azs_registration", options, check=check)
                answers(outcome, "not_an_artifact", likeness, str(file))
                assert "cloud_id" not in outcome.message
        assert here.requests() == []

    def test_a_token_in_quotes_reaches_azure_without_them(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        (tmp_path / "token.txt").write_text(f'"{here.mint()}"')
        assert here.run("azs_registration", {"path": str(tmp_path / "token.txt"), "location": here.location}).changed

    def test_the_file_is_named_of_a_token_that_is_another_stamps(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here, other = registrar(), registrar()
        (tmp_path / "token.txt").write_text(other.mint())
        outcome = here.run("azs_registration", {"path": str(tmp_path / "token.txt"), "cloud_id": here.cloud_id})
        answers(outcome, "token_of_another_stamp", str(tmp_path / "token.txt"))

    def test_no_token_at_all(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        outcome = here.run("azs_registration")
        assert "Nothing says where the registration token lies" in outcome.message
        outcome = here.run("azs_registration", {"bundle": str(tmp_path), "stamp": here.stamp})
        assert outcome.kind == "missing_artifact"
        assert here.requests() == []

    def test_a_token_that_would_only_be_made(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        prediction = {
            "cloud_id": here.cloud_id,
            "billing_model": "Capacity",
            "marketplace_syndication": False,
            "usage_reporting": False,
            "token_version": "4.0",
            "bridge_principal": None,
            "sha256": None,
            "changed": True,
        }
        place = {"bundle": str(tmp_path), "stamp": here.stamp, "location": here.location}
        predicted = here.run("azs_registration", {**place, **foreseen(prediction)}, check=True)
        same_prediction(predicted, here.register())
        outcome = here.run("azs_registration", {**place, **foreseen(prediction)})
        assert outcome.kind == "missing_artifact"  # a prediction stands in for nothing outside check mode
        changed = {**prediction, "usage_reporting": True}
        predicted = here.run("azs_registration", {**place, **foreseen(changed)}, check=True)
        assert [difference["field"] for difference in predicted["differences"]] == ["usage_reporting"]

    def test_a_kept_token_is_read_in_check_mode_too(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        here.register()
        here.simulator.do("set-stamp", stamp=here.stamp, nodes=4)
        token = here.mint()
        file = tmp_path / "token.txt"
        file.write_text(token)
        file.chmod(0o600)
        kept = {"cloud_id": here.cloud_id, "sha256": hashlib.sha256(token.encode()).hexdigest(), "changed": False}
        outcome = here.run("azs_registration", {"path": str(file), **foreseen(kept)}, check=True)
        assert [difference["field"] for difference in outcome["differences"]] == ["hardware"]


class TestNamedAndNotThere:
    """What is named by the operator and is not there is never replaced by what is found."""

    @pytest.mark.parametrize(
        "named",
        first_of(
            [
                {"name": "typo"},
                {"name": "typo", "resource_group": "azurestack"},
                {"registration_id": "typo"},
                {"name": "north", "resource_group": "typo"},
            ]
        ),
    )
    def test_the_other_registration_stays(self, registrar: Make, named: dict[str, str]) -> None:
        here = registrar()
        here.register(name="north", resource_group="Stamps")
        if "registration_id" in named:
            named = {"registration_id": here.id_of("typo")}
        here.requests()
        for check in (True, False):
            refused = here.remove(cloud_id=here.cloud_id, check=check, **named)
            answers(refused, "named_registration_missing", here.id_of("north", "Stamps"))
        assert not [request for request in here.requests() if not request.startswith("GET")]
        assert here.locked()

    @pytest.mark.parametrize("by", ["name", "registration_id"])
    def test_one_that_the_stamp_itself_names_in_another_subscription_stays_too(self, registrar: Make, by: str) -> None:
        here, wrong = registrar(), registrar()
        here.register()
        options = {
            "cloud_id": here.cloud_id,
            "subscription_id": wrong.subscription_id,
            "registration_hint": here.id,
            by: "typo" if by == "name" else wrong.id_of("typo"),
        }
        for check in (True, False):
            answers(here.remove(check=check, **options), "named_registration_missing", here.id)
        here.simulator.do("delete-registration", stamp=here.stamp)  # what the stamp names is not there any more
        assert not here.remove(**options).changed

    def test_a_name_without_its_group_is_found_in_any(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="north", resource_group="Stamps")
        assert here.remove(cloud_id=here.cloud_id, name="north").changed

    def test_a_registration_id_is_not_registered_in_its_place(self, registrar: Make) -> None:
        here = registrar()
        answers(here.register(registration_id=here.id_of("typo")), "named_registration_missing", here.id_of("typo"))
        here.register()
        answers(here.register(registration_id=here.id_of("typo")), "named_registration_missing", here.id)

    def test_a_stamp_without_any_is_as_wanted(self, registrar: Make) -> None:
        here = registrar()
        assert not here.remove(cloud_id=here.cloud_id, name="gone").changed
        outcome = here.remove(name="gone")
        assert not outcome.changed and here.id_of("gone") in outcome.warnings[0]


@pytest.mark.deep
class TestForeignLocks:
    """A lock that somebody else put on forbids the run before anything is changed, in check mode too."""

    @pytest.mark.parametrize("at", ["", "/resourceGroups/azurestack", "R"])
    @pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
    def test_nothing_is_deleted(self, registrar: Make, at: str, level: str) -> None:
        here = registrar()
        here.register()
        scope = here.id if at == "R" else f"/subscriptions/{here.subscription_id}{at}"
        here.simulator.do("add-lock", scope=scope, name="of the auditors", level=level)
        here.requests()
        for check in (True, False):
            refused = here.remove(cloud_id=here.cloud_id, check=check)
            answers(refused, "resource_locked", "of the auditors", level, scope)
        assert not [request for request in here.requests() if not request.startswith("GET")]
        here.simulator.do("delete-lock", scope=scope, name="of the auditors")
        assert here.remove(cloud_id=here.cloud_id).changed

    def test_a_stamp_is_registered_under_one_that_only_forbids_deletions(self, registrar: Make) -> None:
        here = registrar()
        scope = f"/subscriptions/{here.subscription_id}"
        here.simulator.do("add-lock", scope=scope, name="keep", level="CanNotDelete")
        assert here.register().changed
        assert not here.register().changed

    @pytest.mark.parametrize(("setting", "refused"), [("own", False), ("any", True), ("none", False)])
    def test_whichever_locks_stop_registering_again_the_registration_stays_protected(
        self, registrar: Make, setting: str, refused: bool
    ) -> None:
        """Not published: whether a lock that only forbids deletions, and is inherited, stops Azure from registering again."""
        here = registrar()
        here.register()
        scope = f"/subscriptions/{here.subscription_id}"
        here.simulator.do("add-lock", scope=scope, name="keep", level="CanNotDelete")
        before = here.simulator.state()["settings"]["locked_writes"]
        here.simulator.settings(locked_writes=setting)
        try:
            outcome = here.register(reregister=True)
        finally:
            here.simulator.settings(locked_writes=before)
        if refused:
            answers(outcome, "resource_locked", scope)
        else:
            assert outcome.changed
        registration = here.registration()
        assert registration and registration["locks"] == ["CanNotDelete"] * 2  # its own, and the inherited one
        assert not here.register().changed

    def test_no_stamp_is_registered_in_a_read_only_group(self, registrar: Make) -> None:
        here = registrar()
        scope = f"/subscriptions/{here.subscription_id}"
        here.simulator.do("add-lock", scope=scope, name="frozen", level="ReadOnly")
        here.requests()
        for check in (True, False):
            answers(here.register(check=check), "resource_locked", "frozen", scope)
        assert not [request for request in here.requests() if not request.startswith("GET")]


class TestPrepared:
    """What is asked and made before a stamp is told to make a principal and a token."""

    def prepare(self, here: Registrar, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run azs_registration with state prepared for a connected stamp."""
        given = {
            "state": "prepared",
            "location": here.location,
            "cloud_id": here.cloud_id,
            "assign_role": True,
            "bridge_principal": "new",
            **options,
        }
        return here.run("azs_registration", given, check=check)

    def test_provider_and_group_are_made_and_nothing_else(self, registrar: Make) -> None:
        here = registrar()
        predicted = self.prepare(here, check=True)
        assert here.requests() == FIRST[:6]
        made = self.prepare(here)
        assert predicted["actions"] == made["actions"] == ["register_provider", "create_resource_group"]
        assert predicted["diff"] == made["diff"]
        assert here.registration() is None
        again = self.prepare(here)
        assert not again.changed
        here.requests()
        assert here.register().changed
        assert "PUT group" not in here.requests()

    @pytest.mark.parametrize(
        ("wrong", "kind", "said"),
        first_of(
            [
                ({"location": "nowhere"}, "unknown_location", "westcentralus"),
                ({"name": "taken"}, "registration_of_another_stamp", "taken"),
                ({"registration_hint": "elsewhere"}, "registered_elsewhere", "subscription"),
            ]
        ),
    )
    def test_what_azure_would_refuse_is_told(
        self, registrar: Make, wrong: dict[str, str], kind: str, said: str
    ) -> None:
        here = registrar()
        if "name" in wrong:
            registrar(beside=here).register(name="taken")
        if "registration_hint" in wrong:
            other = registrar()
            other.register(other.mint())
            wrong = {"registration_hint": other.id}
        here.requests()
        for check in (True, False):
            answers(self.prepare(here, check=check, **wrong), kind, said)
        assert not [request for request in here.requests() if not request.startswith("GET")]

    def test_missing_lock_rights_are_told(self, registrar: Make) -> None:
        here = registrar()
        refused = self.prepare(here, **here.account("lockless"))
        answers(refused, "missing_rights", "Microsoft.Authorization/locks/write")

    @pytest.mark.parametrize("cloud_id", [True, False])
    def test_a_provider_that_never_comes_is_the_same_error_twice(
        self, registrar: Make, azure_simulator: Simulator, cloud_id: bool
    ) -> None:
        here = registrar()
        azure_simulator.settings(provider_registration=3600.0)
        try:
            told = [
                self.prepare(here, provider_timeout=1, **({} if cloud_id else {"cloud_id": None})) for _time in (1, 2)
            ]
        finally:
            azure_simulator.settings(provider_registration=0.2)
        for outcome in told:
            answers(outcome, "provider_not_registered", "Registering", here.subscription_id)
        assert "PUT group" not in here.requests()

    def test_a_bundle_that_cannot_be_written_is_told(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        (tmp_path / "file").write_text("")
        refused = self.prepare(here, bundle=str(tmp_path / "file"), stamp=here.stamp)
        answers(refused, "unwritable_artifact", str(tmp_path / "file"))
        assert here.requests() == []

    @pytest.mark.parametrize("name", ["north", "AZURESTACK-{}"])
    def test_a_registration_that_is_deleted_before_is_in_nobodys_way(self, registrar: Make, name: str) -> None:
        here = registrar()
        here.register()
        there = {"name": name.format(here.cloud_id), "resource_group": "stamps"}
        answers(self.prepare(here, **there), "registered_elsewhere", "azurestack")
        prepared = self.prepare(here, **there, replaces=here.id.upper())
        assert prepared["actions"] == ["create_resource_group"]
        # Until it is deleted it is still there.
        answers(here.register(**there, replaces=here.id), "registered_elsewhere", "azurestack")
        here.remove(cloud_id=here.cloud_id)
        assert here.register(**there)["actions"] == ["register", "put_lock"]

    def test_a_registration_that_is_made_anew_in_its_place(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        assert not self.prepare(here, replaces=here.id).changed

    def test_only_what_is_prepared_can_have_a_principal_that_is_not_made_yet(self, registrar: Make) -> None:
        here = registrar()
        refused = here.register(bridge_principal="new")
        assert "not an object id" in refused.message
        assert here.requests() == []


def test_what_azure_does_not_know_yet_is_waited_for(registrar: Make, azure_simulator: Simulator) -> None:
    here = registrar()
    azure_simulator.settings(write_lag=0.8)
    try:
        assert here.register().changed
        assert here.export(replication_timeout=30).changed
    finally:
        azure_simulator.settings(write_lag=0.0)
    assert here.locked()
    assert not here.register().changed


class TestTheKey:
    """The activation key comes with the registration, in one process."""

    def test_it_is_exported_once(self, registrar: Make) -> None:
        here = registrar()
        predicted = here.register_bundled(check=True)
        assert here.requests() == FIRST[:6] and not here.key_file.exists()
        outcome = here.register_bundled()
        assert here.requests() == [*FIRST, "POST key"]
        assert (predicted.changed, predicted["diff"][0]) == (outcome.changed, outcome["diff"][0])
        for name in ("changed", "kept"):
            assert predicted["exported_key"][name] == outcome["exported_key"][name]
        for name in ("cloud_id", "billing_model", "registration_id", "path", "encrypted"):
            assert predicted["exported_key"]["key"][name] == outcome["exported_key"]["key"][name]
        assert here.key_file.read_text() not in outcome.printed
        again = here.register_bundled()
        assert here.requests() == LOOK and not again.changed and again["exported_key"]["kept"]
        here.key_file.unlink()
        again = here.register_bundled()
        assert again.changed and again["actions"] == [] and here.key_file.exists()

    def test_it_is_what_a_registration_says_now(self, registrar: Make) -> None:
        here = registrar()
        here.register_bundled()
        here.simulator.do("edit-registration", stamp=here.stamp, claims={"billingModel": "PayAsYouUse"})
        predicted = here.register_bundled(check=True)
        assert predicted["exported_key"]["key"]["billing_model"] == "Capacity"
        outcome = here.register_bundled()
        assert outcome.changed and outcome["exported_key"]["key"]["billing_model"] == "Capacity"

    def test_an_expired_one_is_not_taken_for_the_one_that_would_come(self, registrar: Make) -> None:
        here = registrar()
        here.register_bundled()
        here.simulator.do("expire-registration", stamp=here.stamp)
        assert here.register_bundled()["exported_key"]["key"]["expires"] is not None
        here.simulator.do("edit-registration", stamp=here.stamp, claims={"usageReportingEnabled": True})
        exported = here.register_bundled(check=True)["exported_key"]
        assert exported["changed"] and not exported["kept"] and exported["key"]["expires"] is None

    def test_a_failure_says_what_was_done_before(self, registrar: Make) -> None:
        here = registrar()
        here.fault("error", "POST", "/getactivationkey", status=403, code="AuthorizationFailed")
        outcome = here.register_bundled()
        answers(outcome, "missing_rights", "register")
        assert outcome["changed"] and "register" in outcome["actions"]
        assert here.locked() and not here.key_file.exists()

    def test_it_can_be_encrypted(self, registrar: Make) -> None:
        here = registrar()
        seal = Fernet.generate_key()
        outcome = here.register_bundled(encrypt=True, _azs={"seal": seal.decode()})
        key = Fernet(seal).decrypt(outcome["_azs_sealed"].encode()).decode()
        assert key.count(".") == 2 and key not in outcome.printed and not here.key_file.exists()
        assert outcome["exported_key"]["key"]["encrypted"]


class TestSomebodyElse:
    """Two controllers register one stamp at once."""

    @pytest.mark.parametrize("setting", first_of(["own", "any", "none"]))
    def test_a_registration_that_appears_in_between_is_named(self, registrar: Make, setting: str) -> None:
        """Not published: which locks stop a second registration. Where none does, it would be an update of somebody else's."""
        here = registrar()
        here.register()
        here.fault(
            "error", "GET", "registrations", status=409, code="MissingSubscriptionRegistration", message="not yet"
        )
        before = here.simulator.state()["settings"]["locked_writes"]
        here.simulator.settings(locked_writes=setting)
        try:
            refused = here.register(here.mint(BillingModel="Development"))
        finally:
            here.simulator.settings(locked_writes=before)
        answers(refused, "registered_meanwhile", "run again")
        registration = here.registration()
        assert registration and registration["billing_model"] != "Development"
        assert here.locked()


class TestAbsent:
    """Removing a registration."""

    @pytest.mark.parametrize("way", first_of(["cloud_id", "name", "registration_id", "token"]))
    def test_however_it_is_found(self, registrar: Make, way: str) -> None:
        here = registrar()
        here.register()
        options = {
            "cloud_id": here.cloud_id,
            "name": f"AZURESTACK-{here.cloud_id}",
            "registration_id": here.id,
            "token": here.mint(),
        }
        chosen = {"registration_token" if way == "token" else way: options[way]}
        here.requests()
        look = [
            "GET metadata",
            "GET list" if way in ("cloud_id", "token") else "GET R",
            "GET lock",
            "GET rights",
            "GET locks",
        ]
        predicted = here.remove(check=True, **chosen)
        assert here.requests() == look
        outcome = here.remove(**chosen)
        assert here.requests() == [*look, "DELETE lock", "DELETE R"]
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["lift_lock", "delete_registration"]
        assert outcome["registration"]["id"] == here.id
        assert outcome["diff"]["after"] == {}
        assert here.registration() is None
        assert not here.remove(**chosen).changed

    def test_a_subscription_without_registrations(self, registrar: Make) -> None:
        here = registrar()
        assert not here.remove(cloud_id=here.cloud_id).changed
        assert not here.remove(name="none").changed

    def test_another_stamps_registration_is_refused(self, registrar: Make) -> None:
        here = registrar()
        here.register(name="north")
        here.requests()
        outcome = here.remove(name="north", cloud_id="2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55")
        answers(outcome, "registration_of_another_stamp", here.cloud_id)
        assert here.requests() == ["GET metadata", "GET R"]
        assert here.locked()

    def test_a_refused_deletion_leaves_the_lock(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("error", "DELETE", "registrations/[^/]+", status=409, code="Busy", message="Not now.")
        answers_of = here.remove(cloud_id=here.cloud_id)
        assert "Not now [Busy]" in answers_of.message
        assert here.locked()

    def test_a_lost_deletion_is_no_unprotected_registration(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("drop_after", "DELETE", "registrations/[^/]+")
        assert here.remove(cloud_id=here.cloud_id).changed

    def test_a_signal_in_the_middle(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.fault("hang", "DELETE", "registrations/[^/]+")
        mark = here.simulator.mark()
        running = here.start("azs_registration", {"state": "absent", "cloud_id": here.cloud_id})
        here.simulator.wait_for(mark, service="arm", method="DELETE", path=here.id)
        running.send(signal.SIGTERM)
        answers(running.wait(), "interrupted", "delete the registration")
        assert here.locked()

    def test_nothing_says_what_to_delete(self, registrar: Make) -> None:
        here = registrar()
        assert "Nothing says which registration to delete" in here.remove().message
        assert here.requests() == []


class TestSignIn:
    """Messages of the ways in which signing in fails."""

    def test_a_wrong_secret(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(secret="not-the-secret")
        answers(outcome, "wrong_secret", "AADSTS7000215", here.azure["client_id"], "Set the secret's value as secret")
        assert "not-the-secret" not in outcome.printed
        assert here.requests() == ["GET metadata"]

    def test_an_expired_secret(self, registrar: Make) -> None:
        here = registrar()
        answers(here.register(**here.account("expired")), "expired_secret", "AADSTS7000222", "Make a new secret")

    def test_an_unknown_client(self, registrar: Make) -> None:
        here = registrar()
        answers(here.register(client_id="2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55"), "unknown_client", "AADSTS700016")

    def test_an_unknown_tenant(self, registrar: Make) -> None:
        here = registrar()
        answers(here.register(tenant="nowhere.example"), "unknown_tenant", "nowhere.example", "Compare tenant")

    def test_an_account_of_another_directory(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(tenant=OTHER_TENANT, **here.account("foreigner"))
        answers(outcome, "wrong_tenant", "InvalidAuthenticationTokenTenant", "Set tenant to the directory")

    def test_a_subscription_that_is_not_there(self, registrar: Make) -> None:
        here = registrar()
        unknown = "2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55"
        outcome = here.register(subscription_id=unknown)
        answers(outcome, "subscription_not_found", unknown, "Compare subscription_id, tenant and cloud_environment")

    @pytest.mark.parametrize(
        ("account", "action"),
        [
            ("nobody", "Microsoft.AzureStack/registrations/read"),
            ("reader", "Microsoft.AzureStack/register/action"),
        ],
    )
    def test_missing_rights_are_named(self, registrar: Make, account: str, action: str) -> None:
        here = registrar()
        outcome = here.register(**here.account(account), preflight=False)
        answers(outcome, "missing_rights", f"lacks {action} on", "Give it the registration role")
        assert outcome["error"]["details"]["action"] == action
        assert outcome["error"]["request_id"]

    def test_no_credential(self, registrar: Make) -> None:
        here = registrar()
        nothing = {"client_id": None, "secret": None}
        answers_of = here.register(**nothing, auth_source="env")
        assert "No credential for Azure is given" in answers_of.message
        assert "nothing that proves it" in here.register(secret=None).message
        assert here.requests() == []

    def test_a_workloads_token(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        token = here.simulator.do("oidc-token", name="registrar")
        assert here.register(secret=None, oidc_token=token).changed
        (tmp_path / "oidc").write_text(token + "\n")
        assert not here.register(secret=None, oidc_token_file_path=str(tmp_path / "oidc")).changed

    def test_a_profile_of_the_credential_file(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        (tmp_path / ".azure").mkdir()
        names = ("tenant", "client_id", "secret", "cloud_environment")
        lines = [f"{name}={here.azure[name]}" for name in names]
        (tmp_path / ".azure" / "credentials").write_text("\n".join(["[north]", *lines]))
        here.azure = {name: value for name, value in here.azure.items() if name not in names}
        options = here.options(auth_source="credential_file")
        home = {"HOME": str(tmp_path)}
        outcome = here.run("azs_registration", {**options, "profile": "north"}, environment=home)
        assert outcome.changed
        outcome = here.run("azs_registration", {**options, "profile": "south"}, environment=home)
        assert "has no profile 'south'" in outcome.message

    def test_an_untrusted_certificate(self, registrar: Make) -> None:
        here = registrar()
        answers(here.register(ca_bundle=None), "certificate_not_trusted", "ca_bundle", here.azure["cloud_environment"])
        assert here.register(ca_bundle=None, cert_validation_mode="ignore").changed

    def test_a_foreign_variable_for_certificates_does_not_win(self, registrar: Make, tmp_path: pathlib.Path) -> None:
        here = registrar()
        (tmp_path / "other.pem").write_text("")
        outcome = here.run(
            "azs_registration", here.options(), environment={"REQUESTS_CA_BUNDLE": str(tmp_path / "other.pem")}
        )
        assert outcome.changed

    def test_a_sign_in_service_that_does_not_answer(self, registrar: Make) -> None:
        here = registrar()
        cloud = here.register()["cloud"]
        outcome = here.register(cloud_metadata={**cloud, "authority": "https://127.0.0.1:9"})
        answers(outcome, "unreachable", "sign in to", "https://127.0.0.1:9", "Connection refused")

    def test_a_cloud_that_does_not_answer(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(cloud_environment="https://127.0.0.1:9")
        answers(outcome, "unreachable", "https://127.0.0.1:9", "Compare the address")

    def test_an_address_that_is_no_cloud(self, registrar: Make) -> None:
        here = registrar()
        login = next(iter(here.simulator.state()["clouds"].values()))["login_url"]
        answers(here.register(cloud_environment=login), "not_an_arm_endpoint", login)

    def test_a_wrong_audience(self, registrar: Make) -> None:
        here = registrar()
        cloud = here.register()["cloud"]
        outcome = here.register(cloud_metadata={**cloud, "audience": "https://management.other.example"})
        answers(outcome, "wrong_audience", "AADSTS500011")


class TestThrottling:
    """A service that asks to wait gets it."""

    def test_retry_after_is_honoured(self, registrar: Make) -> None:
        here = registrar()
        here.fault(
            "error",
            "PUT",
            "registrations/[^/]+",
            status=429,
            code="TooManyRequests",
            message="Slow down.",
            headers={"Retry-After": "1"},
        )
        assert here.register().changed
        assert here.requests() == [*FIRST[:8], "PUT R", "PUT R", "PUT lock"]
        times = [entry["at"] for entry in here.simulator.requests() if entry.get("path") == here.id]
        assert times[1] - times[0] >= 1.0

    def test_passing_faults_are_tried_again(self, registrar: Make) -> None:
        here = registrar()
        here.fault("error", "GET", "registrations", status=502, code="MetadataResolverBadGatewayError", message="")
        assert here.register().changed


@pytest.mark.deep
def test_with_the_oldest_libraries(registrar: Make) -> None:
    here = registrar()
    old = oldest_libraries()

    def run(**how):
        return here.run("azs_registration", here.options(), environment=old, **how)

    predicted = run(check=True)
    assert here.requests() == FIRST[:6]
    outcome = run()
    same_prediction(predicted, outcome)
    assert here.requests() == FIRST
    assert not run().changed
    assert here.requests() == LOOK
    outcome = here.run("azs_registration", {**here.options(), "secret": "not-the-secret"}, environment=old)
    answers(outcome, "wrong_secret")
    here.fault("hang", "PUT", "registrations/[^/]+")
    mark = here.simulator.mark()
    running = here.start("azs_registration", here.options(reregister=True), environment=old)
    here.simulator.wait_for(mark, service="arm", method="PUT")
    running.send(signal.SIGTERM)
    answers(running.wait(), "interrupted")
    assert here.locked()
    outcome = here.run("azs_registration", {"state": "absent", "cloud_id": here.cloud_id}, environment=old)
    assert outcome.changed


def test_a_missing_library_is_named(registrar: Make, tmp_path: pathlib.Path) -> None:
    here = registrar()
    hidden = tmp_path / "azure"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("")  # a package that shadows the real ones
    outcome = here.run("azs_registration", here.options(), environment={"PYTHONPATH": str(tmp_path)})
    answers(outcome, "missing_library", "azure-mgmt-core", "pip install 'azure-mgmt-core>=1.4.0'")
