# SPDX-License-Identifier: GPL-3.0-or-later
"""The refresh token of the user who is signed in to the Azure CLI on this host. FOR INTERNAL COLLECTION USE ONLY.

Files alone are read, nothing is contacted. Source of their form: what the Azure CLI 2.30 and later leave in ~/.azure
(azureProfile.json, and msal's unified cache msal_token_cache.json).
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError, SignInError

_GUID: t.Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CLI_CLIENT: t.Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The Azure CLI's public client, which a user signs in through when the task names no client of its own."""
_FAMILY: t.Final = "1"
"""Microsoft's family of clients, which share refresh tokens. Azure CLI and Azure PowerShell belong to it."""


@dataclasses.dataclass(frozen=True)
class Cached:
    """A user's refresh token from the cache."""

    refresh_token: str = dataclasses.field(repr=False)
    username: str
    tenant: str


def find(tenant: str | None, subscription_id: str, environ: t.Mapping[str, str]) -> Cached:
    """Return the refresh token of the user who is signed in for a directory.

    :param tenant: id or name of the directory; None: that of the subscription.
    :param subscription_id: says who is meant when several users are signed in.
    :param environ: AZURE_CONFIG_DIR in it says where the files are.
    :raises SignInError: nobody is, or nobody's token can be read; kinds cli_absent, cli_encrypted, cli_not_signed_in,
        cli_other_tenant, cli_several_users, needs_user.
    :raises InputError: the directory is given by a name that the Azure CLI does not know.
    """
    folder = pathlib.Path(environ.get("AZURE_CONFIG_DIR") or "~/.azure").expanduser()
    subscriptions = _subscriptions(folder / "azureProfile.json")
    cache = _cache(folder)
    own = next((one for one in subscriptions if str(one.get("id")).lower() == subscription_id.lower()), {})
    directory = _directory(tenant, own, subscriptions, folder)
    accounts = [
        account
        for account in _entries(cache, "Account")
        if account.get("realm") == directory or str(account.get("home_account_id")).endswith(f".{directory}")
    ]
    users = sorted({str(account.get("username")) for account in accounts})
    meant = str((own.get("user") or {}).get("name") or "")
    if meant.lower() in (user.lower() for user in users):
        users = [meant]
    if not users:
        raise _nobody(cache, subscriptions, directory, folder)
    if len(users) > 1:
        raise SignInError(
            f"The Azure CLI is signed in to the directory {directory} as several users: {', '.join(users)}",
            kind="cli_several_users",
            where=str(folder),
            remedy="Sign the others out with 'az logout --username ...', "
            "or point AZURE_CONFIG_DIR to a directory of its own and run 'az login' there",
        )
    homes = {a.get("home_account_id") for a in accounts if str(a.get("username")).lower() == users[0].lower()}
    tokens = [token for token in _entries(cache, "RefreshToken") if token.get("home_account_id") in homes]
    tokens.sort(key=lambda token: token.get("client_id") != CLI_CLIENT)
    for token in tokens:
        if token.get("secret") and (token.get("client_id") == CLI_CLIENT or token.get("family_id") == _FAMILY):
            return Cached(token["secret"], users[0], directory)
    raise _signed_out(f"its cache holds no refresh token of {users[0]}", folder, directory)


def _subscriptions(path: pathlib.Path) -> list[dict[str, t.Any]]:
    """Return the subscriptions that the Azure CLI knows; none when it was never used."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return []
    found = content.get("subscriptions") if isinstance(content, dict) else None
    return [one for one in found or () if isinstance(one, dict)]


def _cache(folder: pathlib.Path) -> dict[str, t.Any]:
    path = folder / "msal_token_cache.json"
    encrypted = SignInError(
        "The token cache of the Azure CLI is encrypted",
        kind="cli_encrypted",
        where=str(folder),
        cause="only the Azure CLI itself, on this machine, can open it",
        remedy="Run 'az config set core.encrypt_token_cache=false', 'az account clear' and 'az login', "
        "or let the operator sign in with source device_code",
    )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path.with_suffix(".bin").exists():
            raise encrypted from None
        raise SignInError(
            f"The Azure CLI is not used on {os.uname().nodename}",
            kind="cli_absent",
            where=str(path),
            cause="there is no token cache",
            remedy="Run 'az login' on the controller as the user that runs the playbook, "
            "or set AZURE_CONFIG_DIR to where that was done",
        ) from None
    except OSError as error:
        raise SignInError(
            "The token cache of the Azure CLI cannot be read",
            kind="cli_absent",
            where=str(path),
            cause=error.strerror,
            remedy="Run the playbook as the user that ran 'az login'",
        ) from None
    except ValueError:
        raise encrypted from None
    if not isinstance(content, dict):
        raise encrypted
    return content


def _directory(
    tenant: str | None, own: dict[str, t.Any], subscriptions: list[dict[str, t.Any]], folder: pathlib.Path
) -> str:
    """Return the id of the directory."""
    if tenant and _GUID.fullmatch(tenant):
        return tenant.lower()
    named = [one for one in subscriptions if str(one.get("tenantDefaultDomain")).lower() == (tenant or "").lower()]
    for one in named if tenant else [own]:
        if one.get("tenantId"):
            return str(one["tenantId"]).lower()
    raise InputError(
        f"The Azure CLI does not know the directory {tenant}" if tenant else "Nothing says which directory is meant",
        where=str(folder),
        remedy="Set tenant to the id of the directory of the subscription (a GUID)",
    )


def _entries(cache: dict[str, t.Any], kind: str) -> list[dict[str, t.Any]]:
    entries = cache.get(kind)
    return [entry for entry in entries.values() if isinstance(entry, dict)] if isinstance(entries, dict) else []


def _nobody(
    cache: dict[str, t.Any], subscriptions: list[dict[str, t.Any]], directory: str, folder: pathlib.Path
) -> SignInError:
    others = {f"{account.get('username')} ({account.get('realm')})" for account in _entries(cache, "Account")}
    if others:
        return SignInError(
            f"Nobody is signed in to the directory {directory} with the Azure CLI",
            kind="cli_other_tenant",
            where=str(folder),
            cause=f"it is signed in to another one, as {', '.join(sorted(others))}",
            remedy=f"Run 'az login --tenant {directory}', or compare tenant with the directory of the subscription",
        )
    if any((one.get("user") or {}).get("type") == "servicePrincipal" for one in subscriptions):
        return SignInError(
            "The Azure CLI is signed in as a service principal, which has no refresh token",
            kind="needs_user",
            where=str(folder),
            remedy=f"Run 'az login --tenant {directory}' as a user",
        )
    return _signed_out("nobody is signed in", folder, directory)


def _signed_out(why: str, folder: pathlib.Path, directory: str) -> SignInError:
    return SignInError(
        "The Azure CLI is not signed in as a user",
        kind="cli_not_signed_in",
        where=str(folder),
        cause=why,
        remedy=f"Run 'az login --tenant {directory}' on the controller as the user that runs the playbook",
    )
