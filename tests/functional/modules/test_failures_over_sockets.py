# SPDX-License-Identifier: GPL-3.0-or-later
"""What services answer when something is wrong, over sockets: one typed error each, and tries again only where that helps."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from simulated_azure import Registrar, azure_simulator, registrar, registrar_numbers
from stamps import Operator

pytestmark = pytest.mark.deep

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

GUID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
OF_KIND: t.Final = {failure.kind: failure for failure in _failures.FAILURES}
NEVER: t.Final = (
    (
        409,
        "Conflict",
        f"Cloud identifier [{GUID}] is already registered. Reusing cloud identifiers is not allowed.",
        "cloud_id_already_registered",
    ),
    (
        403,
        "AuthorizationFailed",
        "The client 'c' with object id 'o' does not have authorization to perform action "
        "'Microsoft.AzureStack/registrations/write' over scope '/subscriptions/s'.",
        "missing_rights",
    ),
    (403, "Forbidden", "The caller does not own the service principal.", "not_registration_owner"),
    (
        409,
        "ScopeLocked",
        "The scope cannot perform write operation because following scope(s) are locked.",
        "resource_locked",
    ),
    (400, "UnknownResourceGroupLocation", "The location is not available.", "unknown_location"),
    (404, "RegistrationNotFound", "The registration could not be found.", "registration_not_found"),
    (400, "InvalidRegistrationToken", "The registration token is malformed.", "malformed_token"),
    (
        409,
        "CloudIdUpdateNotAllowed",
        "The registration 'x' is already associated with another Cloud identifier.",
        "registration_of_another_stamp",
    ),
)
"""Rows of Azure that no new try can put right: status, code, message, kind."""
WRITE: t.Final = "registrations/[^/]+"


def writes(here: Registrar) -> int:
    """How often the registration was written, or tried to be."""
    return here.requests().count("PUT R")


@pytest.mark.parametrize(("status", "code", "message", "kind"), NEVER, ids=[row[3] for row in NEVER])
def test_what_no_new_try_helps_fails_at_once(
    registrar: t.Callable[..., Registrar],
    status: int,
    code: str,
    message: str,
    kind: str,
) -> None:
    here = registrar()
    here.fault("error", "PUT", WRITE, status=status, code=code, message=message, times=None)
    outcome = here.register(replication_timeout=0)  # what is not there may be on its way
    here.simulator.clear_faults()
    assert outcome.kind == kind
    assert OF_KIND[kind].retry == _failures.NEVER
    assert OF_KIND[kind].remedy in outcome.message and OF_KIND[kind].cause in outcome.message
    assert outcome["error"]["code"] == code and outcome["error"]["request_id"]
    assert writes(here) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (502, "MetadataResolverBadGatewayError", "metadata_upstream_fault"),
        (429, "TooManyRequests", "throttled"),
        (503, "ServiceUnavailable", "service_failing"),
    ],
)
def test_what_passes_is_tried_again_within_a_limit(
    registrar: t.Callable[..., Registrar],
    status: int,
    code: str,
    kind: str,
) -> None:
    assert OF_KIND[kind].retry == _failures.AGAIN
    here = registrar()
    here.fault("error", "PUT", WRITE, status=status, code=code, message="Later.", headers={"Retry-After": "1"})
    mark = here.simulator.mark()
    assert here.register().changed
    tries = [
        one["at"]
        for one in here.simulator.requests(mark, "arm")
        if one["method"] == "PUT" and one["path"].endswith(here.id)
    ]
    assert len(tries) == 2 and tries[1] - tries[0] >= 1.0, "Retry-After counts"
    here.requests()
    here.fault("error", "PUT", WRITE, status=status, code=code, message="Later.", times=None)
    outcome = here.register(reregister=True)
    here.simulator.clear_faults()
    assert outcome.kind == kind
    assert writes(here) == 4
    assert here.locked()


def test_an_unknown_error_keeps_the_services_own_words(registrar: t.Callable[..., Registrar]) -> None:
    here = registrar()
    here.fault("error", "PUT", WRITE, status=400, code="Odd", message="Something odd.", times=None)
    outcome = here.register()
    here.simulator.clear_faults()
    assert outcome["error"]["code"] == "Odd" and "Something odd" in outcome.message
    assert outcome["error"]["request_id"] in outcome.message
    assert writes(here) == 1


@pytest.mark.parametrize("unreachable", [False, True])
def test_unreadable_hardware_is_told_and_not_tried_again(
    operator: t.Callable[[str], Operator], unreachable: bool
) -> None:
    here = operator("modern")
    match = {"cmdlet": "New-RegistrationToken"}
    here.fault("hardware", match=match, times=None, host="node-2", unreachable=unreachable)
    outcome = here.token()
    here.simulator.clear_faults()
    assert outcome.kind == "stamp_hardware_unreadable" and "node-2" in outcome.message
    assert here.cmdlets().count("New-RegistrationToken") == 1


def test_a_busy_stamp_is_waited_for_within_a_limit(operator: t.Callable[[str], Operator]) -> None:
    here = operator("modern")
    match = {"cmdlet": "New-RegistrationToken"}
    here.fault("busy", match=match, action_id=GUID)
    assert here.token().changed
    assert here.cmdlets().count("New-RegistrationToken") == 2
    here.fault("busy", match=match, times=None, action_id=GUID)
    outcome = here.token({"renew": True, "pep_busy_timeout": 1})
    here.simulator.clear_faults()
    assert outcome.kind == "stamp_busy" and GUID in outcome.message


def test_a_wrong_password_is_tried_once(operator: t.Callable[[str], Operator]) -> None:
    here = operator("modern")
    outcome = here.token({"pep_password": "wrong"})
    assert outcome.failed
    assert len({entry["ercs"] for entry in here.requests()}) == 1
