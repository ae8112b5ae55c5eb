# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong at an operator's hands ends in a message that says what to do, and stops no other stamp."""

from __future__ import annotations

import json
import pathlib
import platform
import subprocess
import sys
import typing as t

import pytest
from controllers import BOTH_CORES, CORES, LEGS, Controller, Elsewhere, Play, Traffic, changing
from tables import first_of

from azs_simulator.client import Simulator

EXPORT, REGISTER, ACTIVATE = LEGS
AGREEMENT = {"agreement_number": "90000001", "nodes": 1}
REGISTERED = {**AGREEMENT, "registration": {"activated": False}}
FLEET = {
    "stamps": [
        # leg 1
        {"name": "password", **AGREEMENT},
        {"name": "configuration", **AGREEMENT},
        {"name": "library", **AGREEMENT},
        {"name": "silent", **AGREEMENT},
        {"name": "rule", **AGREEMENT},
        {"name": "other-stamp", **AGREEMENT},
        {"name": "healthy", **AGREEMENT},
        # leg 2
        {"name": "half", **AGREEMENT},
        {"name": "missing", **AGREEMENT},
        {"name": "taken", **AGREEMENT},
        {"name": "holder", **AGREEMENT, "registration": {"name": "AzureStackRegistration", "activated": False}},
        {"name": "renamed", **AGREEMENT, "registration": {"name": "by-the-vendor", "group": "old", "activated": False}},
        {
            "name": "adopted",
            **AGREEMENT,
            "registration": {"name": "of-an-operator", "group": "old", "activated": False},
        },
        # leg 3
        {"name": "half-key", **REGISTERED},
        {"name": "swapped", **REGISTERED},
        {"name": "expired", **AGREEMENT, "registration": {"activated": False, "expires_in_days": -1}},
        {"name": "ready", **REGISTERED},
    ],
}


def says(play: Play, host: str, kind: str, *parts: str) -> None:
    """Assert that a host's task failed with an error of a kind, whose message has these parts and is on the screen."""
    failure = play.failure(host)
    assert failure.kind == kind, failure.message
    for part in parts:
        assert part in failure.message
    assert json.dumps(failure.message)[1:-1] in play.output
    assert play.recap(host)["failed"] == 1


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An interpreter that has nothing but the standard library."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    return place / "bin" / "python"


def bring_key(simulator: Simulator, stamp: str, bundle: pathlib.Path, name: str = "") -> pathlib.Path:
    """Put a stamp's activation key into a bundle, as Microsoft's tools write it; under another stamp's name if told so."""
    bundle.mkdir(mode=0o700, exist_ok=True)
    file = bundle / f"{name or stamp}.activation-key.txt"
    file.write_bytes(str(simulator.do("activation-key", stamp=stamp)).encode("utf-16") + "\r\n".encode("utf-16-le"))
    file.chmod(0o600)
    return file


@pytest.mark.deep
def test_leg_1(
    simulator: Simulator,
    controller: t.Callable[..., Controller],
    elsewhere: t.Callable[..., Elsewhere],
    bare_python: pathlib.Path,
) -> None:
    """Six stamps fail in six ways; the seventh is exported, and packed for the way."""
    runner = elsewhere("runner", python=str(bare_python))
    hosts = {name: simulator.host(name)["azs_pep_hosts"] for name in ("password", "configuration", "silent")}
    for number in range(1, 4):
        simulator.do("close-ercs", stamp="silent", ercs=number)
    operator, traffic = controller(), Traffic(simulator)
    operator.knows(
        {
            "password": {"azs_pep_password": "not-this-one"},
            "configuration": {"azs_pep_configuration": "Privileged"},
            "library": {"azs_pep_runner": "runner"},
            "silent": {},
            "rule": {"azs_billing_model": "PayAsYouUse"},
            "other-stamp": {"azs_cloud_id": simulator.stamp("healthy")["cloud_id"]},
            "healthy": {},
        },
        runners={"runner": runner.variables()},
    )
    archive = operator.place / "stamps.tar.gz"
    play = operator.run(EXPORT, azs_archive=archive)
    entries = traffic.read()

    assert play.status == 2
    here = platform.node()
    says(
        play,
        "password",
        "pep_wrong_password",
        f"({hosts['password'][0]})",
        "refused the sign-in of AZURESTACK\\CloudAdmin",
        "Compare pep_username (DOMAIN\\CloudAdmin) and pep_password. It was tried once only, at this address",
    )
    # One sign-in: without credentials, the negotiation, the proof. And at one address.
    asked = [(entry["action"], entry["ercs"]) for entry in entries if entry.get("stamp") == "password"]
    assert asked == [("Authenticate", 1)] * 3
    says(
        play,
        "configuration",
        "pep_configuration_unknown",
        f"no session configuration 'Privileged' ({hosts['configuration'][0]})",
        "Set pep_configuration to PrivilegedEndpoint",
    )
    says(
        play,
        "library",
        "missing_library",
        f"The Python library pypsrp is missing on {here} ({bare_python})",
        f"Install it there: {bare_python} -m pip install 'pypsrp>=0.9.0'",
    )
    says(
        play,
        "silent",
        "pep_unreachable",
        "No address of the privileged endpoint answered",
        *(f"{address}: it refused the connection" for address in hosts["silent"]),
        "Compare pep_hosts with the addresses of the stamp's ERCS virtual machines",
    )
    says(play, "rule", "bad_input", "PayAsYouUse")
    says(
        play,
        "other-stamp",
        "another_stamp",
        simulator.stamp("healthy")["cloud_id"],
        simulator.stamp("other-stamp")["cloud_id"],
        "Compare pep_hosts and cloud_id of this stamp in the inventory. Nothing was changed",
    )
    assert play.recap("healthy")["failed"] == 0
    assert [
        entry["stamp"]
        for entry in entries
        if entry.get("cmdlet") == "New-RegistrationToken" and entry["action"] == "Command"
    ] == ["healthy"]
    assert [item["stamp"] for item in play.of("Pack the bundle into one file", "healthy").data["artifacts"]] == [
        "healthy"
    ]


@pytest.mark.deep
def test_leg_2(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    """Four stamps fail in four ways; one is adopted where it is."""
    operator = controller()
    stamps = ("half", "missing", "taken", "renamed", "adopted")
    operator.knows(stamps).run(EXPORT).succeeded()
    half = operator.bundle / "half.registration-token.txt"
    half.write_text(half.read_text()[:100])
    missing = operator.bundle / "missing.registration-token.txt"
    missing.unlink()
    before = {
        name: t.cast(dict[str, t.Any], simulator.registration_of(name)) for name in ("holder", "renamed", "adopted")
    }
    traffic = Traffic(simulator)
    operator.knows(
        {
            **{key: {"azs_resource_group": None} for key in stamps},
            "taken": {"azs_registration_name": "AzureStackRegistration"},
            "renamed": {"azs_registration_name": "azurestack-of-berlin", "azs_resource_group": None},
        }
    )
    play = operator.run(REGISTER)
    entries = traffic.read()

    assert play.status == 2
    says(
        play,
        "half",
        "truncated_artifact",
        f"The registration token of half is truncated ({half}): it has 100 of",
        "Copy the whole bundle again",
    )
    says(
        play,
        "missing",
        "missing_artifact",
        f"There is no registration token of missing ({missing})",
        "Run the leg that writes it, with a new archive where one is used, or copy the whole bundle here, then run this leg again",
    )
    says(
        play,
        "taken",
        "registration_of_another_stamp",
        before["holder"]["id"],
        before["holder"]["cloud_id"],
        f"this stamp's cloud id is {simulator.stamp('taken')['cloud_id']}. Choose another name",
    )
    says(
        play,
        "renamed",
        "registered_elsewhere",
        before["renamed"]["id"],
        "registered already, as by-the-vendor in resource group old",
        "azurestack.hub.connected_change",
    )
    assert play.recap("adopted")["failed"] == 0
    assert play.of("Register the stamp in Azure", "adopted").data["adopted"] is True
    assert play.of("Register the stamp in Azure", "adopted").data["registration"]["id"] == before["adopted"]["id"]
    for name in ("holder", "renamed"):
        registration = simulator.registration_of(name)
        assert registration is not None
        assert {**registration, "exports": 0} == before[name]  # exporting a key changes nothing
    assert changing(entries) == []


@pytest.mark.deep
def test_leg_3(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    """Three keys are refused before the stamp is contacted; the fourth is taken as Microsoft's tools wrote it."""
    operator, traffic = controller(), Traffic(simulator)
    stamps = {
        name: {"azs_cloud_id": simulator.stamp(name)["cloud_id"]}
        for name in ("half-key", "swapped", "expired", "ready")
    }
    half = bring_key(simulator, "half-key", operator.bundle)
    half.write_bytes(half.read_bytes()[:401])
    bring_key(simulator, "ready", operator.bundle, "swapped")
    bring_key(simulator, "expired", operator.bundle)
    bring_key(simulator, "ready", operator.bundle)
    play = operator.knows(stamps).run(ACTIVATE)
    entries = traffic.read()

    assert play.status == 2
    says(play, "half-key", "truncated_artifact", str(half))
    says(
        play,
        "swapped",
        "key_of_another_stamp",
        simulator.stamp("ready")["cloud_id"],
        simulator.stamp("swapped")["cloud_id"],
        "Bring the activation key of this stamp's own registration. Nothing was changed",
    )
    says(play, "expired", "expired_key", "renew the registration in Azure")
    assert {entry["stamp"] for entry in entries if entry["service"] == "pep"} == {"ready"}
    assert simulator.stamp("ready")["status"] == "Registered"
    assert play.recap("ready")["changed"] == 1


@pytest.mark.deep
def test_archives_that_cannot_be_used(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    """A half-copied archive, and the archive of the leg before, stop a leg before anything is written."""
    operator, traveller = controller().knows(["healthy"]), controller().knows(["healthy"])
    archive = operator.place / "stick" / "stamps.tar.gz"
    archive.parent.mkdir()
    operator.run(EXPORT, azs_archive=archive).succeeded()
    traffic = Traffic(simulator)

    archive.write_bytes(archive.read_bytes()[:-20])
    says(
        traveller.run(REGISTER, azs_archive=archive),
        "healthy",
        "truncated_archive",
        f"The archive is truncated ({archive}). Copy it again; a half-copied archive cannot be used.",
    )
    assert not traveller.bundle.exists()
    assert traffic.read() == []
    warned = operator.run(EXPORT, azs_archive=archive).succeeded()
    assert "is truncated" in warned.of("Pack the bundle into one file").warnings
    assert warned.changed == 1
    archive.chmod(0o644)
    of_leg_1 = traveller.run(ACTIVATE, azs_archive=archive)
    says(
        of_leg_1,
        "healthy",
        "missing_artifact",
        f"There is no activation key of healthy ({traveller.bundle}/healthy.activation-key.txt)",
    )
    exposed = f"{archive} can be read by others than its owner (mode 0644)"
    assert exposed in of_leg_1.of("Take the activation key out of the archive").warnings
    assert traffic.read() == []


@pytest.mark.parametrize("core", BOTH_CORES)
def test_no_stamp(controller: t.Callable[..., Controller], core: str) -> None:
    """A fleet that the inventory does not have is no success."""
    play = controller(core).knows(["healthy"]).run(EXPORT, azs_stamps="berlin")
    assert play.status != 0
    assert (
        "No host of the inventory matches berlin. Put the stamps into the group azs_stamps, or set azs_stamps to their "
        "group or names."
    ) in " ".join(play.output.split())


@pytest.mark.deep
def test_a_tenant_at_a_stamp_whose_registration_nobody_knows(controller: t.Callable[..., Controller]) -> None:
    """Nothing says that the stamp is not registered."""
    operator = controller().knows({"healthy": {"azs_admin_endpoint": None}})
    play = operator.run(
        "compare_tenant", azs_customer_subscription_id="3f0a8a5e-4b1c-4c53-8f0e-5d1f3b7c9a11"
    ).succeeded()
    assert play.settled["healthy"]["line"] == (
        "which registration it has is not known; set azs_admin_endpoint, or azs_cloud_id or azs_registration_id"
    )


@pytest.mark.parametrize("core", BOTH_CORES)
@pytest.mark.parametrize("leg", first_of([EXPORT, REGISTER, "disconnected_deactivate"]))
@pytest.mark.parametrize("arguments", [[], pytest.param(["--check"], marks=pytest.mark.deep)], ids=["run", "check"])
def test_a_stick_that_is_not_mounted_stops_a_leg_before_anything_is_minted(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str, leg: str, arguments: list[str]
) -> None:
    """Kind: missing directories of what travels are never made, and are told first (row 17)."""
    operator, mark = controller(core), simulator.mark()
    operator.knows(["healthy"])
    archive = operator.place / "media" / "stick" / "stamps.tar.gz"
    play = operator.run(leg, "--limit", "healthy", *arguments, azs_archive=archive)
    says(play, "healthy", "missing_directory", str(archive.parent))
    assert not archive.parent.parent.exists() and not operator.bundle.exists()
    assert simulator.requests(mark) == []


TWICE = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Ask {number}
      azurestack.hub.azs_stamp_info:
        pep_hosts: "{{{{ azs_pep_hosts }}}}"
        pep_username: "{{{{ azs_pep_username }}}}"
        pep_password: "{{{{ azs_pep_password }}}}"
        commands: false
      delegate_to: localhost
"""


@pytest.mark.deep
@pytest.mark.parametrize("core", CORES)
def test_an_address_that_does_not_answer_is_remembered_for_the_run(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str
) -> None:
    """Kind: a silent address costs its time once in a run, and not in every session (row 30)."""
    operator = controller(core)
    operator.knows({"healthy": {"azs_pep_hosts": ["127.0.0.1:9", *simulator.host("healthy")["azs_pep_hosts"]]}})
    playbook = operator.place / "twice.yml"
    playbook.write_text("".join(TWICE.format(number=number) for number in (1, 2, 3)), encoding="utf-8")
    play = operator.run(str(playbook)).succeeded()
    assert "not at an earlier address (127.0.0.1:9" in play.of("Ask 1").warnings
    for later in ("Ask 2", "Ask 3"):
        assert "earlier address" not in play.of(later).warnings
    assert "_azs_silent" not in play.output
