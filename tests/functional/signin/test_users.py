# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who sign in with a device code, against simulated clouds."""

from __future__ import annotations

import pathlib
import time
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Trust
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError, SignInError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import users
from tables import first_of

if t.TYPE_CHECKING:
    from conftest import Place

Places = t.Callable[..., "Place"]


def client(at: Place, **changes: t.Any) -> users.PublicClient:
    """The public client at a cloud's first directory."""
    given = {"cloud": at.cloud, "tenant": at.tenant, "client": "cli", "trust": at.trust, "discovery": False, **changes}
    return users.PublicClient(
        given["cloud"], given["tenant"], given["client"], given["trust"], discovery=given["discovery"]
    )


def refusal(doing: t.Callable[[], t.Any]) -> AzsError:
    """The typed error that something raises, which says what to do."""
    with pytest.raises(AzsError) as caught:
        doing()
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", first_of(["AzureCloud", "Contoso", "Fabrikam"]))
@pytest.mark.parametrize("which", first_of(sorted(users.CLIENTS)))
def test_a_user_signs_in(place: Places, name: str, which: str) -> None:
    here = place(name)
    asked = client(here, client=which).ask()
    assert asked.url == f"{here.state['login_url']}/device"
    here.in_the_browser(asked.code, here.user)
    found = asked.wait(30)
    assert found.username == here.user
    assert found.tenant == here.tenant
    assert found.expires_on > time.time() + 3000
    assert found.refresh_token in here.simulator.credentials()["refresh_tokens"][name].values()
    assert found.refresh_token not in repr(found) and found.access_token not in repr(found)


def test_the_user_takes_some_time(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    thread = here.after_the_first_question(asked.code, here.user)
    assert asked.wait(30).username == here.user
    thread.join()


def test_the_sign_in_service_may_be_silent_for_a_while(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    device = {"grant": ".*device_code"}
    here.simulator.fault("login", "drop", match=device)
    here.simulator.fault(
        "login",
        "error",
        match=device,
        status=503,
        code="temporarily_unavailable",
        message="busy",
        headers={"Retry-After": "1"},
    )
    here.in_the_browser(asked.code, here.user)
    assert asked.wait(30).refresh_token
    assert all(rule["taken"] == 1 for rule in here.simulator.faults())


def test_the_code_is_refused_slower_polling_is_obeyed(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    here.simulator.fault(
        "login", "error", match={"grant": ".*device_code"}, status=400, code="slow_down", message="slow down"
    )
    here.in_the_browser(asked.code, here.user)
    began = time.monotonic()
    assert asked.wait(30).refresh_token
    assert time.monotonic() - began >= 5


def test_the_user_declines(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    here.in_the_browser(asked.code, None)
    error = refusal(lambda: asked.wait(30))
    assert error.kind == "sign_in_declined"
    assert "declined" in str(error)


def test_nobody_signs_in(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    error = refusal(lambda: asked.wait(0.5))
    assert error.kind == "sign_in_not_finished"
    for part in (asked.code, asked.url, "device_code_timeout"):
        assert part in str(error)


def test_a_user_of_another_directory(place: Places) -> None:
    here = place()
    asked = client(here).ask()
    here.in_the_browser(asked.code, "guest@elsewhere.onmicrosoft.com")
    error = refusal(lambda: asked.wait(30))
    assert error.kind == "user_of_another_directory"
    assert "AADSTS50020" in str(error) and "invited as a guest" in str(error)


def test_a_directory_that_is_not_there(place: Places) -> None:
    error = refusal(lambda: client(place(), tenant="nowhere.example"))
    assert error.kind == "unknown_tenant"
    assert "nowhere.example" in str(error) and "Compare tenant and cloud_environment" in str(error)


def test_no_directory(place: Places) -> None:
    error = refusal(lambda: client(place(), tenant=None))
    assert isinstance(error, InputError)
    assert "Set tenant" in str(error)


def test_a_directory_that_forbids_the_client(place: Places) -> None:
    here = place()
    signer = client(here)
    here.simulator.fault(
        "login",
        "error",
        match={"path": "/devicecode$"},
        status=400,
        code="invalid_grant",
        message="AADSTS53003: Access has been blocked by Conditional Access policies. Trace ID: 0000-11 Timestamp: x",
    )
    error = refusal(signer.ask)
    assert error.kind == "conditional_access"
    assert isinstance(error, SignInError) and error.request_id == "0000-11"


def test_an_audience_that_the_directory_does_not_know(place: Places) -> None:
    here = place()
    other = clouds.Cloud("x", here.cloud.resource_manager, here.cloud.authority, "https://management.other.example")
    asked = client(here, cloud=other).ask()
    here.in_the_browser(asked.code, here.user)
    assert refusal(lambda: asked.wait(30)).kind == "wrong_audience"


# -- a user who signed in earlier --------------------------------------------------------------------------------------


def test_access_tokens_are_renewed_without_the_user(place: Places) -> None:
    here = place()
    signer = client(here)
    asked = signer.ask()
    here.in_the_browser(asked.code, here.user)
    first = asked.wait(30)
    second = client(here).renew(first)
    assert second.access_token != first.access_token
    assert (second.username, second.tenant) == (first.username, first.tenant)


def test_a_refresh_token_that_was_revoked(place: Places) -> None:
    gone = users.SignedIn("a", 0.0, "0.revoked", "somebody", "t")
    error = refusal(lambda: client(place()).renew(gone))
    assert error.kind == "refresh_token_refused"
    assert "0.revoked" not in str(error)


# -- trust and reachability --------------------------------------------------------------------------------------------


def test_a_private_authority_has_to_be_given(place: Places) -> None:
    error = refusal(lambda: client(place(), trust=Trust()))
    assert error.kind == "certificate_not_trusted"
    assert "ca_bundle" in str(error)


def test_the_file_of_authorities_wins_over_the_environment(
    place: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    here = place()
    (tmp_path / "other.pem").write_text("")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "other.pem"))
    assert client(here).ask().code


def test_without_validation(place: Places) -> None:
    here = place()
    with pytest.warns(match="Unverified HTTPS request"):
        assert client(here, trust=Trust(verify=False)).ask().code


def test_a_sign_in_service_that_does_not_answer(place: Places) -> None:
    here = place()
    silent = clouds.Cloud("here", here.cloud.resource_manager, "https://127.0.0.1:9", here.cloud.audience)
    error = refusal(lambda: client(here, cloud=silent))
    assert error.kind == "unreachable"
    assert "https://127.0.0.1:9" in str(error) and "Connection refused" in str(error)


def test_an_address_that_is_no_sign_in_service(place: Places) -> None:
    here = place()
    wrong = clouds.Cloud("here", here.cloud.resource_manager, here.cloud.resource_manager, here.cloud.audience)
    assert refusal(lambda: client(here, cloud=wrong)).kind in ("unknown_tenant", "unreachable")


@pytest.mark.parametrize("path", first_of(["/.well-known", "/devicecode", "/token"]))
@pytest.mark.parametrize("status", first_of([407, 502]))
def test_a_proxy_that_answers_in_the_sign_in_services_place(place: Places, path: str, status: int) -> None:
    here = place()
    here.simulator.fault("login", "page", match={"path": path}, times=None, status=status)
    error = refusal(lambda: client(here).ask().wait(2.5))
    assert error.kind == "page_in_place_of_an_answer"
    assert f"HTTP status {status}" in str(error) and "HTTPS_PROXY" in str(error)
