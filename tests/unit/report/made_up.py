# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up fleets, as the role `report` hands them to azs_report, and the page that they give."""

from __future__ import annotations

import copy
import datetime
import pathlib
import typing as t

import jinja2
from ansible_collections.azurestack.hub.plugins.module_utils._report import fleet

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[3]
TEMPLATE: t.Final = ROOT / "roles" / "report" / "templates" / "report.html.j2"
MOMENT: t.Final = datetime.datetime(2026, 3, 10, 4, 5, 6, tzinfo=datetime.timezone.utc)
NEVER: t.Final = "9999-12-30T23:59:59Z"
PLACES: t.Final = (
    "amsterdam",
    "athens",
    "bergen",
    "cape-town",
    "dakar",
    "hamburg",
    "lagos",
    "lisbon",
    "lyon",
    "nairobi",
    "oslo",
    "porto",
)


def guid(number: int) -> str:
    """A GUID."""
    return f"2f0c2c5a-6a37-4a0b-9f2f-{number:012x}"


def expiry(days: int | None) -> dict[str, t.Any]:
    """Both fields of an expiry so many days, and an hour, after MOMENT; None never expires."""
    if days is None:
        return {"expires": NEVER, "expires_in_days": None}
    when = MOMENT + datetime.timedelta(days=days, hours=1)
    return {"expires": when.isoformat().replace("+00:00", "Z"), "expires_in_days": days}


def stamp(
    name: str, number: int = 1, *, days: int | None = None, model: str = "PayAsYouUse", **changes: t.Any
) -> dict[str, t.Any]:
    """What was read of a connected stamp that is as wanted.

    :param changes: fields of the parts `registration`, `activation`, `remembered`, `wanted`, and of the stamp itself.
    """
    usage = model == "PayAsYouUse"
    subscription, principal = guid(9000), guid(8000 + number)
    registered = f"azurestack-{guid(number)}" if number % 9 else f"AzureStack-{name.title()}"
    id_ = f"/subscriptions/{subscription}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/{registered}"
    registration = {
        "id": id_,
        "name": registered,
        "resource_group": "azurestack",
        "subscription_id": subscription,
        "cloud_id": guid(number),
        "billing_model": model,
        "marketplace_syndication": True,
        "usage_reporting": usage,
        "bridge_principal": principal,
        "token_version": "6.0",
        "nodes": 4,
        "tenants": 0,
        **expiry(days),
        "lock": {"name": "RegistrationResourceLock", "level": "CanNotDelete"},
        "role_assignment": None,
        "claims_digest": "digest",
        "key": None,
        **changes.pop("registration", {}),
    }
    activation = {
        "evidence": "activation",
        "state": "Registered",
        "registration_id": id_,
        "registration_name": registered,
        "marketplace_syndication": True,
        "usage_reporting": usage,
        "products": None,
        **expiry(days),
        **changes.pop("activation", {}),
    }
    remembered = {
        "cloud_id": guid(number),
        "bridge_principal": principal,
        "activated_with": "digest",
        "activated": None,
        "unused_key": False,
        **changes.pop("remembered", {}),
    }
    return {
        "name": name,
        "connected": True,
        "azure": True,
        "stamp": True,
        "wanted": {"cloud_id": guid(number), "billing_model": model, **changes.pop("wanted", {})},
        "activation_result": {"changed": False, "failed": False, "activation": activation, "remembered": remembered},
        "stamp_result": {"changed": False, "skipped": True},
        "registration_result": {"changed": False, "failed": False, "registrations": [registration]},
        **changes,
    }


def failed(message: str, where: str, cause: str, remedy: str) -> dict[str, t.Any]:
    """The result of a task that failed with an error of the collection."""
    error = {"kind": "unreachable", "message": message, "where": where, "cause": cause, "remedy": remedy}
    return {"failed": True, "msg": f"{message}: {cause}. {remedy}.", "error": error}


def hundred() -> list[dict[str, t.Any]]:
    """A hundred stamps, most of them as they should be."""
    names = [f"{PLACES[number % len(PLACES)]}-{number // len(PLACES) + 1:02}" for number in range(100)]
    stamps = []
    for number, name in enumerate(names):
        model = ("PayAsYouUse", "Capacity", "PayAsYouUse", "Development", "Capacity", "Ruggedized")[number % 6]
        days = (number * 37) % 420 + 31 if model in ("Capacity", "Ruggedized") else None
        tenants = number * 7 % 23 if model == "PayAsYouUse" else 0
        stamps.append(
            stamp(
                name,
                number,
                days=days,
                model=model,
                registration={"tenants": tenants, "nodes": (4, 8, 16)[number % 3]},
                # Ruggedized systems report usage by default, which these do not.
                wanted={"usage_reporting": model == "PayAsYouUse"},
                remembered={
                    "activated": f"2026-0{number % 2 + 1}-{number % 27 + 1:02}T09:00:00Z" if number % 3 else None
                },
            )
        )
    for number, days in ((12, -3), (47, -40), (22, 4), (34, 11), (58, 19), (70, 28)):
        stamps[number] = stamp(names[number], number, days=days, model="Capacity")
    for number in (5, 41):
        stamps[number]["activation_result"]["activation"] = {"evidence": "activation", "state": "Not registered"}
    stamps[60]["registration_result"]["registrations"] = []
    stamps[60]["activation_result"]["activation"] = {"evidence": "activation", "state": "Not registered"}
    for number in (8, 30, 64):
        stamps[number]["registration_result"]["registrations"][0]["lock"] = None
    stamps[30]["activation_result"]["activation"]["usage_reporting"] = False
    stamps[18]["wanted"]["billing_model"] = "Capacity"
    stamps[77]["activation_result"] = failed(
        "The stamp does not answer",
        f"https://adminmanagement.{names[77]}.azurestack.example",
        "the connection was refused",
        "Compare admin_endpoint, and look whether a firewall lies between",
    )
    stamps[83]["activation_result"] = failed(
        "The stamp's sign-in service did not accept the client secret",
        "https://adfs.lisbon.azurestack.example/adfs",
        "the secret is wrong (AADSTS7000215)",
        "Set admin_secret to a valid secret of the client",
    )
    for one in ("activation_result", "registration_result"):
        message = "Failed to connect to the host via ssh: ssh: connect to host paw07 port 22: No route"
        stamps[90][one] = {"unreachable": True, "msg": message}
    stamps[95]["azure"] = False
    stamps[95]["registration_result"] = {"skipped": True}
    stamps[96]["activation_result"]["activation"]["evidence"] = "receipt"
    stamps[96]["stamp"] = False
    return stamps


def two_reports() -> fleet.Report:
    """The report on the hundred stamps, with one before it."""
    before = copy.deepcopy(hundred())
    for number in (2, 8, 31):
        before[number]["registration_result"]["registrations"][0].update(billing_model="Development", nodes=2)
    before[77]["activation_result"] = stamp("x", 77)["activation_result"]
    before[90] = stamp(str(before[90]["name"]), 90, days=200, model="Capacity")
    first = fleet.report(before, moment=MOMENT - datetime.timedelta(days=14), within_days=30)
    return fleet.report(hundred(), moment=MOMENT, within_days=30, previous=first.data)


def page(data: t.Mapping[str, t.Any], title: str = "Azure Stack Hub fleet") -> str:
    """The page, as ansible-core's module `template` makes it with the options of the role."""
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report_data=data, report_title=title)
