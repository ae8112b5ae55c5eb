# SPDX-License-Identifier: GPL-3.0-or-later
"""The disconnected registration from end to end: pypsrp at the PEP, azure-core at ARM, one process behind both."""

from __future__ import annotations

import typing as t

import pytest
import requests
from azure_lab import Arm, registration
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

FLEET = {
    "stamps": [
        {"name": "disconnected", "agreement_number": "1"},
        {"name": "vehicle", "billing_model": "Ruggedized", "asset_tag": "A", "pep_tls": True, "ercs": 2},
    ],
    "clouds": [{"subscriptions": [{"provider_registered": True}]}],
    "settings": PLAIN,
}


def call(simulator: Simulator, stamp: str, *cmdlets: tuple[str, dict[str, t.Any]], ercs: int = 1) -> list[t.Any]:
    """Run cmdlets in one session at an ERCS address; the outputs of the last."""
    host = simulator.host(stamp)
    address, port = host["azs_pep_hosts"][ercs - 1].split(":")
    wsman = WSMan(
        address,
        port=int(port),
        ssl=host["azs_pep_use_tls"],
        cert_validation=host.get("azs_pep_ca_cert", True),
        username=host["azs_pep_username"],
        password=host["azs_pep_password"],
    )
    with wsman, RunspacePool(wsman, configuration_name="PrivilegedEndpoint") as pool:
        for name, parameters in cmdlets:
            shell = PowerShell(pool).add_cmdlet(name).add_parameters(parameters)
            output = shell.invoke()
            assert not shell.had_errors, [str(error) for error in shell.streams.error]
            shell.close()
    return output


@pytest.mark.parametrize(
    ("stamp", "parameters"),
    [
        ("disconnected", {"BillingModel": "Capacity", "AgreementNumber": "1"}),
        ("vehicle", {"BillingModel": "Ruggedized", "MsAssetTag": "A"}),
    ],
)
def test_three_legs(simulator, arm, stamp, parameters):
    (token,) = call(simulator, stamp, ("Set-RegistrationKeyPair", {}), ("New-RegistrationToken", parameters))

    arm("PUT", "/resourceGroups/azurestack", {"location": "westcentralus"})
    body = {"location": "global", "properties": {"registrationToken": token}}
    assert arm("PUT", registration(stamp), body).status_code == 201
    key = arm("POST", f"{registration(stamp)}/getactivationkey").json()["activationKey"]

    assert simulator.stamp(stamp)["status"] == "Not registered"
    call(simulator, stamp, ("New-AzureStackActivation", {"ActivationKey": key}))
    activated = simulator.stamp(stamp)
    assert activated["status"] == "Registered"
    assert activated["activation"]["azureRegistrationResourceIdentifier"] == simulator.registration_of(stamp)["id"]

    log = simulator.requests(service="pep")
    assert next(entry["parameters"] for entry in log if entry.get("cmdlet") == "New-AzureStackActivation") == [
        "ActivationKey"
    ]
    assert token not in str(log) and key not in str(simulator.requests())


def test_an_ercs_address_goes_down_and_comes_back(simulator):
    simulator.do("close-ercs", stamp="vehicle", ercs=1)
    with pytest.raises(requests.ConnectionError):
        call(simulator, "vehicle", ("Get-AzureStackStampInformation", {}))
    (information,) = call(simulator, "vehicle", ("Get-AzureStackStampInformation", {}), ercs=2)
    assert information.adapted_properties or information.extended_properties
    simulator.do("open-ercs", stamp="vehicle", ercs=1)
    assert call(simulator, "vehicle", ("Get-AzureStackStampInformation", {}))


def test_a_busy_stamp(simulator):
    simulator.do("set-stamp", stamp="vehicle", busy="11111111-2222-4333-8444-555555555555")
    with pytest.raises(AssertionError, match="another action is in progress: 11111111-2222"):
        call(simulator, "vehicle", ("Get-AzureStackStampInformation", {}))
    simulator.do("set-stamp", stamp="vehicle", busy="", version="1.2406.0.8", nodes=2)
    assert call(simulator, "vehicle", ("Get-AzureStackStampInformation", {}))
    assert simulator.stamp("vehicle")["nodes"] == 2 and Arm(simulator)("GET", "").status_code == 200
