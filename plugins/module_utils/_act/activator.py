# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of azs_activation: from its options to a stamp that is activated or deactivated.

FOR INTERNAL COLLECTION USE ONLY. The decisions themselves are in `activation_rules.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import pathlib
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import activation_rules, token_mint
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    bundle,
    deactivation,
    handover,
    memory,
    receipt,
    text,
    unfinished,
)
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims, expiry
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArtifactError,
    AzsError,
    InputError,
    PepSessionLost,
)
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession


_Check = t.Callable[[cmdlets.StampInformation, str], None]


def work(module: AzsModule) -> dict[str, t.Any]:
    """Activate or deactivate the stamp, if it is not so already; return the module's result.

    :raises InputError: an option cannot work.
    :raises ArtifactError: the key must not be used.
    :raises ConflictError: the stamp is another one, or is activated otherwise, than was expected.
    :raises PepSessionLost: what became of the stamp is unknown.
    :raises PepError: the stamp refused.
    :raises NeedsVault: the key is encrypted.
    """
    task = _Task(module)
    return task.present() if module.params["state"] == "present" else task.absent()


class _Task:
    """One run of the module."""

    def __init__(self, module: AzsModule) -> None:
        params = module.params
        if params["timeout"] < 1:
            raise InputError(f"timeout must be at least 1 second, not {params['timeout']}")
        self._module = module
        self._params = params
        self._options = PepOptions.from_params(params)
        self._observer = _observer(module)
        self._now = datetime.datetime.now(datetime.timezone.utc)
        self._progress = ProgressRecords(module.controller["progress"])
        named = params["bundle"] or params["path"]
        self._place = handover.place_of(module, bundle.KEY) if named else None
        self._receipt_path: pathlib.Path | None = receipt.path_of(self._place) if self._place else None
        self._mark: pathlib.Path | None = unfinished.path_of(self._place) if self._place else None
        self._receipt = receipt.read(self._receipt_path, module.warn) if self._receipt_path else None
        self._cloud_id: str | None = None

    def present(self) -> dict[str, t.Any]:
        """Activate the stamp unless it is activated with this key."""
        key = self._key()
        ahead = _clock_ahead(self._module) if key.claims.expired(self._now) else None
        doubt = expiry.unreadable(key.claims.unreadable_expiry, "the activation key")
        if doubt:
            self._module.warn(doubt)
        activation_rules.check_key(key, registration_id=self._params["registration_id"], now=self._now, ahead=ahead)
        self._check_said(key)
        expected, source = self._expected_cloud_id()
        if expected:
            activation_rules.check_stamp_of_key(key, expected, source)
        before = self._before()
        if not self._params["reactivate"] and activation_rules.is_as_wanted(
            key, before, self._receipt, unfinished=self._is_unfinished()
        ):
            return self._result(False, before, before, key.claims, None, before.evidence == activation_rules.ACTIVATION)

        def check(stamp: cmdlets.StampInformation, where: str) -> None:
            activation_rules.check_stamp_of_key(key, stamp.cloud_id, f"read at {where}")
            token_mint.check_stamp(stamp, expected, where)
            activation_rules.check_endpoint(
                before, key, stamp.cloud_id, stamp.admin_endpoint, self._params["admin_endpoint"]
            )

        # The stamp itself refuses the key of another one, and asking it costs 10 to 15 s.
        unknown = key.claims.cloud_id is not None and not expected
        as_known = claims.same_id(before.registration_id, self._params["replaces"])
        doubted = not as_known and activation_rules.is_of_another_registration(before, key)
        host, confirmed = self._act(before, key.wanted(), key, check, needed=unknown or doubted)
        return self._result(True, before, key.wanted(), key.claims, host, confirmed)

    def absent(self) -> dict[str, t.Any]:
        """Deactivate the stamp unless it is known not to be activated."""
        if self._params["record"] and not self._params["bundle"]:
            raise InputError("A record needs a place", remedy="Give bundle and stamp, or leave record out")
        before, recorded = self._before(), self._recorded()
        if before.evidence == activation_rules.NONE and recorded:
            before = activation_rules.Observed(activation_rules.RECEIPT, activation_rules.NOT_REGISTERED)
        activation_rules.check_registration(before, self._params["registration_id"])
        wanted = activation_rules.Observed(activation_rules.ACTIVATION, activation_rules.NOT_REGISTERED)
        expected = self._expected_cloud_id()[0] or (self._receipt.cloud_id if self._receipt else None)

        def check(stamp: cmdlets.StampInformation, where: str) -> None:
            token_mint.check_stamp(stamp, expected, where)
            self._cloud_id = stamp.cloud_id

        missing, host = self._params["record"] and not recorded, None
        if missing and before.state == activation_rules.NOT_REGISTERED and not self._module.check_mode:
            # The record lets the registration be deleted: another stamp's admin endpoint must not be what it rests on.
            host, own = self._is_own_endpoint(check)
            before = before if own else activation_rules.Observed(activation_rules.NONE, activation_rules.UNKNOWN)
        if before.state == activation_rules.NOT_REGISTERED:
            if not self._module.check_mode:
                self._forget()
                if missing:
                    self._record(expected, None, False)
            confirmed = before.evidence == activation_rules.ACTIVATION
            result = self._result(missing, before, before, None, host, confirmed)
            return result | (self._foreseen(expected, None) if missing else {})
        host, confirmed = self._act(before, wanted, None, check, needed=bool(expected or self._params["record"]))
        if self._params["record"] and not self._module.check_mode:
            self._record(expected, before.registration_id, True)
        result = self._result(True, before, wanted, None, host, confirmed)
        return result | (self._foreseen(expected, before.registration_id) if self._params["record"] else {})

    def _foreseen(self, expected: str | None, registration_id: str | None) -> dict[str, t.Any]:
        """Return the hidden part of a result in check mode that tells of the record which would be written."""
        entry = deactivation.new_entry(self._params["stamp"], self._cloud_id or expected, registration_id)
        return handover.foresee(self._module, bundle.DEACTIVATION, {**entry.as_result(), "changed": True})

    def _recorded(self) -> bool:
        """Tell whether the bundle has a record of the stamp's deactivation, and nothing was activated since."""
        params = self._params
        return bool(params["bundle"] and deactivation.at_stamp(params["bundle"], params["stamp"]))

    def _record(self, expected: str | None, registration_id: str | None, changed: bool) -> None:
        """Write the record of the deactivation.

        :param changed: whether the stamp was deactivated in this run.
        """
        cloud_id = t.cast(str, self._cloud_id or expected)
        try:
            deactivation.write(self._params["bundle"], self._params["stamp"], cloud_id, registration_id)
        except ArtifactError as error:
            raise ArtifactError(
                "The stamp is deactivated, but the record of it could not be written",
                kind="unwritable_artifact",
                where=error.where,
                cause=error.cause,
                remedy=f"{error.remedy}. Then run the same command again: it writes the record, without which the side "
                "with Azure does not delete the registration",
                result={"changed": changed},
            ) from None

    def _before(self) -> activation_rules.Observed:
        """Return what is known of the activation."""
        observer = self._observer
        if observer and self._params["state"] == "present" and self._params["reactivate"]:
            # What it is now decides nothing then.
            observer = functools.partial(observer, confirm=False)
        return activation_rules.observe(observer, self._receipt, self._now, self._module.warn)

    def _is_own_endpoint(self, check: _Check) -> tuple[str, bool]:
        """Return the address that answered, and whether the stamp calls the admin endpoint that was asked its own; warn when not."""
        told: list[str | None] = []

        def look(stamp: cmdlets.StampInformation, where: str) -> None:
            check(stamp, where)
            told.append(stamp.admin_endpoint)

        host = self._ask(look)
        if activation_rules.same_endpoint(self._params["admin_endpoint"], told[0]):
            return host, True
        self._module.warn(
            f"The stamp says that its admin endpoint is {told[0]}, not {self._params['admin_endpoint']}: what was read there does "
            "not count, and the stamp is deactivated."
        )
        return host, False

    def _ask(self, check: _Check) -> str:
        """Read the stamp information in a session of its own, and return the address that answered."""
        from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session

        with open_session(self._options, self._module.warn) as session:
            self._progress.step("reading the stamp information")
            check(cmdlets.stamp_information(session, self._progress), session.host)
            return session.host

    def _act(
        self,
        before: activation_rules.Observed,
        wanted: activation_rules.Observed,
        key: activation_rules.Key | None,
        check: _Check,
        *,
        needed: bool,
    ) -> tuple[str | None, bool]:
        """Run the cmdlet in a session; return the address that answered, and whether the stamp confirms the outcome.

        :param key: the key to activate with, None to deactivate.
        :param check: refuses the wrong stamp.
        :param needed: whether to check in any case; else only at an address that is not the first one, which nothing has vouched for.
        """
        if self._module.check_mode and not needed:
            return None, False
        # Imported here because a stamp that is as wanted needs no session, and this is most of the module's start-up.
        from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session

        timeout, lost = self._params["timeout"], None
        with open_session(self._options, self._module.warn) as session:
            if needed or session.host != str(self._options.addresses[0]):
                self._progress.step("reading the stamp information")
                check(cmdlets.stamp_information(session, self._progress), session.host)
            if self._module.check_mode:
                return session.host, False
            if key is not None:
                self._begin()
            self._forget()  # from here on until it succeeded, nothing is known
            until = time.monotonic() + timeout
            begun = datetime.datetime.now(datetime.timezone.utc)
            try:
                self._run(session, key, timeout)
            except PepSessionLost as error:
                lost = error
        self._progress.step("reading the activation back")
        try:
            confirmed = activation_rules.read_back(
                self._observer, wanted, lost, before=before, until=until, notify=self._module.warn
            )
        except PepSessionLost as unknown:
            if not self._is_told(unknown, before, wanted, key, begun, until):
                raise
            confirmed = False
        if key is not None:
            self._keep(key)
        return session.host, confirmed

    def _is_told(
        self,
        unknown: PepSessionLost,
        before: activation_rules.Observed,
        wanted: activation_rules.Observed,
        key: activation_rules.Key | None,
        begun: datetime.datetime,
        until: float,
    ) -> bool:
        """Ask the stamp in a new session how its action plan ended; tell whether it plainly says that it succeeded.

        :param unknown: gets what the stamp says as evidence.
        :raises PepError: it plainly says that the plan failed.
        """
        if not self._params["ask_action_status"]:
            return False
        from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_status
        from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session

        self._progress.step("asking for the status of the action")
        cmdlet = "Remove-AzureStackActivation" if key is None else "New-AzureStackActivation"
        try:
            with open_session(self._options, self._module.warn) as session:
                said = action_status.ask_until_ended(session, cmdlet, until)
        except AzsError:  # what led here is the error to tell
            return False
        if said.text:
            unknown.cause = f"{unknown.cause}; {action_status.CMDLET} says: {said.text}"
        own = said.is_of(begun)
        if self._observer is not None and activation_rules.shows(wanted, before):
            return False  # the stamp's activation was read, and counts more
        if said.verdict == action_status.FAILED and own is not False:
            raise action_status.failed(cmdlet, said, unknown) from unknown
        # Without its time, what succeeded may be an older plan, unless there can be none.
        if said.verdict != action_status.SUCCEEDED or not (
            own or (own is None and key is not None and before.state != activation_rules.REGISTERED)
        ):
            return False
        self._module.warn(f"{unknown.message}, but {action_status.CMDLET} says: {said.text}.")
        return True

    def _run(self, session: PepSession, key: activation_rules.Key | None, timeout: int) -> None:
        if key is None:
            self._progress.step("deactivating the stamp")
            cmdlets.deactivate(session, timeout=timeout, progress=self._progress)
        else:
            self._progress.step("activating the stamp")
            cmdlets.activate(session, t.cast(str, key.content), timeout=timeout, progress=self._progress)

    def _key(self) -> activation_rules.Key:
        facts = handover.foreseen(self._module, bundle.KEY) if self._place else {}
        foretold = activation_rules.foreseen(facts) if facts else None
        try:
            key = self._read_key()
        except ArtifactError as error:
            if not (foretold and error.kind == "missing_artifact"):
                raise
            return foretold
        if (
            foretold
            and facts["changed"]
            and (
                key.claims.expired(self._now)
                or activation_rules.differences(foretold.wanted(), key.wanted())
                or activation_rules.said_otherwise(key.claims, dataclasses.asdict(foretold.claims))
            )
        ):
            return foretold  # the file is still the old one
        return key

    def _read_key(self) -> activation_rules.Key:
        if self._params["activation_key"] is not None:
            where = "activation_key"
            content = text.normalise(self._params["activation_key"].encode(), where, text.KEY)
            self._module.hide(content)
            text.check(content, where, text.KEY)
        else:
            artifact = handover.read(self._module, bundle.KEY)
            where, content = str(artifact.place.path), t.cast(str, artifact.content)
        try:
            return activation_rules.Key(claims.read_key(content), content, where)
        except ArtifactError as error:
            error.where = where
            raise

    def _check_said(self, key: activation_rules.Key) -> None:
        """Refuse a key that says something else than the options, or else than the registration token of the same bundle."""
        asked = {name: self._params[name] for name in activation_rules.SAID}
        activation_rules.check_said(key, asked, "the task's options")
        token = self._token_entry()
        if token is not None and key.content is not None:
            of_token = {name: getattr(token[0], name) for name in activation_rules.SAID if asked[name] is None}
            activation_rules.check_said(key, of_token, f"manifest entry {token[1]}")

    def _token_entry(self) -> tuple[bundle.ManifestEntry, pathlib.Path] | None:
        """Return the manifest entry of the registration token in the same bundle, and its path."""
        if self._params["bundle"]:
            token = bundle.place(bundle.TOKEN, bundle=self._params["bundle"], stamp=self._params["stamp"], path=None)
            with contextlib.suppress(ArtifactError):  # what is wrong with the token is not this leg's business
                entry = bundle.read_entry(token)
                return (entry, token.entry_path) if entry else None
        return None

    def _expected_cloud_id(self) -> tuple[str | None, str]:
        """Return the stamp's cloud id as far as it is known here, and where from."""
        if self._params["cloud_id"]:
            return self._params["cloud_id"], "option cloud_id"
        token = self._token_entry()
        if token is not None and token[0].cloud_id:
            return token[0].cloud_id, f"manifest entry {token[1]}"
        return None, ""

    def _is_unfinished(self) -> bool:
        """Tell whether an earlier run ended before the stamp was activated with the key that lies there."""
        if self._mark is None:
            return False
        known: dict[str, t.Any] = {}
        if self._params["bundle"]:
            known, _receipt = memory.recall(self._params["bundle"], self._params["stamp"])
        return unfinished.is_left(self._mark) or bool(known.get("unused_key"))

    def _begin(self) -> None:
        if self._mark is None:
            return
        try:
            unfinished.begin(self._mark)
        except ArtifactError as error:
            self._module.warn(f"An activation that does not come to its end leaves no mark here: {error}")

    def _keep(self, key: activation_rules.Key) -> None:
        if self._receipt_path is None or self._mark is None:
            return
        try:
            receipt.write(self._receipt_path, key.claims, t.cast(str, key.digest))
        except ArtifactError as error:
            self._module.warn(
                f"The stamp is activated, but the receipt could not be kept: {error} Without a receipt and without "
                "admin_endpoint the next run activates again."
            )
        unfinished.finish(self._mark)

    def _forget(self) -> None:
        if self._receipt_path:
            receipt.remove(self._receipt_path)

    def _result(
        self,
        changed: bool,
        before: activation_rules.Observed,
        after: activation_rules.Observed,
        key: claims.KeyClaims | None,
        host: str | None,
        confirmed: bool,
    ) -> dict[str, t.Any]:
        said = key or claims.OPAQUE_KEY
        return {
            "changed": changed,
            "evidence": before.evidence,
            "confirmed": confirmed,
            "before": before.fields(),
            "activation": {
                **after.fields(),
                "registration_name": said.registration_name,
                "resource_group": said.resource_group,
                "subscription_id": said.subscription_id,
                "cloud_id": said.cloud_id,
                "billing_model": said.billing_model,
            },
            "pep_host": host,
            "diff": diff_of(before.fields(), after.fields()),
        }


def _clock_ahead(module: AzsModule) -> datetime.timedelta | None:
    """Return by how much this host's clock is ahead of that of the stamp's admin ARM; None when that is not configured."""
    if not module.params["admin_endpoint"]:
        return None
    from ansible_collections.azurestack.hub.plugins.module_utils._admin import activations

    return activations.clock_ahead(activations.AdminOptions.from_params(module.params))


def _observer(module: AzsModule) -> t.Callable[..., activation_rules.Observed] | None:
    """Return what reads the activation from the stamp's admin ARM; None when that is not configured."""
    if not module.params["admin_endpoint"]:
        return None
    # Imported here because it brings Azure's libraries, which many hosts at a privileged endpoint do not need.
    from ansible_collections.azurestack.hub.plugins.module_utils._admin import activations

    options = activations.AdminOptions.from_params(module.params, hide=module.hide, tokens=module.tokens)

    def observe(*, confirm: bool = True) -> activation_rules.Observed:
        found = activations.read(options, confirm=confirm)
        return activation_rules.Observed(
            evidence=activation_rules.ACTIVATION,
            state=activations.state_of(found, datetime.datetime.now(datetime.timezone.utc)),
            registration_id=found.registration_id if found else None,
            expires=found.expires if found else None,
            marketplace_syndication=found.marketplace_syndication if found else None,
            usage_reporting=found.usage_reporting if found else None,
        )

    return observe
