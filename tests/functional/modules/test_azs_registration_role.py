# SPDX-License-Identifier: GPL-3.0-or-later
"""The custom role for registration, defined and given by processes that sign in to a simulated Azure."""

from __future__ import annotations

import re
import time
import typing as t
import uuid

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import rights
from processes import Outcome
from simulated_azure import Registrar, azure_simulator, oldest_libraries, registrar, registrar_numbers
from tables import first_of

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
Principal = dict[str, str]

LOOK = ["GET metadata", "GET roles"]
"""What finding the role asks."""
NEW = [*LOOK, "PUT role", "PUT assignment"]
"""What a new role and its assignment ask."""
STEADY = [*LOOK, "GET assignments"]
"""What a run with nothing to do asks."""


class Administrator:
    """Somebody who manages the role of one subscription, under a name that no other test uses."""

    def __init__(self, registrar: Registrar) -> None:
        self.registrar = registrar
        self.simulator = registrar.simulator
        self.scope = f"/subscriptions/{registrar.subscription_id}"
        self.name = f"Registrars of {registrar.stamp}"

    def principal(self, **spec: t.Any) -> Principal:
        """A new application without any role: client_id, object_id, secret."""
        return self.simulator.do("add-principal", **{"name": f"app-{uuid.uuid4()}", "role": "none", **spec})

    def run(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """Run the module."""
        return self.registrar.run("azs_registration_role", {"name": self.name, **options}, check=check, diff=True)

    def sign_in_as(self, principal: Principal) -> None:
        """Let the following runs be those of another account."""
        self.registrar.azure |= {"client_id": principal["client_id"], "secret": principal["secret"]}

    def has(self, principal: Principal) -> list[str]:
        """Roles of a principal in the subscription as they really are."""
        (cloud,) = self.simulator.state()["clouds"].values()
        return [
            entry["role"]
            for entry in cloud["role_assignments"]
            if entry["principal_id"] == principal["object_id"] and entry["scope"] == self.scope
        ]

    def requests(self) -> list[str]:
        """What Azure Resource Manager was asked since the last call."""
        asked = []
        for one in self.registrar.requests():
            line = one
            for pattern, short in (
                (r"/providers/Microsoft.Authorization/role(definition|assignment)s", r"\1s"),
                (r"s/[0-9a-f-]{36}$", ""),
                ("definition", "role"),
            ):
                line = re.sub(pattern, short, line, flags=re.IGNORECASE)
            asked.append(line.replace("Definition", "role").replace("Assignment", "assignment"))
        return asked


@pytest.fixture
def admin(registrar: Make) -> t.Callable[..., Administrator]:
    """Makes administrators, each of a subscription of its own."""

    def make(beside: Administrator | None = None) -> Administrator:
        return Administrator(registrar(beside=beside.registrar) if beside else registrar())

    return make


Admin = t.Callable[..., Administrator]


def same_prediction(predicted: Outcome, real: Outcome) -> None:
    """Check that check mode said what the real run then did."""
    for name in (
        "changed",
        "diff",
        "role",
        "assignment",
        "differences",
        "actions",
        "remaining_assignments",
        "definition",
    ):
        assert predicted[name] == real[name], name


class TestPresent:
    """Defining the role and giving it to somebody."""

    def test_role_and_assignment_are_made_as_predicted_and_only_once(self, admin: Admin) -> None:
        here = admin()
        registrar = here.principal()
        wanted = {"principal_id": registrar["object_id"]}
        predicted = here.run(check=True, **wanted)
        assert here.requests() == LOOK
        outcome = here.run(**wanted)
        assert here.requests() == NEW
        assert outcome.changed
        assert outcome["actions"] == ["create_role", "assign_role"]
        same_prediction(predicted, outcome)
        assert outcome["role"]["actions"] == sorted(rights.REGISTRATION_ACTIONS)
        assert outcome["role"]["assignable_scopes"] == [here.scope]
        assert outcome["diff"]["before"] == {}
        assert outcome["diff"]["after"]["principal_id"] == registrar["object_id"]
        assert here.has(registrar) == [here.name]
        again = here.run(**wanted)
        assert here.requests() == STEADY
        assert not again.changed
        assert again["role"] == outcome["role"]
        assert again["assignment"] == outcome["assignment"]
        assert again["diff"]["before"] == again["diff"]["after"]

    def test_the_role_alone(self, admin: Admin) -> None:
        here = admin()
        assert here.run()["actions"] == ["create_role"]
        assert here.requests() == NEW[:-1]
        assert not here.run().changed
        assert here.requests() == LOOK

    def test_its_default_name(self, admin: Admin) -> None:
        here = admin()
        assert here.run(name=None)["role"]["name"] == "Azure Stack Hub registration"

    def test_the_account_can_register_with_it_and_nothing_else(self, admin: Admin) -> None:
        here = admin()
        registrar = here.principal()
        here.run(principal_id=registrar["object_id"])
        here.sign_in_as(registrar)
        assert here.registrar.register().changed
        assert not here.registrar.register().changed
        assert here.registrar.remove(cloud_id=here.registrar.cloud_id).changed
        assert here.run().kind == "missing_rights"

    def test_the_old_role_gets_the_lock_actions(self, admin: Admin) -> None:
        here = admin()
        first = here.run(allow_move=True)
        assert rights.MOVE_ACTION in first["role"]["actions"]
        here.requests()
        predicted = here.run(check=True)
        outcome = here.run()
        assert here.requests() == [*LOOK, *LOOK, "PUT role"]
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["update_role"]
        assert outcome["differences"] == [{"field": "actions", "missing": [], "excess": [rights.MOVE_ACTION]}]
        assert outcome["role"]["id"] == first["role"]["id"]
        back = here.run(allow_move=True)
        assert back["differences"] == [{"field": "actions", "missing": [rights.MOVE_ACTION], "excess": []}]
        assert not here.run(allow_move=True).changed

    def test_the_name_counts_without_letter_case(self, admin: Admin) -> None:
        here = admin()
        here.run()
        assert not here.run(name=here.name.upper()).changed

    def test_a_name_with_an_apostrophe_and_blanks(self, admin: Admin) -> None:
        here = admin()
        assert here.run(name=" Contoso's & more ")["role"]["name"] == "Contoso's & more"

    def test_a_second_account_gets_the_same_role(self, admin: Admin) -> None:
        here = admin()
        one, other = here.principal(), here.principal(kind="user", name=f"{uuid.uuid4()}@rehearsal.onmicrosoft.com")
        here.run(principal_id=one["object_id"])
        outcome = here.run(principal_id=other["object_id"].upper(), principal_type="User")
        assert outcome["actions"] == ["assign_role"]
        assert here.has(one) == here.has(other) == [here.name]

    def test_an_assignment_that_others_made_counts(self, admin: Admin) -> None:
        here = admin()
        here.run()
        one = here.principal(role=here.name)
        here.requests()
        assert not here.run(principal_id=one["object_id"]).changed
        assert here.requests() == STEADY

    def test_a_principal_that_is_new_is_waited_for(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        here.registrar.fault(
            "error",
            "PUT",
            "roleAssignments/[^/]+",
            times=2,
            status=400,
            code="PrincipalNotFound",
            message="Principal does not exist in the directory.",
        )
        assert here.run(principal_id=one["object_id"]).changed
        assert here.requests() == [*NEW, "PUT assignment", "PUT assignment"]

    def test_what_was_made_before_a_failure_is_a_change_and_is_named(self, admin: Admin) -> None:
        here = admin()
        nobody = str(uuid.uuid4())
        here.requests()
        outcome = here.run(principal_id=nobody, replication_timeout=1)
        assert outcome.kind == "principal_not_replicated" and outcome["changed"]
        assert outcome["actions"] == ["create_role"]
        assert f"The role {here.name} was created before that" in outcome.message
        again = here.run(principal_id=nobody, replication_timeout=1)
        assert again.kind == "principal_not_replicated" and not again.result.get("changed")
        assert "before that" not in again.message
        assert here.run().changed is False, "the role is there"

    def test_what_was_taken_away_before_a_failure_is_a_change_and_is_named(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        here.run(principal_id=one["object_id"])
        here.registrar.fault(
            "error", "DELETE", "roleDefinitions/[^/]+", status=403, code="AuthorizationFailed", message="No."
        )
        outcome = here.run(state="absent", principal_id=one["object_id"])
        assert outcome.kind == "missing_rights" and outcome["changed"]
        assert outcome["actions"] == ["unassign_role"]
        assert f"The role {here.name} was taken from {one['object_id']} before that" in outcome.message
        assert here.has(one) == []

    def test_a_principal_that_nobody_made_just_now_is_not_waited_for_long(self, admin: Admin) -> None:
        here = admin()
        nobody = str(uuid.uuid4())
        began = time.monotonic()
        outcome = here.run(principal_id=nobody)
        assert time.monotonic() - began < 60, "a fraction of the default of replication_timeout"
        assert outcome.kind == "principal_not_replicated"
        assert "Compare principal_id" in outcome.message and "new_principal" in outcome.message
        # Where the task says that it is new, the whole time is waited.
        assert (
            "waited for 1 seconds" in here.run(principal_id=nobody, replication_timeout=1, new_principal=True).message
        )

    def test_no_secret_is_printed(self, admin: Admin) -> None:
        here = admin()
        assert here.registrar.azure["secret"] not in here.run().printed

    @pytest.mark.deep
    def test_the_oldest_libraries(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        options = {"name": here.name, "principal_id": one["object_id"]}
        for changed in (True, False):
            outcome = here.registrar.run("azs_registration_role", options, environment=oldest_libraries())
            assert outcome.changed is changed


class TestDefinition:
    """The role as a file for Azure's own tools."""

    def test_check_mode_gives_it(self, admin: Admin) -> None:
        here = admin()
        assert here.run(check=True, allow_move=True)["definition"] == {
            "Name": here.name,
            "IsCustom": True,
            "Description": "Registers Azure Stack Hubs in Azure, and changes, moves and removes their registrations.",
            "Actions": [*rights.REGISTRATION_ACTIONS, rights.MOVE_ACTION],
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": [here.scope],
        }

    @pytest.mark.parametrize(
        ("role", "check", "action"),
        first_of(
            [
                ("none", True, "Microsoft.Authorization/roleDefinitions/read"),
                ("Reader", False, "Microsoft.Authorization/roleDefinitions/write"),
                ("Contributor", False, "Microsoft.Authorization/roleDefinitions/write"),
            ]
        ),
    )
    def test_an_account_without_rights_learns_what_is_missing(
        self, admin: Admin, role: str, check: bool, action: str
    ) -> None:
        here = admin()
        poor = here.principal(role=role)
        here.sign_in_as(poor)
        outcome = here.run(check=check, principal_id=poor["object_id"])
        assert outcome.kind == "missing_rights"
        assert action in outcome.message
        assert poor["client_id"] in outcome.message
        assert "Owner or User Access Administrator" in outcome.message
        assert outcome["error"]["details"]["action"] == action
        assert outcome["error"]["details"]["definition"]["Actions"] == list(rights.REGISTRATION_ACTIONS)
        assert "PUT assignment" not in here.requests()

    def test_an_account_that_may_define_but_not_give(self, admin: Admin) -> None:
        here = admin()
        here.run()
        poor = here.principal(role="Reader")
        here.sign_in_as(poor)
        outcome = here.run(principal_id=poor["object_id"])
        assert outcome.kind == "missing_rights"
        assert "Microsoft.Authorization/roleAssignments/write" in outcome.message


class TestAbsent:
    """Taking the role away."""

    def test_from_its_only_account(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        made = here.run(principal_id=one["object_id"])
        here.requests()
        predicted = here.run(check=True, state="absent", principal_id=one["object_id"])
        assert here.requests() == STEADY
        outcome = here.run(state="absent", principal_id=one["object_id"])
        assert here.requests() == [*STEADY, "DELETE assignment", "DELETE role"]
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["unassign_role", "delete_role"]
        assert outcome["role"] == {} == outcome["diff"]["after"]
        assert outcome["diff"]["before"] == made["diff"]["after"]
        assert here.has(one) == []
        assert not here.run(state="absent", principal_id=one["object_id"]).changed
        assert here.requests() == LOOK

    def test_a_role_that_nobody_has(self, admin: Admin) -> None:
        here = admin()
        here.run()
        assert here.run(state="absent")["actions"] == ["delete_role"]
        assert not here.run(state="absent").changed

    def test_what_others_have_stays_and_is_said(self, admin: Admin) -> None:
        here = admin()
        one, other = here.principal(), here.principal()
        for principal in (one, other):
            here.run(principal_id=principal["object_id"])
        here.requests()
        predicted = here.run(check=True, state="absent", principal_id=one["object_id"])
        outcome = here.run(state="absent", principal_id=one["object_id"])
        same_prediction(predicted, outcome)
        assert outcome["actions"] == ["unassign_role"]
        assert [entry["principal_id"] for entry in outcome["remaining_assignments"]] == [other["object_id"]]
        (warning,) = outcome.warnings
        assert "was not deleted" in warning and other["object_id"] in warning
        assert outcome["role"]["name"] == here.name
        assert (here.has(one), here.has(other)) == ([], [here.name])
        again = here.run(state="absent", principal_id=one["object_id"])
        assert not again.changed
        assert again.warnings == outcome.warnings

    def test_without_a_principal_a_role_in_use_is_refused(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        here.run(principal_id=one["object_id"])
        here.requests()
        for check in (True, False):
            outcome = here.run(check=check, state="absent")
            assert outcome.kind == "role_in_use"
            assert one["object_id"] in outcome.message
            assert "principal_id" in outcome["error"]["remedy"]
            assert here.requests() == STEADY
        assert here.has(one) == [here.name]


class TestRefused:
    """What cannot work, and what the operator is told."""

    def test_a_client_id_instead_of_an_object_id(self, admin: Admin) -> None:
        here = admin()
        one = here.principal()
        outcome = here.run(principal_id=one["client_id"], replication_timeout=1)
        assert outcome.kind == "principal_not_replicated"
        assert "not the client id" in outcome.message

    def test_a_name_instead_of_an_object_id(self, admin: Admin) -> None:
        here = admin()
        outcome = here.run(principal_id="registrar")
        assert outcome.kind == "bad_input"
        assert "az ad sp show" in outcome.message
        assert here.requests() == []

    def test_no_name(self, admin: Admin) -> None:
        here = admin()
        assert here.run(name=" ").kind == "bad_input"
        assert here.requests() == []

    def test_another_type_of_principal(self, admin: Admin) -> None:
        here = admin()
        one = here.principal(kind="user", name=f"{uuid.uuid4()}@rehearsal.onmicrosoft.com")
        outcome = here.run(principal_id=one["object_id"])
        assert outcome.kind == "principal_of_another_type"
        assert "'User'" in outcome.message

    def test_the_name_of_a_role_of_another_subscription(self, admin: Admin) -> None:
        here, there = admin(), admin()
        there.run()
        outcome = here.run(name=there.name)
        assert outcome.kind == "role_name_taken"
        assert "Set another name" in outcome.message
        assert not there.run().changed

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_a_built_in_role(self, admin: Admin, state: str) -> None:
        here = admin()
        outcome = here.run(name="Reader", state=state)
        assert outcome.kind == "conflict"
        assert "built-in" in outcome.message
        assert here.requests() == LOOK
