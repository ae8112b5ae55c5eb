# SPDX-License-Identifier: GPL-3.0-or-later
"""One client for many threads: sign-in, observed answers, access tokens that end before their time."""

from __future__ import annotations

import importlib
import threading
import time
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.clouds import Cloud
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from ansible_collections.azurestack.hub.plugins.module_utils._sign_in.credentials import Identity, SignIn
from azure.core.credentials import AccessToken
from scripted import Answer, Server

VERSION = "2017-06-01"
CLOUD = Cloud("test", "https://arm.example", "https://login.example", "https://arm.example/")


class Issuer:
    """Gives out numbered access tokens, as an azure-identity credential does."""

    def __init__(self, lifetime: float, pause: float = 0.0) -> None:
        self.made = 0
        self.given = 0
        self._lifetime, self._pause = lifetime, pause

    def make(self) -> Issuer:
        """A credential without a cache of its own."""
        self.made += 1
        return self

    def get_token(self, *scopes: str, **options: t.Any) -> AccessToken:
        """A new access token."""
        time.sleep(self._pause)
        self.given += 1
        return AccessToken(f"token-{self.given}", int(time.time() + self._lifetime))


def sign_in(issuer: Issuer, hidden: list[str] | None = None) -> SignIn:
    """A sign-in with an issuer's tokens."""
    return SignIn(issuer.make, Identity(), CLOUD, (hidden if hidden is not None else []).append)


class TestSignIn:
    """An access token is asked for once, and in time."""

    def test_threads_sign_in_once(self) -> None:
        issuer, hidden = Issuer(3600, pause=0.05), []
        credential = sign_in(issuer, hidden)
        tokens: list[str] = []
        threads = [threading.Thread(target=lambda: tokens.append(credential.get_token("s").token)) for _n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tokens == ["token-1"] * 16 and issuer.given == 1 and hidden == ["token-1"]

    @pytest.mark.parametrize(("lifetime", "given"), [(3600, 1), (200, 1), (0, 2)])
    def test_a_token_is_used_for_two_thirds_of_its_life(self, lifetime: float, given: int) -> None:
        issuer = Issuer(lifetime)
        credential = sign_in(issuer)
        credential.get_token("s")
        credential.get_token("s")
        assert issuer.given == given

    def test_another_scope_or_claim_is_another_token(self) -> None:
        issuer = Issuer(3600)
        credential = sign_in(issuer)
        tokens = [
            credential.get_token("s").token,
            credential.get_token("s", claims="c").token,
            credential.get_token("u").token,
        ]
        assert tokens == ["token-1", "token-2", "token-3"]

    def test_a_refused_token_is_forgotten_once(self) -> None:
        issuer = Issuer(3600)
        credential = sign_in(issuer)
        refused = credential.get_token("s").token
        for _thread in range(16):
            credential.forget(refused)
            credential.get_token("s")
        assert (issuer.given, issuer.made) == (2, 2)


class Bearer(Issuer):
    """An issuer that can be used as a credential itself, and forgets."""

    def __init__(self) -> None:
        super().__init__(3600)
        self.forgotten: list[str] = []

    def forget(self, token: str) -> None:
        """Remember what was refused."""
        self.forgotten.append(token)


def expired() -> Answer:
    """The answer to an access token that ended."""
    return Answer({"error": {"code": "ExpiredAuthenticationToken", "message": "Expired."}}, 401)


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let azure-core send access tokens to the scripted server, which has no TLS."""
    module = importlib.import_module("azure.core.pipeline.policies._authentication")
    # A function of the module in newer azure-core, a static method in older one.
    owner = module if hasattr(module, "_enforce_https") else module._BearerTokenCredentialPolicyBase
    monkeypatch.setattr(owner, "_enforce_https", staticmethod(lambda request: None))


class TestStaleToken:
    """Azure refuses an access token that seems valid here."""

    def test_it_is_renewed_once(self, plain_http: None) -> None:
        bearer = Bearer()
        with Server(expired(), Answer({"name": "a"})) as server:
            client = ArmClient(server.url, Trust().transport(), credential=bearer, audience="a")
            assert client.get("/thing", VERSION, doing="read it") == {"name": "a"}
        assert bearer.forgotten == ["token-1"]

    @pytest.mark.parametrize("code", ["AuthenticationFailed", None])
    def test_any_refusal_but_one_of_the_directory_or_the_audience(self, plain_http: None, code: str | None) -> None:
        bearer = Bearer()
        refusal = Answer({"error": {"code": code, "message": "No."}} if code else {}, 401)
        with Server(refusal, Answer({"name": "a"})) as server:
            client = ArmClient(server.url, Trust().transport(), credential=bearer, audience="a")
            assert client.get("/thing", VERSION, doing="read it") == {"name": "a"}
        assert bearer.forgotten == ["token-1"]

    def test_what_another_token_cannot_cure(self, plain_http: None) -> None:
        bearer = Bearer()
        with Server(Answer({"error": {"code": "InvalidAuthenticationTokenTenant", "message": "No."}}, 401)) as server:
            client = ArmClient(server.url, Trust().transport(), credential=bearer, audience="a")
            with pytest.raises(ArmError):
                client.get("/thing", VERSION, doing="read it")
            assert len(server.requests) == 1 and bearer.forgotten == []

    def test_a_third_refusal_is_final(self, plain_http: None) -> None:
        bearer = Bearer()
        with Server(expired()) as server:
            client = ArmClient(server.url, Trust().transport(), credential=bearer, audience="a")
            with pytest.raises(ArmError) as caught:
                client.get("/thing", VERSION, doing="read it")
            assert len(server.requests) == 3
        assert caught.value.code == "ExpiredAuthenticationToken" and len(bearer.forgotten) == 2


class TestObserved:
    """Who observes the answers keeps to the rate limit himself."""

    def test_every_answer_is_seen(self) -> None:
        seen: list[tuple[int, str | None]] = []
        busy = Answer({"error": {"code": "ServerBusy", "message": "m"}}, 503, {"retry-after-ms": "1"})
        with Server(busy, Answer({}, 200, {"x-ms-ratelimit-remaining-subscription-writes": "7"})) as server:
            ArmClient(server.url, Trust().transport()).request(
                "PUT",
                "/thing",
                VERSION,
                doing="write it",
                observe=lambda status, headers: seen.append(
                    (status, headers.get("x-ms-ratelimit-remaining-subscription-writes"))
                ),
            )
        assert seen == [(503, None), (200, "7")]

    def test_429_is_raised_at_once(self) -> None:
        throttled = Answer({"error": {"code": "TooManyRequests", "message": "m"}}, 429, {"Retry-After": "5"})
        with Server(throttled) as server:
            with pytest.raises(ArmError) as caught:
                ArmClient(server.url, Trust().transport()).request(
                    "PUT", "/thing", VERSION, doing="write it", observe=lambda status, headers: None
                )
            assert len(server.requests) == 1
        assert caught.value.status == 429 and caught.value.details["retry_after"] == 5.0


def test_threads_keep_their_connections() -> None:
    connections: list[t.Any] = []
    with Server(Answer({"name": "a"})) as server:
        handle = server._server.RequestHandlerClass  # the scripted server tells no more of its connections
        handle.protocol_version = "HTTP/1.1"
        setup = handle.setup

        def count(self: t.Any) -> None:
            connections.append(self.request)
            setup(self)

        handle.setup = count
        client = ArmClient(server.url, Trust().transport(connections=8))

        def work() -> None:
            for _number in range(10):
                assert client.get("/thing", VERSION, doing="read it") == {"name": "a"}

        threads = [threading.Thread(target=work) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client._transport.close()
    assert len(server.requests) == 80 and len(connections) <= 8
