# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Azure Resource Manager: pages, errors, attempts."""

from __future__ import annotations

import pathlib
import socket
import ssl
import threading
import time

import pytest
import trustme
from ansible_collections.azurestack.hub.plugins.module_utils._azure import client as arm_client
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, InputError, Unreachable
from scripted import Answer, Server

VERSION = "2017-06-01"


def client(server: Server, warnings: list[str] | None = None, **trust: int) -> ArmClient:
    """A client that signs in nowhere."""
    return ArmClient(server.url, Trust(**trust).transport(), warn=(warnings if warnings is not None else []).append)


def entries(answer_of: ArmClient, path: str = "/things") -> list[str]:
    """Names of a list's entries."""
    return [entry["name"] for entry in answer_of.list_all(path, VERSION, doing="list the things")]


def error(code: str, message: str, status: int = 400, **headers: str) -> Answer:
    """An error answer of Azure Resource Manager."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"error": {"code": code, "message": message}}, status, named)


class TestPages:
    """Lists come in pages, and the links between them cannot be trusted."""

    def test_all_pages_are_read(self) -> None:
        first = Answer({"value": [{"name": "a"}], "nextLink": "/things?page=2"})
        with Server(first, Answer({"value": [{"name": "b"}]})) as server:
            assert entries(client(server)) == ["a", "b"]
            assert server.requests == [f"GET /things?api-version={VERSION}", "GET /things?page=2"]

    def test_a_loop_ends_with_a_warning(self) -> None:
        warnings: list[str] = []
        first = Answer({"value": [{"name": "a"}], "nextLink": "/things?page=2"})
        again = Answer({"value": [{"name": "b"}], "nextLink": "/things?page=2"})
        with Server(first, again) as server:
            assert entries(client(server, warnings)) == ["a", "b"]
            assert len(server.requests) == 2
        assert "repeats its pages" in warnings[0]

    def test_a_page_at_another_host_is_refused(self) -> None:
        with (
            Server(Answer({"value": [{"name": "a"}], "nextLink": "https://elsewhere.example/things"})) as server,
            pytest.raises(ArmError) as caught,
        ):
            entries(client(server))
        assert caught.value.kind == "foreign_next_link"
        assert "elsewhere.example" in str(caught.value)

    @pytest.mark.parametrize("body", [{"value": []}, {"value": ["no object"]}])
    def test_a_page_without_entries_is_an_empty_list(self, body: object) -> None:
        with Server(Answer(body)) as server:
            assert entries(client(server)) == []

    @pytest.mark.parametrize(
        "body", [{"value": None}, {"value": {"a": 1}}, {}, None, "5", '"x"', "null", "<html>portal</html>"]
    )
    def test_what_is_no_list_is_no_empty_list(self, body: object) -> None:
        with Server(Answer(body)) as server, pytest.raises(ArmError) as caught:
            entries(client(server))
        assert caught.value.kind == "unexpected_answer"

    @pytest.mark.parametrize(
        "link", [5, ["x"], {"a": 1}, True, "https://localhost:abc/x", "http://[::1", "//elsewhere.example/x"]
    )
    def test_a_link_that_leads_nowhere_is_refused(self, link: object) -> None:
        with Server(Answer({"value": [], "nextLink": link})) as server, pytest.raises(ArmError) as caught:
            entries(client(server))
        assert caught.value.kind == "foreign_next_link"

    def test_a_list_without_end_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arm_client, "_PAGES", 3)
        pages = [Answer({"value": [{"name": "a"}], "nextLink": f"/things?page={number}"}) for number in range(5)]
        with Server(*pages) as server, pytest.raises(ArmError, match="does not end"):
            entries(client(server))
        assert len(server.requests) == 3

    def test_a_bare_list_is_accepted(self) -> None:
        with Server(Answer([{"name": "a"}])) as server:
            assert entries(client(server)) == ["a"]

    def test_no_page_is_read_before_it_is_needed(self) -> None:
        with Server(Answer({"value": [{"name": "a"}], "nextLink": "/things?page=2"})) as server:
            next(client(server).list_all("/things", VERSION, doing="list the things"))
            assert len(server.requests) == 1


class TestErrors:
    """What the operator reads."""

    def test_missing_rights_name_account_action_and_scope(self) -> None:
        text = (
            "The client 'app@example' with object id '77' does not have authorization to perform action "
            "'Microsoft.Authorization/locks/write' over scope '/subscriptions/1/resourceGroups/g' or it is invalid."
        )
        with (
            Server(error("AuthorizationFailed", text, 403, x_ms_request_id="id-1")) as server,
            pytest.raises(ArmError) as caught,
        ):
            client(server).get("/r", VERSION, doing="lock it")
        assert caught.value.kind == "missing_rights"
        assert caught.value.request_id == "id-1"
        assert caught.value.details == {
            "account": "app@example",
            "action": "Microsoft.Authorization/locks/write",
            "scope": "/subscriptions/1/resourceGroups/g",
        }
        assert str(caught.value).startswith(
            "Could not lock it: the account 'app@example' lacks Microsoft.Authorization/locks/write on "
            "/subscriptions/1/resourceGroups/g [AuthorizationFailed]"
        )

    def test_unknown_errors_keep_code_message_and_request_id(self) -> None:
        with (
            Server(error("OddCode", "Something\n odd.", 418, x_ms_correlation_request_id="id-2")) as server,
            pytest.raises(ArmError) as caught,
        ):
            client(server).get("/r", VERSION, doing="read it")
        assert str(caught.value) == (
            "Could not read it: Something odd [OddCode] (/r). This is the service's own message; follow it, or give it to the "
            "service's support. Request id: id-2."
        )
        assert (caught.value.code, caught.value.status) == ("OddCode", 418)

    @pytest.mark.parametrize(
        "body",
        [
            {"code": "Odd", "message": "Flat"},
            {"odata.error": {"code": "Odd", "message": {"lang": "en", "value": "Flat"}}},
            {"Code": "Odd", "Message": "Flat"},
        ],
    )
    def test_other_shapes_of_errors_are_read(self, body: dict[str, object]) -> None:
        with Server(Answer(body, 400)) as server, pytest.raises(ArmError, match=r"Could not read it: Flat \[Odd\]"):
            client(server).get("/r", VERSION, doing="read it")

    @pytest.mark.parametrize("body", ["<html>no</html>", None, [], "{"])
    def test_an_error_without_text_shows_its_status(self, body: object) -> None:
        with Server(Answer(body, 403)) as server, pytest.raises(ArmError, match="Could not read it: HTTP status 403"):
            client(server).get("/r", VERSION, doing="read it")

    @pytest.mark.parametrize("status", [403, 404, 407, 502, 503, 504])
    @pytest.mark.parametrize(
        "body",
        [
            None,
            "<html>no</html>",
            "Bad Gateway",
            '"Forbidden"',
            {"error": "Not Found", "status": 404},
            {"message": "no route matched with those values"},
        ],
        ids=repr,
    )
    def test_what_no_azure_says_is_most_likely_a_proxy_s_word(self, status: int, body: object) -> None:
        with Server(Answer(body, status, {"Retry-After": "0"})) as server, pytest.raises(ArmError) as caught:
            client(server).get("/r", VERSION, doing="read it")
        assert caught.value.kind == "page_in_place_of_an_answer"
        assert f"HTTP status {status}" in str(caught.value) and "HTTPS_PROXY" in str(caught.value)
        assert not isinstance(body, dict) or "message" not in body or body["message"] in str(caught.value)

    @pytest.mark.parametrize("body", [None, {"Message": "Authorization has been denied for this request."}])
    def test_a_401_without_a_code_is_an_access_token_that_is_refused(self, body: object) -> None:
        with Server(Answer(body, 401)) as server, pytest.raises(ArmError) as caught:
            client(server).get("/r", VERSION, doing="read it")
        assert caught.value.kind == "access_token_refused"

    @pytest.mark.parametrize(
        "code", ["InternalServerError", "ServiceUnavailable", "GatewayTimeout", "ServerBusy", "Odd"]
    )
    def test_a_service_that_goes_on_failing_says_to_run_again(self, code: str) -> None:
        with Server(error(code, "It broke.", 503, Retry_After="0")) as server, pytest.raises(ArmError) as caught:
            client(server).get("/r", VERSION, doing="read it")
        assert caught.value.kind == "service_failing" and caught.value.remedy

    def test_absent_resources_are_none(self) -> None:
        with Server(error("ResourceNotFound", "gone", 404)) as server:
            assert client(server).find("/r", VERSION, doing="read it") is None

    def test_an_invisible_subscription_is_no_absent_resource(self) -> None:
        with (
            Server(error("SubscriptionNotFound", "The subscription could not be found.", 404)) as server,
            pytest.raises(ArmError) as caught,
        ):
            client(server).find("/r", VERSION, doing="read it")
        assert caught.value.kind == "subscription_not_found"

    @pytest.mark.parametrize(
        "answer",
        [
            Answer("<html>portal</html>"),
            Answer(None, 302, {"Location": "https://portal.example/"}),
            Answer(None, 304),
            Answer({"error": {"code": "ResourceNotFound", "message": "gone"}}),
            Answer("[" * 100_000),
            Answer("\x00"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
    def test_what_is_no_answer_of_azure_is_no_success(self, method: str, answer: Answer) -> None:
        with Server(answer) as server:
            with pytest.raises(ArmError) as caught:
                client(server).request(method, "/r", VERSION, json={}, doing="do it")
            assert len(server.requests) == 1
            if method == "GET":
                with pytest.raises(ArmError):
                    client(server).find("/r", VERSION, doing="read it")
        assert caught.value.kind == "unexpected_answer" and caught.value.status == answer.status
        assert "proxy" in str(caught.value)
        if "Location" in answer.headers:
            assert "302, which leads to https://portal.example/" in str(caught.value)

    @pytest.mark.parametrize("body", [None, {}, {"id": 5}, []])
    def test_a_resource_has_an_id(self, body: object) -> None:
        with Server(Answer(body)) as server, pytest.raises(ArmError, match="resource with its id"):
            client(server).request("PUT", "/r", VERSION, json={}, doing="put it", resource=True)

    @pytest.mark.parametrize("path", ["/a/../b", "/a/./b", "/a//b", "/a/b/..", "/a/"])
    def test_a_path_that_leads_elsewhere_is_asked_for_nothing(self, path: str) -> None:
        with Server(Answer({})) as server:
            with pytest.raises(InputError):
                client(server).request("DELETE", path, VERSION, doing="delete it")
            assert server.requests == []

    def test_control_characters_of_a_service_are_not_shown(self) -> None:
        with (
            Server(error("X\x1b[31m", "boom \x1b]0;title\x07\x1b[2Jno\x9b\x00w")) as server,
            pytest.raises(ArmError) as caught,
        ):
            client(server).get("/r", VERSION, doing="read it")
        assert "Could not read it: boom now [X]" in str(caught.value)
        assert caught.value.code == "X"

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_answers_without_a_body_are_empty(self, status: int) -> None:
        with Server(Answer(None, status)) as server:
            assert client(server).request("PUT", "/r", VERSION, json={}, doing="put it") == {}


class TestAttempts:
    """Again only where that can help."""

    def test_retry_after_is_honoured(self) -> None:
        with Server(error("TooManyRequests", "slow down", 429, Retry_After="1"), Answer({"name": "a"})) as server:
            began = time.monotonic()
            assert client(server).get("/r", VERSION, doing="read it") == {"name": "a"}
            assert time.monotonic() - began >= 1.0
            assert len(server.requests) == 2

    def test_milliseconds_are_understood(self) -> None:
        with Server(
            error("TooManyRequests", "", 429, x_ms_retry_after_ms="10", Retry_After="20"), Answer({})
        ) as server:
            began = time.monotonic()
            client(server).get("/r", VERSION, doing="read it")
            assert time.monotonic() - began < 10

    def test_a_service_that_asks_for_too_long_fails_at_once(self) -> None:
        with Server(error("TooManyRequests", "slow down", 429, Retry_After="3600")) as server:
            with pytest.raises(ArmError) as caught:
                client(server).get("/r", VERSION, doing="read it")
            assert len(server.requests) == 1
        assert caught.value.kind == "throttled"
        assert caught.value.details["retry_after"] == 3600

    def test_attempts_are_bounded(self) -> None:
        with Server(error("InternalServerError", "", 503, Retry_After="0")) as server:
            with pytest.raises(ArmError, match="HTTP status 503"):
                client(server).get("/r", VERSION, doing="read it")
            assert len(server.requests) == 4

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
    def test_refusals_are_final(self, status: int) -> None:
        with Server(error("Refused", "no", status)) as server:
            with pytest.raises(ArmError):
                client(server).request("PUT", "/r", VERSION, json={}, doing="put it")
            assert len(server.requests) == 1


class TestUnreachable:
    """No answer at all."""

    def test_a_closed_port(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(Unreachable) as caught:
                ArmClient(url, Trust().transport()).get("/r", VERSION, doing="read it")
        assert caught.value.kind == "unreachable"
        assert "Connection refused" in str(caught.value)
        assert url in str(caught.value)

    def test_an_unknown_name_is_said_in_plain_words(self) -> None:
        with pytest.raises(Unreachable) as caught:
            ArmClient("https://no-such-name.invalid", Trust().transport()).get("/r", VERSION, doing="read it")
        assert "does not answer" in str(caught.value)
        assert "object at 0x" not in str(caught.value)

    def test_an_untrusted_certificate_is_tried_once(self) -> None:
        connections: list[object] = []
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                while True:
                    try:
                        connection, address = listener.accept()
                    except OSError:
                        return
                    connections.append(address)
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        connection.close()

            threading.Thread(target=serve, daemon=True).start()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            with pytest.raises(Unreachable) as caught:
                ArmClient(url, Trust().transport()).get("/r", VERSION, doing="read it")
            listener.shutdown(socket.SHUT_RDWR)
        assert caught.value.kind == "certificate_not_trusted"
        assert "ca_bundle" in str(caught.value)
        assert len(connections) == 1

    def test_a_missing_ca_bundle_is_an_input_error(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            Trust(ca_bundle=str(tmp_path / "none.pem")).transport()

    def test_an_empty_ca_bundle_is_an_input_error(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "empty.pem").write_text("nothing")
        with pytest.raises(InputError, match="cannot be used"):
            Trust(ca_bundle=str(tmp_path / "empty.pem")).transport()
