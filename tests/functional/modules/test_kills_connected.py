# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at the step boundaries of a connected stamp's life: registering, registering again, unregistering, moving.

The modules run as the roles run them, each as a process. Every test kills one run before a step takes effect, the next one
after it took effect and before its answer came, and where it makes a difference one more after the answer; then a run comes to its
end. In between, the verdict of the playbook verify has to name what is open, and nothing may be lost.
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain, plan
from kills import kill_at_hang
from processes import Modules
from simulated_azure import Registrar
from stamps import Operator

from azs_simulator.client import Simulator

pytestmark = pytest.mark.deep

USER: t.Final = "operator@rehearsal.onmicrosoft.com"
GROUP: t.Final = "Moved"
KEY_PAIR, PRINCIPAL, TOKEN = "Set-RegistrationKeyPair", "New-AzureBridgeServicePrincipal", "New-RegistrationToken"
ACTIVATE, DEACTIVATE = "New-AzureStackActivation", "Remove-AzureStackActivation"
FLEET: t.Final = {
    "stamps": [
        {"name": "new-{n}", "count": 9, "connected": True, "nodes": 2, "ercs": 1},
        {"name": "active-{n}", "count": 16, "connected": True, "nodes": 2, "ercs": 1, "registration": {}},
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "principals": [{"name": "registrar"}, {"name": USER, "kind": "user"}],
        }
    ],
}
BEFORE, AFTER, ANSWERED = "before", "after", "answered"
"""Moments of a step: not begun, taken effect but not answered, answered but nothing done with the answer."""
NO_REGISTRATION, NOT_ACTIVATED, UNLOCKED = (
    "has no registration",
    "the stamp is not activated",
    "the registration has no lock",
)
NO_ROLE, OTHER_MODEL, OTHER_PLACE = "lacks the role", "the billing model of the registration", "is activated with"
OTHER_FLAGS = "usage reporting is on on the stamp and off in the registration"


class Killed(Exception):
    """A module was killed, and what comes after it was not begun."""


@dataclasses.dataclass
class Seen:
    """What the reading modules saw of a stamp."""

    activation: dict[str, t.Any]
    remembered: dict[str, t.Any]
    registrations: list[dict[str, t.Any]]


class Stamp:
    """A connected stamp, and the modules in the order of the roles.

    :param wanted: billing model and other options of azs_plan.
    """

    def __init__(self, modules: Modules, simulator: Simulator, name: str, folder: pathlib.Path) -> None:
        self.simulator, self.name, self._modules = simulator, name, modules
        (cloud,) = simulator.state()["clouds"].values()
        self._azure = Registrar(modules, simulator, name, cloud["subscriptions"][0], folder)
        self._pep = Operator(modules, simulator, name, self._azure.bundle)
        self.cloud_id = self._azure.cloud_id
        self.wanted: dict[str, t.Any] = {"billing_model": "PayAsYouUse"}

    # -- what the roles do ---------------------------------------------------------------------------------------------

    def look(self) -> Seen:
        """Read activation and registration."""
        place = self._pep.place
        at_stamp = self._modules.start("azs_activation_info", {**self._pep.admin, **place})
        in_azure = self._azure.run("azs_registration_info", {"cloud_id": self.cloud_id, "role_assignment": True})
        found = at_stamp.wait()
        assert not found.failed and not in_azure.failed, (found.printed, in_azure.printed)
        return Seen(found["activation"], found["remembered"], in_azure["registrations"])

    def plan(self, seen: Seen) -> plan.Plan:
        """Say what is due."""
        wanted, dummy = plan.wanted_of({"cloud_id": self.cloud_id, **self.wanted})
        return plan.plan(wanted, **vars(seen))

    def register(self, seen: Seen) -> None:
        """What role connected does for connected_register. Raises Killed."""
        due = self.plan(seen)
        again = bool(self.wanted.get("new_bridge_principal"))
        if due.steps.token:
            token = {
                **self._pep.place,
                "disconnected": False,
                "billing_model": self.wanted["billing_model"],
                "agreement_number": self.wanted.get("agreement_number"),
                "cloud_id": self.cloud_id,
                "renew": again,
            }
            if due.steps.principal:
                token["bridge_principal_refresh_token"] = self.simulator.do("refresh-token", user=USER)
            self._step("azs_registration_token", {**self._pep.pep, **token})
        if due.steps.registration or due.steps.lock or due.steps.role_assignment:
            artifact = self._pep.place if due.steps.token else {}
            request = plan.wanted_of(self.wanted)[0].request
            self._step(
                "azs_registration",
                {
                    **self._azure.azure,
                    **artifact,
                    "cloud_id": self.cloud_id,
                    "location": self._azure.location,
                    "billing_model": request.billing_model,
                    "usage_reporting": request.usage_reporting,
                    "marketplace_syndication": request.marketplace_syndication,
                    "assign_role": True,
                    "reregister": again,
                    **({"registration_id": due.registration_id} if due.registration_id else {}),
                },
            )
        if due.steps.key:
            self._step(
                "azs_activation_key",
                {
                    **self._azure.azure,
                    **self._pep.place,
                    "cloud_id": self.cloud_id,
                    "registration_id": due.registration_id or self._azure.id,
                },
            )
        if due.steps.activation:
            self._step(
                "azs_activation",
                {
                    **self._pep.pep,
                    **self._pep.admin,
                    **self._pep.place,
                    "cloud_id": self.cloud_id,
                    "reactivate": True,
                },
            )

    def unregister(self, seen: Seen) -> None:
        """What role connected does for connected_unregister. Raises Killed."""
        named = seen.activation["registration_id"] or (
            seen.registrations[0]["id"] if seen.registrations else self._azure.id
        )
        absent = {"state": "absent", "cloud_id": self.cloud_id}
        self._step("azs_activation", {**self._pep.pep, **self._pep.admin, **self._pep.place, **absent})
        self._step("azs_registration", {**self._azure.azure, **absent, "registration_id": named})

    def move(self, seen: Seen) -> None:
        """What role move does, and the activation after it. Raises Killed."""
        self._step(
            "azs_registration_move",
            {
                **self._azure.azure,
                "cloud_id": self.cloud_id,
                "target_resource_group": GROUP,
                "location": self._azure.location,
            },
        )
        self.register(self.look())

    def _step(self, module: str, options: t.Mapping[str, t.Any]) -> None:
        outcome = kill_at_hang(self.simulator, self._modules.start(module, options), self.simulator.mark())
        if outcome is None:
            self.simulator.clear_faults()
            raise Killed
        assert not outcome.failed, outcome.message

    # -- what disturbs -------------------------------------------------------------------------------------------------

    def hang(self, step: str, moment: str) -> None:
        """Let a step hang: a cmdlet, or method and pattern of a request to Azure."""
        method, _blank, path = step.partition(" ")
        if path:
            match = {"method": method, "path": f"(?=.*{self.cloud_id}).*{path}$"}
            if moment == AFTER:
                self.simulator.fault("arm", "drop_after", match=match)
            self.simulator.fault("arm", "hang", match=match)
        elif moment == BEFORE:
            self._pep.fault("hang", match={"action": "Command", "cmdlet": step})
        elif moment == AFTER:
            self._pep.fault("hang", match={"action": "Receive", "cmdlet": step}, commit="before")
        else:  # the session is closed when the cmdlet has answered
            self._pep.fault("hang", match={"action": "Delete"})

    # -- what must hold ------------------------------------------------------------------------------------------------

    def verdict(self, seen: Seen) -> list[str]:
        """What the playbook verify finds fault with."""
        registrations = {"registrations": seen.registrations, "activation": seen.activation}
        wanted = {"cloud_id": self.cloud_id, "billing_model": self.wanted["billing_model"]}
        return chain.verdict({**wanted, **registrations})["findings"]

    def check_nothing_is_lost(self, findings: list[str]) -> None:
        """At any time: one registration at most, and what is dangerous is named."""
        (cloud,) = self.simulator.state()["clouds"].values()
        own = [one for one in cloud["registrations"] if one["cloud_id"] == self.cloud_id]
        active = self.simulator.stamp(self.name)["status"] == "Registered"
        assert len(own) == 1 or (not own and not active), "two registrations, or an active stamp without one"
        if own and own[0]["locks"] != ["CanNotDelete"]:
            assert any(UNLOCKED in one for one in findings), findings

    def check_registered(self, seen: Seen) -> None:
        """Everything is there, once, and a further run has nothing to do."""
        assert self.verdict(seen) == []
        registration, stamp = self.simulator.registration_of(self.name), self.simulator.stamp(self.name)
        assert registration and registration["locks"] == ["CanNotDelete"]
        assert registration["billing_model"] == self.wanted["billing_model"]
        assert registration["object_id"] == stamp["principals"][-1]
        assert stamp["activation"]["azureRegistrationResourceIdentifier"].lower() == registration["id"].lower()
        self.wanted.pop("new_bridge_principal", None)
        assert not any(vars(self.plan(seen).steps).values())


@pytest.fixture(scope="module")
def connected_simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of this file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("connected")) as simulator:
        yield simulator


@pytest.fixture
def stamp(
    modules: Modules, connected_simulator: Simulator, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> t.Callable[[str], Stamp]:
    """Stamps of a kind, which no other test of this process has."""
    used = request.config.stash.setdefault(_USED, {})

    def take(kind: str) -> Stamp:
        used[kind] = used.get(kind, 0) + 1
        return Stamp(modules, connected_simulator, f"{kind}-{used[kind]}", tmp_path)

    return take


_USED: t.Final = pytest.StashKey[dict[str, int]]()
NOTHING: t.Final = Seen({"state": "Not registered", "evidence": "activation"}, {}, [])

Kills = t.Sequence[tuple[str, t.Sequence[str]]]
"""Moments at which runs are killed, in this order, each with what the verdict has to name then."""

FIRST: t.Final[dict[str, Kills]] = {
    KEY_PAIR: [(BEFORE, [NO_REGISTRATION, NOT_ACTIVATED]), (AFTER, [NO_REGISTRATION, NOT_ACTIVATED])],
    PRINCIPAL: [(BEFORE, [NO_REGISTRATION, NOT_ACTIVATED]), (AFTER, [NO_REGISTRATION, NOT_ACTIVATED])],
    TOKEN: [(moment, [NO_REGISTRATION, NOT_ACTIVATED]) for moment in (BEFORE, AFTER, ANSWERED)],
    "PUT registrations/[^/]+": [(BEFORE, [NO_REGISTRATION]), (AFTER, [UNLOCKED, NO_ROLE, NOT_ACTIVATED])],
    "PUT roleAssignments/[^/]+": [(BEFORE, [NO_ROLE, NOT_ACTIVATED]), (AFTER, [NOT_ACTIVATED])],
    "POST getactivationkey": [(BEFORE, [NOT_ACTIVATED])],
    ACTIVATE: [(BEFORE, [NOT_ACTIVATED]), (AFTER, []), (ANSWERED, [])],
}
CHANGE: t.Final[dict[str, Kills]] = {
    PRINCIPAL: [(BEFORE, [OTHER_MODEL]), (AFTER, [OTHER_MODEL])],
    "DELETE locks/[^/]+": [(AFTER, [OTHER_MODEL, UNLOCKED])],
    "PUT registrations/[^/]+": [(BEFORE, [OTHER_MODEL, UNLOCKED]), (AFTER, [UNLOCKED, NO_ROLE, OTHER_FLAGS])],
    "PUT roleAssignments/[^/]+": [(BEFORE, [NO_ROLE, OTHER_FLAGS]), (AFTER, [OTHER_FLAGS])],
    ACTIVATE: [(BEFORE, [OTHER_FLAGS]), (AFTER, [])],
}
LEAVE: t.Final[dict[str, Kills]] = {
    DEACTIVATE: [(BEFORE, []), (AFTER, [NOT_ACTIVATED])],
    f"{DEACTIVATE}, answered": [(ANSWERED, [NOT_ACTIVATED])],
    "DELETE registrations/[^/]+": [(BEFORE, [NOT_ACTIVATED, UNLOCKED]), (AFTER, [NOT_ACTIVATED, NO_REGISTRATION])],
}
MOVE: t.Final[dict[str, Kills]] = {
    "PUT roleAssignments/[^/]+": [(BEFORE, [NO_ROLE, OTHER_PLACE]), (AFTER, [OTHER_PLACE])],
    ACTIVATE: [(BEFORE, [OTHER_PLACE]), (AFTER, [])],
}


def disturb(here: Stamp, work: t.Callable[[Seen], None], step: str, kills: Kills, seen: Seen) -> Seen:
    """Run and kill, once for each moment; return what is seen after that."""
    for moment, open_ends in kills:
        here.hang(step.partition(",")[0], moment)
        with pytest.raises(Killed):
            work(seen)
        seen = here.look()
        findings = here.verdict(seen)
        for wanted in open_ends:
            assert any(wanted in one for one in findings), (moment, wanted, findings)
        here.check_nothing_is_lost(findings)
    return seen


@pytest.mark.parametrize("step", FIRST)
def test_registering(stamp: t.Callable[[str], Stamp], step: str) -> None:
    here = stamp("new")
    here.register(disturb(here, here.register, step, FIRST[step], NOTHING))
    here.check_registered(here.look())


@pytest.mark.parametrize("step", CHANGE)
def test_registering_an_active_stamp_with_another_billing_model_and_principal(
    stamp: t.Callable[[str], Stamp], step: str
) -> None:
    here = stamp("active")
    here.wanted = {"billing_model": "Capacity", "agreement_number": "7654321", "new_bridge_principal": True}
    here.register(disturb(here, here.register, step, CHANGE[step], here.look()))
    here.check_registered(here.look())


@pytest.mark.parametrize("step", LEAVE)
def test_unregistering(stamp: t.Callable[[str], Stamp], step: str) -> None:
    here = stamp("active")
    here.unregister(disturb(here, here.unregister, step, LEAVE[step], here.look()))
    assert here.simulator.registration_of(here.name) is None
    assert here.simulator.stamp(here.name)["status"] == "Not registered"


@pytest.mark.parametrize("step", MOVE)
def test_moving(stamp: t.Callable[[str], Stamp], step: str) -> None:
    here = stamp("active")
    here.move(disturb(here, here.move, step, MOVE[step], here.look()))
    here.check_registered(here.look())
    assert f"/{GROUP}/" in (here.simulator.registration_of(here.name) or {})["id"]
