# SPDX-License-Identifier: GPL-3.0-or-later
"""connected_register with every way to sign in and in every kind of cloud: each stamp has its own, all in one run."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import trustme
from azure.identity import ClientSecretCredential
from controllers import Controller, Play, Running, changing, cmdlets, until

from azs_simulator.client import Simulator
from azs_simulator.detour import Detour

pytestmark = pytest.mark.deep

USER = "operator@rehearsal.onmicrosoft.com"
NAMED = {
    "government": ("AzureUSGovernment", "management.usgovcloudapi.net", "usgovvirginia"),
    "china": ("AzureChinaCloud", "management.chinacloudapi.cn", "chinaeast"),
}
"""Stamp -> its cloud's name, the address of its Azure Resource Manager, where groups are made when nothing is said."""
WAYS = ("certificate", "workload", "identity", "cli", "code")
REGISTERED = (*WAYS, *NAMED, "manifest", "adfs")


def _cloud(name: str, tenant: str, **more: t.Any) -> dict[str, t.Any]:
    user = {"name": f"operator@{tenant}", "kind": "user", "role": "registration"}
    return {
        "name": name,
        "tenants": {tenant: ""},
        "principals": [{"name": "registrar", "role": "registration"}, user],
        **more,
    }


PUBLIC = _cloud("AzureCloud", "rehearsal.onmicrosoft.com")
PUBLIC["principals"].append({"name": "runner", "kind": "managed", "role": "registration"})
FLEET = {
    "stamps": [
        {"name": name, "connected": True, "nodes": 1, "ercs": 1, "cloud": cloud}
        for name, cloud in {
            **dict.fromkeys((*WAYS, "mistaken"), "AzureCloud"),
            **{name: cloud for name, (cloud, _host, _location) in NAMED.items()},
            "manifest": "Contoso",
            "adfs": "Fabrikam",
        }.items()
    ],
    "clouds": [
        PUBLIC,
        _cloud("AzureUSGovernment", "agency.onmicrosoft.us", locations=["usgovvirginia"]),
        _cloud("AzureChinaCloud", "contoso.partner.onmschina.cn", locations=["chinaeast"]),
        _cloud("Contoso", "contoso.example", locations=["contoso-1"]),
        _cloud("Fabrikam", "fabrikam.example", locations=["fabrikam-1"], identity="ADFS"),
    ],
}

_AZ: t.Final = """\
#!/bin/sh
# Stands in for the Azure CLI; its answer is that of version 2.67.
cat {answer}
"""


def _certificate(folder: pathlib.Path, simulator: Simulator) -> dict[str, t.Any]:
    path = folder / "certificate.pem"
    made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("app.example", key_type=trustme.KeyType.RSA)
    made.private_key_and_cert_chain_pem.write_to_path(path)
    principal = simulator.do("add-principal", name="certified", certificate=str(path), role="registration")
    return {"azs_client_id": principal["client_id"], "azs_x509_certificate_path": str(path)}


def _azure_cli(folder: pathlib.Path, simulator: Simulator) -> dict[str, str]:
    """Put an `az` into a directory of its own; the environment that finds it."""
    host, cloud = simulator.host("cli"), simulator.state()["clouds"]["AzureCloud"]
    credential = ClientSecretCredential(
        host["azs_tenant"],
        host["azs_client_id"],
        host["azs_secret"],
        authority=cloud["login_url"],
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )
    answer = {
        "accessToken": credential.get_token(f"{cloud['audience']}/.default").token,
        "expiresOn": "2036-11-20 13:00:00.000000",
        "expires_on": 2110798800,
        "subscription": host["azs_subscription_id"],
        "tenant": host["azs_tenant"],
        "tokenType": "Bearer",
    }
    (folder / "bin").mkdir()
    (folder / "answer").write_text(json.dumps(answer, indent=2))
    (folder / "bin" / "az").write_text(_AZ.format(answer=folder / "answer"))
    (folder / "bin" / "az").chmod(0o700)
    return {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}


def _approve(simulator: Simulator, running: Running) -> None:
    """Be the operator in front of the terminal, who signs in with the code that it shows."""
    shown = re.compile(r"^code: sign in to .* enter the code (\w+)", re.MULTILINE)
    code = until(lambda: shown.search(running.output), "a device code is shown", 120)[1]
    simulator.do("approve-device-code", user_code=code, user=USER)


class Run:
    """The run, and what it asked the services."""

    def __init__(self, play: Play, entries: list[dict[str, t.Any]]) -> None:
        self.play = play
        self.entries = entries


@pytest.fixture(scope="module")
def run(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Run]:
    """Register all stamps at once."""
    folder = tmp_path_factory.mktemp("ways")
    state = simulator.state()
    clouds = state["clouds"]
    manifest = {
        "DeploymentData": {"CustomEnvironmentEndpoints": {"CustomCloudARMEndpoint": clouds["Contoso"]["arm_url"]}}
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8-sig")
    (folder / "token").write_text(str(simulator.do("oidc-token", name="registrar")))
    no_secret = {"azs_secret": None}
    nobody = {**no_secret, "azs_client_id": None}
    stamps: dict[str, dict[str, t.Any]] = {
        "certificate": {**no_secret, **_certificate(folder, simulator)},
        "workload": {**no_secret, "azs_oidc_token_file_path": str(folder / "token")},
        "identity": {**nobody, "azs_auth_source": "msi"},
        "cli": {**nobody, "azs_auth_source": "cli"},
        "code": {**nobody, "azs_auth_source": "device_code", "azs_refresh_token": None},
        **{
            name: {
                "azs_cloud_environment": cloud,
                "azs_bridge_principal_environment": None,
                "azs_location": None,
                # The simulated directory is none that Microsoft's libraries know.
                "azs_disable_instance_discovery": True,
            }
            for name, (cloud, _host, _location) in NAMED.items()
        },
        "manifest": {"azs_cloud_environment": None, "azs_cloud_manifest_file": str(folder / "manifest.json")},
        "adfs": {},
        "mistaken": {"azs_subscription_id": simulator.host("government")["azs_subscription_id"]},
    }
    detour = Detour({host: clouds[cloud]["arm_url"] for cloud, host, _location in NAMED.values()})
    controller = Controller(tmp_path_factory.mktemp("controller") / "one", simulator).knows(stamps)
    environment = {
        **_azure_cli(folder, simulator),
        "HTTPS_PROXY": detour.url,
        "NO_PROXY": "127.0.0.1",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": clouds["AzureCloud"]["identity_url"],
    }
    mark = simulator.mark()
    try:
        running = controller.start("connected_register", "--forks", "4", environment=environment)
        _approve(simulator, running)
        yield Run(running.wait(), simulator.requests(mark))
    finally:
        controller.end()
        detour.close()


@pytest.mark.parametrize("name", REGISTERED)
def test_a_stamp_is_registered(run: Run, simulator: Simulator, name: str) -> None:
    assert run.play.recap(name)["failed"] == 0, run.play.output
    assert simulator.stamp(name)["activation"], run.play.output
    assert run.play.of("Compare the stamp, its registration and its activation", name).data["agrees"]


@pytest.mark.parametrize("name", NAMED)
def test_a_cloud_by_its_name(run: Run, simulator: Simulator, name: str) -> None:
    environment, _host, location = NAMED[name]
    principal = next(
        one
        for one in run.entries
        if one.get("stamp") == name
        and one.get("cmdlet") == "New-AzureBridgeServicePrincipal"
        and one["action"] == "Command"
    )
    assert "AzureEnvironment" in principal["parameters"], "the stamp refuses another than its cloud's"
    (subscription,) = simulator.state()["clouds"][environment]["subscriptions"]
    assert set(subscription["groups"].values()) == {location}


def test_the_wrong_cloud_for_the_subscription(run: Run, simulator: Simulator) -> None:
    failure = run.play.failure("mistaken")
    assert failure.kind == "subscription_not_found"
    assert simulator.host("government")["azs_subscription_id"] in failure.message
    assert "Compare subscription_id, tenant and cloud_environment" in failure.message
    assert cmdlets(run.entries, "mistaken") in ([], ["Get-AzureStackStampInformation"])
    assert not [one for one in changing(run.entries) if "mistaken" in one]


def test_only_the_mistaken_stamp_failed(run: Run) -> None:
    assert {one.host for one in run.play.results if one.outcome == "failed"} == {"mistaken"}
