# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stamps of a fleet have something to do. FOR INTERNAL COLLECTION USE ONLY.

Pure. A stamp of which anything is not known, or not as wanted, is due: the steps of its journey say what about it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import chain, plan
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

REGISTER: t.Final = "connected_register"
VERIFY: t.Final = "verify"
REPORT: t.Final = "report"
COMPARE_TENANT: t.Final = "compare_tenant"
JOURNEYS: t.Final = (REGISTER, VERIFY, REPORT, COMPARE_TENANT)
NOWHERE: t.Final = (
    "which registration it has is not known; set azs_admin_endpoint, or azs_cloud_id or azs_registration_id"
)


@dataclasses.dataclass(frozen=True)
class Settled:
    """What is said of a stamp that has nothing to do.

    :param line: its one line.
    :param verdict: as chain.verdict returns it; how a registration holds a tenant, where that is asked for.
    :param warnings: what the operator should know in spite of it.
    """

    line: str
    verdict: t.Mapping[str, t.Any]
    warnings: tuple[str, ...] = ()


def settled(journey: str, wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> Settled | None:
    """Return what is said of a stamp that has nothing to do; None when it is due.

    :param journey: REGISTER, VERIFY or COMPARE_TENANT.
    :param wanted: the options of azs_plan that the stamp's variables give.
    :param found: what azs_fleet_info read of it.
    """
    if found.get("failed"):
        return None
    if journey == COMPARE_TENANT:
        return _compared(found)
    if journey == REGISTER:
        return _registered(wanted, found)
    return _agreeing(wanted, found)


def planned(wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Return what is to be done about a stamp that is to be registered; None when that is not known, or refused.

    :param wanted: the options of azs_plan that the stamp's variables give.
    :param found: what azs_fleet_info read of it.
    """
    if found.get("registrations") is None:
        return None
    try:
        made = _plan(plan.wanted_of(wanted)[0], found)
    except AzsError:
        return None
    return {
        "steps": dataclasses.asdict(made.steps),
        "cloud_id": made.cloud_id,
        "registration_id": made.registration_id,
        "bridge_principal": made.bridge_principal,
        "cloud": found.get("cloud"),
    }


def untold(found: t.Mapping[str, t.Any]) -> bool:
    """Tell whether Azure was to be read of a stamp, and nothing tells which registration it has. Its privileged endpoint may.

    :param found: what azs_fleet_info read of it.
    """
    return "registrations" in found and found["registrations"] is None


def _registered(wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> Settled | None:
    try:
        asked, warnings = plan.wanted_of(wanted)
        made = _plan(asked, found)
    except AzsError:
        return None
    if made.drift or any(dataclasses.asdict(made.steps).values()):
        return None
    said = chain.verdict(
        {
            "cloud_id": made.cloud_id,
            **{
                name: getattr(asked.request, name)
                for name in ("billing_model", "marketplace_syndication", "usage_reporting")
            },
            "registrations": found["registrations"] or [],
            "activation": found["activation"],
        }
    )
    return Settled(said["line"], said, tuple(warnings)) if said["agrees"] else None


def _plan(wanted: plan.Wanted, found: t.Mapping[str, t.Any]) -> plan.Plan:
    return plan.plan(
        wanted,
        activation=found["activation"],
        remembered=found["remembered"],
        registrations=found["registrations"],
    )


def _agreeing(wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> Settled | None:
    cloud_id = wanted.get("cloud_id") or (found.get("remembered") or {}).get("cloud_id")
    if "registrations" in found and not found["registrations"]:
        return None
    said = chain.verdict(
        {
            "cloud_id": cloud_id,
            **{name: wanted.get(name) for name in ("billing_model", "agreement_number", "asset_tag")},
            "registrations": found.get("registrations"),
            "activation": found.get("activation"),
            "remembered": found.get("remembered") or {},
        }
    )
    untold = said["activation"] == chain.NOT_KNOWN
    return Settled(said["line"], said) if said["agrees"] and not untold else None


def _compared(found: t.Mapping[str, t.Any]) -> Settled | None:
    if "standing" not in found:
        return None
    standing = found["standing"]
    if standing is None:
        looked = found.get("registrations") is not None or "activation" in found
        line = "not registered" if looked else NOWHERE
    else:
        line = str(standing["state"]).replace("_", " ")
        if standing.get("subscription_id"):
            line += f" ({standing['subscription_id']}, tenant {standing['tenant_id']})"
    return Settled(line, {"line": line, **(standing or {})})
