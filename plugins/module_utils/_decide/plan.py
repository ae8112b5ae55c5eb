# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connected stamp lacks, and the steps that give it that. FOR INTERNAL COLLECTION USE ONLY.

Pure: compares what is wanted with what was read, contacts nothing. The same plan is the drift report of check mode and
what the real run follows, so they cannot part.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._decide import choice, conflicts
from ansible_collections.azurestack.hub.plugins.module_utils._decide.chain import (
    ACTIVATION,
    KEY,
    LOCK_LEVEL,
    RECEIPT,
    REGISTRATION,
    unlocked,
    without_role,
)
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._domain.claims import same_id
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ConflictError, InputError

REGISTERED: t.Final = "Registered"

# Where a value was read, in `read_from`, beside the places of the chain.
BUNDLE: t.Final = "bundle"
NOWHERE: t.Final = "none"

_PLACES: t.Final = {
    REGISTRATION: "in the registration",
    KEY: "in the registration's activation key",
    ACTIVATION: "on the stamp's activation",
    RECEIPT: "in the receipt of the last activation",
    BUNDLE: "in the bundle",
}
_FLAGS: t.Final = ("marketplace_syndication", "usage_reporting")
_GUID: t.Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclasses.dataclass(frozen=True)
class WantedStamp:
    """What a connected stamp is to be.

    :param request: the billing model and both flags, every default settled.
    :param cloud_id: the stamp's, when it is known beforehand.
    :param name: of the registration; None adopts an existing one's.
    :param resource_group: counts together with name.
    :param bridge_principal: object id of an existing bridge principal to use; None keeps the one on record.
    :param new_bridge_principal: make one although there is one on record.
    :param reregister: register and activate again although nothing that can be compared differs.
    """

    request: billing.Request
    cloud_id: str | None = None
    name: str | None = None
    resource_group: str | None = None
    bridge_principal: str | None = None
    new_bridge_principal: bool = False
    reregister: bool = False


@dataclasses.dataclass(frozen=True)
class Drift:
    """One field that is otherwise than wanted; `found` None means that it is missing."""

    field: str
    wanted: t.Any
    found: t.Any
    read_from: str

    def line(self) -> str:
        """Return the drift as a sentence for the operator."""
        name = self.field.replace("_", " ")
        if self.field == "registration":
            none = "no registration is known, because the stamp's cloud id is not known yet"
            return f"{none if self.read_from == NOWHERE else 'there is no registration in Azure'}, wanted {self.wanted}"
        if self.field == "lock":
            return unlocked(self.found)
        if self.field == "role_assignment":
            return without_role(self.wanted)
        if self.field == "activation":
            who = {ACTIVATION: "the stamp", RECEIPT: "the receipt of the last activation"}.get(self.read_from)
            if who is None:
                return "nothing tells whether the stamp is activated: it has no admin endpoint and no receipt here"
            return f"{who} says {self.found}, wanted {self.wanted}"
        if self.field == "activation_key":
            return f"the activation is not with the registration's activation key of today: {self.found}"
        if self.field == "bridge_principal" and self.found is None and self.read_from == KEY:
            made_for = "the registration was made for a disconnected stamp"
            return f"{made_for}: it names no bridge principal, wanted {_shown(self.wanted)}"
        return f"{name} is {_shown(self.found)} {_PLACES[self.read_from]}, wanted {_shown(self.wanted)}"


@dataclasses.dataclass(frozen=True)
class Steps:
    """The steps that a run takes, in this order."""

    deactivation: bool = False
    removal: bool = False
    principal: bool = False
    token: bool = False
    registration: bool = False
    lock: bool = False
    role_assignment: bool = False
    key: bool = False
    activation: bool = False


_SAID: t.Final = {
    "deactivation": "deactivate the stamp",
    "removal": "delete the registration {removed}",
    "principal": "make a bridge principal",
    "token": "export a registration token",
    "registration": "register the stamp as {name}",
    "lock": "lock the registration",
    "role_assignment": "assign the role to the bridge principal{taken}",
    "key": "export the activation key",
    "activation": "activate the stamp",
}
"""What the operator reads of each step."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What differs and what is done about it.

    :param line: what the operator reads of the whole, where the differences do not say it.
    :param wanted: what is asked for, every default settled; None where the stamp is not registered by this.
    :param not_compared: what is wanted and cannot be read.
    :param cloud_id: the stamp's, None while it is not known.
    :param name: of the registration that the stamp is to have; None adopts an existing one's, else makes azurestack-<cloud id>.
    :param resource_group: likewise; None for the usual one.
    :param registration_id: of the registration that is kept, None when there is none.
    :param bridge_principal: object id of the one that is kept, None when there is none or a new one is made.
    :param replaced_principal: object id of the bridge principal that loses its role; None when none does.
    :param renew_token: whether a token is made although a fitting one is at hand.
    :param reregister: whether the stamp is registered again although what can be compared does not differ.
    :param removed: the registration that goes first, with `id`, `name`, `resource_group` and `subscription_id`; None when none does.
    :param afterwards: registrations that go when the stamp is activated with another one.
    :param connected: whether the stamp is registered as a connected one.
    """

    drift: tuple[Drift, ...] = ()
    steps: Steps = dataclasses.field(default_factory=Steps)
    line: str | None = None
    wanted: billing.Request | None = None
    cloud_id: str | None = None
    name: str | None = None
    resource_group: str | None = None
    registration_id: str | None = None
    bridge_principal: str | None = None
    replaced_principal: str | None = None
    renew_token: bool = False
    reregister: bool = False
    removed: t.Mapping[str, t.Any] | None = None
    afterwards: tuple[t.Mapping[str, t.Any], ...] = ()
    not_compared: tuple[str, ...] = ()
    connected: bool = True

    @property
    def due(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.afterwards) or any(dataclasses.asdict(self.steps).values())

    def sentence(self) -> str:
        """Return what would be done, as a sentence for the operator; the first step is its first word."""
        name = (
            self.name
            or (self.registration_id or "").rpartition("/")[2]
            or f"azurestack-{self.cloud_id or '<cloud id>'}"
        )
        removed = (self.removed or {}).get("name") or (self.removed or {}).get("id")
        taken = f" and take it from {self.replaced_principal}" if self.replaced_principal else ""
        said = [
            _SAID[step].format(name=name, removed=removed, taken=taken)
            for step, due in dataclasses.asdict(self.steps).items()
            if due
        ]
        return ", ".join([*said, *(f"delete the expired registration {one['name']}" for one in self.afterwards)])


def wanted_of(options: t.Mapping[str, t.Any], *, disconnected: bool = False) -> tuple[WantedStamp, list[str]]:
    """Check what is asked for and settle the defaults.

    :param options: the options of azs_plan.
    :param disconnected: whether it is asked for a disconnected stamp.
    :returns: what is wanted, and warnings about what was changed in it.
    :raises InputError: a rule is broken; nothing was contacted.
    """
    given: dict[str, t.Any] = {name: options.get(name) for name in billing.OPTIONS}
    if not given["billing_model"]:
        raise InputError(
            "Nothing says how the stamp is billed",
            remedy=f"Set azs_billing_model to one of {', '.join(billing.BILLING_MODELS)}. Nothing was changed",
        )
    request, warnings = billing.request(disconnected=disconnected, **given)
    principal = (options.get("bridge_principal") or "").strip() or None
    if principal and not _GUID.fullmatch(principal):
        raise InputError(
            f"bridge_principal {principal!r} is not an object id",
            remedy="Set it to the object id of the service principal (an enterprise application's), which is a GUID; "
            "neither its name nor its application id works",
        )
    if principal and options.get("new_bridge_principal"):
        raise InputError(
            "bridge_principal names an existing principal, and new_bridge_principal asks for another one",
            remedy="Leave one of them out",
        )
    return (
        WantedStamp(
            request=request,
            cloud_id=options.get("cloud_id") or None,
            name=options.get("name") or None,
            resource_group=options.get("resource_group") or None,
            bridge_principal=principal,
            new_bridge_principal=bool(options.get("new_bridge_principal")),
            reregister=bool(options.get("reregister")),
        ),
        warnings,
    )


def plan(
    wanted: WantedStamp,
    *,
    activation: t.Mapping[str, t.Any],
    remembered: t.Mapping[str, t.Any],
    registrations: t.Sequence[t.Mapping[str, t.Any]] | None,
) -> Plan:
    """Compare, and choose the steps.

    :param activation: as azs_activation_info returns it.
    :param remembered: what the bundle knows, as azs_activation_info returns it.
    :param registrations: the stamp's, as azs_registration_info returns them; None when they could not be looked for.
    :raises ConflictError: what exists contradicts what was asked for.
    """
    registration = _choose(wanted, registrations or (), activation.get("registration_id"))
    in_azure = _in_azure(wanted, registration, remembered, REGISTRATION if registrations is not None else NOWHERE)
    register = wanted.reregister or wanted.new_bridge_principal or bool(in_azure)
    on_record = _principal(registration or {}) or remembered.get("bridge_principal")
    principal = wanted.bridge_principal or (None if wanted.new_bridge_principal else on_record)
    protection = _protection(registration, principal)
    at_stamp = _at_stamp(wanted, activation, remembered, registration)
    missing = {one.field for one in protection}
    activate = register or bool(at_stamp)
    # The registration itself shows neither: only its key tells that they drifted.
    untold = any(one.field in billing.CONTRACT for one in in_azure)
    old = _principal(registration or {})
    return Plan(
        replaced_principal=old if register and old and not same_id(principal or "a new one", old) else None,
        wanted=wanted.request,
        name=wanted.name,
        resource_group=wanted.resource_group,
        renew_token=wanted.reregister or wanted.new_bridge_principal,
        reregister=wanted.reregister or wanted.new_bridge_principal or untold,
        drift=(*in_azure, *protection, *at_stamp),
        steps=Steps(
            principal=register and principal is None,
            token=register,
            registration=register,
            lock=registration is None or "lock" in missing,
            role_assignment="role_assignment" in missing
            or registration is None
            or (register and not same_id(principal or "a new one", _principal(registration))),
            key=activate,
            activation=activate,
        ),
        cloud_id=(registration or {}).get("cloud_id") or wanted.cloud_id or remembered.get("cloud_id"),
        registration_id=registration["id"] if registration else None,
        bridge_principal=principal,
        not_compared=tuple(field for field in billing.CONTRACT if (registration or {}).get(field) is None),
    )


def _choose(
    wanted: WantedStamp, registrations: t.Sequence[t.Mapping[str, t.Any]], activated_with: str | None
) -> t.Mapping[str, t.Any] | None:
    """Return the registration that the run is about, None when one has to be made.

    After the yearly capacity subscription has expired a stamp may be registered anew under another name while the expired
    registration is still there; so an expired one under another name does not count.
    """
    for one in registrations:
        if wanted.cloud_id and one.get("cloud_id") and not same_id(one["cloud_id"], wanted.cloud_id):
            raise conflicts.of_another_stamp(one, wanted.cloud_id)
    fitting = [one for one in registrations if wanted.name is None or _named(wanted, one)]
    living = [one for one in fitting or registrations if not choice.expired(one)]
    chosen, decided = choice.meant(fitting, activated_with)
    cloud_id = wanted.cloud_id or next((one.get("cloud_id") for one in registrations), None)
    if len(fitting) > 1 and not (living and decided):
        raise conflicts.several_registrations(cloud_id, [str(one["id"]) for one in fitting])
    if not fitting and living:
        raise conflicts.registered_elsewhere(cloud_id, living[0], wanted.name, wanted.resource_group)
    if chosen is not None and choice.expired(chosen):
        raise ConflictError(
            f"The registration {chosen['name']} expired at {chosen['expires']}",
            kind="registration_expired",
            where=str(chosen["id"]),
            cause="Azure does not take an expired registration's token again, and no stamp its key",
            remedy="Renew it: delete it (azs_registration, state absent) and run again, "
            "or run again with another name (azs_registration_name)",
            details={"registration_id": str(chosen["id"])},
        )
    return chosen


def _principal(registration: t.Mapping[str, t.Any]) -> str | None:
    """Return the bridge principal; Azure's object id where no key tells, since the operator says that the stamp is connected."""
    return registration.get("bridge_principal") or (None if registration.get("key") else registration.get("object_id"))


def _named(wanted: WantedStamp, registration: t.Mapping[str, t.Any]) -> bool:
    same_group = not wanted.resource_group or same_id(wanted.resource_group, registration["resource_group"])
    return same_id(wanted.name, registration["name"]) and same_group


def _in_azure(
    wanted: WantedStamp,
    registration: t.Mapping[str, t.Any] | None,
    remembered: t.Mapping[str, t.Any],
    looked_in: str,
) -> list[Drift]:
    """Return what only registering again repairs."""
    if registration is None:
        cloud_id = wanted.cloud_id or remembered.get("cloud_id") or "<cloud id>"
        return [Drift("registration", wanted.name or f"azurestack-{cloud_id}", None, looked_in)]
    found = [
        Drift(field, getattr(wanted.request, field), registration[field], KEY)
        for field in ("billing_model", *_FLAGS)
        if registration.get(field) is not None and registration[field] != getattr(wanted.request, field)
    ]
    for field in billing.CONTRACT:
        asked, told = getattr(wanted.request, field), registration.get(field)
        if asked and told is not None and not billing.same_contract(asked, told):
            found.append(Drift(field, asked, told or None, KEY))
    principal = _principal(registration)
    if wanted.bridge_principal and not same_id(wanted.bridge_principal, principal):
        found.append(Drift("bridge_principal", wanted.bridge_principal, principal, KEY))
    elif principal is None:
        found.append(Drift("bridge_principal", remembered.get("bridge_principal") or "a new one", None, KEY))
    return found


def _protection(registration: t.Mapping[str, t.Any] | None, principal: str | None) -> list[Drift]:
    """Return what is wrong around the registration, and repaired without registering again."""
    if registration is None:
        return []
    found = []
    level = (registration.get("lock") or {}).get("level")
    if level != LOCK_LEVEL:
        found.append(Drift("lock", LOCK_LEVEL, level, REGISTRATION))
    role = registration.get("role_assignment")
    if role is not None and not role["assigned"] and same_id(role["principal_id"], principal):
        found.append(Drift("role_assignment", principal, None, REGISTRATION))
    return found


def _at_stamp(
    wanted: WantedStamp,
    activation: t.Mapping[str, t.Any],
    remembered: t.Mapping[str, t.Any],
    registration: t.Mapping[str, t.Any] | None,
) -> list[Drift]:
    """Return what only activating again repairs."""
    evidence = activation.get("evidence") or ACTIVATION
    if activation["state"] != REGISTERED:
        return [Drift("activation", REGISTERED, activation["state"], evidence)]
    if registration is None:
        return []  # it is activated anew anyway, with the key of the registration to be made
    found = []
    if not same_id(activation.get("registration_id"), registration["id"]):
        found.append(Drift("registration_id", registration["id"], activation.get("registration_id"), evidence))
    for field, target in (
        *((flag, getattr(wanted.request, flag)) for flag in _FLAGS),
        ("expires", registration.get("expires")),
    ):
        if None in (activation.get(field), target):
            continue
        if not (expiry.same(activation[field], target) if field == "expires" else activation[field] == target):
            found.append(Drift(field, target, activation[field], evidence))
    if found:
        return found
    # The activation does not tell what else is in the key it was made with; what the last run left behind does.
    digest, claims = remembered.get("activated_with"), registration.get("claims_digest")
    if digest and claims and digest != claims:
        return [Drift("activation_key", "the registration's", "it was made with an older one", RECEIPT)]
    if remembered.get("unused_key"):
        return [
            Drift("activation_key", "the registration's", "a run exported one and ended before it was used", BUNDLE)
        ]
    if remembered.get("unfinished") or remembered.get("unused_token"):
        return [
            Drift("activation_key", "the registration's", "a run ended before the stamp was activated with it", BUNDLE)
        ]
    return []


def _shown(value: t.Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "missing" if value is None else str(value)
