# SPDX-License-Identifier: GPL-3.0-or-later
"""Clouds by name, address and cloud manifest file; Germany."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

CONTOSO = "https://management.contoso.example"


@pytest.fixture
def manifest(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    """Writes a cloud manifest file as operators get it: with a byte order mark, and much else in it."""

    def write(endpoint: t.Any = f"{CONTOSO}/", **names: str) -> str:
        data, endpoints, arm = (
            names.get(key, key) for key in ("DeploymentData", "CustomEnvironmentEndpoints", "CustomCloudARMEndpoint")
        )
        content = {"Version": "1", data: {endpoints: {"Other": "x", arm: endpoint}, "Region": "contoso-1"}}
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(content), encoding="utf-8-sig")
        return str(path)

    return write


def test_a_manifest_names_the_cloud(manifest: t.Callable[..., str]) -> None:
    assert clouds.address("AzureCloud", manifest()) == (CONTOSO, CONTOSO)
    assert clouds.address(f"{CONTOSO}/", manifest()) == (CONTOSO, CONTOSO)


def test_names_in_it_match_in_any_letter_case(manifest: t.Callable[..., str]) -> None:
    path = manifest(DeploymentData="deploymentData", CustomCloudARMEndpoint="customCloudArmEndpoint")
    assert clouds.manifest_endpoint(path) == CONTOSO


def test_a_manifest_of_a_cloud_with_a_name(manifest: t.Callable[..., str]) -> None:
    assert clouds.address("AzureUSSec", manifest()) == ("AzureUSSec", CONTOSO)
    assert clouds.address("AzureCloud", manifest("https://management.usgovcloudapi.net")) == (
        "AzureUSGovernment",
        "https://management.usgovcloudapi.net",
    )


def test_two_clouds_at_once_are_refused(manifest: t.Callable[..., str]) -> None:
    for environment in ("AzureChinaCloud", "https://management.fabrikam.example"):
        with pytest.raises(InputError, match=r"name two clouds.*Leave one of them out"):
            _raise_as_told(environment, manifest())


def _raise_as_told(environment: str, path: str | None) -> None:
    """Raise the error with everything that the operator reads as its text."""
    try:
        clouds.address(environment, path)
    except InputError as error:
        raise InputError(str(error)) from None


def test_a_secret_clouds_name_alone_is_not_enough() -> None:
    with pytest.raises(InputError, match="Set cloud_manifest_file to its cloud manifest file"):
        _raise_as_told("azureussec", None)


@pytest.mark.parametrize("endpoint", [None, "", {"a": 1}])
def test_a_manifest_without_an_address(manifest: t.Callable[..., str], endpoint: t.Any) -> None:
    with pytest.raises(
        InputError, match=r"names no Azure Resource Manager.*DeploymentData\.CustomEnvironmentEndpoints"
    ):
        _raise_as_told("AzureCloud", manifest(endpoint))


@pytest.mark.parametrize("content", ["", "<xml/>", "[]", '{"DeploymentData": []}'])
def test_a_file_that_is_no_manifest(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(InputError, match="Get the file from the operators of the cloud again"):
        _raise_as_told("AzureCloud", str(tmp_path / "file"))


def test_a_manifest_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read.*No such file.*Compare cloud_manifest_file"):
        _raise_as_told("AzureCloud", str(tmp_path / "none"))


@pytest.mark.parametrize(
    "environment",
    [
        "AzureGermanCloud",
        "azuregermancloud",
        "https://management.microsoftazure.de",
        "https://login.microsoftonline.de/x",
        "https://management.core.cloudapi.de:443",
    ],
)
def test_germany_is_refused(environment: str, manifest: t.Callable[..., str]) -> None:
    with pytest.raises(InputError, match="AzureGermanCloud cannot hold registrations"):
        clouds.address(environment)
    if environment.startswith("https"):
        with pytest.raises(InputError, match="AzureGermanCloud cannot hold registrations"):
            clouds.address("AzureCloud", manifest(environment))


@pytest.mark.parametrize("location", ["germanycentral", "Germany Northeast"])
def test_its_locations_are_refused(location: str) -> None:
    with pytest.raises(InputError, match="AzureGermanCloud, which cannot hold registrations"):
        clouds.check_location(location)


@pytest.mark.parametrize("location", [None, "germanywestcentral", "germanynorth", "westcentralus"])
def test_azures_regions_in_germany_are_not(location: str | None) -> None:
    clouds.check_location(location)


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("AzureCloud", "AzureCloud"),
        ("AzureUSGovernment", "AzureUSGovernment"),
        ("AzureChinaCloud", "AzureChinaCloud"),
        ("AzureUSSec", "AzureUSSec"),
        (CONTOSO, "CustomCloud"),
    ],
)
def test_what_stamps_call_a_cloud(name: str, vendor: str) -> None:
    assert clouds.vendor_name(name) == vendor
