# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_activation at simulated stamps: evidence, refusals, and sessions that are lost while the stamp works."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import signal
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import unfinished
from stamps import Operator
from tables import first_of

Make = t.Callable[[str], Operator]

ACTIVATE = "New-AzureStackActivation"
DEACTIVATE = "Remove-AzureStackActivation"
ELSEWHERE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/other"
    "/providers/Microsoft.AzureStack/registrations/other"
)


def foreseen(key: dict[str, t.Any], *, changed: bool = True) -> dict[str, t.Any]:
    """The hidden option that tells what earlier tasks would have made."""
    return {"_azs": {"foreseen": {"activation_key": {**key, "changed": changed}}}}


@pytest.fixture
def registered(operator: Make) -> Operator:
    """An operator of a stamp that is registered in Azure, with the activation key in the bundle."""
    here = operator("registered")
    here.bring_key()
    return here


def test_activates_and_keeps_a_receipt(registered: Operator) -> None:
    here = registered
    key = here.key_file.read_text().strip()
    outcome = here.activate()
    assert outcome.changed
    assert outcome["evidence"] == "none"
    assert outcome["before"]["state"] == "Unknown"
    assert not outcome["confirmed"]
    activation = outcome["activation"]
    assert activation["state"] == "Registered"
    assert activation["cloud_id"] == here.cloud_id
    assert activation["registration_id"] == here.state()["activation"]["azureRegistrationResourceIdentifier"]
    assert activation["registration_name"] and activation["resource_group"] == "azurestack"
    assert outcome["pep_host"] == here.pep["pep_hosts"][0]
    assert here.state()["status"] == "Registered"
    assert key not in outcome.printed and key.split(".")[2] not in outcome.printed
    receipt = here.receipt.read_text()
    assert key.split(".")[1] not in receipt
    assert json.loads(receipt)["cloud_id"] == here.cloud_id
    assert here.cmdlets() == [ACTIVATE]


def test_round_trips(operator: Make) -> None:
    here = operator("slow")
    here.bring_key()
    assert here.activate().changed
    log = here.requests()
    assert [entry["action"] for entry in log].count("Authenticate") == 3
    assert 13 <= len(log) <= 17


def test_the_receipt_tells_that_there_is_nothing_to_do(registered: Operator) -> None:
    here = registered
    first = here.activate()
    here.requests()
    for how in ({}, {"check": True}):
        outcome = here.activate(**how)
        assert not outcome.changed
        assert outcome["evidence"] == "receipt"
        assert outcome["pep_host"] is None
        assert outcome["activation"] == first["activation"]
        assert outcome["diff"]["before"] == outcome["diff"]["after"]
    here.bring_key()  # exported again: another text, the same claims
    assert not here.activate().changed
    assert here.requests() == []


def test_another_key_of_the_registration_is_activated(registered: Operator) -> None:
    here = registered
    here.activate()
    here.simulator.do("edit-registration", stamp=here.stamp, claims={"billingModel": "PayAsYouUse"})
    here.bring_key()
    outcome = here.activate()
    assert outcome.changed
    assert outcome["evidence"] == "receipt"
    assert not here.activate().changed


def test_reactivates_when_told(registered: Operator) -> None:
    here = registered
    here.activate()
    assert here.activate({"reactivate": True}).changed
    assert here.cmdlets() == [ACTIVATE, ACTIVATE]


def test_check_mode_predicts(registered: Operator) -> None:
    here = registered
    predicted = here.activate(check=True)
    assert here.requests() == []
    assert not here.receipt.exists()
    real = here.activate()
    assert predicted.changed and real.changed
    for name in ("before", "activation", "diff", "evidence"):
        assert predicted[name] == real[name]


def test_the_stamp_s_own_activation_is_the_better_evidence(operator: Make) -> None:
    here = operator("activated")
    here.bring_key()
    outcome = here.activate(here.admin)
    assert not outcome.changed
    assert outcome["evidence"] == "activation"
    assert outcome["confirmed"]
    assert outcome["before"]["state"] == "Registered"
    assert here.requests() == []
    here.simulator.do("deactivate-stamp", stamp=here.stamp)
    predicted = here.activate(here.admin, check=True)
    outcome = here.activate(here.admin)
    assert outcome.changed and predicted.changed
    assert outcome["before"]["state"] == "Not registered"
    assert outcome["confirmed"]
    assert outcome["diff"] == predicted["diff"]
    assert here.state()["status"] == "Registered"


@pytest.mark.parametrize(
    "drift",
    first_of(
        [
            {"marketplaceSyndicationEnabled": True, "usageReportingEnabled": True},
            {"azureRegistrationResourceIdentifier": ELSEWHERE},
            {"expiration": "2031-01-01T00:00:00Z"},
        ]
    ),
)
def test_repairs_what_differs(operator: Make, drift: dict[str, t.Any]) -> None:
    here = operator("registered")
    here.bring_key()
    here.activate(here.admin)
    real = here.state()["activation"]
    here.simulator.do("edit-activation", stamp=here.stamp, properties=drift)
    outcome = here.activate(here.admin)
    assert outcome.changed
    assert outcome["diff"]["before"] != outcome["diff"]["after"]
    assert here.state()["activation"] == real
    assert not here.activate(here.admin).changed


def test_an_expiration_in_local_time_is_no_drift(operator: Make) -> None:
    here = operator("registered")
    here.simulator.do("expire-registration", stamp=here.stamp, days=400)
    here.bring_key()
    expires = datetime.datetime.fromisoformat(here.activate(here.admin)["activation"]["expires"].rstrip("Z"))
    local = (expires - datetime.timedelta(hours=8)).isoformat()
    here.simulator.do("edit-activation", stamp=here.stamp, properties={"expiration": local})
    outcome = here.activate(here.admin)
    assert not outcome.changed and outcome["evidence"] == "activation"


def test_an_expired_activation_is_seen_and_an_expired_key_refused(operator: Make) -> None:
    here = operator("expired")
    here.bring_key()
    outcome = here.activate(here.admin)
    assert outcome.kind == "expired_key"
    for part in (str(here.key_file), "expired on", "the clock of this host says", "renew the registration"):
        assert part in outcome.message
    assert here.requests() == [] and here.state()["status"] == "Expired"


def test_an_expired_key_names_a_clock_that_is_ahead(operator: Make) -> None:
    here = operator("expired")
    here.bring_key()
    here.simulator.settings(clock_offset=-40 * 86400)
    try:
        outcome = here.activate(here.admin)
    finally:
        here.simulator.settings(clock_offset=0)
    assert (
        outcome.kind == "expired_key"
        and "the clock of this host is 40 days ahead of that of the stamp" in outcome.message
    )
    assert here.requests() == []


def test_an_unreachable_admin_endpoint_leaves_the_receipt(registered: Operator) -> None:
    here = registered
    here.activate()
    away = {"admin_endpoint": "https://127.0.0.1:9", "admin_authority": "https://127.0.0.1:9/adfs"}
    outcome = here.activate({**here.admin, **away})
    assert not outcome.changed
    assert outcome["evidence"] == "receipt"
    assert "127.0.0.1:9" in outcome.warnings[0] and "receipt" in outcome.warnings[0]


def test_a_refused_admin_sign_in_is_an_error(registered: Operator) -> None:
    here = registered
    outcome = here.activate({**here.admin, "admin_secret": "not the secret"})
    assert "not the secret" not in outcome.printed
    assert outcome["error"]["remedy"]
    assert here.requests() == []


def test_a_key_of_another_stamp_is_refused_before_anything_is_contacted(operator: Make) -> None:
    here, other = operator("registered"), operator("registered")
    other.bring_key()
    other.key_file.rename(here.key_file)
    for how in ({}, {"check": True}):
        outcome = here.activate(here.admin, **how)
        assert outcome.kind == "key_of_another_stamp"
        for part in (here.cloud_id, other.cloud_id, str(here.key_file), "option cloud_id"):
            assert part in outcome.message
    assert here.requests() == [] and here.requests("admin") == []


def test_the_token_s_manifest_entry_tells_the_cloud_id(operator: Make) -> None:
    here, other = operator("registered"), operator("registered")
    here.token()
    other.bring_key()
    other.key_file.rename(here.key_file)
    here.requests()
    outcome = here.run("azs_activation", here.place)
    assert outcome.kind == "key_of_another_stamp"
    assert "registration-token.json" in outcome.message
    assert here.requests() == []


def test_the_key_of_another_stamp_is_refused_though_its_token_lies_there_too(operator: Make) -> None:
    here, other = operator("registered"), operator("registered")
    other.token()
    for end in ("txt", "json"):
        theirs = other.bundle / f"{other.stamp}.registration-token.{end}"
        (here.bundle / f"{here.stamp}.registration-token.{end}").write_bytes(theirs.read_bytes())
    other.bring_key()
    other.key_file.rename(here.key_file)
    outcome = here.run("azs_activation", here.place)
    assert outcome.kind == "key_of_another_stamp"
    assert here.cmdlets() == ["Get-AzureStackStampInformation"] and here.state()["status"] == "Not registered"


def test_an_unknown_cloud_id_is_read_from_the_stamp_first(operator: Make) -> None:
    here, other = operator("registered"), operator("registered")
    other.bring_key()
    other.key_file.rename(here.key_file)
    for how in ({"check": True}, {}):
        outcome = here.run("azs_activation", here.place, **how)
        assert outcome.kind == "key_of_another_stamp"
        assert f"read at {here.pep['pep_hosts'][0]}" in outcome.message
        assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    here.bring_key()
    predicted = here.run("azs_activation", here.place, check=True)
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert predicted.changed
    assert here.run("azs_activation", here.place).changed
    assert here.cmdlets() == ["Get-AzureStackStampInformation", ACTIVATE]


def test_a_key_that_says_something_else_than_was_asked_for(operator: Make) -> None:
    here = operator("registered")
    here.token()
    here.requests()
    here.simulator.do(
        "edit-registration", stamp=here.stamp, claims={"billingModel": "PayAsYouUse", "usageReportingEnabled": True}
    )
    here.bring_key()
    for how in ({"check": True}, {}):
        outcome = here.activate(**how)
        assert outcome.kind == "key_not_as_asked"
        for part in (
            "its billing model is PayAsYouUse, and Capacity was asked for",
            "its usage reporting is on, and off",
            "registration-token.json",
            "leg 2",
        ):
            assert part in outcome.message
    outcome = here.activate({"billing_model": "PayAsYouUse", "usage_reporting": False})
    assert outcome.kind == "key_not_as_asked" and "usage reporting" in outcome.message and "options" in outcome.message
    assert here.requests() == []
    # What is asked for by options counts more than an older token.
    assert here.activate({"billing_model": "PayAsYouUse", "usage_reporting": True}).changed


def test_a_foretold_key_is_compared_with_what_is_asked_for(registered: Operator) -> None:
    here = registered
    foretold = {"cloud_id": here.cloud_id, "billing_model": "Custom", "usage_reporting": False}
    outcome = here.activate({"billing_model": "Custom", **foreseen(foretold)}, check=True)
    assert outcome.changed and outcome["activation"]["billing_model"] == "Custom"
    assert here.activate({"billing_model": "Custom"}).kind == "key_not_as_asked"


def test_a_key_of_another_registration(registered: Operator) -> None:
    here = registered
    outcome = here.activate({"registration_id": ELSEWHERE})
    assert outcome.kind == "key_of_another_registration"
    assert ELSEWHERE in outcome.message
    assert here.requests() == []


@pytest.mark.parametrize(
    ("content", "kind"),
    first_of([("", "empty_artifact"), ("one.two", "truncated_key"), ("\ufffd\u00e4", "not_an_artifact")]),
)
def test_damaged_keys(registered: Operator, content: str, kind: str) -> None:
    here = registered
    here.key_file.write_text(content, encoding="utf-8")
    outcome = here.activate()
    assert outcome.kind == kind
    assert str(here.key_file) in outcome.message
    assert here.requests() == []


@pytest.mark.parametrize(
    ("form", "kind", "likeness"),
    first_of(
        [
            ('{{"activationKey": "{}"}}', "not_an_artifact", "JSON"),
            ("VERBOSE: created\n{}", "not_an_artifact", "VERBOSE"),
            ("{0}\n{0}", "not_an_artifact", "the same text twice"),
        ]
    ),
)
def test_a_decorated_key_is_refused_before_anything_is_contacted_in_check_mode_too(
    registered: Operator, form: str, kind: str, likeness: str
) -> None:
    here = registered
    here.key_file.write_text(form.format(here.key_file.read_text()), encoding="utf-8")
    for check in (True, False):
        outcome = here.run("azs_activation", {"path": str(here.key_file)}, check=check)
        assert outcome.kind == kind and likeness in outcome.message and str(here.key_file) in outcome.message
    assert here.requests() == []


def test_a_key_in_quotes_reaches_the_stamp_without_them(registered: Operator) -> None:
    here = registered
    here.key_file.write_text(f"\u201c{here.key_file.read_text()}\u201d\r\n", encoding="utf-16")
    assert here.activate(check=True).changed
    assert here.activate().changed
    assert here.cmdlets() == [ACTIVATE]


def test_a_token_where_the_key_is_expected_is_named(registered: Operator) -> None:
    here = registered
    token = base64.b64encode(json.dumps({"cloudId": here.cloud_id, "billingModel": "Capacity"}).encode()).decode()
    here.key_file.write_text(token)
    outcome = here.run("azs_activation", {"path": str(here.key_file)})
    assert outcome.kind == "wrong_artifact"
    assert (
        "a registration token where an activation key is expected" in outcome.message
        and str(here.key_file) in outcome.message
    )


def test_a_missing_key(operator: Make) -> None:
    here = operator("registered")
    outcome = here.activate()
    assert outcome.kind == "missing_artifact"
    assert str(here.key_file) in outcome.message
    assert here.requests() == []


def test_a_missing_key_is_foreseen_in_check_mode(operator: Make) -> None:
    here = operator("registered")
    key = {"cloud_id": here.cloud_id, "registration_id": ELSEWHERE, "usage_reporting": False, "expires": None}
    outcome = here.activate(foreseen(key), check=True)
    assert outcome.changed
    assert outcome["activation"]["registration_id"] == ELSEWHERE
    assert outcome["activation"]["registration_name"] == "other"
    assert here.activate(foreseen(key, changed=False), check=True).changed  # it lies on another host yet
    assert here.activate(foreseen(key)).kind == "missing_artifact"
    assert here.activate({"_azs": {"foreseen": {}}}, check=True).kind == "missing_artifact"
    assert here.requests() == []


def test_a_foreseen_key_counts_more_than_the_old_file(registered: Operator) -> None:
    here = registered
    here.activate()
    new = {"cloud_id": here.cloud_id, "registration_id": ELSEWHERE}
    outcome = here.activate(foreseen(new), check=True)
    assert outcome.changed
    assert outcome["diff"]["after"]["registration_id"] == ELSEWHERE
    assert not here.activate(foreseen(new, changed=False), check=True).changed


def test_a_foreseen_key_counts_more_than_an_expired_file(operator: Make) -> None:
    here = operator("expired")
    here.bring_key()
    there = here.state()["activation"]["azureRegistrationResourceIdentifier"]
    new = foreseen({"cloud_id": here.cloud_id, "registration_id": there})
    outcome = here.activate(new, check=True)
    assert outcome.changed and outcome["activation"]["registration_id"] == there
    assert here.activate(new).kind == "expired_key"


def test_the_key_itself_as_an_option(operator: Make) -> None:
    here = operator("registered")
    key = str(here.simulator.do("activation-key", stamp=here.stamp))
    wrapped = "\r\n".join(key[start : start + 76] for start in range(0, len(key), 76))
    outcome = here.run("azs_activation", {"activation_key": wrapped, "cloud_id": here.cloud_id})
    assert outcome.changed
    assert key not in outcome.printed
    assert here.state()["status"] == "Registered"


def test_a_file_of_microsoft_s_own_tool(registered: Operator, tmp_path: pathlib.Path) -> None:
    here = registered
    path = tmp_path / "stick" / "key.txt"
    path.parent.mkdir()
    path.write_bytes("\r\n".join(here.key_file.read_text().split()).encode("utf-16"))
    path.chmod(0o644)
    options = {"path": str(path), "cloud_id": here.cloud_id}
    outcome = here.run("azs_activation", options)
    assert outcome.changed
    assert "read by others" in outcome.warnings[0]
    assert (path.parent / "key.txt.activation-receipt.json").exists()
    assert not here.run("azs_activation", options).changed


@pytest.mark.parametrize("action", first_of(["drop", "drop_after", "drop_middle"]))
def test_a_dropped_connection_does_not_start_the_activation_again(registered: Operator, action: str) -> None:
    here = registered
    here.fault(action, match={"action": "Receive", "cmdlet": ACTIVATE})
    assert here.activate().changed
    assert here.cmdlets() == [ACTIVATE]
    assert here.state()["status"] == "Registered"


def test_a_lost_session_is_read_back(registered: Operator) -> None:
    here = registered
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit="after")
    outcome = here.activate(here.admin)
    assert outcome.changed
    assert outcome["confirmed"]
    assert "shows the wanted state" in outcome.warnings[0]
    assert here.cmdlets() == [ACTIVATE]
    assert not here.activate().changed  # there is a receipt


@pytest.mark.parametrize("commit", ["never", "after"])
def test_what_the_activation_does_not_show_is_not_proved_by_it(registered: Operator, commit: str) -> None:
    here = registered
    here.activate(here.admin)
    here.simulator.do("edit-registration", stamp=here.stamp, claims={"billingModel": "Custom"})
    here.bring_key()
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit=commit)
    outcome = here.activate(here.admin)
    assert outcome.kind == "outcome_unknown" and "billing model" in outcome.message
    assert here.activate(here.admin, check=True).changed
    assert here.cmdlets().count(ACTIVATE) == 2
    assert here.activate(here.admin).changed
    assert here.cmdlets() == [ACTIVATE]
    assert not here.activate(here.admin).changed
    assert not unfinished.of_stamp(str(here.bundle), here.stamp).exists()


def test_the_mark_of_an_unfinished_run_is_cleared_by_a_finished_activation_alone(operator: Make) -> None:
    here = operator("activated")
    here.bring_key()
    mark = unfinished.of_stamp(str(here.bundle), here.stamp)
    unfinished.begin(mark)
    assert here.activate(here.admin, check=True).changed and mark.exists()
    assert here.activate(here.admin).changed and not mark.exists()
    assert not here.activate(here.admin).changed
    assert here.cmdlets() == [ACTIVATE]


def test_a_lost_session_that_cannot_be_read_back(registered: Operator) -> None:
    here = registered
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit="never")
    outcome = here.activate()
    assert outcome.kind == "outcome_unknown"
    for part in (here.pep["pep_hosts"][0], "admin_endpoint", "administrator portal", "run the same command again"):
        assert part in outcome.message
    assert not here.receipt.exists()
    assert here.activate().changed


def test_a_lost_session_whose_activation_never_came(registered: Operator) -> None:
    here = registered
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit="never")
    outcome = here.activate({**here.admin, "timeout": 2})
    assert outcome.kind == "outcome_unknown"
    assert "Not registered" in outcome.message


def test_an_execution_timeout_is_read_back(registered: Operator) -> None:
    here = registered
    here.fault("timeout", match={"action": "Command", "cmdlet": ACTIVATE}, commit="before")
    outcome = here.activate(here.admin)
    assert outcome.changed
    assert "Execution timeout" in outcome.warnings[0]


def test_an_execution_timeout_that_cannot_be_read_back(registered: Operator) -> None:
    here = registered
    here.fault("timeout", match={"action": "Command", "cmdlet": ACTIVATE}, commit="never")
    outcome = here.activate()
    assert outcome.kind == "outcome_unknown"
    assert "Execution timeout" in outcome.message


def test_a_busy_stamp(registered: Operator) -> None:
    here = registered
    here.fault(
        "busy",
        match={"action": "Command", "cmdlet": ACTIVATE},
        times=None,
        action_id="5f2c1a00-0000-4000-8000-000000000001",
    )
    outcome = here.activate({"pep_busy_timeout": 1})
    assert outcome.kind == "stamp_busy"
    assert "5f2c1a00-0000-4000-8000-000000000001" in outcome.message
    here.simulator.clear_faults()
    assert here.activate().changed


@pytest.mark.parametrize("told", first_of(["verbose", "output", "both"]))
def test_a_plan_that_fails_without_an_error_is_one(registered: Operator, told: str) -> None:
    """Public transcripts end with status Failed, and no error."""
    here = registered
    here.fault(
        "plan_failed", match={"cmdlet": ACTIVATE}, told=told, step="Call the bridge", message="No route to Azure"
    )
    outcome = here.activate()
    assert outcome.kind == "action_plan_failed" and "Call the bridge" in outcome.message
    assert ("No route to Azure" in outcome.message) == (told != "verbose")
    assert not here.receipt.exists() and here.state()["status"] != "Registered"
    assert here.activate().changed
    assert here.receipt.exists()


def test_busy_that_hides_behind_another_error_is_waited_for(registered: Operator) -> None:
    here = registered
    here.fault("busy", match={"action": "Command", "cmdlet": ACTIVATE}, hidden=True)
    assert here.activate().changed
    assert here.cmdlets().count(ACTIVATE) == 2


def test_a_key_that_the_stamp_refuses(registered: Operator) -> None:
    here = registered
    header, claims, dummy = here.key_file.read_text().strip().split(".")
    here.key_file.write_text(f"{header}.{claims}.{'A' * 342}")
    outcome = here.activate()
    assert outcome.kind == "pep_cmdlet_failed"
    assert "The activation key is not valid" in outcome.message
    assert header not in outcome.printed


def test_a_receipt_that_cannot_be_replaced_is_told_before_the_stamp_is_changed(registered: Operator) -> None:
    here = registered
    here.receipt.mkdir()
    (here.receipt / "in the way").touch()
    outcome = here.activate()
    assert outcome.failed
    assert str(here.receipt) in outcome.message
    assert here.state()["status"] == "Not registered"


def test_deactivates_and_forgets_the_receipt(registered: Operator) -> None:
    here = registered
    here.activate()
    assert here.cmdlets() == [ACTIVATE]
    predicted = here.activate({"state": "absent"}, check=True)
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert here.receipt.exists()
    outcome = here.activate({"state": "absent"})
    assert here.cmdlets() == ["Get-AzureStackStampInformation", DEACTIVATE]
    assert outcome.changed and predicted.changed
    assert outcome["diff"] == predicted["diff"]
    assert outcome["evidence"] == "receipt"
    assert outcome["activation"]["state"] == "Not registered"
    assert here.state()["status"] == "Not registered"
    assert not here.receipt.exists()


def test_a_stamp_that_is_not_activated_is_left_alone(registered: Operator) -> None:
    here = registered
    for how in ({"check": True}, {}):
        outcome = here.activate({**here.admin, "state": "absent"}, **how)
        assert not outcome.changed
        assert outcome["evidence"] == "activation"
        assert outcome["activation"]["state"] == "Not registered"
    assert here.requests() == []


def test_deactivation_of_another_registration_is_refused(registered: Operator) -> None:
    here = registered
    here.activate()
    here.requests()
    for options in ({}, here.admin):
        outcome = here.activate({**options, "state": "absent", "registration_id": ELSEWHERE})
        assert outcome.kind == "activated_otherwise"
        assert ELSEWHERE in outcome.message
    assert here.requests() == []
    assert here.state()["status"] == "Registered"


def test_deactivation_of_another_stamp_is_refused(operator: Make) -> None:
    here = operator("activated")
    for how in ({"check": True}, {}):
        outcome = here.activate({"state": "absent", "cloud_id": "11111111-2222-3333-4444-555555555555"}, **how)
        assert outcome.kind == "another_stamp"
        assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert here.state()["status"] == "Registered"


def test_a_lost_deactivation_is_read_back(operator: Make) -> None:
    here = operator("activated")
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": DEACTIVATE}, commit="after")
    outcome = here.activate({**here.admin, "state": "absent"})
    assert outcome.changed
    assert outcome["confirmed"]
    assert here.state()["status"] == "Not registered"


def test_progress_is_told_while_the_stamp_works(operator: Make, tmp_path: pathlib.Path) -> None:
    here = operator("slow")
    here.bring_key()
    path = tmp_path / "progress"
    path.touch()
    mark = here.simulator.mark()
    running = here.start("azs_activation", {**here.place, "cloud_id": here.cloud_id, "_azs": {"progress": str(path)}})
    # The third Receive is sent after the second record was written.
    for dummy in range(3):
        mark = here.simulator.wait_for(mark, 60, stamp=here.stamp, action="Receive", cmdlet=ACTIVATE)["n"]
    record = json.loads(path.read_text())
    assert record["step"] == "activating the stamp"
    assert record["activity"] == ACTIVATE
    assert record["status"].startswith("Running step")
    assert record["percent"] > 0
    assert running.wait().changed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_activation_closes_its_session_and_leaves_no_receipt(
    operator: Make, number: signal.Signals
) -> None:
    here = operator("slow")
    here.bring_key()
    mark = here.simulator.mark()
    running = here.start("azs_activation", {**here.place, "cloud_id": here.cloud_id})
    here.simulator.wait_for(mark, 60, stamp=here.stamp, action="Command", cmdlet=ACTIVATE)
    running.send(number)
    assert running.wait().returncode == 128 + number
    assert here.requests()[-1]["action"] == "Delete"
    assert not here.receipt.exists()
    assert here.activate().changed


@pytest.mark.deep
def test_azure_s_libraries_are_needed_for_the_admin_endpoint_only(registered: Operator, tmp_path: pathlib.Path) -> None:
    here = registered
    hidden = tmp_path / "hidden" / "azure"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('No module named azure')\n", encoding="utf-8")
    environment = {"PYTHONPATH": str(hidden.parent)}
    assert here.activate(environment=environment).changed
    outcome = here.activate(here.admin, environment=environment)
    assert outcome.kind == "missing_library"


def of_another(here: Operator, other: Operator) -> dict[str, t.Any]:
    """The options of a stamp whose admin endpoint is copied from another one, with what signs in there."""
    return {**here.admin, **other.admin}


def test_the_admin_endpoint_of_another_stamp_is_refused_before_anything_is_changed(operator: Make) -> None:
    here, other = operator("registered"), operator("activated")
    here.bring_key()
    outcome = here.activate(of_another(here, other))
    assert outcome.kind == "activation_of_another_stamp"
    for part in (
        other.admin["admin_endpoint"],
        here.cloud_id,
        "Compare admin_endpoint and pep_hosts",
        "Nothing was changed",
    ):
        assert part in outcome.message
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_no_record_of_a_deactivation_rests_on_the_admin_endpoint_of_another_stamp(operator: Make) -> None:
    here, other = operator("activated"), operator("modern")
    outcome = here.activate({**of_another(here, other), "state": "absent", "record": True})
    assert outcome.changed and "does not count" in outcome.warnings[0]
    assert here.state()["status"] == "Not registered"


def test_a_second_address_of_another_stamp_is_refused_before_anything_is_changed(operator: Make) -> None:
    here, other = operator("registered"), operator("registered")
    here.bring_key()
    silent = "127.0.0.1:9"
    login = {"pep_username": other.pep["pep_username"], "pep_password": other.pep["pep_password"]}
    outcome = here.activate({**login, "pep_hosts": [silent, other.pep["pep_hosts"][0]]})
    assert outcome.kind in ("another_stamp", "key_of_another_stamp")
    assert other.cmdlets() == ["Get-AzureStackStampInformation"]
    assert here.activate({"pep_hosts": [silent, here.pep["pep_hosts"][0]]}).changed
    assert here.cmdlets() == ["Get-AzureStackStampInformation", ACTIVATE]


@pytest.mark.parametrize(
    ("form", "commit", "kind"),
    first_of(
        [
            ("object", "after", None),
            ("object", "never", "action_plan_failed"),
            ("timeless", "after", None),
            ("text", "never", "action_plan_failed"),
            ("silent", "after", "outcome_unknown"),
        ]
    ),
)
def test_the_stamp_is_asked_how_an_action_ended_whose_session_was_lost(
    registered: Operator, form: str, commit: str, kind: str | None
) -> None:
    here = registered
    here.simulator.settings(action_status_form=form)
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit=commit)
    try:
        outcome = here.activate()
    finally:
        here.simulator.settings(action_status_form="silent")
    assert here.cmdlets()[:2] == [ACTIVATE, "Get-ActionStatus"]
    key = here.key_file.read_text().strip()
    assert not any(part in outcome.printed for part in (key, *key.split(".")))
    if kind is None:
        assert outcome.changed and not outcome["confirmed"] and "Get-ActionStatus says" in outcome.warnings[0]
        assert here.receipt.exists()
    else:
        assert outcome.kind == kind and not here.receipt.exists()
        assert (form == "silent") is ("Get-ActionStatus" not in outcome.message)


def test_a_success_that_may_be_an_older_one_s_decides_nothing(registered: Operator) -> None:
    here = registered
    here.activate()
    here.simulator.settings(action_status_form="timeless")
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit="after")
    try:
        outcome = here.activate({"reactivate": True})
        here.fault("shell_gone", match={"action": "Receive", "cmdlet": ACTIVATE}, commit="after")
        here.cmdlets()
        unasked = here.activate({"reactivate": True, "ask_action_status": False})
    finally:
        here.simulator.settings(action_status_form="silent")
    assert outcome.kind == "outcome_unknown" and "Get-ActionStatus says" in outcome.message
    assert unasked.kind == "outcome_unknown" and here.cmdlets() == [ACTIVATE]
