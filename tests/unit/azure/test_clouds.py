# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cloud, from its name and its metadata."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Trust
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from scripted import Answer, Server

OBJECT = {
    "galleryEndpoint": "https://gallery.example/",
    "authentication": {"loginEndpoint": "https://login.example/", "audiences": ["https://odd.example/a", "https://b"]},
}


@pytest.mark.parametrize("environment", ["AzureCloud", "azurecloud", " https://management.azure.com/ "])
def test_public_clouds_are_known_by_name_and_address(environment: str) -> None:
    assert clouds.address(environment) == ("AzureCloud", "https://management.azure.com")


@pytest.mark.parametrize("environment", ["AzureGermanCloud", "https://management.microsoftazure.de/"])
def test_germany_is_refused_by_name(environment: str) -> None:
    with pytest.raises(InputError, match="AzureGermanCloud cannot hold registrations"):
        clouds.address(environment)


@pytest.mark.parametrize("environment", ["AzurCloud", "http://management.example", "management.example", ""])
def test_what_is_no_cloud_is_refused(environment: str) -> None:
    with pytest.raises(InputError, match="neither the name of a cloud nor an https URL"):
        clouds.address(environment)


def test_the_object_form() -> None:
    assert clouds.parse(OBJECT, "https://arm.example") == ("https://login.example", "https://odd.example/a")


def test_the_list_form_is_searched_for_the_asked_cloud() -> None:
    other = {"resourceManager": "https://other.example", "authentication": {"loginEndpoint": "x", "audiences": ["y"]}}
    own = {"resourceManager": "https://ARM.example:443/", "authentication": OBJECT["authentication"]}
    expected = ("https://login.example", "https://odd.example/a")
    assert clouds.parse({"value": [other, own]}, "https://arm.example") == expected
    assert clouds.parse({"value": [own, other]}, "https://arm.example") == expected


def test_a_single_cloud_in_a_list_need_not_name_its_address() -> None:
    assert clouds.parse({"value": [OBJECT]}, "https://arm.example") is not None


def test_ad_fs_is_seen_in_the_list_form() -> None:
    entry = {
        "authentication": {"loginEndpoint": "https://adfs.example", "audiences": ["a"], "identityProvider": "ADFS"}
    }
    assert clouds.parse({"value": [entry]}, "https://arm.example") == ("https://adfs.example/adfs", "a")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"value": []},
        {"authentication": {}},
        {"authentication": {"loginEndpoint": "x"}},
        {"authentication": {"loginEndpoint": "x", "audiences": []}},
        {"value": [OBJECT, OBJECT]},
    ],
)
def test_an_answer_that_does_not_tell_is_none(answer: dict[str, object]) -> None:
    assert clouds.parse(answer, "https://arm.example") is None


@pytest.mark.parametrize("answer", [Answer({}), Answer("<html>", 404), Answer("<html>portal</html>")])
def test_an_address_that_is_no_resource_manager_is_said_so(answer: Answer) -> None:
    with Server(answer) as server, pytest.raises(InputError) as caught:
        clouds.describe(server.url, server.url, Trust().transport())
    assert caught.value.kind == "not_an_arm_endpoint"


def test_what_a_task_returned_is_taken_again() -> None:
    cloud = clouds.Cloud("AzureCloud", "https://a", "https://b", "https://c")
    assert clouds.from_result(cloud.as_result()) == cloud
    assert cloud.public
    assert cloud.default_location == "westcentralus"


@pytest.mark.parametrize("data", [{}, {"name": "a", "resource_manager": "b", "authority": "c"}, {"name": 1}])
def test_half_of_it_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="cloud_metadata needs"):
        clouds.from_result(data)


BASE: t.Final = "https://management.contoso.example"


@pytest.mark.parametrize(
    "discovery",
    [
        f"{BASE}/metadata/endpoints?api-version=2016-01-01",
        f"{BASE}/metadata/endpoints?api-version=2019-05-01",
        f"{BASE}/metadata/endpoints",
        f"{BASE}/Metadata/Endpoints/",
        f"  {BASE}/  ",
        f"{BASE}/metadata/endpoints/?x#y",
    ],
)
def test_a_discovery_url_means_its_base(discovery: str) -> None:
    """Other tools call the option a discovery URL."""
    assert clouds.address(discovery) == (BASE, BASE)
    assert clouds.base_url("admin_endpoint", discovery) == BASE


@pytest.mark.parametrize(
    "wrong", [f"{BASE}?x=1", f"{BASE}/#home", f"{BASE}/sub?api-version=1", f"{BASE}/?", f"{BASE}/#"]
)
def test_a_query_or_a_fragment_is_refused_by_name(wrong: str) -> None:
    for refused in (lambda: clouds.address(wrong), lambda: clouds.check_url("admin_authority", wrong)):
        with pytest.raises(InputError, match="holds more than an address") as error:
            refused()
        assert BASE in str(error.value.remedy)


def test_a_manifest_with_a_discovery_url(tmp_path: pathlib.Path) -> None:
    manifest = tmp_path / "cloud.json"
    endpoint = {
        "CustomEnvironmentEndpoints": {"CustomCloudARMEndpoint": f"{BASE}/metadata/endpoints?api-version=2015-01-01"}
    }
    manifest.write_text(json.dumps({"DeploymentData": endpoint}), encoding="utf-8")
    assert clouds.address("AzureCloud", str(manifest)) == (BASE, BASE)


@pytest.mark.parametrize(
    "url", ["https://user:secret@arm.example/", "https://secret@arm.example/metadata/endpoints?x=1"]
)
def test_an_address_with_an_account_is_refused_without_showing_it(url: str) -> None:
    for refuse in (lambda: clouds.address(url), lambda: clouds.check_url("admin_endpoint", url)):
        with pytest.raises(InputError, match="holds an account") as caught:
            refuse()
        assert "secret" not in str(caught.value)
