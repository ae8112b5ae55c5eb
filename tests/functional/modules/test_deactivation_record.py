# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a deactivation: written at the stamp, asked for in Azure, and counted once."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, deactivation
from simulated_azure import Registrar, azure_simulator, registrar, registrar_numbers
from stamps import Operator

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

INFORMATION, DEACTIVATE = "Get-AzureStackStampInformation", "Remove-AzureStackActivation"
LONG_AGO, LATER = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
ABSENT = {"state": "absent", "record": True}


def dated(where: bundle.ArtifactPlace, created: str) -> None:
    """Let an artifact be made at another time."""
    entry = bundle.read_entry(where)
    assert entry
    where.entry_path.write_bytes(dataclasses.replace(entry, created=created).as_json())


@pytest.mark.parametrize("known", [True, False])
def test_is_left_behind_and_read_instead_of_the_stamp(operator: t.Callable[[str], Operator], known: bool) -> None:
    here = operator("activated")
    options = {**ABSENT, "cloud_id": here.cloud_id if known else None}
    predicted = here.activate(options, check=True)
    assert predicted.changed and not here.bundle.exists()
    told = predicted["_azs_foreseen"]["deactivation"]
    assert (told["changed"], told["cloud_id"], told["stamp"]) == (True, here.cloud_id, here.stamp)
    assert here.activate(options).changed
    assert here.cmdlets() == [INFORMATION, INFORMATION, DEACTIVATE]
    entry = deactivation.at_stamp(str(here.bundle), here.stamp)
    assert entry and entry.cloud_id == here.cloud_id
    again = here.activate(options)
    assert not again.changed and again["evidence"] == "receipt"
    assert here.cmdlets() == []


@pytest.mark.parametrize("known", [True, False])
def test_is_made_up_for_when_the_stamp_is_not_active(operator: t.Callable[[str], Operator], known: bool) -> None:
    here = operator("registered")
    options = {**ABSENT, **here.admin, "cloud_id": here.cloud_id if known else None}
    assert here.activate(options, check=True).changed
    assert here.activate(options).changed
    assert here.cmdlets() == [INFORMATION]
    assert not here.activate(options).changed


def test_does_not_count_at_the_stamp_once_it_is_activated_again(operator: t.Callable[[str], Operator]) -> None:
    here = operator("registered")
    here.activate(ABSENT)
    here.bring_key()
    assert here.activate().changed
    here.cmdlets()
    assert here.activate(ABSENT).changed
    assert here.cmdlets() == [INFORMATION, DEACTIVATE]


def test_that_cannot_be_written_tells_that_the_stamp_was_deactivated(operator: t.Callable[[str], Operator]) -> None:
    here = operator("activated")
    in_the_way = here.bundle / f"{here.stamp}.deactivation.json"
    in_the_way.mkdir(parents=True)
    outcome = here.activate(ABSENT)
    assert outcome.kind == "unwritable_artifact" and outcome["changed"]
    for part in ("The stamp is deactivated", str(in_the_way), "run the same command again"):
        assert part in outcome.message
    assert here.state()["status"] == "Not registered"
    in_the_way.rmdir()
    assert here.activate(ABSENT).changed
    assert deactivation.at_stamp(str(here.bundle), here.stamp)


def test_needs_a_bundle(operator: t.Callable[[str], Operator]) -> None:
    here = operator("registered")
    outcome = here.run("azs_activation", {**ABSENT, "path": str(here.key_file)})
    assert outcome.kind == "bad_input"
    assert here.requests() == []


class TestInAzure:
    """azs_registration with require_deactivation."""

    @staticmethod
    def remove(here: Registrar, **options: t.Any) -> t.Any:
        """Delete what the record names."""
        place = {"bundle": str(here.bundle), "stamp": here.stamp}
        return here.remove(require_deactivation=True, **place, **options)

    def test_the_record_names_the_registration_and_counts_once(self, registrar: t.Callable[..., Registrar]) -> None:
        here = registrar()
        assert here.register().changed
        deactivation.write(str(here.bundle), here.stamp, here.cloud_id, None)
        assert self.remove(here, check=True).changed
        record = deactivation.place(str(here.bundle), here.stamp)
        entry = bundle.read_entry(record)
        assert entry
        foreseen = {"_azs": {"foreseen": {"deactivation": {**entry.as_result(), "changed": True}}}}
        for file in (record.path, record.entry_path):
            file.unlink()
        assert self.remove(here, check=True, cloud_id=here.cloud_id).kind == "not_deactivated"
        assert self.remove(here, check=True, **foreseen).changed  # an earlier task would bring the record
        assert self.remove(here, cloud_id=here.cloud_id, **foreseen).kind == "not_deactivated"
        deactivation.write(str(here.bundle), here.stamp, here.cloud_id, None)
        assert self.remove(here).changed
        assert here.registration() is None
        assert not self.remove(here).changed
        assert here.register().changed
        assert self.remove(here).kind == "not_deactivated"
        assert here.locked()

    @pytest.mark.parametrize("named", [{}, {"name": "typo"}])
    def test_the_record_shows_that_the_registration_is_in_another_subscription(
        self, registrar: t.Callable[..., Registrar], named: dict[str, str]
    ) -> None:
        here, wrong = registrar(), registrar()
        assert here.register().changed
        deactivation.write(str(here.bundle), here.stamp, here.cloud_id, here.id)
        refused = self.remove(here, subscription_id=wrong.subscription_id, **named)
        assert refused.kind == ("named_registration_missing" if named else "registered_elsewhere")
        assert here.id in refused.message
        assert self.remove(here).changed

    def test_a_registration_made_anew_wants_a_new_one(self, registrar: t.Callable[..., Registrar]) -> None:
        here = registrar()
        here.bundle.mkdir(mode=0o700)
        deactivation.write(str(here.bundle), here.stamp, here.cloud_id, None)
        token = here.mint()
        (here.bundle / f"{here.stamp}.registration-token.txt").write_text(token, encoding="ascii")
        place = {"bundle": str(here.bundle), "stamp": here.stamp}
        assert here.run("azs_registration", {**place, "location": here.location}).changed
        assert self.remove(here).kind == "not_deactivated"
        dated(deactivation.place(str(here.bundle), here.stamp), LATER)
        assert self.remove(here).changed

    def test_one_from_before_the_key_does_not_count(self, registrar: t.Callable[..., Registrar]) -> None:
        here = registrar()
        assert here.register().changed
        deactivation.write(str(here.bundle), here.stamp, here.cloud_id, None)
        dated(deactivation.place(str(here.bundle), here.stamp), LONG_AGO)
        here.export()
        assert self.remove(here, cloud_id=here.cloud_id).kind == "not_deactivated"

    def test_that_of_another_stamp_does_not_count(self, registrar: t.Callable[..., Registrar]) -> None:
        here, other = registrar(), registrar()
        assert here.register().changed
        deactivation.write(str(here.bundle), here.stamp, other.cloud_id, None)
        assert self.remove(here, cloud_id=here.cloud_id).kind == "not_deactivated"
        assert here.locked()

    def test_a_token_without_a_record_names_it_too(self, registrar: t.Callable[..., Registrar]) -> None:
        here = registrar()
        assert here.register().changed
        here.bundle.mkdir(mode=0o700)
        (here.bundle / f"{here.stamp}.registration-token.txt").write_text(here.mint(), encoding="ascii")
        assert self.remove(here).kind == "not_deactivated"
        assert here.remove(bundle=str(here.bundle), stamp=here.stamp).changed


def test_a_damaged_record_is_refused(tmp_path: pathlib.Path) -> None:
    deactivation.write(str(tmp_path), "s1", "11111111-2222-3333-4444-555555555555", None)
    deactivation.place(str(tmp_path), "s1").path.write_text("deactivated:22222222", encoding="ascii")
    with pytest.raises(Exception, match="truncated"):
        deactivation.in_azure(str(tmp_path), "s1")
