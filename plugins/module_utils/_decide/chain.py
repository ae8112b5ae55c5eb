# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stamp, its registration in Azure and its activation agree. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import choice
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, expiry, rights
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER, same_id

LOCK: t.Final = "RegistrationResourceLock"
LOCK_LEVEL: t.Final = "CanNotDelete"
# Where a value was read, in `read_from`.
REGISTRATION: t.Final = "registration"
KEY: t.Final = "activation_key"
ACTIVATION: t.Final = "activation"
RECEIPT: t.Final = "receipt"
# What is known of the activation besides its states, in the verdict's `activation`.
NOT_ASKED: t.Final = "not asked"
NOT_KNOWN: t.Final = "not known"
NOTHING_TELLS: t.Final = (
    "nothing tells whether the stamp is activated: no azs_admin_endpoint, and no receipt in the bundle"
)

REPAIR: t.Final = (
    "azurestack.hub.connected_register repairs what drifted; a disconnected stamp goes through its three legs again"
)
RENEW: t.Final = "azurestack.hub.connected_renew registers and activates a connected stamp again; a disconnected one is renewed with the three legs"
AGAIN: t.Final = "azurestack.hub.reregister registers and activates the stamp again with what it has"
ELSEWHERE: t.Final = "azurestack.hub.connected_change gives a connected stamp another place; or correct what is wanted"
MISTAKEN: t.Final = "Compare azs_cloud_id with the stamp, and azs_registration_name with its registration"

_COMPARED: t.Final = (
    ("marketplace_syndication", "marketplace syndication"),
    ("usage_reporting", "usage reporting"),
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that disagrees.

    :param text: a sentence for the operator, without a full stop.
    :param field: what is otherwise than wanted, None where it is no field: an expiry, or two registrations.
    :param wanted: what it should be.
    :param found: what it is; None means that it is missing.
    :param read_from: `registration`, `activation_key`, `activation` or `receipt`.
    :param remedy: what to do about it, a sentence without a full stop; None where the text says it.
    """

    text: str
    field: str | None = None
    wanted: t.Any = None
    found: t.Any = None
    read_from: str | None = None
    remedy: str | None = REPAIR


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What comparing the links of a stamp's chain came to.

    :param registration: the one that was compared, None when there is none or Azure was not asked.
    """

    registration: t.Mapping[str, t.Any] | None
    findings: list[Finding]


def compare(chain: t.Mapping[str, t.Any]) -> Comparison:
    """Compare the links of a stamp's chain.

    :param chain: what is wanted (`cloud_id`, and optionally `billing_model`, both flags and `registration_id`) and what was read:
        `registrations` (as azs_registration_info returns them; None means that Azure was not asked) and `activation` (as
        azs_activation_info returns it; None means that the stamp was not asked), `remembered` (what the bundle remembers, as it
        returns that). With `require_activation`, an activation
        that nothing tells is a finding.
    """
    activation, findings = chain.get("activation"), list[Finding]()
    registration = _registration(chain, activation, findings) if chain.get("registrations") is not None else None
    if registration is not None:
        findings += _of_registration(registration, chain)
    if activation is not None:
        findings += _of_activation(activation, registration, chain)
        if (
            registration is not None
            and activation.get("state") == "Registered"
            and not any(finding.read_from == ACTIVATION for finding in findings)
        ):
            findings += _of_what_is_not_shown(registration, chain.get("remembered") or {})
    return Comparison(registration, findings)


def verdict(chain: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Say where the links of a stamp's chain disagree.

    :param chain: as `compare` takes it.
    :returns: `agrees`, `findings` (sentences), `remedies` (sentences, each once), `line`, one line for the operator,
        `activation`: the state, NOT_KNOWN or NOT_ASKED, and `cloud_id`: of the stamp, None where nothing tells it.
    """
    compared = compare(chain)
    findings = [finding.text for finding in compared.findings]
    activation = chain.get("activation")
    known = NOT_ASKED if activation is None else NOT_KNOWN if _untold(activation) else str(activation["state"])
    at_stamp = {
        NOT_ASKED: "stamp not asked",
        NOT_KNOWN: "NOT KNOWN to be activated (no azs_admin_endpoint, no receipt in the bundle)",
    }.get(known, known + _by_receipt(activation or {}, chain.get("remembered") or {}))
    asked_azure = chain.get("registrations") is not None
    cloud_id = chain.get("cloud_id") or (compared.registration or {}).get("cloud_id")
    return {
        "agrees": not findings,
        "cloud_id": cloud_id or None,
        "findings": findings,
        "remedies": list(dict.fromkeys(finding.remedy for finding in compared.findings if finding.remedy)),
        "line": _line(compared.registration, cloud_id, at_stamp, asked_azure, findings),
        "activation": known,
    }


def unlocked(level: str | None) -> str:
    """Return what the operator reads of a registration that is not locked.

    :param level: that of the lock which is there; None when there is none.
    """
    if level is None:
        return f"the registration has no lock {LOCK}: anybody with the rights can delete it by mistake"
    return f"the lock {LOCK} of the registration has the level {level}, wanted is {LOCK_LEVEL}"


def without_role(principal: str) -> str:
    """Return what the operator reads of a bridge principal that has no role assignment."""
    return f"the bridge principal {principal} lacks the role {rights.REGISTRATION_OWNER_NAME} on the registration"


def _untold(activation: t.Mapping[str, t.Any]) -> bool:
    """Tell whether neither the stamp nor a receipt says anything of the activation."""
    return activation.get("evidence") == "none"


def _by_receipt(activation: t.Mapping[str, t.Any], remembered: t.Mapping[str, t.Any]) -> str:
    """Return what the line says of a state that was not read from the stamp, else nothing."""
    if activation.get("evidence") != "receipt":
        return ""
    made = remembered.get("activated")
    return f" (by the receipt of {str(made)[:10]})" if made else " (by the receipt)"


def _registration(wanted: t.Mapping[str, t.Any], activation: t.Any, findings: list[Finding]) -> dict[str, t.Any] | None:
    """Return the registration to compare, see choice.meant."""
    found = list(wanted["registrations"])
    if not found:
        cloud_id = wanted.get("cloud_id")
        findings.append(
            Finding(
                f"Azure has no registration of cloud id {cloud_id} in this subscription"
                if cloud_id
                else "Azure has no registration where the activation names one, and nothing tells the cloud id to look for another",
                "registration",
                cloud_id,
                read_from=REGISTRATION,
            )
        )
        return None
    chosen, decided = choice.meant(found, (activation or {}).get("registration_id"), wanted.get("registration_id"))
    if len(found) > 1:
        names = ", ".join(sorted(str(one["id"]) for one in found))
        advice = _leftovers([one for one in found if one is not chosen], decided=decided)
        findings.append(Finding(f"Azure has {len(found)} registrations of this cloud id: {names}{advice}", remedy=None))
    return t.cast("dict[str, t.Any]", chosen)


def _leftovers(others: t.Sequence[t.Mapping[str, t.Any]], *, decided: bool) -> str:
    """Return what to do about registrations beside the one that is meant, as the end of a sentence."""
    if not decided:
        return "; set azs_registration_name and azs_resource_group to the one that is meant, and delete the others"
    names = " and ".join(sorted(str(one["name"]) for one in others))
    expired = all(choice.expired(one) for one in others)
    why = "expired and is not used any more" if expired else "is not the one that is used"
    return f"; {names} {why}: delete it with azs_registration (state absent, name, resource_group)" + (
        ", or run azurestack.hub.connected_renew with azs_renewal=new_name" if expired else ""
    )


def _of_registration(registration: t.Mapping[str, t.Any], wanted: t.Mapping[str, t.Any]) -> list[Finding]:
    findings = []
    for field, name, remedy in (("cloud_id", "cloud id", MISTAKEN), ("billing_model", "billing model", REPAIR)):
        asked, is_ = wanted.get(field), registration.get(field)
        if asked and is_ and not same_id(asked, is_):
            text = f"the {name} of the registration is {is_}, wanted is {asked}"
            findings.append(Finding(text, field, asked, is_, REGISTRATION, remedy))
    if wanted.get("registration_id") and not same_id(wanted["registration_id"], registration["id"]):
        text = f"the registration is {registration['id']}, wanted is {wanted['registration_id']}"
        findings.append(
            Finding(text, "registration_id", wanted["registration_id"], registration["id"], REGISTRATION, ELSEWHERE)
        )
    for field, name in _COMPARED:
        asked, is_ = wanted.get(field), registration.get(field)
        if asked is not None and is_ is not None and asked != is_:
            text = f"{name} is {_on(is_)} in the registration, wanted is {_on(asked)}"
            findings.append(Finding(text, field, asked, is_, KEY))
    for field in billing.CONTRACT:
        asked, is_ = wanted.get(field), registration.get(field)
        if asked and is_ is not None and not billing.same_contract(asked, is_):
            name = field.replace("_", " ")
            text = f"the {name} is {is_ or 'missing'} in the registration's activation key, wanted is {asked}"
            findings.append(Finding(text, field, asked, is_ or None, KEY))
    findings += _of_key(registration)
    role = registration.get("role_assignment")
    if role and not role["assigned"]:
        text = without_role(role["principal_id"])
        findings.append(Finding(text, "role_assignment", role["principal_id"], read_from=REGISTRATION))
    lock = registration.get("lock")
    level = lock.get("level") or "none" if lock else None
    if level != LOCK_LEVEL:
        findings.append(Finding(unlocked(level), "lock", LOCK_LEVEL if lock else LOCK, level, REGISTRATION))
    days = registration.get("expires_in_days")
    if days is not None and days < 0:
        findings.append(Finding(f"the registration expired at {registration.get('expires')}", remedy=RENEW))
    return findings


def _of_key(registration: t.Mapping[str, t.Any]) -> list[Finding]:
    """Return where the claims of the activation key are not those of the registration that it was exported from."""
    key = registration.get("key") or {}
    compared = (
        ("registration id", "id", "registration_id"),
        ("cloud id", "cloud_id", "cloud_id"),
        ("billing model", "billing_model", "billing_model"),
        ("bridge principal", "bridge_principal", "bridge_principal"),
    )
    return [
        Finding(
            f"the {name} is {registration[field]} in the registration and {key[claim]} in its activation key",
            claim,
            registration[field],
            key[claim],
            KEY,
            AGAIN,
        )
        for name, field, claim in compared
        if registration.get(field) and key.get(claim) and not same_id(registration[field], key[claim])
    ]


def _of_activation(
    activation: t.Mapping[str, t.Any], registration: t.Mapping[str, t.Any] | None, wanted: t.Mapping[str, t.Any]
) -> list[Finding]:
    state = activation.get("state")
    if _untold(activation):
        if not wanted.get("require_activation"):
            return []
        text = (
            f"{NOTHING_TELLS}; set azs_admin_endpoint, run this where the bundle of the activation is, or set "
            "azs_verify_require_activation to false for a stamp that cannot be asked"
        )
        return [Finding(text, "activation", "Registered", read_from=ACTIVATION, remedy=None)]
    if state == "Not registered":
        return [Finding("the stamp is not activated", "activation", "Registered", state, ACTIVATION)]
    findings = []
    if state == "Expired":
        findings.append(Finding(f"the stamp's activation expired at {activation.get('expires')}", remedy=RENEW))
    target, is_ = (
        registration["id"] if registration else wanted.get("registration_id"),
        activation.get("registration_id"),
    )
    if target and not same_id(is_, target):
        text = f"the stamp is activated with {is_}, the registration is {target}"
        findings.append(Finding(text, "registration_id", target, is_, ACTIVATION))
    if activation.get("products") == 0 and activation.get("marketplace_syndication"):
        text = "the stamp is offered no marketplace products although marketplace syndication is on"
        findings.append(Finding(text, remedy=AGAIN))
    for field, name in _COMPARED:
        at_stamp, in_azure = activation.get(field), (registration or {}).get(field)
        if at_stamp is not None and in_azure is not None and at_stamp != in_azure:
            text = f"{name} is {_on(at_stamp)} on the stamp and {_on(in_azure)} in the registration"
            findings.append(Finding(text, field, in_azure, at_stamp, ACTIVATION))
    return findings


def _of_what_is_not_shown(registration: t.Mapping[str, t.Any], remembered: t.Mapping[str, t.Any]) -> list[Finding]:
    """Return whether the stamp is active with an older key than the registration's: its activation does not show all of it."""
    used, today = (
        remembered.get("activated_with"),
        registration.get("claims_digest") if registration.get("key") else None,
    )
    if used and today and used != today:
        why = "the stamp was activated with an older activation key than the registration's of today"
    # An unused key says that only where the bundle is the stamp's own, which its receipt shows: Azure's zone keeps its keys.
    elif remembered.get("unfinished") or (used and remembered.get("unused_key")):
        why = "a run ended before the stamp was activated with the registration's activation key of today"
    else:
        return []
    return [Finding(why, "activation_key", "the registration's", "an older one", RECEIPT)]


def _line(registration: t.Any, cloud_id: t.Any, at_stamp: str, asked_azure: bool, findings: list[str]) -> str:
    parts = [at_stamp]
    if registration:
        parts += [str(registration.get("billing_model")), str(registration.get("name")), _expiry(registration)]
    else:
        parts.append("no registration" if asked_azure else "Azure not asked")
    if cloud_id and str(cloud_id).lower() not in ", ".join(parts).lower():
        parts.append(f"cloud id {cloud_id}")
    return ", ".join(parts) + (f": {'; '.join(findings)}" if findings else "")


def _expiry(registration: t.Mapping[str, t.Any]) -> str:
    days, expires = registration.get("expires_in_days"), registration.get("expires")
    if days is not None:
        return f"{'expires' if days >= 0 else 'expired'} {expiry.when(days)}"
    return "never expires" if expires in (None, NEVER) else f"expires on {expires}"


def _on(flag: bool) -> str:
    return "on" if flag else "off"
