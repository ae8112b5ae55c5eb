# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is anything to do, and whether what was done is confirmed."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import time
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._act import activation_rules
from ansible_collections.azurestack.hub.plugins.module_utils._act.activation_rules import Key, Observed
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, receipt
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArmError,
    ArtifactError,
    ConflictError,
    PepError,
    PepSessionLost,
    Unreachable,
)

NOW = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
REGISTRATION = "/subscriptions/s1/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/r1"
CLAIMS = claims.KeyClaims(
    opaque=False,
    cloud_id="c1",
    billing_model="Capacity",
    marketplace_syndication=False,
    usage_reporting=False,
    hardware={"u1": {"numcores": 48}},
    subscription_id="s1",
    resource_group="azurestack",
    registration_name="r1",
    expires=claims.NEVER,
)
KEY = Key(CLAIMS, "a.b.c")
SEEN = dataclasses.replace(KEY.wanted(), evidence=activation_rules.ACTIVATION)


def receipt_of(key: Key) -> receipt.Receipt:
    """Return the receipt of an activation with a key."""
    said = key.claims
    return receipt.Receipt(
        cloud_id=said.cloud_id,
        registration_id=said.registration_id,
        claims_digest=key.digest or "",
        activated="",
        billing_model=said.billing_model,
        marketplace_syndication=said.marketplace_syndication,
        usage_reporting=said.usage_reporting,
        bridge_principal=said.bridge_principal,
        expires=said.expires,
    )


def changed(**fields: t.Any) -> Key:
    """Return a key that says something else."""
    return Key(dataclasses.replace(CLAIMS, **fields), "a.b.c")


@pytest.mark.parametrize(
    ("key", "seen", "kept", "expected"),
    [
        (KEY, SEEN, None, True),
        (KEY, SEEN, receipt_of(KEY), True),
        (KEY, dataclasses.replace(SEEN, registration_id=REGISTRATION.upper()), None, True),
        (KEY, dataclasses.replace(SEEN, state=activation_rules.EXPIRED), receipt_of(KEY), False),
        (KEY, Observed(activation_rules.ACTIVATION, activation_rules.NOT_REGISTERED), receipt_of(KEY), False),
        (KEY, dataclasses.replace(SEEN, usage_reporting=True), receipt_of(KEY), False),
        (KEY, dataclasses.replace(SEEN, expires="2027-01-01T00:00:00Z"), None, False),
        (KEY, dataclasses.replace(SEEN, registration_id="/other"), None, False),
        (KEY, Observed(activation_rules.NONE, activation_rules.UNKNOWN), None, False),
        # What only the receipt tells
        (changed(billing_model="Ruggedized"), SEEN, receipt_of(KEY), False),
        (changed(hardware={"u2": {}}), SEEN, receipt_of(KEY), False),
        # A receipt of another registration says nothing about this one
        (KEY, SEEN, receipt_of(changed(registration_name="older")), True),
        # An opaque key can be told from another one by nothing else
        (Key(claims.KeyClaims(opaque=True), "x.y.z"), SEEN, None, False),
        (KEY, dataclasses.replace(SEEN, evidence=activation_rules.RECEIPT), receipt_of(KEY), True),
        (KEY, dataclasses.replace(SEEN, evidence=activation_rules.RECEIPT), None, False),
        # Foretold in check mode: no digest, so the fields have to do
        (Key(CLAIMS, None), SEEN, receipt_of(KEY), True),
        (Key(dataclasses.replace(CLAIMS, billing_model="Custom"), None), SEEN, receipt_of(KEY), False),
    ],
)
def test_whether_there_is_anything_to_do(
    key: Key, seen: Observed, kept: receipt.Receipt | None, expected: bool
) -> None:
    assert activation_rules.is_as_wanted(key, seen, kept) is expected


def test_the_digest_stays_when_the_same_key_is_exported_again() -> None:
    assert receipt.digest_of(CLAIMS, "a.b.c") == receipt.digest_of(CLAIMS, "a.b.d")
    opaque = claims.KeyClaims(opaque=True)
    assert receipt.digest_of(opaque, "a.b.c") != receipt.digest_of(opaque, "a.b.d")


def test_receipts_survive_what_cannot_be_understood(tmp_path: pathlib.Path) -> None:
    path, digest, warnings = tmp_path / "r.json", "1:" + "0f" * 32, []
    cloud_id = "2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11"
    assert receipt.read(path, warnings.append) is None and warnings == []
    receipt.write(path, dataclasses.replace(CLAIMS, cloud_id=cloud_id), digest)
    read = receipt.read(path, warnings.append)
    assert read and (read.cloud_id, read.claims_digest, read.registration_id) == (cloud_id, digest, REGISTRATION)
    assert warnings == []
    whole = path.read_text()
    known = json.loads(whole)
    bad = [
        "",
        "[]",
        "{}",
        "[" * 300_000,
        '{"format": 2}',
        whole.replace('"format": 1', '"format": 2'),
        *(
            json.dumps({**known, **change})
            for change in ({"activated": 5}, {"expires": "garbage"}, {"claims_digest": "x"})
        ),
    ]
    for number, text in enumerate(bad, 1):
        path.write_text(text)
        assert receipt.read(path, warnings.append) is None
        assert len(warnings) == number and str(path) in warnings[-1]
    receipt.remove(path)
    receipt.remove(path)
    assert not path.exists()


def test_where_receipts_lie(tmp_path: pathlib.Path) -> None:
    in_bundle = bundle.place(bundle.KEY, bundle=str(tmp_path), stamp="s1", path=None)
    assert receipt.path_of(in_bundle).name == "s1.activation-receipt.json"
    alone = bundle.place(bundle.KEY, bundle=None, stamp=None, path=str(tmp_path / "key.txt"))
    assert receipt.path_of(alone).name == "key.txt.activation-receipt.json"


def test_keys_are_refused_before_anything_is_contacted() -> None:
    activation_rules.check_key(KEY, registration_id=REGISTRATION.lower(), now=NOW)
    activation_rules.check_stamp_of_key(KEY, "C1", "the test")
    activation_rules.check_stamp_of_key(Key(claims.KeyClaims(opaque=True), "a.b.c"), "c2", "the test")
    with pytest.raises(ArtifactError, match="expired"):
        activation_rules.check_key(changed(expires="2026-11-19T00:00:00Z"), registration_id=None, now=NOW)
    with pytest.raises(ArtifactError, match="another registration"):
        activation_rules.check_key(KEY, registration_id="/other", now=NOW)
    with pytest.raises(ArtifactError, match="another stamp"):
        activation_rules.check_stamp_of_key(KEY, "c2", "the test")


def test_deactivation_respects_the_expected_registration() -> None:
    activation_rules.check_registration(SEEN, None)
    activation_rules.check_registration(SEEN, REGISTRATION.lower())
    activation_rules.check_registration(Observed(activation_rules.NONE, activation_rules.UNKNOWN), REGISTRATION)
    with pytest.raises(ConflictError):
        activation_rules.check_registration(SEEN, "/other")


def test_evidence_falls_back_to_the_receipt_only_when_nobody_answers() -> None:
    def fail(error: Exception) -> activation_rules.Observer:
        def observe() -> Observed:
            raise error

        return observe

    warnings: list[str] = []
    kept = receipt_of(KEY)
    assert activation_rules.observe(lambda: SEEN, kept, NOW, warnings.append) is SEEN
    assert warnings == []
    seen = activation_rules.observe(fail(Unreachable("away")), kept, NOW, warnings.append)
    assert (seen.evidence, seen.state, len(warnings)) == (activation_rules.RECEIPT, activation_rules.REGISTERED, 1)
    expired = dataclasses.replace(kept, expires="2026-11-19T00:00:00Z")
    assert activation_rules.observe(None, expired, NOW, warnings.append).state == activation_rules.EXPIRED
    assert activation_rules.observe(None, None, NOW, warnings.append) == Observed(
        activation_rules.NONE, activation_rules.UNKNOWN
    )
    with pytest.raises(ArmError):
        activation_rules.observe(fail(ArmError("refused")), kept, NOW, warnings.append)


def test_what_was_foretold() -> None:
    facts = {"registration_id": REGISTRATION, "cloud_id": "c1", "expires": claims.NEVER, "sha256": "x"}
    key = activation_rules.foreseen(facts)
    assert key.content is None and key.digest is None
    assert key.claims.registration_id == REGISTRATION
    assert key.claims.registration_name == "r1"
    assert activation_rules.foreseen({"registration_id": None}).claims.registration_id is None


class Stamp:
    """Shows one state after another, the last one for good."""

    def __init__(self, *shown: Observed | Exception) -> None:
        self._shown = list(shown)
        self.asked = 0

    def __call__(self) -> Observed:
        self.asked += 1
        shown = self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]
        if isinstance(shown, Exception):
            raise shown
        return shown


LOST = PepSessionLost("The session was lost", where="10.0.0.4:5985", cause="the network is gone")
OFF = Observed(activation_rules.ACTIVATION, activation_rules.NOT_REGISTERED)


def test_read_back() -> None:
    warnings: list[str] = []
    soon = time.monotonic() + 5

    def read_back(stamp: Stamp | None, lost: PepSessionLost | None, until: float = soon) -> bool:
        return activation_rules.read_back(stamp, KEY.wanted(), lost, before=OFF, until=until, notify=warnings.append)

    assert read_back(Stamp(SEEN), None)
    assert read_back(Stamp(OFF, SEEN), None)
    assert not read_back(None, None)
    assert warnings == []
    assert not read_back(Stamp(Unreachable("away")), None)
    assert "could not be read back" in warnings.pop()
    assert read_back(Stamp(OFF, Unreachable("away"), SEEN), LOST)
    assert "shows the wanted state" in warnings.pop()
    silent = Stamp(Unreachable("away"))
    for stamp, part in ((None, "not configured"), (Stamp(OFF), "'Not registered'"), (silent, "away")):
        with pytest.raises(PepSessionLost) as unknown:
            read_back(stamp, LOST, until=time.monotonic())
        assert unknown.value.kind == "outcome_unknown"
        assert part in str(unknown.value) and "the network is gone" in str(unknown.value)


def test_a_success_that_the_stamp_does_not_show() -> None:
    other = dataclasses.replace(SEEN, registration_id="/other")
    with pytest.raises(PepError, match="registration_id") as error:
        activation_rules.read_back(
            Stamp(other), KEY.wanted(), None, before=OFF, until=0, notify=lambda dummy: None, settling=0
        )
    assert error.value.kind == "activation_not_confirmed"


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (OFF, True),
        (dataclasses.replace(SEEN, usage_reporting=True), True),
        (dataclasses.replace(SEEN, registration_id="/other"), True),
        (dataclasses.replace(SEEN, state=activation_rules.EXPIRED), True),
        (SEEN, False),
        # What was not read from the stamp before proves nothing when it is read afterwards
        (Observed(activation_rules.NONE, activation_rules.UNKNOWN), False),
        (dataclasses.replace(SEEN, evidence=activation_rules.RECEIPT, usage_reporting=True), False),
    ],
)
def test_what_an_activation_does_not_show_is_not_proved_by_it(before: Observed, shown: bool) -> None:
    stamp = Stamp(SEEN)
    kwargs: dict[str, t.Any] = {"before": before, "until": time.monotonic(), "notify": lambda dummy: None}
    if shown:
        assert activation_rules.read_back(stamp, KEY.wanted(), LOST, **kwargs)
        return
    with pytest.raises(PepSessionLost, match="billing model") as unknown:
        activation_rules.read_back(stamp, KEY.wanted(), LOST, **kwargs)
    assert unknown.value.kind == "outcome_unknown" and stamp.asked == 0


def test_a_deactivation_shows_all_of_it() -> None:
    kept = Observed(activation_rules.NONE, activation_rules.UNKNOWN)
    assert activation_rules.read_back(
        Stamp(OFF), OFF, LOST, before=kept, until=time.monotonic(), notify=lambda dummy: None
    )
    assert not activation_rules.is_as_wanted(KEY, SEEN, receipt_of(KEY), unfinished=True)
