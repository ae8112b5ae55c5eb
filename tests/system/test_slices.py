# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices of one job, as AWX starts them: two ansible-playbook at once over parts of a fleet that shares everything in Azure.

Neither the resource provider nor the resource group is there before, the bundle lies in one directory, and one stamp of each
slice is broken in a way of its own.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from controllers import LEGS, Controller

from azs_simulator.client import Simulator

AGREEMENT = "70000020"
SLICES = (("one-1", "one-2", "one-3", "one-cut"), ("two-1", "two-2", "two-3", "two-expired"))
WELL = [name for names in SLICES for name in names if name[-1].isdigit()]
FLEET = {
    "stamps": [
        {"name": name, "nodes": 1, "ercs": 1, "agreement_number": AGREEMENT} for names in SLICES for name in names
    ],
    "clouds": [
        {"name": "AzureCloud", "principals": [{"name": "registrar"}, {"name": "expired", "secret_expired": True}]},
    ],
    # Slow enough that all of a slice look before the first of them has made anything.
    "settings": {"latency": {"arm": 0.3}, "provider_registration": 1.0},
}


@pytest.mark.deep
def test_slices_share_azure_and_no_failure(
    simulator: Simulator, controller: t.Callable[..., Controller], tmp_path: pathlib.Path
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir(mode=0o700)
    for name in (name for names in SLICES for name in names):
        token = str(simulator.do("mint-token", stamp=name, BillingModel="Capacity", AgreementNumber=AGREEMENT))
        file = bundle / f"{name}.registration-token.txt"
        file.write_text(token[: len(token) // 2] if name == "one-cut" else token, encoding="utf-8")
        file.chmod(0o600)
    (cloud,) = simulator.state()["clouds"].values()
    (client,) = [one["client_id"] for one in cloud["principals"] if one["name"] == "expired"]
    expired = {"azs_client_id": client, "azs_secret": simulator.credentials()["clouds"]["AzureCloud"]["expired"]}
    running = [
        controller()
        .knows({name: expired if name == "two-expired" else {} for name in names}, azs_bundle=str(bundle))
        .start(LEGS[1], "--forks", "4")
        for names in SLICES
    ]
    plays = [one.wait() for one in running]

    assert [play.status for play in plays] == [2, 2]
    for play, names in zip(plays, SLICES, strict=True):
        *well, broken = names
        for name in well:
            assert play.recap(name)["failed"] == 0, play.output
            registration = simulator.registration_of(name)
            assert registration is not None and registration["locks"] == ["CanNotDelete"], name
            assert registration["writes"] == 1, name
            assert (bundle / f"{name}.activation-key.txt").exists()
        assert play.recap(broken)["failed"] == 1
        assert simulator.registration_of(broken) is None
    assert plays[1].failure("two-expired").kind == "expired_secret"
    (cloud,) = simulator.state()["clouds"].values()
    assert len(cloud["registrations"]) == len(WELL)
