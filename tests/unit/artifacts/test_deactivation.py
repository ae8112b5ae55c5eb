# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a record of a deactivation counts where Azure is, before and after an archive brought it."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, deactivation

CLOUD_ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"


@pytest.mark.parametrize(
    ("brought", "counts"),
    [
        ([], False),
        ([("deactivation", "2026-11-20T09:30:00Z")], True),
        ([("deactivation", "2026-11-20T09:30:00Z"), ("activation_key", "2026-11-20T09:00:00Z")], True),
        ([("deactivation", "2026-11-20T09:30:00Z"), ("activation_key", "2026-11-20T09:40:00Z")], False),
        ([("registration_token", "2026-11-20T09:30:00Z")], False),
    ],
)
def test_what_an_archive_would_bring_counts_in_check_mode(
    tmp_path: pathlib.Path, brought: list[tuple[str, str]], counts: bool
) -> None:
    artifacts = [
        {
            "kind": kind,
            "stamp": "s1",
            "created": created,
            "cloud_id": CLOUD_ID,
            "sha256": "0",
            "size": 1,
            "encrypted": False,
        }
        for kind, created in brought
    ]
    entry, found = deactivation.in_azure(str(tmp_path), "s1", artifacts)
    assert found is counts
    assert (entry is not None and entry.cloud_id == CLOUD_ID) is any(kind == "deactivation" for kind, dummy in brought)


def test_a_record_that_was_used_does_not_count_when_an_archive_brings_it_again(tmp_path: pathlib.Path) -> None:
    deactivation.write(str(tmp_path), "s1", CLOUD_ID, None)
    entry = bundle.read(deactivation.place(str(tmp_path), "s1")).entry
    assert entry is not None
    again = [{**entry.as_result(), "encrypted": False}]
    assert deactivation.in_azure(str(tmp_path), "s1", again)[1]
    deactivation.use(str(tmp_path), "s1")
    assert not deactivation.in_azure(str(tmp_path), "s1", again)[1]
