# SPDX-License-Identifier: GPL-3.0-or-later
"""A moved registration is verified as one again as soon as its stamp is activated with the new key."""

from __future__ import annotations

import typing as t

from controllers import Controller, Traffic, changing, cmdlets

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [{"name": "stamp", "connected": True, "ercs": 1, "nodes": 2, "registration": {}}],
    "clouds": [{"name": "AzureCloud", "principals": [{"name": "registrar", "role": "Owner"}]}],
}


def test_move_activate_verify(simulator: Simulator, controller: t.Callable[..., Controller]) -> None:
    cloud_id = simulator.stamp("stamp")["cloud_id"]
    here = controller().knows({"stamp": {"azs_cloud_id": cloud_id, "azs_resource_group": None}})
    traffic = Traffic(simulator)
    target = {"azs_target_resource_group": "Moved"}
    checked = here.run("move", "--check", "--diff", **target).succeeded()
    assert changing(traffic.read()) == []
    assert "The registration would be at /subscriptions/" in checked.output
    moved = here.run("move", **target).succeeded()
    assert checked.changes == moved.changes
    assert "connected_register" in moved.output
    registration = simulator.registration_of("stamp")
    assert registration and "/Moved/" in registration["id"] and registration["locks"] == ["CanNotDelete"]
    assert here.run("move", **target).succeeded().changed == 0

    refused = here.run("verify").failure("stamp")
    assert "is activated with" in refused.message and "azurestack.hub.connected_register repairs" in refused.message
    assert refused.data["error"]["kind"] == "stamp_disagrees"
    traffic.read()
    here.run("connected_register").succeeded()
    entries = traffic.read()
    assert cmdlets(entries) == ["New-AzureStackActivation"]
    assert [one for one in changing(entries) if one.startswith(("PUT", "DELETE"))] == []
    here.run("verify").succeeded()
