# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens that the modules of a run got, so that an identity signs in once. FOR INTERNAL COLLECTION USE ONLY.

They lie in the memory that the workers of a run share, by the host that got them and the options that somebody signed in with: no host
gets a token that it did not get itself, and no task one of another identity.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Token

_OF: t.Final[dict[str, tuple[str, ...]]] = {
    "azure": (
        "tenant",
        "client_id",
        "secret",
        "ad_user",
        "password",
        "x509_certificate_path",
        "x509_certificate_password",
        "oidc_token",
        "oidc_token_file_path",
        "auth_source",
        "profile",
        "cloud_environment",
        "adfs_authority_url",
    ),
    "admin": (
        "admin_endpoint",
        "admin_tenant",
        "admin_authority",
        "admin_client_id",
        "admin_secret",
        "admin_username",
        "admin_password",
        "admin_certificate_path",
        "admin_certificate_password",
    ),
}
"""Family -> the options that tell who signs in, and where."""


def known(runner: str, families: t.Iterable[str], options: t.Mapping[str, t.Any]) -> list[Token]:
    """Return the tokens that earlier tasks got on a host with the same options."""
    return [
        one
        for family in families
        if family in _OF
        for one in _shared.get(_name(runner, family, options)).get("tokens", [])
    ]


def keep(runner: str, options: t.Mapping[str, t.Any], learned: t.Sequence[Token]) -> None:
    """Keep the tokens that a task got on a host with some options."""
    for family in sorted({one["family"] for one in learned}):
        new = {one["key"]: one for one in learned if one["family"] == family}

        def merged(old: dict[str, t.Any], new: dict[str, Token] = new) -> dict[str, t.Any]:
            return {"tokens": list({**{one["key"]: one for one in old.get("tokens", [])}, **new}.values())}

        _shared.change(_name(runner, family, options), merged)


def _name(runner: str, family: str, options: t.Mapping[str, t.Any]) -> str:
    who = [str(options.get(name) or "") for name in _OF[family]]
    return f"access tokens: {hashlib.sha256(json.dumps([runner, family, who]).encode()).hexdigest()}"
