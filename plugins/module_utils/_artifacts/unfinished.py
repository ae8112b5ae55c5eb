# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark of work on a stamp that did not come to its end. FOR INTERNAL COLLECTION USE ONLY.

A stamp's activation does not show all that is in the key it was made with: billing model, agreement and hardware it does not. So a run
that ended between a new registration and the activation with its key would be taken for finished. It leaves a mark beside the
activation key, before the registration is written and before the stamp is activated, which only a finished activation removes,
or the activation key that was not used yet and lies there instead. It holds no secret, and does not travel.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, files, receipt
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

_SUFFIX: t.Final = "activation-unfinished.json"


def path_of(key: bundle.ArtifactPlace) -> pathlib.Path:
    """Return where the mark of the stamp lies whose activation key lies there."""
    return receipt.path_of(key, _SUFFIX)


def of_stamp(bundle_path: str, stamp: str) -> pathlib.Path:
    """Return where the mark of a stamp lies in a bundle. Raises InputError."""
    return path_of(bundle.place(bundle.KEY, bundle=bundle_path, stamp=stamp, path=None))


def begin(path: pathlib.Path) -> None:
    """Leave the mark.

    :raises ArtifactError: the file cannot be written.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    files.write(path, (json.dumps({"begun": now.isoformat().replace("+00:00", "Z")}) + "\n").encode())


def is_left(path: pathlib.Path) -> bool:
    """Tell whether the mark of an earlier run is there, whatever is in it."""
    return path.exists()


def finish(path: pathlib.Path) -> None:
    """Remove the mark, when there is one: the stamp was activated.

    :raises ArtifactError: the file cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(
            "The mark of an unfinished activation cannot be deleted",
            kind="unwritable_artifact",
            where=str(path),
            cause=error.strerror,
            remedy="Delete it by hand: as long as it is there, every run activates the stamp again",
        ) from None
