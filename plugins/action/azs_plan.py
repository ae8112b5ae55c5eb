# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a connected stamp lacks and which steps give it that. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, plan
from ansible_collections.azurestack.hub.plugins.plugin_utils._decision import DecidingAction

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "billing_model": {"type": "str", "choices": list(billing.BILLING_MODELS), "required": True},
    "agreement_number": {"type": "str"},
    "asset_tag": {"type": "str"},
    "usage_reporting": {"type": "bool"},
    "marketplace_syndication": {"type": "bool"},
    "token_version": {"type": "str", "choices": list(billing.TOKEN_VERSIONS), "no_log": False},
    "cloud_id": {"type": "str"},
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "bridge_principal": {"type": "str"},
    "new_bridge_principal": {"type": "bool", "default": False},
    "reregister": {"type": "bool", "default": False},
    "found": {"type": "dict"},
    "show": {"type": "bool", "default": True},
}


class ActionModule(DecidingAction):
    """Checks what is asked for; with what was read, prints one line per field that drifted and returns the steps."""

    spec = SPEC

    def decide(self, args: dict[str, t.Any], host: str, result: dict[str, t.Any]) -> None:
        """Return the plan, and what is wanted also where there is none."""
        result.update(drift=[], steps={}, not_compared=list(billing.CONTRACT))
        wanted, warnings = plan.wanted_of(args)
        result["wanted"] = {
            name: getattr(wanted.request, name)
            for name in ("billing_model", "marketplace_syndication", "usage_reporting")
        }
        found = args["found"]
        if found is None:
            result["warnings"] = warnings
            return
        if found.get("failed"):
            result.update(found)
            return
        made = plan.plan(
            wanted,
            activation=found["activation"],
            remembered=found.get("remembered") or {},
            registrations=found.get("registrations"),
        )
        for drift in made.drift if args["show"] else ():
            Display().display(f"{host}: {drift.line()}", color="yellow")
        result.update(
            drift=[dataclasses.asdict(one) for one in made.drift],
            steps=dataclasses.asdict(made.steps),
            due=any(dataclasses.asdict(made.steps).values()),
            cloud_id=made.cloud_id,
            registration_id=made.registration_id,
            bridge_principal=made.bridge_principal,
            not_compared=list(made.not_compared),
        )
