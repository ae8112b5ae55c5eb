# SPDX-License-Identifier: GPL-3.0-or-later
"""The three option families: privileged endpoint, Azure, and the stamp's admin Azure Resource Manager.

FOR INTERNAL COLLECTION USE ONLY. One layer for modules, action plugins and the inventory plugin: the argument
specifications, and the environment variables that stand in for options that were not given. An action plugin resolves
them on the controller (AWX puts credentials there) and hands them on as options.
"""

from __future__ import annotations

import copy
import datetime
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

PEP_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "pep_hosts": {"type": "list", "elements": "str", "required": True},
    "pep_username": {"type": "str", "required": True},
    "pep_password": {"type": "str", "required": True, "no_log": True},
    "pep_auth": {"type": "str", "default": "ntlm", "choices": ["ntlm", "kerberos", "negotiate"]},
    "pep_use_tls": {"type": "bool", "default": False},
    "pep_port": {"type": "int"},
    "pep_validate_certs": {"type": "bool", "default": True},
    "pep_ca_cert": {"type": "path"},
    "pep_proxy": {"type": "str"},
    "pep_configuration": {"type": "str", "default": "PrivilegedEndpoint"},
    "pep_connection_timeout": {"type": "int", "default": 15},
    "pep_operation_timeout": {"type": "int", "default": 20},
    "pep_busy_timeout": {"type": "int", "default": 600},
    "pep_progress_interval": {"type": "int", "default": 10},
    "pep_transcript_share": {"type": "str"},
    "pep_transcript_username": {"type": "str"},
    "pep_transcript_password": {"type": "str", "no_log": True},
}

AZURE_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "subscription_id": {"type": "str"},
    "tenant": {"type": "str"},
    "client_id": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "ad_user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "x509_certificate_path": {"type": "path"},
    "x509_certificate_password": {"type": "str", "no_log": True},
    "oidc_token": {"type": "str", "no_log": True},
    "oidc_token_file_path": {"type": "path"},
    "auth_source": {
        "type": "str",
        "default": "auto",
        "choices": ["auto", "env", "cli", "msi", "credential_file", "device_code"],
    },
    "device_code_client": {"type": "str", "default": "cli", "choices": ["cli", "powershell"]},
    "device_code_timeout": {"type": "int", "default": 900},
    "profile": {"type": "str", "default": "default"},
    "cloud_environment": {"type": "str", "default": "AzureCloud"},
    "cloud_manifest_file": {"type": "path"},
    "cloud_metadata": {"type": "dict"},
    "adfs_authority_url": {"type": "str"},
    "disable_instance_discovery": {"type": "bool"},
    "cert_validation_mode": {"type": "str", "default": "validate", "choices": ["validate", "ignore"]},
    "ca_bundle": {"type": "path"},
    "arm_timeout": {"type": "int", "default": 60},
}

ADMIN_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "admin_endpoint": {"type": "str"},
    "admin_tenant": {"type": "str"},
    "admin_authority": {"type": "str"},
    "admin_client_id": {"type": "str"},
    "admin_secret": {"type": "str", "no_log": True},
    "admin_username": {"type": "str"},
    "admin_password": {"type": "str", "no_log": True},
    "admin_certificate_path": {"type": "path"},
    "admin_certificate_password": {"type": "str", "no_log": True},
    "admin_subscription_id": {"type": "str"},
    "admin_validate_certs": {"type": "bool", "default": True},
    "admin_ca_bundle": {"type": "path"},
    "admin_timeout": {"type": "int", "default": 60},
}

SPECS: t.Final[dict[str, dict[str, dict[str, t.Any]]]] = {"pep": PEP_SPEC, "azure": AZURE_SPEC, "admin": ADMIN_SPEC}

CONSTRAINTS: t.Final[dict[str, dict[str, list[t.Any]]]] = {
    "pep": {
        "required_together": [("pep_transcript_share", "pep_transcript_username", "pep_transcript_password")],
    },
    "azure": {
        "mutually_exclusive": [("secret", "x509_certificate_path", "oidc_token", "oidc_token_file_path", "password")],
        "required_together": [("ad_user", "password")],
    },
    "admin": {
        "mutually_exclusive": [("admin_secret", "admin_certificate_path", "admin_password")],
        "required_together": [("admin_username", "admin_password")],
    },
}
"""What ansible-core checks between the options of a family (keys are its own parameter names)."""

ENVIRONMENT: t.Final[dict[str, tuple[str, ...]]] = {
    "pep_username": ("AZS_PEP_USERNAME",),
    "pep_password": ("AZS_PEP_PASSWORD",),
    "pep_ca_cert": ("AZS_PEP_CA_CERT",),
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "ad_user": ("AZURE_AD_USER", "AZURE_USERNAME"),
    "password": ("AZURE_PASSWORD",),
    "x509_certificate_path": ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "x509_certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "oidc_token": ("AZURE_FEDERATED_TOKEN",),
    "oidc_token_file_path": ("AZURE_FEDERATED_TOKEN_FILE",),
    "auth_source": ("ANSIBLE_AZURE_AUTH_SOURCE",),
    "profile": ("AZURE_PROFILE",),
    "cloud_environment": ("AZURE_CLOUD_ENVIRONMENT",),
    "adfs_authority_url": ("AZURE_ADFS_AUTHORITY_URL",),
    "disable_instance_discovery": ("AZURE_DISABLE_INSTANCE_DISCOVERY",),
    "cert_validation_mode": ("AZURE_CERT_VALIDATION_MODE",),
    "admin_client_id": ("AZS_ADMIN_CLIENT_ID",),
    "admin_secret": ("AZS_ADMIN_SECRET",),
    "admin_username": ("AZS_ADMIN_USERNAME",),
    "admin_password": ("AZS_ADMIN_PASSWORD",),
}
"""Option -> environment variables that stand in for it, in order of precedence (both spellings users know)."""

CREDENTIALS: t.Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "azure": (
        ("secret",),
        ("x509_certificate_path", "x509_certificate_password"),
        ("oidc_token",),
        ("oidc_token_file_path",),
        ("ad_user", "password"),
    ),
    "admin": (
        ("admin_secret",),
        ("admin_certificate_path", "admin_certificate_password"),
        ("admin_username", "admin_password"),
    ),
}
"""The ways to prove an identity, each as the options that belong together, in order of precedence."""


def argument_spec(*families: str) -> dict[str, dict[str, t.Any]]:
    """Return a fresh argument specification of the named families ("pep", "azure", "admin")."""
    return copy.deepcopy({name: spec for family in families for name, spec in SPECS[family].items()})


def from_environment(
    families: t.Iterable[str], given: t.Mapping[str, t.Any], environ: t.Mapping[str, str]
) -> dict[str, str]:
    """Return the options that environment variables supply because the task does not.

    Ways to prove an identity are never mixed: when the task gives a credential, the environment's stay out; when the
    environment holds several, the first of CREDENTIALS counts. An `auth_source` other than `auto` and `env` takes no
    credential from the environment.

    :param families: names of the option families that the module has.
    :param given: the task's own options, also those that say the same as their default; None and a missing key mean the
        same.
    :param environ: environment variables; an empty value counts as not set.
    """
    found: dict[str, str] = {}
    for family in families:
        values: dict[str, str] = {}
        for name in SPECS[family]:
            if given.get(name) is None:
                value = next((environ[key] for key in ENVIRONMENT.get(name, ()) if environ.get(key)), None)
                if value is not None:
                    values[name] = value
        ways = CREDENTIALS.get(family, ())
        given_way = any(given.get(name) is not None for way in ways for name in way)
        source = given.get("auth_source") or values.get("auth_source") or "auto"
        closed = given_way or (family == "azure" and source not in ("auto", "env"))
        chosen = () if closed else next((way for way in ways if any(name in values for name in way)), ())
        dropped = {name for way in ways for name in way} - set(chosen)
        found.update({name: value for name, value in values.items() if name not in dropped})
    return found


QUOTE: t.Final = (
    "Put it in quotes: YAML reads 0123 as the number 83, yes as true, 2026-11-26 as a date, and {word} as a mapping"
)
"""What to do about a value that YAML did not leave a text."""


def no_texts(value: t.Any, spec: t.Mapping[str, t.Any], name: str) -> list[str]:
    """Return a sentence for each text in an option's value that YAML read as something else. No value is in it.

    :param spec: the option's specification.
    :param name: what the option is called.
    """
    kind = spec.get("type", "str") if spec else "raw"
    if kind in ("str", "path"):
        read_as = _read_as(value)
        return [f"{name} is {read_as} for YAML, and not a text"] if read_as else []
    if kind == "list" and spec.get("elements"):
        element = {**spec, "type": spec["elements"]}
        values = value if isinstance(value, (list, tuple)) else [value]
        return [
            said for number, one in enumerate(values, 1) for said in no_texts(one, element, f"entry {number} of {name}")
        ]
    if kind == "dict" and spec.get("options") and isinstance(value, dict):
        return [
            said
            for key, inner in spec["options"].items()
            if key in value
            for said in no_texts(value[key], inner, f"{key} of {name}")
        ]
    return []


def check_texts(values: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """Refuse options whose text YAML read as something else: it would be another text from here on, without a word.

    :param values: option -> value, as it is given.
    :param spec: the options' specifications; other options are not looked at.
    :raises InputError: kind not_a_text; names every such option, and no value.
    """
    _refuse([said for name, about in spec.items() if name in values for said in no_texts(values[name], about, name)])


def check_dates(values: t.Mapping[str, t.Any]) -> None:
    """Refuse options that hold a date of YAML: no option is one, and on the way to a module it becomes a text.

    :raises InputError: kind not_a_text; names every such option, and no value.
    """
    _refuse([f"{name} is a date for YAML, and not a text" for name in _dates("", values)])


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise InputError(
            "; ".join(wrong), kind="not_a_text", where="options of the task", remedy=f"{QUOTE}. Nothing was contacted"
        )


def _dates(name: str, value: t.Any) -> t.Iterator[str]:
    """Return the names of the dates in a value."""
    if _is_date(value):
        yield name
    of = f" of {name}" if name else ""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _dates(f"{key}{of}", one)
    elif isinstance(value, (list, tuple)):
        for number, one in enumerate(value, 1):
            yield from _dates(f"entry {number}{of}", one)


def _is_date(value: t.Any) -> bool:
    return isinstance(value, (datetime.date, datetime.time))


def _read_as(value: t.Any) -> str | None:
    """Return what YAML read instead of a text; None for a text, and for nothing at all."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return "a date" if _is_date(value) else None
