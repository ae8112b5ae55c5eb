# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stamp, its registration in Azure and its activation agree. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER, same_id

LOCK: t.Final = "RegistrationResourceLock"
_COMPARED: t.Final = (
    ("marketplace_syndication", "marketplace syndication"),
    ("usage_reporting", "usage reporting"),
)


def verdict(chain: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Compare the links of a stamp's chain and say where they disagree.

    :param chain: what is wanted (`cloud_id`, and optionally `billing_model`, both flags and `registration_id`) and what was read:
        `registrations` (as azs_registration_info returns them; None means that Azure was not asked) and `activation` (as
        azs_activation_info returns it; None means that the stamp was not asked).
    :returns: `agrees`, `findings` (sentences), and `line`, one line for the operator.
    """
    activation, asked_azure = chain.get("activation"), chain.get("registrations") is not None
    findings: list[str] = []
    registration = _registration(chain, activation, findings) if asked_azure else None
    if registration is not None:
        findings += _of_registration(registration, chain)
    if activation is not None:
        findings += _of_activation(activation, registration, chain)
    return {
        "agrees": not findings,
        "findings": findings,
        "line": _line(registration, activation, asked_azure, findings),
    }


def _registration(
    wanted: t.Mapping[str, t.Any], activation: t.Any, findings: list[str]
) -> dict[str, t.Any] | None:
    """Return the registration to compare: the one that the activation or the operator names, else the only one."""
    found = list(wanted["registrations"])
    if not found:
        findings.append(f"Azure has no registration of cloud id {wanted.get('cloud_id')} in this subscription")
        return None
    named = (activation or {}).get("registration_id") or wanted.get("registration_id")
    if len(found) > 1:
        names = ", ".join(sorted(str(one["id"]) for one in found))
        findings.append(f"Azure has {len(found)} registrations of this cloud id: {names}")
    return next((one for one in found if named and same_id(one["id"], named)), found[0])


def _of_registration(registration: t.Mapping[str, t.Any], wanted: t.Mapping[str, t.Any]) -> list[str]:
    findings = []
    for field, name in (("cloud_id", "cloud id"), ("billing_model", "billing model")):
        asked, is_ = wanted.get(field), registration.get(field)
        if asked and is_ and not same_id(asked, is_):
            findings.append(f"the {name} of the registration is {is_}, wanted is {asked}")
    if wanted.get("registration_id") and not same_id(wanted["registration_id"], registration["id"]):
        findings.append(f"the registration is {registration['id']}, wanted is {wanted['registration_id']}")
    for field, name in _COMPARED:
        asked, is_ = wanted.get(field), registration.get(field)
        if asked is not None and is_ is not None and asked != is_:
            findings.append(f"{name} is {_on(is_)} in the registration, wanted is {_on(asked)}")
    findings += _of_key(registration)
    role = registration.get("role_assignment")
    if role and not role["assigned"]:
        findings.append(f"the bridge principal {role['principal_id']} lacks the role {role['role']} on the registration")
    lock = registration.get("lock")
    if not lock:
        findings.append(f"the registration has no lock {LOCK}: anybody with the rights can delete it by mistake")
    days = registration.get("expires_in_days")
    if days is not None and days < 0:
        findings.append(f"the registration expired at {registration.get('expires')}")
    return findings


def _of_key(registration: t.Mapping[str, t.Any]) -> list[str]:
    """Return where the claims of the activation key are not those of the registration that it was exported from."""
    key = registration.get("key") or {}
    compared = (
        ("registration id", "id", "registration_id"), ("cloud id", "cloud_id", "cloud_id"),
        ("billing model", "billing_model", "billing_model"), ("bridge principal", "bridge_principal", "bridge_principal"),
    )
    return [
        f"the {name} is {registration[field]} in the registration and {key[claim]} in its activation key"
        for name, field, claim in compared
        if registration.get(field) and key.get(claim) and not same_id(registration[field], key[claim])
    ]


def _of_activation(
    activation: t.Mapping[str, t.Any], registration: t.Mapping[str, t.Any] | None, wanted: t.Mapping[str, t.Any]
) -> list[str]:
    state = activation.get("state")
    if state == "Not registered":
        return ["the stamp is not activated"]
    findings = []
    if state == "Expired":
        findings.append(f"the stamp's activation expired at {activation.get('expires')}")
    target = registration["id"] if registration else wanted.get("registration_id")
    if target and not same_id(activation.get("registration_id"), target):
        findings.append(f"the stamp is activated with {activation.get('registration_id')}, the registration is {target}")
    if activation.get("products") == 0 and activation.get("marketplace_syndication"):
        findings.append("the stamp is offered no marketplace products although marketplace syndication is on")
    for field, name in _COMPARED:
        at_stamp, in_azure = activation.get(field), (registration or {}).get(field)
        if at_stamp is not None and in_azure is not None and at_stamp != in_azure:
            findings.append(f"{name} is {_on(at_stamp)} on the stamp and {_on(in_azure)} in the registration")
    return findings


def _line(registration: t.Any, activation: t.Any, asked_azure: bool, findings: list[str]) -> str:
    parts = [str(activation["state"]) if activation else "stamp not asked"]
    if registration:
        parts += [str(registration.get("billing_model")), str(registration.get("name")), _expiry(registration)]
    else:
        parts.append("no registration" if asked_azure else "Azure not asked")
    return ", ".join(parts) + (f": {'; '.join(findings)}" if findings else "")


def _expiry(registration: t.Mapping[str, t.Any]) -> str:
    days, expires = registration.get("expires_in_days"), registration.get("expires")
    if days is not None:
        return f"expires in {days} days"
    return "never expires" if expires in (None, NEVER) else f"expires on {expires}"


def _on(flag: bool) -> str:
    return "on" if flag else "off"
