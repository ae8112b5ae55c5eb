# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a journey does with a connected stamp, and why. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._decide import journeys, plan
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing
from ansible_collections.azurestack.hub.plugins.plugin_utils import _planning
from ansible_collections.azurestack.hub.plugins.plugin_utils._decision import DecidingAction

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "journey": {"type": "str", "choices": list(journeys.JOURNEYS), "default": journeys.REGISTER},
    **_planning.ASKED,
    "found": {"type": "dict"},
}


class ActionModule(DecidingAction):
    """Checks what is asked for; with what was read, shows the differences and returns the steps."""

    spec = SPEC

    def decide(self, args: dict[str, t.Any], host: str, result: dict[str, t.Any]) -> None:
        """Return the plan; without what was read, check what is asked for."""
        found = args["found"]
        if found is None:
            result.update(steps={}, drift=[], not_compared=list(billing.CONTRACT))
            result["warnings"] = journeys.check(args["journey"], args)
            return
        if found.get("failed"):
            result.update(found)
            return
        made = journeys.decide(args["journey"], args, found)
        self._show(made, host)
        result.update(
            {name: value for name, value in dataclasses.asdict(made).items() if name != "wanted"},
            wanted=dataclasses.asdict(made.wanted) if made.wanted else {},
            due=made.due,
            changed=made.due and self._task.check_mode,
            diff=_diff(made, host),
        )

    def _show(self, made: plan.Plan, host: str) -> None:
        screen = Display()
        if made.line is not None:
            screen.display(f"{host}: {made.line}")
        for drift in made.drift:
            screen.display(f"{host}: {drift.line()}", color="yellow")
        if made.due and self._task.check_mode:
            screen.display(f"{host}: would {made.sentence()}", color="yellow")


def _diff(made: plan.Plan, host: str) -> dict[str, t.Any]:
    """Return what differs, and the steps that are taken, for the diff of the task."""
    header = {"before_header": host, "after_header": host}
    if not made.due:
        return {"before": {}, "after": {}, **header}
    return {
        "before": {one.field: one.found for one in made.drift},
        "after": {**{one.field: one.wanted for one in made.drift}, "steps": made.sentence()},
        **header,
    }
