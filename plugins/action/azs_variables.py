# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the azs_* variables of all hosts of a play. Runs on the controller alone."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _variables

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {"required": {"type": "list", "elements": "str", "default": []}}


class ActionModule(ActionBase):
    """Looks at the variables as they are written in the inventory and on the command line, before anything is contacted."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the task result; it names every variable that is wrong, and no value."""
        result = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(argument_spec=SPEC)
        known = task_vars or {}
        every = known["hostvars"]
        hosts = {host: every.raw_get(host) for host in known["ansible_play_hosts_all"]}
        # What a playbook of somebody's own gives to the one that it imports is a variable of the play.
        here = hosts.get(known["inventory_hostname"], {})
        of_play = {
            name: value for name, value in known.items() if name.startswith(_variables.PREFIX) and name not in here
        }
        hosts = {host: {**of_play, **variables} for host, variables in hosts.items()}
        try:
            _variables.check(hosts, args["required"], os.environ)
        except InputError as error:
            result.update(error.as_failure())
        result["changed"] = False
        return result
