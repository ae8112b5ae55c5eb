# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cloud, from its name and its metadata."""

from __future__ import annotations

import pytest
from scripted import Answer, Server

from ansible_collections.azurestack.hub.plugins.module_utils._arm import clouds
from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import Trust
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

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


@pytest.mark.parametrize("answer", [
    {}, {"value": []}, {"authentication": {}}, {"authentication": {"loginEndpoint": "x"}},
    {"authentication": {"loginEndpoint": "x", "audiences": []}}, {"value": [OBJECT, OBJECT]},
])
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
