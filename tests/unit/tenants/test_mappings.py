# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests, and answers as they have been seen."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, Trust
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import mappings
from scripted import Answer, Server

WHERE = RegistrationId("sub", "azurestack", "R")
A = "E09A4E93-29A7-4EBA-A6D4-76202383F07F"
T = "dbab3982-796f-4d03-9908-044c08aef8a2"


def entry(**fields: t.Any) -> Answer:
    """A list of one entry."""
    return Answer({"value": [{"properties": {"tenantId": T}, **fields}]})


def error(code: str, status: int = 404) -> Answer:
    """An error answer."""
    return Answer({"error": {"code": code, "message": "m"}}, status)


def client(server: Server) -> ArmClient:
    """A client that signs in nowhere."""
    return ArmClient(server.url, Trust().transport())


@pytest.mark.parametrize(
    "fields",
    [
        {"name": A, "type": "Microsoft.AzureStack\\customerSubscriptions"},
        {"name": f"  {A} "},
        {"name": f"R/{A}"},
        {"name": "", "id": f"{WHERE}/customerSubscriptions/{A}/ "},
        {"name": None, "id": f"{WHERE}/customerSubscriptions/{A}"},
    ],
)
def test_ids_of_a_list(fields: dict[str, t.Any]) -> None:
    with Server(entry(**fields)) as server:
        assert mappings.list_all(client(server), WHERE) == {A: T}


@pytest.mark.parametrize("answer", [Answer(None), Answer(""), Answer(None, 204), Answer({"value": []})])
def test_lists_without_entries(answer: Answer) -> None:
    with Server(answer) as server:
        assert mappings.list_all(client(server), WHERE) == {}


@pytest.mark.parametrize("name", ["..", "R/..", ".", "", "a b/../../x", "%2e%2e", None, 5])
def test_what_is_no_subscription_is_left_alone_with_a_warning(name: t.Any) -> None:
    warnings: list[str] = []
    with Server(Answer({"value": [{"name": name}, {"name": A, "properties": {"tenantId": T}}]})) as server:
        found = mappings.list_all(ArmClient(server.url, Trust().transport(), warn=warnings.append), WHERE)
    assert found == {A: T}
    assert len(warnings) == 1 and "left alone" in warnings[0]


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}),
        Answer("<html>portal</html>"),
        Answer(None, 302, {"Location": "https://portal.example/"}),
        Answer({"value": "x"}),
        Answer({"value": [{"name": A, "properties": "x"}]}),
        Answer({"value": [], "nextLink": 5}),
    ],
)
def test_what_is_no_list_is_no_empty_list(answer: Answer) -> None:
    with Server(answer) as server, pytest.raises(ArmError):
        mappings.list_all(client(server), WHERE)


@pytest.mark.parametrize("answer", [Answer("<html>portal</html>"), Answer(None), error("ResourceNotFound", 200)])
def test_what_is_no_mapping_is_neither_there_nor_absent(answer: Answer) -> None:
    with Server(answer) as server:
        for ask in (mappings.find, mappings.delete):
            if ask is mappings.delete and answer.body is None:
                continue  # what a removal is answered with
            with pytest.raises(ArmError) as caught:
                ask(client(server), WHERE, A)
            assert caught.value.kind == "unexpected_answer"


@pytest.mark.parametrize("properties", [None, {}, {"tenantId": None}, {"tenantId": " "}])
def test_a_tenant_that_is_not_shown(properties: t.Any) -> None:
    with Server(entry(name=A, properties=properties)) as server:
        assert mappings.list_all(client(server), WHERE) == {A: None}


@pytest.mark.parametrize("answer", [Answer(None, 201), Answer(None, 204), Answer({"name": A}), Answer("", 200)])
def test_answers_to_a_put(answer: Answer) -> None:
    with Server(answer) as server:
        mappings.put(client(server), WHERE, A, T)
        assert server.requests == [f"PUT {WHERE}/customerSubscriptions/{A}?api-version=2017-06-01"]


@pytest.mark.parametrize("answer", [Answer(None, 204), Answer(None), error("CustomerSubscriptionNotFound")])
def test_answers_to_a_delete(answer: Answer) -> None:
    with Server(answer) as server:
        mappings.delete(client(server), WHERE, A)


def test_one_mapping() -> None:
    with Server(Answer({"name": A, "properties": {"tenantId": T}}), error("CustomerSubscriptionNotFound")) as server:
        assert mappings.find(client(server), WHERE, A) == (True, T)
        assert mappings.find(client(server), WHERE, A) == (False, None)


@pytest.mark.parametrize(
    "code", ["CustomerNotFound", "TenantMappingNotFound", "NotFound", "ResourceNotFound", "Whatever_4711"]
)
def test_a_404_for_a_mapping_is_absence_whatever_its_code(code: str) -> None:
    with Server(error(code)) as server:
        assert mappings.find(client(server), WHERE, A) == (False, None)
        mappings.delete(client(server), WHERE, A)


@pytest.mark.parametrize(
    "code",
    [
        "RegistrationNotFound",
        "ResourceGroupNotFound",
        "ParentResourceNotFound",
        "SubscriptionNotFound",
        "InvalidResourceType",
        "InvalidResourceNamespace",
        "NoRegisteredProviderFound",
    ],
)
@pytest.mark.parametrize("ask", [mappings.find, mappings.delete])
def test_a_404_of_something_else_is_no_missing_mapping(code: str, ask: t.Callable[..., t.Any]) -> None:
    with Server(error(code)) as server, pytest.raises(ArmError) as caught:
        ask(client(server), WHERE, A)
    assert caught.value.code == code
