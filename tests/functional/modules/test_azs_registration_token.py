# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_registration_token at simulated stamps: minting, keeping, refusing."""

from __future__ import annotations

import base64
import functools
import json
import os
import pathlib
import signal
import stat
import typing as t

import in_container
import pytest
from cryptography.fernet import Fernet
from processes import Outcome
from stamps import AGREEMENT, ASSET_TAG, Operator
from tables import first_of

Make = t.Callable[[str], Operator]
ALWAYS: t.Final = ["BillingModel", "MarketplaceSyndicationEnabled", "UsageReportingEnabled", "AgreementNumber"]


def stored(here: Operator) -> tuple[str, dict[str, t.Any]]:
    """Return the token and its manifest entry in the operator's bundle."""
    base = here.bundle / f"{here.stamp}.registration-token"
    return base.with_suffix(".registration-token.txt").read_text(), json.loads(
        base.with_suffix(".registration-token.json").read_text()
    )


def said(outcome: Outcome) -> str:
    """What the module itself says. Ansible keeps the options beside it: an agreement number is no secret, and is not told needlessly."""
    return json.dumps({name: value for name, value in outcome.result.items() if name != "invocation"})


def test_mints_in_one_session(operator: Make) -> None:
    here = operator("modern")
    outcome = here.token()
    assert outcome.changed
    assert not outcome["kept"]
    token, entry = stored(here)
    assert token not in outcome.printed
    assert AGREEMENT not in said(outcome)
    assert outcome["token"] == {
        "cloud_id": here.cloud_id,
        "billing_model": "Capacity",
        "marketplace_syndication": False,
        "usage_reporting": False,
        "token_version": "6.0",
        "bridge_principal": None,
        "sha256": entry["sha256"],
        "created": entry["created"],
        "path": str(here.bundle / f"{here.stamp}.registration-token.txt"),
        "encrypted": False,
    }
    assert outcome["stamp"]["nodes"] == 4
    assert outcome["pep_host"] == here.pep["pep_hosts"][0]
    assert (entry["agreement_number"], entry["fingerprint"]) == (AGREEMENT, None)
    assert stat.S_IMODE((here.bundle / f"{here.stamp}.registration-token.txt").stat().st_mode) == 0o600
    log = here.requests()
    assert [entry["cmdlet"] for entry in log if entry["action"] == "Command"] == [
        "Get-AzureStackStampInformation",
        "Set-RegistrationKeyPair",
        "New-RegistrationToken",
    ]
    assert len(log) == 15
    assert [entry["action"] for entry in log].count("Authenticate") == 3
    assert log[-1]["action"] == "Delete"


def test_the_second_run_contacts_nobody(operator: Make) -> None:
    here = operator("modern")
    first = here.token()
    before = stored(here)
    here.requests()
    for how in ({}, {"check": True}):
        outcome = here.token(**how)
        assert not outcome.changed
        assert outcome["kept"]
        assert outcome["token"] == first["token"]
        assert outcome["stamp"] == {"cloud_id": here.cloud_id, "stamp_version": "1.2311.1.22"}
        assert outcome["pep_host"] is None
        assert outcome["diff"]["before"] == outcome["diff"]["after"]
    assert here.requests() == []
    assert stored(here) == before


def test_check_mode_predicts_and_reads_the_stamp_information_alone(operator: Make) -> None:
    here = operator("modern")
    predicted = here.token(check=True)
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert not here.bundle.exists()
    assert here.state()["tokens_minted"] == 0
    real = here.token()
    assert predicted.changed and real.changed
    assert predicted["diff"] == real["diff"]
    assert predicted["stamp"] == real["stamp"]
    told = predicted["_azs_foreseen"]["registration_token"]
    assert (told["changed"], told["agreement_number"], told["disconnected"]) == (True, AGREEMENT, True)
    for name, value in predicted["token"].items():
        assert value == (None if name in ("sha256", "created") else real["token"][name])


@pytest.mark.parametrize(
    ("kind", "parameters", "version"),
    first_of(
        [
            ("single", [*ALWAYS, "MsAssetTag", "TokenVersion"], "6.0"),
            ("middle", [*ALWAYS, "MsAssetTag", "TokenVersion"], "4.0"),
            ("old", ALWAYS, None),
        ]
    ),
)
def test_older_stamps_and_single_nodes(operator: Make, kind: str, parameters: list[str], version: str | None) -> None:
    here = operator(kind)
    outcome = here.token()
    assert outcome["token"]["token_version"] == version
    log = here.requests()
    assert "Set-RegistrationKeyPair" not in [entry["cmdlet"] for entry in log if entry["action"] == "Command"]
    assert next(entry["parameters"] for entry in log if entry.get("cmdlet") == "New-RegistrationToken") == parameters


def test_switches_and_asset_tag_reach_the_stamp(operator: Make) -> None:
    here = operator("connected")
    outcome = here.token(
        {
            "billing_model": "Custom",
            "agreement_number": None,
            "asset_tag": ASSET_TAG,
            "disconnected": False,
            "usage_reporting": True,
        }
    )
    assert outcome["token"]["marketplace_syndication"] and outcome["token"]["usage_reporting"]
    assert ASSET_TAG not in said(outcome)
    request = here.state()["last_token_request"]
    assert request["MsAssetTag"] == ASSET_TAG
    assert request["MarketplaceSyndicationEnabled"] and request["UsageReportingEnabled"]
    assert request["AgreementNumber"] == ""


def test_capacity_never_reports_usage(operator: Make) -> None:
    here = operator("single")
    outcome = here.token({"usage_reporting": True})
    assert outcome["token"]["usage_reporting"] is False
    assert "never reports usage" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("options", "part"),
    first_of(
        [
            ({"billing_model": "PayAsYouUse"}, "cannot use the billing model PayAsYouUse"),
            ({"agreement_number": None}, "needs an agreement number"),
            ({"billing_model": "Ruggedized"}, "needs the asset tag"),
            ({"bundle": None, "stamp": None}, "Nothing says where"),
            ({"stamp": "../elsewhere"}, "cannot name a stamp"),
            ({"bridge_principal_refresh_token": "a refresh token"}, "no bridge principal"),
            ({"pep_hosts": []}, "no address"),
        ]
    ),
)
def test_broken_rules_are_told_before_anything_is_contacted(
    operator: Make, options: dict[str, t.Any], part: str
) -> None:
    here = operator("modern")
    outcome = here.token(options)
    assert part in outcome.message
    assert outcome.kind == "bad_input"
    assert outcome["error"]["remedy"]
    assert here.requests() == []


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"asset_tag": ASSET_TAG}, "1.1912.0.19"),
        ({"token_version": "4.0"}, "1.2008.0.49"),
    ],
)
def test_what_the_version_does_not_know_is_told_before_anything_is_changed(
    operator: Make, options: dict[str, t.Any], part: str
) -> None:
    here = operator("old")
    for how in ({"check": True}, {}):
        outcome = here.token(options, **how)
        assert part in outcome.message and "1.1904.0.36" in outcome.message
        assert outcome.kind == "stamp_too_old"
        assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert here.state()["tokens_minted"] == 0


def test_another_stamp_than_expected(operator: Make) -> None:
    here = operator("modern")
    outcome = here.token({"cloud_id": "11111111-2222-3333-4444-555555555555"})
    assert outcome.kind == "another_stamp"
    for part in (here.cloud_id, "11111111-2222-3333-4444-555555555555", here.pep["pep_hosts"][0], "pep_hosts"):
        assert part in outcome.message
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_a_changed_request_mints_anew(operator: Make) -> None:
    here = operator("modern")
    here.token()
    first = stored(here)
    outcome = here.token({"marketplace_syndication": True})
    assert outcome.changed
    assert outcome["renewed_because"] == ["marketplace_syndication"]
    assert outcome["diff"]["before"]["marketplace_syndication"] is False
    assert outcome["diff"]["after"]["marketplace_syndication"] is True
    assert stored(here)[0] != first[0]


def test_a_changed_agreement_number_mints_anew_and_says_what_azure_cannot_show(operator: Make) -> None:
    here = operator("modern")
    here.token()
    predicted = here.token({"agreement_number": "1234567"}, check=True)
    outcome = here.token({"agreement_number": "1234567"})
    assert outcome.changed and predicted.changed
    assert outcome["diff"] == predicted["diff"]
    assert outcome["renewed_because"] == ["agreement_number"]
    assert outcome["diff"]["after"]["agreement_number_and_asset_tag"] == "not shown, changed"
    assert any("reregister" in warning for warning in outcome.warnings)
    assert "1234567" not in said(outcome) and AGREEMENT not in said(outcome)


def test_a_changed_agreement_number_that_the_token_does_not_tell_is_noticed_all_the_same(operator: Make) -> None:
    here = operator("silent")
    here.token()
    entry = stored(here)[1]
    assert entry["agreement_number"] is None and AGREEMENT not in json.dumps(entry)
    assert not here.token().changed
    outcome = here.token({"agreement_number": "1234567"})
    assert outcome.changed and outcome["renewed_because"] == ["agreement_number_and_asset_tag"]
    assert outcome["diff"]["after"]["agreement_number_and_asset_tag"] == "not shown, changed"


def test_renew_mints_although_it_fits(operator: Make) -> None:
    here = operator("modern")
    here.token()
    first = stored(here)
    assert here.token({"renew": True}).changed
    assert stored(here)[0] != first[0]


def test_a_damaged_token_is_minted_anew(operator: Make) -> None:
    here = operator("modern")
    here.token()
    path = here.bundle / f"{here.stamp}.registration-token.txt"
    path.write_text(path.read_text()[:-20])
    outcome = here.token()
    assert outcome.changed
    assert "damaged" in outcome.warnings[0]
    assert not here.token().changed


def test_a_damaged_manifest_entry_is_replaced_and_a_newer_bundle_is_not(operator: Make) -> None:
    here = operator("modern")
    here.token()
    path = here.bundle / f"{here.stamp}.registration-token.json"
    entry = json.loads(path.read_text())
    path.write_text(path.read_text()[:-50])
    outcome = here.token()
    assert outcome.changed
    assert "damaged" in outcome.warnings[0]
    path.write_text(json.dumps({**entry, "format": 2}))
    here.requests()
    outcome = here.token()
    assert outcome.kind == "unknown_bundle_version"
    assert here.requests() == []


def test_a_single_file_instead_of_a_bundle(operator: Make, tmp_path: pathlib.Path) -> None:
    here = operator("modern")
    path = tmp_path / "stick" / "token.txt"
    options = {
        "billing_model": "Capacity",
        "agreement_number": AGREEMENT,
        "disconnected": True,
        "kept_container": True,
        "path": str(path),
    }
    assert here.run("azs_registration_token", options)["token"]["path"] == str(path)
    assert path.with_name("token.txt.json").exists()
    assert not here.run("azs_registration_token", options).changed


def test_hands_the_token_over_sealed(operator: Make) -> None:
    here = operator("modern")
    seal = Fernet.generate_key().decode()
    outcome = here.token({"encrypt": True, "return_content": True, "_azs": {"seal": seal}})
    token = Fernet(seal.encode()).decrypt(outcome["_azs_sealed"].encode()).decode()
    assert token not in outcome.printed and seal not in outcome.printed
    assert outcome["token"]["encrypted"]
    assert not here.bundle.exists() or not list(here.bundle.iterdir())
    assert outcome["_azs_entry"]["size"] == len(token)


def test_hands_a_kept_token_over_sealed(operator: Make) -> None:
    here = operator("modern")
    here.token()
    seal = Fernet.generate_key().decode()
    outcome = here.token({"return_content": True, "_azs": {"seal": seal}})
    assert not outcome.changed
    assert Fernet(seal.encode()).decrypt(outcome["_azs_sealed"].encode()).decode() == stored(here)[0].strip()


def test_content_leaves_the_module_through_its_action_plugin_only(operator: Make) -> None:
    here = operator("modern")
    outcome = here.token({"return_content": True})
    assert outcome.kind == "no_action_plugin"
    assert stored(here)[0].strip() not in outcome.printed


def test_makes_the_bridge_principal_in_the_same_session(operator: Make) -> None:
    here = operator("connected")
    user = here.simulator.do("add-principal", name="owner@rehearsal.onmicrosoft.com", kind="user")
    refresh = here.simulator.do("refresh-token", user=user.get("name", "owner@rehearsal.onmicrosoft.com"))
    options = {
        "billing_model": "PayAsYouUse",
        "agreement_number": None,
        "disconnected": False,
        "bridge_principal_refresh_token": refresh,
    }
    predicted = here.token(options, check=True)
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]
    outcome = here.token(options)
    assert here.cmdlets() == [
        "Get-AzureStackStampInformation",
        "Set-RegistrationKeyPair",
        "New-AzureBridgeServicePrincipal",
        "New-RegistrationToken",
    ]
    assert outcome["token"]["bridge_principal"] == here.state()["principals"][-1]
    assert predicted["diff"] == outcome["diff"]
    assert refresh not in outcome.printed
    assert not here.token(options).changed
    assert here.requests() == []


def test_a_refresh_token_that_is_none(operator: Make) -> None:
    here = operator("connected")
    outcome = here.token(
        {
            "billing_model": "PayAsYouUse",
            "agreement_number": None,
            "disconnected": False,
            "bridge_principal_refresh_token": "0.AUnusableRefreshToken",
        }
    )
    assert "New-AzureBridgeServicePrincipal failed" in outcome.message
    assert "0.AUnusableRefreshToken" not in outcome.printed
    assert here.state()["tokens_minted"] == 0


@pytest.mark.parametrize(
    ("kind", "options"), first_of([("empty_output", {}), ("empty_output", {"value": "  "}), ("two_outputs", {})])
)
def test_insists_on_exactly_one_token(operator: Make, kind: str, options: dict[str, str]) -> None:
    here = operator("single")
    here.fault(kind, match={"action": "Command", "cmdlet": "New-RegistrationToken"}, **options)
    outcome = here.token()
    assert outcome.kind == "unexpected_output"
    assert "exactly one registration token" in outcome.message
    assert not here.bundle.exists()


def test_hardware_that_does_not_answer(operator: Make) -> None:
    here = operator("single")
    here.fault("hardware", match={"action": "Command", "cmdlet": "New-RegistrationToken"}, host="AzS-Node03")
    outcome = here.token()
    assert outcome.kind == "stamp_hardware_unreadable"
    for part in ("AzS-Node03", here.pep["pep_hosts"][0], "Check that host"):
        assert part in outcome.message


def test_tells_its_progress(operator: Make, tmp_path: pathlib.Path) -> None:
    here = operator("single")
    path = tmp_path / "progress"
    path.touch()
    assert here.token({"_azs": {"progress": str(path)}}).changed
    record = json.loads(path.read_text())
    assert record["step"] == "minting the registration token"
    assert record["since"] > 0
    assert [entry.name for entry in tmp_path.iterdir() if "progress" in entry.name] == ["progress"]


def test_an_interrupted_run_closes_its_session(operator: Make) -> None:
    here = operator("modern")
    here.fault("hang", match={"action": "Receive", "cmdlet": "New-RegistrationToken"})
    mark = here.simulator.mark()
    running = here.start(
        "azs_registration_token",
        {
            "billing_model": "Capacity",
            "agreement_number": AGREEMENT,
            "disconnected": True,
            "kept_container": True,
            **here.place,
        },
    )
    here.simulator.wait_for(mark, 60, stamp=here.stamp, action="Command", cmdlet="New-RegistrationToken")
    running.send(signal.SIGTERM)
    assert running.wait().returncode == 128 + signal.SIGTERM
    assert here.requests()[-1]["action"] == "Delete"
    assert not here.bundle.exists()
    assert here.token().changed


def test_a_pipe_in_place_of_the_file_is_told_before_anything_is_contacted(
    operator: Make, tmp_path: pathlib.Path
) -> None:
    here, path = operator("modern"), tmp_path / "token.txt"
    os.mkfifo(path)
    options = {"billing_model": "Capacity", "agreement_number": AGREEMENT, "disconnected": True, "kept_container": True}
    assert here.run("azs_registration_token", {**options, "path": str(path)}).kind == "unwritable_artifact"
    assert here.requests() == [] and stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.skipif(not in_container.possible(), reason="this host lets its users make no mounts")
def test_a_token_that_would_be_lost_with_its_container_is_not_minted(operator: Make, tmp_path: pathlib.Path) -> None:
    """Kind: what is reported as written has to be there after the job (issue 15, row 2)."""
    here, root = operator("modern"), tmp_path / "root"
    root.mkdir()
    inside = functools.partial(in_container.command, root)
    outcome = here.token({"bundle": "/mnt/bundle", "kept_container": False}, inside=inside)
    assert outcome.kind == "lost_with_container" and "/mnt/bundle" in outcome.message, outcome.message
    assert here.requests() == []
    assert here.token({"kept_container": False}, inside=inside).changed


def test_the_token_of_another_stamp_is_not_kept(operator: Make) -> None:
    here, other = operator("modern"), operator("modern")
    other.token()
    for end in ("txt", "json"):
        theirs = other.bundle / f"{other.stamp}.registration-token.{end}"
        (here.bundle / f"{here.stamp}.registration-token.{end}").write_bytes(theirs.read_bytes())
    before = stored(here)
    outcome = here.token()
    assert outcome.kind == "token_of_another_stamp"
    for part in (here.stamp, other.stamp, str(here.bundle)):
        assert part in outcome.message
    assert here.requests() == [] and stored(here) == before


@pytest.mark.parametrize("syndication", first_of([True, False]))
@pytest.mark.parametrize("reporting", first_of([True, False]))
def test_the_token_says_what_was_asked_for(operator: Make, syndication: bool, reporting: bool) -> None:
    """Development alone lets both be chosen."""
    here = operator("modern")
    outcome = here.token(
        {
            "billing_model": "Development",
            "disconnected": False,
            "marketplace_syndication": syndication,
            "usage_reporting": reporting,
        }
    )
    assert outcome.changed, outcome.printed
    said = json.loads(base64.b64decode(stored(here)[0]))
    assert (said["marketplaceSyndicationEnabled"], said["usageReportingEnabled"]) == (syndication, reporting)
    assert (outcome["token"]["marketplace_syndication"], outcome["token"]["usage_reporting"]) == (
        syndication,
        reporting,
    )
