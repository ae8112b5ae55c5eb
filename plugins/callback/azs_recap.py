# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says at the end of a run which stamps failed, and why."""

from __future__ import annotations

DOCUMENTATION = r"""
name: azs_recap
type: aggregate
short_description: Which stamps failed, and why
version_added: 1.0.0
author: Azure Stack Hub collection team (@azurestack-hub)
description:
  - Prints one line for each host that failed or was unreachable, below the recap that ansible-core prints. In a fleet the
    messages themselves scrolled away long ago.
  - Prints nothing when no host failed.
requirements:
  - Enable it in C(ansible.cfg) with C(callbacks_enabled = azurestack.hub.azs_recap) in the section C(defaults), or with
    E(ANSIBLE_CALLBACKS_ENABLED).
"""

import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Remembers the failure that ended each host, and prints them all at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "azurestack.hub.azs_recap"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **options: t.Any) -> None:
        """Begin with no failures."""
        super().__init__(*args, **options)
        self._failures: dict[str, str] = {}
        self._settled: set[str] = set()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Remember the stamps that had nothing to do: no task of their own is run for them, so that Ansible counts them nowhere."""
        if str(result._task.action).rpartition(".")[2] == "azs_due":
            self._settled |= set(result._result.get("settled") or ())

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Remember why a host failed."""
        if not ignore_errors:
            self._remember(result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Remember that the host that a task of this host was to run on was not reached."""
        self._remember(result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Print what was remembered of the hosts that are failed or unreachable in the end, not of those that were rescued."""
        summaries = {host: stats.summarize(host) for host in sorted(stats.processed)}
        failed = [host for host, summary in summaries.items() if summary["failures"] or summary["unreachable"]]
        if not failed:
            return
        self._display.banner(f"{len(failed)} OF {len(self._settled | set(summaries))} FAILED")
        for host in failed:
            self._display.display(f"{host}: {self._failures.get(host, 'its message is above')}", color=C.COLOR_ERROR)

    def _remember(self, result: t.Any) -> None:
        message = str(result._result.get("msg", "")).strip() or "no message"
        if result._result.get("_ansible_no_log"):
            message = "the message is hidden"
        task = result._task.get_name().rpartition(" : ")[2]
        self._failures[result._host.get_name()] = f"{' '.join(message.split())} [{task}]"
