# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant list says, and what is wrong with it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import WantedTenants, parse, select, twins

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"
T = "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001"
U = "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f002"


def wanted(*raw: t.Any, names: t.Sequence[str] = (), known: t.Sequence[str] = ()) -> WantedTenants:
    """The part of a list that concerns the stamp with these names."""
    return select([parse(entry, f"entry {number}") for number, entry in enumerate(raw, 1)], names, known)


def refused(*raw: t.Any, **how: t.Any) -> InputError:
    """The error that a list ends with."""
    with pytest.raises(InputError) as caught:
        wanted(*raw, **how)
    return caught.value


class TestParse:
    """One entry."""

    @pytest.mark.parametrize("raw", [A, f"  {A}\n", f"/subscriptions/{A}", {"subscription_id": f"/Subscriptions/{A}/"}])
    def test_a_subscription_however_it_was_copied(self, raw: t.Any) -> None:
        entry = parse(raw, "entry 1")
        assert (entry.subscription_id, entry.tenant_id) == (A, None)

    def test_letter_case_is_kept(self) -> None:
        assert parse(A.upper(), "entry 1").subscription_id == A.upper()

    def test_everything(self) -> None:
        entry = parse(
            {"subscription_id": A, "tenant_id": f" {T} ", "name": "Contoso", "stamps": ["Edge-01", "north"]}, "x"
        )
        assert (entry.tenant_id, entry.name, entry.stamps) == (T, "Contoso", {"edge-01", "north"})

    @pytest.mark.parametrize("stamps", [None, "", "  ", []])
    def test_no_stamps_are_all(self, stamps: object) -> None:
        assert parse({"subscription_id": A, "stamps": stamps}, "x").stamps == set()

    @pytest.mark.parametrize("stamps", ["edge-01;north", "edge-01, north", "edge-01 | north", "EDGE-01 north"])
    def test_stamps_as_text(self, stamps: str) -> None:
        assert parse({"subscription_id": A, "stamps": stamps}, "x").stamps == {"edge-01", "north"}

    @pytest.mark.parametrize("tenant", [None, "", "  "])
    def test_no_tenant(self, tenant: str | None) -> None:
        assert parse({"subscription_id": A, "tenant_id": tenant}, "x").tenant_id is None

    @pytest.mark.parametrize(
        ("raw", "part"),
        [
            (7, "neither a subscription id nor a mapping"),
            ({"subscription_id": " "}, "names no subscription"),
            ({"subscription": A}, "unknown keys: subscription"),
            ({"subscription_id": A, "stamps": 3}, "stamps in entry 9"),
            ({"subscription_id": A, "stamps": [""]}, "stamps in entry 9"),
            ({"subscription_id": A, "stamps": ["edge-01", None]}, "stamps in entry 9"),
            ({"subscription_id": A, "stamps": " ; "}, "stamps in entry 9"),
        ],
    )
    def test_what_is_no_entry(self, raw: t.Any, part: str) -> None:
        with pytest.raises(InputError) as caught:
            parse(raw, "entry 9")
        assert part in str(caught.value) and "entry 9" in str(caught.value) and caught.value.remedy


class TestSelect:
    """A whole list."""

    def test_entries_of_other_stamps_are_left_out(self) -> None:
        result = wanted(
            A,
            {"subscription_id": B, "stamps": "edge-01"},
            {"subscription_id": C, "stamps": "edge-02"},
            names=["Edge-01", "north"],
        )
        assert (list(result.entries), result.elsewhere) == ([A, B], 1)

    def test_without_names_every_entry_counts(self) -> None:
        assert list(wanted({"subscription_id": A, "stamps": "edge-01"}).entries) == [A]

    def test_a_mistyped_stamp_is_refused(self) -> None:
        error = refused(A, {"subscription_id": B, "stamps": "edge-10"}, names=["edge-01"], known=["edge-01", "edge-02"])
        assert "edge-10" in str(error) and "entry 2" in str(error)

    def test_repeated_entries_are_one(self) -> None:
        result = wanted(A, {"subscription_id": A, "tenant_id": T}, {"subscription_id": A, "tenant_id": T.upper()})
        assert (list(result.entries), result.repeated, result.entries[A].tenant_id) == ([A], 2, T)

    def test_two_tenants_of_a_subscription(self) -> None:
        error = refused({"subscription_id": A, "tenant_id": T}, {"subscription_id": A, "tenant_id": U})
        assert all(part in str(error) for part in (A, T, U, "entry 1", "entry 2"))

    def test_two_subscriptions_of_a_tenant(self) -> None:
        error = refused({"subscription_id": A, "tenant_id": T}, {"subscription_id": B, "tenant_id": T.upper()})
        assert error.kind == "several_subscriptions_of_a_tenant"
        assert all(part in str(error) for part in (A, B, "entry 1", "entry 2", "overwrites"))

    def test_a_tenants_subscriptions_on_different_stamps(self) -> None:
        one = {"subscription_id": A, "tenant_id": T, "stamps": "edge-01"}
        other = {"subscription_id": B, "tenant_id": T, "stamps": "edge-02"}
        assert list(wanted(one, other, names=["edge-02"]).entries) == [B]

    def test_many_clashes_stay_short(self) -> None:
        raw = [{"subscription_id": f"aaaaaaaa-0000-4000-8000-{n:012}", "tenant_id": T} for n in range(1000)]
        error = refused(*raw)
        assert "and 994 more" in str(error) and len(str(error)) < 2000

    @pytest.mark.parametrize(
        ("entry", "kind"),
        [
            ("mistyped", "tenant_subscription_invalid"),
            (A[:-1], "tenant_subscription_invalid"),
            ({"subscription_id": A, "tenant_id": "contoso.onmicrosoft.com"}, "tenant_id_invalid"),
        ],
    )
    def test_malformed_entries_do_not_stop_the_others(self, entry: t.Any, kind: str) -> None:
        result = wanted(entry, B)
        ((_entry, error),) = result.refused
        assert (list(result.entries), error.kind) == ([B], kind)
        assert error.cause and error.remedy and error.where == "entry 1"

    def test_twins_are_two_mappings(self) -> None:
        result = wanted(A, A.upper())
        assert len(result.entries) == 2 and result.twins == [(A, A.upper())]


def test_twins_between_two_sides() -> None:
    assert twins([A, B.upper(), C], [A, B, C.upper()]) == [(B.upper(), B), (C, C.upper())]
