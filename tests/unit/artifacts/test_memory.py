# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle remembers of a stamp."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._act import keys
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, memory, receipt, unfinished
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims

CLOUD_ID = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"


def key(**said: str) -> str:
    """An activation key as Azure exports it, each time signed anew."""
    document = {"cloudId": CLOUD_ID, "subscriptionId": "s", "resourceGroupName": "g", "registrationName": "r", **said}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip('=')}.c2ln"


def test_what_an_unfinished_run_leaves_behind(tmp_path: pathlib.Path) -> None:
    where = bundle.place(bundle.KEY, bundle=str(tmp_path), stamp="s1", path=None)
    mark = unfinished.path_of(where)

    def known(*names: str) -> list[bool]:
        found = memory.recall(str(tmp_path), "s1")[0]
        return [found[name] for name in names]

    assert known("unfinished", "unused_token") == [False, False]
    token = bundle.place(bundle.TOKEN, bundle=str(tmp_path), stamp="s1", path=None)
    bundle.store(token, bundle.new_entry(bundle.TOKEN, "s1", "dG9rZW4="), "dG9rZW4=")
    unfinished.begin(mark)
    assert known("unfinished", "unused_token") == [True, True]
    used = claims.read_key(key())
    receipt.write(receipt.path_of(where), used, receipt.digest_of(used, key()))
    assert known("unfinished", "unused_token") == [True, False]
    unfinished.finish(mark)
    unfinished.finish(mark)
    assert known("unfinished", "unused_token") == [False, False]


@pytest.mark.parametrize("offset", ["2026-11-20T09:30:00Z", "2026-11-20T09:40:00Z"])
def test_whether_a_key_was_used_does_not_depend_on_clocks(tmp_path: pathlib.Path, offset: str) -> None:
    where = bundle.place(bundle.KEY, bundle=str(tmp_path), stamp="s1", path=None)

    def bring(text: str) -> None:
        entry = keys.new_entry(where, text, claims.read_key(text), "id")
        bundle.store(where, dataclasses.replace(entry, created="2026-11-20T09:35:00Z"), text)

    def unused() -> bool:
        return bool(memory.recall(str(tmp_path), "s1")[0]["unused_key"])

    assert not unused()
    bring(key())
    assert unused()
    path = receipt.path_of(where)
    receipt.write(path, claims.read_key(key()), receipt.digest_of(claims.read_key(key()), key()))
    path.write_text(json.dumps({**json.loads(path.read_text()), "activated": offset}))
    assert not unused()
    bring(key(nonce="exported again"))
    assert not unused()
    bring(key(billingModel="Custom"))
    assert unused()
