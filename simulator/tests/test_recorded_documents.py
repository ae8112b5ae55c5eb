# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of Azure and of the stamp, member by member, beside those that recordings of the real services show."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from azure_lab import SMALL_FLEET, Arm, registration
from psrp_lab import recorded

RECORDED = recorded("azure.json")
TOKEN = list(RECORDED["registration_token"]["document"])
KEY = [name for name in RECORDED["activation_key"]["claims"] if name != "then"] + TOKEN
RESOURCE = RECORDED["registration"]["GET"]


def fleet(*, numbered: bool) -> dict[str, t.Any]:
    """A connected stamp, whose documents have every member, and tell no asset tag."""
    settings = {**SMALL_FLEET["settings"], "numbered_documents": numbered}
    stamps = [{"name": "two", "connected": True, "asset_tag_told": False}]
    return {**SMALL_FLEET, "stamps": stamps, "settings": settings}


def decoded(part: str) -> dict[str, t.Any]:
    """The document behind base64, with the URL's alphabet or without."""
    return json.loads(base64.urlsafe_b64decode(part.replace("+", "-").replace("/", "_") + "=" * (-len(part) % 4)))


@pytest.fixture(params=[True, False], ids=["numbered", "alike"])
def registered(request: pytest.FixtureRequest, simulate: t.Callable[..., t.Any]) -> tuple[Arm, str, bool]:
    """ARM with one registration, its token, and whether documents have a number of their own."""
    simulator = simulate(fleet(numbered=request.param))
    simulator.do(
        "create-principal",
        stamp="two",
        RefreshToken=simulator.do("refresh-token", user="operator@rehearsal.onmicrosoft.com"),
    )
    arm = Arm(simulator)
    token = simulator.do("mint-token", stamp="two", BillingModel="Development")
    arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})
    body = {"location": "global", "properties": {"registrationToken": token}}
    assert arm("PUT", registration("two"), body).status_code == 201
    return arm, token, request.param


def test_a_token_has_the_recorded_members_in_their_order(registered: tuple[Arm, str, bool]) -> None:
    _arm, token, numbered = registered
    document = decoded(token)
    assert list(document)[: len(TOKEN)] == TOKEN
    assert set(document) - set(TOKEN) == ({"issuedAt", "nonce"} if numbered else set())
    recorded_node = RECORDED["registration_token"]["document"]["hardwareInfo"][0]
    assert all(list(node) == list(recorded_node) for node in document["hardwareInfo"])


def test_a_key_has_the_recorded_members_and_ends_with_those_of_the_token(registered: tuple[Arm, str, bool]) -> None:
    arm, token, numbered = registered
    exports = [arm("POST", registration("two") + "/getactivationkey").json() for _again in range(2)]
    assert all(list(answer) == ["activationKey"] for answer in exports)
    key = exports[0]["activationKey"]
    header, claims = (decoded(part) for part in key.split(".")[:2])
    assert list(header) == list(RECORDED["activation_key"]["header"]) and len(header["kid"]) == 32
    assert list(claims)[: len(KEY)] == KEY
    assert {name: claims[name] for name in TOKEN} == {name: decoded(token)[name] for name in TOKEN}
    assert (key == exports[1]["activationKey"]) is not numbered


def test_a_registration_has_the_recorded_members_in_their_order(registered: tuple[Arm, str, bool]) -> None:
    arm, _token, _numbered = registered
    resource = arm("GET", registration("two")).json()
    assert list(resource) == list(RESOURCE) and list(resource["properties"]) == list(RESOURCE["properties"])
    assert resource["type"] == RESOURCE["type"] and resource["location"] == RESOURCE["location"]
