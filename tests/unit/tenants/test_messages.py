# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads of ten thousand entries."""

from __future__ import annotations

import json
import typing as t
import uuid

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import messages
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import TenantEntry, WantedTenants
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.mapping_plan import (
    CREATE,
    REMOVE,
    UPDATE,
    MappingChange,
    MappingPlan,
)
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.reconciliation import MappingOutcome

WHERE = RegistrationId("b31316d4-de02-43a4-903d-eb74f8258b00", "azurestack", "azurestack-one")
LIMIT = 500_000


def guid() -> str:
    """A GUID."""
    return str(uuid.uuid4())


def outcome(**fields: t.Any) -> MappingOutcome:
    """An outcome for a list that wants what `done` holds."""
    wanted = WantedTenants(
        entries={change.subscription_id: TenantEntry(change.subscription_id) for change in fields.get("done", ())}
    )
    return MappingOutcome(WHERE, wanted, fields.pop("plan", MappingPlan()), **fields)


def change(action: str = CREATE, **fields: t.Any) -> MappingChange:
    """A change of a made-up mapping."""
    return MappingChange(action, guid(), **{"tenant_id": guid(), "name": "A customer with a long name Ltd.", **fields})


def failure(kind: str = "not_a_csp_subscription") -> ArmError:
    """A failure of a mapping."""
    return ArmError(
        "Could not map it",
        kind=kind,
        cause="this is " + "x" * 200,
        remedy="Do " + "y" * 200,
        code="C",
        request_id=guid(),
    )


def test_ten_thousand_of_everything_stay_short() -> None:
    result = messages.result(
        outcome(
            done=[
                change(action, was=guid(), replaces=guid())
                for action in (CREATE, UPDATE, REMOVE)
                for _n in range(10_000)
            ],
            failed=[(change(), failure()) for _n in range(10_000)],
            untried=[change() for _n in range(10_000)],
        )
    )
    assert len(json.dumps(result)) < LIMIT
    names = ("created", "updated", "removed", "failures", "not_tried")
    counted = [10_000 - len(result[name]) for name in names]
    assert [result["not_shown"][name] for name in names] == counted
    assert [result["counts"][name] for name in ("created", "updated", "removed", "failed", "not_tried")] == [10_000] * 5


def test_few_entries_are_all_shown() -> None:
    one = change(replaces="old")
    result = messages.result(outcome(done=[one], plan=MappingPlan(unchanged=7, found=8)))
    assert result["created"] == [
        {"subscription_id": one.subscription_id, "tenant_id": one.tenant_id, "replaces": "old", "name": one.name}
    ]
    assert result["not_shown"] == {} and result["changed"] is True
    assert result["counts"]["unchanged"] == 7 and result["counts"]["replaced"] == 1


def test_the_diff_has_counts_first_and_is_capped() -> None:
    text = messages.diff(outcome(done=[change() for _n in range(10_000)], plan=MappingPlan(unchanged=5)))["prepared"]
    lines = text.splitlines()
    assert lines[0] == "tenant mappings of azurestack-one: 10000 created, 5 unchanged"
    assert lines[-1] == "... and 9500 more changes, not shown"
    assert len(lines) == 502 and len(text) < 60_000


def test_the_lines_of_a_diff() -> None:
    text = messages.diff(
        outcome(
            done=[
                MappingChange(CREATE, "a", "t", replaces="z"),
                MappingChange(UPDATE, "b", "t", was="u"),
                MappingChange(REMOVE, "c", was="v"),
                MappingChange(CREATE, "d"),
            ]
        )
    )["prepared"]
    assert text.splitlines()[1:] == [
        "+ a (tenant t), replaces z",
        "~ b (tenant u -> t)",
        "- c (tenant v)",
        "+ d",
    ]


def test_nothing_to_do() -> None:
    assert messages.summary(outcome()) == "nothing to do"
    assert messages.error(outcome()) is None
    assert messages.warnings(outcome()) == []


def test_warnings_are_capped() -> None:
    pairs = [(guid(), guid()) for _n in range(10_000)]
    texts = messages.warnings(
        outcome(done=[change(replaces=guid()) for _n in range(5000)], plan=MappingPlan(twins=pairs))
    )
    assert len(texts) == 2 and all(len(text) < 1500 for text in texts)
    assert pairs[0][0] in texts[0] and "and 9990 more" in texts[0] and "letter case" in texts[0]
    assert "and 4990 more" in texts[1]


class TestError:
    """What a failed task says."""

    def test_one_of_many(self) -> None:
        bad = change()
        error = t.cast(
            AzsError,
            messages.error(
                outcome(done=[change() for _n in range(9)], failed=[(bad, failure())], plan=MappingPlan(unchanged=490))
            ),
        )
        assert error.kind == "not_a_csp_subscription" and error.code == "C" and error.request_id
        assert str(error).startswith("1 of 500 tenant mappings of azurestack-one failed, the others are as wanted")
        assert bad.subscription_id in str(error) and "this is xxx" in str(error) and "Do yyy" in str(error)
        assert error.details == {"kinds": {"not_a_csp_subscription": 1}}

    def test_several_kinds(self) -> None:
        failed = [(change(), failure(f"kind_{number % 5}")) for number in range(1000)]
        error = t.cast(AzsError, messages.error(outcome(failed=failed)))
        assert error.kind == "tenant_mappings_failed" and len(str(error)) < 3000
        assert error.details["kinds"] == {f"kind_{number}": 200 for number in range(5)}

    def test_removals_that_were_left_out(self) -> None:
        error = t.cast(
            AzsError, messages.error(outcome(failed=[(change(), failure())], untried=[change(REMOVE)], withheld=True))
        )
        assert "as wanted" not in str(error)
        assert "1 removals were not tried, because the list has failures" in str(error)

    def test_a_failure_that_all_would_meet(self) -> None:
        stop = failure("tenants_need_pay_as_you_use")
        error = t.cast(
            AzsError,
            messages.error(outcome(failed=[(change(), stop)], untried=[change() for _n in range(99)], stopped_by=stop)),
        )
        assert error.kind == "tenants_need_pay_as_you_use" and error.remedy == stop.remedy
        assert "(of 100 tenant mappings of azurestack-one 1 failed, 99 not tried)" in str(error)


@pytest.mark.parametrize("size", [0, 100, 1000])
def test_fitting(size: int) -> None:
    entries = [{"subscription_id": guid()} for _n in range(50)]
    assert len(json.dumps(messages.fitting(entries, size))) <= max(size, 2)
