# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a kept token fits what is asked for."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._act import token_mint
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError

PARAMS: dict[str, t.Any] = {
    "billing_model": "Capacity",
    "disconnected": True,
    "agreement_number": "1",
    "asset_tag": None,
    "usage_reporting": None,
    "marketplace_syndication": None,
    "token_version": None,
    "cloud_id": None,
    "encrypt": False,
    "bridge_principal_refresh_token": None,
    "bridge_principal_environment": "AzureCloud",
    "bridge_principal_tenant": None,
    "bridge_principal_timeout": 1800,
}


def order(**changes: t.Any) -> token_mint.Order:
    """Return an order."""
    return token_mint.Order.from_params({**PARAMS, **changes})[0]


ENTRY = bundle.ManifestEntry(
    kind=bundle.TOKEN,
    stamp="s1",
    sha256="",
    size=1,
    created="2026-11-20T00:00:00Z",
    cloud_id="C1",
    billing_model="Capacity",
    marketplace_syndication=False,
    usage_reporting=False,
    token_version="6.0",
    stamp_version="1.2311.1.22",
    fingerprint=bundle.fingerprint("1", None),
)

TOLD = dataclasses.replace(ENTRY, fingerprint=None, agreement_number="1", asset_tag="")
TAG_UNTOLD = dataclasses.replace(TOLD, asset_tag=None)


@pytest.mark.parametrize(
    ("changes", "entry", "expected"),
    [
        ({}, ENTRY, []),
        ({"cloud_id": "c1"}, ENTRY, []),
        ({"cloud_id": "c2"}, ENTRY, ["cloud_id"]),
        ({"token_version": "6.0"}, ENTRY, []),
        ({"token_version": "4.0"}, ENTRY, ["token_version"]),
        ({"marketplace_syndication": True}, ENTRY, ["marketplace_syndication"]),
        ({"billing_model": "Ruggedized", "asset_tag": "T"}, ENTRY, ["billing_model", token_mint.UNTOLD]),
        ({"agreement_number": "2"}, ENTRY, [token_mint.UNTOLD]),
        ({"encrypt": True}, ENTRY, ["encrypted"]),
        ({"encrypt": True}, dataclasses.replace(ENTRY, encrypted_sha256="x"), []),
        (
            {"disconnected": False, "bridge_principal_refresh_token": "r", "marketplace_syndication": False},
            ENTRY,
            ["bridge_principal"],
        ),
        (
            {"disconnected": False, "bridge_principal_refresh_token": "r", "marketplace_syndication": False},
            dataclasses.replace(ENTRY, bridge_principal="o1"),
            [],
        ),
        ({}, dataclasses.replace(ENTRY, fingerprint=None), [token_mint.UNTOLD]),
        ({}, TOLD, []),
        ({"agreement_number": "2"}, TOLD, ["agreement_number"]),
        ({"billing_model": "Ruggedized", "asset_tag": "T"}, TOLD, ["billing_model", "asset_tag"]),
        ({}, TAG_UNTOLD, []),
        ({"asset_tag": "T"}, TAG_UNTOLD, [token_mint.UNTOLD]),
        ({"asset_tag": "U"}, dataclasses.replace(TAG_UNTOLD, fingerprint=bundle.fingerprint(None, "U")), []),
    ],
)
def test_what_a_kept_token_has_otherwise(
    changes: dict[str, t.Any], entry: bundle.ManifestEntry, expected: list[str]
) -> None:
    assert order(**changes).differences(entry) == expected


def test_a_disconnected_stamp_has_no_bridge_principal() -> None:
    with pytest.raises(InputError, match="no bridge principal"):
        order(bridge_principal_refresh_token="r")


def test_diffs_hold_no_secret(tmp_path: pathlib.Path) -> None:
    shown = order(agreement_number="2").shown_after(ENTRY, [token_mint.UNTOLD])
    assert shown[token_mint.UNTOLD] == "not shown, changed"
    assert "fingerprint" not in shown
    place = bundle.place(bundle.TOKEN, bundle=str(tmp_path), stamp="s1", path=None)
    assert "fingerprint" not in token_mint.shown(ENTRY, place, encrypted=False)


ASKED = billing.Request("PayAsYouUse", True, True, None, None, "6.0")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, ""),
        ({"billing_model": "payasyouuse", "agreement_number": "", "usage_reporting": True}, ""),
        ({"usage_reporting": False}, "usage reporting on was asked for, and the token says off"),
        ({"marketplace_syndication": False}, "marketplace syndication on was asked for, and the token says off"),
        ({"billing_model": "Capacity"}, "billing model 'PayAsYouUse' was asked for, and the token says 'Capacity'"),
        ({"agreement_number": "7"}, "agreement number 'none' was asked for, and the token says '7'"),
    ],
)
def test_a_token_that_says_something_else_than_was_asked(said: dict[str, t.Any], told: str) -> None:
    decoded = claims.TokenClaims(opaque=False, **said)
    if not told:
        token_mint.check_token(ASKED, decoded, "10.0.0.4")
        return
    with pytest.raises(ArtifactError, match="something else") as refused:
        token_mint.check_token(ASKED, decoded, "10.0.0.4")
    assert refused.value.kind == "token_says_otherwise" and refused.value.cause == told
