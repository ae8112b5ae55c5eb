# SPDX-License-Identifier: GPL-3.0-or-later
"""The service principal of a stamp's Azure bridge. FOR INTERNAL COLLECTION USE ONLY.

Made in the name of the Azure user whose refresh token is given. Every call makes another one, and the stamp uses the
last: which one it has can only be seen in a registration token.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import PepSessionLost
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession

SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "bridge_principal_refresh_token": {"type": "str", "no_log": True},
    "bridge_principal_environment": {"type": "str", "default": "AzureCloud"},
    "bridge_principal_tenant": {"type": "str"},
    "bridge_principal_timeout": {"type": "int", "default": 1800},
}


@dataclasses.dataclass(frozen=True)
class BridgePrincipal:
    """A bridge principal to be made.

    :param refresh_token: of the Azure user that registers.
    :param environment: the vendor's name of the Azure cloud.
    :param tenant: directory of the user; None when it is the one that the refresh token says.
    :param timeout: seconds.
    """

    refresh_token: str = dataclasses.field(repr=False)
    environment: str
    tenant: str | None
    timeout: int

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> BridgePrincipal | None:
        """Return the principal of a module's options; None when they give no refresh token."""
        if not params["bridge_principal_refresh_token"]:
            return None
        return cls(
            refresh_token=params["bridge_principal_refresh_token"],
            environment=params["bridge_principal_environment"],
            tenant=params["bridge_principal_tenant"],
            timeout=params["bridge_principal_timeout"],
        )


def make(session: PepSession, principal: BridgePrincipal, progress: ProgressRecords) -> str:
    """Make a bridge principal and return its object id.

    :raises PepSessionLost: whether it was made is not known, kind outcome_unknown.
    :raises PepError: the cmdlet failed, or gave no object id.
    """
    progress.step("creating the bridge principal")
    try:
        return cmdlets.new_bridge_principal(
            session,
            refresh_token=principal.refresh_token,
            environment=principal.environment,
            tenant=principal.tenant,
            timeout=principal.timeout,
            progress=progress,
        )
    except PepSessionLost as lost:
        raise PepSessionLost(
            f"{lost.message}, and whether the bridge principal was made is not known",
            kind="outcome_unknown",
            where=lost.where,
            cause=lost.cause,
            remedy="Run the same command again: it makes another principal, and the stamp uses the last one. "
            "The directory may keep a service principal that nothing uses",
            code=lost.code,
            details={"session": lost.kind},
        ) from lost
