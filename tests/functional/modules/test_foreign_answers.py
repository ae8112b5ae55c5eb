# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers is not always the service: pages of portals, redirections, and errors in answers that look like success."""

from __future__ import annotations

import typing as t

import pytest
from simulated_azure import Registrar, azure_simulator, registrar, registrar_numbers

pytestmark = pytest.mark.deep

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

Make = t.Callable[..., Registrar]
R: t.Final = "registrations/[^/]+"
LOCK: t.Final = "locks/[^/]+"
REDIRECTION: t.Final = {
    "status": 302,
    "code": "x",
    "message": "moved",
    "headers": {"Location": "https://portal.example/"},
}
ERROR_IN_200: t.Final = {"status": 200, "code": "ResourceNotFound", "message": "There is nothing."}


@pytest.mark.parametrize("answer", [REDIRECTION, ERROR_IN_200], ids=["302", "200"])
def test_nothing_is_deleted_and_the_lock_is_back(registrar: Make, answer: dict[str, t.Any]) -> None:
    here = registrar()
    here.register(preflight=False)
    here.fault("error", "DELETE", R, times=1, **answer)
    outcome = here.remove(cloud_id=here.cloud_id, preflight=False)
    assert outcome.kind == "unexpected_answer"
    assert here.locked()


def test_nothing_is_registered_by_a_redirection(registrar: Make) -> None:
    here = registrar()
    here.register(preflight=False)
    here.fault("error", "PUT", R, times=1, **REDIRECTION)
    outcome = here.register(preflight=False, reregister=True)
    assert outcome.kind == "unexpected_answer" and "https://portal.example/" in outcome.message
    assert here.locked()


def test_a_lock_that_was_not_put_back_is_named(registrar: Make) -> None:
    here = registrar()
    here.register(preflight=False)
    here.fault("error", "PUT", R, times=1, status=400, code="Bad", message="No.")
    here.fault("error", "PUT", LOCK, times=1, **REDIRECTION)
    outcome = here.register(preflight=False, reregister=True)
    assert outcome.kind == "registration_unprotected"
    assert not here.locked()


def test_a_list_that_is_none_registers_nothing(registrar: Make) -> None:
    here = registrar()
    here.fault("error", "GET", "registrations", times=1, **ERROR_IN_200)
    assert here.register(preflight=False).kind == "unexpected_answer"
    assert here.registration() is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metadata/endpoints", 502),
        ("GET", "/metadata/endpoints", 407),
        ("GET", "/metadata/endpoints", 403),
        ("GET", "/locks/", 404),
        ("GET", "/registrations", 403),
    ],
)
def test_a_proxy_that_answers_in_azures_place(registrar: Make, method: str, path: str, status: int) -> None:
    here = registrar()
    here.register(preflight=False)
    here.simulator.fault("arm", "page", match={"method": method, "path": path}, times=None, status=status)
    outcome = here.register(preflight=False, reregister=True)
    here.simulator.clear_faults()
    assert outcome.kind == "page_in_place_of_an_answer", outcome.message
    assert (
        f"HTTP status {status}" in outcome.message
        and "HTTPS_PROXY" in outcome.message
        and "1.1 proxy" in outcome.message
    )


def test_a_page_that_passes_is_waited_out(registrar: Make) -> None:
    here = registrar()
    here.simulator.fault("arm", "page", match={"method": "GET", "path": "/metadata/endpoints"}, times=2, status=502)
    assert here.register(preflight=False).changed


@pytest.mark.parametrize(
    ("path", "status"),
    [("/token", 502), ("/token", 407), ("/token", 404), ("/token", 200), ("/.well-known", 403), ("/.well-known", 200)],
)
def test_a_proxy_that_answers_in_the_sign_in_services_place(registrar: Make, path: str, status: int) -> None:
    here = registrar()
    here.simulator.fault("login", "page", match={"path": path}, times=None, status=status)
    outcome = here.register(preflight=False)
    here.simulator.clear_faults()
    assert outcome.kind == "page_in_place_of_an_answer", outcome.message
    assert f"HTTP status {status}" in outcome.message and "HTTPS_PROXY" in outcome.message
    assert here.register(preflight=False).changed
