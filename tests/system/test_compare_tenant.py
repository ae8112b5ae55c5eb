# SPDX-License-Identifier: GPL-3.0-or-later
"""On which stamps is one tenant mapped? One task reads that of all stamps, and each has one line."""

from __future__ import annotations

import typing as t

import pytest
from controllers import BOTH_CORES, Controller, Traffic, changing

from azs_simulator.client import Simulator

TENANT: t.Final = "6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01"
OTHER: t.Final = "6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a02"
DIRECTORY: t.Final = "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001"
LINKED: t.Final = {"connected": True, "ercs": 1, "registration": {}}
FLEET = {
    "stamps": [
        {"name": "holds", **LINKED},
        {"name": "lacks", **LINKED},
        {"name": "named", **LINKED},
        {"name": "searched", **LINKED},
        {"name": "silent", **LINKED},
        {"name": "blank", "connected": True, "ercs": 1},
        {"name": "untold", **LINKED},
    ],
}
UNTOLD: t.Final = (
    "which registration it has is not known; set azs_admin_endpoint, or azs_cloud_id or azs_registration_id"
)


@pytest.mark.parametrize("core", BOTH_CORES)
def test_each_stamp_has_one_line_and_a_silent_one_fails(
    simulator: Simulator, controller: t.Callable[..., Controller], core: str
) -> None:
    for name in ("holds", "named", "searched"):
        simulator.do("map-customers", stamp=name, mappings={TENANT: DIRECTORY})
    registration = simulator.registration_of("named")
    assert registration is not None
    here = controller(core).knows(
        {
            "holds": {},
            "lacks": {"azs_customer_subscription_id": f"{{{{ '{OTHER}' }}}}"},
            "named": {"azs_registration_id": registration["id"], "azs_admin_endpoint": "https://127.0.0.1:9"},
            "searched": {"azs_cloud_id": simulator.stamp("searched")["cloud_id"], "azs_admin_endpoint": None},
            "silent": {"azs_admin_endpoint": "https://127.0.0.1:9"},
            "blank": {},
            "untold": {"azs_admin_endpoint": None},
        },
        azs_customer_subscription_id=TENANT,
    )
    traffic = Traffic(simulator)
    play = here.run("compare_tenant")
    assert changing(traffic.read()) == []
    there = f"mapped ({TENANT}, tenant {DIRECTORY})"
    expected = {
        "holds": there,
        "lacks": "missing",
        "named": there,
        "searched": there,
        "blank": "not registered",
        "untold": UNTOLD,
    }
    assert {name: one["line"] for name, one in play.settled.items()} == expected
    for name, line in expected.items():
        assert play.output.count(f"{name}: {line}\n") == 1
    assert play.status == 2 and play.failure("silent").kind == "unreachable"
    assert {one.host for one in play.results if one.outcome == "failed"} == {"silent"}
    assert "map-customers" not in play.output
