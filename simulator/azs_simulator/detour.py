# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy that leads well-known addresses to simulated services. Needs no package."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import urllib.parse
from collections.abc import Mapping


class Detour:
    """A proxy on 127.0.0.1, from when it is made until `close`.

    :param services: host name -> URL of the simulated service that stands in for its port 443. Everything else is led
        where it wants to go.
    """

    def __init__(self, services: Mapping[str, str]) -> None:
        self._services = {name: urllib.parse.urlsplit(url) for name, url in services.items()}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End the connections and the threads."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                self._sockets.append(near)
                request = b""
                while b"\r\n\r\n" not in request and (more := near.recv(4096)):
                    request += more
                wanted = re.match(rb"CONNECT ([^:]+):(\d+)", request)
                if wanted is None:
                    near.close()
                    continue
                far = socket.create_connection(self._led(wanted[1].decode(), int(wanted[2])))
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._sockets.append(far)
                for source, target in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._copy, args=(source, target)))
                    self._threads[-1].start()

    def _led(self, host: str, port: int) -> tuple[str, int]:
        service = self._services.get(host) if port == 443 else None
        return (service.hostname or host, service.port or port) if service else (host, port)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
