# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration tokens: what is asked for, whether a kept one fits, minting. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims, versions
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, ConflictError, InputError
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets, principals

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession

UNTOLD: t.Final = "agreement_number_and_asset_tag"
"""The difference in what the token does not tell, which shows in no place but the manifest entry, and only as a difference."""


@dataclasses.dataclass(frozen=True)
class Order:
    """A registration token that is wanted.

    :param cloud_id: of the stamp that it must be from; None accepts the one that answers.
    :param principal: the bridge principal to make first, None for none.
    """

    request: billing.Request
    disconnected: bool
    cloud_id: str | None
    encrypt: bool
    principal: principals.BridgePrincipal | None

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> tuple[Order, list[str]]:
        """Return the order of a module's options, and warnings. Raises InputError when a rule is broken."""
        given = {name: params[name] for name in billing.OPTIONS}
        request, warnings = billing.request(disconnected=params["disconnected"], **given)
        principal = principals.BridgePrincipal.from_params(params)
        if principal and params["disconnected"]:
            raise InputError(
                "A disconnected stamp has no bridge principal",
                remedy="Leave bridge_principal_refresh_token out, or set disconnected to false",
            )
        order = cls(request, params["disconnected"], params["cloud_id"], params["encrypt"], principal)
        return order, warnings

    def differences(self, entry: bundle.ManifestEntry) -> list[str]:
        """Return the names of what a kept token has otherwise than it is wanted; empty when it fits.

        A token version that is not asked for, and a principal that is not asked for, fit as they are.
        """
        wanted = self.request
        found = [
            name
            for name in ("billing_model", "marketplace_syndication", "usage_reporting")
            if getattr(entry, name) != getattr(wanted, name)
        ]
        if wanted.token_version and entry.token_version != wanted.token_version:
            found.append("token_version")
        if self.principal and not entry.bridge_principal:
            found.append("bridge_principal")
        if self.cloud_id and not claims.same_id(entry.cloud_id, self.cloud_id):
            found.append("cloud_id")
        if self.encrypt != (entry.encrypted_sha256 is not None):
            found.append("encrypted")
        for name in billing.CONTRACT:
            told = getattr(entry, name)
            if told is not None and not billing.same_contract(told, getattr(wanted, name)):
                found.append(name)
        untold = _untold(wanted, entry)
        if any((*untold, entry.fingerprint)) and not bundle.same_fingerprint(entry.fingerprint, *untold):
            found.append(UNTOLD)
        return found

    def shown_after(self, entry: bundle.ManifestEntry, differences: t.Sequence[str]) -> dict[str, t.Any]:
        """Return what a diff shows of the new token, which is the same when it is only predicted.

        :param differences: to the token that was there before.
        """
        changed = ", changed" if {*billing.CONTRACT, UNTOLD}.intersection(differences) else ""
        return {**_said(entry), "encrypted": self.encrypt, UNTOLD: f"not shown{changed}", "minted": "by this task"}


@dataclasses.dataclass(frozen=True)
class Minted:
    """What a session gave.

    :param request: with the defaults of the stamp's version.
    :param token: None when it was only predicted.
    """

    stamp: cmdlets.StampInformation
    request: billing.Request
    token: str | None = dataclasses.field(repr=False)
    bridge_principal: str | None
    decoded: claims.TokenClaims = claims.OPAQUE_TOKEN

    def _told(self, name: str) -> t.Any:
        """Return a field as the token itself says it, else as it was asked for."""
        said = getattr(self.decoded, name)
        return getattr(self.request, name) if said is None else said

    def entry(self, where: bundle.ArtifactPlace) -> bundle.ManifestEntry:
        """Return the manifest entry of the token; a predicted one tells all that it was asked for."""
        request = self.request
        facts: dict[str, t.Any] = {
            "cloud_id": self.decoded.cloud_id or self.stamp.cloud_id,
            "billing_model": self._told("billing_model"),
            "marketplace_syndication": self._told("marketplace_syndication"),
            "usage_reporting": self._told("usage_reporting"),
            "token_version": request.token_version,
            "bridge_principal": self.bridge_principal,
            "stamp_version": self.stamp.stamp_version,
        }
        if self.token is None:
            facts.update({name: getattr(request, name) or "" for name in billing.CONTRACT})
            return bundle.ManifestEntry(kind=bundle.TOKEN, stamp=where.stamp, sha256="", size=0, created="", **facts)
        facts.update({name: getattr(self.decoded, name) for name in billing.CONTRACT})
        untold = _untold(request, self.decoded)
        facts["fingerprint"] = bundle.fingerprint(*untold) if any(untold) else None
        return bundle.new_entry(bundle.TOKEN, where.stamp, self.token, **facts)


def _untold(request: billing.Request, says: claims.TokenClaims | bundle.ManifestEntry) -> tuple[str | None, str | None]:
    """Return agreement number and asset tag as they are asked for, each as None where the token itself tells it."""
    number, tag = (getattr(request, name) if getattr(says, name) is None else None for name in billing.CONTRACT)
    return number, tag


def shown(entry: bundle.ManifestEntry, where: bundle.ArtifactPlace, *, encrypted: bool) -> dict[str, t.Any]:
    """Return what a task result shows of a token."""
    return {
        "cloud_id": entry.cloud_id,
        "billing_model": entry.billing_model,
        "marketplace_syndication": entry.marketplace_syndication,
        "usage_reporting": entry.usage_reporting,
        "token_version": entry.token_version,
        "bridge_principal": entry.bridge_principal,
        "sha256": entry.sha256 or None,
        "created": entry.created or None,
        "path": str(where.path),
        "encrypted": encrypted,
    }


def shown_before(entry: bundle.ManifestEntry) -> dict[str, t.Any]:
    """Return what a diff shows of a token that is there."""
    return {
        **_said(entry),
        "encrypted": entry.encrypted_sha256 is not None,
        UNTOLD: "not shown",
        "minted": entry.created,
    }


def mint(
    session: PepSession,
    order: Order,
    *,
    predict: bool,
    progress: ProgressRecords,
    hide: t.Callable[[str], None],
) -> Minted:
    """Mint a token in one session: stamp information, key pair where the version wants it, principal, token.

    :param predict: only read the stamp information, and check what can be checked with it.
    :param hide: takes what must never be printed.
    :raises ConflictError: another stamp answered than was expected.
    :raises InputError: the stamp's version does not know what is asked for.
    :raises PepError: a cmdlet failed.
    :raises ArtifactError: the token is another stamp's, or says something else than it was asked for.
    """
    progress.step("reading the stamp information")
    stamp = cmdlets.stamp_information(session, progress)
    check_stamp(stamp, order.cloud_id, session.host)
    if order.disconnected and not versions.knows_disconnected(stamp.stamp_version):
        raise InputError(
            f"Registering while disconnected needs a stamp from 1.0.180106.1 on, this one is {stamp.stamp_version}",
            kind="stamp_too_old",
            remedy="Update the stamp",
        )
    request = order.request.at_stamp(stamp.stamp_version)
    if predict:
        return Minted(stamp, request, None, None)
    if versions.wants_key_pair(stamp.stamp_version, stamp.nodes or 1):
        progress.step("creating the key pair")
        cmdlets.create_key_pair(session, progress)
    principal = None
    if order.principal:
        principal = principals.make(session, order.principal, progress)
    progress.step("minting the registration token")
    token = cmdlets.new_registration_token(session, request, progress)
    hide(token)
    decoded = claims.read_token(token)
    if decoded.cloud_id and not claims.same_id(decoded.cloud_id, stamp.cloud_id):
        raise ArtifactError(
            "The stamp gave the registration token of another stamp",
            kind="token_of_another_stamp",
            where=session.host,
            cause=f"the token says cloud id {decoded.cloud_id}, the stamp information {stamp.cloud_id}",
            remedy="Do not use it; the stamp needs support",
        )
    check_token(request, decoded, session.host)
    return Minted(stamp, request, token, principal or decoded.bridge_principal, decoded)


_COMPARED: t.Final = {
    "billing_model": "billing model",
    "marketplace_syndication": "marketplace syndication",
    "usage_reporting": "usage reporting",
    "agreement_number": "agreement number",
    "asset_tag": "asset tag",
}
"""What a token can say of a request -> how messages call it."""


def check_token(request: billing.Request, decoded: claims.TokenClaims, where: str) -> None:
    """Raise ArtifactError when a token says something else than it was asked for; what it does not tell fits."""
    differing = []
    for name, title in _COMPARED.items():
        asked, said = getattr(request, name), getattr(decoded, name)
        if said is not None and _plain(asked) != _plain(said):
            differing.append(f"{title} {_word(asked)} was asked for, and the token says {_word(said)}")
    if differing:
        raise ArtifactError(
            "The stamp gave a registration token that says something else than it was asked for",
            kind="token_says_otherwise",
            where=where,
            cause="; ".join(differing),
            remedy="Nothing was written or sent to Azure. Run the same command again; when it stays so, give the stamp's version and "
            "this message to support",
        )


def _plain(value: t.Any) -> t.Any:
    return value if isinstance(value, bool) else (value or "").strip().lower()


def _word(value: t.Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else repr(value or "none")


def check_stamp(stamp: cmdlets.StampInformation, cloud_id: str | None, where: str) -> None:
    """Raise ConflictError when another stamp answered than the one with this cloud id; None accepts any."""
    if cloud_id and not claims.same_id(stamp.cloud_id, cloud_id):
        raise ConflictError(
            "The privileged endpoint is that of another stamp",
            kind="another_stamp",
            where=where,
            cause=f"its cloud id is {stamp.cloud_id}, and {cloud_id} is expected",
            remedy="Compare pep_hosts and cloud_id of this stamp in the inventory. Nothing was changed",
        )


def _said(entry: bundle.ManifestEntry) -> dict[str, t.Any]:
    """Return what a token says; not the bridge principal, which cannot be predicted."""
    return {
        "cloud_id": entry.cloud_id,
        "stamp_version": entry.stamp_version,
        "billing_model": entry.billing_model,
        "marketplace_syndication": entry.marketplace_syndication,
        "usage_reporting": entry.usage_reporting,
        "token_version": entry.token_version,
    }
