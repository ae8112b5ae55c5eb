# SPDX-License-Identifier: GPL-3.0-or-later
"""The azs_* variables: which there are, and what is wrong with those of an inventory. FOR INTERNAL COLLECTION USE ONLY.

This file is the one list of them. The variable of an option of a family is azs_<option>, the others stand here. Pure.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

PREFIX: t.Final = "azs_"
OWN: t.Final = "azs_own_variables"
"""The variable that names further azs_* variables, which somebody uses for purposes of their own."""

_TEXTS: t.Final = frozenset(
    {
        "azs_agreement_number",
        "azs_archive",
        "azs_asset_tag",
        "azs_azure_bundle",
        "azs_azure_runner",
        "azs_billing_model",
        "azs_bridge_principal",
        "azs_bridge_principal_environment",
        "azs_bridge_principal_tenant",
        "azs_bundle",
        "azs_carried_kind",
        "azs_cloud_id",
        "azs_customer_subscription_id",
        "azs_customer_tenant_id",
        "azs_location",
        "azs_old_registration_id",
        "azs_old_subscription_id",
        "azs_pep_runner",
        "azs_refresh_token",
        "azs_refresh_token_source",
        "azs_registration_id",
        "azs_registration_name",
        "azs_renewal",
        "azs_report_directory",
        "azs_report_runner",
        "azs_report_title",
        "azs_resource_group",
        "azs_role_name",
        "azs_role_principal_id",
        "azs_role_principal_type",
        "azs_role_state",
        "azs_stamps",
        "azs_target_resource_group",
        "azs_target_subscription_id",
        "azs_tenants_file",
        "azs_token_version",
        "azs_vault_id",
    }
)
_OTHERS: t.Final = frozenset(
    {
        "azs_activation_timeout",
        "azs_bridge_principal_timeout",
        "azs_confirm_deactivated",
        "azs_confirm_marketplace_loss",
        "azs_encrypt",
        "azs_in_flight",
        "azs_keep_expired",
        "azs_kept_container",
        "azs_known_stamps",
        "azs_marketplace_syndication",
        "azs_move_timeout",
        "azs_new_bridge_principal",
        "azs_preflight",
        "azs_renew_within_days",
        "azs_report_mode",
        "azs_report_tenants",
        "azs_reregister",
        "azs_role_allow_move",
        "azs_tenants",
        "azs_tenants_exact",
        "azs_tenants_max_removals",
        "azs_throttle_timeout",
        "azs_usage_reporting",
        "azs_verify_azure",
        "azs_verify_products",
        "azs_verify_require_activation",
        "azs_verify_stamp",
        OWN,
    }
)
_MADE: t.Final = re.compile(
    r"azs_(?:(?:pep|azure|admin)_options|stamps_found|registration|further_registrations|unpacked|carried|carried_hashes|expected"
    r"|handed_on|handover(?:_.*)?|packing_.*|named_.*|places|twins|role_group|role_result|check|kind|fleet|due|journey|due_stamps|stamps_due)"
)
"""Those that the inventory plugin and the playbooks make; nobody sets them, and nobody is told of them."""
_NO_VARIABLE: t.Final = frozenset({"cloud_metadata"})

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    **{
        f"{PREFIX}{name}": spec
        for family in _options.SPECS.values()
        for name, spec in family.items()
        if name not in _NO_VARIABLE
    },
    **dict.fromkeys(_OTHERS, {"type": "raw"}),
    **dict.fromkeys(_TEXTS, {"type": "str"}),
}
"""Every variable that somebody may set, with the type of its value."""


def check(hosts: t.Mapping[str, t.Mapping[str, t.Any]], required: t.Iterable[str] = ()) -> None:
    """Check the variables of all hosts of a play at once.

    :param hosts: name of a host -> its variables as they are written, not templated.
    :param required: names that each host has to have.
    :raises InputError: a name is unknown, a text was read as something else, or a required one is missing.
    """
    own = {str(name) for variables in hosts.values() for name in _names(variables.get(OWN))}
    unknown: dict[str, list[str]] = {}
    no_text: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        for name, value in variables.items():
            if not name.startswith(PREFIX) or name in own or _MADE.fullmatch(name):
                continue
            if name not in SPEC:
                unknown.setdefault(_unknown(name), []).append(host)
            for wrong in _options.no_texts(value, SPEC.get(name, {}), name):
                no_text.setdefault(wrong, []).append(host)
        for name in required:
            if variables.get(name) in (None, ""):
                missing.setdefault(name, []).append(host)
    found = [
        *(f"{said} ({_listed(of)})" for said, of in unknown.items()),
        *(f"{said} ({_listed(of)})" for said, of in no_text.items()),
        *(f"{name} is missing ({_listed(of)})" for name, of in missing.items()),
    ]
    if not found:
        return
    remedies = [
        *([f"Correct the name, or name variables of your own in the list {OWN}"] if unknown else []),
        *([_options.QUOTE] if no_text else []),
        *(["Set it in the inventory: nothing is assumed for it"] if missing else []),
    ]
    kind = "unknown_variable" if unknown else "not_a_text" if no_text else "missing_variable"
    raise InputError(
        "The variables cannot be used",
        kind=kind,
        cause="; ".join(found),
        remedy=f"{'. '.join(remedies)}. Nothing was contacted",
    )


def _names(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value] if value else []


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SPEC, n=1, cutoff=0.7)
    return f"{name} is not a variable of this collection{f'; did you mean {near[0]}?' if near else ''}"


def _listed(hosts: list[str]) -> str:
    further = len(hosts) - 5
    return ", ".join(hosts[:5]) + (f" and {further} more" if further > 0 else "")
