# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of the table of known failures, produced over sockets: the services say it, a module tells what it means.

What a row needs besides (retries, what is left behind, exact messages) is in the tests of the modules and in
test_failures_over_sockets.py.
"""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from processes import Modules, Outcome
from simulated_azure import Registrar
from stamps import Operator

from azs_simulator.client import Simulator

USER: t.Final = "operator@rehearsal.onmicrosoft.com"
GUID: t.Final = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
INFORMATION, TOKEN, ACTIVATE = "Get-AzureStackStampInformation", "New-RegistrationToken", "New-AzureStackActivation"
PRINCIPAL: t.Final = "New-AzureBridgeServicePrincipal"
FLEET: t.Final = {
    "stamps": [
        {"name": "new", "nodes": 2, "ercs": 1},
        {
            "name": "mapped",
            "nodes": 2,
            "ercs": 1,
            "connected": True,
            "identity": "ADFS",
            "registration": {"activated": False},
        },
    ],
    "clouds": [
        {
            "name": "AzureCloud",
            "subscriptions": [{"name": "one", "offer": "CSP"}],
            "principals": [
                {"name": "registrar"},
                {"name": USER, "kind": "user"},
                {"name": "runner", "kind": "managed"},
            ],
        }
    ],
}


class Place:
    """Two stamps and Azure, and the modules that meet the failures."""

    def __init__(self, modules: Modules, simulator: Simulator, folder: pathlib.Path) -> None:
        (cloud,) = simulator.state()["clouds"].values()
        self.simulator = simulator
        self.new, self.mapped = (
            Registrar(modules, simulator, stamp, cloud["subscriptions"][0], folder / stamp)
            for stamp in ("new", "mapped")
        )
        self.at_new, self.at_mapped = (
            Operator(modules, simulator, here.stamp, here.bundle) for here in (self.new, self.mapped)
        )
        for here in (self.new, self.mapped):
            here.bundle.parent.mkdir()
        self._modules, self._numbers = modules, itertools.count()
        self._identity_url = cloud["identity_url"]

    def information(self) -> Outcome:
        """azs_stamp_info"""
        return self.at_new.run("azs_stamp_info", {"pep_busy_timeout": 1, "commands": False})

    def token(self) -> Outcome:
        """azs_registration_token"""
        return self.at_new.token({"pep_busy_timeout": 1})

    def activation(self) -> Outcome:
        """azs_activation"""
        self.at_mapped.bring_key()
        return self.at_mapped.activate()

    def principal(self) -> Outcome:
        """azs_bridge_principal"""
        token = self.simulator.do("refresh-token", user=USER)
        return self.at_new.run("azs_bridge_principal", {"bridge_principal_refresh_token": token})

    def register(self) -> Outcome:
        """azs_registration with a new token"""
        return self.new.register(provider_timeout=1)

    def assign(self) -> Outcome:
        """azs_registration that only has to assign the role"""
        self.simulator.do("remove-role-assignments", name=self.at_mapped.state()["principals"][-1])
        return self.mapped.run(
            "azs_registration",
            {
                "registration_id": self.mapped.id,
                "cloud_id": self.mapped.cloud_id,
                "assign_role": True,
                "replication_timeout": 1,
            },
        )

    def role(self, state: str = "present") -> Outcome:
        """azs_registration_role"""
        return self.new.run("azs_registration_role", {"state": state})

    def move(self) -> Outcome:
        """azs_registration_move"""
        return self.mapped.run(
            "azs_registration_move",
            {
                "cloud_id": self.mapped.cloud_id,
                "target_resource_group": f"group-{next(self._numbers)}",
                "location": self.mapped.location,
            },
        )

    def key(self) -> Outcome:
        """azs_activation_key"""
        return self.mapped.export()

    def look(self) -> Outcome:
        """azs_registration_info"""
        return self.new.run("azs_registration_info", {"cloud_id": self.new.cloud_id})

    def identity(self) -> Outcome:
        """azs_registration_info with a managed identity that the host has not"""
        environment = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self._identity_url}
        options = {
            "cloud_id": self.new.cloud_id,
            "auth_source": "msi",
            "client_id": GUID,
            "secret": None,
            "tenant": None,
        }
        return self.new.run("azs_registration_info", options, environment=environment)

    def at_stamp(self) -> Outcome:
        """azs_activation_info at an AD FS"""
        return self._modules.run("azs_activation_info", self.at_mapped.admin)

    def tenants(self) -> Outcome:
        """azs_tenant_mapping with one subscription"""
        return self.mapped.run(
            "azs_tenant_mapping",
            {
                "registration_id": self.mapped.id,
                "tenants": [{"subscription_id": GUID, "tenant_id": GUID}],
            },
        )


Do = t.Callable[[Place], Outcome]
Fault = tuple[str, str, dict[str, str], dict[str, t.Any]]
"""Service, kind of the effect, what it matches, and options of the effect."""


def stamp_says(cmdlet: str, kind: str = "error", **options: t.Any) -> Fault:
    """What a cmdlet answers."""
    return "pep", kind, {"action": "Command", "cmdlet": cmdlet}, options


def winrm_says(code: int) -> Fault:
    """What WinRM answers when a session is opened."""
    return "pep", "fault", {"action": "Create"}, {"code": code, "message": "Refused."}


def sign_in_says(code: str, error: str = "invalid_grant") -> Fault:
    """What Entra ID, or the AD FS of a stamp, answers to a sign-in."""
    return "login", "error", {"method": "POST"}, {"status": 400, "code": error, "message": f"{code}: Refused."}


def azure_says(status: int, code: str, method: str, path: str, message: str = "Refused.", **options: t.Any) -> Fault:
    """What Azure Resource Manager answers to a request."""
    return (
        "arm",
        "error",
        {"method": method, "path": f"{path}$"},
        {
            "status": status,
            "code": code,
            "message": message,
            "headers": {"Retry-After": "0"},
            **options,
        },
    )


PUT: t.Final = ("PUT", "registrations/[^/]+")
LIST: t.Final = ("GET", "Microsoft.AzureStack/registrations")
ASSIGN: t.Final = ("PUT", "roleAssignments/[^/]+")
DEFINE: t.Final = ("PUT", "roleDefinitions/[^/]+")
MAP: t.Final = ("PUT", "customerSubscriptions/[^/]+")
TABLE: t.Final[dict[str, tuple[Do, Fault | None]]] = {
    "stamp_hardware_unreadable": (Place.token, stamp_says(TOKEN, "hardware")),
    "stamp_busy": (Place.token, stamp_says(TOKEN, "busy", action_id=GUID)),
    "stamp_action_timeout": (Place.information, stamp_says(INFORMATION, "timeout")),
    "empty_activation_key": (
        Place.activation,
        stamp_says(
            ACTIVATE, message="Cannot bind argument to parameter 'ActivationKey' because it is an empty string."
        ),
    ),
    "pep_parameter_unknown": (Place.token, stamp_says(TOKEN, "not_offered", parameter="TokenVersion")),
    "pep_cmdlet_unknown": (Place.token, stamp_says("Set-RegistrationKeyPair", "not_offered")),
    "pep_scripts_not_allowed": (
        Place.information,
        stamp_says(
            INFORMATION,
            fully_qualified_error_id="ScriptsNotAllowed",
            message=(
                "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode."
            ),
        ),
    ),
    "key_of_another_stamp": (
        Place.activation,
        stamp_says(ACTIVATE, message="The activation key does not match the cloud id of this stamp."),
    ),
    "pep_configuration_unknown": (Place.information, winrm_says(2150858811)),
    "pep_access_denied": (Place.information, winrm_says(5)),
    "pep_session_quota": (Place.information, winrm_says(2150859173)),
    "pep_session_lost": (
        Place.information,
        ("pep", "shell_gone", {"action": "Receive", "cmdlet": INFORMATION}, {"commit": "never"}),
    ),
    "refresh_token_refused": (
        Place.principal,
        stamp_says(PRINCIPAL, message="AADSTS700082: The refresh token has expired."),
    ),
    "bridge_environment_unknown": (
        Place.principal,
        stamp_says(PRINCIPAL, message="Cannot get the endpoints of Azure environment 'Contoso'."),
    ),
    "wrong_secret": (Place.look, sign_in_says("AADSTS7000215", "invalid_client")),
    "expired_secret": (Place.look, sign_in_says("AADSTS7000222", "invalid_client")),
    "unknown_client": (Place.look, sign_in_says("AADSTS700016", "unauthorized_client")),
    "unknown_tenant": (Place.look, sign_in_says("AADSTS90002", "invalid_request")),
    "disabled_client": (Place.look, sign_in_says("AADSTS7000112", "unauthorized_client")),
    "wrong_certificate": (Place.look, sign_in_says("AADSTS700027", "invalid_client")),
    "federation_mismatch": (Place.look, sign_in_says("AADSTS700213", "invalid_client")),
    "expired_assertion": (Place.look, sign_in_says("AADSTS700024", "invalid_client")),
    "wrong_user_password": (Place.look, sign_in_says("AADSTS50126")),
    "user_of_another_directory": (Place.look, sign_in_says("AADSTS50034")),
    "user_not_usable": (Place.look, sign_in_says("AADSTS50053")),
    "second_factor": (Place.look, sign_in_says("AADSTS50076")),
    "conditional_access": (Place.look, sign_in_says("AADSTS53003", "access_denied")),
    "sign_in_not_finished": (Place.look, sign_in_says("AADSTS70020", "expired_token")),
    "wrong_cloud": (Place.look, sign_in_says("AADSTS900382", "invalid_request")),
    "unknown_managed_identity": (Place.identity, None),
    "consent_missing": (Place.look, sign_in_says("AADSTS65001")),
    "not_a_public_client": (Place.look, sign_in_says("AADSTS7000218", "invalid_client")),
    "sign_in_session_ended": (Place.look, sign_in_says("AADSTS50133")),
    "sign_in_service_busy": (Place.look, sign_in_says("AADSTS90033", "invalid_request")),
    "tenant_restricted": (Place.look, sign_in_says("AADSTS500021", "access_denied")),
    "directory_blocked": (Place.look, sign_in_says("AADSTS5000225", "invalid_request")),
    "identity_provider_failed": (Place.look, sign_in_says("AADSTS80002")),
    "public_client_with_secret": (Place.look, sign_in_says("AADSTS700025", "invalid_client")),
    "client_not_allowed": (Place.at_stamp, sign_in_says("MSIS9605", "unauthorized_client")),
    "cloud_id_already_registered": (
        Place.register,
        azure_says(
            409,
            "Conflict",
            *PUT,
            f"Cloud identifier [{GUID}] is already registered. Reusing cloud identifiers is not allowed.",
        ),
    ),
    "registration_of_another_stamp": (Place.register, azure_says(409, "CloudIdUpdateNotAllowed", *PUT)),
    "malformed_token": (Place.register, azure_says(400, "InvalidRegistrationToken", *PUT)),
    "resource_locked": (Place.register, azure_says(409, "ScopeLocked", *PUT)),
    "move_not_supported": (Place.move, azure_says(409, "ResourceMoveNotSupported", "POST", "moveResources")),
    "unknown_location": (
        Place.move,
        azure_says(400, "LocationNotAvailableForResourceGroup", "PUT", "resourceGroups/[^/]+"),
    ),
    "registration_not_found": (Place.key, azure_says(404, "RegistrationNotFound", "POST", "getactivationkey")),
    "resource_not_found": (Place.key, azure_says(404, "ResourceNotFound", "POST", "getactivationkey")),
    "subscription_not_found": (Place.look, azure_says(404, "SubscriptionNotFound", *LIST)),
    "wrong_tenant": (Place.look, azure_says(401, "InvalidAuthenticationTokenTenant", *LIST)),
    "access_token_refused": (Place.look, azure_says(401, "InvalidAuthenticationToken", *LIST)),
    "wrong_audience": (Place.look, azure_says(401, "InvalidAuthenticationTokenAudience", *LIST)),
    "missing_rights": (
        Place.register,
        azure_says(
            403,
            "AuthorizationFailed",
            *PUT,
            "The client 'c' with object id 'o' does not have authorization to perform action "
            "'Microsoft.AzureStack/registrations/write' over scope '/subscriptions/s'.",
        ),
    ),
    "not_registration_owner": (Place.register, azure_says(403, "Forbidden", *PUT)),
    "forbidden_by_policy": (Place.register, azure_says(403, "RequestDisallowedByPolicy", *PUT)),
    "forbidden_by_deny_assignment": (Place.register, azure_says(403, "DenyAssignmentAuthorizationFailed", *PUT)),
    "subscription_disabled": (Place.register, azure_says(409, "ReadOnlyDisabledSubscription", *PUT)),
    "subscription_not_ready": (Place.register, azure_says(409, "SubscriptionNotRegistered", *PUT)),
    "provider_unknown": (Place.register, azure_says(404, "NoRegisteredProviderFound", *PUT)),
    "another_operation": (Place.register, azure_says(409, "AnotherOperationInProgress", *PUT)),
    "quota_used_up": (Place.register, azure_says(409, "ResourceQuotaExceeded", *PUT)),
    "request_not_understood": (Place.register, azure_says(400, "InvalidRequestContent", *PUT)),
    "provider_not_registered": (Place.register, azure_says(409, "MissingSubscriptionRegistration", *PUT)),
    "principal_not_replicated": (Place.assign, azure_says(400, "PrincipalNotFound", *ASSIGN)),
    "principal_of_another_type": (Place.assign, azure_says(400, "UnmatchedPrincipalType", *ASSIGN)),
    "role_not_found": (Place.assign, azure_says(404, "RoleDefinitionDoesNotExist", *ASSIGN)),
    "role_assignment_exists": (Place.assign, azure_says(409, "RoleAssignmentExists", *ASSIGN)),
    "role_name_taken": (Place.role, azure_says(409, "RoleDefinitionWithSameNameExists", *DEFINE)),
    "role_in_use": (Place.role, azure_says(400, "RoleDefinitionHasAssignments", *DEFINE)),
    "metadata_upstream_fault": (Place.register, azure_says(502, "MetadataResolverBadGatewayError", *PUT)),
    "throttled": (Place.look, azure_says(429, "TooManyRequests", *LIST)),
    "tenant_of_another_partner": (Place.tenants, azure_says(400, "BadCustomerSubscriptionId", *MAP)),
    "tenant_subscription_invalid": (Place.tenants, azure_says(400, "InvalidCustomerSubscriptionId", *MAP)),
    "tenant_not_mapped": (Place.tenants, azure_says(404, "CustomerSubscriptionNotFound", *MAP)),
    "registration_not_multi_tenant": (Place.tenants, azure_says(403, "UnauthorizedCspRegistration", *MAP)),
    "tenants_need_pay_as_you_use": (Place.tenants, azure_says(400, "CustomerSubscriptionsNotAllowed", *MAP)),
    "not_a_csp_subscription": (Place.tenants, azure_says(400, "InvalidCSPSubscription", *MAP)),
}
"""Who meets a failure, and what the service says; None where it says so by itself."""
ELSEWHERE: t.Final = {
    "pep_unreachable": ("modules/test_azs_stamp_info.py", "test_no_address_answers"),
    "pep_wrong_password": ("modules/test_azs_stamp_info.py", "test_a_wrong_password_is_tried_once"),
    "pep_auth_not_offered": ("modules/test_azs_stamp_info.py", "test_an_endpoint_that_offers_other_methods_only"),
    "pep_kerberos_failed": ("pep/test_pep_failures.py", "test_no_ticket"),
    "pep_ticket_refused": ("pep/test_pep_failures.py", "test_a_ticket_can_be_what_is_refused"),
    "pep_sign_in_failed": ("pep/test_pep_failures.py", "test_another_method_that_fails_at_home"),
    "pep_fips": ("modules/test_azs_stamp_info.py", "test_a_host_in_fips_mode"),
    "pep_no_tls": ("modules/test_azs_stamp_info.py", "test_tls_at_a_port_without_tls"),
    "pep_certificate_invalid": ("modules/test_azs_stamp_info.py", "test_an_untrusted_certificate_ends_the_search"),
    "page_in_place_of_an_answer": ("modules/test_foreign_answers.py", "test_a_proxy_that_answers_in_azures_place"),
    "service_failing": ("modules/test_failures_over_sockets.py", "test_what_passes_is_tried_again_within_a_limit"),
    "pep_parameter_refused": ("pep/test_pep_failures.py", "test_errors_are_recognised_by_their_ids"),
    "action_plan_failed": (
        "pep/test_pep_failures.py",
        "test_a_plan_that_failed_says_its_step_and_what_is_known_of_the_reason",
    ),
    "bridge_principal_of_another_user": (
        "pep/test_pep_failures.py",
        "test_sign_in_and_owner_inside_the_message_of_the_bridge_principal_s_cmdlet",
    ),
    "bridge_principal_refused": (
        "pep/test_pep_failures.py",
        "test_sign_in_and_owner_inside_the_message_of_the_bridge_principal_s_cmdlet",
    ),
    "pep_asks": ("pep/test_pep_failures.py", "test_errors_are_recognised_by_their_ids"),
    "unreachable": ("modules/test_azs_activation_info.py", "test_an_endpoint_that_does_not_answer"),
    "certificate_not_trusted": ("modules/test_azs_activation_info.py", "test_an_untrusted_certificate"),
    "sign_in_declined": ("signin/test_users.py", "test_the_user_declines"),
    "named_registration_missing": (
        "modules/test_azs_registration.py",
        "test_a_registration_id_is_not_registered_in_its_place",
    ),
    "registered_meanwhile": (
        "modules/test_azs_registration.py",
        "test_a_registration_that_appears_in_between_is_named",
    ),
    "key_not_as_asked": (
        "modules/test_azs_activation.py",
        "test_a_key_that_says_something_else_than_was_asked_for",
    ),
    "token_says_otherwise": (
        "pep/test_pep_minting.py",
        "test_a_token_that_says_something_else_than_was_asked",
    ),
    "missing_directory": ("modules/test_azs_bundle.py", "test_a_medium_that_is_not_mounted_is_refused_and_not_made"),
    "lost_with_container": ("modules/test_azs_bundle.py", "test_what_a_container_would_take_along_is_refused"),
    "activation_of_another_stamp": (
        "modules/test_azs_connected_info.py",
        "test_the_activation_of_another_stamp_is_refused",
    ),
    "unknown_variable": (
        "../system/test_inventory_mistakes.py",
        "test_whatever_is_wrong_is_said_for_all_stamps_at_once",
    ),
    "not_a_text": (
        "../system/test_inventory_mistakes.py",
        "test_a_text_of_a_task_that_yaml_read_as_something_else_is_refused",
    ),
    "wrong_value": (
        "../unit/core/test_variables.py",
        "test_a_value_that_the_variable_cannot_have_is_refused_for_all_hosts_at_once",
    ),
    "missing_variable": ("../unit/core/test_variables.py", "test_what_is_missing_is_said_for_all_hosts_at_once"),
}
"""What no service says to a module. File and name of the test."""
SAID_IN_ONES_OWN_WAY: t.Final = frozenset({"stamp_busy", "pep_session_quota", "pep_session_lost"})
"""What the code knows more about: which action, which addresses, and that reading alone can be done again."""
NO_FAILURE: t.Final = frozenset({"role_assignment_exists"})
"""What is wanted is there already."""
ASKED_AGAIN: t.Final = frozenset({"access_token_refused"})
"""Once more with a new access token."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, collections_path: pathlib.Path) -> t.Iterator[Place]:
    """One for all rows: what fails leaves nothing behind."""
    modules = Modules(collections_path)
    with Simulator.start(FLEET, tmp_path_factory.mktemp("failures")) as simulator:
        yield Place(modules, simulator, tmp_path_factory.mktemp("bundles"))
        modules.end()


def test_the_table_is_whole() -> None:
    assert {*TABLE, *ELSEWHERE} == {failure.kind for failure in _failures.FAILURES}
    for kind, (file, test) in ELSEWHERE.items():
        text = (pathlib.Path(__file__).parents[1] / file).read_text(encoding="utf-8")
        head, _def, body = text.partition(f"def {test}(")
        assert f'"{kind}"' in head.rpartition("\n\n\n")[2] + body.partition("\n\n\n")[0], kind


def _first_of_each() -> t.Iterator[t.Any]:
    """The rows; `make test` runs the first one of each that meets failures, tests/unit/core/test_failures.py all as text."""
    met: set[Do] = set()
    for kind, (do, _fault) in TABLE.items():
        yield pytest.param(kind, marks=[pytest.mark.deep] if do in met else [])
        met.add(do)


@pytest.mark.parametrize("kind", list(_first_of_each()))
def test_a_service_says_it_and_the_operator_reads_what_it_means(place: Place, kind: str) -> None:
    do, fault = TABLE[kind]
    known, rule = _failures.named(kind), None
    if fault:
        service, effect, match, options = fault
        rule = place.simulator.fault(service, effect, match=match, times=None, **options)
    outcome = do(place)
    taken = sum(one["taken"] for one in place.simulator.faults() if one["id"] == rule)
    place.simulator.clear_faults()
    if kind in NO_FAILURE:
        assert outcome.changed and taken == 1
        return
    assert outcome.kind == kind, outcome.message
    error = outcome["error"]
    for part in (error["message"], error["cause"], error["remedy"]):
        assert part and part.rstrip(".") in outcome.message
    (told, *_more) = outcome.result.get("failures") or [error]  # of many tenants each has its own
    if kind not in SAID_IN_ONES_OWN_WAY:
        assert (told["cause"], told["remedy"]) == (known.cause, known.remedy)
    if fault:
        assert told["code"]
        assert (taken > 1) == (
            kind in ASKED_AGAIN or (known.retry == _failures.AGAIN and kind != "pep_session_quota")
        ), taken
