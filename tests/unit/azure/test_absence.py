# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as "it is not there": the shape of the answer, never a list of guessed codes."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from scripted import Answer, Server

ABSENT: t.Final = (
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "NotFound",
    "ActivationNotFound",
    "LockNotFound",
    "RegistrationNotFound",
    "CustomerSubscriptionNotFound",
    "ParentResourceNotFound",
    "Whatever_4711",
)
SOMETHING_ELSE: t.Final = (
    "SubscriptionNotFound",
    "InvalidResourceNamespace",
    "InvalidResourceType",
    "NoRegisteredProviderFound",
    "MissingSubscriptionRegistration",
    "ResourceProviderNotFound",
    "TenantNotFound",
)


def find(*answers: Answer) -> dict[str, t.Any] | None:
    """Ask a server that gives these answers for a resource."""
    with Server(*answers) as server:
        return ArmClient(server.url, Trust().transport()).find("/a/b", "2020-01-01", doing="read b")


@pytest.mark.parametrize("code", ABSENT)
def test_a_404_in_azure_s_form_is_absence_whatever_its_code(code: str) -> None:
    assert find(Answer({"error": {"code": code, "message": "It is not there."}}, 404)) is None


@pytest.mark.parametrize("code", SOMETHING_ELSE)
def test_a_404_that_speaks_of_something_else_is_a_failure(code: str) -> None:
    with pytest.raises(ArmError) as error:
        find(Answer({"error": {"code": code, "message": "No."}}, 404))
    assert error.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "<html>Not Found</html>",
        {},
        [],
        {"message": "no Route matched"},
        {"code": "ResourceNotFound", "message": "x"},
        {"error": "ResourceNotFound"},
        {"error": {"code": 404, "message": "x"}},
        {"error": {"code": "", "message": "x"}},
        {"error": {"code": "ResourceNotFound"}},
        {"error": {"message": "x"}},
        {"error": ["ResourceNotFound"]},
    ],
)
def test_a_404_without_azure_s_form_is_a_failure(body: t.Any) -> None:
    with pytest.raises(ArmError):
        find(Answer(body, 404))


@pytest.mark.parametrize("status", [400, 403, 409, 410])
def test_another_status_is_no_absence_whatever_its_code(status: int) -> None:
    with pytest.raises(ArmError):
        find(Answer({"error": {"code": "ResourceNotFound", "message": "x"}}, status))
