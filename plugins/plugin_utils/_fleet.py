# SPDX-License-Identifier: GPL-3.0-or-later
"""One task that runs once for many stamps. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import itertools
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _hosts, _tokens, _user
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Token

HERE: t.Final = "localhost"
BUNDLE: t.Final = "~/azurestack-bundle"
_AT_ONCE: t.Final = 250
"""Stamps of one process: what it learns is looked for in all that it prints."""

Found = dict[str, dict[str, t.Any]]
Key = t.TypeVar("Key", bound=t.Hashable)


class FleetAction(AzsAction):
    """Has the stamps of each runner worked on there, in one process, each with the options of its own targets."""

    def access_token(self, options: t.Mapping[str, t.Any], host: str) -> str | None:
        """Return the access token of a user who signs in at the controller; None where nobody does."""
        if options.get("auth_source") != _user.SOURCE:
            return None
        return _user.access_token(options, host=host, task=self._task._uuid)

    def tokens(self, runner: str, args: dict[str, t.Any]) -> list[Token] | None:
        """Return those of all stamps in Azure, each once."""
        found = [one for options in args.get("stamps", ()) for one in _tokens.known(runner, ("azure",), options)]
        return list({one["key"]: one for one in found}.values())

    def keep_tokens(self, runner: str, args: dict[str, t.Any], learned: dict[str, list[Token]]) -> None:
        """Keep those that the module got for each stamp."""
        for options in args["stamps"]:
            _tokens.keep(runner, options, learned.get(options["name"], []))

    def at_runner(
        self, module: str, runner: str, stamps: t.Mapping[str, dict[str, t.Any]], task_vars: dict[str, t.Any]
    ) -> Found:
        """Return what a module returns at a runner for each stamp, or why it did not.

        :param module: takes `stamps`, and returns them by their names.
        """
        found: Found = {}
        waiting = iter(stamps.values())
        while some := list(itertools.islice(waiting, _AT_ONCE)):
            try:
                with _hosts.at(self, runner, task_vars) as (there, variables):
                    result = there.knowing_silent(module, {"stamps": some, "_azs": {}}, runner, variables)
            except AzsError as error:
                result = error.as_failure()
            except AnsibleConnectionFailure as error:
                result = {"unreachable": True, "failed": True, "msg": error.message}
            said = result.get("stamps")
            if said is None:
                failure = {
                    name: result[name] for name in ("msg", "error", "unreachable", "exception") if name in result
                }
                said = {one["name"]: {"changed": False, "failed": True, **failure} for one in some}
            found.update(said)
        return found


def by(keys: t.Mapping[str, Key], hosts: t.Iterable[str]) -> dict[Key, list[str]]:
    """Return the hosts of each key."""
    grouped: dict[Key, list[str]] = {}
    for host in hosts:
        grouped.setdefault(keys[host], []).append(host)
    return grouped
