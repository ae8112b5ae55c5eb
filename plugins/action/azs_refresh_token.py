# SPDX-License-Identifier: GPL-3.0-or-later
"""Gets a user's refresh token for the bridge principal. Runs on the controller alone."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError, SignInError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _user
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "source": {"type": "str", "default": "auto", "choices": ["auto", "given", "cli", "device_code"]},
    "refresh_token": {"type": "str", "no_log": True},
}
VARIABLE: t.Final = "AZS_REFRESH_TOKEN"
PREDICTED: t.Final = "a user would sign in"
"""Stands for the token in check mode, which asks nobody to sign in. Nothing takes it for one: check mode sends none."""


class ActionModule(AzsAction):
    """Returns a refresh token for `register`, hidden from everything that is printed or logged."""

    families = ("azure",)

    _requires_connection = False

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the token of the source that the options name.

        :raises SignInError: there is none.
        """
        args.pop("_azs")
        _options.check_texts(args, SPEC)
        params = _user.validated(args, SPEC)
        params["refresh_token"] = params["refresh_token"] or os.environ.get(VARIABLE)
        from ansible_collections.azurestack.hub.plugins.module_utils._arm import clouds

        environment = clouds.vendor_name(_user.cloud_name(params))
        found = self._from(params, task_vars.get("inventory_hostname", "localhost"))
        return {
            "changed": False,
            "username": None,
            "tenant": params["tenant"],
            "environment": environment,
            "predicted": False,
            **found,
            # Hidden from every callback, as with no_log on the task; registering the result keeps it.
            "_ansible_no_log": True,
        }

    def _from(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        source = params["source"]
        if source == "auto" and not params["refresh_token"] and params["auth_source"] == _user.SOURCE:
            source = _user.SOURCE
        if source == "given" or (source == "auto" and params["refresh_token"]):
            return self._given(params["refresh_token"])
        if source == _user.SOURCE:
            return self._asked(params, host)
        try:
            return self._cached(params)
        except AzsError as error:
            if source == "cli":
                raise
            raise _needs_user(error) from None

    def _given(self, token: str | None) -> dict[str, t.Any]:
        if not token or not token.strip():
            raise InputError(
                "No refresh token is given",
                remedy="Set refresh_token (azs_refresh_token in playbooks), "
                f"or {VARIABLE} in the controller's environment",
            )
        return {"source": "given", "refresh_token": token.strip()}

    def _cached(self, params: dict[str, t.Any]) -> dict[str, t.Any]:
        from ansible_collections.azurestack.hub.plugins.module_utils._arm import cli_cache

        found = cli_cache.find(params["tenant"], params["subscription_id"], os.environ)
        return {
            "source": "cli",
            "refresh_token": found.refresh_token,
            "username": found.username,
            "tenant": found.tenant,
        }

    def _asked(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        if self._task.check_mode:
            earlier = _user.known(params)
            if earlier is None:
                return {"source": _user.SOURCE, "refresh_token": PREDICTED, "predicted": True}
        user = _user.sign_in(params, host=host, task=self._task._uuid, access=False)
        if not user.refresh_token:
            raise SignInError(
                "The sign-in gave no refresh token",
                kind="no_refresh_token",
                cause="the directory does not give them to this client",
                remedy="Set device_code_client to the other client, or ask the directory's administrators",
            )
        return {
            "source": _user.SOURCE,
            "refresh_token": user.refresh_token,
            "username": user.username,
            "tenant": user.tenant,
        }


def _needs_user(why: AzsError) -> SignInError:
    """Return the error that nobody is there whose refresh token could be used."""
    return SignInError(
        "A new bridge principal needs the refresh token of a user, and there is none",
        kind="needs_user",
        cause=f"none is given; a service principal or managed identity has none; {why.message}"
        + (f" ({why.cause})" if why.cause else ""),
        remedy="Let the operator sign in (source device_code), set refresh_token (azs_refresh_token in playbooks, or "
        f"{VARIABLE}), or run 'az login' as a user on the controller. Without a user you cannot register a connected "
        "stamp for the first time, nor make its bridge principal anew. Everything else works: disconnected stamps, and "
        "for a stamp that has its bridge principal already (give its object id as bridge_principal) registration, lock, "
        "role assignment, activation key and activation",
        details={"azure_cli": why.kind},
    )
