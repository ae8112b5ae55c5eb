# SPDX-License-Identifier: GPL-3.0-or-later
"""An access token of an earlier task is used by who signed in for it, where that was, and while it is good."""

from __future__ import annotations

import pathlib
import time
import typing as t

import pytest
from ansible import constants as C
from ansible_collections.azurestack.hub.plugins.module_utils._caller import AccessTokens, Token
from ansible_collections.azurestack.hub.plugins.plugin_utils import _tokens

IDENTITY: t.Final = {"tenant": "t", "client_id": "c", "secret": "s", "cloud_environment": "AzureCloud"}


@pytest.fixture(autouse=True)
def local_tmp(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """The run's directory for temporary files."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


def token(key: str, *, family: str = "azure", seconds: int = 3600) -> Token:
    """A token that is good for some time."""
    return Token(family=family, key=key, token=f"token of {key}", expires_on=int(time.time()) + seconds)


def test_a_token_is_for_the_same_host_and_the_same_identity() -> None:
    kept = token("one")
    _tokens.keep("gateway", {**IDENTITY, "subscription_id": "first"}, [kept])
    assert _tokens.known("gateway", ["azure"], {**IDENTITY, "subscription_id": "second"}) == [kept]
    assert _tokens.known("another", ["azure"], IDENTITY) == []
    assert _tokens.known("gateway", ["admin"], IDENTITY) == []
    for name in IDENTITY:
        assert _tokens.known("gateway", ["azure"], {**IDENTITY, name: "x"}) == [], name


def test_a_newer_token_takes_the_place_of_an_older_one() -> None:
    options = {**IDENTITY, "client_id": "renewed"}
    _tokens.keep("gateway", options, [token("one"), token("two")])
    newer = token("one", seconds=7200)
    _tokens.keep("gateway", options, [newer])
    assert {one["key"]: one["expires_on"] for one in _tokens.known("gateway", ["azure"], options)}["one"] == newer[
        "expires_on"
    ]
    assert len(_tokens.known("gateway", ["azure"], options)) == 2


def test_a_token_that_ends_soon_is_not_begun_with() -> None:
    hidden: list[str] = []
    tokens = AccessTokens([token("good"), token("ending", seconds=300)], hidden.append)
    assert tokens.find("good") == ("token of good", pytest.approx(time.time() + 3600, abs=60))
    assert tokens.find("ending") is None and tokens.find("unknown") is None
    assert hidden == ["token of good", "token of ending"]


def test_only_what_was_got_here_is_told() -> None:
    tokens = AccessTokens([token("known")])
    tokens.note("known", "azure", lambda: None)
    tokens.note("new", "admin", lambda: ("token of new", 7))
    assert tokens.learned() == [{"family": "admin", "key": "new", "token": "token of new", "expires_on": 7}]
