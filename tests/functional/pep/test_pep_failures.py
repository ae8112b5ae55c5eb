# SPDX-License-Identifier: GPL-3.0-or-later
"""What is met on the way to a privileged endpoint and takes libraries or hosts to meet that are not everywhere."""

from __future__ import annotations

import pytest
import spnego.exceptions
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan, failures
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from test_pep_options import options


def met(auth: str) -> AzsError:
    """What it means that there is no credential to sign in with."""
    asked = options(pep_auth=auth)
    error = spnego.exceptions.NoCredentialError(context_msg="No Kerberos credentials available")
    return failures.on_opening(error, asked.addresses[0], asked)


def test_no_ticket() -> None:
    error = met("kerberos")
    assert error.kind == "pep_kerberos_failed"
    assert "realm, KDC, clock" in str(error) and "No Kerberos credentials available" in str(error)


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (WSManFaultError(5, None, "Access is denied.", None, None, None), ("pep_ticket_refused", "pep_access_denied")),
        (AuthenticationError("Failed to authenticate the user"), ("pep_wrong_password", "pep_wrong_password")),
    ],
    ids=["access denied", "401"],
)
@pytest.mark.parametrize("auth", ["kerberos", "negotiate", "ntlm"])
def test_a_ticket_can_be_what_is_refused(error: Exception, kinds: tuple[str, str], auth: str) -> None:
    asked = options(pep_auth=auth)
    refused = failures.on_opening(error, asked.addresses[0], asked)
    assert refused.kind == kinds[auth == "ntlm"]
    assert ("ticket" in str(refused) and "pep_auth to ntlm" in str(refused)) == (auth != "ntlm")


@pytest.mark.parametrize("auth", ["negotiate", "ntlm"])
def test_another_method_that_fails_at_home(auth: str) -> None:
    error = met(auth)
    assert error.kind == "pep_sign_in_failed"
    assert auth in error.message and "DOMAIN\\CloudAdmin" in str(error)


NOT_FOUND = "CommandNotFoundException"


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        # Whatever the wording of the version: 5.1 says "as the name", 7 says "as a name".
        (
            [("The term 'New-RegistrationToken' is not recognized as the name of a cmdlet", NOT_FOUND)],
            "pep_cmdlet_unknown",
        ),
        (
            [("The term 'New-RegistrationToken' is not recognized as a name of a cmdlet", NOT_FOUND)],
            "pep_cmdlet_unknown",
        ),
        ([("Der Begriff 'New-RegistrationToken' ist unbekannt", NOT_FOUND)], "pep_cmdlet_unknown"),
        # Something that the stamp's own script did not find is no cmdlet of this session.
        ([("The term 'tnc' is not recognized as the name of a cmdlet", NOT_FOUND, "tnc")], "pep_cmdlet_failed"),
        ([("?", "NamedParameterNotFound,Get-Inner")], "pep_cmdlet_failed"),
        ([("?", "NamedParameterNotFound,New-RegistrationToken")], "pep_parameter_unknown"),
        ([("?", "ParameterArgumentValidationError,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "ParameterArgumentTransformationError,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "MissingMandatoryParameter,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "HostException,New-RegistrationToken")], "pep_asks"),
        # Thrown text has itself as its id.
        (
            [
                (
                    "Could not retrieve mandatory hardware info for N1.",
                    "Could not retrieve mandatory hardware info for N1.",
                )
            ],
            "stamp_hardware_unreadable",
        ),
    ],
)
def test_errors_are_recognised_by_their_ids(errors: list[tuple[str, ...]], kind: str) -> None:
    said = [failures.Said(*error) for error in errors]
    assert failures.of_cmdlet("New-RegistrationToken", said, "10.0.0.4").kind == kind


def test_all_errors_are_shown_once_and_in_their_order() -> None:
    errors = [
        ("The first complaint.", "WriteErrorException,X"),
        ("Action plan execution failed. Error: Execution timeout", "WriteErrorException,X"),
        ("The last word", "The last word"),
    ]
    error = failures.of_cmdlet("New-AzureStackActivation", [failures.Said(*one) for one in errors], "10.0.0.4")
    assert "The first complaint; Action plan execution failed. Error: Execution timeout; The last word" in str(error)
    assert error.kind == "stamp_action_timeout"  # the one that is known


BUSY = "Cannot invoke action plan because another action is in progress: 5a1f6d0e-97a8-4a8c-8f1d-5a2d8f1c0b11"


def of(
    cmdlet: str, said: str, plan: action_plan.ActionPlan = action_plan.NOTHING_TOLD, noise: tuple[str, ...] = ()
) -> AzsError:
    """What a cmdlet's failure with one thrown sentence means."""
    return failures.of_cmdlet(cmdlet, [failures.Said(said, said)] if said else [], "10.0.0.4", plan, noise)


def test_busy_is_recognised_in_every_stream_and_nothing_else_of_it_is_shown() -> None:
    tnc = failures.Said("The term 'tnc' is not recognized as the name of a cmdlet", NOT_FOUND, "tnc")
    hidden = f'Input parameters: secret\nError in ECEClient. Error: Exception calling "GetResult": "{BUSY}"'
    error = failures.of_cmdlet("New-AzureStackActivation", [tnc], "10.0.0.4", noise=[hidden])
    assert error.kind == "stamp_busy" and "'tnc'" in error.message and BUSY in error.message
    assert "secret" not in str(error)


def test_another_known_failure_behind_an_error_of_the_stamp_s_own_script() -> None:
    error = of("New-RegistrationToken", "it broke", noise=("Error: Cannot connect to N1 to get hardware info",))
    assert error.kind == "stamp_hardware_unreadable" and "N1" not in str(error)


def test_a_plan_that_failed_says_its_step_and_what_is_known_of_the_reason() -> None:
    error = of("New-AzureStackActivation", "", action_plan.ActionPlan(False, "Call the bridge", "it is away"))
    assert error.kind == "action_plan_failed" and "in the step 'Call the bridge': it is away" in error.message
    known = of(
        "New-RegistrationToken",
        "",
        action_plan.ActionPlan(False, None, "raised: Cannot connect to N1 to get hardware info"),
    )
    assert known.kind == "stamp_hardware_unreadable"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Function 'X' raised an exception: AADSTS50034: the account must be added", "user_of_another_directory"),
        ("AADSTS7000215: Invalid client secret", "wrong_secret"),
        ("MSIS9622: Client authentication failed", "wrong_secret"),
        ("AADSTS700082: The refresh token has expired", "refresh_token_refused"),
        ("The user is not the owner of the application", "bridge_principal_of_another_user"),
        ("Code: Authorization_RequestDenied Message: Insufficient privileges", "bridge_principal_refused"),
        ("The remote server returned an error: (403) Forbidden.", "bridge_principal_refused"),
    ],
)
def test_sign_in_and_owner_inside_the_message_of_the_bridge_principal_s_cmdlet(said: str, kind: str) -> None:
    error = of("New-AzureBridgeServicePrincipal", said)
    assert error.kind == kind and error.remedy and "support" not in error.remedy
