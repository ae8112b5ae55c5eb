# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of known failures, and how an error speaks to the operator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

GUID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"


@pytest.mark.parametrize(
    ("code", "message", "kind", "retry"),
    [
        (None, "Could not retrieve mandatory hardware info for node-2.", "stamp_hardware_unreadable", "never"),
        (None, "Cannot connect to node-2 to get hardware info", "stamp_hardware_unreadable", "never"),
        (None, f"Cannot invoke action plan because another action is in progress: {GUID}", "stamp_busy", "again"),
        (None, "Action plan execution failed. Error: Execution timeout", "stamp_action_timeout", "read_back"),
        (
            None,
            "Cannot bind argument to parameter 'ActivationKey' because it is an empty string.",
            "empty_activation_key",
            "never",
        ),
        ("NamedParameterNotFound", "whatever this version's wording is", "pep_parameter_unknown", "never"),
        (
            "CommandNotFoundException",
            "The term 'x' is not recognized as a name of a cmdlet",
            "pep_cmdlet_unknown",
            "never",
        ),
        ("ParameterArgumentTransformationError", "", "pep_parameter_refused", "never"),
        ("HostException", "", "pep_asks", "never"),
        (
            "Conflict",
            f"Cloud identifier [{GUID}] is already registered. Reusing cloud identifiers is not allowed.",
            "cloud_id_already_registered",
            "never",
        ),
        (
            "CloudIdUpdateNotAllowed",
            "The registration 'x' is already associated with another Cloud identifier.",
            "registration_of_another_stamp",
            "never",
        ),
        ("invalidregistrationtoken", "The registration token is malformed.", "malformed_token", "never"),
        (
            "ScopeLocked",
            "The scope cannot perform delete operation because following scope(s) are locked",
            "resource_locked",
            "never",
        ),
        ("PrincipalNotFound", "Principal does not exist in the directory", "principal_not_replicated", "again"),
        ("MetadataResolverBadGatewayError", "", "metadata_upstream_fault", "again"),
        ("BadCustomerSubscriptionId", "", "tenant_of_another_partner", "never"),
        ("UnauthorizedCspRegistration", "", "registration_not_multi_tenant", "never"),
        ("2150858843", "", "pep_session_lost", "read_back"),
        ("2150859173", "", "pep_session_quota", "again"),
        ("AADSTS7000222", "AADSTS7000222: The provided client secret keys are expired.", "expired_secret", "never"),
        ("AADSTS90002", "AADSTS90002: Tenant 'x' not found.", "unknown_tenant", "never"),
        (None, "Unable to get authority configuration for https://login.example/x.", "unknown_tenant", "never"),
        ("AADSTS500011", "AADSTS500011: The resource principal was not found", "wrong_audience", "never"),
        ("InvalidAuthenticationTokenAudience", "", "wrong_audience", "never"),
        ("MSIS9622", "MSIS9622: Client authentication failed.", "wrong_secret", "never"),
        ("authorization_declined", "The user declined", "sign_in_declined", "never"),
        ("AdalServiceException", "AADSTS700082: The refresh token has expired", "refresh_token_refused", "never"),
    ],
)
def test_known_failures(code: str | None, message: str, kind: str, retry: str) -> None:
    failure = _failures.classify(code, message)
    assert failure is not None
    assert (failure.kind, failure.retry) == (kind, retry)


def test_an_unknown_failure_is_not_taken_for_a_known_one() -> None:
    assert _failures.classify("SomethingNew", "Something new happened") is None


def test_every_failure_has_its_own_name_and_says_what_to_do() -> None:
    kinds = [failure.kind for failure in _failures.FAILURES]
    assert len(kinds) == len(set(kinds))
    for failure in _failures.FAILURES:
        assert bool(failure.codes or failure.pattern) != bool(failure.met), failure.kind
        assert not failure.cause.endswith(".") and not failure.remedy.endswith("."), failure.kind


def test_an_error_answers_what_where_why_and_what_next() -> None:
    error = AzsError(
        "It broke.", where="host-1", cause="it was old", remedy="Buy a new one", request_id="r-1", kind="broken"
    )
    assert str(error) == "It broke (host-1): it was old. Buy a new one. Request id: r-1."
    assert error.as_result()["kind"] == "broken"
    assert str(AzsError("Just this")) == "Just this."


COMMON_OF_AZURE: t.Final = [
    "AnotherOperationInProgress",
    "AuthorizationFailed",
    "BadRequest",
    "Conflict",
    "DenyAssignmentAuthorizationFailed",
    "DisallowedOperation",
    "DisallowedProvider",
    "ExpiredAuthenticationToken",
    "InvalidApiVersionParameter",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenAudience",
    "InvalidAuthenticationTokenTenant",
    "InvalidParameter",
    "InvalidRequestContent",
    "InvalidRequestFormat",
    "InvalidResourceGroup",
    "InvalidResourceGroupLocation",
    "InvalidResourceName",
    "InvalidResourceNamespace",
    "InvalidResourceReference",
    "InvalidResourceType",
    "InvalidSubscriptionId",
    "InvalidSubscriptionRegistrationState",
    "LinkedAuthorizationFailed",
    "LinkedInvalidPropertyId",
    "LocationNotAvailableForResourceGroup",
    "LocationNotAvailableForResourceType",
    "MissingApiVersionParameter",
    "MissingRegistrationForLocation",
    "MissingSubscriptionRegistration",
    "NoRegisteredProviderFound",
    "NotFound",
    "OperationNotAllowed",
    "ParentResourceNotFound",
    "PreconditionFailed",
    "QuotaExceeded",
    "ReadOnlyDisabledSubscription",
    "RequestDisallowedByPolicy",
    "RequestEntityTooLarge",
    "ReservedResourceName",
    "ResourceGroupBeingDeleted",
    "ResourceGroupNotFound",
    "ResourceGroupQuotaExceeded",
    "ResourceNotFound",
    "ResourceQuotaExceeded",
    "ScopeLocked",
    "SubscriptionNotFound",
    "SubscriptionNotRegistered",
    "SubscriptionRequestsThrottled",
    "TooManyRequests",
]
"""Codes of 4xx answers that any request to Azure Resource Manager can get."""
COMMON_OF_SIGN_IN: t.Final = [
    "AADSTS16000",
    "AADSTS50001",
    "AADSTS50005",
    "AADSTS50013",
    "AADSTS50020",
    "AADSTS50034",
    "AADSTS50053",
    "AADSTS50055",
    "AADSTS50056",
    "AADSTS50057",
    "AADSTS50058",
    "AADSTS50059",
    "AADSTS50072",
    "AADSTS50074",
    "AADSTS50076",
    "AADSTS50078",
    "AADSTS50079",
    "AADSTS50097",
    "AADSTS50105",
    "AADSTS50126",
    "AADSTS50128",
    "AADSTS50132",
    "AADSTS50133",
    "AADSTS50144",
    "AADSTS50158",
    "AADSTS50173",
    "AADSTS50177",
    "AADSTS500011",
    "AADSTS500014",
    "AADSTS500121",
    "AADSTS500133",
    "AADSTS53000",
    "AADSTS53001",
    "AADSTS53003",
    "AADSTS53005",
    "AADSTS65001",
    "AADSTS650052",
    "AADSTS650057",
    "AADSTS70000",
    "AADSTS70008",
    "AADSTS700016",
    "AADSTS700024",
    "AADSTS700027",
    "AADSTS70011",
    "AADSTS700082",
    "AADSTS7000112",
    "AADSTS7000215",
    "AADSTS7000218",
    "AADSTS7000222",
    "AADSTS7000229",
    "AADSTS70043",
    "AADSTS90002",
    "AADSTS90024",
    "AADSTS90033",
    "AADSTS90072",
    "AADSTS90094",
    "MSIS9223",
    "MSIS9602",
    "MSIS9605",
    "MSIS9622",
    "MSIS9659",
]


@pytest.mark.parametrize("code", [*COMMON_OF_AZURE, *COMMON_OF_SIGN_IN])
def test_every_common_code_has_a_remedy(code: str) -> None:
    known = _failures.classify(code, f"{code}: something went wrong")
    assert known is not None and known.cause and known.remedy


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AADSTS50078", "second_factor"),
        ("AADSTS53005", "conditional_access"),
        ("AADSTS50059", "unknown_tenant"),
        ("AADSTS50128", "unknown_tenant"),
        ("AADSTS7000229", "unknown_client"),
        ("AADSTS500133", "expired_assertion"),
        ("AADSTS500021", "tenant_restricted"),
        ("AADSTS500022", "tenant_restricted"),
        ("AADSTS50002", "tenant_restricted"),
        ("AADSTS5000225", "directory_blocked"),
        ("AADSTS80002", "identity_provider_failed"),
        ("AADSTS700025", "public_client_with_secret"),
        ("AADSTS50014", "user_of_another_directory"),
        ("AADSTS50135", "user_not_usable"),
        ("AADSTS50129", "conditional_access"),
        ("AADSTS500213", "conditional_access"),
        ("AADSTS50199", "second_factor"),
        ("AADSTS50194", "unknown_tenant"),
        ("AADSTS90095", "consent_missing"),
        ("AADSTS900432", "wrong_cloud"),
        ("AADSTS50033", "sign_in_service_busy"),
        ("MSIS9602", "wrong_audience"),
        ("RequestDisallowedByPolicy", "forbidden_by_policy"),
        ("ReadOnlyDisabledSubscription", "subscription_disabled"),
        ("SubscriptionNotRegistered", "subscription_not_ready"),
        ("DisallowedProvider", "subscription_not_ready"),
        ("DenyAssignmentAuthorizationFailed", "forbidden_by_deny_assignment"),
        ("NoRegisteredProviderFound", "provider_unknown"),
    ],
)
def test_codes_from_the_field(code: str, kind: str) -> None:
    known = _failures.classify(code, f"{code}: said the service")
    assert known is not None and known.kind == kind


def test_no_code_stands_twice() -> None:
    codes = [code.lower() for failure in _failures.FAILURES for code in failure.codes]
    assert sorted(set(codes)) == sorted(codes)
