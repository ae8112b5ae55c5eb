# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_artifact."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import handover
from ansible_collections.azurestack.hub.plugins.plugin_utils import _hosts
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Copies an artifact from one host to another, in the memory of the controller."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the artifact on the source host and write it on the task's host."""
        super(AzsAction, self).run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.options()
        source, target = args.get("source_host"), self._task.delegate_to or task_vars.get("inventory_hostname")
        if not source:
            return self.module(self._task.action, args, task_vars)  # it says which options are missing
        same_place = source == target and args.get("source_bundle", args.get("bundle")) == args.get("bundle")
        key = handover.draw_seal()
        reader, variables = _hosts.at(self, source, task_vars)
        reading = {**args, "bundle": args.get("source_bundle", args.get("bundle")), "_azs_seal": key}
        found = reader.module(self._task.action, reading, variables)
        if found.get("failed") or "_azs_sealed" not in found or same_place:
            return {name: value for name, value in found.items() if not name.startswith("_azs_")}
        writing = {
            **args,
            "_azs_content": handover.unseal(found["_azs_sealed"], key),
            "_azs_entry": found["_azs_entry"],
        }
        return self.module(self._task.action, writing, task_vars)
