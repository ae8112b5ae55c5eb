# SPDX-License-Identifier: GPL-3.0-or-later
"""``/metadata/endpoints``: an object up to api-version 2015-01-01, a list of clouds in newer ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from .cloud import ArmError


@dataclasses.dataclass
class Endpoints:
    """What a cloud, or a stamp's admin ARM, says about itself."""

    name: str
    arm_url: str
    login_url: str
    audience: str
    tenant: str = "common"
    identity_provider: str = "AAD"


def metadata(api_version: str, own: Endpoints, others: Iterable[Endpoints] = (), *, as_list: bool = False) -> Any:
    """The answer for an api-version; in the list form the asked cloud comes last, as nothing promises another place.

    Raises ArmError when there is no api-version.
    """
    if not api_version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if api_version < "2018" and not as_list:
        return {
            "galleryEndpoint": f"{own.arm_url}/gallery/",
            "graphEndpoint": f"{own.arm_url}/graph/",
            "portalEndpoint": f"{own.arm_url}/portal/",
            "authentication": {"loginEndpoint": own.login_url, "audiences": [own.audience]},
        }
    return [_entry(endpoints) for endpoints in (*others, own)]


def _entry(endpoints: Endpoints) -> dict[str, Any]:
    return {
        "name": endpoints.name,
        "portal": f"{endpoints.arm_url}/portal/",
        "resourceManager": f"{endpoints.arm_url}/",
        "gallery": f"{endpoints.arm_url}/gallery/",
        "graph": f"{endpoints.arm_url}/graph/",
        "graphAudience": f"{endpoints.arm_url}/graph/",
        "authentication": {
            "loginEndpoint": endpoints.login_url,
            "audiences": [endpoints.audience],
            "tenant": endpoints.tenant,
            "identityProvider": endpoints.identity_provider,
        },
        "suffixes": {},
    }
