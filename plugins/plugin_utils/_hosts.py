# SPDX-License-Identifier: GPL-3.0-or-later
"""A second host for one task: artifacts pass from one runner to another. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import contextlib
import copy
import typing as t

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


@contextlib.contextmanager
def at(action: AzsAction, host: str, task_vars: dict[str, t.Any]) -> t.Iterator[tuple[AzsAction, dict[str, t.Any]]]:
    """Give an action like the given one that acts on another inventory host, and the variables to run its modules with.

    The connection is made and closed as for a task of that host; keywords of the play and of the task count for it as well.

    :param host: inventory name, or localhost for the controller.
    :raises InputError: the inventory does not know the host.
    """
    if host not in task_vars["hostvars"]:
        raise InputError(
            f"The inventory has no host {host!r}", kind="unknown_host",
            remedy="Compare azs_pep_runner and azs_azure_runner with the inventory",
        )
    variables = _variables_of(host, task_vars)
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
    keywords = {**action._task.dump_attrs(), "timeout": context.timeout}
    del keywords["retries"]  # of the task, not of the connection
    if context.password:
        keywords["password"] = context.password
    connection.set_options(task_keys=keywords, var_options=variables)
    connection._shell.set_options(task_keys=keywords, var_options=variables)
    become = None
    if boolean(variables.get("ansible_become", action._task.become) or False, strict=False):
        become = become_loader.get(variables.get("ansible_become_method") or action._task.become_method or "sudo")
        if context.become_pass:
            keywords["become_pass"] = context.become_pass
        become.set_options(task_keys=keywords, var_options=variables)
    connection.set_become_plugin(become)
    other = copy.copy(action)
    other._task = action._task.copy()
    other._task.delegate_to = None
    other._connection = connection
    other._play_context = context
    try:
        yield other, variables
    finally:
        connection.close()


def _variables_of(host: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a task's variables as they would be on another host: how to reach it, its interpreter, its facts."""
    # Ansible puts the variables of the task's own connection among them, so none of these can be trusted.
    variables = {name: value for name, value in task_vars.items() if not name.startswith("ansible_")}
    known = task_vars["hostvars"][host]
    variables.update({name: known[name] for name in known if name.startswith("ansible_")})
    variables["inventory_hostname"] = host
    variables.setdefault("ansible_host", host)
    return variables
