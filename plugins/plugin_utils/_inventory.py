# SPDX-License-Identifier: GPL-3.0-or-later
"""What the azs_* variables of other hosts say, for a task that runs once for all. FOR INTERNAL COLLECTION USE ONLY.

The variable of an option is azs_<option>; `RENAMED` holds the few that are called otherwise.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _planning, _variables

if t.TYPE_CHECKING:
    from ansible.template import Templar

ONLY_LOOKED_AT: t.Final = ("syntax", "listtasks", "listtags", "listhosts")
"""Options of the command line with which a playbook is looked at, and not run."""
RENAMED: t.Final = {"name": "azs_registration_name"}
"""Option -> the variable that stands for it, where that is not azs_<option>."""


class Inventory:
    """The variables of the hosts of a play. Each is looked at when it is asked for: what nobody needs may be unknown here.

    :param task_vars: of the task, on one of these hosts.
    :param templar: of the task.
    """

    def __init__(self, task_vars: t.Mapping[str, t.Any], templar: Templar) -> None:
        self._every = task_vars["hostvars"]
        self._templar = templar
        self._templars: dict[str, tuple[dict[str, t.Any], Templar]] = {}
        here = self._every.raw_get(task_vars["inventory_hostname"])
        # What a playbook of somebody's own gives to the one that it imports is a variable of the play, and counts more.
        self._of_play = {
            name: task_vars[name]
            for name in _variables.SPEC
            if name in task_vars and (name not in here or here[name] != task_vars[name])
        }

    def variable(self, host: str, name: str) -> t.Any:
        """Return a variable of a host with its templates filled in for that host; None when there is none.

        :raises InputError: a template cannot be filled in, or a vault not be opened.
        """
        if host not in self._templars:
            known: dict[str, t.Any] = {**self._every.raw_get(host), **self._of_play}
            variables = {**known, "hostvars": self._every}
            self._templars[host] = known, self._templar.copy_with_new_env(available_variables=variables)
        known, templar = self._templars[host]
        try:
            return templar.template(known[name]) if name in known else None
        except Exception as error:  # older versions of ansible-core let through whatever an expression raises
            raise InputError(
                f"A variable of {host} cannot be worked out",
                cause=" ".join(str(error).split()),
                remedy="Correct it in the inventory, or give the vault password that opens it",
            ) from error

    def flag(self, host: str, *names: str, default: bool) -> bool:
        """Return the first of some variables of a host that says something, as true or false. Raises as `variable`."""
        told = (self.variable(host, name) for name in names)
        return bool(boolean(next((one for one in told if one is not None), default), strict=False))

    def options(self, host: str, *names: str) -> dict[str, t.Any]:
        """Return options that a host's variables give; what they leave out, or empty, is not in it. Raises as `variable`."""
        found = {name: self.variable(host, RENAMED.get(name, f"{_variables.PREFIX}{name}")) for name in names}
        return {name: value for name, value in found.items() if value not in (None, "")}

    def family(self, host: str, family: str) -> dict[str, t.Any]:
        """Return the options of a family that a host's variables give."""
        return self.options(host, *_options.SPECS[family])

    def wanted(self, host: str) -> dict[str, t.Any]:
        """Return what is wanted of a stamp: the options of azs_plan. Raises as `variable`, and for a value of another type."""
        asked = self.options(host, *_planning.ASKED)
        groups = self.variable(host, "group_names") or ()
        said = [
            connected for group, connected in (("azs_connected", True), ("azs_disconnected", False)) if group in groups
        ]
        return _planning.typed({**asked, **({"connected": said[0]} if said else {})})
