# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a connected stamp: the options of azs_plan. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azurestack.hub.plugins.module_utils._decide import journeys
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

ASKED: t.Final[dict[str, dict[str, t.Any]]] = {
    "billing_model": {"type": "str", "choices": list(billing.BILLING_MODELS)},
    "agreement_number": {"type": "str"},
    "asset_tag": {"type": "str"},
    "usage_reporting": {"type": "bool"},
    "marketplace_syndication": {"type": "bool"},
    "token_version": {"type": "str", "choices": list(billing.TOKEN_VERSIONS), "no_log": False},
    "cloud_id": {"type": "str"},
    "registration_id": {"type": "str"},
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "bridge_principal": {"type": "str"},
    "new_bridge_principal": {"type": "bool", "default": False},
    "reregister": {"type": "bool", "default": False},
    "renewal": {"type": "str", "choices": list(journeys.RENEWALS)},
    "renew_within_days": {"type": "int", "default": 30},
    "keep_expired": {"type": "bool", "default": False},
    "subscription_id": {"type": "str"},
    "old_subscription_id": {"type": "str"},
    "old_registration_id": {"type": "str"},
    "confirm_marketplace_loss": {"type": "bool", "default": False},
    "connected": {"type": "bool"},
}
"""What is asked for; the variable of an option is azs_<option>, that of `name` azs_registration_name."""


def typed(asked: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return options with their types and defaults; what is not given is not in it. Raises InputError for a value of another type."""
    checked = ArgumentSpecValidator(ASKED).validate(asked)
    if checked.error_messages:
        raise InputError("; ".join(checked.error_messages))
    return {name: value for name, value in checked.validated_parameters.items() if value is not None}
