# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenant lists in files: YAML, JSON, and CSV as people export and edit it."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import files

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"
T = "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001"
U = "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f002"

USAGE = f"""\
PartnerId,PartnerName,CustomerId,CustomerName,CustomerDomainName,SubscriptionId,EntitlementId,UsageDate
9,Fabrikam,{T},"Contoso, Ltd.",contoso.example,11111111-0000-4000-8000-000000000009,{A},2026-11-01
9,Fabrikam,{T},"Contoso, Ltd.",contoso.example,11111111-0000-4000-8000-000000000009,{A},2026-11-02
9,Fabrikam,{U},Tailspin,tailspin.example,11111111-0000-4000-8000-000000000008,{B},2026-11-01
"""


def found(path: pathlib.Path) -> list[tuple[str, str | None, str | None]]:
    """The entries of a file."""
    return [(entry.subscription_id, entry.tenant_id, entry.name) for entry in files.read(str(path))[0]]


@pytest.fixture
def write(tmp_path):
    """Write a file of a name and a content; its path."""

    def make(name: str, content: str | bytes) -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


class TestCsv:
    """What Partner Center exports, and what becomes of it in Excel."""

    def test_a_usage_file(self, write) -> None:
        contoso = (A, T, "Contoso, Ltd.")
        assert found(write("usage.csv", USAGE)) == [contoso, contoso, (B, U, "Tailspin")]

    @pytest.mark.parametrize(
        "content",
        [
            f"﻿Subscription ID;Microsoft ID;Company name\r\n{A};{T};Contoso\r\n",
            f"sep=;\r\nsubscription_id;tenant_id;name\r\n{A};{T};Contoso\r\n",
            f"Azure Subscription Id\tTenant Id\tName\n{A}\t{T}\tContoso\n",
            f'"name","tenantid","customersubscriptionid"\n"Contoso","{T}","{A}"\n\n',
            f'\r\n"sep=,"\r\nsubscription_id,tenant_id,name\r\n{A},{T},Contoso\r\n',
            f"sep=;,,\n;;\nsubscription_id,tenant_id,name\n{A},{T},Contoso\n",
            f"subscription_id,tenant_id,name\r{A},{T},Contoso\r",
        ],
    )
    def test_separators_and_titles(self, write, content: str) -> None:
        assert found(write("tenants.csv", content)) == [(A, T, "Contoso")]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
    def test_encodings(self, write, encoding: str) -> None:
        content = f"subscription_id,name\n{A},Müller GmbH\n".encode(encoding)
        assert found(write("tenants.csv", content)) == [(A, None, "Müller GmbH")]

    def test_lines_are_counted_as_an_editor_does(self, write) -> None:
        path = write("tenants.csv", f'sep=,\nsubscription_id,name\n{A},"two\nlines"\n{B},one\n')
        assert [entry.origin for entry in files.read(str(path))[0]] == ["line 4", "line 5"]

    @pytest.mark.parametrize(
        "lines",
        [
            [f"{A},{T},Contoso", f'{B},{U},"Tailspin', f"{C},,Fabrikam"],
            [f"{A},{T},Contoso", f'{B},{U},"Tailspin', f'{C},,"Fabrikam"'],
            [f"{A},{T},Contoso", f'{B},{U},"Tailspin', f'{C},,Fabrikam"'],
            [f"{A},{T},Contoso", f'{B},{U},"Tailspin', 'mistyped,,Fabrikam"'],
            [f"{A},{T},Contoso", f'{B},{U},"Tail"spin', f"{C},,Fabrikam"],
            [f"{A},{T},Contoso", f'{B},{U},"{"Tailspin" * 20000}"', f"{C},,Fabrikam"],
            [f"{A},{T},Contoso", f"{B},{U},Tail\rspin", f"{C},,Fabrikam"],
        ],
        ids=["to the end", "to a quote", "to a closing quote", "a mistyped row", "within", "long", "line end"],
    )
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_no_quote_makes_rows_disappear(self, write, lines: list[str], end: str) -> None:
        with pytest.raises(InputError) as caught:
            files.read(str(write("tenants.csv", end.join(["subscription_id,tenant_id,name", *lines, ""]))))
        assert caught.value.kind == "bad_tenant_list"
        assert "begins in line 3 " in str(caught.value) and caught.value.remedy

    def test_a_quote_in_a_list_of_ids_alone(self, write) -> None:
        with pytest.raises(InputError, match="looks like rows"):
            files.read(str(write("tenants.csv", f'subscription_id\n"{A}\n{B}"\n')))

    def test_customers_without_azure_are_left_out_and_counted(self, write) -> None:
        path = write("tenants.csv", f"tenant_id,subscription_id\n{T},{A}\n{U},\n,\n\n")
        entries, without = files.read(str(path))
        assert ([entry.subscription_id for entry in entries], without) == ([A], 1)

    def test_stamps(self, write) -> None:
        path = write("tenants.csv", f"subscription_id,stamps\n{A},edge-01; edge-02\n{B},\n")
        assert [entry.stamps for entry in files.read(str(path))[0]] == [{"edge-01", "edge-02"}, set()]

    def test_the_list_of_customers_has_no_subscriptions(self, write) -> None:
        path = write(
            "Customers.csv", f"Microsoft ID,Company name,Primary domain name,Relationship\n{T},C,c.example,x\n"
        )
        with pytest.raises(InputError) as caught:
            files.read(str(path))
        assert "Primary domain name" in str(caught.value) and "EntitlementId" in str(caught.value)


class TestData:
    """YAML and JSON."""

    @pytest.mark.parametrize("name", ["tenants.yml", "tenants.YAML", "tenants.json"])
    @pytest.mark.parametrize("key", [None, "tenants", "azs_tenants"])
    def test_lists(self, write, name: str, key: str | None) -> None:
        entries = [{"subscription_id": A, "tenant_id": T, "name": "Contoso"}, B]
        path = write(name, json.dumps({key: entries} if key else entries))
        assert found(path) == [(A, T, "Contoso"), (B, None, None)]

    def test_yaml_as_people_write_it(self, write) -> None:
        path = write(
            "tenants.yml", f"---\ntenants:\n  - subscription_id: {A}\n    tenant_id: {T}\n    stamps: [a, b]\n  - {B}\n"
        )
        assert found(path) == [(A, T, None), (B, None, None)]

    def test_an_empty_list(self, write) -> None:
        assert found(write("tenants.yml", "[]")) == []


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("tenants.yml", "a: [", "it is not YAML"),
        ("tenants.yml", "a: b", "it holds no list"),
        ("tenants.yml", "", "it holds no list"),
        ("tenants.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n", "Ansible Vault"),
        ("tenants.json", "[1,", "it is not JSON"),
        ("tenants.json", "[" * 100_000, "it is not JSON"),
        ("tenants.yml", "- {subscription_id: 2026-13-45}", "it is not YAML"),
        ("tenants.yml", "- !!bool maybe", "it is not YAML"),
        ("tenants.yml", "- !!timestamp soon", "it is not YAML"),
        ("tenants.csv", "", "no column holds Azure subscriptions"),
        ("tenants.csv", b"subscription_id,name\n1,M\xfcller\n", "UTF-8"),
        ("tenants.xlsx", "", "ends with none of .csv"),
    ],
)
def test_what_cannot_be_used(write, name: str, content: str | bytes, part: str) -> None:
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        files.read(str(path))
    assert caught.value.kind == "bad_tenant_list"
    assert part in str(caught.value) and str(path) in str(caught.value) and caught.value.remedy


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(InputError) as caught:
        files.read(str(tmp_path / "tenants.csv"))
    assert "No such file" in str(caught.value) and "on the host that the task runs on" in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [
        "#TYPE Microsoft.Azure.Commands.Profile.Models.PSAzureSubscription",
        '"#TYPE System.Object";;',
        "#TYPE X\nsep=,",
        "sep=,\n#TYPE X",
        "\n#TYPE X\n",
    ],
)
def test_lines_before_the_titles_that_export_csv_and_excel_write_are_skipped(
    tmp_path: pathlib.Path, first: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'{first}\n"Id","Name","SubscriptionId"\n"1","Contoso","6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01"\n')
    (entry,), without = files.read(str(path))
    assert (entry.subscription_id, entry.name, without) == ("6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01", "Contoso", 0)
