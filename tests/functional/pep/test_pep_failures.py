# SPDX-License-Identifier: GPL-3.0-or-later
"""What is met on the way to a privileged endpoint and takes libraries or hosts to meet that are not everywhere."""

from __future__ import annotations

import pytest
import spnego.exceptions
from test_pep_options import options

from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._pep import failures


def met(auth: str) -> AzsError:
    """What it means that there is no credential to sign in with."""
    asked = options(pep_auth=auth)
    error = spnego.exceptions.NoCredentialError(context_msg="No Kerberos credentials available")
    return failures.on_opening(error, asked.addresses[0], asked)


def test_no_ticket() -> None:
    error = met("kerberos")
    assert error.kind == "pep_kerberos_failed"
    assert "realm, KDC, clock" in str(error) and "No Kerberos credentials available" in str(error)


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
        ([("The term 'New-RegistrationToken' is not recognized as the name of a cmdlet", NOT_FOUND)], "pep_cmdlet_unknown"),
        ([("The term 'New-RegistrationToken' is not recognized as a name of a cmdlet", NOT_FOUND)], "pep_cmdlet_unknown"),
        ([("Der Begriff 'New-RegistrationToken' ist unbekannt", NOT_FOUND)], "pep_cmdlet_unknown"),
        # Something that the stamp's own script did not find is no cmdlet of this session.
        ([("The term 'tnc' is not recognized as the name of a cmdlet", NOT_FOUND)], "pep_cmdlet_failed"),
        ([("?", "NamedParameterNotFound,New-RegistrationToken")], "pep_parameter_unknown"),
        ([("?", "ParameterArgumentValidationError,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "ParameterArgumentTransformationError,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "MissingMandatoryParameter,New-RegistrationToken")], "pep_parameter_refused"),
        ([("?", "HostException,New-RegistrationToken")], "pep_asks"),
        # Thrown text has itself as its id.
        ([("Could not retrieve mandatory hardware info for N1.", "Could not retrieve mandatory hardware info for N1.")],
         "stamp_hardware_unreadable"),
    ],
)
def test_errors_are_recognised_by_their_ids(errors: list[tuple[str, str]], kind: str) -> None:
    assert failures.of_cmdlet("New-RegistrationToken", errors, "10.0.0.4").kind == kind


def test_all_errors_are_shown_once_and_in_their_order() -> None:
    errors = [
        ("The first complaint.", "WriteErrorException,X"),
        ("Action plan execution failed. Error: Execution timeout", "WriteErrorException,X"),
        ("The last word", "The last word"),
    ]
    error = failures.of_cmdlet("New-AzureStackActivation", errors, "10.0.0.4")
    assert "The first complaint; Action plan execution failed. Error: Execution timeout; The last word" in str(error)
    assert error.kind == "stamp_action_timeout"  # the one that is known
