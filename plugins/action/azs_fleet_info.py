# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_fleet_info."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._decide import due, journeys
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils._fleet import BUNDLE, HERE, FleetAction, Found, by
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import Inventory

_MODULE: t.Final = "azurestack.hub.azs_fleet_info"
_OF_OTHER: t.Final = {"stamp": ("azure",), "azure": ("admin", "pep")}
"""Side -> the option families that are none of its business."""


class ActionModule(FleetAction):
    """Has the stamps of each runner read there, in one process, each with the options of its own targets."""

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read the stamps that the options name."""
        if args.get("hosts") is None:
            return super().work(args, task_vars)
        journey = str(args.get("journey"))
        if journey not in due.JOURNEYS:
            raise InputError(f"{journey} is no journey", remedy=f"Set journey to one of {', '.join(due.JOURNEYS)}")
        inventory, found = Inventory(task_vars, self._templar), t.cast(Found, {})
        asked: Found = {}
        each = due.reading(journey).each_side
        sides: dict[str, tuple[str, str]] = {}
        for host in args["hosts"]:
            try:
                at_stamp = inventory.variable(host, "azs_pep_runner") or HERE
                at_azure = inventory.variable(host, "azs_azure_runner") or HERE
                if journey in journeys.JOURNEYS:
                    journeys.check(journey, inventory.wanted(host))
                options = self._asked(inventory, host, journey)
                # The host of a side that is not read is not needed.
                if not options["read_stamp"]:
                    at_stamp = at_azure
                elif not options["read_azure"]:
                    at_azure = at_stamp
                sides[host] = at_stamp, at_azure
                asked[host] = {
                    **options,
                    "access_token": self.access_token(options, host) if options["read_azure"] else None,
                }
            except AzsError as error:
                found[host] = error.as_failure()
        for (at_stamp, at_azure), hosts in by(sides, asked).items():
            every = {host: asked[host] for host in hosts}
            if at_stamp == at_azure:
                found.update(self.at_runner(_MODULE, at_stamp, every, task_vars))
                continue
            at_first = {host: _side("stamp", one) for host, one in every.items()}
            read = {
                host: _with(one, {}, "stamp", each)
                for host, one in self.at_runner(_MODULE, at_stamp, at_first, task_vars).items()
            }
            further = {
                host: {**_side("azure", one), "found": read[host]}
                for host, one in every.items()
                if each or not read[host].get("failed")
            }
            there = self.at_runner(_MODULE, at_azure, further, task_vars)
            found.update({**read, **{host: _with(one, read[host], "azure", each) for host, one in there.items()}})
        return {"changed": False, "stamps": {host: found[host] for host in args["hosts"]}}

    def _asked(self, inventory: Inventory, host: str, journey: str) -> dict[str, t.Any]:
        """Return the options that a stamp is read with."""
        wanted = due.reading(journey)

        def said(told: bool | None, variable: str, *, default: bool) -> bool:
            return inventory.flag(host, variable, default=default) if told is None else told

        reads = {
            "read_stamp": said(wanted.stamp, "azs_verify_stamp", default=True),
            "read_azure": said(wanted.azure, "azs_verify_azure", default=True),
            "products": wanted.products and inventory.flag(host, "azs_verify_products", default=False),
            "tenants": wanted.tenants and inventory.flag(host, "azs_report_tenants", default=True),
        }
        tenant = self._tenant(inventory, host) if journey == due.COMPARE_TENANT else {}
        if tenant:
            endpoint = inventory.variable(host, "azs_admin_endpoint")
            reads["read_stamp"] = bool(endpoint) and not tenant.keys() & {
                "registration_id",
                "registration_name",
                "cloud_id",
            }
        families = [family for family, side in (("admin", "stamp"), ("azure", "azure")) if reads[f"read_{side}"]]
        own = inventory.options(host, "cloud_id")
        reads["privileged_endpoint"] = reads["read_stamp"] and "cloud_id" not in own and wanted.privileged_endpoint
        families += ["pep"] if reads["privileged_endpoint"] else []
        for family in families:
            own.update(inventory.family(host, family))
        own.update(_options.from_environment(families, own, os.environ))
        bundle = inventory.variable(host, "azs_bundle") or BUNDLE
        return {
            **own,
            **tenant,
            **reads,
            **(inventory.options(host, "old_subscription_id") if wanted.old_registrations else {}),
            "name": host,
            "bundle": bundle,
            "azure_bundle": inventory.variable(host, "azs_azure_bundle") or bundle,
            "all_registrations": wanted.all_registrations,
            "receipt_stands_in": wanted.receipt_stands_in,
            "each_side": wanted.each_side,
        }

    def _tenant(self, inventory: Inventory, host: str) -> dict[str, t.Any]:
        """Return the tenant that is compared, and what names the stamp's registration.

        :raises InputError: no tenant is named.
        """
        tenant = inventory.options(host, "customer_subscription_id", "customer_tenant_id")
        if not tenant:
            raise InputError(
                "Nothing tells which tenant to compare",
                remedy="Set azs_customer_subscription_id, azs_customer_tenant_id, or both",
            )
        named = inventory.options(host, "registration_id", "registration_name", "resource_group", "cloud_id")
        if not named.keys() & {"registration_id", "registration_name"}:
            known = (inventory.variable(host, "azs_registration") or {}).get("id")
            named.update({"registration_id": known} if known else {})
        return {**tenant, **named}


def _with(read: dict[str, t.Any], before: t.Mapping[str, t.Any], side: str, each: bool) -> dict[str, t.Any]:
    """Return what was read of a stamp at one side, with what was read before where each side is told of.

    :param read: with `failures`, if the stamp's own reader failed; without, if its process did.
    """
    if not each or not read.get("failed") or "failures" in read:
        return read
    failures = {**before.get("failures", {}), side: read}
    return {**before, **next(iter(failures.values())), "failures": failures}


def _side(side: str, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a stamp's options for the host that reaches one side; the other side's credentials do not go there."""
    left_out = {name for family in _OF_OTHER[side] for name in _options.SPECS[family]}
    left_out |= {"access_token"} if side == "stamp" else {"privileged_endpoint"}
    here = {name: value for name, value in options.items() if name not in left_out}
    return {**here, f"read_{'azure' if side == 'stamp' else 'stamp'}": False}
