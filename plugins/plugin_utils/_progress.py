# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines of long steps. FOR INTERNAL COLLECTION USE ONLY.

A module cannot print while it runs. So its action plugin does: a thread shows what is done for whom and for how long, and
the last progress record that the module left in a file when both run on the same machine. Of a fleet that takes the same step
at once, one line tells where everybody is.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import typing as t

from ansible import constants as C
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared

INTERVAL: t.Final = 10
"""Seconds between two lines."""
_SINGLY: t.Final = 5
"""Hosts in the same step that get a line each; more than that share one."""
_GROUPS: t.Final = 5
"""Percentages that are told apart; of more than that, only the quarters are."""
_NAMED: t.Final = 4
"""Hosts that are named of those that are equally far."""


class ProgressLines:
    """Context manager that prints a line every so often while a step runs.

    :param host: for whom, the beginning of every line.
    :param step: what is done.
    :param interval: seconds between two lines.
    :param follow: whether the module runs on this machine, so that it can leave its progress records in a file.
    :param urgent: whether somebody has to do something. Such lines go to standard error: ansible-core does not flush
        standard output, so that a pipe would keep them back. They are never left out.
    """

    def __init__(self, host: str, step: str, interval: t.Any, *, follow: bool, urgent: bool = False) -> None:
        self._host = host
        self._step = step
        self._urgent = urgent
        self._interval = max(1.0, float(interval or INTERVAL))
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self.path: str | None = None
        if follow:
            descriptor, self.path = tempfile.mkstemp(prefix="azs-progress-", dir=C.DEFAULT_LOCAL_TMP)
            os.close(descriptor)

    def __enter__(self) -> ProgressLines:
        if not self._urgent:
            self._tell()
        self._thread.start()
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        self._ended.set()
        self._thread.join()
        if self.path:
            os.unlink(self.path)
        if not self._urgent:
            _shared.change(self._board, self._leave)

    @property
    def _board(self) -> str:
        return f"progress: {self._step}"

    def _show(self) -> None:
        display = Display()
        while not self._ended.wait(self._interval):
            line = self.line() if self._urgent else self._due()
            if line:
                display.display(line, stderr=self._urgent)

    def _due(self) -> str | None:
        """Return the line to show now, for this host or for all that take the same step; None when another process shows it."""
        hosts, shows = self._tell(self._interval)
        if len(hosts) <= _SINGLY:
            return self.line()
        return summary(self._step, hosts, time.monotonic()) if shows else None

    def _tell(self, after: float = float("inf")) -> tuple[dict[str, t.Any], bool]:
        """Let the other processes know how far this host is.

        :param after: seconds after the last common line when it is time for the next one.
        :return: how far all hosts are, and whether this process shall show it.
        """
        now = time.monotonic()
        mine = {"began": self._began, "seen": now, "percent": _percent(self._record())}
        shows = False

        def tell(board: dict[str, t.Any]) -> dict[str, t.Any]:
            nonlocal shows
            # A process that was killed does not leave.
            hosts = {
                name: one for name, one in board.get("hosts", {}).items() if now - one["seen"] < 3 * self._interval
            }
            hosts[self._host] = mine
            # Everybody comes by once in an interval: the first one who comes after it is over shows the line.
            shows = len(hosts) > _SINGLY and now - board.get("shown", 0.0) >= 0.9 * after
            return {"hosts": hosts, "shown": now if shows else board.get("shown", 0.0)}

        return _shared.change(self._board, tell)["hosts"], shows

    def _leave(self, board: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**board, "hosts": {name: one for name, one in board.get("hosts", {}).items() if name != self._host}}

    def line(self) -> str:
        """Return the line of this host: step, elapsed time, last progress record."""
        record = self._record()
        text = f"{self._host}: {self._step}"
        if record.get("step") and not text.endswith(record["step"]):
            text += f", {record['step']}"
        text += f": {_elapsed(time.monotonic() - self._began)}"
        if record.get("activity"):
            text += f", {record['activity']}"
            if record.get("status"):
                text += f": {record['status']}"
            if _percent(record) is not None:
                text += f" ({record['percent']} %)"
        return text

    def _record(self) -> dict[str, t.Any]:
        if not self.path:
            return {}
        try:
            with open(self.path, encoding="utf-8") as stream:
                record = json.load(stream)
        except (OSError, ValueError):  # nothing written yet
            return {}
        return record if isinstance(record, dict) else {}


def summary(step: str, hosts: t.Mapping[str, t.Mapping[str, t.Any]], now: float) -> str:
    """Return one line that says how far each of many hosts is, those that are least far first.

    :param hosts: name -> when its step began (seconds, as `now`), and its last percentage or None.
    """
    coarse = len({one["percent"] for one in hosts.values()}) > _GROUPS
    groups: dict[int, list[str]] = {}
    for name, one in sorted(hosts.items()):
        percent = -1 if one["percent"] is None else one["percent"] // 25 * 25 if coarse else one["percent"]
        groups.setdefault(percent, []).append(name)
    parts = []
    for percent, names in sorted(groups.items()):
        far = "under way" if percent < 0 else f"{'from' if coarse else 'at'} {percent} %"
        parts.append(f"{len(names)} {far} ({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})")
    longest = max(now - one["began"] for one in hosts.values())
    return f"{step}: {len(hosts)} stamps, up to {_elapsed(longest)}: {'; '.join(parts)}"


def _elapsed(seconds: float) -> str:
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"


def _percent(record: t.Mapping[str, t.Any]) -> int | None:
    percent = record.get("percent")
    return percent if isinstance(percent, int) and percent >= 0 else None
