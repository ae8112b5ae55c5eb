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
