# SPDX-License-Identifier: GPL-3.0-or-later
"""Until Azure knows everywhere what was just made. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import absence
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

T = t.TypeVar("T")


def once_known(step: t.Callable[[], T], patience: float) -> T:
    """Run a step on what was just made, again and again while Azure does not know it everywhere yet.

    For what this run or the last one is known to have made, or was seen: everything else that is not there is not waited for.

    :param patience: seconds to wait.
    :raises ArmError: the step's own error; that of the absence when the patience ended.
    """
    began, pause = time.monotonic(), 0.5
    while True:
        try:
            return step()
        except ArmError as error:
            waited = time.monotonic() - began
            if not absence.is_told(error) or waited + pause > patience:
                if absence.is_told(error) and patience:
                    error.message += f"; it was waited for {waited:.0f} seconds"
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 10.0)
