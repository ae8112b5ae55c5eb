# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_activation_key."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Exports the activation key."""

    families = ("azure",)
    writes = bundle.KEY
