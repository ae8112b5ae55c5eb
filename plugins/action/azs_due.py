# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which stamps of a fleet have something to do. Runs on the controller alone."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._domain import due
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import Inventory

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "journey": {"type": "str", "choices": [due.REGISTER, due.VERIFY], "required": True},
    "stamps": {"type": "dict", "required": True},
}


class ActionModule(ActionBase):
    """Decides for all stamps at once, and prints one line for each that is as wanted."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the stamps that are due."""
        result = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        inventory, screen = Inventory(task_vars or {}, self._templar), Display()
        waiting, settled, warnings = [], {}, []
        for host, found in args["stamps"].items():
            try:
                said = None if found.get("failed") else due.settled(args["journey"], inventory.wanted(host), found)
            except AnsibleError:  # a template that cannot be filled in: the stamp's own tasks tell which
                said = None
            if said is None:
                waiting.append(host)
                continue
            screen.display(f"{host}: {said.line}")
            settled[host] = dict(said.verdict)
            warnings += [f"{host}: {one}" for one in (*said.warnings, *found.get("warnings", ()))]
        unread = sum(bool(found.get("failed")) for found in args["stamps"].values())
        if len(args["stamps"]) > 1:
            screen.display(
                f"{len(args['stamps'])} stamps read: {len(settled)} as wanted, {len(waiting) - unread} to look at, "
                f"{unread} could not be read"
            )
        result.update(changed=False, hosts=waiting, settled=settled)
        if warnings:
            result["warnings"] = warnings
        return result
