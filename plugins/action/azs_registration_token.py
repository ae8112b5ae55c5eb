# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_registration_token."""

from __future__ import annotations

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Mints the registration token."""

    families = ("pep",)
    writes = bundle.TOKEN
    step = "exporting the registration token"
