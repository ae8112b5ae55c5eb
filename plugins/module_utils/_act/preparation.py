# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before a registration, so that a stamp is touched only once Azure can take it. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import pathlib
import threading
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import registrar
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import files
from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._decide import preflight

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Caller


def place_of(params: t.Mapping[str, t.Any]) -> registrar.RegistrationPlace:
    """Return where the options of azs_registration say that the registration is to be. Raises InputError."""
    known, hint = params.get("registration_id"), params["registration_hint"]
    return registrar.RegistrationPlace(
        name=params["name"],
        resource_group=params["resource_group"],
        location=params["location"],
        known=RegistrationId.parse(known) if known else None,
        hint=RegistrationId.parse(hint) if hint else None,
    )


class _FirstAlone:
    """Lets threads through one after the other until one of them has come to its end without an error, then all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = False

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._open:
            self._lock.release()

    def __exit__(self, kind: type[BaseException] | None, *dummy: object) -> None:
        if not self._open:
            self._open = kind is None
            self._lock.release()


def prepare(
    module: Caller, wanted: registrar.WantedRegistration, place: registrar.RegistrationPlace, how: registrar.How
) -> dict[str, t.Any]:
    """Ask everything that registering asks before its first write, and make what a registration needs.

    :param module: with the options of the azure family, and the bundle in which there has to be room.
    :param how: with `prepare`.
    :return: the task result. Raises as registrar.present.
    """
    if module.params["bundle"]:
        files.check_room(pathlib.Path(module.params["bundle"]), probe=not how.check)
    azure = session.connect(module)
    # What a subscription lacks is made for the first of many stamps; the others find it there.
    with module.shared.of(("prepared", azure.account, azure.subscription_id), _FirstAlone):
        outcome = registrar.present(azure, wanted, place, how)
    made = {action: action in outcome.actions for action in (preflight.REGISTER_PROVIDER, preflight.CREATE_GROUP)}
    return {
        "changed": outcome.changed,
        "diff": {"before": dict.fromkeys(made, False), "after": made},
        "adopted": outcome.adopted,
        "actions": outcome.actions,
        "cloud": azure.cloud.as_result(),
    }
