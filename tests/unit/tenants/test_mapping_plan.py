# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes make a registration hold the wanted mappings."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mapping_plan
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import TenantEntry
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.mapping_plan import MappingChange, MappingPlan


def entries(**tenants: str | None) -> dict[str, TenantEntry]:
    """Entries of short ids: a="t" is the subscription a of the tenant t."""
    return {
        name: TenantEntry(name, tenant, origin=f"entry {number}")
        for number, (name, tenant) in enumerate(tenants.items(), 1)
    }


def present(wanted: dict[str, TenantEntry], found: dict[str, str | None], exact: bool = False) -> MappingPlan:
    """The plan for wanted mappings."""
    return mapping_plan.present(wanted, found, exact=exact)


def short(changes: t.Iterable[MappingChange]) -> list[str]:
    """Changes as text, for comparison."""
    return [
        f"{change.action} {change.subscription_id}"
        + (f" for {change.tenant_id}" if change.tenant_id else "")
        + (f" was {change.was}" if change.was else "")
        + (f" replaces {change.replaces}" if change.replaces else "")
        for change in changes
    ]


class TestPresent:
    """Wanted mappings."""

    @pytest.mark.parametrize(
        ("wanted", "found", "puts"),
        [
            ({"a": "t"}, {}, ["create a for t"]),
            ({"a": None}, {}, ["create a"]),
            ({"a": "t"}, {"a": "t"}, []),
            ({"a": "t"}, {"a": "T"}, []),
            ({"a": None}, {"a": "t"}, []),
            ({"a": "t"}, {"a": None}, []),
            ({"a": "t"}, {"a": "u"}, ["update a for t was u"]),
            ({"b": "t"}, {"a": "T"}, ["create b for t replaces a"]),
            ({"b": None}, {"a": "t"}, ["create b"]),
            ({"b": "t"}, {"a": "t", "b": "u"}, ["update b for t was u replaces a"]),
            ({"a": "u", "b": "t"}, {"a": "t", "b": "u"}, ["update a for u was t", "update b for t was u"]),
            ({"a": "u", "b": "t"}, {"a": "t"}, ["update a for u was t", "create b for t"]),
            ({"A": "t"}, {"a": "t"}, ["create A for t replaces a"]),
        ],
    )
    def test_puts(self, wanted: dict[str, str | None], found: dict[str, str | None], puts: list[str]) -> None:
        plan = present(entries(**wanted), found)
        assert (short(plan.puts), plan.removals) == (puts, [])
        assert plan.unchanged == len(wanted) - len(puts)

    @pytest.mark.parametrize(
        ("wanted", "found", "removals"),
        [
            ({"a": "t"}, {"a": "t"}, []),
            ({"a": "t"}, {"a": "t", "b": "u", "c": None}, ["remove b was u", "remove c"]),
            ({"b": "t"}, {"a": "t"}, []),
            ({"A": None}, {"a": "t"}, ["remove a was t"]),
            ({}, {"a": "t"}, ["remove a was t"]),
        ],
    )
    def test_exact(self, wanted: dict[str, str | None], found: dict[str, str | None], removals: list[str]) -> None:
        assert short(present(entries(**wanted), found, exact=True).removals) == removals

    def test_a_second_subscription_of_a_tenant_that_only_azure_shows(self) -> None:
        with pytest.raises(ConflictError) as caught:
            present(entries(a=None, b="t"), {"a": "t"})
        assert caught.value.kind == "several_subscriptions_of_a_tenant"
        assert all(part in str(caught.value) for part in ("entry 1", "entry 2", "Nothing was changed"))

    def test_ids_that_differ_in_letter_case(self) -> None:
        plan = present(entries(A=None, b="t"), {"a": "u", "b": "t"})
        assert (short(plan.puts), plan.twins) == (["create A"], [("A", "a")])


class TestAbsent:
    """Mappings to be removed."""

    def test_only_what_exists(self) -> None:
        plan = mapping_plan.absent(entries(a="t", b=None, c=None), {"a": "T", "b": "u"})
        assert (short(plan.removals), plan.unchanged) == (["remove a was T", "remove b was u"], 1)

    def test_another_letter_case_is_another_mapping(self) -> None:
        plan = mapping_plan.absent(entries(A=None), {"a": "t"})
        assert (plan.removals, plan.twins) == ([], [("A", "a")])

    def test_a_mapping_of_another_tenant_stays(self) -> None:
        plan = mapping_plan.absent(entries(a="t"), {"a": "u"})
        ((_change, error),) = plan.refused
        assert plan.removals == [] and error.kind == "mapping_of_another_tenant" and "u" in str(error)


class TestLimit:
    """What the exact mode may remove."""

    @pytest.mark.parametrize(
        ("limit", "found", "allowed"),
        [("0", 10, 0), ("3", 10, 3), ("10%", 5, 1), ("10%", 10, 1), ("10 %", 29, 2), ("0%", 100, 0), ("100%", 7, 7)],
    )
    def test_numbers_and_shares(self, limit: str, found: int, allowed: int) -> None:
        def plan(removals: int) -> MappingPlan:
            return MappingPlan(
                removals=[MappingChange("remove", str(number)) for number in range(removals)], found=found
            )

        mapping_plan.check_removals(plan(allowed), limit)
        with pytest.raises(ConflictError) as caught:
            mapping_plan.check_removals(plan(allowed + 1), limit)
        assert caught.value.kind == "too_many_removals"
        assert caught.value.details == {"removals": allowed + 1, "found": found, "allowed": allowed}
        assert "max_removals" in str(caught.value)

    @pytest.mark.parametrize("limit", ["", "many", "-1", "101%", "5.5%"])
    def test_what_is_no_limit(self, limit: str) -> None:
        with pytest.raises(InputError):
            mapping_plan.check_removals(MappingPlan(), limit)
