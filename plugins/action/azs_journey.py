# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what renewal, change or registering again do with a stamp. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._domain import journeys
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

RENEW: t.Final = "connected_renew"
CHANGE: t.Final = "connected_change"
AGAIN: t.Final = "reregister"
REMOVE: t.Final = "connected_unregister"

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "journey": {"type": "str", "choices": [RENEW, CHANGE, REMOVE, AGAIN], "required": True},
    "cloud_id": {"type": "str"},
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "renewal": {"type": "str", "choices": list(journeys.RENEWALS)},
    "within_days": {"type": "int", "default": 30},
    "keep_expired": {"type": "bool", "default": False},
    "subscription_id": {"type": "str"},
    "old_subscription_id": {"type": "str"},
    "old_registration_id": {"type": "str"},
    "confirmed": {"type": "bool", "default": False},
    "connected": {"type": "bool"},
    "activation": {"type": "dict"},
    "registrations": {"type": "list", "elements": "dict", "default": []},
    "registrations_there": {"type": "list", "elements": "dict"},
}


class ActionModule(ActionBase):
    """Checks what is asked for; with what was read, returns what the journey does, or why it refuses to."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the decision as the task result."""
        result = super().run(tmp, task_vars)
        # An empty string is what an inventory variable has that somebody cleared.
        self._task.args = {name: value for name, value in self._task.args.items() if value not in ("", None)}
        given = dict(self._task.args)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        result["changed"] = False
        try:
            _options.check_texts(given, SPEC)
            result.update(_decided(args))
        except AzsError as error:
            result.update(error.as_failure())
        if "line" in result:
            Display().display(f"{(task_vars or {}).get('inventory_hostname', 'localhost')}: {result['line']}")
        return result


def _decided(args: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the decision as data; nothing when there is nothing to decide on yet. Raises AzsError."""
    if args["journey"] == CHANGE:
        journeys.place_wanted(args)
    if args["activation"] is None:
        return {}
    if args["journey"] == REMOVE:
        journeys.removal(args["name"], args["activation"], args["registrations"])
        return {}
    if args["journey"] == AGAIN:
        named = args["activation"].get("registration_id")
        registration, connected = journeys.again(args["registrations"], named, args["connected"])
        return {"registration": dict(registration), "connected": connected}
    if args["journey"] == RENEW:
        return dataclasses.asdict(journeys.renewal(args, args["activation"], args["registrations"]))
    return dataclasses.asdict(
        journeys.change(args, args["activation"], args["registrations"], args["registrations_there"])
    )
