# SPDX-License-Identifier: GPL-3.0-or-later
"""A second host for one task: artifacts pass from one runner to another. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import collections
import contextlib
import copy
import multiprocessing
import typing as t

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.play_context import PlayContext
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
            f"The inventory has no host {host!r}",
            kind="unknown_host",
            remedy="Compare azs_pep_runner and azs_azure_runner with the inventory",
        )
    variables = _variables_of(host, task_vars)
    transport = variables.get("ansible_connection") or C.DEFAULT_TRANSPORT
    task = action._task.copy()
    task.delegate_to = None
    context = _of_the_command_line().set_task_and_variable_override(task, variables, action._templar)
    context.remote_addr = variables["ansible_host"]
    context.connection = "ssh" if transport == "smart" else transport
    connection = connection_loader.get(context.connection, context, new_stdin=None)
    if connection is None:
        raise InputError(
            f"The connection plugin {context.connection!r} of the host {host!r} was not found",
            remedy="Compare ansible_connection of that host",
        )
    keywords = {**task.dump_attrs(), "timeout": context.timeout}
    del keywords["retries"]  # of the task, not of the connection
    if context.password:
        keywords["password"] = context.password
    own = collections.ChainMap({"ansible_host": variables["ansible_host"]}, task_vars["hostvars"][host])
    _set_options("connection", connection, keywords, own)
    _set_options("shell", connection._shell, keywords, own)
    become = None
    if boolean(variables.get("ansible_become", task.become) or False, strict=False):
        become = become_loader.get(variables.get("ansible_become_method") or task.become_method or "sudo")
        if context.become_pass:
            keywords["become_pass"] = context.become_pass
        _set_options("become", become, keywords, own)
    connection.set_become_plugin(become)
    other = copy.copy(action)
    other._task = task
    other._connection = connection
    other._play_context = context
    try:
        yield other, variables
    finally:
        connection.close()


def _of_the_command_line() -> PlayContext:
    """Return what the command line says of connections, passwords that were asked for included.

    The action's own play context holds the password, the key and the user of the task's host, which are none of another
    host's business. ansible-core hands the context without them to the process that it makes for each task.
    """
    return getattr(multiprocessing.current_process(), "_play_context", None) or PlayContext()


def _set_options(kind: str, plugin: t.Any, keywords: dict[str, t.Any], own: t.Mapping[str, t.Any]) -> None:
    """Set a plugin's options as for a task of a host.

    :param own: variables of that host alone: the task's may hold another host's secrets.
    """
    names = C.config.get_plugin_vars(kind, plugin._load_name)
    plugin.set_options(task_keys=keywords, var_options={name: own[name] for name in names if name in own})


def _variables_of(host: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a task's variables as they would be on another host: how to reach it, its interpreter, its facts."""
    # Ansible puts the variables of the task's own connection among them, so none of these can be trusted.
    variables = {name: value for name, value in task_vars.items() if not name.startswith("ansible_")}
    known = task_vars["hostvars"][host]
    variables.update({name: known[name] for name in known if name.startswith("ansible_")})
    variables["inventory_hostname"] = host
    variables.setdefault("ansible_host", host)
    return variables
