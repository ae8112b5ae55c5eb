# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines of long steps. FOR INTERNAL COLLECTION USE ONLY.

A module cannot print while it runs. So its action plugin does: a thread shows what is done for whom and for how long, and
the last progress record that the module left in a file when both run on the same machine.
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

INTERVAL: t.Final = 10
"""Seconds between two lines."""


class Progress:
    """Context manager that prints a line every so often while a step runs.

    :param label: who does what, the beginning of every line.
    :param interval: seconds between two lines.
    :param follow: whether the module runs on this machine, so that it can leave its progress records in a file.
    :param urgent: whether somebody has to do something. Such lines go to standard error: ansible-core does not flush
        standard output, so that a pipe would keep them back.
    """

    def __init__(self, label: str, interval: t.Any, *, follow: bool, urgent: bool = False) -> None:
        self._label = label
        self._urgent = urgent
        self._interval = max(1.0, float(interval or INTERVAL))
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self.path: str | None = None
        if follow:
            descriptor, self.path = tempfile.mkstemp(prefix="azs-progress-", dir=C.DEFAULT_LOCAL_TMP)
            os.close(descriptor)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        self._ended.set()
        self._thread.join()
        if self.path:
            os.unlink(self.path)

    def _show(self) -> None:
        display = Display()
        while not self._ended.wait(self._interval):
            display.display(self.line(), stderr=self._urgent)

    def line(self) -> str:
        """Return the line to show now: label, step, elapsed time, last progress record."""
        elapsed = int(time.monotonic() - self._began)
        record = self._record()
        text = self._label
        if record.get("step") and not text.endswith(record["step"]):
            text += f", {record['step']}"
        text += f": {elapsed // 60}m{elapsed % 60:02d}s"
        if record.get("activity"):
            text += f", {record['activity']}"
            if record.get("status"):
                text += f": {record['status']}"
            if isinstance(record.get("percent"), int) and record["percent"] >= 0:
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
