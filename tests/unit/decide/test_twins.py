# SPDX-License-Identifier: GPL-3.0-or-later
"""Two names for one stamp."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import twins

ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"azs_cloud_id": ID}, {"azs_cloud_id": ID.upper()}, "azs_cloud_id"),
        (
            {"azs_admin_endpoint": "https://admin.a.example"},
            {"azs_admin_endpoint": "https://ADMIN.a.example:443/"},
            "azs_admin_endpoint",
        ),
        (
            {"azs_pep_hosts": ["10.0.0.4", "10.0.0.5"]},
            {"azs_pep_hosts": ["10.0.0.9", "10.0.0.5:5985"]},
            "azs_pep_hosts",
        ),
        ({"azs_pep_hosts": "ERCS01"}, {"azs_pep_hosts": ["ercs01"]}, "azs_pep_hosts"),
        ({"azs_pep_hosts": ["10.0.0.4"]}, {"azs_pep_hosts": ["10.0.0.4"], "azs_pep_port": 15985}, None),
        ({"azs_pep_hosts": ["10.0.0.4"]}, {"azs_pep_hosts": ["10.0.0.4"], "azs_pep_use_tls": True}, None),
        ({"azs_pep_hosts": ["10.0.0.4"]}, {"azs_pep_hosts": ["10.0.0.4"], "azs_pep_runner": "paw02"}, None),
        ({"azs_pep_hosts": ["10.0.0.4"]}, {"azs_pep_hosts": ["10.0.0.4"], "azs_pep_proxy": "http://site-b"}, None),
        (
            {"azs_admin_endpoint": "https://adminmanagement.local.azurestack.external"},
            {"azs_admin_endpoint": "https://adminmanagement.local.azurestack.external", "azs_pep_runner": "paw02"},
            None,
        ),
        ({}, {}, None),
        (
            {"azs_cloud_id": "", "azs_admin_endpoint": "", "azs_pep_hosts": []},
            {"azs_cloud_id": "", "azs_admin_endpoint": "", "azs_pep_hosts": []},
            None,
        ),
    ],
)
def test_a_stamp_that_stands_twice(one: dict[str, t.Any], other: dict[str, t.Any], same: str | None) -> None:
    found = twins.find({"north": one, "south": other, "east": {}}, ["north"])
    assert [sentence.startswith(f"north and south have the same {same}, ") for sentence in found] == (
        [True] if same else []
    )
    assert twins.find({"north": one, "south": other, "east": {}}, ["east"]) == []
