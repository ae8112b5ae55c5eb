# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand in the JSON files of a bundle, which somebody else may have written. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import typing as t

Shape = t.Callable[[t.Any], bool]
"""Tells whether a value is one of a field."""
T = t.TypeVar("T")


def load(raw: bytes) -> dict[str, t.Any]:
    """Return the record in a file's bytes. Raises ValueError."""
    try:
        data = json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("no record")
    return data


def build(of: type[T], data: t.Mapping[str, t.Any], shapes: t.Mapping[str, Shape]) -> T:
    """Return a record as an object of a dataclass; fields that it does not know are passed over.

    :param of: a field whose default is None may be null.
    :param shapes: of each of its fields.
    :raises ValueError: a field is missing, or is not of its shape.
    """
    values = {}
    for field in dataclasses.fields(t.cast(t.Any, of)):
        if field.name not in data and field.default is not dataclasses.MISSING:
            continue
        value = values[field.name] = data.get(field.name)
        if not (value is None and field.default is None) and not shapes[field.name](value):
            raise ValueError(field.name)
    return of(**values)


def matching(pattern: str) -> Shape:
    """Return the shape of texts that match a regular expression as a whole."""
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def is_text(value: t.Any) -> bool:
    """Tell whether a value is a text of one line that can be shown."""
    return isinstance(value, str) and len(value) <= 1024 and value.isprintable()


def is_flag(value: t.Any) -> bool:
    """Tell whether a value is true or false."""
    return isinstance(value, bool)


def is_number(value: t.Any) -> bool:
    """Tell whether a value is a whole number that counts something."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_moment(value: t.Any) -> bool:
    """Tell whether a value is a timestamp with a time zone."""
    try:
        return (
            isinstance(value, str)
            and datetime.datetime.fromisoformat(re.sub(r"Z$", "+00:00", value)).tzinfo is not None
        )
    except ValueError:
        return False


is_guid: t.Final = matching(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
is_sha256: t.Final = matching(r"[0-9a-f]{64}")
is_digest: t.Final = matching(r"[0-9]+:[0-9a-f]{64}")
is_created: t.Final = matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
"""The one form that this collection writes: such timestamps are compared as text."""
