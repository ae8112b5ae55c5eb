# SPDX-License-Identifier: GPL-3.0-or-later
"""What connected registration adds to the modules: rights checked first, role assignment, no token where none is needed."""

from __future__ import annotations

import typing as t

import pytest
from simulated_azure import LOOK, Registrar, azure_simulator, registrar, registrar_numbers

from azs_simulator.client import Simulator

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
PRINCIPAL = "4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f"
LOCKS = [f"Microsoft.Authorization/locks/{action}" for action in ("read", "write", "delete")]


def bridged(here: Registrar) -> str:
    """Make a bridge principal on the stamp; its object id."""
    user = f"operator-of-{here.stamp}"
    if not any(one["name"] == user for one in here.simulator.state()["clouds"]["AzureCloud"]["principals"]):
        here.simulator.do("add-principal", name=user, kind="user", role="none")
    token = here.simulator.do("refresh-token", user=user)
    return str(here.simulator.do("create-principal", stamp=here.stamp, RefreshToken=token)["ObjectId"])


def writes(here: Registrar) -> list[str]:
    """What was changed since the last look."""
    return [request for request in here.requests() if not request.startswith("GET") and request != "POST key"]


class TestRights:
    """The account's rights are checked before the first write."""

    @pytest.mark.parametrize(
        ("account", "lacking"),
        [
            ("lockless", LOCKS),
            (
                "reader",
                ["Microsoft.AzureStack/register/action", "Microsoft.AzureStack/registrations/write", *LOCKS[1:]],
            ),
        ],
    )
    def test_every_missing_action_is_named_and_nothing_written(
        self, registrar: Make, account: str, lacking: list[str]
    ) -> None:
        here = registrar()
        here.azure |= here.account(account)
        for check in (True, False):
            outcome = here.register(preflight=True, check=check)
            assert outcome.kind == "missing_rights"
            for part in (
                *lacking,
                f"on /subscriptions/{here.subscription_id}",
                "Nothing was changed",
                "azurestack.hub.prerequisites",
            ):
                assert part in outcome.message
            assert writes(here) == []
        assert here.registration() is None

    def test_the_registration_role_is_enough(self, registrar: Make) -> None:
        here = registrar()
        here.azure |= here.account("least")
        bridged(here)
        assert here.register(preflight=True, assign_role=True).changed
        assert not here.register(preflight=True, assign_role=True).changed
        here.requests()
        assert here.register(preflight=True, assign_role=True, reregister=True).changed
        assert writes(here) == ["DELETE lock", "PUT R", "PUT lock"]

    def test_nothing_to_write_asks_for_no_rights(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        here.requests()
        assert not here.register(preflight=True).changed
        assert here.requests() == LOOK

    def test_rights_that_cannot_be_read_are_a_warning(self, registrar: Make) -> None:
        here = registrar()
        here.fault("error", "GET", "/permissions", times=None, status=403, code="AuthorizationFailed", message="No.")
        outcome = here.register(preflight=True)
        assert outcome.changed
        assert "could not be checked beforehand" in outcome.warnings[0]


class TestRoleAssignment:
    """The bridge principal gets its role on the registration."""

    def test_it_is_made_once(self, registrar: Make) -> None:
        here = registrar()
        principal = bridged(here)
        predicted = here.register(assign_role=True, check=True)
        outcome = here.register(assign_role=True)
        assert predicted["actions"] == outcome["actions"]
        assert outcome["actions"][-1] == "assign_role"
        assert (
            outcome["role_assignment"]
            == predicted["role_assignment"]
            == {
                "role": "Azure Stack Registration Owner",
                "principal_id": principal,
                "assigned": True,
                "changed": True,
            }
        )
        again = here.register(assign_role=True)
        assert not again.changed
        assert again["role_assignment"] == {**outcome["role_assignment"], "changed": False}

    def test_a_principal_that_is_not_known_everywhere_yet_is_waited_for(
        self, registrar: Make, azure_simulator: Simulator
    ) -> None:
        here = registrar()
        azure_simulator.settings(replication_lag=2.0)
        try:
            bridged(here)
            assert here.register(assign_role=True).changed
            bridged(here)
            azure_simulator.settings(replication_lag=3600.0)
            bridged(here)
            outcome = here.register(assign_role=True, replication_timeout=1)
        finally:
            azure_simulator.settings(replication_lag=0.0)
        assert outcome.kind == "principal_not_replicated"
        assert "it was waited for" in outcome.message
        assert here.locked()
        # What was done before the failure is a change.
        assert outcome["changed"] and outcome["actions"] == ["register"]
        assert f"The registration {here.id} was written before that" in outcome.message

    def test_a_role_that_cannot_be_taken_from_a_replaced_principal_is_said_and_no_failure(
        self, registrar: Make
    ) -> None:
        here = registrar()
        old = bridged(here)
        here.register(assign_role=True)
        bridged(here)
        here.fault("error", "DELETE", "roleAssignments/[^/]+", status=403, code="AuthorizationFailed", message="No.")
        outcome = here.register(assign_role=True)
        assert outcome["actions"] == ["lift_lock", "register", "put_lock", "assign_role"]
        assert here.locked() and any(old in one and "still has its role" in one for one in outcome.warnings)

    def test_a_registration_without_principal_has_none(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.register(assign_role=True)
        assert "assign_role" not in outcome["actions"]
        assert outcome["role_assignment"] is None

    def test_a_token_of_another_principal_is_refused(self, registrar: Make) -> None:
        here = registrar()
        found = bridged(here)
        outcome = here.register(bridge_principal=PRINCIPAL)
        assert outcome.kind == "token_differs"
        for part in (PRINCIPAL, found, "Nothing was contacted"):
            assert part in outcome.message
        assert here.requests() == []


class TestWithoutToken:
    """Lock and role assignment need no token."""

    def wanted(self, here: Registrar, **options: t.Any) -> dict[str, t.Any]:
        """Options that stand in for the token."""
        return {
            "cloud_id": here.cloud_id,
            "billing_model": "Capacity",
            "marketplace_syndication": False,
            "usage_reporting": False,
            "assign_role": True,
            **options,
        }

    def test_lock_and_role_are_put_back(self, registrar: Make) -> None:
        here = registrar()
        principal = bridged(here)
        here.register(assign_role=True)
        here.simulator.do("delete-lock", stamp=here.stamp)
        here.simulator.do("remove-role-assignments", name=principal)
        here.requests()
        predicted = here.run("azs_registration", self.wanted(here), check=True)
        assert writes(here) == []
        outcome = here.run("azs_registration", self.wanted(here))
        assert outcome["actions"] == predicted["actions"] == ["put_lock", "assign_role"]
        assert [request.split()[0] for request in writes(here)] == ["PUT", "PUT"]
        assert here.locked()
        assert not here.run("azs_registration", self.wanted(here)).changed

    def test_what_needs_a_token_is_refused(self, registrar: Make) -> None:
        here = registrar()
        outcome = here.run("azs_registration", self.wanted(here))
        assert outcome.kind == "token_needed"
        here.register()
        outcome = here.run("azs_registration", self.wanted(here, billing_model="Development"))
        assert outcome.kind == "token_needed"
        assert "billing_model" in outcome.message and "Nothing was changed" in outcome.message
        assert here.locked()


class TestInfo:
    """One registration by its id, with the role of its principal."""

    def read(self, here: Registrar, **options: t.Any) -> list[dict[str, t.Any]]:
        """The registrations that azs_registration_info returns."""
        return t.cast(
            "list[dict[str, t.Any]]",
            here.run("azs_registration_info", {"role_assignment": True, **options})["registrations"],
        )

    def test_by_id(self, registrar: Make) -> None:
        here = registrar()
        principal = bridged(here)
        here.register(assign_role=True)
        here.requests()
        (found,) = self.read(here, registration_id=here.id)
        assert [request.rpartition("/")[2] for request in here.requests()] == [
            "GET metadata",
            "POST key",
            "GET lock",
            "roleAssignments",
        ]
        assert found["role_assignment"] == {
            "role": "Azure Stack Registration Owner",
            "principal_id": principal,
            "assigned": True,
        }
        assert found["key"]["billing_model"] == found["billing_model"] == "Capacity"
        here.simulator.do("remove-role-assignments", name=principal)
        assert not self.read(here, registration_id=here.id)[0]["role_assignment"]["assigned"]

    def test_an_id_that_is_gone(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        assert self.read(here, registration_id=here.id_of("gone")) == []
        assert self.read(here, registration_id=here.id_of("gone"), cloud_id=here.cloud_id) == []  # never another one
        (found,) = self.read(here, registration_hint=here.id_of("gone"), cloud_id=here.cloud_id)
        assert found["id"] == here.id

    def test_another_subscription_is_refused_before_anything_is_asked(self, registrar: Make) -> None:
        here = registrar()
        foreign = here.id.replace(here.subscription_id, PRINCIPAL)
        here.requests()
        outcome = here.run("azs_registration_info", {"registration_id": foreign})
        assert outcome.kind == "registered_elsewhere"
        assert [request for request in here.requests() if request != "GET metadata"] == []

    def test_the_digest_of_the_claims_stays(self, registrar: Make) -> None:
        here = registrar()
        here.register()
        first, second = (self.read(here, registration_id=here.id)[0]["claims_digest"] for dummy in range(2))
        assert first == second
        here.simulator.do("edit-registration", stamp=here.stamp, claims={"hardwareInfo": []})
        assert self.read(here, registration_id=here.id)[0]["claims_digest"] != first
