# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API, faults, settings, outputs, the command line and fleet files."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
import time

import pytest
import yaml
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError
from azure_lab import SMALL_FLEET, Arm, code_of, registration, registration_body

from azs_simulator import fleet
from azs_simulator.client import Simulator, SimulatorError

GROUP = "/resourceGroups/azurestack"


# -- faults ----------------------------------------------------------------------------------------------------------


def test_an_error_a_number_of_times(arm, simulator):
    simulator.fault(
        "arm",
        "error",
        match={"method": "PUT", "path": "resourcegroups/azurestack$"},
        times=2,
        after=1,
        status=503,
        code="ServiceUnavailable",
        message="later",
        headers={"Retry-After": "7"},
    )
    answers = [arm("PUT", GROUP, {"location": "eastus"}) for dummy in range(4)]
    assert [answer.status_code for answer in answers] == [201, 503, 503, 200]
    assert code_of(answers[1]) == (503, "ServiceUnavailable") and answers[1].headers["Retry-After"] == "7"
    assert simulator.faults()[0]["taken"] == 2
    simulator.clear_faults()
    assert simulator.faults() == []


def test_a_lost_request_and_a_lost_answer(arm, simulator):
    arm("PUT", GROUP, {"location": "westcentralus"})
    simulator.fault("arm", "drop", match={"method": "PUT"})
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        arm("PUT", registration("one"), registration_body(simulator, "one"))
    assert simulator.registration_of("one") is None
    simulator.fault("arm", "drop_after", match={"action": "Microsoft.AzureStack/registrations/write"})
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        arm("PUT", registration("one"), registration_body(simulator, "one"))
    assert simulator.registration_of("one") is not None
    assert [entry["status"] for entry in simulator.requests(service="arm") if "/registrations/" in entry["path"]] == [
        None,
        None,
    ]


def test_a_request_that_hangs_is_seen_at_once(simulator, arm):
    simulator.fault("arm", "hang", match={"method": "HEAD"}, seconds=0.2)
    mark = simulator.mark()
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        arm("HEAD", GROUP)
    assert simulator.wait_for(mark, method="HEAD")["status"] is None
    with pytest.raises(SimulatorError, match="no request"):
        simulator.wait_for(simulator.mark(), seconds=0.05, method="HEAD")


def test_delays_and_latency(simulator, arm):
    arm("GET", "")
    simulator.fault("arm", "delay", seconds=0.2)
    simulator.settings(latency={"arm": 0.1})
    started = time.monotonic()
    arm("GET", "")
    assert time.monotonic() - started >= 0.3
    assert simulator.requests(service="arm")[-1]["seconds"] >= 0.3


def test_a_fault_at_sign_in(simulator):
    rule = {"status": 400, "code": "invalid_request", "message": "AADSTS90019: no tenant"}
    simulator.fault("login", "error", match={"grant": "client_credentials"}, **rule)
    with pytest.raises(ClientAuthenticationError, match="AADSTS90019"):
        Arm(simulator)("GET", "")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"service": "arm"}, "the effect's kind for arm is one of"),
        ({"service": "mail", "effect": {"kind": "error"}}, "a fault rule's service is one of"),
        ({"service": "arm", "effect": {"kind": "errors"}}, "the effect's kind"),
        ({"service": "pep", "effect": {"kind": "no such thing"}}, "the effect's kind for pep"),
        ({"service": "arm", "effect": {"kind": "error"}, "often": 1}, "unknown keys in a fault rule: often"),
    ],
)
def test_rules_that_are_refused(shared_simulator, rule, message):
    with pytest.raises(SimulatorError, match=message):
        shared_simulator._call("POST", "/faults", rule)


def test_a_request_that_the_simulator_cannot_handle(arm, simulator):
    arm("PUT", GROUP, {"location": "westcentralus"})
    assert code_of(arm("PUT", registration("one"), {"properties": [1]})) == (500, "SimulatorError")
    assert "Traceback" in (simulator.output / "simulator.log").read_text(encoding="utf-8")


def test_throttling(arm, simulator):
    simulator.settings(writes_per_second=3)
    answers = [arm("PUT", GROUP, {"location": "eastus"}) for dummy in range(4)]
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-writes"] == "2"
    assert code_of(answers[3]) == (429, "SubscriptionRequestsThrottled") and answers[3].headers["Retry-After"] == "1"
    assert arm("GET", GROUP).status_code == 200


# -- log, state, settings, side effects ------------------------------------------------------------------------------


def test_the_log_tells_what_was_sent_and_no_secret(arm, simulator):
    arm.register("one")
    entries = simulator.requests()
    assert [entry["n"] for entry in entries] == list(range(1, len(entries) + 1))
    put = [entry for entry in entries if entry.get("action") == "Microsoft.AzureStack/registrations/write"]
    assert put[0]["status"] == 201 and put[0]["cloud"] == "AzureCloud" and put[0]["seconds"] >= 0
    assert any(entry.get("grant") == "client_credentials" for entry in simulator.requests(service="login"))
    text = json.dumps(entries) + json.dumps(simulator.state())
    assert not [secret for secret in simulator.secrets() if secret in text]
    assert len(simulator.secrets()) == 8  # one is the refresh token in the inventory


def test_settings(shared_simulator):
    before = shared_simulator.settings()
    for wrong in (
        {"speed": 1},
        {"page_size": "many"},
        {"latency": {"mail": 1}},
        {"latency": 3},
        {"empty_mapping_list": 1},
    ):
        with pytest.raises(SimulatorError, match=r"setting|latency"):
            shared_simulator.settings(**wrong)
    assert shared_simulator.settings() == before
    changed = shared_simulator.settings(durations={"New-AzureStackActivation": 2})
    assert changed["durations"] == {"New-AzureStackActivation": 2.0}


@pytest.mark.parametrize(
    ("what", "arguments", "message"),
    [
        ("make-coffee", {}, "cannot do 'make-coffee'"),
        ("deactivate-stamp", {"stamp": "none"}, "there is no stamp 'none'"),
        ("deactivate-stamp", {"stomp": "one"}, "missing a required argument: 'stamp'"),
        ("delete-registration", {"stamp": "one"}, "is not registered"),
        ("add-principal", {"name": "x", "role": "King"}, "there is no role 'King'"),
        ("unregister-provider", {"cloud": "none"}, "there is no cloud 'none'"),
        ("mint-token", {"stamp": "one", "BillingModel": "Capacity"}, "Agreement number is null or empty"),
    ],
)
def test_side_effects_that_are_refused(shared_simulator, what, arguments, message):
    with pytest.raises(SimulatorError, match=message):
        shared_simulator.do(what, **arguments)


def test_unknown_paths(shared_simulator):
    with pytest.raises(SimulatorError, match="404"):
        shared_simulator.get("/nothing")


# -- files and command line --------------------------------------------------------------------------------------------


def test_outputs(shared_simulator):
    output = shared_simulator.output
    for path in output.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    host = shared_simulator.host("one")
    assert len(host["azs_pep_hosts"]) == 3 and host["azs_billing_model"] == "Capacity" and host["azs_agreement_number"]
    assert host["azs_admin_tenant"] == "adfs" and host["azs_ca_bundle"] == shared_simulator.ca
    assert (
        "azs_connected"
        in yaml.safe_load(shared_simulator.inventory.read_text())["all"]["children"]["azs_stamps"]["children"]
    )
    shell = f'set -a; . {output}/credentials.env; printf %s "$AZURE_SECRET"'
    assert subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout == host["azs_secret"]


def test_a_second_cloud_and_an_unreachable_admin_arm(simulate):
    simulator = simulate(
        {
            "clouds": [{"name": "AzureCloud"}, {"name": "Sovereign"}],
            "stamps": [
                {"name": "one"},
                {"name": "far", "cloud": "Sovereign", "admin_reachable": False, "pep_tls": True},
            ],
        }
    )
    assert simulator.host("far")["azs_subscription_id"] != simulator.host("one")["azs_subscription_id"]
    assert (
        "azs_admin_endpoint" not in simulator.host("far") and simulator.host("far")["azs_pep_ca_cert"] == simulator.ca
    )
    far = Arm(simulator, **{key: simulator.host("far")[key] for key in simulator.azure()})
    assert far("GET", "").status_code == 200
    names = [entry["name"] for entry in far("GET", "/metadata/endpoints", version="2022-09-01").json()]
    assert names == ["AzureCloud", "Sovereign"]
    assert set(far("GET", "/metadata/endpoints", version="2015-01-01").json()) == {
        "galleryEndpoint",
        "graphEndpoint",
        "portalEndpoint",
        "authentication",
    }


def test_a_seed_makes_the_same_values(simulate):
    first, second = (simulate(SMALL_FLEET, seed=5) for dummy in range(2))
    assert first.credentials() == second.credentials()
    assert first.stamp("one")["cloud_id"] == second.stamp("one")["cloud_id"]


def test_detached_and_stopped(tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, "-m", "azs_simulator", "--output", str(output)]
    ready = json.loads(subprocess.run([*command, "--detach"], capture_output=True, text=True, check=True).stdout)
    assert ready["ready"] is True
    attached = Simulator.attach(output)
    assert sorted(attached.state()["stamps"]) == ["edge-01", "edge-02", "vehicle-01"]
    subprocess.run([*command, "--stop"], check=True)
    with pytest.raises(SimulatorError, match="no simulator runs"):
        Simulator.attach(output)
    again = subprocess.run([*command, "--stop"], capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "no simulator runs" in again.stderr


def test_it_ends_with_who_started_it(tmp_path):
    simulator = Simulator.start({}, tmp_path)
    handle = os.pidfd_open(simulator.pid)
    simulator._process.stdin.close()
    assert simulator._process.wait(10) == 0
    os.close(handle)


def test_fifty_stamps(tmp_path):
    """In less than 300 MB."""
    with Simulator.start({"stamps": [{"name": "s", "count": 50}]}, tmp_path) as simulator:
        status = pathlib.Path(f"/proc/{simulator.pid}/status").read_text(encoding="ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        assert resident < 300 * 1024
        assert len({address for stamp in simulator.state()["stamps"].values() for address in stamp["pep_hosts"]}) == 150


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"stamp": []}, r"fleet: unknown key 'stamp' \(known: "),
        ({"stamps": [{"name": "a", "nodes": "4"}]}, r"fleet.stamps\[0\] \(a\).nodes: int is wanted, not '4'"),
        ({"stamps": {}}, "fleet.stamps: a list is wanted"),
        ({"stamps": [{"name": "a"}, {"name": "a"}]}, "stamp names are used twice: a"),
        ({"stamps": [{"cloud": "none"}]}, "there is no cloud 'none'"),
        ({"stamps": [{"ercs": 4}]}, "1 to 3 ERCS"),
        ({"stamps": [{"count": 2, "cloud_id": "x"}]}, "cannot share a cloud id"),
        ({"stamps": [{"registration": 1}]}, "registration: a mapping is wanted"),
        ({"clouds": []}, "there has to be a cloud"),
        ([], "fleet: a mapping is wanted"),
    ],
)
def test_fleet_files_that_are_refused(content, message):
    with pytest.raises(fleet.FleetError, match=message):
        fleet.parse(content)


def test_a_wrong_fleet_file_is_told(tmp_path):
    with pytest.raises(SimulatorError, match="simulator: fleet: unknown key 'stomps'"):
        Simulator.start({"stomps": []}, tmp_path)
    with pytest.raises(SimulatorError, match=r"fleet\.settings: unknown setting"):
        Simulator.start({"settings": {"speed": 1}}, tmp_path)
    with pytest.raises(SimulatorError, match="cannot read the fleet file"):
        Simulator.start(tmp_path / "none.yml", tmp_path)


def test_stamps_are_multiplied():
    names = [
        stamp.name
        for stamp in fleet.parse({"stamps": [{"name": "e", "count": 2}, {"name": "x{n:03}", "count": 2}]}).stamps
    ]
    assert names == ["e-01", "e-02", "x001", "x002"]
