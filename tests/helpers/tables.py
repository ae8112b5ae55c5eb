# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of tests: which of their rows `make test` runs, and which ones `make deep`."""

from __future__ import annotations

import typing as t

import pytest


def first_of(rows: t.Iterable[t.Any]) -> list[t.Any]:
    """Rows of a test's table, of which `make test` runs the first one."""
    first, *others = rows
    return [
        first,
        *(pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.deep) for row in others),
    ]
