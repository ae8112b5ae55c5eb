# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stamp says of the latest action plan of a cmdlet, after the session that started it was lost. FOR INTERNAL COLLECTION USE ONLY.

`Get-ActionStatus -FunctionName <cmdlet>` tells it where the stamp offers it. The form of its output is not published: what it says is
shown as evidence, and decides nothing unless it plainly says that this very plan succeeded or failed.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import parse_time
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, PepError, PepSessionLost
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession

CMDLET: t.Final = "Get-ActionStatus"
SUCCEEDED: t.Final = "succeeded"
FAILED: t.Final = "failed"

_WORDS: t.Final = {
    "completed": SUCCEEDED,
    "succeeded": SUCCEEDED,
    "success": SUCCEEDED,
    "successful": SUCCEEDED,
    "failed": FAILED,
    "failure": FAILED,
    "error": FAILED,
}
_STATUS: t.Final = re.compile(
    r"\b(?:current ?|action ?|overall ?)*(?:status|state)\b['\"]?(?:\s+is\b)?\s*[:=]?\s*['\"]?([A-Za-z]+)",
    re.IGNORECASE,
)
_FIELDS: t.Final = frozenset(
    {
        "status",
        "currentstatus",
        "state",
        "actionplanname",
        "actiontypename",
        "functionname",
        "instanceid",
        "actionplaninstanceid",
        "starttime",
        "startdatetime",
        "endtime",
        "enddatetime",
        "lastmodifieddatetime",
    }
)
"""What is shown of an object: others, such as its runtime parameters, can hold secrets."""
_STARTED: t.Final = ("starttime", "startdatetime")
_UNDER_WAY: t.Final = re.compile(r"\b(running|in ?progress|pending|queued|started)\b", re.IGNORECASE)
_PATIENCE: t.Final = 60
_LONGEST: t.Final = 600.0
_APART: t.Final = datetime.timedelta(minutes=10)
"""How far the clocks of stamp and host may be apart."""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the stamp says.

    :param text: to show; empty when it says nothing.
    :param verdict: SUCCEEDED or FAILED when it says so plainly, else None.
    :param started: when the plan was started, aware; None when that is not told with its zone.
    """

    text: str = ""
    verdict: str | None = None
    started: datetime.datetime | None = None

    def is_of(self, begun: datetime.datetime) -> bool | None:
        """Tell whether this is the plan that was started then, None when nothing tells."""
        return None if self.started is None else self.started >= begun - _APART


def ask(session: PepSession, cmdlet: str) -> Evidence:
    """Return what the stamp says of the latest action plan of a cmdlet; nothing when it does not offer that, or says nothing."""
    try:
        output = session.run(CMDLET, {"FunctionName": cmdlet}, timeout=_PATIENCE, tolerant=True)
    except PepError as error:
        # The plan's own object, when that is the answer, counts as one that failed.
        return Evidence(error.message, FAILED) if error.kind == "action_plan_failed" else Evidence()
    except AzsError:
        return Evidence()
    if not output and session.plan_completed:
        return Evidence("Completed", SUCCEEDED)
    return read(output)


def ask_until_ended(session: PepSession, cmdlet: str, until: float) -> Evidence:
    """Ask again while the stamp says that the plan runs, but not beyond a moment of time.monotonic()."""
    pause, until = 0.5, min(until, time.monotonic() + _LONGEST)
    while True:
        said = ask(session, cmdlet)
        if not _UNDER_WAY.search(said.text) or time.monotonic() + pause > until:
            return said
        time.sleep(pause)
        pause = min(2 * pause, 15.0)


def failed(cmdlet: str, said: Evidence, lost: PepSessionLost) -> PepError:
    """Return the error for a plan that the stamp says has failed."""
    known = _failures.named("action_plan_failed")
    return PepError(
        f"The action plan of {cmdlet} failed after the session was lost: {CMDLET} says {said.text}",
        kind=known.kind,
        where=lost.where,
        cause=known.cause,
        remedy=known.remedy,
    )


def read(output: t.Sequence[t.Any]) -> Evidence:
    """Return what an output says."""
    said: list[str] = []
    words: set[str] = set()
    started: datetime.datetime | None = None
    for value in output:
        bag = action_plan.properties(value)
        if bag:
            shown = {
                name: item
                for name, item in bag.items()
                if name in _FIELDS and isinstance(item, (str, datetime.datetime))
            }
            said += [f"{name}: {item}" for name, item in shown.items()]
            words |= {
                str(shown[name]).strip().lower() for name in ("status", "currentstatus", "state") if name in shown
            }
            started = next((moment for name in _STARTED if name in shown and (moment := _moment(shown[name]))), started)
        elif isinstance(value, str) and value.strip():
            line = " ".join(value.split())
            said += [found.group(0) for found in _STATUS.finditer(line)]
            words |= {found.group(1).lower() for found in _STATUS.finditer(line)}
            if line.lower() in _WORDS:
                said.append(line)
                words.add(line.lower())
    verdicts = {_WORDS.get(word) for word in words}
    return Evidence("; ".join(dict.fromkeys(said))[:600], verdicts.pop() if len(verdicts) == 1 else None, started)


def _moment(value: str | datetime.datetime) -> datetime.datetime | None:
    """Return a moment whose zone is told, else None."""
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else None
    try:
        return parse_time(value) if re.search(r"(?:[zZ]|[+-]\d{2}:?\d{2})$", value.strip()) else None
    except ValueError:
        return None
