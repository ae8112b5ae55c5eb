# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says counts, whatever the environment says; and what no option can be is refused before it is used."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from processes import Modules
from simulated_azure import Registrar, azure_simulator, registrar, registrar_numbers
from tables import first_of

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
LOOK: t.Final = {"claims": False, "lock": False}
NETRC: t.Final = "default login somebody password NETRC-PASSWORD\n"


@pytest.mark.deep
def test_certificates_are_checked_although_the_environment_says_otherwise(registrar: Make) -> None:
    here = registrar()
    options = {"ca_bundle": None, "cert_validation_mode": "validate", **LOOK}
    outcome = here.run("azs_registration_info", options, environment={"AZURE_CERT_VALIDATION_MODE": "ignore"})
    assert outcome.kind == "certificate_not_trusted"
    assert here.requests() == []


@pytest.mark.parametrize("mode", first_of(["Validate", "true", "IGNORE"]))
def test_an_environment_that_says_something_else_switches_nothing_off(registrar: Make, mode: str) -> None:
    here = registrar()
    environment = {"AZURE_CERT_VALIDATION_MODE": mode}
    outcome = here.run("azs_registration_info", {"ca_bundle": None, **LOOK}, environment=environment)
    assert outcome.kind == "bad_input"
    for part in ("cert_validation_mode", "validate, ignore", "Correct AZURE_CERT_VALIDATION_MODE"):
        assert part in outcome.message
    assert here.requests() == []


def test_a_default_that_is_given_counts_as_given(registrar: Make) -> None:
    here = registrar()
    environment = {"ANSIBLE_AZURE_AUTH_SOURCE": "msi", "AZURE_DISABLE_INSTANCE_DISCOVERY": "yes"}
    assert not here.run("azs_registration_info", {"auth_source": "auto", **LOOK}, environment=environment).changed


def test_a_netrc_file_takes_no_tokens_place(registrar: Make, tmp_path: pathlib.Path) -> None:
    (tmp_path / ".netrc").write_text(NETRC)
    (tmp_path / ".netrc").chmod(0o600)
    assert not registrar().run("azs_registration_info", LOOK, environment={"HOME": str(tmp_path)}).changed


def test_a_certificate_that_is_given_is_not_displaced_by_a_secret_of_the_environment() -> None:
    environment = {"AZS_ADMIN_SECRET": "another stamp's"}
    assert _options.from_environment(["admin"], {"admin_certificate_path": "/x"}, environment) == {}
    assert _options.from_environment(["admin"], {}, environment) == {"admin_secret": "another stamp's"}


@pytest.mark.parametrize("change", [{}, {"pep_port": "no number"}])
def test_a_proxys_password_is_not_shown(modules: Modules, change: dict[str, str]) -> None:
    outcome = modules.run(
        "azs_stamp_info",
        {
            "pep_hosts": ["127.0.0.1:9"],
            "pep_username": "u",
            "pep_password": "p-1",
            "pep_connection_timeout": 1,
            "pep_proxy": "http://somebody:PROXY%40PASSWORD@127.0.0.1:9",
            **change,
        },
        environment={"HTTPS_PROXY": "http://somebody:OTHER-PASSWORD@127.0.0.1:9"},
    )
    assert outcome.failed
    for secret in ("PROXY%40PASSWORD", "PROXY@PASSWORD", "OTHER-PASSWORD"):
        assert secret not in outcome.printed


CLOUD: t.Final = {
    "name": "x",
    "resource_manager": "https://localhost:1",
    "authority": "https://localhost:1",
    "audience": "x",
}


@pytest.mark.parametrize(
    "change",
    first_of(
        [
            {"tenant": "contoso com"},
            {"tenant": "https://contoso.com"},
            {"tenant": "a/b"},
            {"tenant": "contoso.com "},
            {"cloud_metadata": {**CLOUD, "authority": "http://localhost:1"}},
            {"cloud_metadata": {**CLOUD, "authority": "login"}},
            {"cloud_metadata": {**CLOUD, "resource_manager": "http://localhost:1"}},
            {"adfs_authority_url": "http://x"},
            {"adfs_authority_url": "https://[::1"},
            {"adfs_authority_url": "https://a b"},
            {"cloud_metadata": None, "cloud_environment": "https://[::1"},
            {"cloud_metadata": None, "cloud_environment": "https://h:abc"},
            {"arm_timeout": 0},
            {"arm_timeout": -1},
            {"arm_timeout": 10**12},
            {"ca_bundle": "a\0b"},
            {"ca_bundle": "/a/" + "n" * 256},
            {"resource_group": "../x"},
        ]
    ),
    ids=str,
)
def test_what_no_option_can_be_is_said_so(modules: Modules, change: dict[str, t.Any]) -> None:
    options = {
        "subscription_id": "b31316d4-de02-43a4-903d-eb74f8258b00",
        "tenant": "contoso.com",
        "client_id": "x",
        "secret": "y",
        "cloud_metadata": CLOUD,
        **LOOK,
        **change,
    }
    outcome = modules.run(
        "azs_registration_info", {name: value for name, value in options.items() if value is not None}
    )
    assert outcome.kind == "bad_input", outcome.message


@pytest.mark.parametrize(
    "options",
    first_of(
        [
            {"name": "../../.."},
            {"name": ".."},
            {"name": "a/b"},
            {"name": "reg", "resource_group": "../x"},
            {"registration_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStack/registrations/.."},
        ]
    ),
    ids=str,
)
def test_names_lead_nowhere_else(registrar: Make, options: dict[str, str]) -> None:
    here = registrar()
    assert here.remove(preflight=False, **options).kind == "bad_input"
    assert here.requests() in ([], ["GET metadata"])


def test_a_tokens_cloud_id_leads_nowhere_else(registrar: Make) -> None:
    here = registrar()
    token = "eyJjbG91ZElkIjogIi4uLy4uLy4uL3gifQ=="  # {"cloudId": "../../../x"}
    assert here.register(token, preflight=False).kind == "bad_input"
    assert here.requests() == ["GET metadata"]
