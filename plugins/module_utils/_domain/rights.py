# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that registration needs in a subscription. FOR INTERNAL COLLECTION USE ONLY.

The one list: the custom role is made of it, and what an account lacks is found with it.
"""

from __future__ import annotations

import typing as t

LOCK_ACTIONS: t.Final = (
    "Microsoft.Authorization/locks/read",
    "Microsoft.Authorization/locks/write",
    "Microsoft.Authorization/locks/delete",
)
"""To protect the registration, and to lift its lock for the requests that need it.

The role of the vendor's documentation long lacked them, so accounts with that older role meet a 403 at the lock.
"""

REGISTRATION_ACTIONS: t.Final = (
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.AzureStack/registrations/*",
    "Microsoft.AzureStack/register/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/permissions/read",
    *LOCK_ACTIONS,
)
"""What registering, changing and unregistering stamps asks of Azure.

Source: the vendor's documentation of the registration role, and the lock that its registration tool puts on.
"""

MOVE_ACTION: t.Final = "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action"
"""What moving a registration to another resource group or subscription asks of Azure besides."""

REGISTRATION_OWNER_NAME: t.Final = "Azure Stack Registration Owner"
REGISTRATION_OWNER: t.Final = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
"""The built-in role Azure Stack Registration Owner, which only reads: the bridge principal of a connected stamp has it on
the registration."""


def role_actions(*, move: bool) -> tuple[str, ...]:
    """Return the actions of the custom role for registration.

    :param move: whether the role also allows to move registrations.
    """
    return (*REGISTRATION_ACTIONS, *((MOVE_ACTION,) if move else ()))
