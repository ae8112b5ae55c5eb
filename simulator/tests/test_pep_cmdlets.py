# SPDX-License-Identifier: GPL-3.0-or-later
"""The cmdlets of a privileged endpoint, as the real pypsrp sees them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from pep_lab import Lab, invoke, script
from pypsrp.complex_objects import PSCredential, PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool

from azs_simulator import cmdlets

CAPACITY = {"BillingModel": "Capacity", "AgreementNumber": "1234567"}
STAMPS = (
    {"name": "new", "version": "1.2311.1.22", "nodes": 4},
    {"name": "new-single", "version": "1.2311.1.22", "nodes": 1},
    {"name": "at-6", "version": "1.2309.0.4", "nodes": 4},
    {"name": "at-key-pair", "version": "1.2209.0.23", "nodes": 4},
    {"name": "at-token-version", "version": "1.2008.0.49"},
    {"name": "before-token-version", "version": "1.2005.6.53"},
    {"name": "at-asset-tag", "version": "1.1912.0.19"},
    {"name": "before-asset-tag", "version": "1.1904.0.36"},
    {"name": "connected", "connected": True},
)
CLOUD = {"name": "AzureCloud", "principals": [{"name": "registrar"}, {"name": "operator", "kind": "user"}]}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab(*STAMPS, clouds=[CLOUD], sessions_per_user=50, commands_per_shell=100)
    yield lab
    lab.close()


@pytest.fixture
def pool(lab: Lab) -> Iterator[RunspacePool]:
    lab.faults.remove()
    with lab.pool(lab.stamp("new")) as pool:
        yield pool


def on(lab: Lab, name: str) -> RunspacePool:
    return lab.pool(lab.stamp(name))


def test_stamp_information_is_one_object_with_nested_ones(lab: Lab, pool: RunspacePool) -> None:
    outcome = invoke(pool, "Get-AzureStackStampInformation", WarningAction="SilentlyContinue")
    assert outcome.state == PSInvocationState.COMPLETED
    (information,) = outcome.output
    properties = information.extended_properties
    stamp = lab.stamp("new")
    assert properties["StampVersion"] == "1.2311.1.22"
    assert properties["CloudID"] == stamp.cloud_id
    assert properties["NumberOfNodes"] == 4
    assert len(properties["EmergencyConsoleIPAddresses"]) == 3
    admin = properties["AdminExternalEndpoints"].extended_properties
    tenant = properties["TenantExternalEndpoints"].extended_properties
    assert admin["AdminResourceManager"].startswith("https://adminmanagement.")
    assert tenant["TenantPortal"].startswith("https://portal.")


def test_stamp_version_is_typed(pool: RunspacePool) -> None:
    information = invoke(pool, "Get-AzureStackStampInformation").output[0]
    assert '<Version N="StampVersion">1.2311.1.22</Version>' in information._xml


def test_noise_stays_out_of_the_output(pool: RunspacePool) -> None:
    invoke(pool, "Set-RegistrationKeyPair")
    outcome = invoke(pool, "New-RegistrationToken", **CAPACITY)
    (token,) = outcome.output
    streams = outcome.shell.streams
    assert isinstance(token, str)
    assert [str(record) for record in streams.warning] == ["Unable to find volume with label Deployment"]
    assert "Looking up shared vhd product drive letter." in [str(record) for record in streams.verbose]
    assert "New-RegistrationToken" in streams.information[0].message_data
    quiet = invoke(pool, "New-RegistrationToken", WarningAction="SilentlyContinue", **CAPACITY)
    assert not quiet.shell.streams.warning


def test_tokens_carry_the_stamp_and_never_repeat(lab: Lab, pool: RunspacePool) -> None:
    invoke(pool, "Set-RegistrationKeyPair")
    request = {**CAPACITY, "TokenVersion": "4.0", "UsageReportingEnabled": True, "MarketplaceSyndicationEnabled": False}
    tokens = [invoke(pool, "New-RegistrationToken", **request).output[0] for _time in range(2)]
    assert tokens[0] != tokens[1]
    claims = json.loads(base64.b64decode(tokens[0]))
    assert claims["cloudId"] == lab.stamp("new").cloud_id
    assert (claims["billingModel"], claims["version"]) == ("Capacity", "4.0")
    assert (claims["usageReportingEnabled"], claims["marketplaceSyndicationEnabled"]) == (True, False)


def test_parameters_match_in_any_case_and_abbreviated(pool: RunspacePool) -> None:
    invoke(pool, "set-registrationkeypair")
    outcome = invoke(pool, "NEW-registrationtoken", billingmodel="capacity", Agreement="1")
    assert outcome.state == PSInvocationState.COMPLETED
    ambiguous = invoke(pool, "New-RegistrationToken", M="1")
    assert ambiguous.error[1] == "AmbiguousParameter,New-RegistrationToken"


@pytest.mark.parametrize(
    ("parameters", "identifier"),
    [
        ({"BillingModel": "Capacity"}, "MissingAgreementNumber,New-RegistrationToken"),
        ({"BillingModel": "Ruggedized"}, "MissingMsAssetTag,New-RegistrationToken"),
        ({"BillingModel": "Custom"}, "MissingMsAssetTag,New-RegistrationToken"),
        ({"BillingModel": "Free"}, "InvalidBillingModel,New-RegistrationToken"),
        ({"BillingModel": ""}, "InvalidBillingModel,New-RegistrationToken"),
        ({"BillingModel": ["Capacity"]}, "InvalidBillingModel,New-RegistrationToken"),
        ({**CAPACITY, "TokenVersion": "5.0"}, "InvalidTokenVersion,New-RegistrationToken"),
        ({"UsageReportingEnabled": "yes"}, "ParameterArgumentTransformationError,New-RegistrationToken"),
        ({"Nonsense": 1}, "NamedParameterNotFound,New-RegistrationToken"),
    ],
)
def test_token_requests_that_a_stamp_refuses(
    pool: RunspacePool, parameters: dict[str, object], identifier: str
) -> None:
    outcome = invoke(pool, "New-RegistrationToken", **parameters)
    assert outcome.state == PSInvocationState.FAILED
    assert outcome.error[1] == identifier
    assert not outcome.output


@pytest.mark.parametrize(
    ("stamp", "cmdlet", "parameters", "identifier"),
    [
        ("before-asset-tag", "New-RegistrationToken", {"MsAssetTag": "7"}, "NamedParameterNotFound"),
        ("before-token-version", "New-RegistrationToken", {"TokenVersion": "4.0"}, "NamedParameterNotFound"),
        ("at-6", "New-RegistrationToken", {"TokenVersion": "6.0"}, "InvalidTokenVersion"),
        ("at-key-pair", "Set-RegistrationKeyPair", {}, "CommandNotFoundException"),
        ("new-single", "Set-RegistrationKeyPair", {}, "CommandNotFoundException"),
        ("at-6", "New-RegistrationToken", {"TokenVersion": "4.0"}, "RegistrationKeyPairNotFound"),
    ],
)
def test_version_gates_closed(lab: Lab, stamp: str, cmdlet: str, parameters: dict[str, str], identifier: str) -> None:
    with on(lab, stamp) as pool:
        outcome = invoke(pool, cmdlet, **{**(CAPACITY if "Token" in cmdlet else {}), **parameters})
    assert outcome.error[1].split(",")[0] == identifier


@pytest.mark.parametrize(
    ("stamp", "parameters"),
    [
        ("at-asset-tag", {"BillingModel": "Ruggedized", "MsAssetTag": "7"}),
        ("at-token-version", {"TokenVersion": "4.0"}),
        ("at-key-pair", {"TokenVersion": "4.0"}),
        ("new-single", {"TokenVersion": "6.0"}),
        ("before-asset-tag", {}),
    ],
)
def test_version_gates_open(lab: Lab, stamp: str, parameters: dict[str, str]) -> None:
    with on(lab, stamp) as pool:
        assert len(invoke(pool, "New-RegistrationToken", **{**CAPACITY, **parameters}).output) == 1


def test_get_command_tells_what_a_version_offers(lab: Lab) -> None:
    with on(lab, "before-asset-tag") as pool:
        (command,) = invoke(pool, "Get-Command", Name="New-RegistrationToken").output
        assert "MsAssetTag" not in command.adapted_properties["Parameters"]
        missing = invoke(pool, "Get-Command", Name=["Set-RegistrationKeyPair", "New-AzureStack*"])
    assert missing.state == PSInvocationState.COMPLETED
    assert missing.errors[0].fq_error.startswith("CommandNotFoundException,")
    assert [command.adapted_properties["Name"] for command in missing.output] == ["New-AzureStackActivation"]
    with on(lab, "new") as pool:
        names = {command.adapted_properties["Name"] for command in invoke(pool, "Get-Command").output}
        (command,) = invoke(pool, "Get-Command", Name="New-RegistrationToken").output
    assert {"Set-RegistrationKeyPair", "Exit-PSSession", "Measure-Object", "Select-Object", "Out-Default"} <= names
    assert {"MsAssetTag", "TokenVersion", "AsJob", "Verbose"} <= set(command.adapted_properties["Parameters"])


def test_scripts_are_not_allowed(pool: RunspacePool) -> None:
    outcome = script(pool, "Get-AzureStackStampInformation")
    assert outcome.state == PSInvocationState.FAILED
    assert outcome.error == (
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
        "ScriptsNotAllowed",
    )


def test_unknown_cmdlet(pool: RunspacePool) -> None:
    outcome = invoke(pool, "Get-ChildItem")
    assert outcome.state == PSInvocationState.FAILED
    assert outcome.error[1] == "CommandNotFoundException"


def test_unknown_parameter(pool: RunspacePool) -> None:
    outcome = invoke(pool, "Get-AzureStackStampInformation", Nonsense=1)
    assert outcome.error == (
        "A parameter cannot be found that matches parameter name 'Nonsense'.",
        "NamedParameterNotFound,Get-AzureStackStampInformation",
    )


def test_values_without_a_name_go_by_position(lab: Lab, pool: RunspacePool) -> None:
    invoke(pool, "Set-RegistrationKeyPair")
    shell = PowerShell(pool).add_cmdlet("New-RegistrationToken").add_argument("Capacity").add_argument("77")
    assert len(shell.invoke()) == 1
    assert lab.stamp("new").last_token_request == {"BillingModel": "Capacity", "AgreementNumber": "77"}
    shell = PowerShell(pool).add_cmdlet("Set-RegistrationKeyPair").add_argument("x")
    shell.invoke()
    assert shell.streams.error[0].fq_error == "PositionalParameterNotFound,Set-RegistrationKeyPair"


PUBLISHED = {
    "Get-AzureStackStampInformation": {"AsJob"},
    "New-RegistrationToken": {
        "BillingModel", "AgreementNumber", "MsAssetTag", "UsageReportingEnabled", "MarketplaceSyndicationEnabled",
        "TokenVersion", "AsJob",
    },
    "New-AzureBridgeServicePrincipal": {"AzureEnvironment", "TenantId", "RefreshToken", "TimeoutInSeconds", "AsJob"},
    "New-AzureStackActivation": {"ActivationKey", "TimeoutInSeconds", "AsJob"},
    "Remove-AzureStackActivation": {"TimeoutInSeconds", "AsJob"},
    "Close-PrivilegedEndpoint": {"TranscriptsPathDestination", "Credential", "AsJob"},
    "Get-ActionStatus": {"FunctionName", "ActionType", "AsJob"},
    "Set-RegistrationKeyPair": set(),
    "Save-HCILicense": {"License"},
}  # fmt: skip
"""The vendor's reference of 2020; token version, key pair and license as the vendor's module sends them."""


def test_signatures_are_the_published_ones(lab: Lab) -> None:
    """Simulator: nothing is mandatory, and only switches have a type but for the one text of the vendor's module."""
    offered = {cmdlet.name: cmdlet.parameters_of(lab.stamp("new")) for cmdlet in cmdlets.offered(lab.stamp("new"))}
    assert {name: {parameter.name for parameter in offered[name]} for name in PUBLISHED} == PUBLISHED
    for parameter in (parameter for name in PUBLISHED for parameter in offered[name]):
        assert not parameter.mandatory and not parameter.choices
        switch = parameter.name == "AsJob" or parameter.name.endswith("Enabled")
        typed = "System.String" if parameter.name == "License" else "System.Object"
        assert parameter.type_name == ("System.Management.Automation.SwitchParameter" if switch else typed)


def test_statements_before_a_script_run(pool: RunspacePool) -> None:
    shell = PowerShell(pool).add_cmdlet("Get-AzureStackStampInformation").add_statement().add_script("1")
    assert len(shell.invoke()) == 1
    assert shell.streams.error[0].fq_error == "ScriptsNotAllowed"


def test_pipes_to_the_commands_that_every_such_endpoint_has(pool: RunspacePool) -> None:
    shell = PowerShell(pool).add_cmdlet("Get-Command").add_cmdlet("Select-Object").add_parameter("Property", "Name")
    names = shell.invoke()
    count = PowerShell(pool).add_cmdlet("Get-Command").add_cmdlet("Measure-Object").invoke()
    assert count[0].extended_properties["Count"] == len(names)
    assert {"Name": "Get-Command"} in [name.extended_properties for name in names]
    bad = PowerShell(pool).add_cmdlet("Get-Command").add_cmdlet("Set-RegistrationKeyPair")
    bad.invoke()
    assert bad.streams.error[0].fq_error == "InputObjectNotBound,Set-RegistrationKeyPair"


def test_cmdlets_that_are_visible_only_say_so(pool: RunspacePool) -> None:
    assert invoke(pool, "Stop-AzureStack").error[1] == "NotSimulated,Stop-AzureStack"


@pytest.mark.parametrize("key", [{}, {"ActivationKey": ""}, {"ActivationKey": None}, {"ActivationKey": "a.b.c"}])
def test_a_key_that_is_none_is_found_by_the_action(pool: RunspacePool, key: dict[str, str | None]) -> None:
    assert invoke(pool, "New-AzureStackActivation", **key).error[1] == "InvalidActivationKey,New-AzureStackActivation"


def test_a_limit_that_is_no_number_is_found_by_the_action(pool: RunspacePool) -> None:
    assert invoke(pool, "Remove-AzureStackActivation", TimeoutInSeconds="30").state == PSInvocationState.COMPLETED
    assert invoke(pool, "Remove-AzureStackActivation", TimeoutInSeconds="soon").error[1].startswith("InvalidTimeout,")


def test_bridge_principal_wants_a_users_refresh_token(lab: Lab) -> None:
    stamp = lab.stamp("connected")
    user = stamp.cloud.principal("operator")
    azure_cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
    refresh_token = stamp.cloud.directory.refresh_token(user, azure_cli, stamp.aad_tenant_id)
    request = {"AzureEnvironment": "AzureCloud", "TenantId": stamp.aad_tenant_id, "TimeoutInSeconds": 1800}
    with on(lab, "connected") as pool:
        outcome = invoke(pool, "New-AzureBridgeServicePrincipal", RefreshToken=refresh_token, **request)
        assert [principal.extended_properties["ObjectId"] for principal in outcome.output] == [
            principal.object_id for principal in stamp.principals
        ]
        assert len(outcome.shell.streams.progress) == 2
        refused = invoke(pool, "New-AzureBridgeServicePrincipal", RefreshToken="no such token", **request)
        assert refused.error[0].startswith("AADSTS9002313")
    assert refresh_token not in str(lab.journal.since())


def test_closing_ships_the_transcripts_with_a_credential(lab: Lab) -> None:
    server = lab.stamp("at-6").pep_servers[0]
    with on(lab, "at-6") as pool:
        pool.exchange_keys()
        credential = PSCredential(username="CONTOSO\\scribe", password="gehe:im äöü")
        share = {"TranscriptsPathDestination": "\\\\files\\transcripts"}
        for wrong in ({}, {"Credential": "x"}):
            refused = invoke(pool, "Close-PrivilegedEndpoint", **wrong, **share)
            assert refused.error[1] == "TranscriptsNotTransferred,Close-PrivilegedEndpoint"
        outcome = invoke(pool, "Close-PrivilegedEndpoint", Credential=credential, **share)
        assert outcome.state == PSInvocationState.COMPLETED
    assert server.transcripts == [{"destination": "\\\\files\\transcripts", "username": "CONTOSO\\scribe"}]
    assert "gehe" not in str(lab.journal.since())


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ({"kind": "busy", "action_id": "abc"}, "Cannot invoke action plan because another action is in progress: abc"),
        ({"kind": "timeout"}, "Action plan execution failed. Error: Execution timeout"),
        ({"kind": "hardware", "host": "N1"}, "Could not retrieve mandatory hardware info for N1."),
        ({"kind": "hardware", "host": "N1", "unreachable": True}, "Cannot connect to N1 to get hardware info."),
        ({"kind": "error", "message": "Out of order", "category": "DeviceError"}, "Out of order"),
        ({"kind": "not_offered"}, "The term 'New-RegistrationToken' is not recognized as "),
        (
            {"kind": "not_offered", "parameter": "AgreementNumber"},
            "A parameter cannot be found that matches parameter name 'AgreementNumber'.",
        ),
    ],
)
def test_faults_of_a_cmdlet(lab: Lab, pool: RunspacePool, effect: dict[str, str], message: str) -> None:
    invoke(pool, "Set-RegistrationKeyPair")
    lab.faults.add({"service": "pep", "match": {"cmdlet": "New-RegistrationToken"}, "effect": effect})
    outcome = invoke(pool, "New-RegistrationToken", **CAPACITY)
    assert outcome.state == PSInvocationState.FAILED
    assert outcome.error[0].startswith(message)
    assert len(invoke(pool, "New-RegistrationToken", **CAPACITY).output) == 1


@pytest.mark.parametrize(
    ("effect", "outputs"),
    [
        ({"kind": "empty_output"}, []),
        ({"kind": "empty_output", "value": " "}, [" "]),
        ({"kind": "two_outputs"}, ["token", "token"]),
    ],
)
def test_unexpected_outputs(lab: Lab, pool: RunspacePool, effect: dict[str, str], outputs: list[str]) -> None:
    invoke(pool, "Set-RegistrationKeyPair")
    lab.faults.add({"service": "pep", "match": {"cmdlet": "New-RegistrationToken"}, "effect": effect})
    output = invoke(pool, "New-RegistrationToken", **CAPACITY).output
    assert ["token" if len(text) > 100 else text for text in output] == outputs


def test_a_stamp_runs_one_action_plan_at_a_time(lab: Lab, pool: RunspacePool) -> None:
    stamp = lab.stamp("new")
    action_id = stamp.begin()
    try:
        outcome = invoke(pool, "Get-AzureStackStampInformation")
    finally:
        stamp.finish(action_id)
    assert outcome.error[0] == f"Cannot invoke action plan because another action is in progress: {action_id}"
    assert invoke(pool, "Get-AzureStackStampInformation").output
