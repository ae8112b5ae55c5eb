# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_connected_info."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._decide import leads
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.plugin_utils import _hosts
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction

_OF_STAMP: t.Final = {*_options.SPECS["admin"], "bundle", "stamp", "_azs"}
_OF_AZURE: t.Final = {*_options.SPECS["azure"], "_azs"}
_IN_AZURE: t.Final = "azurestack.hub.azs_registration_info"


class ActionModule(AzsAction):
    """Reads activation and registration in one process where one host reaches both, else each where it is reached."""

    families = ("admin", "azure")

    def module(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module, or the two that it is made of, each with the options of its own target."""
        there = args.get("azure_host")
        if there in (None, self.runner(task_vars)):
            return super().module(name, args, task_vars)
        known = super().module("azurestack.hub.azs_activation_info", _only(_OF_STAMP, args), task_vars)
        if known.get("failed"):
            return known
        every = boolean(args.get("all_registrations") or False, strict=False)
        where = leads.to_registration(known, args.get("cloud_id"), every=every)
        if where is None:
            return {**known, "registrations": None}
        own, old = _only(_OF_AZURE, args), args.get("old_subscription_id")
        asked = {option: value for option, value in where.items() if value and not (every and option != "cloud_id")}
        with _hosts.at(self, there, task_vars) as (reader, variables):
            found = AzsAction.module(reader, _IN_AZURE, {**own, **asked, "role_assignment": True}, variables)
            if old and "registrations" in found and not same_id(old, own.get("subscription_id")):
                further = {**own, "subscription_id": old, **asked, "claims": False, "lock": False}
                left = AzsAction.module(reader, _IN_AZURE, further, variables)
                if left.get("failed"):
                    return {**known, **left}
                found["old_registrations"] = left["registrations"]
        if "registrations" in found:
            found["registrations"] = leads.found_by(where, found["registrations"])
        found.pop("ansible_facts", None)  # what Ansible learned of the other host is none of the task's host
        warnings = [*known.get("warnings", ()), *found.get("warnings", ())]
        return {**known, **found, **({"warnings": warnings} if warnings else {})}


def _only(names: t.AbstractSet[str], args: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in args.items() if name in names}
