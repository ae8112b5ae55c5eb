# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_registration."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Registers the stamp in Azure, and exports the activation key."""

    families = ("azure",)
    reads = bundle.TOKEN
    writes = bundle.KEY

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return what was prepared for many stamps at once, else work."""
        prepared = args.pop("prepared", None)
        return dict(prepared) if prepared else super().work(args, task_vars)
