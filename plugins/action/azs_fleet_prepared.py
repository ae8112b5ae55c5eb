# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_fleet_prepared."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _refresh_token
from ansible_collections.azurestack.hub.plugins.plugin_utils._fleet import BUNDLE, HERE, FleetAction, Found, by
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import Inventory

_MODULE: t.Final = "azurestack.hub.azs_fleet_prepared"


class ActionModule(FleetAction):
    """Has Azure prepared for the registrations of many stamps, from the host that reaches it, in one process."""

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Prepare Azure for the stamps whose plans say that they are registered."""
        if args.get("plans") is None:
            return super().work(args, task_vars)
        inventory, found = Inventory(task_vars, self._templar), t.cast(Found, {})
        asked: Found = {}
        runners: dict[str, str] = {}
        for host, plan in args["plans"].items():
            if not (plan["steps"]["token"] and plan["connected"]):
                continue
            try:
                runners[host] = inventory.variable(host, "azs_azure_runner") or HERE
                options = self._asked(inventory, host, plan)
                asked[host] = {**options, "access_token": self.access_token(options, host)}
            except AzsError as error:
                found[host] = {"changed": False, **error.as_failure()}
        for runner, hosts in by(runners, asked).items():
            found.update(self.at_runner(_MODULE, runner, {host: asked[host] for host in hosts}, task_vars))
        return {"changed": any(one.get("changed") for one in found.values()), "stamps": found}

    def _asked(self, inventory: Inventory, host: str, plan: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        own = inventory.family(host, "azure")
        own.update(_options.from_environment(("azure",), own, os.environ))
        if plan["steps"]["principal"]:  # nothing is made for a stamp that could not go on
            given = inventory.options(host, "refresh_token", "refresh_token_source")
            _refresh_token.at_hand(
                {"tenant": None, "subscription_id": None, **own, **given, "source": given.get("refresh_token_source")}
            )
        bundle = inventory.variable(host, "azs_bundle") or BUNDLE
        return {
            **own,
            **inventory.options(host, "location"),
            "registration_name": plan["name"],
            "resource_group": plan["resource_group"],
            "replaces": (plan["removed"] or {}).get("id"),
            "name": host,
            "bundle": inventory.variable(host, "azs_azure_bundle") or bundle,
            "preflight": inventory.flag(host, "azs_preflight", default=True),
            "cloud_id": plan["cloud_id"],
            "registration_hint": plan["registration_id"],
            "bridge_principal": plan["bridge_principal"],
            "cloud_metadata": plan.get("cloud"),
        }
