# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the fleet report of what was read of all stamps. Runs on the controller alone."""

from __future__ import annotations

import base64
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._report import fleet


class ActionModule(ActionBase):
    """Prints one line of counts and one for each stamp that needs somebody, and returns the report as data."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the report as the task result."""
        result = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "stamps": {"type": "list", "elements": "dict", "required": True},
                "hosts": {"type": "list", "elements": "str", "default": []},
                "within_days": {"type": "int", "default": 30},
                "previous": {"type": "str", "default": ""},
            }
        )
        previous = fleet.parse(_decoded(args["previous"]))
        if args["previous"].strip() and previous is None:
            result["warnings"] = [
                "The report before is none, or of another version: what changed since then is not known, this report begins anew."
            ]
        made = fleet.report(
            args["stamps"],
            hosts=args["hosts"],
            moment=expiry.now(),
            within_days=args["within_days"],
            previous=previous,
        )
        for line in made.lines():
            Display().display(line)
        result.update(changed=False, report=made.data, differs=made.differs)
        return result


def _decoded(content: str) -> str:
    """Return a file's text from its Base64; nothing when it is none."""
    try:
        return base64.b64decode(content, validate=True).decode("utf-8")
    except ValueError:  # binascii's and UTF-8's errors are ones
        return ""
