# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier tasks of a run in check mode would have made, stamp by stamp. FOR INTERNAL COLLECTION USE ONLY.

A stamp's facts are by the kind of its artifact: what the registration token or the activation key would say, or the manifest entry
that there would be. C(changed) among them tells whether the artifact would be written; else it is the one that lies there already.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared

_PREFIX: t.Final = "foreseen: "

Facts = dict[str, dict[str, t.Any]]


def of_stamp(stamp: str) -> Facts:
    """Return what is foreseen of a stamp's artifacts, by their kinds."""
    return _shared.get(_PREFIX + stamp)


def of_stamps(stamps: t.Collection[str] | None) -> dict[str, Facts]:
    """Return what is foreseen of some stamps, None for all; those of which nothing is are left out."""
    every = _shared.beginning(_PREFIX)
    return every if stamps is None else {stamp: every[stamp] for stamp in stamps if stamp in every}


def learn(stamp: str, told: t.Mapping[str, dict[str, t.Any] | None]) -> None:
    """Note what a task would have made of a stamp's artifacts.

    :param told: kind -> facts; None when what lies there is what there will be.
    """
    if told:
        _shared.change(
            _PREFIX + stamp, lambda known: {kind: facts for kind, facts in {**known, **told}.items() if facts}
        )
