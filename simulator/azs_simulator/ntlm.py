# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptor side of NTLM, alone or inside SPNEGO, and WinRM's message encryption."""

from __future__ import annotations

import os
import pathlib
import struct
import tempfile
import threading
from typing import Any, Protocol

BOUNDARY = b"--Encrypted Boundary"
SEALED_CONTENT_TYPE = "multipart/encrypted"
SEALED_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
_PAYLOAD_HEADER = b"\tContent-Type: application/octet-stream\r\n"
_NTLM_SIGNATURE = b"NTLMSSP\0"
_CREDENTIAL_VARIABLE = "NTLM_USER_FILE"


class AuthenticationRefused(Exception):
    """The client's token is not acceptable: wrong user, wrong password, or no NTLM at all."""


class UnreadableMessage(Exception):
    """A sealed body that this connection's security context cannot open."""


class Account(Protocol):
    """Whose user name and password are accepted (a stamp)."""

    pep_username: str
    pep_password: str


class CredentialFile:
    """The account in the file from which pyspnego's NTLM acceptor reads it.

    The acceptor reads the file that an environment variable names, and both are the process's: using this as a context guards the file,
    and the variable is set once, as other threads may be going over the environment.
    """

    _lock = threading.Lock()
    _directory: tempfile.TemporaryDirectory[str] | None = None
    _written: tuple[str, str] | None = None

    def __init__(self, account: Account) -> None:
        self._account = account
        if CredentialFile._directory is None:
            CredentialFile._directory = tempfile.TemporaryDirectory(prefix="azs-simulator-")
            os.environ[_CREDENTIAL_VARIABLE] = str(pathlib.Path(CredentialFile._directory.name, "account"))

    def __enter__(self) -> CredentialFile:
        self._lock.acquire()
        credentials = (self._account.pep_username, self._account.pep_password)
        if credentials != CredentialFile._written:
            self._write(*credentials)
            CredentialFile._written = credentials
        return self

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()

    def _write(self, username: str, password: str) -> None:
        # pyspnego keeps the hash function private, and OpenSSL 3 has no MD4 of its own.
        from spnego._ntlm_raw.crypto import ntowfv1

        # The six-field smbpasswd form: in the three-field one a colon in the password would end it.
        line = f"{username}:1000:{'0' * 32}:{ntowfv1(password).hex().upper()}:[U]:LCT-00000000\n"
        path = os.environ[_CREDENTIAL_VARIABLE]
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(line)


class SecurityContext:
    """The security context of one TCP connection."""

    def __init__(self, credentials: CredentialFile) -> None:
        self._credentials = credentials
        self._context: Any = None

    @property
    def established(self) -> bool:
        """Whether the client has proved who it is."""
        return self._context is not None and self._context.complete

    @property
    def user(self) -> str:
        """The user that signed in, as DOMAIN\\name."""
        return self._context.client_principal or "" if self.established else ""

    def step(self, token: bytes) -> bytes | None:
        """Take the client's token and return the answer to it, if there is one to give.

        Raises AuthenticationRefused when the token does not sign the account in.
        """
        if self.established:
            self._context = None
        with self._credentials:
            try:
                if self._context is None:
                    self._context = self._acceptor(token)
                answer: bytes | None = self._context.step(token)
                return answer
            except Exception as error:  # a damaged token makes pyspnego raise many things besides SpnegoError
                self._context = None
                raise AuthenticationRefused(str(error)) from error

    def unseal(self, body: bytes) -> bytes:
        """Open a sealed body. Raises UnreadableMessage when it was sealed with another context or damaged."""
        from spnego.exceptions import SpnegoError

        start = body.find(_PAYLOAD_HEADER)
        end = body.rfind(BOUNDARY + b"--")
        if start < 0 or end < 0:
            raise UnreadableMessage("not a sealed message")
        payload = body[start + len(_PAYLOAD_HEADER) : end]
        try:
            (header_length,) = struct.unpack_from("<i", payload)
            header, data = payload[4 : 4 + header_length], payload[4 + header_length :]
            message: bytes = self._context.unwrap_winrm(header, data)
        except (SpnegoError, struct.error) as error:
            raise UnreadableMessage(str(error)) from error
        return message

    def seal(self, message: bytes) -> bytes:
        """Seal an answer's body."""
        header, data, padding = self._context.wrap_winrm(message)
        content = f"type=application/soap+xml;charset=UTF-8;Length={len(message) + padding}"
        return b"".join(
            (
                BOUNDARY,
                f"\r\n\tContent-Type: {SEALED_PROTOCOL}\r\n\tOriginalContent: {content}\r\n".encode(),
                BOUNDARY,
                b"\r\n",
                _PAYLOAD_HEADER,
                struct.pack("<i", len(header)),
                header,
                data,
                BOUNDARY,
                b"--\r\n",
            )
        )

    @staticmethod
    def _acceptor(token: bytes) -> Any:
        import spnego
        from spnego import NegotiateOptions

        # Clients that were told to use NTLM alone send it bare, although the header says Negotiate. The providers are
        # named so that a GSSAPI which happens to be installed is not asked: it knows nothing of the account.
        if token.startswith(_NTLM_SIGNATURE):
            protocol, provider = "ntlm", NegotiateOptions.use_ntlm
        else:
            protocol, provider = "negotiate", NegotiateOptions.use_negotiate
        return spnego.server(protocol=protocol, options=provider)
