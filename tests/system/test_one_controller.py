# SPDX-License-Identifier: GPL-3.0-or-later
"""One controller reaches both zones, each through a host of its own: artifacts pass between those hosts."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
from controllers import CORES, Controller, Elsewhere, Play, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

STAMPS = ("first", "second")
FLEET = {
    "stamps": [
        {"name": "first", "nodes": 4, "agreement_number": "70000011"},
        {"name": "second", "nodes": 1, "opaque_tokens": True, "agreement_number": "70000012", "admin_reachable": False},
        {"name": "alone", "nodes": 1, "agreement_number": "70000013"},
        {"name": "unseen", "nodes": 1, "agreement_number": "70000014", "registration": {}},
    ],
}
PLAYBOOK = "disconnected_all_legs"
COMPARE = "Compare the stamp, its registration and its activation"
PASSES = (
    "Pass the registration token to the host with Azure",
    "Pass the activation key to the host at the privileged endpoint",
)


@dataclasses.dataclass
class Story:
    """What happened: check mode, the run, the same again, and an enforced registration in check mode and in earnest."""

    simulator: Simulator
    controller: Controller
    pep_host: Elsewhere
    azure_host: Elsewhere
    plays: dict[str, Play]
    requests: dict[str, list[dict[str, t.Any]]]


@pytest.fixture(scope="class")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Story]:
    """Two stamps through the whole chain, over two hosts behind ssh of which one asks for sudo."""
    place = tmp_path_factory.mktemp("story")
    with Simulator.start(FLEET, place / "simulator") as simulator:
        yield _told(request.cls, simulator, place)


def _told(cls: type[Chain], simulator: Simulator, place: pathlib.Path) -> Story:
    """Go through the runs of a class of tests."""
    python = str(CORES[cls.core] / "python")
    pep_host, azure_host = Elsewhere(place / "pep-host", python=python), Elsewhere(place / "azure-host", python=python)
    runners = {
        "pep-host": pep_host.variables(
            ansible_host="203.0.113.7", ansible_user="pepper", ansible_port=2207, ansible_become=True
        ),
        "azure-host": azure_host.variables(ansible_host="203.0.113.8", ansible_user="azura"),
    }
    controller = Controller(place / "controller", simulator, cls.core)
    controller.knows(STAMPS, runners=runners, azs_pep_runner="pep-host", azs_azure_runner="azure-host")
    traffic, requests, plays = Traffic(simulator), {}, {}
    for name, (arguments, variables) in cls.runs.items():
        plays[name] = controller.run(PLAYBOOK, *arguments, **variables).succeeded()
        requests[name] = traffic.read()
    return Story(simulator, controller, pep_host, azure_host, plays, requests)


RUNS: t.Final = {
    "checked": (["--check", "--diff"], {}),
    "first": (["--diff"], {}),
    "second": ([], {}),
}
RENEWAL: t.Final = {
    "renewal_checked": (["--check"], {"azs_reregister": True}),
    "renewal": ([], {"azs_reregister": True}),
}
"""Name of a run -> arguments and variables."""


class Chain:
    """The tests, for one ansible-core."""

    core: t.ClassVar[str]
    runs: t.ClassVar[dict[str, tuple[list[str], dict[str, t.Any]]]] = RUNS

    def test_every_stamp_is_registered_and_active(self, story: Story) -> None:
        for name in STAMPS:
            assert story.simulator.registration_of(name)
            assert story.simulator.stamp(name)["status"] == "Registered"
        # A stamp without an admin endpoint is active by its receipt.
        said = {name: story.plays["first"].of(COMPARE, name).data for name in STAMPS}
        assert said["first"]["line"].startswith("Registered, Capacity, ")
        assert said["second"]["line"].startswith("Registered (by the receipt of 20") and said["second"]["agrees"]

    def test_check_mode_predicts_the_whole_chain(self, story: Story) -> None:
        assert story.plays["checked"].changes == story.plays["first"].changes
        assert {host for _task, host in story.plays["first"].changes} == set(STAMPS)
        assert changing(story.requests["checked"]) == []

    def test_a_second_run_changes_nothing(self, story: Story) -> None:
        assert story.plays["second"].changed == 0
        assert changing(story.requests["second"]) == []
        assert cmdlets(story.requests["second"]) == []

    def test_each_runner_is_reached_as_the_inventory_says(self, story: Story) -> None:
        at_pep, at_azure = story.pep_host.connections.read_text(), story.azure_host.connections.read_text()
        assert all(
            "Port=2207" in line and 'User="pepper"' in line and "203.0.113.7" in line for line in at_pep.splitlines()
        )
        assert all(
            "Port=" not in line and 'User="azura"' in line and "203.0.113.8" in line for line in at_azure.splitlines()
        )
        assert story.pep_host.escalations.exists()
        assert not story.azure_host.escalations.exists()

    def test_no_module_gets_the_options_of_another_ones_target(self, story: Story) -> None:
        families = {
            "Export the registration token": {"pep"},
            "Register the stamp in Azure": {"azure"},
            "Activate the stamp": {"pep", "admin"},
        }
        for task, own in families.items():
            for host in STAMPS:
                given = story.plays["first"].of(task, host).data["invocation"]["module_args"]
                found = {
                    "pep" if "pep_password" in given else "",
                    "azure" if "secret" in given else "",
                    "admin" if "admin_secret" in given else "",
                } - {""}
                assert found == own, task

    def test_artifacts_lie_on_the_runners_alone(self, story: Story) -> None:
        kinds = ("registration-token.txt", "registration-token.json", "activation-key.txt", "activation-key.json")
        wanted = {f"{stamp}.{kind}" for stamp in STAMPS for kind in kinds}
        receipts = {f"{stamp}.activation-receipt.json" for stamp in STAMPS}
        assert {file.name for file in story.azure_host.bundle.iterdir()} == wanted
        assert {file.name for file in story.pep_host.bundle.iterdir()} == wanted | receipts
        for name in wanted:
            assert (story.azure_host.bundle / name).read_bytes() == (story.pep_host.bundle / name).read_bytes()
        contents = [(story.pep_host.bundle / name).read_bytes() for name in wanted if name.endswith(".txt")]
        for file in story.controller.place.rglob("*"):
            if file.is_file():
                assert not any(content.strip() in file.read_bytes() for content in contents), file


@pytest.mark.deep
class TestNewest(Chain):
    """With the newest ansible-core, and the newest libraries."""

    core = "newest"


@pytest.mark.deep
class TestEnforced(Chain):
    """With a registration that is enforced after the runs."""

    core = "newest"
    runs = RUNS | RENEWAL

    def test_an_enforced_registration_is_predicted_too(self, story: Story) -> None:
        assert story.plays["renewal_checked"].changes == story.plays["renewal"].changes
        assert changing(story.requests["renewal_checked"]) == []
        for host in STAMPS:
            assert cmdlets(story.requests["renewal"], host).count("New-RegistrationToken") == 1


@pytest.mark.deep
class TestOldest(Chain):
    """With the oldest ansible-core that is supported, and the libraries that azure.azcollection pins."""

    core = "oldest"


@pytest.mark.deep
def test_a_stamp_that_nothing_tells_of_is_not_said_to_be_active(
    simulator: Simulator, controller: t.Callable[..., Controller]
) -> None:
    hidden = {f"azs_admin_{name}": None for name in ("endpoint", "tenant", "client_id", "secret", "ca_bundle")}
    operator = controller().knows({"unseen": {**hidden, "azs_cloud_id": simulator.stamp("unseen")["cloud_id"]}})
    refused = operator.run("verify").failure("unseen")
    assert "nothing tells whether the stamp is activated" in refused.message
    assert "azs_verify_require_activation" in refused.message and refused.data["activation"] == "not known"
    allowed = operator.run("verify", azs_verify_require_activation=False).succeeded()
    assert "unseen: NOT KNOWN to be activated" in allowed.output and allowed.of(COMPARE).data["warnings"]
    # From Azure's zone alone: the stamp's host is not reached.
    apart = operator.run("verify", "-e", "azs_verify_stamp=false azs_pep_runner=nowhere").succeeded()
    assert "unseen: stamp not asked, Capacity, " in apart.output


@pytest.mark.deep
def test_one_host_that_reaches_both_zones_passes_nothing(controller: t.Callable[..., Controller]) -> None:
    operator = controller().knows(["alone"])
    checked = operator.run(PLAYBOOK, "--check").succeeded()
    first = operator.run(PLAYBOOK).succeeded()
    assert checked.changes == first.changes
    assert [first.of(task).changed for task in PASSES] == [False, False]
