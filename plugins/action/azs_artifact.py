# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_artifact."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import handover
from ansible_collections.azurestack.hub.plugins.plugin_utils import _hosts
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Copies an artifact from one host to another, in the memory of the controller."""

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read the artifact on the source host and write it on the task's host."""
        source, target = args.get("source_host"), self._task.delegate_to or task_vars.get("inventory_hostname")
        if not source:
            return self.module(self._task.action, args, task_vars)  # it says which options are missing
        from_bundle = args.get("source_bundle", args.get("bundle"))
        key = handover.draw_seal()
        reader, variables = _hosts.at(self, source, task_vars)
        found = reader.module(self._task.action, {**args, "bundle": from_bundle, "_azs": {"seal": key}}, variables)
        same_place = source == target and from_bundle == args.get("bundle")
        if found.get("failed") or "_azs_sealed" not in found or same_place:
            return found
        content = handover.unseal(found["_azs_sealed"], key)
        return self.module(
            self._task.action, {**args, "_azs": {"content": content, "entry": found["_azs_entry"]}}, task_vars
        )
