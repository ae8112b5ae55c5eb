# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills modules at an exact point: where a service was told not to answer."""

from __future__ import annotations

import signal
import typing as t

if t.TYPE_CHECKING:
    from processes import Outcome, Running

    from azs_simulator.client import Simulator


def kill_at_hang(simulator: Simulator, running: Running, mark: int) -> Outcome | None:
    """SIGKILL a module when a request hangs that a fault rule `hang` was taken by.

    :param mark: number of an entry of the request log, from before the module was started.
    :returns: None when it was killed, how it went when it came to its end before.
    """
    while not running.ended:
        if any(one["taken"] for one in simulator.faults() if one["effect"]["kind"] == "hang"):
            running.send(signal.SIGKILL)
            running.wait()
            return None
        # A pause that ends early: with each request, of which the hanging one is none.
        entries = simulator.requests(mark, wait=0.1)
        mark = entries[-1]["n"] if entries else mark
    return running.wait()
