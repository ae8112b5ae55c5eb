# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which stamps of a fleet have something to do. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._decide import due, journeys
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import Inventory

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "journey": {"type": "str", "choices": list(due.JOURNEYS), "required": True},
    "stamps": {"type": "dict", "required": True},
}


class ActionModule(ActionBase):
    """Decides for all stamps at once, and prints one line for each that is as wanted."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the stamps that are due."""
        result = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        if args["journey"] == due.REPORT:  # whose own task prints its lines
            hosts = [host for host, one in args["stamps"].items() if due.untold(one)]
            _shared.put(due.DECIDED, {"hosts": hosts})
            result.update(changed=False, settled={}, plans={}, hosts=hosts)
            return result
        inventory, screen = Inventory(task_vars or {}, self._templar), Display()
        waiting, settled, plans, warnings = [], {}, {}, []
        for host, found in args["stamps"].items():
            wanted: dict[str, t.Any] = {}
            try:
                wanted = {} if args["journey"] == due.COMPARE_TENANT else inventory.wanted(host)
                said = due.settled(args["journey"], wanted, found)
            except InputError:  # the stamp's own tasks tell which
                said = None
            if said is None:
                waiting.append(host)
                made = (
                    due.planned(args["journey"], wanted, found)
                    if wanted and args["journey"] in journeys.JOURNEYS
                    else None
                )
                if made is not None:
                    plans[host] = {**dataclasses.asdict(made), "cloud": found.get("cloud")}
                continue
            screen.display(f"{host}: {said.line}")
            settled[host] = dict(said.verdict)
            warnings += [f"{host}: {one}" for one in (*said.warnings, *found.get("warnings", ()))]
        count, unread = len(args["stamps"]), sum(bool(found.get("failed")) for found in args["stamps"].values())
        if count > 1:
            compared = args["journey"] == due.COMPARE_TENANT
            told = "compared" if compared else f"as wanted, {len(waiting) - unread} to look at"
            screen.display(f"{count} stamps read: {len(settled)} {told}, {unread} could not be read")
        _shared.put(due.DECIDED, {"hosts": waiting})
        result.update(
            changed=False,
            hosts=waiting,
            settled=settled,
            plans=plans,
        )
        if warnings:
            result["warnings"] = warnings
        return result
