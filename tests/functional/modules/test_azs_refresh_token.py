# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of azs_refresh_token is that of its action plugin; tests/system/test_user_sign_in.py runs it."""

from __future__ import annotations

import yaml
from ansible_collections.azurestack.hub.plugins.action import azs_refresh_token as action
from ansible_collections.azurestack.hub.plugins.modules import azs_refresh_token as module
from ansible_collections.azurestack.hub.plugins.plugin_utils import _refresh_token


def test_the_options_are_documented() -> None:
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert set(documented) == set(action.SPEC)
    for name, spec in action.SPEC.items():
        for fact in ("type", "choices", "default"):
            assert documented[name].get(fact) == spec.get(fact), (name, fact)
    assert action.SPEC["refresh_token"]["no_log"]
    assert f"E({_refresh_token.VARIABLE})" in str(documented["refresh_token"]["description"])


def test_what_it_returns_is_documented() -> None:
    assert set(yaml.safe_load(module.RETURN)) == {
        "refresh_token",
        "source",
        "username",
        "tenant",
        "environment",
        "predicted",
    }
