# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_stamp_info."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Reads the stamp information."""

    families = ("pep",)
    step = "reading the stamp information"
