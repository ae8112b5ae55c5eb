# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cmdlet's streams tell of the action plan that it runs. FOR INTERNAL COLLECTION USE ONLY.

Registration cmdlets start an action plan at the stamp and wait for it. Its story stands in the verbose stream, and an object of the
plan can stand in the output beside the result. A plan that failed is not always an error of the cmdlet. Source: public
transcripts of real endpoints. The verbose stream can hold secrets, so that nothing is taken from it but what is recognised.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import uuid
from xml.etree import ElementTree

from ansible_collections.azurestack.hub.plugins.module_utils import _failures

_COMPLETED: t.Final = frozenset({"completed", "complete", "success", "succeeded", "successful"})
_FAILED: t.Final = frozenset(
    {"failed", "failure", "error", "errored", "faulted", "canceled", "cancelled", "aborted", "timedout", "stopped"}
)
_STATUS: t.Final = r"\s*(?::|\bis\b)\s*['\"]?(?P<status>\w+)"
_STEP: t.Final = re.compile(r"(?:^|[\s\]:])Step\s+'(?P<name>.{1,200}?)'\s+status" + _STATUS, re.IGNORECASE)
_OVERALL: t.Final = re.compile(
    r"(?:\bOverall action status|\bCurrentStatus|\bAction plan finished with status)" + _STATUS, re.IGNORECASE
)
_BEGINNING: t.Final = re.compile(r"\bAction plan instance ID specified\b", re.IGNORECASE)
_DONE: t.Final = re.compile(r"(?:VERBOSE:\s*)?DONE\.?", re.IGNORECASE)
_DATA: t.Final = re.compile(r"^\W*(?:VERBOSE:\s*)?Input parameters\b|[{,]\s*\"|\"\s*:", re.IGNORECASE)
"""Lines of JSON: they hold the cmdlet's parameters, so that nothing in them is the plan's word."""
_BUSY: t.Final = re.compile(f"{_failures.named('stamp_busy').pattern}(?:: (?P<action>[0-9a-f-]{{36}}))?", re.IGNORECASE)
_NAMES: t.Final = ("name", "description", "fullstepindex", "index", "interfacetype", "actiontype")
_REASONS: t.Final = frozenset({"message", "errormessage", "error", "exception"})
_LONGEST_REASON: t.Final = 1500


@dataclasses.dataclass(frozen=True)
class ActionPlan:
    """What is told of a cmdlet's action plan.

    :param completed: True and False as it ended; None when nothing tells.
    :param step: the step that failed, or that ran last of a plan that failed.
    :param why: what the plan says of its failure.
    :param busy: what the stamp says about another action plan in the way, when nothing tells of its own plan afterwards.
    """

    completed: bool | None = None
    step: str | None = None
    why: str | None = None
    busy: str | None = None


NOTHING_TOLD: t.Final = ActionPlan()


def steps_in(text: str) -> list[tuple[str, str]]:
    """Return name and status of the steps that a verbose record tells of; nothing else of it."""
    told = (_STEP.search(line) for line in _lines(text) if not _DATA.search(line))
    return [(match["name"], match["status"]) for match in told if match]


def busy_in(text: str) -> str | None:
    """Return what a text says about another action plan in the way; None when it does not."""
    match = _BUSY.search(text)
    return match[0] if match else None


def read(verbose: t.Iterable[str], output: t.Iterable[t.Any]) -> ActionPlan:
    """Return what a cmdlet's streams tell of its action plan.

    :param verbose: texts of the verbose records, in order.
    :param output: the cmdlet's output.
    """
    output = [one for item in output for one in (item if isinstance(item, list) else [item])]
    told, step, busy = _story([*verbose, *(item for item in output if isinstance(item, str))])
    plans = [bag for bag in map(properties, output) if _is_plan(bag)]
    known = {_text(bag.get("instanceid")).lower() for bag in plans}
    ends = [
        (_verdict(bag.get("status")), bag)
        for bag in plans
        if _text(bag.get("parentactionplaninstanceid")).lower() not in known - {""}
    ]
    ended, last = ends[-1] if ends else (None, {})
    if False in (told, ended):
        name, why = _failing(_text(last.get("progressasxml")))
        return ActionPlan(completed=False, step=name or step, why=why, busy=busy or busy_in(why or ""))
    return ActionPlan(completed=True if True in (told, ended) else None, busy=None if ended else busy)


def results(output: t.Iterable[t.Any]) -> list[t.Any]:
    """Return a cmdlet's output without what its action plan left there: objects of plans, their ids, nothing."""
    return [
        item
        for item in output
        if not _is_plan(properties(item))
        and not _is_id(item)
        and not (isinstance(item, str) and not item.strip())
        and item is not None
    ]


def properties(value: t.Any) -> dict[str, t.Any]:
    """Return the properties of an object, or the entries of a hashtable, under lower-case names."""
    if isinstance(value, dict):
        bags: tuple[t.Any, ...] = (value,)
    else:
        bags = (getattr(value, "adapted_properties", None), getattr(value, "extended_properties", None))
    return {str(name).lower(): item for bag in bags if isinstance(bag, dict) for name, item in bag.items()}


def _story(verbose: t.Iterable[str]) -> tuple[bool | None, str | None, str | None]:
    """Return how the plan ended, the step that failed or else was under way, and what is said about another plan."""
    ended: bool | None = None
    failed = running = busy = None
    for line in (line for text in verbose for line in _lines(text)):
        if busy_in(line):
            busy = busy_in(line)
        if _DATA.search(line) or busy_in(line):
            continue
        step, overall = _STEP.search(line), _OVERALL.search(line)
        if _BEGINNING.search(line):
            ended, failed, running, busy = None, None, None, None
        elif step:
            busy = None
            verdict = _verdict(step["status"])
            failed = step["name"] if verdict is False else None if step["name"] == failed else failed
            running = step["name"] if verdict is None else None if step["name"] == running else running
        elif overall:
            ended, busy = _verdict(overall["status"]), None
        elif _DONE.fullmatch(line):
            ended, busy = ended is not False, None
    return ended, failed or running, busy


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _verdict(status: t.Any) -> bool | None:
    word = _text(status).lower()
    return True if word in _COMPLETED else False if word in _FAILED else None


def _is_plan(bag: t.Mapping[str, t.Any]) -> bool:
    return "progressasxml" in bag or "actionplanname" in bag or {"instanceid", "status"} <= bag.keys()


def _is_id(value: t.Any) -> bool:
    if isinstance(value, uuid.UUID):
        return True
    try:
        return isinstance(value, str) and bool(uuid.UUID(value.strip()))
    except ValueError:
        return False


def _text(value: t.Any) -> str:
    return str(value).strip() if value is not None else ""


def _failing(document: str) -> tuple[str | None, str | None]:
    """Return the steps that failed in the XML of a plan's progress, and what it says of them."""
    document = re.sub(r"^\s*\ufeff?\s*<\?xml[^>]*\?>", "", document)
    if not document or "<!" in document.replace("<![CDATA[", "").replace("<!--", ""):
        return None, None  # a plan declares no entities
    try:
        root = ElementTree.fromstring(document)
    except (ElementTree.ParseError, ValueError):
        return None, None
    failing = list(_failing_elements(root))
    steps = [one for one in failing if _local(one.tag) == "step"]
    # Actions hold steps, steps hold tasks, and tasks can hold actions again: the innermost step is the one that failed.
    steps = [one for one in steps if not any(other is not one and other in set(one.iter()) for other in steps)]
    names = list(dict.fromkeys(name for one in steps or failing[-1:] if (name := _name(one))))
    reasons = list(dict.fromkeys(reason for one in steps or failing for reason in _reasons(one)))
    reasons = reasons or list(dict.fromkeys(reason for one in failing for reason in _reasons(one)))
    return "', '".join(names[:3]) or None, "; ".join(reasons)[:_LONGEST_REASON] or None


def _failing_elements(root: ElementTree.Element) -> t.Iterator[ElementTree.Element]:
    for element in root.iter():
        status = _attribute(element, "status") or next(
            (child.text for child in element if _local(child.tag) == "status"), None
        )
        if _local(element.tag) in ("action", "step", "task") and _verdict(status) is False:
            yield element


def _name(element: ElementTree.Element) -> str | None:
    for name in _NAMES:
        value = _attribute(element, name) or next((child.text for child in element if _local(child.tag) == name), None)
        if value and value.strip():
            return " ".join(value.split())
    return None


def _reasons(element: ElementTree.Element) -> t.Iterator[str]:
    for one in element.iter():
        texts = [value for name, value in one.attrib.items() if _local(name) in _REASONS]
        if _local(one.tag) in _REASONS:
            texts.append(one.text or "")
        yield from (" ".join(text.split()) for text in texts if text.strip())


def _attribute(element: ElementTree.Element, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if _local(key) == name), None)


def _local(tag: t.Any) -> str:
    return str(tag).rpartition("}")[2].lower()
