# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_activation_key against a simulated Azure: when an artifact is kept, and when it is written anew."""

from __future__ import annotations

import json
import stat
import typing as t

import pytest
from cryptography.fernet import Fernet
from simulated_azure import Registrar, azure_simulator, oldest_libraries, registrar, registrar_numbers
from tables import first_of

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]


@pytest.fixture
def here(registrar: Make) -> Registrar:
    """Somebody whose stamp is registered, and whose cloud is known from that."""
    made = registrar()
    made.azure["cloud_metadata"] = made.register()["cloud"]
    made.requests()
    return made


def test_one_request_and_a_private_file_with_its_entry(here: Registrar) -> None:
    outcome = here.export(cloud_id=here.cloud_id)
    assert outcome.changed
    assert not outcome["kept"]
    assert here.requests() == ["POST key"]
    key = here.key_file.read_text()
    assert key.count(".") == 2
    assert stat.S_IMODE(here.key_file.stat().st_mode) == 0o600
    assert outcome["key"] == {
        "cloud_id": here.cloud_id,
        "billing_model": "Capacity",
        "marketplace_syndication": False,
        "usage_reporting": False,
        "bridge_principal": None,
        "token_version": outcome["key"]["token_version"],
        "registration_id": here.id,
        "expires": "9999-12-30T23:59:59Z",
        "sha256": outcome["key"]["sha256"],
        "created": outcome["key"]["created"],
        "path": str(here.key_file),
        "encrypted": False,
    }
    entry = json.loads(here.key_file.with_suffix(".json").read_text())
    for name in ("cloud_id", "billing_model", "registration_id", "expires", "sha256", "created"):
        assert entry[name] == outcome["key"][name]
    assert key not in outcome.printed
    assert key not in json.dumps(entry)


def test_a_second_export_keeps_the_artifact(here: Registrar) -> None:
    first = here.export()
    before = here.key_file.read_bytes()
    here.requests()
    for check in (True, False):
        outcome = here.export(check=check)
        assert not outcome.changed
        assert outcome["kept"]
        assert outcome["key"] == first["key"]
        assert outcome["diff"]["before"] == outcome["diff"]["after"]
        assert here.requests() == ["POST key"]
    assert here.key_file.read_bytes() == before


def test_check_mode_exports_and_writes_nothing(here: Registrar) -> None:
    predicted = here.export(check=True)
    assert predicted.changed
    assert here.requests() == ["POST key"]
    assert not here.bundle.exists()
    outcome = here.export()
    assert predicted["diff"] == outcome["diff"]
    assert {**predicted["key"], "sha256": 0, "created": 0} == {**outcome["key"], "sha256": 0, "created": 0}
    assert predicted["key"]["sha256"] is None


@pytest.mark.parametrize(
    "claims",
    first_of(
        [
            {"billingModel": "Development"},
            {"usageReportingEnabled": True},
            {"hardwareInfo": []},
        ]
    ),
)
def test_a_changed_registration_gives_a_new_key(here: Registrar, claims: dict[str, t.Any]) -> None:
    here.export()
    here.simulator.do("edit-registration", stamp=here.stamp, claims=claims)
    assert here.export(check=True).changed
    assert here.export().changed
    assert not here.export().changed


def test_a_damaged_artifact_is_written_anew(here: Registrar) -> None:
    here.export()
    here.key_file.write_text(here.key_file.read_text()[:-10])
    assert here.export().changed
    assert not here.export().changed
    here.key_file.unlink()
    assert here.export().changed
    here.key_file.with_suffix(".json").write_text("{")
    assert here.export().changed


def test_a_file_without_an_entry_gets_one(here: Registrar) -> None:
    here.export()
    here.key_file.with_suffix(".json").unlink()
    assert here.export().changed
    assert here.key_file.with_suffix(".json").exists()


def test_a_kept_artifact_that_others_can_read_is_warned_of(here: Registrar) -> None:
    here.export()
    here.key_file.chmod(0o644)
    assert "can be read by others" in here.export().warnings[0]


def test_a_key_of_another_stamp_is_refused_and_not_written(here: Registrar) -> None:
    other = "2b1d1bd3-7b5b-4d6a-a0f9-3d3c8a1d7c55"
    outcome = here.export(cloud_id=other)
    assert outcome.kind == "key_of_another_stamp"
    for part in (here.cloud_id, other, "azs_registration_info finds it by cloud_id"):
        assert part in outcome.message
    assert not here.bundle.exists()


def test_by_name_and_group_without_letter_case(here: Registrar) -> None:
    name = f"AZURESTACK-{here.cloud_id.upper()}"
    outcome = here.export(registration_id=None, name=name, resource_group="AzureStack")
    assert outcome["key"]["registration_id"] == here.id
    assert not here.export(registration_id=here.id.lower()).changed


def test_a_registration_that_is_not_there(here: Registrar) -> None:
    outcome = here.export(registration_id=here.id_of("none"))
    assert outcome.kind == "resource_not_found"
    assert "Could not export the activation key of none" in outcome.message
    assert "Compare subscription_id, resource_group and name" in outcome.message


def test_an_expired_registration_is_warned_of(here: Registrar) -> None:
    here.simulator.do("expire-registration", stamp=here.stamp)
    outcome = here.export()
    assert outcome.changed
    assert "has expired" in outcome.warnings[0]


def test_an_expiry_is_compared_with_azures_clock_and_a_wrong_one_of_this_host_named(here: Registrar) -> None:
    here.simulator.do("expire-registration", stamp=here.stamp)
    here.simulator.settings(clock_offset=-40 * 86400)
    try:
        outcome = here.export()
    finally:
        here.simulator.settings(clock_offset=0)
    assert outcome.changed and len(outcome.warnings) == 1
    assert "The clock of this host is 40 days ahead of that of Azure" in outcome.warnings[0]


def test_an_error_in_an_answer_of_success_is_no_key(here: Registrar) -> None:
    here.fault("error", "POST", "/getactivationkey", status=200)
    assert here.export().kind == "unexpected_answer"


def test_encrypted_artifacts_are_handed_over_sealed(here: Registrar) -> None:
    seal = Fernet.generate_key()
    outcome = here.export(encrypt=True, _azs={"seal": seal.decode()})
    assert outcome.changed
    assert not here.bundle.exists()
    key = Fernet(seal).decrypt(outcome["_azs_sealed"].encode()).decode()
    assert key.count(".") == 2
    assert key not in outcome.printed
    assert outcome["key"]["encrypted"]


def test_encrypted_artifacts_are_kept_by_their_entry(here: Registrar) -> None:
    from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle

    hidden = {"_azs": {"seal": Fernet.generate_key().decode()}, "encrypt": True}
    entry = bundle.ManifestEntry(**here.export(**hidden)["_azs_entry"])
    where = bundle.place(bundle.KEY, bundle=str(here.bundle), stamp=here.stamp, path=None)
    bundle.store(where, entry, bundle.VAULT_HEADER + "1.1;AES256\n6162\n")
    assert not here.export(**hidden).changed
    assert here.export().changed  # a clear file was asked for
    bundle.store(where, entry, bundle.VAULT_HEADER + "1.1;AES256\n6162\n")
    here.simulator.do("set-stamp", stamp=here.stamp, nodes=3)
    here.register()
    assert here.export(**hidden).changed  # more nodes, which the entry does not list


def test_the_key_of_another_stamp_is_replaced_and_said(here: Registrar) -> None:
    here.export()
    path = here.bundle / f"{here.stamp}.activation-key.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "stamp": "elsewhere"}))
    outcome = here.export()
    assert outcome.changed and any("another stamp, elsewhere" in warning for warning in outcome.warnings)
    assert json.loads(path.read_text())["stamp"] == here.stamp
    assert not here.export().changed


@pytest.mark.parametrize("kept", [False, True])
def test_content_on_request_is_sealed(here: Registrar, kept: bool) -> None:
    if kept:
        here.export()
    seal = Fernet.generate_key()
    outcome = here.export(return_content=True, _azs={"seal": seal.decode()})
    assert outcome["kept"] is kept
    assert Fernet(seal).decrypt(outcome["_azs_sealed"].encode()).decode() == here.key_file.read_text().strip()
    assert here.key_file.read_text().strip() not in outcome.printed


@pytest.mark.deep
def test_with_the_oldest_libraries(here: Registrar) -> None:
    place = {"bundle": str(here.bundle), "stamp": here.stamp, "registration_id": here.id}
    old = oldest_libraries()
    assert here.run("azs_activation_key", place, environment=old, check=True).changed
    assert here.run("azs_activation_key", place, environment=old).changed
    assert not here.run("azs_activation_key", place, environment=old).changed
    assert here.requests() == ["POST key"] * 3
    assert not here.export().changed


def test_the_clock_of_this_host_is_named_wherever_an_expiry_is_told(here: Registrar) -> None:
    """Kind: a registration that is expired by the clock of a controller that is ahead, the clock unmentioned (row 30)."""
    here.simulator.do("expire-registration", stamp=here.stamp)
    here.simulator.settings(clock_offset=-40 * 86400)
    try:
        registered = here.run("azs_registration", {"registration_id": here.id, "cloud_id": here.cloud_id})
        looked = here.run("azs_registration_info", {"cloud_id": here.cloud_id})
    finally:
        here.simulator.settings(clock_offset=0)
    for outcome in (registered, looked):
        (warning,) = (one for one in outcome.warnings if "clock" in one or "expired" in one)
        assert "The clock of this host is 40 days ahead of that of Azure" in warning
    assert looked["registrations"][0]["expires_in_days"] > 0
