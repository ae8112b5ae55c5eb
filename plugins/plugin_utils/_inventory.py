# SPDX-License-Identifier: GPL-3.0-or-later
"""What the azs_* variables of other hosts say, for a task that runs once for all. FOR INTERNAL COLLECTION USE ONLY.

The variable of an option is azs_<option>; `RENAMED` holds the few that are called otherwise.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.plugin_utils import _variables

RENAMED: t.Final = {"name": "azs_registration_name"}
"""Option -> the variable that stands for it, where that is not azs_<option>."""
WANTED: t.Final = (
    "billing_model",
    "agreement_number",
    "asset_tag",
    "usage_reporting",
    "marketplace_syndication",
    "token_version",
    "cloud_id",
    "name",
    "resource_group",
    "bridge_principal",
    "new_bridge_principal",
    "reregister",
)
"""What is wanted of a stamp: the options of azs_plan."""


class Inventory:
    """The variables of the hosts of a play.

    :param task_vars: of the task, on one of these hosts.
    """

    def __init__(self, task_vars: t.Mapping[str, t.Any]) -> None:
        self._every = task_vars["hostvars"]
        self._known: dict[str, dict[str, t.Any]] = {}
        here = self._read(str(task_vars["inventory_hostname"]))
        # What a playbook of somebody's own gives to the one that it imports is a variable of the play.
        self._of_play = {
            name: task_vars[name]
            for name in _variables.SPEC
            if name in task_vars and (name not in here or here[name] != task_vars[name])
        }

    def _read(self, host: str) -> dict[str, t.Any]:
        variables = self._every[host]
        return {name: variables[name] for name in variables if name in _variables.SPEC}

    def of(self, host: str) -> dict[str, t.Any]:
        """Return the azs_* variables of a host, templates filled in."""
        if host not in self._known:
            self._known[host] = {**self._read(host), **self._of_play}
        return self._known[host]

    def options(self, host: str, *names: str) -> dict[str, t.Any]:
        """Return options that a host's variables give; what they leave out, or empty, is not in it."""
        variables = self.of(host)
        found = {name: variables.get(RENAMED.get(name, f"{_variables.PREFIX}{name}")) for name in names}
        return {name: value for name, value in found.items() if value not in (None, "")}

    def family(self, host: str, family: str) -> dict[str, t.Any]:
        """Return the options of a family that a host's variables give."""
        return self.options(host, *_options.SPECS[family])

    def wanted(self, host: str) -> dict[str, t.Any]:
        """Return what is wanted of a stamp."""
        return self.options(host, *WANTED)
