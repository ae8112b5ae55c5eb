# SPDX-License-Identifier: GPL-3.0-or-later
"""The page for users of the vendor's cmdlets: every parameter has its place, and every counterpart exists."""

from __future__ import annotations

import importlib
import pathlib
import re
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "from-powershell.md").read_text(encoding="utf-8")
PLUGINS = "ansible_collections.azurestack.hub.plugins"

PEP = ("PrivilegedEndpointCredential", "PrivilegedEndpoint")
PLACE = ("RegistrationName", "AzureContext", "ResourceGroupName")
TOKEN = ("BillingModel", "MarketplaceSyndicationEnabled", "UsageReportingEnabled", "AgreementNumber", "MsAssetTag")
CMDLETS: t.Final = {
    "Set-AzsRegistration": {
        *PEP,
        *PLACE,
        *TOKEN,
        "ResourceGroupLocation",
        "AzureStackAdminCredential",
        "Reregister",
    },
    "Remove-AzsRegistration": {*PEP, *PLACE},
    "Get-AzsRegistrationToken": {*PEP, *TOKEN, "TokenOutputFilePath"},
    "Register-AzsEnvironment": {*PLACE, "RegistrationToken", "ResourceGroupLocation"},
    "UnRegister-AzsEnvironment": {*PLACE, "RegistrationToken", "CloudId"},
    "Get-AzsActivationKey": {*PLACE, "KeyOutputFilePath", "ConnectedScenario"},
    "New-AzsActivationResource": {*PEP, "ActivationKey"},
    "Remove-AzsActivationResource": {*PEP},
    "Initialize-AzEnvironment": {"Name", "CloudManifestFilePath", "CloudARMEndpoint"},
}
"""What RegisterWithAzure.psm1 (branch az) exports, and the parameters."""


def section(title: str) -> str:
    """Text of a section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def names(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def rows(text: str) -> list[list[str]]:
    """Cells of the rows of a table, its head left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def options_of(module: str) -> set[str]:
    """Options of a module, those of its documentation fragments included."""
    documentation = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").DOCUMENTATION)
    found = set(documentation.get("options", {}))
    for fragment in documentation["extends_documentation_fragment"]:
        name, _dot, part = fragment.removeprefix("azurestack.hub.").partition(".")
        fragments = importlib.import_module(f"{PLUGINS}.doc_fragments.{name}").ModuleDocFragment
        text = getattr(fragments, part.upper() or "DOCUMENTATION")
        found |= set(yaml.safe_load(text).get("options") or {})
    return found


def variables() -> set[str]:
    """Variables of the playbooks' inventory interface."""
    files = [*ROOT.glob("playbooks/vars/*.yml"), *ROOT.glob("roles/*/defaults/main.yml")]
    return {name for file in files for name in re.findall(r"{{.*?\b(azs_\w+)", file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("cmdlet", CMDLETS)
def test_every_parameter_has_its_place(cmdlet: str) -> None:
    given = {names(row[0])[0] for row in rows(section(cmdlet))}
    told = CMDLETS[cmdlet] & set(names(section("Not covered")))
    assert given | told == CMDLETS[cmdlet]
    assert not given & told


@pytest.mark.parametrize("title", [*CMDLETS, "Older names of parameters"])
def test_every_counterpart_exists(title: str) -> None:
    known = variables()
    for parameter, options, modules, used, _difference in rows(section(title)):
        assert names(options) and names(modules) and names(used), parameter
        assert set(names(used)) <= known, parameter
        # An option may belong to one of several modules only; but every module named has to have one of them.
        offered = {module: options_of(module) for module in names(modules)}
        assert set(names(options)) <= set().union(*offered.values()), parameter
        assert all(set(names(options)) & own for own in offered.values()), parameter


def test_every_cmdlet_is_in_the_overview_with_things_that_exist() -> None:
    overview = rows(PAGE.partition("\n## ")[0])
    assert [names(row[0])[0] for row in overview] == list(CMDLETS)
    for _cmdlet, playbooks, modules in overview:
        for playbook in names(playbooks):
            assert (ROOT / "playbooks" / f"{playbook}.yml").is_file(), playbook
        for module in names(modules):
            assert module == "state: absent" or (ROOT / "plugins" / "modules" / f"{module}.py").is_file(), module


def test_cmdlets_that_are_not_covered_are_no_current_ones() -> None:
    assert not set(names(section("Not covered").partition("Cmdlets")[2])) & set(CMDLETS)
