# SPDX-License-Identifier: GPL-3.0-or-later
"""What one stamp's line of the fleet report says. FOR INTERNAL COLLECTION USE ONLY.

Pure. Takes over only the fields that are named here, so that nothing gets into the report that was not meant for it.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain, plan
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import NEVER
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

EXPIRED: t.Final = "expired"
NOT_REGISTERED: t.Final = "not_registered"
DRIFTED: t.Final = "drifted"
UNKNOWN: t.Final = "unknown"
EXPIRES_SOON: t.Final = "expires_soon"
IN_SYNC: t.Final = "in_sync"

_IN_AZURE: t.Final = (
    "id",
    "name",
    "resource_group",
    "subscription_id",
    "billing_model",
    "marketplace_syndication",
    "usage_reporting",
    "bridge_principal",
    "nodes",
    "expires",
    "tenants",
)
_AT_STAMP: t.Final = (
    "state",
    "evidence",
    "registration_id",
    "marketplace_syndication",
    "usage_reporting",
    "expires",
    "products",
)
_FLAGS: t.Final = ("marketplace_syndication", "usage_reporting")
_LONGEST: t.Final = 600
"""Characters of a message that is not the collection's own."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """Why something could not be read, and what to do."""

    text: str
    remedy: str | None = None


@dataclasses.dataclass(frozen=True)
class _Found:
    """What reading a stamp came to.

    :param registrations: None when Azure was not asked or did not answer.
    :param activation: None when nothing tells it.
    """

    registrations: list[dict[str, t.Any]] | None
    activation: dict[str, t.Any] | None
    remembered: dict[str, t.Any]
    cloud_id: str | None
    problems: list[Problem]


def row(stamp: t.Mapping[str, t.Any], moment: datetime.datetime, within_days: int) -> dict[str, t.Any]:
    """Return a stamp's line.

    :param stamp: `name`; `wanted` (`cloud_id`, `billing_model`, both flags, `name`, `resource_group`, `bridge_principal`);
        `connected`, whether the stamp is to be as azs_plan says; `azure` and `stamp`, whether they were to be asked; `require_activation`, whether
        something has to tell the activation; what azs_fleet_info read of it with `each_side` (`read`), or the results of
        azs_activation_info (`activation_result`) and azs_registration_info (`registration_result`); that of azs_stamp_info (`stamp_result`); and
        `failure`, the result of what failed beside them.
    :param moment: aware UTC time.
    :param within_days: a stamp with fewer days left expires soon.
    """
    found, wanted = _found(stamp), _wanted(stamp.get("wanted") or {})
    compared = chain.compare(
        {
            **wanted,
            "cloud_id": found.cloud_id or (None if found.registrations else "unknown"),
            "registrations": found.registrations,
            "activation": found.activation,
            "remembered": found.remembered,
        }
    )
    azure = _azure(found, compared.registration)
    at_stamp = {name: found.activation.get(name) for name in _AT_STAMP} if found.activation else None
    expires = min((side["expires"] for side in (azure, at_stamp) if side and side["expires"]), default=None)
    days = expiry.days_left(expires, moment)
    expired = (days is not None and days < 0) or (at_stamp or {}).get("state") == "Expired"
    missing = found.registrations == [] or (at_stamp or {}).get("state") == "Not registered"
    findings = compared.findings
    if stamp.get("connected") and not expired and not missing:
        findings = [*findings, *_planned(found, wanted, {finding.field for finding in findings})]
    status = (
        EXPIRED
        if expired
        else NOT_REGISTERED
        if missing
        else DRIFTED
        if findings
        else UNKNOWN
        if found.problems
        else EXPIRES_SOON
        if days is not None and days < within_days
        else IN_SYNC
    )
    told: list[chain.Finding | Problem] = [*findings, *found.problems]
    return {
        "name": str(stamp["name"]),
        "status": status,
        "reasons": list(dict.fromkeys(one.text for one in told)),
        "remedies": list(dict.fromkeys(one.remedy for one in told if one.remedy)),
        "drift": [
            {name: getattr(finding, name) for name in ("field", "wanted", "found", "read_from")}
            for finding in findings
            if finding.field
        ],
        "cloud_id": found.cloud_id or (compared.registration or {}).get("cloud_id"),
        "asked": {"azure": bool(stamp.get("azure")), "stamp": bool(stamp.get("stamp"))},
        "wanted_billing_model": wanted["billing_model"],
        "azure": azure,
        "stamp": at_stamp,
        "never_expires": expires == NEVER,
        "expires": None if expires == NEVER else expires,
        "expires_in_days": days,
        "activated": found.remembered.get("activated"),
    }


def nothing_known(name: str) -> dict[str, t.Any]:
    """Return what stands for a stamp that no task could say anything of, as `row` takes it."""
    return {
        "name": name,
        "failure": {"msg": "The run ended for this stamp before anything was read; its output tells why"},
    }


def _found(stamp: t.Mapping[str, t.Any]) -> _Found:
    problems: list[Problem] = []
    together = _sides(stamp["read"]) if stamp.get("read") else {}
    answers = [
        _answer(stamp.get(name) or together.get(name), problems)
        for name in ("activation_result", "stamp_result", "registration_result", "failure")
    ]
    at_stamp, information, in_azure = answers[:3]
    activation = at_stamp.get("activation")
    told = activation and activation.get("evidence") != "none"
    if activation and not told and stamp.get("require_activation", True):
        problems.append(
            Problem(
                chain.NOTHING_TELLS,
                "Set azs_admin_endpoint, or azs_verify_require_activation to false for a stamp that cannot be asked",
            )
        )
    if activation and activation.get("evidence") == "receipt" and stamp.get("stamp"):
        why = [_short(warning) for warning in at_stamp.get("warnings") or []]
        problems.append(Problem(why[0] if why else "the stamp did not answer, its activation is as of the receipt"))
    remembered = at_stamp.get("remembered") or together.get("remembered") or {}
    asked = (stamp.get("wanted") or {}).get("cloud_id") or None
    cloud_id = asked or remembered.get("cloud_id") or (information.get("stamp") or {}).get("cloud_id")
    registrations = in_azure.get("registrations")
    if registrations is None and not told and not problems:
        problems.append(Problem("neither Azure nor the stamp was asked"))
    return _Found(registrations, activation if told else None, remembered, cloud_id, problems)


def _sides(read: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what was read of a stamp together with others, as the results that tell each side."""
    if read.get("failed") and "failures" not in read:
        return {"failure": read}
    failures = read.get("failures") or {}
    at_stamp = {name: read[name] for name in ("activation", "remembered", "warnings") if name in read}
    in_azure = {"registrations": read["registrations"]} if "registrations" in read else {}
    return {
        "activation_result": failures.get("stamp", at_stamp),
        "registration_result": failures.get("azure", in_azure),
        "remembered": read.get("remembered"),
    }


def _answer(result: t.Any, problems: list[Problem]) -> dict[str, t.Any]:
    """Return a task's result; nothing, and a problem, when it failed."""
    if not isinstance(result, dict) or result.get("skipped"):
        return {}
    error = result.get("error")
    if isinstance(error, dict) and error.get("message"):
        text = str(error["message"])
        if error.get("where") and str(error["where"]) not in text:
            text += f" ({error['where']})"
        if error.get("cause"):
            text += f": {error['cause']}"
        problems.append(Problem(text.rstrip("."), error.get("remedy")))
    elif result.get("unreachable"):
        problems.append(
            Problem(
                f"the runner cannot be reached: {_short(result.get('msg'))}", "Look at the host that runs the tasks"
            )
        )
    elif result.get("failed") or ("msg" in result and not {"activation", "stamp", "registrations"} & result.keys()):
        problems.append(Problem(_short(result.get("msg")) or "a task failed without a message"))
    else:
        return result
    return {}


def _short(text: t.Any) -> str:
    words = " ".join(str(text or "").split()).rstrip(".")
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


def _wanted(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what is wanted; None for what nobody said."""
    said: dict[str, t.Any] = {
        name: str(given[name]) if given.get(name) else None
        for name in (
            "cloud_id",
            "billing_model",
            "name",
            "resource_group",
            "bridge_principal",
            "agreement_number",
            "asset_tag",
        )
    }
    return {**said, **{flag: _flag(given.get(flag)) for flag in _FLAGS}}


def _flag(value: t.Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }.get(str(value).lower())


def _azure(found: _Found, registration: t.Mapping[str, t.Any] | None) -> dict[str, t.Any] | None:
    if found.registrations is None:
        return None
    own: t.Mapping[str, t.Any] = registration or {}
    return {**{name: own.get(name) for name in _IN_AZURE}, "lock": (own.get("lock") or {}).get("level")}


def _planned(found: _Found, wanted: t.Mapping[str, t.Any], known: t.AbstractSet[str | None]) -> list[chain.Finding]:
    """Return what registering a connected stamp would repair besides.

    :param known: fields that are in the report already.
    """
    if found.registrations is None or found.activation is None or not wanted["billing_model"]:
        return []
    try:
        request, _warnings = billing.request(
            billing_model=str(wanted["billing_model"]),
            disconnected=False,
            # Whether they are there is no question here.
            agreement_number=wanted["agreement_number"] or "unknown",
            asset_tag=wanted["asset_tag"] or "unknown",
            **{flag: wanted[flag] for flag in _FLAGS},
        )
        made = plan.plan(
            plan.WantedStamp(
                dataclasses.replace(request, **{field: wanted[field] for field in billing.CONTRACT}),
                found.cloud_id,
                wanted["name"],
                wanted["resource_group"],
                bridge_principal=wanted["bridge_principal"],
            ),
            activation=found.activation,
            remembered=found.remembered,
            registrations=found.registrations,
        )
    except AzsError as error:
        text = f"{error.message}: {error.cause}" if error.cause else error.message
        return [chain.Finding(text, remedy=error.remedy)]
    # A field that both the key and the activation have is told once, as it is repaired.
    first = {drift.field: drift for drift in reversed(made.drift) if drift.field not in known}
    return [
        chain.Finding(drift.line(), drift.field, drift.wanted, drift.found, drift.read_from)
        for drift in made.drift
        if first.get(drift.field) is drift
    ]
