# SPDX-License-Identifier: GPL-3.0-or-later
"""The last progress record of a long cmdlet, for whoever shows it. FOR INTERNAL COLLECTION USE ONLY.

A module cannot print while it runs. When it runs on the controller, its action plugin names a file, reads it now and
then and prints what it holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import typing as t


class ProgressRecords:
    """Writes the current step and the last progress record to a file, or nowhere when there is no file."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._record: dict[str, t.Any] = {}

    def step(self, name: str) -> None:
        """Begin a step, named in the operator's words."""
        self._record = {
            "step": name,
            "activity": None,
            "status": None,
            "percent": None,
            "since": round(time.time(), 3),
        }
        self._write()

    def __call__(self, activity: str, status: str, percent: int) -> None:
        """Keep a progress record of the running step; `percent` is negative when the stamp does not tell."""
        self._record.update(activity=activity, status=status, percent=percent if percent >= 0 else None)
        self._write()

    def _write(self) -> None:
        if not self._path:
            return
        directory, name = os.path.split(self._path)
        # Progress is a courtesy: no step may fail because it cannot be shown.
        with contextlib.suppress(OSError):
            descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory or ".")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    json.dump(self._record, stream)
                os.replace(temporary, self._path)
            except OSError:
                os.unlink(temporary)
