# SPDX-License-Identifier: GPL-3.0-or-later
"""An action that decides from what others read. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError


class DecidingAction(ActionBase):
    """Checks its options and has the subclass decide; contacts nothing and changes nothing.

    :cvar spec: the options. An empty one counts as not given: that is what an inventory variable has that somebody cleared.
    """

    spec: t.ClassVar[dict[str, dict[str, t.Any]]] = {}
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the decision as the task result."""
        result = super().run(tmp, task_vars)
        self._task.args = {name: value for name, value in self._task.args.items() if value not in ("", None)}
        given = dict(self._task.args)
        dummy, args = self.validate_argument_spec(argument_spec=self.spec)
        result["changed"] = False
        try:
            _options.check_texts(given, self.spec)
            self.decide(args, (task_vars or {}).get("inventory_hostname", "localhost"), result)
        except AzsError as error:
            result.update(error.as_failure())
        return result

    def decide(self, args: dict[str, t.Any], host: str, result: dict[str, t.Any]) -> None:
        """Write the decision into the result. Raises AzsError for what is not the collection's to choose."""
        raise NotImplementedError
