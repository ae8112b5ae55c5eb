# SPDX-License-Identifier: GPL-3.0-or-later
"""What is understood of the objects that stamps give out, whatever their version leaves out or adds."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
from pypsrp.complex_objects import GenericComplexObject


def bag(**properties: t.Any) -> GenericComplexObject:
    """Return an object with these properties, as pypsrp makes them."""
    made = GenericComplexObject()
    made.extended_properties = properties
    return made


def test_everything_that_a_stamp_tells() -> None:
    stamp = cmdlets.stamp_in(
        [
            bag(
                CloudID="c1",
                StampVersion="1.2311.1.22",
                NumberOfNodes=4,
                EmergencyConsoleIPAddresses=["10.0.0.4", "10.0.0.5"],
                AADTenantID="t1",
                AdminExternalEndpoints=bag(AdminResourceManager="https://adminmanagement.east.example/"),
                Surprise=1,
            )
        ]
    )
    assert stamp
    assert (stamp.cloud_id, stamp.nodes, stamp.aad_tenant_id) == ("c1", 4, "t1")
    assert stamp.admin_endpoint == "https://adminmanagement.east.example"
    assert stamp.as_result()["ercs_addresses"] == ["10.0.0.4", "10.0.0.5"]
    assert stamp.tenant_portal is None


def test_names_in_any_case_and_missing_fields() -> None:
    stamp = cmdlets.stamp_in(["noise", {"cloudid": "c1", "stampversion": "1.0.180106.1", "NumberOfNodes": ""}])
    assert stamp and stamp.nodes is None
    assert stamp.ercs_addresses == ()
    single = cmdlets.stamp_in([bag(CloudId="c1", StampVersion="1", EmergencyConsoleIPAddresses="10.0.0.4")])
    assert single and single.ercs_addresses == ("10.0.0.4",)


@pytest.mark.parametrize(("nodes", "number"), [("²", None), ("-1", None), ("4" * 5000, None), (True, None), ("4", 4)])
def test_odd_values_of_a_stamp_are_unknown_ones(nodes: t.Any, number: int | None) -> None:
    stamp = cmdlets.stamp_in([bag(CloudID="c1", StampVersion="1", NumberOfNodes=nodes, EmergencyConsoleIPAddresses=5)])
    assert stamp and (stamp.nodes, stamp.ercs_addresses) == (number, ("5",))


@pytest.mark.parametrize("output", [(), ("text",), (bag(CloudID="c1"),), (None,)])
def test_what_is_no_stamp_information(output: tuple[t.Any, ...]) -> None:
    assert cmdlets.stamp_in(output) is None


def request(**changes: t.Any) -> billing.Request:
    """Return a request for a token."""
    plain: dict[str, t.Any] = {
        "billing_model": "Capacity",
        "marketplace_syndication": False,
        "usage_reporting": False,
        "agreement_number": "1",
        "asset_tag": None,
        "token_version": "4.0",
    }
    return billing.Request(**{**plain, **changes})


def test_nothing_is_sent_as_null() -> None:
    """A function of PowerShell takes null for a switch as false."""
    assert cmdlets.token_parameters(request()) == {
        "BillingModel": "Capacity",
        "MarketplaceSyndicationEnabled": False,
        "UsageReportingEnabled": False,
        "AgreementNumber": "1",
        "TokenVersion": "4.0",
    }
    everything = request(
        marketplace_syndication=True,
        usage_reporting=True,
        agreement_number=None,
        asset_tag="T",
        token_version=None,
        takes_asset_tag=True,
    )
    assert cmdlets.token_parameters(everything) == {
        "BillingModel": "Capacity",
        "MarketplaceSyndicationEnabled": True,
        "UsageReportingEnabled": True,
        "AgreementNumber": "",
        "MsAssetTag": "T",
    }
    assert cmdlets.token_parameters(request(takes_asset_tag=True))["MsAssetTag"] == ""


@pytest.mark.parametrize(
    "output", [(), ("",), (" \n",), ("one", "two"), (7,), (None, "a sentence."), ("tökén",), ("to\0ken",)]
)
def test_anything_but_one_token_is_none(output: tuple[t.Any, ...]) -> None:
    assert cmdlets.token_in(output) is None
    assert cmdlets.token_in([" dG9r\r\nZW4= "]) == "dG9rZW4="


TOKEN = base64.b64encode(b'{"cloudId": "c1", "billingModel": "Capacity"}').decode()


@pytest.mark.parametrize(
    "beside",
    [
        (None, ""),
        ("DONE",),
        ("Token created successfully", "The plan has ended"),
        ({"InstanceID": "i", "Status": "Completed"},),
    ],
)
def test_a_token_is_picked_by_its_form_whatever_stands_beside_it(beside: tuple[t.Any, ...]) -> None:
    assert cmdlets.token_in([*beside, TOKEN]) == TOKEN
    opaque = "x7Q_" * 20
    assert cmdlets.token_in([*beside, opaque]) == opaque
    assert cmdlets.token_in([*beside, TOKEN, TOKEN]) is None


def test_the_bridge_principal_s_object_id() -> None:
    assert cmdlets.object_id_in([bag(ObjectId="o1"), bag(ObjectId="O1")]) == "o1"
    assert cmdlets.object_id_in(["noise", bag(ObjectId="o1")]) == "o1"
    assert cmdlets.object_id_in(["text"]) is None
    assert cmdlets.object_id_in([bag(ObjectId="o1"), bag(ObjectId="o2")]) is None


def test_offers_in_every_shape_of_parameters() -> None:
    offered = cmdlets.offers_in(
        [
            bag(Name="New-RegistrationToken", Parameters={"BillingModel": "m", "Verbose": "m"}),
            bag(Name="set-registrationkeypair", Parameters=[bag(Name="AsJob"), "Debug"]),
            bag(Name="Remove-AzureStackActivation", Parameters="System.Collections.Generic.Dictionary"),
            bag(Name="Get-Help", Parameters={}),
        ]
    )
    assert offered == {
        "New-RegistrationToken": ["BillingModel"],
        "Remove-AzureStackActivation": [],
        "Set-RegistrationKeyPair": ["AsJob"],
    }
