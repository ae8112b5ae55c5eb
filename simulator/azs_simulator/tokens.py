# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that travel: registration tokens, activation keys, and the tokens of the sign-in endpoints."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

NEVER = "9999-12-30T23:59:59.9999999Z"
"""Expiry claim of a key that does not expire (facts, section 9)."""

OIDC_ISSUER = "https://oidc.rehearsal.example"
"""Issuer of the OIDC tokens that the control API makes for workload identity sign-in."""


class MalformedToken(ValueError):
    """The text is not a registration token, an activation key or a sign-in token of this key."""


def b64url(data: bytes) -> str:
    """Base64 for URLs without padding, as JWS wants it (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """The bytes behind `b64url`. Raises MalformedToken."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedToken("not base64url") from error


def split_jws(text: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, signed part and signature of a compact JWS, unverified. Raises MalformedToken."""
    parts = text.split(".")
    if len(parts) != 3:
        raise MalformedToken("not a compact JWS")
    try:
        header, claims = (json.loads(b64url_decode(part)) for part in parts[:2])
    except ValueError as error:
        raise MalformedToken("header or claims are not JSON") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise MalformedToken("header or claims are not objects")
    return header, claims, f"{parts[0]}.{parts[1]}".encode("ascii"), b64url_decode(parts[2])


class SigningKey:
    """An RSA key that signs compact JWS documents (RS256). `kid` names it in their headers."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._numbers = self._private.public_key().public_numbers()
        self.kid = hashlib.sha256(self._numbers.n.to_bytes(256, "big")).hexdigest()[:32].upper()

    def sign(self, claims: Mapping[str, Any], **headers: str) -> str:
        """A compact JWS of `claims`."""
        header = {"kid": self.kid, "alg": "RS256", **headers}
        signed = ".".join(b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{signed}.{b64url(self._private.sign(signed.encode('ascii'), padding.PKCS1v15(), hashes.SHA256()))}"

    def verify(self, text: str) -> dict[str, Any]:
        """The claims of a document that this key signed. Raises MalformedToken."""
        _header, claims, signed, signature = split_jws(text)
        try:
            self._private.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise MalformedToken("the signature does not fit") from error
        return claims

    def jwk(self) -> dict[str, str]:
        """The public key for a sign-in endpoint's key set."""
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": b64url(self._numbers.n.to_bytes(256, "big")),
            "e": b64url(self._numbers.e.to_bytes(3, "big")),
        }


def verify_client_assertion(text: str, certificate_pem: bytes) -> dict[str, Any]:
    """Claims of a client assertion signed with the certificate's RSA key, by PS256 or RS256. Raises MalformedToken."""
    from cryptography import x509  # imported here: costs start-up time and is needed by certificate sign-in alone

    header, claims, signed, signature = split_jws(text)
    public_key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise MalformedToken("the certificate's key is not RSA")
    scheme: AsymmetricPadding = padding.PKCS1v15()
    if header.get("alg") == "PS256":
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    try:
        public_key.verify(signature, signed, scheme, hashes.SHA256())
    except InvalidSignature as error:
        raise MalformedToken("the assertion is not signed by the certificate") from error
    return claims


class RegistrationTokens:
    """Writes and reads registration tokens: base64 of JSON, or, when opaque, of bytes that only Azure can read."""

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def write(self, claims: Mapping[str, Any], *, opaque: bool = False) -> str:
        """One line of base64."""
        content = json.dumps(claims, separators=(",", ":")).encode("utf-8")
        if opaque:
            content = base64.urlsafe_b64decode(self._fernet.encrypt(content))
        return base64.b64encode(content).decode("ascii")

    def read(self, text: str) -> dict[str, Any]:
        """The claims; their names in the case they were written in. Raises MalformedToken.

        Unlike .NET, blanks and line ends are not forgiven: a client has to clean what was carried by hand.
        """
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedToken("not base64") from error
        with contextlib.suppress(InvalidToken):  # not one of the opaque ones
            content = self._fernet.decrypt(base64.urlsafe_b64encode(content))
        try:
            claims = json.loads(content.decode("utf-8"))
        except ValueError as error:
            raise MalformedToken("not JSON") from error
        if not isinstance(claims, dict) or not claims.get("cloudId") or not claims.get("billingModel"):
            raise MalformedToken("cloud id or billing model missing")
        return claims


def expiry_claim(moment: float | None) -> str:
    """An activation key's `expires` claim, for a moment in seconds since 1970; None: it never expires."""
    if moment is None:
        return NEVER
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def expiry_moment(claim: str) -> float | None:
    """The moment of an `expires` claim in seconds since 1970; None: never."""
    if claim.startswith("9999-"):
        return None
    return datetime.strptime(claim[:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc).timestamp()
