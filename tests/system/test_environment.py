# SPDX-License-Identifier: GPL-3.0-or-later
"""Where options come from: the controller's environment, and the defaults of one family of modules."""

from __future__ import annotations

import typing as t

import pytest
from controllers import LEGS, Controller, Elsewhere, Traffic

from azs_simulator.client import Simulator

FLEET = {
    "stamps": [
        {"name": "azure-cli", "nodes": 1, "registration": {}},
        {"name": "azure-ansible", "nodes": 1, "registration": {}},
    ],
}
NAMES = {
    "azure-cli": {"client_id": "AZURE_CLIENT_ID", "secret": "AZURE_CLIENT_SECRET", "tenant": "AZURE_TENANT_ID"},
    "azure-ansible": {"client_id": "AZURE_CLIENT_ID", "secret": "AZURE_SECRET", "tenant": "AZURE_TENANT"},
}
"""Stamp, and with it the way of naming, -> option -> environment variable."""


@pytest.mark.deep
@pytest.mark.parametrize("stamp", ["azure-cli", "azure-ansible"])
def test_the_controllers_environment_counts_for_tasks_on_a_runner(
    simulator: Simulator, controller: t.Callable[..., Controller], elsewhere: t.Callable[..., Elsewhere], stamp: str
) -> None:
    """AWX injects AZURE_* where ansible-playbook runs; the runner, which is another machine, has none of them."""
    runner, account = elsewhere("runner"), simulator.host(stamp)
    away = ("azs_subscription_id", "azs_tenant", "azs_client_id", "azs_secret", "azs_cloud_environment")
    operator = controller().knows(
        {stamp: dict.fromkeys(away)}, runners={"runner": runner.variables()}, azs_azure_runner="runner"
    )
    runner.bundle.mkdir(mode=0o700)
    token = runner.bundle / f"{stamp}.registration-token.txt"
    token.write_text(str(simulator.do("mint-token", stamp=stamp, BillingModel="Capacity", AgreementNumber="1234567")))
    token.chmod(0o600)
    environment = {name: account[f"azs_{option}"] for option, name in NAMES[stamp].items()}
    environment["AZURE_SUBSCRIPTION_ID"] = account["azs_subscription_id"]
    environment["AZURE_CLOUD_ENVIRONMENT"] = account["azs_cloud_environment"]
    traffic = Traffic(simulator)
    play = operator.run(LEGS[1], "-vvv", environment=environment).succeeded()
    arguments = play.of("Register the stamp in Azure").data["invocation"]["module_args"]
    assert arguments["client_id"] == account["azs_client_id"]
    assert arguments["secret"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert account["azs_secret"] not in play.output
    assert [
        entry["status"] for entry in traffic.read() if entry["service"] == "login" and entry["method"] == "POST"
    ] == [200] * 2
