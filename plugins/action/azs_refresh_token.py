# SPDX-License-Identifier: GPL-3.0-or-later
"""Gets a user's refresh token for the bridge principal. Runs on the controller alone."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import SignInError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _refresh_token, _user
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "source": {"type": "str", "default": "auto", "choices": ["auto", "given", "cli", "device_code"]},
    "refresh_token": {"type": "str", "no_log": True},
}
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
        from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds

        environment = clouds.vendor_name(_user.cloud_name(params))
        found = _refresh_token.at_hand(params)
        if found is None:
            found = self._asked(params, task_vars.get("inventory_hostname", "localhost"))
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
