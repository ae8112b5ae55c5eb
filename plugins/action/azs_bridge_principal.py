# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_bridge_principal."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Makes the bridge principal."""

    families = ("pep",)
    step = "creating the bridge principal"
