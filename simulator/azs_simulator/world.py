# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is simulated, put together from a fleet; the protocols around it are in the other modules."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from . import tokens
from .access import Lock, RoleAssignment
from .cloud import ArmError, Cloud, Group, Registration, Subscription
from .directory import Directory, Principal
from .fleet import Fleet, FleetError, PrincipalSpec, RegistrationSpec
from .settings import Settings
from .stamp import CmdletError, Stamp
from .story import STATUS_FORMS, STORIES
from .wording import WORDINGS

__all__ = [
    "ArmError",
    "Cloud",
    "CmdletError",
    "Dice",
    "Directory",
    "Group",
    "Registration",
    "Stamp",
    "Subscription",
    "World",
]

ABSENT_ACTIVATION_CODES = (
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "NotFound",
    "ActivationNotFound",
    "ActivationDoesNotExist",
    "ResourceMissing",
)
"""What a stamp may call an activation that is not there. Recorded is ResourceNotFound, on a stamp that once had one."""
ABSENT_LOCK_CODES = ("LockNotFound", "ResourceNotFound", "NotFound", "ManagementLockNotFound")
"""What Azure may call a lock that is not there."""
ABSENT_MAPPING_CODES = (
    "CustomerSubscriptionNotFound",
    "ResourceNotFound",
    "NotFound",
    "CustomerNotFound",
    "TenantMappingNotFound",
    "EntityDoesNotExist",
)
"""What Azure may call a tenant mapping that is not there. Published is CustomerSubscriptionNotFound."""

LOCK_NAME = "RegistrationResourceLock"
REGISTRATION_OWNER = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
"""The built-in role that a bridge principal has on its stamp's registration (facts, section 4)."""


T = TypeVar("T")


class Dice:
    """Made-up values; with a seed, the same ones at every start."""

    _PASSWORD = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def guid(self) -> str:
        """A GUID in lower case."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def one_of(self, values: Sequence[T]) -> T:
        """One of several values."""
        return self._random.choice(values)

    def password(self) -> str:
        """A password with the characters that quoting mistakes and NTLM user files stumble over.

        No double quote and no backslash: searching logs for a leaked password has to find it inside JSON too.
        """
        letters = self._random.choices(self._PASSWORD, k=20)
        return f"{''.join(letters[:16])}:#'% ${''.join(letters[16:])}"


class World:
    """The simulated clouds and stamps. Raises FleetError when the fleet contradicts itself."""

    def __init__(self, fleet: Fleet, seed: int | None = None) -> None:
        self.fleet = fleet
        self.dice = Dice(seed)
        self.settings = Settings(
            absent_activation_code=self.dice.one_of(ABSENT_ACTIVATION_CODES),
            activation_list=self.dice.one_of((True, False)),
            absent_lock_code=self.dice.one_of(ABSENT_LOCK_CODES),
            absent_mapping_code=self.dice.one_of(ABSENT_MAPPING_CODES),
            plan_story=self.dice.one_of(STORIES),
            plan_objects=self.dice.one_of((True, False)),
            action_status_form=self.dice.one_of(STATUS_FORMS),
            hidden_busy=self.dice.one_of((True, False)),
            disconnected_object_id=self.dice.one_of(("none", "zeros", "id")),
            numbered_documents=self.dice.one_of((True, False)),
            mapping_status=self.dice.one_of((200, 201)),
            padded_mapping_ids=self.dice.one_of((True, False)),
            bodyless_empty_lists=self.dice.one_of((True, False)),
            expirations_of_2018=self.dice.one_of((True, False)),
            locked_writes=self.dice.one_of(("own", "any", "none")),
            wording=self.dice.one_of(tuple(WORDINGS)),
        )
        self.sign_in_key = tokens.SigningKey()
        self.registration_tokens = tokens.RegistrationTokens()
        self.clouds: dict[str, Cloud] = {}
        self.stamps: dict[str, Stamp] = {}
        self.stamp_directories: dict[str, Directory] = {}
        """AD FS of the stamps that have one, by the stamp's name."""
        self.stamp_admins: dict[str, Principal] = {}
        """Who may read a stamp's admin ARM, by the stamp's name."""
        for cloud_spec in fleet.clouds:
            self.clouds[cloud_spec.name] = Cloud(cloud_spec, self)
        for spec in fleet.stamps:
            cloud = self.clouds[spec.cloud or fleet.clouds[0].name]
            stamp = self.stamps[spec.name] = Stamp(spec, self, cloud)
            self._add_admin(stamp)
            if spec.registration:
                self._register(stamp, spec.registration)
        try:
            self.change_settings(fleet.settings)
        except (ValueError, TypeError) as error:
            raise FleetError(f"fleet.settings: {error}") from error

    def directory_of(self, stamp: Stamp) -> Directory:
        """Where sign-ins to a stamp's admin ARM go: its own AD FS, or the cloud's Entra ID."""
        return self.stamp_directories.get(stamp.name, stamp.cloud.directory)

    def open_activation_key(self, key: str) -> tuple[Cloud | None, dict[str, Any]]:
        """The cloud that signed a key, and its claims; no cloud: nobody here signed it."""
        for cloud in self.clouds.values():
            try:
                return cloud, cloud.signing_key.verify(key.strip())
            except tokens.MalformedToken:
                continue
        return None, {}

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Update the settings, and all stamps with changed durations and progress records. Raises ValueError."""
        self.settings.update(changes)
        for stamp in self.stamps.values():
            if "durations" in changes:
                stamp.durations.update(self.settings.durations)
            if "progress_records" in changes:
                stamp.progress_records.update(self.settings.progress_records)

    def as_dict(self) -> dict[str, Any]:
        """The whole state for the control API."""
        return {
            "settings": self.settings.as_dict(),
            "clouds": {name: cloud.as_dict() for name, cloud in self.clouds.items()},
            "stamps": {name: stamp.as_dict() for name, stamp in self.stamps.items()},
        }

    def _add_admin(self, stamp: Stamp) -> None:
        if stamp.identity == "ADFS":
            self.stamp_directories[stamp.name] = Directory(self, {}, adfs=True)
        directory = self.directory_of(stamp)
        directory.audiences.add(stamp.admin_audience)
        self.stamp_admins[stamp.name] = directory.add(
            PrincipalSpec(
                name=f"{stamp.name}-admin",
                tenant=stamp.aad_tenant_id,
                client_id=stamp.spec.admin_client_id,
                secret=stamp.spec.admin_secret,
            )
        )

    def _register(self, stamp: Stamp, spec: RegistrationSpec) -> None:
        """Leave a stamp and its cloud as the vendor's script does when it has registered them."""
        cloud = stamp.cloud
        subscription = cloud.subscription(spec.subscription)
        subscription.have_provider()
        group = subscription.groups.setdefault(
            spec.group.lower(), Group(spec.group, spec.location or cloud.spec.locations[0])
        )
        owner = cloud.principal(spec.by)
        if stamp.has_key_pair_cmdlet:
            stamp.create_key_pair()
        if stamp.connected:
            stamp.principals.append(cloud.directory.add_bridge_principal(f"Azurebridge-{stamp.name}", owner))
        request: dict[str, Any] = {"BillingModel": stamp.billing_model}
        if stamp.agreement_number:
            request["AgreementNumber"] = stamp.agreement_number
        if stamp.asset_tag:
            request["MsAssetTag"] = stamp.asset_tag
        if stamp.connected:
            request["MarketplaceSyndicationEnabled"] = True
            request["UsageReportingEnabled"] = stamp.billing_model != "Capacity"
        name = spec.name or f"azurestack-{stamp.cloud_id}"
        try:
            registration, _new = cloud.put_registration(
                subscription, group, name, stamp.mint_token(request), owner.object_id, {}
            )
            if spec.activated:
                stamp.activate(cloud.activation_key(subscription, group, registration))
        except (ArmError, CmdletError) as error:
            raise FleetError(f"fleet: stamp {stamp.name}: its registration is not possible: {error}") from error
        scope = subscription.registration_scope(group, registration)
        if spec.locked:
            cloud.access.put_lock(Lock(LOCK_NAME, scope, "CanNotDelete"))
        if stamp.connected:
            role = cloud.access.roles[REGISTRATION_OWNER]
            bridge = stamp.principals[-1].object_id
            cloud.access.assign(
                RoleAssignment(self.dice.guid(), scope, bridge, "ServicePrincipal", role, owner.object_id)
            )
        if spec.expires_in_days is not None:
            self.expire(stamp, registration, spec.expires_in_days)

    def expire(self, stamp: Stamp | None, registration: Registration | None, days: float) -> None:
        """Let a stamp's activation and a registration end `days` from now (negative: in the past)."""
        moment = time.time() + days * 86400
        if registration:
            registration.expires = moment
        if stamp and stamp.activation:
            stamp.activation["properties"]["expiration"] = tokens.expiry_claim(moment).split(".")[0] + "Z"
