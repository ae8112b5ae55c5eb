# SPDX-License-Identifier: GPL-3.0-or-later
"""A request ends, whatever trickles in."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

import pytest
import requests
from ansible_collections.azurestack.hub.plugins.module_utils import _deadline

HEAD: t.Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
WHOLE: t.Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECONDS: t.Final = 0.5


class Trickle:
    """A server that answers some requests at once, and then a byte at a time until nobody listens."""

    def __init__(self, before: bytes, *, whole: int = 0) -> None:
        self._before, self._whole = before, whole
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.left = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            connection = self._listener.accept()[0]
            with connection:
                for _one in range(self._whole):
                    connection.recv(65536)
                    connection.sendall(WHOLE)
                connection.recv(65536)
                connection.sendall(self._before)
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.05)
        self.left.set()


def session() -> requests.Session:
    """A session with a deadline, and a far longer time between two bytes."""
    made = requests.Session()
    made.trust_env = False
    _deadline.bound(made, SECONDS)
    return made


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", HEAD], ids=["status line", "headers", "body"])
def test_what_trickles_in_is_ended(before: bytes) -> None:
    server = Trickle(before)
    with session() as asking, pytest.raises(requests.ReadTimeout, match=r"not complete after 0\.5 seconds"):
        asking.get(server.url, timeout=60)
    assert server.left.wait(10)


def test_over_a_connection_that_was_used_before() -> None:
    server = Trickle(HEAD, whole=2)
    with session() as asking:
        assert [asking.get(server.url, timeout=60).text for _one in range(2)] == ["{}", "{}"]
        with pytest.raises(requests.ReadTimeout):
            asking.get(server.url, timeout=60)
    assert server.left.wait(10)


def test_in_the_handshake() -> None:
    server = Trickle(b"")
    with session() as asking, pytest.raises(requests.RequestException):
        asking.get(server.url.replace("http:", "https:"), timeout=60)
    assert server.left.wait(10)
