# SPDX-License-Identifier: GPL-3.0-or-later
"""The refresh token of an Azure user, as far as the controller has one. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError, SignInError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _user

VARIABLE: t.Final = "AZS_REFRESH_TOKEN"


def at_hand(params: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the token that is given, or that the Azure CLI has; None where a user signs in for it.

    :param params: `source` and `refresh_token` of azs_refresh_token, and `auth_source`, `tenant` and `subscription_id`.
    :raises InputError: none is given, and the source says so.
    :raises SignInError: there is none, and nobody is asked to sign in.
    """
    source, token = params.get("source") or "auto", params.get("refresh_token") or os.environ.get(VARIABLE)
    if source == "auto" and not token and params.get("auth_source") == _user.SOURCE:
        return None
    if source == "given" or (source == "auto" and token):
        return _given(token)
    if source == _user.SOURCE:
        return None
    try:
        return _cached(params)
    except AzsError as error:
        if source == "cli":
            raise
        raise _needs_user(error) from None


def _given(token: str | None) -> dict[str, t.Any]:
    if not token or not token.strip():
        raise InputError(
            "No refresh token is given",
            remedy=f"Set refresh_token (azs_refresh_token in playbooks), or {VARIABLE} in the controller's environment",
        )
    return {"source": "given", "refresh_token": token.strip()}


def _cached(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import cli_cache

    found = cli_cache.find(params["tenant"], params["subscription_id"], os.environ)
    return {
        "source": "cli",
        "refresh_token": found.refresh_token,
        "username": found.username,
        "tenant": found.tenant,
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
