# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_registration_move."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Moves a registration."""

    families = ("azure",)
    step = "moving the registration"
