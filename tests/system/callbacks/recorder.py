# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what every callback gets to see of a task, as JSON lines: the data that AWX makes its events of."""

from __future__ import annotations

DOCUMENTATION = r"""
name: recorder
type: aggregate
short_description: record task results
description: Writes every task result to the file that the environment variable RECORDER_FILE names.
"""

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """The recorder."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._began: dict[tuple[str, str], float] = {}

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._began[host.get_name(), task._uuid] = time.monotonic()

    def _record(self, outcome: str, result: t.Any) -> None:
        entry = {
            "outcome": outcome,
            "host": result._host.get_name(),
            "task": result._task.get_name().rpartition(" : ")[2],
            "action": result._task.action,
            "seconds": time.monotonic() - self._began[result._host.get_name(), result._task._uuid],
            "result": result._result,
        }
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._record("failed", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._record("unreachable", result)
