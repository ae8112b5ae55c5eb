# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource ids of registrations. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

DEFAULT_GROUP = "azurestack"
"""Resource group of registrations when the task names none, as in RegisterWithAzure.psm1."""

_PATTERN = re.compile(
    r"/?subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.AzureStack/registrations/([^/]+)/?",
    re.IGNORECASE,
)


def check_part(option: str, value: str) -> None:
    """Refuse what is no part of a resource id: it would make a request for something else than was meant.

    :param option: what the value is, for the message.
    :raises InputError: the value is empty, or a dot or two, or holds a slash or a control character.
    """
    if value.strip() in ("", ".", "..") or re.search(r"[/\\\x00-\x1f\x7f]", value):
        raise InputError(
            f"{option} {value!r} cannot be part of a resource id",
            remedy="Set it to a name without slashes, as Azure shows it",
        )


@dataclasses.dataclass(frozen=True)
class RegistrationId:
    """Where a registration is. Azure compares all parts without case: compare with `same`, not with ==."""

    subscription_id: str
    resource_group: str
    name: str

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_part(field.name, getattr(self, field.name))

    @classmethod
    def parse(cls, text: str) -> RegistrationId:
        """Return the parts of a registration's resource id, in any letter case.

        :raises InputError: it is not the id of a registration.
        """
        match = _PATTERN.fullmatch(text.strip())
        if not match:
            raise InputError(
                f"{text!r} is not the resource id of a registration",
                remedy="Give it as /subscriptions/<id>/resourceGroups/<group>"
                "/providers/Microsoft.AzureStack/registrations/<name>",
            )
        return cls(*match.groups())

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.AzureStack/registrations/{self.name}"
        )

    def same(self, other: RegistrationId) -> bool:
        """Tell whether two ids mean the same registration."""
        return same_id(str(self), str(other))
