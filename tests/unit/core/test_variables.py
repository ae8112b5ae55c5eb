# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of azs_* variables: names that nobody knows, texts that YAML read as something else, what is missing."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import entries
from ansible_collections.azurestack.hub.plugins.plugin_utils import _variables

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLUGINS = {
    path.stem
    for kind in ("modules", "inventory", "callback", "filter")
    for path in (ROOT / "plugins" / kind).glob("azs_*.py")
}
GROUPS = {"azs_connected", "azs_disconnected", "azs_runners"}


def refused(hosts: dict[str, dict[str, t.Any]], *required: str) -> InputError:
    with pytest.raises(InputError) as caught:
        _variables.check(hosts, required)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("azs_biling_model", "azs_billing_model"),
        ("azs_encript", "azs_encrypt"),
        ("azs_encrypted", "azs_encrypt"),
        ("azs_archiv", "azs_archive"),
        ("azs_Encrypt", "azs_encrypt"),
        ("azs_pep_pasword", "azs_pep_password"),
        ("azs_agreement_nummer", "azs_agreement_number"),
        ("azs_subscriptionid", "azs_subscription_id"),
    ],
)
def test_a_misspelled_name_is_refused_with_the_nearest_known_one(wrong: str, right: str) -> None:
    error = refused({"edge-01": {wrong: "topsecret"}, "edge-02": {wrong: "topsecret", "azs_bundle": "/b"}})
    assert error.kind == "unknown_variable"
    assert f"{wrong} is not a variable of this collection; did you mean {right}? (edge-01, edge-02)" in str(error)
    assert "topsecret" not in str(error)


def test_a_name_that_is_like_none_is_refused_unless_it_is_listed_as_ones_own() -> None:
    hosts = {"a": {"azs_favourite_colour": 5}, "b": {}}
    error = refused(hosts)
    assert "azs_favourite_colour is not a variable of this collection (a)" in str(error) and _variables.OWN in str(
        error.remedy
    )
    _variables.check({**hosts, "b": {_variables.OWN: ["azs_favourite_colour"]}})


def test_names_of_others_and_what_the_collection_makes_pass() -> None:
    _variables.check(
        {
            "a": {
                "ansible_host": 1,
                "site": 2,
                "azs_registration": {"id": "x"},
                "azs_handover_edge_01": {},
                "azs_further_registrations": [],
            }
        }
    )


@pytest.mark.parametrize(
    "written",
    [
        "01234567",
        "12345",
        "1.0e+5",
        "yes",
        "2026-11-26",
        "1.5",
        "0x1f",
        "2026-11-26 10:00:00",
        "1_000",
        "12:30",
        "{word}",
        "[word]",
    ],
)
@pytest.mark.parametrize(
    "name", ["azs_agreement_number", "azs_asset_tag", "azs_pep_password", "azs_subscription_id", "azs_tenants_file"]
)
def test_a_text_that_yaml_read_as_something_else_is_refused_without_its_value(name: str, written: str) -> None:
    value = yaml.safe_load(written)
    error = refused({"a": {name: value}})
    assert error.kind == "not_a_text" and f"{name} is a" in str(error) and "quotes" in str(error.remedy)
    assert str(value) not in str(error.cause)
    _variables.check({"a": {name: written}})


def test_a_list_of_texts_names_the_entry() -> None:
    assert "entry 2 of azs_pep_hosts is a number for YAML" in str(refused({"a": {"azs_pep_hosts": ["10.0.0.1", 10.2]}}))


def test_numbers_and_flags_that_are_meant_pass() -> None:
    _variables.check(
        {"a": {"azs_pep_port": 5986, "azs_encrypt": True, "azs_renew_within_days": 30, "azs_report_mode": 0o640}}
    )


def test_what_is_missing_is_said_for_all_hosts_at_once() -> None:
    error = refused({f"s{number}": {} for number in range(7)}, "azs_billing_model")
    assert error.kind == "missing_variable"
    assert "azs_billing_model is missing (s0, s1, s2, s3, s4 and 2 more)" in str(error)
    _variables.check({"a": {"azs_billing_model": "{{ model }}"}}, ["azs_billing_model"])


def test_an_environment_variable_stands_in_for_a_missing_credential() -> None:
    required = ("azs_pep_hosts", "azs_pep_password")
    error = refused({"a": {"azs_pep_hosts": []}, "b": {"azs_pep_hosts": ["10.0.0.4"]}}, *required)
    assert "azs_pep_hosts is missing (a)" in str(error)
    assert "azs_pep_password is missing, and so is AZS_PEP_PASSWORD in the environment (a, b)" in str(error)
    hosts = {"b": {"azs_pep_hosts": ["10.0.0.4"]}}
    _variables.check(hosts, required, {"AZS_PEP_PASSWORD": "secret"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("azs_billing_model", "capacity", "azs_billing_model is 'capacity', and can be PayAsYouUse, Capacity"),
        ("azs_billing_model", "PayAsYouGo", "did you mean PayAsYouUse?"),
        ("azs_token_version", "5.0", "azs_token_version is '5.0', and can be 3.0, 4.0, 6.0"),
        ("azs_auth_source", "msl", "did you mean msi?"),
        ("azs_pep_auth", "basic", "azs_pep_auth is 'basic', and can be ntlm, kerberos, negotiate"),
        ("azs_renewal", "rename", "azs_renewal is 'rename', and can be replace, new_name"),
        ("azs_encrypt", "maybe", "azs_encrypt is not true or false"),
        ("azs_usage_reporting", ["true"], "azs_usage_reporting is not true or false"),
        ("azs_pep_port", "winrm", "azs_pep_port is not a whole number"),
        ("azs_activation_timeout", "2h", "azs_activation_timeout is not a whole number"),
        ("azs_pep_hosts", ["10.0.0.4", ""], "azs_pep_hosts has an empty entry"),
    ],
)
def test_a_value_that_the_variable_cannot_have_is_refused_for_all_hosts_at_once(
    name: str, value: t.Any, said: str
) -> None:
    error = refused({"a": {name: value}, "b": {name: value}})
    assert error.kind == "wrong_value" and said in str(error) and "(a, b)" in str(error)
    _variables.check({"a": {name: "{{ what_the_site_says }}"}, "b": {name: None}})


def test_texts_of_the_command_line_are_read_as_what_they_mean() -> None:
    _variables.check({"a": {"azs_encrypt": "yes", "azs_pep_port": "5986", "azs_verify_stamp": "False"}})


@pytest.mark.parametrize(
    "entry",
    [
        {"subscription_id": 1234},
        {"subscription_id": "a", "tenant_id": 12},
        {"subscription_id": "a", "name": True},
        {"subscription_id": "a", "stamps": [1]},
        {"subscription_id": "a", "name": yaml.safe_load("2026-01-01")},
    ],
)
def test_texts_of_a_tenant_list_likewise(entry: dict[str, t.Any]) -> None:
    with pytest.raises(InputError, match="for YAML") as caught:
        entries.parse(entry, "entry 3")
    assert caught.value.kind == "not_a_text" and "entry 3" in str(caught.value)


def test_every_variable_of_playbooks_roles_and_guides_is_known() -> None:
    files = [
        path
        for folder in ("playbooks", "roles", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".md", ".j2")
    ]
    used = {
        name
        for path in (*files, ROOT / "README.md")
        for name in re.findall(r"(?<![\w.])(azs_[a-z0-9_]*[a-z0-9])\b(?!_)(?!\.py)", path.read_text("utf-8"))
    }
    unknown = {name for name in used if name not in _variables.SPEC and not _variables._MADE.fullmatch(name)}
    assert unknown - PLUGINS - GROUPS <= set()


def test_every_known_variable_is_used() -> None:
    text = "".join(
        path.read_text("utf-8")
        for folder in ("playbooks", "roles", "plugins/action")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".py")
    )
    assert {name for name in _variables.SPEC if name not in text} <= {_variables.OWN}


def test_every_playbook_checks_the_variables_first() -> None:
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        first = yaml.safe_load(path.read_text("utf-8"))[0]
        if first.get("hosts") != "localhost" and path.stem not in ("pack_bundle", "connected_due"):  # steps of others
            step = (first.get("pre_tasks") or first["tasks"])[0]
            assert "azurestack.hub.azs_variables" in step and step["run_once"] and step["tags"] == ["always"], path.stem


def test_no_billing_model_is_assumed_anywhere() -> None:
    for folder in ("playbooks", "roles"):
        for path in (ROOT / folder).rglob("*.yml"):
            if "files" in path.parts:  # the inventory that AWX gets to begin with, an example
                continue
            assert not re.search(
                r"billing_model\b.*(?:default\(|:)\s*['\"]?(?:Capacity|PayAsYouUse|Development)\b",
                path.read_text("utf-8"),
            ), path
    for name, spec in _options.argument_spec("pep", "azure", "admin").items():
        assert "billing" not in name or "default" not in spec


@pytest.mark.parametrize("file", ["plugins/modules/azs_registration_token.py", "plugins/action/azs_plan.py"])
def test_agreement_number_and_asset_tag_mask_no_part_of_an_id(file: str) -> None:
    for line in (ROOT / file).read_text("utf-8").splitlines():
        assert not (re.search(r"agreement_number|asset_tag", line) and "no_log" in line)
