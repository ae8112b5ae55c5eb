# SPDX-License-Identifier: GPL-3.0-or-later
"""Billing models: every rule on the inputs, and the defaults."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

NEEDS = {
    "PayAsYouUse": {},
    "Capacity": {"agreement_number": "12345"},
    "Development": {},
    "Ruggedized": {"asset_tag": "AT-1"},
    "Custom": {"asset_tag": "AT-1"},
}


def ask(model: str, *, disconnected: bool = False, **options: t.Any) -> tuple[billing.Request, list[str]]:
    return billing.request(billing_model=model, disconnected=disconnected, **{**NEEDS[model], **options})


@pytest.mark.parametrize(
    ("model", "usage"),
    [("PayAsYouUse", True), ("Capacity", False), ("Development", True), ("Ruggedized", True), ("Custom", False)],
)
def test_defaults_of_a_connected_stamp(model: str, usage: bool) -> None:
    request, warnings = ask(model)
    assert (request.usage_reporting, request.marketplace_syndication, warnings) == (usage, True, [])


@pytest.mark.parametrize("model", billing.DISCONNECTED_MODELS)
def test_a_disconnected_stamp_reports_and_syndicates_nothing_by_default(model: str) -> None:
    request, warnings = ask(model, disconnected=True)
    assert (request.usage_reporting, request.marketplace_syndication, warnings) == (False, False, [])


@pytest.mark.parametrize("model", ["PayAsYouUse", "Development", "Custom"])
def test_a_disconnected_stamp_takes_capacity_billing_only(model: str) -> None:
    with pytest.raises(
        InputError, match=f"disconnected stamp cannot use the billing model {model}.*Capacity, Ruggedized"
    ):
        ask(model, disconnected=True)


@pytest.mark.parametrize(
    ("model", "option"), [("Capacity", "agreement_number"), ("Ruggedized", "asset_tag"), ("Custom", "asset_tag")]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_a_model_needs_must_be_given(model: str, option: str, value: str | None) -> None:
    with pytest.raises(InputError, match=f"{model} needs.*{option}"):
        ask(model, **{option: value})


def test_pay_as_you_use_cannot_switch_usage_reporting_off() -> None:
    with pytest.raises(InputError, match="cannot switch usage reporting off"):
        ask("PayAsYouUse", usage_reporting=False)


def test_capacity_switches_usage_reporting_off_and_says_so() -> None:
    request, warnings = ask("Capacity", usage_reporting=True)
    assert request.usage_reporting is False
    assert warnings == ["Capacity billing never reports usage: usage reporting was switched off."]


@pytest.mark.parametrize("model", ["Development", "Ruggedized", "Custom"])
@pytest.mark.parametrize("wanted", [True, False])
def test_other_models_take_usage_reporting_as_asked(model: str, wanted: bool) -> None:
    assert ask(model, usage_reporting=wanted)[0].usage_reporting is wanted


@pytest.mark.parametrize(
    ("version", "token_version"), [("1.2311.1.22", "6.0"), ("1.2108.2.65", "4.0"), ("1.1912.0.19", None)]
)
def test_the_stamp_settles_the_token_version(version: str, token_version: str | None) -> None:
    assert ask("Capacity")[0].at_stamp(version).token_version == token_version


def test_an_asked_token_version_stays() -> None:
    assert ask("Capacity", token_version="4.0")[0].at_stamp("1.2311.1.22").token_version == "4.0"


@pytest.mark.parametrize(
    ("model", "options", "version", "message"),
    [
        ("Custom", {}, "1.1910.0.58", "asset tag needs a stamp from 1.1912.0.19 on"),
        ("Capacity", {"asset_tag": "AT-1"}, "1.1910.0.58", "or leave asset_tag out"),
        ("Capacity", {"token_version": "4.0"}, "1.2005.6.53", "from 1.2008.0.49 on"),
        ("Capacity", {"token_version": "6.0"}, "1.2309.0.4", "6.0 needs a stamp above 1.2309.0.4"),
    ],
)
def test_what_the_stamp_does_not_know_is_refused(
    model: str, options: dict[str, str], version: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ask(model, **options)[0].at_stamp(version)
