# SPDX-License-Identifier: GPL-3.0-or-later
"""Options from the controller's environment, and the documentation and playbook interface that go with them."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible_collections.azurestack.hub.plugins.doc_fragments import admin, azure, pep
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _planning

ROOT = pathlib.Path(__file__).resolve().parents[3]
DOCUMENTED = {"pep": pep, "azure": azure, "admin": admin}


@pytest.mark.parametrize("names", [("AZURE_SECRET", "AZURE_TENANT"), ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")])
def test_both_spellings_of_the_environment_count(names: tuple[str, str]) -> None:
    environ = {names[0]: "s", names[1]: "t", "AZURE_CLIENT_ID": "c", "AZURE_SUBSCRIPTION_ID": "u"}
    assert _options.from_environment(["azure"], {}, environ) == {
        "secret": "s",
        "tenant": "t",
        "client_id": "c",
        "subscription_id": "u",
    }


def test_the_task_wins_and_empty_variables_do_not_count() -> None:
    environ = {"AZURE_TENANT": "env", "AZURE_CLIENT_ID": "", "AZURE_SUBSCRIPTION_ID": "env"}
    assert _options.from_environment(["azure"], {"tenant": "task"}, environ) == {"subscription_id": "env"}


@pytest.mark.parametrize(
    "given",
    [
        {"x509_certificate_path": "/c.pem"},
        {"oidc_token": "t"},
        {"ad_user": "u", "password": "p"},
        {"auth_source": "cli"},
        {"auth_source": "msi"},
        {"auth_source": "credential_file"},
        {"auth_source": "device_code"},
    ],
)
def test_a_credential_of_the_task_keeps_the_environments_out(given: dict[str, str]) -> None:
    found = _options.from_environment(
        ["azure"], given, {"AZURE_SECRET": "s", "AZURE_CLIENT_ID": "c", "AZURE_AD_USER": "x"}
    )
    assert found == {"client_id": "c"}


def test_of_several_credentials_in_the_environment_one_counts() -> None:
    environ = {
        "AZURE_CLIENT_SECRET": "s",
        "AZURE_FEDERATED_TOKEN_FILE": "/t",
        "AZURE_USERNAME": "u",
        "AZURE_PASSWORD": "p",
    }
    assert _options.from_environment(["azure"], {}, environ) == {"secret": "s"}


def test_a_family_takes_nothing_that_belongs_to_another() -> None:
    environ = {"AZURE_SECRET": "s", "AZS_PEP_PASSWORD": "p", "AZS_ADMIN_SECRET": "a"}
    assert _options.from_environment(["pep"], {}, environ) == {"pep_password": "p"}
    assert _options.from_environment(["admin"], {}, environ) == {"admin_secret": "a"}


@pytest.mark.parametrize("family", sorted(_options.SPECS))
def test_every_variable_that_stands_in_for_an_option_is_documented(family: str) -> None:
    options = yaml.safe_load(DOCUMENTED[family].ModuleDocFragment.DOCUMENTATION)["options"]
    for name in _options.SPECS[family]:
        text = str(options[name]["description"])
        for variable in _options.ENVIRONMENT.get(name, ()):
            assert f"E({variable})" in text, (name, variable)


@pytest.mark.parametrize("family", sorted(_options.SPECS))
def test_the_playbooks_know_every_option_of_a_family(family: str) -> None:
    interface = yaml.safe_load((ROOT / "playbooks/vars/options.yml").read_text())[f"azs_{family}_options"]
    assert set(interface) == set(_options.SPECS[family]) - {"cloud_metadata"}
    assert all(f"azs_{name}" in template for name, template in interface.items())


def test_what_is_not_asked_of_a_stamp_is_not_in_it() -> None:
    """Kind: a value that nobody gave, taken for one. A resource group counts only together with a name."""
    assert _planning.typed({"resource_group": "stamps", "renew_within_days": "7"}) == {
        "resource_group": "stamps",
        "renew_within_days": 7,
        "new_bridge_principal": False,
        "reregister": False,
        "keep_expired": False,
        "confirm_marketplace_loss": False,
    }
    with pytest.raises(InputError):
        _planning.typed({"renew_within_days": "soon"})
