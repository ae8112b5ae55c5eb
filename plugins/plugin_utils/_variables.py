# SPDX-License-Identifier: GPL-3.0-or-later
"""The azs_* variables: which there are, and what is wrong with those of an inventory. FOR INTERNAL COLLECTION USE ONLY.

This file is the one list of them. The variable of an option of a family is azs_<option>, the others stand here. Pure.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible.module_utils.common.validation import check_type_bool, check_type_int
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._decide import journeys
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing
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
_FLAGS: t.Final = frozenset(
    {
        "azs_confirm_deactivated",
        "azs_confirm_marketplace_loss",
        "azs_drift_fails",
        "azs_encrypt",
        "azs_keep_expired",
        "azs_kept_container",
        "azs_marketplace_syndication",
        "azs_new_bridge_principal",
        "azs_preflight",
        "azs_report_tenants",
        "azs_reregister",
        "azs_role_allow_move",
        "azs_tenants_exact",
        "azs_usage_reporting",
        "azs_verify_azure",
        "azs_verify_products",
        "azs_verify_require_activation",
        "azs_verify_stamp",
    }
)
_NUMBERS: t.Final = frozenset(
    {
        "azs_activation_timeout",
        "azs_bridge_principal_timeout",
        "azs_in_flight",
        "azs_move_timeout",
        "azs_renew_within_days",
        "azs_tenants_max_removals",
        "azs_throttle_timeout",
    }
)
_OTHERS: t.Final = frozenset({"azs_known_stamps", "azs_report_mode", "azs_tenants", OWN})
_CHOICES: t.Final[dict[str, tuple[str, ...]]] = {
    "azs_billing_model": billing.BILLING_MODELS,
    "azs_carried_kind": ("registration_token", "activation_key", "deactivation"),
    "azs_refresh_token_source": ("auto", "given", "cli", "device_code"),
    "azs_renewal": journeys.RENEWALS,
    "azs_role_principal_type": ("ServicePrincipal", "User", "Group"),
    "azs_role_state": ("present", "absent"),
    "azs_token_version": billing.TOKEN_VERSIONS,
}
_MADE: t.Final = re.compile(
    r"azs_(?:(?:pep|azure|admin)_options|stamps_found|registration|further_registrations|carried|carried_(?:hashes|bundle|to_azure)|expected"
    r"|handed_on|handover(?:_.*)?|packing_.*|named_.*|places|twins|role_group|role_result|check|kind"
    r"|drift|drifted|drifted_here|reported|report|with_files|fleet|prepared|due|journey|due_stamps|stamps_due)"
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
    **{key: {"type": "raw"} for key in _OTHERS},
    **{key: {"type": "bool"} for key in _FLAGS},
    **{key: {"type": "int"} for key in _NUMBERS},
    **{name: {"type": "str", **({"choices": _CHOICES[name]} if name in _CHOICES else {})} for name in _TEXTS},
}
"""Every variable that somebody may set, with the type of its value, and what it may be."""

_CHECKS: t.Final[dict[str, tuple[str, t.Callable[[t.Any], t.Any]]]] = {
    "bool": ("true or false", check_type_bool),
    "int": ("a whole number", check_type_int),
}
"""Type of a value -> what it is called, and what raises TypeError for any other."""


def check(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]],
    required: t.Iterable[str] = (),
    environ: t.Mapping[str, str] | None = None,
) -> None:
    """Check the variables of all hosts of a play at once. What is still a template is not looked into.

    :param hosts: name of a host -> its variables as they are written, not templated.
    :param required: names that each host has to have.
    :param environ: environment variables of the controller, which stand in for options of a family.
    :raises InputError: a name is unknown, a text was read as something else, a value is none that the variable may have, or a required
        one is missing.
    """
    own = {str(name) for variables in hosts.values() for name in _names(variables.get(OWN))}
    unknown: dict[str, list[str]] = {}
    no_text: dict[str, list[str]] = {}
    wrong: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        for name, value in variables.items():
            if not name.startswith(PREFIX) or name in own or _MADE.fullmatch(name):
                continue
            if name not in SPEC:
                unknown.setdefault(_unknown(name), []).append(host)
            for said in _options.no_texts(value, SPEC.get(name, {}), name):
                no_text.setdefault(said, []).append(host)
            for said in _wrong(name, value):
                wrong.setdefault(said, []).append(host)
        for name in required:
            if _is_empty(variables.get(name)) and not _stood_in(name, environ or {}):
                missing.setdefault(_missing(name), []).append(host)
    found = [f"{said} ({_listed(of)})" for kind in (unknown, no_text, wrong, missing) for said, of in kind.items()]
    if not found:
        return
    remedies = [
        *([f"Correct the name, or name variables of your own in the list {OWN}"] if unknown else []),
        *([_options.QUOTE] if no_text else []),
        *(["Correct the value"] if wrong else []),
        *(["Set what is missing in the inventory: nothing is assumed for it"] if missing else []),
    ]
    raise InputError(
        "The variables cannot be used",
        kind="unknown_variable"
        if unknown
        else "not_a_text"
        if no_text
        else "wrong_value"
        if wrong
        else "missing_variable",
        cause="; ".join(found),
        remedy=f"{'. '.join(remedies)}. Nothing was contacted",
    )


def _wrong(name: str, value: t.Any) -> list[str]:
    """Return a sentence for a value that the variable cannot have. The value of a secret is not in it, nor any number."""
    about = SPEC.get(name, {})
    if _is_empty(value) or _is_template(value) or _is_vaulted(value):
        return []
    if about.get("choices"):
        known = value in about["choices"] or not isinstance(value, str)  # what is no text is said by itself
        return [] if known else [_none_of(name, about["choices"], value)]
    called, checked = _CHECKS.get(about.get("type", ""), ("", None))
    try:
        if checked:
            checked(value)
    except TypeError:
        return [f"{name} is not {called}"]
    if about.get("elements") and isinstance(value, list) and any(map(_is_empty, value)):
        return [f"{name} has an empty entry"]
    return []


def _none_of(name: str, choices: t.Sequence[str], value: str) -> str:
    near = difflib.get_close_matches(value.lower(), [one.lower() for one in choices], n=1)
    meant = next((one for one in choices if near and one.lower() == near[0]), None)
    return f"{name} is {value!r}, and can be {', '.join(choices)}" + (f"; did you mean {meant}?" if meant else "")


def _is_template(value: t.Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _is_vaulted(value: t.Any) -> bool:
    """Tell whether a value would be decrypted when it is compared: it is neither a text nor anything else that YAML makes."""
    return not isinstance(value, (str, bool, int, float, list, tuple, dict))


def _is_empty(value: t.Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple)) and not value)


def _stood_in(name: str, environ: t.Mapping[str, str]) -> bool:
    return any(environ.get(variable) for variable in _instead(name))


def _instead(name: str) -> tuple[str, ...]:
    return _options.ENVIRONMENT.get(name[len(PREFIX) :], ())


def _missing(name: str) -> str:
    instead = _instead(name)
    return f"{name} is missing" + (f", and so is {' or '.join(instead)} in the environment" if instead else "")


def _names(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value] if value else []


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SPEC, n=1, cutoff=0.7)
    return f"{name} is not a variable of this collection{f'; did you mean {near[0]}?' if near else ''}"


def _listed(hosts: list[str]) -> str:
    further = len(hosts) - 5
    return ", ".join(hosts[:5]) + (f" and {further} more" if further > 0 else "")
