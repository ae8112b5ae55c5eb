# SPDX-License-Identifier: GPL-3.0-or-later
"""Connected stamps are registered, kept so, and repaired by exactly the steps that they need, as the request log proves.

One fleet with a stamp, and a subscription, for each thing that can drift: registered, disturbed, shown in check mode,
repaired, and run again.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

import pytest
from controllers import STEP_TASKS, Controller, Play, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

USER = "operator@rehearsal.onmicrosoft.com"
ELSEWHERE = "00000000-0000-4000-8000-000000000000"
INFORMATION, KEY_PAIR, PRINCIPAL, TOKEN, ACTIVATE = (
    "Get-AzureStackStampInformation",
    "Set-RegistrationKeyPair",
    "New-AzureBridgeServicePrincipal",
    "New-RegistrationToken",
    "New-AzureStackActivation",
)
MINT = [INFORMATION, KEY_PAIR, TOKEN]
MINT_WITH_PRINCIPAL = [INFORMATION, KEY_PAIR, PRINCIPAL, TOKEN]
AGAIN = ["DELETE lock", "PUT R", "PUT lock"]
REPLACED = ["DELETE lock", "PUT R", "DELETE role", "PUT lock"]
NEW = ["PUT R", "PUT lock", "PUT role"]
PROVIDER = "POST provider"
"""Where no registration proves that the provider is there, its state is asked for by this, and again until it is registered."""
FIRST = [PROVIDER, PROVIDER, "PUT group", *NEW]
LOOK = ["endpoints", "subscriptions", "default", "getactivationkey", "RegistrationResourceLock", "roleAssignments"]
"""Ends of the paths that a run with nothing to do asks for, but for the cloud's metadata."""
ALL_STEPS = {"principal", "token", "registration", "lock", "role_assignment", "key", "activation"}
REGISTER_STEPS = {"token", "registration", "key", "activation"}
ACTIVATE_STEPS = {"key", "activation"}


@dataclasses.dataclass(frozen=True)
class Case:
    """Something that can happen to a stamp, and what a run does about it.

    :param name: the stamp's.
    :param drift: what the plan says: field and where it was read.
    :param steps: what the plan says is done about it.
    :param pep: the cmdlets that the stamp is told to run.
    :param writes: the requests that change something in Azure.
    :param first: whether the stamp is not registered when the test begins, so that the first round registers it.
    :param disturb: side effects of the simulator behind the back of the collection: name -> keywords.
    :param known: variables of the stamp, from the beginning.
    :param asked: variables of the stamp, after it was disturbed.
    :param fails: kind of the error, for what is refused.
    :param registration: how the vendor's script left the stamp.
    """

    name: str
    drift: tuple[tuple[str, str], ...] = ()
    steps: t.AbstractSet[str] = frozenset()
    pep: t.Sequence[str] = ()
    writes: t.Sequence[str] = ()
    first: bool = False
    disturb: tuple[tuple[str, dict[str, t.Any]], ...] = ()
    known: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    asked: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    fails: str | None = None
    registration: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


def edit(**claims: t.Any) -> tuple[tuple[str, dict[str, t.Any]], ...]:
    """Change the registration."""
    return (("edit-registration", {"claims": claims}),)


def activation(**properties: t.Any) -> tuple[tuple[str, dict[str, t.Any]], ...]:
    """Change the stamp's activation."""
    return (("edit-activation", {"properties": properties}),)


UNLOCK = ("delete-lock", {})
KEY = "activation_key"

CASES = (
    Case("calm"),
    Case("calm-first", first=True),
    # In Azure
    Case(
        "billing",
        (("billing_model", KEY),),
        REGISTER_STEPS,
        [*MINT, ACTIVATE],
        AGAIN,
        disturb=edit(billingModel="Development"),
    ),
    Case(
        "syndication",
        (("marketplace_syndication", KEY),),
        REGISTER_STEPS,
        [*MINT, ACTIVATE],
        AGAIN,
        disturb=edit(marketplaceSyndicationEnabled=False),
    ),
    Case(
        "usage",
        (("usage_reporting", KEY),),
        REGISTER_STEPS,
        [*MINT, ACTIVATE],
        AGAIN,
        disturb=edit(usageReportingEnabled=False),
    ),
    Case(
        "no-principal",
        (("bridge_principal", KEY),),
        ALL_STEPS - {"lock"},
        [*MINT_WITH_PRINCIPAL, ACTIVATE],
        [*AGAIN, "PUT role"],
        disturb=edit(objectId=""),
    ),
    Case(
        "principal",
        (("bridge_principal", KEY),),
        REGISTER_STEPS | {"role_assignment"},
        [*MINT, ACTIVATE],
        [*REPLACED, "PUT role"],
        disturb=(("create-principal", {"RefreshToken": "..."}),),
        asked={"azs_bridge_principal": "..."},
    ),
    Case("lock", (("lock", "registration"),), {"lock"}, [], ["PUT lock"], disturb=(UNLOCK,)),
    Case(
        "lock-level",
        (("lock", "registration"),),
        {"lock"},
        [],
        ["PUT lock"],
        disturb=(UNLOCK, ("add-lock", {"level": "ReadOnly"})),
    ),
    Case(
        "role",
        (("role_assignment", "registration"),),
        {"role_assignment"},
        [],
        ["PUT role"],
        disturb=(("remove-role-assignments", {"name": "..."}),),
    ),
    Case(
        "lock-and-role",
        (("lock", "registration"), ("role_assignment", "registration")),
        {"lock", "role_assignment"},
        [],
        ["PUT lock", "PUT role"],
        disturb=(UNLOCK, ("remove-role-assignments", {"name": "..."})),
    ),
    Case(
        "unlocked-usage",
        (("usage_reporting", KEY), ("lock", "registration")),
        REGISTER_STEPS | {"lock"},
        [*MINT, ACTIVATE],
        ["PUT R", "PUT lock"],
        disturb=(*edit(usageReportingEnabled=False), UNLOCK),
    ),
    Case(
        "gone",
        (("registration", "registration"),),
        ALL_STEPS,
        # What the activation names is not there, as after a move: the stamp tells which one to look for instead.
        [INFORMATION, *MINT_WITH_PRINCIPAL, ACTIVATE],
        [PROVIDER, *NEW],
        disturb=(("delete-registration", {}),),
    ),
    # The token of the first run is in the bundle, and names the principal: neither is made again.
    Case(
        "gone-first",
        (("registration", "registration"),),
        ALL_STEPS - {"principal"},
        [ACTIVATE],
        [PROVIDER, *NEW],
        first=True,
        disturb=(("delete-registration", {}),),
    ),
    # At the stamp
    Case(
        "deactivated",
        (("activation", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        known={"azs_cloud_id": "..."},
        disturb=(("deactivate-stamp", {}),),
    ),
    Case(
        "deactivated-first",
        (("activation", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        first=True,
        disturb=(("deactivate-stamp", {}),),
    ),
    Case(
        "expired", (("activation", "activation"),), ACTIVATE_STEPS, [ACTIVATE], [], disturb=(("expire-activation", {}),)
    ),
    Case(
        "expiry",
        (("expires", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        disturb=activation(expiration="2091-01-01T00:00:00Z"),
    ),
    Case(
        "stamp-usage",
        (("usage_reporting", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        disturb=activation(usageReportingEnabled=False),
    ),
    Case(
        "stamp-syndication",
        (("marketplace_syndication", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        disturb=activation(marketplaceSyndicationEnabled=False),
    ),
    Case(
        "stamp-points",
        (("registration_id", "activation"),),
        ACTIVATE_STEPS,
        [ACTIVATE],
        [],
        known={"azs_cloud_id": "..."},
        disturb=activation(azureRegistrationResourceIdentifier="..."),
    ),
    # What an interrupted run left
    Case("older-key", ((KEY, "receipt"),), ACTIVATE_STEPS, [ACTIVATE], [], first=True, disturb=edit(hardwareInfo=[])),
    Case("unused-key", ((KEY, "bundle"),), ACTIVATE_STEPS, [ACTIVATE], [], first=True),
    # Registered by the vendor's script under a name of its own
    Case(
        "adopted",
        (("usage_reporting", KEY),),
        REGISTER_STEPS,
        [*MINT, ACTIVATE],
        AGAIN,
        disturb=edit(usageReportingEnabled=False),
        registration={"name": "AzureStackRegistration", "group": "Legacy"},
    ),
    # What is refused, before anything is changed
    Case(
        "renamed",
        disturb=(UNLOCK,),
        asked={"azs_registration_name": "mine"},
        fails="registered_elsewhere",
        registration={"name": "AzureStackRegistration", "group": "Legacy"},
    ),
    Case("moved", disturb=(UNLOCK,), asked={"azs_subscription_id": ELSEWHERE}, fails="registered_elsewhere"),
    Case(
        "no-token",
        pep=[INFORMATION],
        disturb=(("delete-registration", {}),),
        asked={"azs_refresh_token": ""},
        fails="needs_user",
    ),
    Case("no-number", asked={"azs_billing_model": "Capacity"}, fails="bad_input"),
    Case("not-this-stamp", asked={"azs_cloud_id": ELSEWHERE}, fails="activation_of_another_stamp"),
    Case("expired-in-azure", disturb=(("expire-registration", {}),), fails="registration_expired"),
    # What the operator asks for
    Case("reregister", (), REGISTER_STEPS, [*MINT, ACTIVATE], AGAIN, asked={"azs_reregister": True}),
    Case(
        "new-principal",
        (),
        REGISTER_STEPS | {"principal", "role_assignment"},
        [*MINT_WITH_PRINCIPAL, ACTIVATE],
        [*REPLACED, "PUT role"],
        asked={"azs_new_bridge_principal": True},
    ),
)
BY_NAME: t.Final = {case.name: case for case in CASES}
COMMON: t.Final = (
    "calm",
    "calm-first",
    "lock-and-role",
    "moved",
)
"""Cases of `make test`; `make deep` has the others. tests/unit/domain/test_plan.py has what is decided for each of them."""


class Half:
    """Some of the cases, and what becomes of their stamps."""

    def __init__(self, names: t.Iterable[str]) -> None:
        self.cases = {name: BY_NAME[name] for name in names}
        # The new ones, and some that the vendor's script left.
        self.begun = [name for name, case in self.cases.items() if case.first or name in ("calm", "adopted")]
        self.repaired = [name for name, case in self.cases.items() if case.steps or not case.fails]
        # Those that have nothing more to be done after the repair.
        self.settled = [name for name in self.repaired if name not in ("reregister", "new-principal")]


HALVES: t.Final = {"common": Half(COMMON), "rare": Half(name for name in BY_NAME if name not in COMMON)}
MARKS: t.Final[dict[str, list[pytest.MarkDecorator]]] = {"common": [], "rare": [pytest.mark.deep]}
each_half = pytest.mark.parametrize(
    "rounds", [pytest.param(half, marks=marks) for half, marks in MARKS.items()], indirect=True
)
each_case = pytest.mark.parametrize(
    ("rounds", "name"),
    [pytest.param(half, name, marks=marks) for half, marks in MARKS.items() for name in HALVES[half].cases],
    indirect=["rounds"],
)

FLEET = {
    "stamps": [
        {
            "name": case.name,
            "connected": True,
            "ercs": 1,
            "nodes": 2,
            "registration": None if case.first else {"subscription": case.name, **case.registration},
        }
        for case in CASES
    ]
    + [{"name": "oldest", "connected": True, "ercs": 1, "nodes": 1}],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": name} for name in (*BY_NAME, "oldest")],
            "principals": [
                {"name": "registrar", "role": "registration"},
                {"name": USER, "kind": "user", "role": "registration"},
            ],
        }
    ],
    "settings": {"provider_registration": 0.5},
}

_SHORT: t.Final = (
    (r"^/subscriptions/[^/]+", ""),
    (r"/resourceGroups/[^/]+/providers/Microsoft.AzureStack/registrations/[^/]+", "R"),
    (r"^/providers/Microsoft.AzureStack/register$", "provider"),
    (r"^/resourceGroups/[^/]+$", "group"),
    (r"^R/providers/Microsoft.Authorization/locks/RegistrationResourceLock$", "lock"),
    (r"^R/providers/Microsoft.Authorization/roleAssignments/[^/]+$", "role"),
)


class Round:
    """One run of the playbook over the fleet, and what it asked the services."""

    def __init__(self, play: Play, entries: list[dict[str, t.Any]], stamps: dict[str, str]) -> None:
        self.play = play
        self.entries = entries
        self._stamps = stamps  # subscription -> stamp

    def of(self, stamp: str) -> list[dict[str, t.Any]]:
        """What was asked for one stamp; the metadata of the cloud are left out, which tell no stamp."""
        return [entry for entry in self.entries if stamp == (entry.get("stamp") or self._subscription(entry))]

    def _subscription(self, entry: dict[str, t.Any]) -> str | None:
        found = re.match(r"/subscriptions/([^/]+)", entry.get("path", ""))
        return self._stamps.get(found[1].lower()) if found else None

    def writes(self, stamp: str) -> list[str]:
        """What was changed in Azure for one stamp."""
        return [_short(request) for request in changing(entry for entry in self.of(stamp) if entry["service"] == "arm")]

    def plan(self, stamp: str) -> dict[str, t.Any]:
        """The plan for one stamp."""
        if stamp in self.play.settled:
            return {"drift": [], "steps": {}, "not_compared": []}
        return self.play.of("Show the plan", stamp).data

    def asked(self, stamp: str) -> list[str]:
        """The requests to Azure Resource Manager and the stamp's admin one, metadata of the cloud not counted."""
        return [
            f"{entry['service']} {entry['method']} {_short(entry['path'])}"
            for entry in self.of(stamp)
            if entry["service"] in ("arm", "admin")
        ]


def _short(request: str) -> str:
    method, blank, path = request.partition(" ")
    for pattern, replacement in _SHORT:
        path = re.sub(pattern, replacement, path, flags=re.IGNORECASE)
    return f"{method}{blank}{path}"


@dataclasses.dataclass(frozen=True)
class Rounds:
    """The four runs: the first one, check mode after the fleet was disturbed, the repair, and one more."""

    half: Half
    first: Round
    check: Round
    repair: Round
    last: Round


@pytest.fixture(scope="module")
def rounds(
    request: pytest.FixtureRequest, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Rounds]:
    """Run the playbook four times over the stamps of a half."""
    half = HALVES[request.param]
    state = simulator.state()
    subscriptions = {one["name"]: one["id"] for one in state["clouds"]["AzureCloud"]["subscriptions"]}
    token = simulator.do("refresh-token", user=USER)
    controller = Controller(tmp_path_factory.mktemp("controller") / "one", simulator)
    variables: dict[str, dict[str, t.Any]] = {
        name: {
            "azs_subscription_id": subscriptions[name],
            "azs_refresh_token": token,
            **_filled(case.known, simulator, name),
        }
        for name, case in half.cases.items()
    }
    traffic = Traffic(simulator)

    def run(stamps: t.Iterable[str], *arguments: str) -> Round:
        # Lines are counted: none of them tells how long a step has been waiting.
        controller.knows({name: variables[name] for name in stamps}, azs_pep_progress_interval=600)
        traffic.read()
        play = controller.start("connected_register", "--forks", "4", *arguments).wait(600)
        return Round(play, traffic.read(), {subscription: name for name, subscription in subscriptions.items()})

    first = run(half.begun)
    first.play.succeeded()
    for name, case in half.cases.items():
        _disturb(simulator, name, case, subscriptions[name])
        variables[name] |= _filled(case.asked, simulator, name)
    if "unused-key" in half.cases:
        (controller.bundle / "unused-key.activation-receipt.json").unlink()
    yield Rounds(half, first, run(half.cases, "--check", "--diff"), run(half.cases), run(half.settled))
    controller.end()


def _filled(values: t.Mapping[str, t.Any], simulator: Simulator, stamp: str) -> dict[str, t.Any]:
    """Variables with their open places filled: the stamp's own cloud id, its newest principal."""
    now = simulator.stamp(stamp)
    open_places = {"azs_cloud_id": now["cloud_id"], "azs_bridge_principal": (now["principals"] or [None])[-1]}
    return {name: open_places[name] if value == "..." else value for name, value in values.items()}


def _disturb(simulator: Simulator, stamp: str, case: Case, subscription: str) -> None:
    for what, keywords in case.disturb:
        filled = dict(keywords)
        if what == "create-principal":
            filled["RefreshToken"] = simulator.do("refresh-token", user=USER)
        if what == "remove-role-assignments":
            simulator.do(what, name=simulator.stamp(stamp)["principals"][-1])
            continue
        if what == "edit-activation" and "azureRegistrationResourceIdentifier" in keywords["properties"]:
            gone = f"/subscriptions/{subscription}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/gone"
            filled["properties"] = {"azureRegistrationResourceIdentifier": gone}
        simulator.do(what, stamp=stamp, **filled)


@each_half
def test_the_first_round_registers_and_adopts(rounds: Rounds) -> None:
    play = rounds.first.play
    for case in (BY_NAME[name] for name in rounds.half.begun):
        name = case.name
        assert rounds.first.writes(name) == (FIRST if case.first else []), name
        assert cmdlets(rounds.first.of(name)) == (
            [INFORMATION, *MINT_WITH_PRINCIPAL, ACTIVATE] if case.first else []
        ), name
        assert play.recap(name)["changed"] == (4 if case.first else 0), name


@each_half
def test_a_first_run_keeps_to_its_budget(rounds: Rounds) -> None:
    first = [name for name, case in rounds.half.cases.items() if case.first]
    for name in first:
        entries = [entry for entry in rounds.first.of(name) if entry["service"] == "pep"]
        assert [entry["action"] for entry in entries].count("Create") <= 3, name
        assert len(entries) <= 51, name
        assert cmdlets(entries).count(INFORMATION) == 2, "one of them tells whether it is registered already"
        # One module asked for the cloud's metadata; the next ones were told.
        assert len(rounds.first.asked(name)) + 1 <= 23, "\n".join(rounds.first.asked(name))
    metadata = [entry for entry in rounds.first.entries if entry.get("path") == "/metadata/endpoints"]
    # One process read all, signed in once for each identity, and told the next ones.
    assert sum(entry["service"] == "arm" for entry in metadata) == 1
    minted = [entry["n"] for entry in rounds.first.entries if entry.get("cmdlet") == KEY_PAIR]
    sign_ins = [entry["n"] for entry in rounds.first.entries if entry["service"] == "login"]
    assert sign_ins and max(sign_ins) < min(minted), (
        "who has signed in to read does not do so again to register and activate"
    )


@each_case
def test_check_mode_says_what_drifted_and_changes_nothing(rounds: Rounds, name: str) -> None:
    case, there = BY_NAME[name], rounds.check
    assert changing(there.of(name)) == []
    if case.fails is None:
        plan = there.plan(name)
        assert [(drift["field"], drift["read_from"]) for drift in plan["drift"]] == list(case.drift)
        assert {step for step, due in plan["steps"].items() if due} == set(case.steps)
        assert not {drift["field"] for drift in plan["drift"]} & set(plan["not_compared"])
        lines = [line for line in there.play.output.splitlines() if line.startswith(f"{name}: ")]
        told = [line for line in lines if "Registered, " not in line]
        would = [line for line in told if line.startswith(f"{name}: would ")]
        assert len(told) - len(would) == len(case.drift), lines
        assert len(would) == bool(case.steps), lines


@each_case
def test_the_repair_takes_exactly_the_steps_that_it_needs(rounds: Rounds, name: str) -> None:
    case, there = BY_NAME[name], rounds.repair
    assert cmdlets(there.of(name)) == list(case.pep)
    assert there.writes(name) == list(case.writes)


@each_case
def test_check_mode_predicted_it(rounds: Rounds, name: str) -> None:
    """The plan is the prediction: what it says is what changes, and what the real run refuses is refused before."""
    case = BY_NAME[name]
    real = {one.task for one in rounds.repair.play.results if one.host == name and one.changed}
    if case.fails:
        assert real == set()
        for there in (rounds.check, rounds.repair):
            failure = there.play.failure(name)
            assert failure.kind == case.fails
            assert failure.data["error"]["remedy"], failure.message
        return
    predicted, planned = rounds.check.plan(name), rounds.repair.plan(name)
    assert (predicted["drift"], predicted["steps"]) == (planned["drift"], planned["steps"])
    tasks = {task for task, host in rounds.check.play.foretold if host == name}
    # A token or a key that an earlier run left, and that still fits, is used again.
    assert tasks - {STEP_TASKS["token"], STEP_TASKS["key"]} <= real <= tasks
    assert rounds.check.play.recap(name)["changed"] == bool(tasks)


@each_half
def test_the_repaired_fleet_agrees(rounds: Rounds, simulator: Simulator) -> None:
    for name in rounds.half.repaired:
        assert rounds.repair.play.verdict(name)["agrees"]
        registration, stamp = simulator.registration_of(name), simulator.stamp(name)
        assert registration is not None
        assert registration["locks"] == ["CanNotDelete"]
        assert stamp["status"] == "Registered"
        assert stamp["activation"]["azureRegistrationResourceIdentifier"].lower() == registration["id"].lower()


@each_half
def test_the_last_round_changes_nothing_and_asks_little(rounds: Rounds) -> None:
    play = rounds.last.play.succeeded()
    for name in rounds.half.settled:
        assert rounds.last.plan(name)["drift"] == [], name
        assert play.recap(name)["changed"] == 0, name
        assert cmdlets(rounds.last.of(name)) == [], name
        asked = rounds.last.asked(name)
        assert len(asked) + 1 <= 8, (name, asked)
        if "azs_cloud_id" not in BY_NAME[name].known:
            assert [request.rpartition(" ")[2].rpartition("/")[2] for request in asked] == LOOK, name
    assert not [entry for entry in rounds.last.entries if entry["service"] == "pep"]


@each_half
def test_secrets_stay_out_of_everything_that_is_shown(rounds: Rounds, simulator: Simulator) -> None:
    secrets = simulator.secrets()
    for there in (rounds.first, rounds.check, rounds.repair, rounds.last):
        shown = itertools.chain([there.play.output], (str(result.data) for result in there.play.results))
        text = "\n".join(shown)
        assert not [secret for secret in secrets if secret in text]


@pytest.mark.deep
def test_on_the_oldest_ansible_core(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    here = controller("oldest").knows(
        {"oldest": {"azs_subscription_id": simulator.state()["clouds"]["AzureCloud"]["subscriptions"][-1]["id"]}}
    )
    traffic = Traffic(simulator)
    predicted = here.run("connected_register", "--check").succeeded()
    assert changing(traffic.read()) == []
    real = here.run("connected_register").succeeded()
    assert cmdlets(traffic.read()) == [INFORMATION, INFORMATION, PRINCIPAL, TOKEN, ACTIVATE]
    assert predicted.foretold == real.changes
    assert here.run("connected_register").succeeded().changed == 0
    assert cmdlets(traffic.read()) == []
