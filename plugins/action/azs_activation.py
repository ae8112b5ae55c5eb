# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_activation."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Activates or deactivates the stamp."""

    families = ("pep", "admin")
    reads = bundle.KEY

    def step_of(self, args: dict[str, t.Any]) -> str:
        """Return which of the two the module does."""
        return "deactivating the stamp" if args.get("state") == "absent" else "activating the stamp"
