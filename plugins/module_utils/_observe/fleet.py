# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of many stamps, read in one process. FOR INTERNAL COLLECTION USE ONLY.

Stamps share what is the same for them: the sign-in of an identity, the metadata of a cloud, the list of a subscription.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _many
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import memory
from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._caller import Asker
from ansible_collections.azurestack.hub.plugins.module_utils._decide import leads
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._observe import activation, registration

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Caller
    from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule


def read(module: AzsModule, stamps: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return what was read of each stamp: name -> what azs_connected_info returns, or `failed`, `msg` and `error`.

    :param stamps: the options of each, see azs_fleet_info.
    """
    with _terminable(stamps):
        return _many.each(module, stamps, _one)


def _terminable(stamps: t.Iterable[t.Mapping[str, t.Any]]) -> contextlib.AbstractContextManager[None]:
    """Let no signal end the process before the sessions at privileged endpoints are closed."""
    if not any(one["privileged_endpoint"] for one in stamps):
        return contextlib.nullcontext()
    # Imported here: only a stamp of which nothing else tells its cloud id is asked there.
    from ansible_collections.azurestack.hub.plugins.module_utils._pep import session as sessions

    return sessions.terminable()


def _one(asker: Asker, warnings: list[str]) -> dict[str, t.Any]:
    options = asker.params
    found: dict[str, t.Any] = dict(options["found"] or {})
    warnings += found.pop("warnings", [])
    failures: dict[str, dict[str, t.Any]] = found.pop("failures", {})
    sides: tuple[tuple[str, t.Callable[[], dict[str, t.Any]]], ...] = (
        ("stamp", lambda: _at_stamp(asker)),
        ("azure", lambda: (_standing if _names_tenant(options) else _in_azure)(asker, found)),
    )
    for side, read_it in sides:
        if options[f"read_{side}"] and (options["each_side"] or not failures):
            try:
                found.update(read_it())
            except AzsError as error:
                failures[side] = {**error.as_failure(), **error.result}
            except Exception as error:  # noqa: BLE001  # one stamp's, which must not take the others with it
                failures[side] = _many.bug(error)
    if failures:
        found.update(next(iter(failures.values())))
    if failures and options["each_side"]:
        found["failures"] = failures
    return {**found, "changed": False}


def _at_stamp(asker: Asker) -> dict[str, t.Any]:
    """Return the activation, and the cloud id that the privileged endpoint tells where nothing else does."""
    known, params = activation.read(asker), asker.params
    if not params["privileged_endpoint"] or leads.to_registration(
        known, params["cloud_id"], every=params["all_registrations"]
    ):
        return known
    missing = [name for name in ("pep_hosts", "pep_username", "pep_password") if not params[name]]
    if missing:
        raise InputError(
            f"Only the privileged endpoint can tell the stamp's cloud id, and {' and '.join(missing)} is not given",
            remedy=f"Set {' and '.join(f'azs_{name}' for name in missing)}, or azs_cloud_id",
        )
    # Imported here: see _terminable.
    from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
    from ansible_collections.azurestack.hub.plugins.module_utils._pep import session as sessions
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions

    with sessions.open_session(PepOptions.from_params(params), asker.warn) as session:
        cloud_id = cmdlets.stamp_information(session).cloud_id
    return {**known, "remembered": {**known["remembered"], "cloud_id": cloud_id}}


def _names_tenant(options: t.Mapping[str, t.Any]) -> bool:
    return bool(options["customer_subscription_id"] or options["customer_tenant_id"])


def _standing(asker: Caller, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return how a stamp's registration holds a tenant."""
    # Imported here: every module start pays for what it imports, and hardly one reads tenants.
    from ansible_collections.azurestack.hub.plugins.module_utils._tenants import comparison, holdings

    params = asker.params
    hint = (found.get("activation") or {}).get("registration_id")
    asked_for = params["registration_id"] or params["registration_name"]
    if not (asked_for or hint or params["cloud_id"]):
        return {"registrations": None, "standing": None}
    azure = session.connect(asker)
    registered = registration.named(
        asker,
        azure,
        registration.Asked(
            name=params["registration_name"],
            resource_group=params["resource_group"],
            registration_id=params["registration_id"],
            registration_hint=None if asked_for else hint,
            cloud_id=params["cloud_id"],
        ),
    )
    if registered is None:
        # Where the activation alone led there, and nothing is there, the registration was moved.
        return {"registrations": [] if asked_for or params["cloud_id"] else None, "standing": None}
    subscription, tenant = params["customer_subscription_id"], params["customer_tenant_id"]
    held = holdings.read(azure.client, registered, subscription)
    standing = comparison.compare(held.found, subscription, tenant)
    return {"registrations": [{"id": str(registered.id)}], "standing": dataclasses.asdict(standing)}


def _in_azure(asker: Caller, found: dict[str, t.Any]) -> dict[str, t.Any]:
    params = asker.params
    known: dict[str, t.Any] = {"activation": {"registration_id": None}, "remembered": {}, **found}
    cloud_id = params["cloud_id"]
    where = leads.to_registration(known, cloud_id)
    if where is None and params["azure_bundle"]:
        known["remembered"], dummy = memory.recall(params["azure_bundle"], params["name"], asker.warn)
        found.setdefault("remembered", known["remembered"])
        where = leads.to_registration(known, cloud_id)
    if where is None:
        return {"registrations": None}
    return registration.of_stamp(
        asker,
        where,
        every=params["all_registrations"],
        tenants=params["tenants"],
        old_subscription_id=params["old_subscription_id"],
    )
