# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a tenant list from a file: YAML, JSON, or CSV as Partner Center exports it. FOR INTERNAL COLLECTION USE ONLY.

The list is read where the module runs: as a task argument ten thousand entries would cost the controller seconds.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError, MissingLibrary
from ansible_collections.azurestack.hub.plugins.module_utils._tenants.entries import GUID, TenantEntry, parse

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

COLUMNS: t.Final[dict[str, tuple[str, ...]]] = {
    # In the usage files of Partner Center SubscriptionId is the billing platform's own id; EntitlementId is Azure's.
    "subscription_id": ("entitlement_id", "azure_subscription_id", "customer_subscription_id", "subscription_id"),
    "tenant_id": ("customer_tenant_id", "tenant_id", "microsoft_id", "customer_id"),
    "name": ("customer_name", "company_name", "name"),
    "stamps": ("stamps", "stamp"),
}
"""Columns of a CSV file that hold the keys of an entry, in order of precedence; blanks, case and underscores aside."""

_QUOTES: t.Final = (
    "Compare the quotes in that row: each that opens must close, and one within a text is written twice. A text that has "
    "both a line break and a delimiter cannot be told from a missing quote: take the line break out"
)


def read(path: str) -> tuple[list[TenantEntry], int]:
    """Return the entries of a tenant list, and how many lines of a CSV file name no subscription (customers without Azure).

    :param path: file whose name ends with .csv, .yml, .yaml or .json.
    :raises InputError: it cannot be read, or does not hold a tenant list.
    """
    readers: dict[str, t.Callable[[str, str], tuple[list[TenantEntry], int]]] = {
        ".csv": _csv,
        ".yml": _yaml,
        ".yaml": _yaml,
        ".json": _json,
    }
    reader = readers.get(os.path.splitext(path)[1].lower())
    if reader is None:
        raise _unusable(path, f"its name ends with none of {', '.join(readers)}", "Rename it after what is in it")
    try:
        with open(path, "rb") as stream:
            text = _decoded(stream.read(), path)
    except OSError as error:
        raise _unusable(
            path, error.strerror or str(error), "Compare the path; the file is read on the host that the task runs on"
        ) from None
    if text.startswith("$ANSIBLE_VAULT;"):
        raise _unusable(path, "it is encrypted with Ansible Vault", "Decrypt it: a tenant list holds no secrets")
    return reader(text, path)


def _decoded(content: bytes, path: str) -> str:
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _unusable(path, "it is neither UTF-8 nor UTF-16", "Save it as UTF-8 (Excel: CSV UTF-8)") from None


def _csv(text: str, path: str) -> tuple[list[TenantEntry], int]:
    if "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old, of which a file has no others
    lines = text.split("\n")
    skipped = 0
    # Excel writes, and reads, a first line that names the delimiter; Export-Csv of PowerShell 5.1 one that names the type.
    while skipped < len(lines) and re.fullmatch(r"(?:\"?sep=.|\"?#TYPE\b.*)?[\s,;\"]*", lines[skipped]):
        skipped += 1
    header = next(iter(lines[skipped:]), "")
    delimiter = max(",;\t", key=header.count)
    rows = _rows("\n".join(lines[skipped:]), delimiter, skipped, path)
    places = _places(next(rows, (0, []))[1], path)
    found: list[TenantEntry] = []
    without = 0
    for number, row in rows:
        data = {key: row[place] for key, place in places.items() if place < len(row)}
        if not data.get("subscription_id", "").strip():
            without += any(row)
            continue
        found.append(parse(data, f"line {number}"))
    return found, without


def _rows(text: str, delimiter: str, skipped: int, path: str) -> t.Iterator[tuple[int, list[str]]]:
    """Return the rows of a CSV text, each with the number of its last line.

    :param skipped: how many lines of the file come before the text.
    :raises InputError: a quote is missing somewhere, or may be: it would make other rows a part of one field, and what a
        list does not name is removed in exact mode.
    """
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + skipped + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            remedy = "Save it with one kind of line ends" if "new-line" in str(error) else _QUOTES
            raise _unusable(path, f"the row that begins in line {first} cannot be read ({error})", remedy) from None
        if row is None:
            return
        number = reader.line_num + skipped
        if number > first and any("\n" in field and (delimiter in field or GUID.search(field)) for field in row):
            cause = f"the row that begins in line {first} goes on to line {number}, with a field that looks like rows"
            raise _unusable(path, cause, _QUOTES)
        yield number, row


def _places(titles: t.Sequence[str], path: str) -> dict[str, int]:
    """Return in which column of a CSV file each key of an entry is.

    :raises InputError: there is no column with subscriptions.
    """
    plain = [re.sub(r"[^a-z]", "", title.lower()) for title in titles]
    places: dict[str, int] = {}
    for key, names in COLUMNS.items():
        place = next((plain.index(name.replace("_", "")) for name in names if name.replace("_", "") in plain), None)
        if place is not None:
            places[key] = place
    if "subscription_id" not in places:
        shown = ", ".join(title.strip() for title in titles[:20]) or "none"
        raise _unusable(
            path,
            f"no column holds Azure subscriptions; its columns are: {shown}",
            f"Name the column {COLUMNS['subscription_id'][-1]} (or {', '.join(COLUMNS['subscription_id'][:-1])}); "
            "Partner Center's list of customers has none, its usage files have EntitlementId",
        )
    return places


def _json(text: str, path: str) -> tuple[list[TenantEntry], int]:
    try:
        return _listed(json.loads(text), path), 0
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is not JSON: {error}", "Correct it") from None


def _yaml(text: str, path: str) -> tuple[list[TenantEntry], int]:
    if not HAS_YAML:
        raise MissingLibrary("yaml", "PyYAML", "the tenant list is YAML; as JSON or CSV it can be read without")
    # The parser in C, where there is one, is ten times faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _listed(yaml.load(text, Loader=loader), path), 0
    except (
        yaml.YAMLError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # PyYAML lets through what it meets in dates and numbers that are none.
        raise _unusable(path, f"it is not YAML: {' '.join(str(error).split())}", "Correct it") from None


def _listed(content: t.Any, path: str) -> list[TenantEntry]:
    """Return the entries of a list, or of a mapping whose only list is called tenants or azs_tenants."""
    if isinstance(content, dict):
        content = content.get("tenants", content.get("azs_tenants"))
    if not isinstance(content, list):
        raise _unusable(path, "it holds no list", "Write the entries as a list, at the top or under the key tenants")
    return [parse(raw, f"entry {number}") for number, raw in enumerate(content, 1)]


def _unusable(path: str, cause: str, remedy: str) -> InputError:
    return InputError("The tenant list cannot be used", kind="bad_tenant_list", where=path, cause=cause, remedy=remedy)
