# SPDX-License-Identifier: GPL-3.0-or-later
"""A second host for one task: artifacts pass from one runner to another. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import copy
import typing as t

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


def at(action: AzsAction, host: str, task_vars: dict[str, t.Any]) -> tuple[AzsAction, dict[str, t.Any]]:
    """Return an action like the given one that acts on another inventory host, and that host's variables.

    :param host: inventory name, or localhost for the controller.
    :raises InputError: the inventory does not know the host.
    """
    if host not in task_vars["hostvars"]:
        raise InputError(
            f"The inventory has no host {host!r}", kind="unknown_host",
            remedy="Compare azs_pep_runner and azs_azure_runner with the inventory",
        )
    known = task_vars["hostvars"][host]
    variables = {name: known[name] for name in known if name.startswith("ansible_")}
    variables["inventory_hostname"] = host
    variables.setdefault("ansible_host", host)
    transport = variables.get("ansible_connection") or C.DEFAULT_TRANSPORT
    context = action._play_context.copy()
    context.remote_addr = variables["ansible_host"]
    context.connection = "ssh" if transport == "smart" else transport
    connection = connection_loader.get(context.connection, context, new_stdin=None)
    if connection is None:
        raise InputError(
            f"The connection plugin {context.connection!r} of the host {host!r} was not found",
            remedy="Compare ansible_connection of that host",
        )
    connection.set_options(var_options=variables)
    become = None
    if boolean(variables.get("ansible_become", action._task.become) or False, strict=False):
        become = become_loader.get(variables.get("ansible_become_method") or action._task.become_method or "sudo")
        become.set_options(var_options=variables)
    connection.set_become_plugin(become)
    other = copy.copy(action)
    other._task = action._task.copy()
    other._task.delegate_to = None
    other._connection = connection
    other._play_context = context
    return other, {**task_vars, **variables}
