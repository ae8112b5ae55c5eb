# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle remembers of a stamp from earlier runs. FOR INTERNAL COLLECTION USE ONLY.

Manifest entries and receipt hold no secret. They are hints: what can be read from Azure and from the stamp counts more.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    bundle as bundles,
)
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    receipt as receipts,
)
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    unfinished,
)
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError


def recall(
    bundle: str, stamp: str, notify: t.Callable[[str], None] | None = None
) -> tuple[dict[str, t.Any], receipts.Receipt | None]:
    """Return what the bundle remembers of a stamp, and the receipt of its last activation; None for what it does not.

    A run that ended between a registration and the activation with its key shows in `unused_key`, in `unused_token` and in `unfinished`.

    The fields are `cloud_id`; `bridge_principal`, object id of the one in the registration token; `activated_with`, digest
    of the claims of the activation key that was used last; `activated`, UTC timestamp of that; `unused_key`, whether a key
    was exported and the run ended before the stamp was activated with it; `unused_token`, whether there is a registration token, and the
    stamp was never activated from this bundle; and `unfinished`, whether a run left its mark. Times of two hosts do not tell that: their
    clocks differ.

    :param notify: takes a warning of a receipt that cannot be understood.
    :raises InputError: the stamp's name cannot be a file name.
    """
    key_place = bundles.place(bundles.KEY, bundle=bundle, stamp=stamp, path=None)
    token = _entry(bundles.place(bundles.TOKEN, bundle=bundle, stamp=stamp, path=None))
    key, receipt = _entry(key_place), receipts.read(receipts.path_of(key_place), notify)
    known: dict[str, t.Any] = {
        "cloud_id": next((one.cloud_id for one in (token, key, receipt) if one and one.cloud_id), None),
        "bridge_principal": token.bridge_principal if token else None,
        "activated_with": receipt.claims_digest if receipt else None,
        "activated": receipt.activated if receipt else None,
        "unused_key": key is not None and (receipt is None or key.claims_digest not in (None, receipt.claims_digest)),
        "unused_token": token is not None and receipt is None,
        "unfinished": unfinished.is_left(unfinished.path_of(key_place)),
    }
    return known, receipt


def _entry(where: bundles.ArtifactPlace) -> bundles.ManifestEntry | None:
    with contextlib.suppress(ArtifactError):  # the module that uses the artifact says what is wrong with it
        return bundles.read_entry(where)
    return None
