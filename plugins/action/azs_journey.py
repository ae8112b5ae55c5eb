# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what renewal, change, removal or registering again do with a stamp. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._domain import journeys
from ansible_collections.azurestack.hub.plugins.plugin_utils._decision import DecidingAction

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


class ActionModule(DecidingAction):
    """Checks what is asked for; with what was read, returns what the journey does, or why it refuses to."""

    spec = SPEC

    def decide(self, args: dict[str, t.Any], host: str, result: dict[str, t.Any]) -> None:
        """Return the decision, and print its line where it has one."""
        result.update(_decided(args))
        if "line" in result:
            Display().display(f"{host}: {result['line']}")


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
