# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_bundle."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.plugin_utils import _foreseen
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Packs and unpacks the artifacts of many stamps: what is foreseen is by their names."""

    def foreseen(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return what earlier tasks would have made of the artifacts of all stamps that are meant."""
        stamps = args.get("stamps")
        return _foreseen.of_stamps(stamps if isinstance(stamps, list) else None)

    def foresee(self, args: dict[str, t.Any], told: dict[str, t.Any]) -> None:
        """Note what would have been taken out of the archive."""
        for stamp, of_stamp in told.items():
            _foreseen.learn(stamp, of_stamp)
