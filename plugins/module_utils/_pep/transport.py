# SPDX-License-Identifier: GPL-3.0-or-later
"""A WinRM connection that outlives its TCP connection. FOR INTERNAL COLLECTION USE ONLY.

A shell is not bound to a connection, so a cmdlet goes on when the network hiccups. But pypsrp, when it signs in again
on a new connection, keeps sealing with the keys of the old one, and it gives a dropped connection up. Both are put
right here, around its transport.
"""

from __future__ import annotations

import random
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _deadline

try:
    import requests
    from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
    from pypsrp.wsman import WSMan, WSManAction
except ImportError:  # reported by session.py, which needs more of them
    WSMan = object  # type: ignore[assignment,misc]

OPERATION_TIMEOUT: t.Final = 2150858793
"""WSMan fault: no output came within the operation timeout. Not an error."""
_LONGEST_PAUSE = 10.0


class Line:
    """Stands in for pypsrp's transport: sends messages, and renews the connection where that is safe.

    A message may be sent again when the server did not read it (it refused the connection's sign-in), or when it is a
    Receive: the same Receive, known by its message id, gets the same answer again.

    :cvar patience: seconds during which a Receive is tried again after the connection was lost.
    """

    patience: float = 0.0

    def __init__(self, transport: t.Any) -> None:
        self._transport = transport
        self._sealing = False
        self.endpoint: str = transport.endpoint

    def send(self, message: bytes, **options: t.Any) -> bytes:
        """Send a message and return the answer. Raises what pypsrp's transport raises, requests' exceptions too."""
        options.pop("retries_on_read_timeout", None)  # pypsrp's own way: blind to dropped connections
        may_repeat = WSManAction.RECEIVE.encode() in message
        deadline: float | None = None
        pause = 0.0
        while True:
            try:
                return self._send(message, options)
            except requests.RequestException:
                now = time.monotonic()
                deadline = deadline or now + self.patience
                if not may_repeat or now + pause >= deadline:
                    raise
            self.renew()
            time.sleep(pause)
            pause = min(max(2 * pause, 0.5) * random.uniform(0.8, 1.2), _LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def renew(self) -> None:
        """Forget connection and keys, so that the next message signs in and makes new ones.

        Needed, too, when a message was interrupted anywhere: both sides count what they seal, and would not agree.
        """
        self._transport.close()
        self._transport.session = None
        self._transport.encryption = None
        self._sealing = False

    def _send(self, message: bytes, options: dict[str, t.Any]) -> bytes:
        try:
            answer = self._ask(message, options)
        except AuthenticationError:
            if not self._sealing:
                raise
            # A new connection under the old keys: the server refused it before it read the message.
            self.renew()
            answer = self._ask(message, options)
        except WinRMTransportError:  # a fault is an answer, too
            self._signed_in()
            raise
        self._signed_in()
        return answer

    def _ask(self, message: bytes, options: dict[str, t.Any]) -> bytes:
        if self._transport.session is None:
            self._transport.session = self._transport._build_session()
            # What an address redirects to is not the endpoint that was named: never sign in there.
            self._transport.session.max_redirects = 0
            _deadline.bound(
                self._transport.session, self._transport.connection_timeout + 2 * self._transport.read_timeout
            )
        return self._transport.send(message, **options)

    def _signed_in(self) -> None:
        if self._transport.encryption is not None:
            self._transport.session.auth = _unchanged
            self._sealing = True


class Connection(WSMan):
    """pypsrp's WSMan over a `Line`.

    :cvar wait_until: until this moment of time.monotonic() a Receive that timed out is followed by another one. pypsrp
        does that for the output of a cmdlet only, not while the session opens, which takes a busy stamp its time.
    """

    wait_until: float = 0.0

    def __init__(self, *args: t.Any, **options: t.Any) -> None:
        super().__init__(*args, **options)
        self.line = Line(self.transport)
        self.transport = self.line  # type: ignore[assignment]

    def receive(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Receive output. Raises WSManFaultError, the operation timeout included unless `wait_until` is ahead."""
        while True:
            try:
                return super().receive(*args, **options)
            except WSManFaultError as fault:
                if fault.code != OPERATION_TIMEOUT or time.monotonic() > self.wait_until:
                    raise


def _unchanged(request: t.Any) -> t.Any:
    """Sign in no more on this connection, also not with what a netrc file holds."""
    return request
