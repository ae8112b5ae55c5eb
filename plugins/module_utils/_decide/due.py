# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stamps of a fleet have something to do. FOR INTERNAL COLLECTION USE ONLY.

Pure. A stamp of which anything is not known, or not as wanted, is due: the steps of its journey say what about it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain, journeys, plan
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

DECIDED: t.Final = "stamps that are due"
"""What the memory of the run calls the last decision."""
VERIFY: t.Final = "verify"
REPORT: t.Final = "report"
COMPARE_TENANT: t.Final = "compare_tenant"
JOURNEYS: t.Final = (*journeys.JOURNEYS, VERIFY, REPORT, COMPARE_TENANT)
NOWHERE: t.Final = (
    "which registration it has is not known; set azs_admin_endpoint, or azs_cloud_id or azs_registration_id"
)


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a journey reads of each stamp.

    :param stamp: whether the activation is read; None leaves it to the stamp's variables.
    :param azure: whether the registrations are read; None leaves it to the stamp's variables.
    :param privileged_endpoint: whether it may be asked for a cloud id that nothing else tells.
    :param all_registrations: whether all of the cloud id are read, and not the one alone that the activation names.
    :param old_registrations: whether those in the subscription that is left are read, too.
    :param receipt_stands_in: whether the receipt stands in for a stamp that has an admin endpoint and does not answer.
    :param each_side: whether one side is read although the other one failed.
    :param products: whether products are counted where the stamp's variables say so.
    :param tenants: whether tenants are counted where the stamp's variables say so.
    """

    stamp: bool | None = True
    azure: bool | None = True
    privileged_endpoint: bool = False
    all_registrations: bool = True
    old_registrations: bool = False
    receipt_stands_in: bool = True
    each_side: bool = False
    products: bool = False
    tenants: bool = False


def reading(journey: str) -> Reading:
    """Return what a journey reads. Its name is one of JOURNEYS."""
    if journey == VERIFY:
        return Reading(stamp=None, azure=None, receipt_stands_in=False, products=True)
    if journey == REPORT:
        return Reading(azure=None, each_side=True, products=True, tenants=True)
    if journey == COMPARE_TENANT:
        return Reading(all_registrations=False)
    return Reading(
        azure=journey != journeys.UNREGISTER,
        privileged_endpoint=True,
        all_registrations=journey != journeys.REGISTER,
        old_registrations=journey == journeys.CHANGE,
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

    :param journey: one of JOURNEYS but REPORT.
    :param wanted: the options of azs_plan that the stamp's variables give.
    :param found: what azs_fleet_info read of it.
    """
    if found.get("failed"):
        return None
    if journey == COMPARE_TENANT:
        return _compared(found)
    if journey == VERIFY:
        return _agreeing(wanted, found)
    return _planned_nothing(journey, wanted, found)


def planned(journey: str, wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> plan.Plan | None:
    """Return what a journey does with a stamp; None when that is not known, or refused: the stamp's own tasks tell.

    :param journey: one of journeys.JOURNEYS.
    :param wanted: the options of azs_plan that the stamp's variables give.
    :param found: what azs_fleet_info read of it.
    """
    if found.get("failed") or found.get("registrations") is None:
        return None
    try:
        return journeys.decide(journey, wanted, found)
    except AzsError:
        return None


def untold(found: t.Mapping[str, t.Any]) -> bool:
    """Tell whether Azure was to be read of a stamp, and nothing tells which registration it has. Its privileged endpoint may.

    :param found: what azs_fleet_info read of it.
    """
    return "registrations" in found and found["registrations"] is None


def _planned_nothing(journey: str, wanted: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> Settled | None:
    made = planned(journey, wanted, found)
    if made is None or made.drift or made.due:
        return None
    if made.line is not None:
        return Settled(made.line, {"line": made.line})
    try:
        warnings = journeys.check(journey, wanted)
    except AzsError:
        return None
    said = chain.verdict(
        {
            "cloud_id": made.cloud_id,
            **{
                name: getattr(made.wanted, name)
                for name in ("billing_model", "marketplace_syndication", "usage_reporting")
            },
            "registrations": found["registrations"] or [],
            "activation": found["activation"],
        }
    )
    return Settled(said["line"], said, tuple(warnings)) if said["agrees"] else None


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
