# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stamp has to be activated or deactivated, and proving that it was. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import datetime
import random
import re
import time
import typing as t
import urllib.parse

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import receipt as receipts
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims as domain
from ansible_collections.azurestack.hub.plugins.module_utils._domain import expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArtifactError,
    AzsError,
    PepError,
    PepSessionLost,
    Unreachable,
)

REGISTERED: t.Final = "Registered"
NOT_REGISTERED: t.Final = "Not registered"
EXPIRED: t.Final = "Expired"
UNKNOWN: t.Final = "Unknown"

SAID: t.Final = ("billing_model", "marketplace_syndication", "usage_reporting")
"""What a key says of how the stamp is billed and what it may do."""

ACTIVATION: t.Final = "activation"
RECEIPT: t.Final = "receipt"
NONE: t.Final = "none"

NOT_SHOWN: t.Final = "the stamp's activation shows the same before and after, because billing model, agreement and hardware are not in it"

_LONGEST_ACTIVATION: t.Final = 600.0
"""Seconds that an activation takes at the most; source: the vendor's registration documents."""


@dataclasses.dataclass(frozen=True)
class Observed:
    """What is known of a stamp's activation.

    :param evidence: where from: ACTIVATION (the stamp's admin Azure Resource Manager), RECEIPT or NONE.
    :param state: what the portal says, or UNKNOWN.
    """

    evidence: str
    state: str
    registration_id: str | None = None
    expires: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None

    def fields(self) -> dict[str, t.Any]:
        """Return the fields for result and diff."""
        data = dataclasses.asdict(self)
        del data["evidence"]
        return data


Observer = t.Callable[[], Observed]
"""Reads the activation from the stamp's admin Azure Resource Manager; raises AzsError."""


@dataclasses.dataclass(frozen=True)
class Key:
    """An activation key to activate with.

    :param content: None when an earlier task would only export it (check mode).
    :param where: its file, for messages.
    """

    claims: domain.KeyClaims
    content: str | None = dataclasses.field(repr=False)
    where: str | None = None

    @property
    def digest(self) -> str | None:
        """Digest of its claims; None when it is only foreseen."""
        return None if self.content is None else receipts.digest_of(self.claims, self.content)

    def wanted(self) -> Observed:
        """Return the activation that the key makes."""
        return Observed(
            evidence=ACTIVATION,
            state=REGISTERED,
            registration_id=self.claims.registration_id,
            expires=self.claims.expires,
            marketplace_syndication=self.claims.marketplace_syndication,
            usage_reporting=self.claims.usage_reporting,
        )


def foreseen(facts: t.Mapping[str, t.Any]) -> Key:
    """Return the key that an earlier task would export or bring (check mode).

    :param facts: result fields of an activation key, or its manifest entry's.
    """
    registration = str(facts.get("registration_id") or "")
    match = re.fullmatch(
        r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.AzureStack/registrations/([^/]+)",
        registration,
        re.IGNORECASE,
    )
    subscription, group, name = match.groups() if match else (None, None, None)
    return Key(
        domain.KeyClaims(
            opaque=False,
            subscription_id=subscription,
            resource_group=group,
            registration_name=name,
            **{
                field: facts.get(field)
                for field in (
                    "cloud_id",
                    "billing_model",
                    "marketplace_syndication",
                    "usage_reporting",
                    "bridge_principal",
                    "expires",
                )
            },
        ),
        None,
    )


def check_key(
    key: Key, *, registration_id: str | None, now: datetime.datetime, ahead: datetime.timedelta | None = None
) -> None:
    """Refuse an expired key, and a key of another registration, before anything is changed.

    :param registration_id: the expected registration; None accepts any. A key that does not tell is accepted.
    :param now: aware UTC time.
    :param ahead: by how much this host's clock is ahead of the stamp's, where that is known.
    :raises ArtifactError: the key must not be used.
    """
    found = key.claims.registration_id
    if registration_id and found and not domain.same_id(found, registration_id):
        raise ArtifactError(
            "The activation key is of another registration",
            kind="key_of_another_registration",
            where=key.where,
            cause=f"it was exported from {found}, and {registration_id} is expected",
            remedy="Bring the activation key of the expected registration, or correct registration_id. Nothing was "
            "contacted",
        )
    if key.claims.expired(now):
        raise ArtifactError(
            f"The activation key expired on {key.claims.expires}",
            kind="expired_key",
            where=key.where,
            cause=expiry.wrong_clock(ahead, "the stamp") or f"the clock of this host says {now:%Y-%m-%dT%H:%M:%SZ}",
            remedy="Compare this host's clock with the real time. When it is right: renew the registration in Azure, export its "
            "activation key again and bring that one. Nothing was changed",
        )


def check_stamp_of_key(key: Key, cloud_id: str, known_from: str) -> None:
    """Refuse the key of another stamp.

    :param cloud_id: the stamp's.
    :param known_from: where that is known from, for the message.
    :raises ArtifactError: the key was made for another cloud id.
    """
    if key.claims.cloud_id and not domain.same_id(key.claims.cloud_id, cloud_id):
        raise ArtifactError(
            "The activation key is of another stamp",
            kind="key_of_another_stamp",
            where=key.where,
            cause=f"it was made for cloud id {key.claims.cloud_id}, and this stamp's is {cloud_id} ({known_from})",
            remedy="Bring the activation key of this stamp's own registration. Nothing was changed",
        )


def is_of_another_registration(observed: Observed, key: Key) -> bool:
    """Tell whether the activation that was read from the stamp names another registration than the key."""
    found, wanted = observed.registration_id, key.claims.registration_id
    return observed.evidence == ACTIVATION and None not in (found, wanted) and not domain.same_id(found, wanted)


def same_endpoint(asked: str | None, own: str | None) -> bool:
    """Tell whether the admin endpoint that was asked is the one that the stamp calls its own; True where one is not known."""
    hosts = [
        (parts.hostname, parts.port or 443) for parts in (urllib.parse.urlsplit(url) for url in (asked, own) if url)
    ]
    return len(hosts) < 2 or hosts[0] == hosts[1]


def check_endpoint(observed: Observed, key: Key, cloud_id: str, own: str | None, asked: str | None) -> None:
    """Refuse to go on when the activation was read from another stamp's admin endpoint.

    Two signs have to meet: it names another registration, and the stamp calls another endpoint its own.

    :param cloud_id: the stamp's.
    :param own: the stamp's admin endpoint, as its stamp information says.
    :param asked: the admin endpoint that was asked.
    :raises ConflictError: it was.
    """
    if is_of_another_registration(observed, key) and not same_endpoint(asked, own):
        raise conflicts.activation_of_another_stamp(t.cast(str, observed.registration_id), None, cloud_id, asked)


def said_otherwise(key: domain.KeyClaims, asked: t.Mapping[str, t.Any]) -> list[str]:
    """Return where a key says something else of the billing than was asked for, each as part of a sentence."""
    return [
        f"its {name.replace('_', ' ')} is {_shown(getattr(key, name))}, and {_shown(asked[name])} was asked for"
        for name in SAID
        if None not in (getattr(key, name), asked.get(name)) and _shown(getattr(key, name)) != _shown(asked[name])
    ]


def check_said(key: Key, asked: t.Mapping[str, t.Any], known_from: str) -> None:
    """Refuse a key that would bill, or report, otherwise than was asked for.

    :param asked: the fields of SAID; what is missing or None is not compared.
    :param known_from: where that is known from, for the message.
    :raises ArtifactError: the key says something else.
    """
    otherwise = said_otherwise(key.claims, asked)
    if otherwise:
        raise ArtifactError(
            "The activation key says something else than was asked for",
            kind="key_not_as_asked",
            where=key.where,
            cause=f"{'; '.join(otherwise)} ({known_from})",
            remedy="Register the stamp with its registration token of today (leg 2), and bring the activation key that is exported "
            "then; or correct what is asked for. Nothing was changed",
            details={
                "key": {name: getattr(key.claims, name) for name in SAID},
                "asked": {name: asked.get(name) for name in SAID},
            },
        )


def observe(
    observer: Observer | None, receipt: receipts.Receipt | None, now: datetime.datetime, notify: t.Callable[[str], None]
) -> Observed:
    """Return what is known of the activation: from the stamp when it can be asked, else from the receipt.

    :raises AzsError: the stamp's admin Azure Resource Manager answered, and refused.
    """
    if observer:
        try:
            return observer()
        except Unreachable as error:
            notify(f"{error} What is known of the activation comes from the receipt instead.")
    if receipt is None:
        return Observed(NONE, UNKNOWN)
    expired = receipt.expires is not None and domain.parse_time(receipt.expires) <= now
    return Observed(
        evidence=RECEIPT,
        state=EXPIRED if expired else REGISTERED,
        registration_id=receipt.registration_id,
        expires=receipt.expires,
        marketplace_syndication=receipt.marketplace_syndication,
        usage_reporting=receipt.usage_reporting,
    )


def is_as_wanted(key: Key, observed: Observed, receipt: receipts.Receipt | None, *, unfinished: bool = False) -> bool:
    """Tell whether activating with the key would change nothing.

    The activation tells registration, flags and expiry. What else is in the key (billing model, agreement, hardware) only the
    receipt tells, when it is of the same registration.

    :param unfinished: whether an earlier run may have left the stamp with an older key of the same registration.
    """
    if unfinished or observed.state != REGISTERED or (observed.evidence == RECEIPT and receipt is None):
        return False
    applies = receipt is not None and domain.same_id(receipt.registration_id, observed.registration_id)
    same_receipt = applies and receipt is not None and _is_receipt_of(key, receipt)
    if key.claims.opaque:
        return same_receipt
    return not differences(key.wanted(), observed) and (same_receipt or not applies)


def differences(wanted: Observed, found: Observed) -> list[str]:
    """Return the names of fields that both sides tell, and tell differently."""
    names = []
    if wanted.state != found.state:
        names.append("state")
    if wanted.registration_id and not domain.same_id(wanted.registration_id, found.registration_id):
        names.append("registration_id")
    if None not in (wanted.expires, found.expires) and not expiry.same(wanted.expires, found.expires):
        names.append("expires")
    names += [
        name
        for name in ("marketplace_syndication", "usage_reporting")
        if None not in (getattr(wanted, name), getattr(found, name)) and getattr(wanted, name) != getattr(found, name)
    ]
    return names


def check_registration(observed: Observed, registration_id: str | None) -> None:
    """Refuse to deactivate a stamp that is activated with another registration than the expected one.

    :raises ConflictError: it is.
    """
    found = observed.registration_id
    if registration_id and found and not domain.same_id(found, registration_id):
        raise conflicts.activated_otherwise(found, registration_id)


def shows(wanted: Observed, before: Observed) -> bool:
    """Tell whether the stamp's activation can show that a cmdlet took effect: it showed something else before.

    That of a stamp that is activated again with the same registration, flags and expiry shows nothing of what else is in the key.
    """
    return wanted.state == NOT_REGISTERED or (before.evidence == ACTIVATION and bool(differences(wanted, before)))


def read_back(
    observer: Observer | None,
    wanted: Observed,
    lost: PepSessionLost | None,
    *,
    before: Observed,
    until: float,
    notify: t.Callable[[str], None],
    settling: float = 30.0,
) -> bool:
    """Read back what a cmdlet did, and tell whether the stamp confirms it.

    After a lost session the stamp's action plan goes on, so it is given its time.

    :param lost: how the session was lost, None when the cmdlet ended well.
    :param before: what was known before the cmdlet ran.
    :param until: moment of time.monotonic() at which the cmdlet's own limit ends.
    :param settling: seconds for the admin Azure Resource Manager to show what a cmdlet that ended well has done.
    :raises PepSessionLost: the outcome is unknown, kind outcome_unknown.
    :raises PepError: the stamp shows something else than the cmdlet's success says.
    """
    if observer is None:
        if lost:
            why = "the stamp's admin Azure Resource Manager is not configured (admin_endpoint), so it was not read back"
            raise _unknown(lost, why) from lost
        return False
    if lost and not shows(wanted, before):
        raise _unknown(lost, NOT_SHOWN) from lost
    now = time.monotonic()
    deadline = min(until, now + _LONGEST_ACTIVATION) if lost else now + settling
    pause = 0.5
    while True:
        try:
            found = observer()
        except AzsError as error:
            problem = str(error)
            if lost is None:
                notify(f"The activation could not be read back: {problem}")
                return False
        else:
            wrong = differences(wanted, found)
            if not wrong:
                if lost:
                    notify(f"{lost.message}, but the stamp shows the wanted state: {found.state}.")
                return True
            problem = f"the stamp shows the state {found.state!r}"
            if "state" not in wrong:
                problem += f", and something else than the key says in {', '.join(wrong)}"
        if time.monotonic() >= deadline:
            break
        time.sleep(min(pause * random.uniform(0.75, 1.25), max(deadline - time.monotonic(), 0)))
        pause = min(2 * pause, 15.0)
    if lost:
        raise _unknown(lost, problem) from lost
    raise PepError(
        "The cmdlet ended well, but the stamp does not show its effect",
        kind="activation_not_confirmed",
        cause=problem,
        remedy="Compare admin_endpoint and pep_hosts, which have to be of the same stamp, and look at the activation "
        "in the administrator portal",
    )


def _shown(value: t.Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _is_receipt_of(key: Key, receipt: receipts.Receipt) -> bool:
    if key.digest is not None:
        return receipt.claims_digest == key.digest
    return all(
        getattr(receipt, name) == getattr(key.claims, name)
        for name in ("billing_model", "bridge_principal", "expires", "marketplace_syndication", "usage_reporting")
    ) and domain.same_id(receipt.registration_id, key.claims.registration_id)


def _unknown(lost: PepSessionLost, why: str) -> PepSessionLost:
    return PepSessionLost(
        f"{lost.message}, and whether it took effect is not known",
        kind="outcome_unknown",
        where=lost.where,
        cause=f"{lost.cause}; {why}",
        remedy="Look at the activation in the administrator portal (Region management, Properties) or with "
        "azs_activation_info, then run the same command again: it goes on unless the stamp is known to be as wanted",
        code=lost.code,
        details={"session": lost.kind},
    )
