# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plan of the stamp tells in the streams of a cmdlet. FOR INTERNAL COLLECTION USE ONLY.

Pure. Sources: public transcripts of real endpoints. The plan's story is told in the verbose stream, and its instance can stand
in the output beside the result. A plan can fail without an error of the cmdlet. Verbose text can hold secrets (a line of input
parameters does), so only what is recognised here is ever shown.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

COMPLETED: t.Final = "Completed"
FAILED: t.Final = "Failed"

_STEP: t.Final = re.compile(r"^\s*Step '(?P<name>[^'\r\n]{1,200})' status: '(?P<status>[A-Za-z]{1,30})'", re.MULTILINE)
_OVERALL: t.Final = re.compile(r"^\s*Overall action status: '(?P<status>[A-Za-z]{1,30})'", re.MULTILINE)
_END: t.Final = (
    re.compile(r"^\s*Action plan finished with status: '(?P<status>[A-Za-z]{1,30})'", re.MULTILINE),
    re.compile(r"ActionPlanInstanceID: '[^'\r\n]{1,80}' CurrentStatus: '(?P<status>[A-Za-z]{1,30})'"),
    _OVERALL,
)
_DONE: t.Final = re.compile(r"^\s*DONE\s*$", re.MULTILINE)
_BUSY: t.Final = re.compile(r"Cannot invoke action plan because another action is in progress: *(?P<action>[0-9a-fA-F-]{36})?")
_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OF_A_PLAN: t.Final = frozenset({"instanceid", "actionplanname", "actiontypename", "rolepath", "progressasxml", "runtimeparameters"})
_BAD: t.Final = ("error", "failed", "failure")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How an action plan ended, as far as anything tells.

    :param status: COMPLETED, FAILED or None when nothing tells.
    :param step: the step that failed, None when nothing tells.
    :param cause: what the plan says of it, None when nothing does.
    """

    status: str | None = None
    step: str | None = None
    cause: str | None = None


def step_in(line: str) -> tuple[str, str] | None:
    """Return name and status of the step that a verbose line tells of, or the status of the whole plan under an empty name.

    None for every other line: it is not shown.
    """
    found = _STEP.search(line)
    if found:
        return found["name"], found["status"]
    found = _OVERALL.search(line)
    return ("", found["status"]) if found else None


def busy_in(lines: t.Iterable[str]) -> str | None:
    """Return the sentence that another action is in progress, from lines of any stream; None when none says so."""
    for line in lines:
        found = _BUSY.search(line)
        if found:
            return f"Cannot invoke action plan because another action is in progress: {found['action'] or 'not told which'}"
    return None


def outcome(lines: t.Iterable[str], output: t.Iterable[t.Mapping[str, t.Any]]) -> Plan:
    """Return how the plan ended.

    :param lines: verbose lines, in their order.
    :param output: properties of the objects in the output, under lower-case names.
    """
    status, step, cause = None, None, None
    for line in lines:
        for pattern in _END:
            found = pattern.search(line)
            if found and found["status"] in (COMPLETED, FAILED):
                status = found["status"]
        if status is None and _DONE.search(line):
            status = COMPLETED
        told = step_in(line)
        if told and told[0] and told[1].lower() in _BAD:
            step = told[0]
    for bag in output:
        if not is_plan(bag):
            continue
        if str(bag.get("status")) in (COMPLETED, FAILED):
            # The object was made when the plan had ended; of both, the one that says failed is believed.
            status = FAILED if FAILED in (status, str(bag["status"])) else COMPLETED
        failed = _failed_step(str(bag.get("progressasxml") or ""))
        step, cause = failed[0] or step, failed[1] or cause
    return Plan(status, step, cause) if status == FAILED else Plan(status)


def is_plan(bag: t.Mapping[str, t.Any]) -> bool:
    """Tell whether an object's properties are those of a plan's instance."""
    return len(_OF_A_PLAN & bag.keys()) >= 2


def is_noise(value: t.Any, bag: t.Mapping[str, t.Any]) -> bool:
    """Tell whether an object of the output belongs to the plan and is no result: its instance, or its id.

    :param value: the object as it came.
    :param bag: its properties.
    """
    return is_plan(bag) or (not bag and _GUID.fullmatch(str(value).strip()) is not None)


def _failed_step(document: str) -> tuple[str | None, str | None]:
    """Return name and message of the innermost failed step in ProgressAsXml."""
    if not document or "<!" in document:  # no plan has a document type, and an entity could grow without bounds
        return None, None
    try:
        root = ET.fromstring(document)
    except ET.ParseError:
        return None, None
    name = cause = None
    for element in root.iter():
        if element.tag.rpartition("}")[2] not in ("Step", "Task") or element.get("Status", "").lower() not in _BAD:
            continue
        name = element.get("Name") or element.get("FullStepIndex") or name
        cause = _said(element) or cause
    return name, cause


def _said(element: ET.Element) -> str | None:
    for one in element.iter():
        if one.tag.rpartition("}")[2] in ("Message", "ErrorMessage", "Exception") and (one.text or "").strip():
            return re.sub(r"\s+", " ", (one.text or "").strip())[:1000]
    return None
