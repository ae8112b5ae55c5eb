# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_tenant_mapping."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Maps tenants."""

    families = ("azure",)
    step = "mapping tenants"
