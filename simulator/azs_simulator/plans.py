# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plans: what a stamp does for minutes, and goes on doing when the session that asked for it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import typing
from collections.abc import Callable
from typing import Any

if typing.TYPE_CHECKING:
    from .stamp import Stamp

COMMITS = ("before", "after", "never")
"""When the outcome of a plan takes effect whose session is lost: at once, in its own time, or not at all."""

_running: set[asyncio.Task[Any]] = set()


class ActionPlan:
    """A running action plan of a stamp. Raises CmdletError when the stamp is busy with another one."""

    def __init__(self, stamp: Stamp, seconds: float, commit: Callable[[], Any]) -> None:
        self.seconds = seconds
        self._stamp = stamp
        self._commit = commit
        self.dropped = False
        """Whether it ends without effect, by `settle`."""
        self._hurry = asyncio.Event()
        self._id = stamp.begin()
        self._task = asyncio.create_task(self._run())
        # The event loop itself keeps only weak references, and the session may end before the plan does.
        _running.add(self._task)
        self._task.add_done_callback(_forget)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return not self._task.done()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most `seconds`; returns whether it was reached."""
        done, _pending = await asyncio.wait({self._task}, timeout=seconds)
        return bool(done)

    def result(self) -> Any:
        """What the plan gave. Raises CmdletError when it failed."""
        return self._task.result()

    def when_ended(self, tell: Callable[[bool], Any]) -> None:
        """Tell at its end whether it worked."""
        self._task.add_done_callback(
            lambda task: tell(not self.dropped and not task.cancelled() and task.exception() is None)
        )

    def settle(self, commit: str) -> None:
        """Decide what becomes of a plan whose session is lost: one of `COMMITS`."""
        if commit == "never":
            self.dropped = True
        if commit != "after":
            self._hurry.set()

    async def _run(self) -> Any:
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self.seconds)
            return None if self.dropped else self._commit()
        finally:
            self._stamp.finish(self._id)


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # nobody else asks for it when the session is gone
