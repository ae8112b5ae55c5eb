# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers read by Microsoft's own clients: azure-mgmt-azurestack and azure-mgmt-resource."""

from __future__ import annotations

import pytest
from azure.mgmt.azurestack import AzureStackManagementClient
from azure.mgmt.azurestack.models import CustomerSubscription, Registration, RegistrationParameter
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup
from azure_lab import credential


@pytest.fixture
def options(simulator):
    return {
        "base_url": simulator.azure()["azs_cloud_environment"],
        "credential_scopes": [simulator.state()["clouds"]["AzureCloud"]["audience"] + "/.default"],
        "connection_verify": simulator.ca,
        "polling_interval": 0,
    }


@pytest.fixture
def resources(simulator, options):
    return ResourceManagementClient(credential(simulator), simulator.azure()["azs_subscription_id"], **options)


@pytest.fixture
def azurestack(simulator, options):
    return AzureStackManagementClient(
        credential(simulator), simulator.azure()["azs_subscription_id"], api_version="2017-06-01", **options
    )


def test_resource_groups_and_providers(simulator, resources):
    simulator.do("unregister-provider")
    group = resources.resource_groups.create_or_update(
        "azurestack", ResourceGroup(location="westcentralus", tags={"a": "b"})
    )
    assert group.name == "azurestack" and group.tags == {"a": "b"}
    assert resources.resource_groups.check_existence("azurestack")
    assert not resources.resource_groups.check_existence("other")
    assert resources.providers.register("Microsoft.AzureStack").registration_state == "Registering"
    assert resources.providers.get("Microsoft.AzureStack").namespace == "Microsoft.AzureStack"
    assert [entry.name for entry in resources.resource_groups.list()] == ["azurestack"]
    resources.resource_groups.begin_delete("azurestack").result()
    assert list(resources.resource_groups.list()) == []


def test_registrations(simulator, resources, azurestack):
    resources.resource_groups.create_or_update("azurestack", ResourceGroup(location="westcentralus"))
    token = simulator.do("mint-token", stamp="one", BillingModel="PayAsYouUse", UsageReportingEnabled=True)
    body = RegistrationParameter(location="global", registration_token=token)
    made = azurestack.registrations.create_or_update("azurestack", "one", body)
    assert isinstance(made, Registration) and made.type == "Microsoft.AzureStack/registrations"
    assert made.cloud_id == simulator.stamp("one")["cloud_id"] and made.billing_model == "PayAsYouUse"
    assert azurestack.registrations.get("azurestack", "one").etag == made.etag
    assert azurestack.registrations.update("azurestack", "one", body).etag != made.etag
    assert azurestack.registrations.get_activation_key("azurestack", "one").activation_key.count(".") == 2
    assert [entry.id for entry in resources.resources.list_by_resource_group("azurestack")] == [made.id]
    assert resources.resources.check_existence_by_id(made.id, api_version="2017-06-01")
    azurestack.registrations.delete("azurestack", "one")
    assert not resources.resources.check_existence_by_id(made.id, api_version="2017-06-01")


def test_lists_follow_their_links(simulator, azurestack):
    simulator.settings(page_size=3)
    simulator.do("add-registration", count=7)
    assert len(list(azurestack.registrations.list("azurestack"))) == 7
    assert len({entry.cloud_id for entry in azurestack.registrations.list_by_subscription()}) == 7


def test_customer_subscriptions(simulator, azurestack, arm):
    arm.register("one")
    simulator.settings(mapping_status=200, page_size=2)
    names = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]
    for name in names:
        made = azurestack.customer_subscriptions.create(
            "azurestack", "one", name, CustomerSubscription(tenant_id=f"t{name}")
        )
        assert made.name == name and made.tenant_id == f"t{name}"
    assert azurestack.customer_subscriptions.get("azurestack", "one", names[0]).tenant_id == f"t{names[0]}"
    assert [entry.name for entry in azurestack.customer_subscriptions.list("azurestack", "one")] == names
    azurestack.customer_subscriptions.delete("azurestack", "one", names[0])
    assert simulator.registration_of("one")["customer_subscriptions"].keys() == set(names[1:])


def test_move(resources, arm):
    made = arm.register("one")
    target = resources.resource_groups.create_or_update("other", ResourceGroup(location="eastus"))
    resources.resources.begin_move_resources(
        "azurestack", {"resources": [made], "targetResourceGroup": target.id}
    ).result()
    assert [entry.name for entry in resources.resources.list_by_resource_group("other")] == ["one"]
