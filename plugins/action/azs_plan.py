# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a connected stamp lacks and which steps give it that. Runs on the controller alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, plan
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

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


class ActionModule(ActionBase):
    """Checks what is asked for; with what was read, prints one line per field that drifted and returns the steps."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the plan as the task result."""
        result = super().run(tmp, task_vars)
        # An empty string is what an inventory variable has that somebody cleared.
        self._task.args = {name: value for name, value in self._task.args.items() if value not in ("", None)}
        given = dict(self._task.args)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        result.update(changed=False, drift=[], steps={}, not_compared=list(billing.CONTRACT))
        try:
            _options.check_texts(given, SPEC)
            wanted, warnings = plan.wanted_of(args)
            result["wanted"] = {
                name: getattr(wanted.request, name)
                for name in ("billing_model", "marketplace_syndication", "usage_reporting")
            }
            found = args["found"]
            if found is None:
                result["warnings"] = warnings
                return result
            if found.get("failed"):
                result.update(found)
                return result
            made = plan.plan(
                wanted,
                activation=found["activation"],
                remembered=found.get("remembered") or {},
                registrations=found.get("registrations"),
            )
        except AzsError as error:
            result.update(error.as_failure())
            return result
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
        return result
