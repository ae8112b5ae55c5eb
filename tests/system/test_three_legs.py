# SPDX-License-Identifier: GPL-3.0-or-later
"""Three commands register and activate a fleet across an air gap, on every supported ansible-core."""

from __future__ import annotations

import dataclasses
import pathlib
import stat
import typing as t

import pytest
from controllers import LEGS, Controller, Play, Traffic, arm_requests, changing, cmdlets

from azs_simulator.client import Simulator

STAMPS = ("opaque", "tls", "no-admin", "vehicle", "old")
FLEET = {
    "stamps": [
        {"name": "opaque", "version": "1.2311.1.22", "nodes": 4, "opaque_tokens": True, "agreement_number": "70000001"},
        {"name": "tls", "version": "1.2206.2.52", "nodes": 1, "pep_tls": True, "agreement_number": "70000002"},
        {"name": "no-admin", "nodes": 4, "admin_reachable": False, "agreement_number": "70000003"},
        {"name": "vehicle", "version": "1.2108.2.65", "billing_model": "Ruggedized", "asset_tag": "AT-70000004"},
        {"name": "old", "version": "1.1904.0.36", "nodes": 1, "agreement_number": "70000005"},
    ],
}
EXPORT, REGISTER, ACTIVATE = LEGS


@dataclasses.dataclass
class Leg:
    """What happened in one leg: a run in check mode where there is one, the real run, and the same again."""

    checked: Play | None
    checked_requests: list[dict[str, t.Any]]
    first: Play
    first_requests: list[dict[str, t.Any]]
    second: Play | None = None
    second_requests: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Journey:
    """The fleet's way across the air gap and back."""

    simulator: Simulator
    legs: dict[str, Leg]
    stamp_zone: Controller
    azure_zone: Controller
    archive: pathlib.Path


@pytest.fixture(scope="class")
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Journey]:
    """Stamps of different kinds through the three legs, and through all of them again."""
    place = tmp_path_factory.mktemp("journey")
    archive = place / "stick" / "stamps.tar.gz"
    archive.parent.mkdir(mode=0o700)
    stamps = request.cls.stamps
    fleet = {"stamps": [stamp for stamp in FLEET["stamps"] if stamp["name"] in stamps]}
    with Simulator.start(fleet, place / "simulator") as simulator:
        simulator.do("close-ercs", stamp="opaque", ercs=1)
        traffic = Traffic(simulator)
        stamp_zone = Controller(place / "stamp-zone", simulator, request.cls.core).knows(stamps)
        azure_zone = Controller(place / "azure-zone", simulator, request.cls.core).knows(stamps)
        controllers = {EXPORT: stamp_zone, REGISTER: azure_zone, ACTIVATE: stamp_zone}
        legs = {}
        for name, controller in controllers.items():
            checked = (
                controller.run(name, "--check", "--diff", azs_archive=archive).succeeded()
                if request.cls.foretold
                else None
            )
            checked_requests = traffic.read()
            first = controller.run(name, azs_archive=archive).succeeded()
            legs[name] = Leg(checked, checked_requests, first, traffic.read())
        for name, controller in controllers.items():
            legs[name].second = controller.run(name, azs_archive=archive).succeeded()
            legs[name].second_requests = traffic.read()
        yield Journey(simulator, legs, stamp_zone, azure_zone, archive)


class Legs:
    """The tests, for one ansible-core.

    :cvar foretold: whether each leg runs in check mode first.
    """

    core: t.ClassVar[str]
    foretold: t.ClassVar[bool] = False
    stamps: t.ClassVar[tuple[str, ...]]

    def test_every_stamp_is_registered_and_active(self, journey: Journey) -> None:
        state = journey.simulator.state()["stamps"]
        for name in self.stamps:
            registration = journey.simulator.registration_of(name)
            assert registration, name
            assert registration["id"].endswith(f"/registrations/azurestack-{state[name]['cloud_id']}")
            assert registration["billing_model"] == ("Ruggedized" if name == "vehicle" else "Capacity")
            assert state[name]["status"] == "Registered"
        assert state["opaque"]["last_token_request"]["TokenVersion"] == "6.0"

    def test_the_first_run_does_each_thing_once(self, journey: Journey) -> None:
        export, register, activate = (journey.legs[name] for name in LEGS)
        # The first stamp packs the bundle for all of them.
        assert {host: export.first.recap(host)["changed"] for host in self.stamps} == dict.fromkeys(self.stamps, 1) | {
            min(self.stamps): 2
        }
        assert {host: register.first.recap(host)["changed"] for host in self.stamps} == dict.fromkeys(
            self.stamps, 2
        ) | {min(self.stamps): 3}
        assert {host: activate.first.recap(host)["changed"] for host in self.stamps} == dict.fromkeys(self.stamps, 2)
        for host in self.stamps:
            assert cmdlets(export.first_requests, host).count("Get-AzureStackStampInformation") == 1
            assert cmdlets(export.first_requests, host)[-1] == "New-RegistrationToken"
            # At an address that is not the first one, nothing has vouched for the stamp yet.
            asked = ["Get-AzureStackStampInformation"] if host == "opaque" else []
            assert cmdlets(activate.first_requests, host) == [*asked, "New-AzureStackActivation"]

    def test_an_address_that_does_not_answer_is_passed_over_and_told(self, journey: Journey) -> None:
        first, second = journey.simulator.stamp("opaque")["pep_hosts"][:2]
        told = f"The privileged endpoint was reached at {second}, not at an earlier address ({first}: it refused the connection)."
        for leg in (journey.legs[EXPORT], journey.legs[ACTIVATE]):
            assert " ".join(leg.first.output.split()).count(told) == 1

    @pytest.mark.parametrize("name", LEGS)
    def test_a_second_run_changes_nothing(self, journey: Journey, name: str) -> None:
        leg = journey.legs[name]
        assert leg.second is not None
        assert leg.second.changed == 0
        assert changing(leg.second_requests) == []
        assert not [entry for entry in leg.second_requests if entry["service"] == "pep"]
        if name == REGISTER:
            assert len(arm_requests(leg.second_requests)) <= 5 * len(self.stamps), arm_requests(leg.second_requests)
        else:
            assert arm_requests(leg.second_requests) == []

    def test_artifacts_and_receipts_are_for_their_owner_alone(self, journey: Journey) -> None:
        bundle = journey.stamp_zone.bundle
        for directory in (bundle, journey.azure_zone.bundle, journey.archive.parent):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            for file in directory.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        kinds = ("registration-token.txt", "registration-token.json", "activation-key.txt", "activation-key.json")
        wanted = {f"{stamp}.{kind}" for stamp in self.stamps for kind in kinds}
        assert {file.name for file in journey.azure_zone.bundle.iterdir()} == wanted
        assert {file.name for file in bundle.iterdir()} == wanted | {
            f"{stamp}.activation-receipt.json" for stamp in self.stamps
        }

    def test_each_task_names_its_evidence(self, journey: Journey) -> None:
        second = journey.legs[ACTIVATE].second
        assert second is not None
        evidence = {host: second.of("Activate the stamp", host).data["evidence"] for host in self.stamps}
        assert evidence == {host: "receipt" if host == "no-admin" else "activation" for host in self.stamps}


class ForetoldLegs(Legs):
    """The same, each leg in check mode first."""

    foretold = True

    @pytest.mark.parametrize("name", LEGS)
    def test_check_mode_predicts_the_real_run(self, journey: Journey, name: str) -> None:
        leg = journey.legs[name]
        assert leg.checked is not None
        assert leg.checked.changes == leg.first.changes
        assert {host: leg.checked.recap(host) for host in self.stamps} == {
            host: leg.first.recap(host) for host in self.stamps
        }
        assert changing(leg.checked_requests) == []


class TestNewest(Legs):
    """With the newest ansible-core, and the newest libraries."""

    core = "newest"
    stamps = ("opaque",)


@pytest.mark.deep
class TestEveryKind(ForetoldLegs):
    """Stamps of every kind and version."""

    core = "newest"
    stamps = STAMPS


@pytest.mark.deep
class TestOldest(ForetoldLegs):
    """With the oldest ansible-core that is supported, and the libraries that azure.azcollection pins."""

    core = "oldest"
    stamps = ("opaque", "tls", "no-admin")
