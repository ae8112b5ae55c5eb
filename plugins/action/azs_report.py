# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the fleet report of what was read of all stamps. Runs on the controller alone."""

from __future__ import annotations

import base64
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._report import fleet
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import Inventory

_CONNECTED: t.Final = "azs_connected"
"""The group of the stamps that are to be as azs_plan says."""


class ActionModule(ActionBase):
    """Prints one line of counts and one for each stamp that needs somebody, and returns the report as data."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the report as the task result."""
        result = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "stamps": {"type": "list", "elements": "dict", "default": []},
                "fleet": {"type": "dict", "default": {}},
                "hosts": {"type": "list", "elements": "str", "default": []},
                "within_days": {"type": "int", "default": 30},
                "previous": {"type": "str", "default": ""},
            }
        )
        warnings = [f"{host}: {said}" for host, read in args["fleet"].items() for said in read.get("warnings", ())]
        previous = fleet.parse(_decoded(args["previous"]))
        if args["previous"].strip() and previous is None:
            warnings.append(
                "The report before is none, or of another version: what changed since then is not known, this report begins anew."
            )
        inventory, own = Inventory(task_vars or {}, self._templar), {one["name"]: one for one in args["stamps"]}
        together = [host for host in args["fleet"] if host not in own]
        made = fleet.report(
            [
                *({**_line(inventory, host, one.get("read") or {}), **one} for host, one in own.items()),
                *(_line(inventory, host, args["fleet"][host]) for host in together),
            ],
            hosts=args["hosts"],
            moment=expiry.now(),
            within_days=args["within_days"],
            previous=previous,
        )
        for line in made.lines():
            Display().display(line)
        result.update(changed=False, report=made.data, differs=made.differs)
        if warnings:
            result["warnings"] = warnings
        return result


def _line(inventory: Inventory, host: str, read: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what was read of a stamp, and what its variables want of it."""
    try:
        wanted = inventory.wanted(host)
        if "name" not in wanted:
            wanted.pop("resource_group", None)
        return {
            "name": host,
            "read": read,
            "wanted": wanted,
            "connected": _CONNECTED in inventory.variable(host, "group_names"),
            "azure": inventory.flag(host, "azs_verify_azure", default=True),
            "stamp": inventory.variable(host, "azs_admin_endpoint") is not None,
            "require_activation": inventory.flag(
                host, "azs_verify_require_activation", "azs_verify_stamp", default=True
            ),
        }
    except InputError as error:
        return {"name": host, "read": read, "failure": error.as_failure()}


def _decoded(content: str) -> str:
    """Return a file's text from its Base64; nothing when it is none."""
    try:
        return base64.b64decode(content, validate=True).decode("utf-8")
    except ValueError:  # binascii's and UTF-8's errors are ones
        return ""
