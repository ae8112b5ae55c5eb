# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp versions and what they offer. FOR INTERNAL COLLECTION USE ONLY.

Source of the gates: the vendor's RegisterWithAzure.psm1, branch az.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError


def parse(version: str) -> tuple[int, int, int, int]:
    """Return a stamp version such as 1.2311.1.22 as a comparable tuple; missing trailing parts count as 0.

    :raises InputError: the text is not a version.
    """
    if not re.fullmatch(r"\d+(\.\d+){1,3}", version.strip()):
        raise InputError(f"{version!r} is not a stamp version", remedy="Give it as 1.2311.1.22")
    parts = [int(part) for part in version.strip().split(".")]
    return t.cast("tuple[int, int, int, int]", tuple(parts + [0] * (4 - len(parts))))


def wants_key_pair(version: str, nodes: int) -> bool:
    """Tell whether Set-RegistrationKeyPair runs before the token: > 1.2209.0.23 and more than one node."""
    return parse(version) > (1, 2209, 0, 23) and nodes > 1


def knows_asset_tag(version: str) -> bool:
    """Tell whether New-RegistrationToken takes MsAssetTag: from 1.1912.0.19 on."""
    return parse(version) >= (1, 1912, 0, 19)


def knows_token_version(version: str) -> bool:
    """Tell whether New-RegistrationToken takes TokenVersion: from 1.2008.0.49 on."""
    return parse(version) >= (1, 2008, 0, 49)


def knows_disconnected(version: str) -> bool:
    """Tell whether the stamp can be registered while disconnected: from update 1712 (1.0.180106.1) on."""
    return parse(version) >= (1, 0, 180106, 1)


def default_token_version(version: str) -> str | None:
    """Return the token version to ask for: 6.0 above 1.2309.0.4, else 4.0; None where the parameter is unknown."""
    if not knows_token_version(version):
        return None
    return "6.0" if parse(version) > (1, 2309, 0, 4) else "4.0"
