# SPDX-License-Identifier: GPL-3.0-or-later
"""Says whether a stamp, its registration and its activation agree. Runs on the controller alone."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "cloud_id": {"type": "str", "required": True},
    "billing_model": {"type": "str"},
    "marketplace_syndication": {"type": "bool"},
    "usage_reporting": {"type": "bool"},
    "agreement_number": {"type": "str"},
    "asset_tag": {"type": "str"},
    "registration_id": {"type": "str"},
    "registrations": {"type": "list", "elements": "dict"},
    "activation": {"type": "dict"},
    "remembered": {"type": "dict"},
    "require_activation": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Compares what was read, prints one line, and fails when something disagrees."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the verdict as the task result."""
        result = super().run(tmp, task_vars)
        given = dict(self._task.args)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        try:
            _options.check_texts(given, SPEC)
        except AzsError as wrong:
            result.update(wrong.as_failure())
            return result
        verdict = chain.verdict(args)
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        Display().display(f"{host}: {verdict['line']}", color=None if verdict["agrees"] else "red")
        result.update(changed=False, **verdict)
        if verdict["activation"] == chain.NOT_KNOWN and not args["require_activation"]:
            result["warnings"] = [f"{host}: {chain.NOTHING_TELLS}."]
        if not verdict["agrees"]:
            error = AzsError(
                f"{host} disagrees",
                kind="stamp_disagrees",
                cause="; ".join(verdict["findings"]),
                remedy=". ".join(verdict["remedies"]) or None,
            )
            result.update(error.as_failure())
        return result
