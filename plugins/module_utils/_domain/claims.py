# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read in a registration token and in an activation key. FOR INTERNAL COLLECTION USE ONLY.

Neither is verified here: the stamp and Azure do that. Reading them lets a wrong artifact be refused before anything is
contacted, and shows drift without the stamp. Sources: published samples of both; newer token versions are opaque.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import json
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

NEVER: t.Final = "9999-12-30T23:59:59Z"
"""The expiry that means never."""


@dataclasses.dataclass(frozen=True)
class TokenClaims:
    """Contents of a registration token; None where the token does not tell. `opaque` when it could not be decoded.

    :param agreement_number: empty when the token tells that there is none.
    :param asset_tag: likewise.
    """

    opaque: bool
    cloud_id: str | None = None
    billing_model: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None
    bridge_principal: str | None = None
    token_version: str | None = None
    hardware: dict[str, dict[str, t.Any]] | None = None
    agreement_number: str | None = None
    asset_tag: str | None = None


@dataclasses.dataclass(frozen=True)
class KeyClaims:
    """Contents of an activation key; None where the key does not tell. `opaque` when it could not be decoded.

    :param agreement_number: empty when the key tells that there is none.
    :param asset_tag: likewise.
    :param unreadable_expiry: what stands in place of an expiry, when that is no time.
    """

    opaque: bool
    cloud_id: str | None = None
    billing_model: str | None = None
    marketplace_syndication: bool | None = None
    usage_reporting: bool | None = None
    bridge_principal: str | None = None
    token_version: str | None = None
    hardware: dict[str, dict[str, t.Any]] | None = None
    agreement_number: str | None = None
    asset_tag: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    registration_name: str | None = None
    expires: str | None = None
    usage_endpoint: str | None = None
    marketplace_endpoint: str | None = None
    unreadable_expiry: str | None = None

    @property
    def registration_id(self) -> str | None:
        """Resource id of the registration that the key was exported from."""
        if not (self.subscription_id and self.resource_group and self.registration_name):
            return None
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.AzureStack/registrations/{self.registration_name}"
        )

    def expired(self, now: datetime.datetime) -> bool:
        """Tell whether the key's expiry has passed; a key that does not tell its expiry has not expired."""
        return self.expires is not None and parse_time(self.expires) <= now


OPAQUE_TOKEN: t.Final = TokenClaims(opaque=True)
OPAQUE_KEY: t.Final = KeyClaims(opaque=True)
NO_PRINCIPAL: t.Final = "00000000-0000-0000-0000-000000000000"
"""What Azure may show of a disconnected stamp's registration."""
NEW_PRINCIPAL: t.Final = "new"
"""Stands for the object id of a bridge principal that is not made yet."""


def parse_time(text: str) -> datetime.datetime:
    """Return a service's timestamp as an aware UTC datetime; the seven-digit fractions of .NET are accepted.

    :raises ValueError: the text is not a timestamp.
    """
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    parsed = datetime.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)).astimezone(
            datetime.timezone.utc
        )
    except OverflowError:  # at either end of the years, with an offset beyond it
        if parsed.year == datetime.MAXYEAR:
            return parsed.replace(tzinfo=datetime.timezone.utc)
        raise ValueError(f"{text} is in no year") from None


def read_token(token: str) -> TokenClaims:
    """Decode what can be decoded of a registration token.

    A token that does not decode is opaque, never refused: newer token versions were not seen.

    :param token: normalised text, without white space.
    :raises ArtifactError: the token is empty, or is a JSON document that ends in the middle.
    """
    if not token:
        raise ArtifactError(
            "The registration token is empty", kind="empty_token", remedy="Export the registration token again"
        )
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        # A cut shows in what can still be decoded: whole groups of four characters.
        try:
            raw = base64.b64decode(token[: len(token) // 4 * 4], validate=True)
        except (binascii.Error, ValueError):
            return OPAQUE_TOKEN
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return OPAQUE_TOKEN
    try:
        document = json.loads(text)
    except RecursionError:
        return OPAQUE_TOKEN
    except ValueError:
        if text.lstrip().startswith('{"') or ('":' in text and text.rstrip().endswith("}")):
            raise ArtifactError(
                "The registration token is truncated",
                kind="truncated_token",
                cause="it decodes to a document that ends, or begins, in the middle",
                remedy="Copy the file again, or export the registration token again",
            ) from None
        return OPAQUE_TOKEN
    if not isinstance(document, dict):
        return OPAQUE_TOKEN
    claims = _without_case(document)
    return TokenClaims(opaque=False, **_common(claims), token_version=_text(claims.get("version")))


def read_key(key: str) -> KeyClaims:
    """Decode what can be decoded of an activation key, a compact JWS of three parts.

    :param key: normalised text, without white space.
    :raises ArtifactError: the key is empty or cut.
    """
    if not key:
        raise ArtifactError("The activation key is empty", kind="empty_key", remedy="Export the activation key again")
    parts = key.split(".")
    if len(parts) != 3 or not all(parts):
        raise ArtifactError(
            "The activation key is truncated or is not an activation key",
            kind="truncated_key",
            cause=f"it has {len(parts)} part(s) where a key has three, joined by dots",
            remedy="Copy the file again, or export the activation key again",
        )
    try:
        document = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return OPAQUE_KEY
    if not isinstance(document, dict):
        return OPAQUE_KEY
    claims = _without_case(document)
    told = expires = _text(claims.get("expires"))
    try:
        expires = told and _stamp_time(parse_time(told))
    except ValueError:
        expires = None
    return KeyClaims(
        opaque=False,
        **_common(claims),
        token_version=_text(claims.get("version")),
        subscription_id=_text(claims.get("subscriptionid")),
        resource_group=_text(claims.get("resourcegroupname")),
        registration_name=_text(claims.get("registrationname")),
        expires=expires,
        usage_endpoint=_text(claims.get("usageendpoint")),
        marketplace_endpoint=_text(claims.get("marketplaceendpoint")),
        unreadable_expiry=told if expires is None else None,
    )


def same_id(one: str | None, other: str | None) -> bool:
    """Compare two GUIDs or resource ids, which Azure treats without case."""
    return (one or "").strip("/").lower() == (other or "").strip("/").lower()


def same_hardware(one: dict[str, dict[str, t.Any]], other: dict[str, dict[str, t.Any]]) -> bool:
    """Compare two lists of nodes: the same UUIDs, and equal values of every property that both sides tell."""
    return one.keys() == other.keys() and all(
        node[name] == other[uuid][name] for uuid, node in one.items() for name in node.keys() & other[uuid].keys()
    )


def _stamp_time(moment: datetime.datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _without_case(document: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Lower the keys: the vendor's own tool reads them without case."""
    return {str(name).lower(): value for name, value in document.items()}


def _common(claims: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "cloud_id": _text(claims.get("cloudid")),
        "billing_model": _text(claims.get("billingmodel")),
        "marketplace_syndication": _flag(claims.get("marketplacesyndicationenabled")),
        "usage_reporting": _flag(claims.get("usagereportingenabled")),
        "bridge_principal": _text(claims.get("objectid")),
        "hardware": _hardware(claims.get("hardwareinfo")),
        "agreement_number": _told(claims, "agreementnumber"),
        "asset_tag": _told(claims, "assettag"),
    }


def _text(value: t.Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _told(claims: t.Mapping[str, t.Any], name: str) -> str | None:
    """Return a claim that may be told as empty; None when no claim's name holds this one (MsAssetTag, asset_tag)."""
    found = [value for key, value in claims.items() if name in re.sub(r"[^a-z]", "", key)]
    texts = [str(value).strip() for value in found if value is not None and not isinstance(value, (dict, list, bool))]
    return next(filter(None, texts), "") if texts or None in found else None


def _flag(value: t.Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _hardware(value: t.Any) -> dict[str, dict[str, t.Any]] | None:
    """Return the nodes by their UUID."""
    if not isinstance(value, list) or not all(isinstance(node, dict) for node in value):
        return None
    nodes = [_without_case(node) for node in value]
    return {str(node.get("uuid", node.get("name", ""))).lower(): node for node in nodes}


def principal_of(in_registration: str | None, key: KeyClaims | None) -> str | None:
    """Return the bridge principal of a registration; None for a disconnected stamp's.

    Whether Azure gives registrations of disconnected stamps an object id is not published: what a stamp is says the token that registered
    it, and the activation key holds what that said.

    :param in_registration: the object id that Azure shows.
    :param key: the claims of the registration's activation key; None when it was not read.
    """
    shown = plain("bridge_principal", in_registration)
    if key is None or key.opaque:
        return t.cast("str | None", shown)
    said = plain("bridge_principal", key.bridge_principal)
    return t.cast("str | None", said and (shown or said))


def plain(field: str, value: t.Any) -> t.Any:
    """Return a field's value as it is compared: the empty principals of disconnected stamps are none."""
    return None if field == "bridge_principal" and value in ("", NO_PRINCIPAL) else value
