# SPDX-License-Identifier: GPL-3.0-or-later
"""The request log: what clients really sent. Secrets never enter it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

KEPT = 200_000
"""Entries kept; older ones are forgotten, so that a simulator can run for days."""


class Journal:
    """A numbered list of requests, oldest first. Numbers start at 1 and never repeat."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._started = time.monotonic()
        self._count = 0
        self._changed = asyncio.Event()

    def add(self, service: str, **facts: Any) -> int:
        """Log one request of `service` (arm, login, admin or pep) and return its number.

        Facts used: cloud, stamp, ercs, method, path, action, cmdlet, parameters (names alone), status (None: no
        answer was given), seconds (service time). Facts that are None, apart from the status, are left out.
        """
        self._count += 1
        entry = {"n": self._count, "service": service, "at": round(time.monotonic() - self._started, 6)}
        entry.update((name, fact) for name, fact in facts.items() if fact is not None or name == "status")
        self._entries.append(entry)
        self._changed.set()
        self._changed = asyncio.Event()
        return self._count

    def since(self, number: int = 0, service: str | None = None) -> list[dict[str, Any]]:
        """Entries after `number`, of one service or of all."""
        newer = [entry for entry in self._entries if entry["n"] > number]
        return [entry for entry in newer if service is None or entry["service"] == service]

    async def wait(self, number: int, service: str | None, seconds: float) -> list[dict[str, Any]]:
        """Like `since`, but wait up to `seconds` for the first such entry; empty when none came."""
        deadline = time.monotonic() + seconds
        while not (entries := self.since(number, service)):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
            except asyncio.TimeoutError:
                break
        return entries
