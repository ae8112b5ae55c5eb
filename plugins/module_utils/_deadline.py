# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline for a whole request, whatever trickles in meanwhile. FOR INTERNAL COLLECTION USE ONLY.

The timeouts of requests are those between two bytes: an answer of a byte a second never ends. Here a timer shuts the
request's socket down, which ends it wherever it waits: in the TLS handshake, in the headers or in the body.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
import typing as t

try:
    import requests
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
except ImportError:  # reported by who needs them: with them go pypsrp and azure-core
    HTTPConnection = HTTPSConnection = HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

_local = threading.local()
"""`watch` is what watches the request that the thread sends."""


def bound(session: requests.Session, seconds: float) -> None:
    """Let every request of a session end within some seconds, its answer's body included.

    A request that does not is shut down, and raises requests.ReadTimeout.

    :param session: its adapters are those that are mounted now.
    """
    adapters: t.Iterable[t.Any] = session.adapters.values()
    for adapter in adapters:
        _watch_pools(adapter.poolmanager)
        adapter.proxy_manager_for = functools.partial(_watched_proxy, adapter.proxy_manager_for)
    session.send = functools.partial(_send, session.send, seconds)  # type: ignore[method-assign]


class _Watch:
    """Shuts the socket of a request down when its time is over."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._descriptor: int | None = None
        self._finished = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def note(self, descriptor: int) -> None:
        """Take note of the socket that the request uses from now on."""
        with self._lock:
            self._descriptor = descriptor
            if self.over:
                self._shut_down()

    def finish(self) -> None:
        """Watch no more: the socket may serve another request."""
        with self._lock:
            self._finished = True
        self._timer.cancel()

    def _end(self) -> None:
        with self._lock:
            if not self._finished:
                self.over = True
                self._shut_down()

    def _shut_down(self) -> None:
        if self._descriptor is None:
            return
        # Another descriptor of the same socket: the first one stays its owner's to close.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._descriptor)) as other:
            other.shutdown(socket.SHUT_RDWR)


def _send(
    send: t.Callable[..., requests.Response], seconds: float, request: t.Any, **options: t.Any
) -> requests.Response:
    before, watch = getattr(_local, "watch", None), _Watch(seconds)
    _local.watch = watch
    try:
        answer = send(request, **options)
    except (requests.RequestException, OSError):
        if not watch.over:
            raise
        answer = None
    finally:
        watch.finish()
        _local.watch = before
    if answer is None or watch.over:  # what looks whole may have been cut
        raise requests.ReadTimeout(f"the answer was not complete after {seconds:g} seconds", request=request)
    return answer


def _noted(descriptor: int) -> None:
    watch = getattr(_local, "watch", None)
    if watch is not None:
        watch.note(descriptor)


class _Watched:
    """Tells the thread's watch which socket a connection uses."""

    sock: t.Any

    def _new_conn(self) -> t.Any:
        made = super()._new_conn()  # type: ignore[misc]
        _noted(made.fileno())
        return made

    def putrequest(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Begin a request, over the socket that is there when there is one."""
        if self.sock is not None:
            _noted(self.sock.fileno())
        return super().putrequest(*args, **options)  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _SecureConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _watch_pools(manager: t.Any) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def _watched_proxy(manager_for: t.Callable[..., t.Any], *args: t.Any, **options: t.Any) -> t.Any:
    manager = manager_for(*args, **options)
    _watch_pools(manager)
    return manager
