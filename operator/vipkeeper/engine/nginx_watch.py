"""Is nginx there? One connection held open to its unix socket; the kernel tells in microseconds when it breaks.

Broken: reconnect at once, because a reload or a keep-alive limit closes it as well. Refused, or no such socket: nginx
is dead. EAGAIN is a full queue, not death. It is back when a connection was accepted and has stayed for a moment; only
the first one of this engine's life counts at once, so that an engine that was restarted does not yield.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.vrrp.units import ms_to_ns

RETRY_MS = 100
QUEUE_FULL_RETRY_MS = 10
STAYS_MS = 100
_MAX_RECONNECTS_IN_A_ROW = 20
_READ_BYTES = 4096


class NginxWatch:
    """`healthy` is the verdict; `on_change` is called after it has changed, never before `start` has returned."""

    def __init__(self, loop: Loop, path: Path, on_change: Callable[[], None]) -> None:
        self._loop = loop
        self._path = str(path)
        self._on_change = on_change
        self._socket: socket.socket | None = None
        self._retry = loop.timer(self._try)
        self._stays = loop.timer(self._has_stayed)
        self._reconnects = 0
        self.healthy = False

    def start(self, now_ns: int) -> None:
        """The first verdict stands when this returns."""
        self._connect(now_ns)
        self.healthy = self._socket is not None
        say = log if self.healthy else warn
        say("nginx is there" if self.healthy else "nginx is not there", socket=self._path)

    def close(self) -> None:
        self._drop()
        self._retry.cancel()
        self._stays.cancel()

    def _try(self, now_ns: int) -> None:
        self._connect(now_ns)

    def _connect(self, now_ns: int) -> None:
        self._drop()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        error = connection.connect_ex(self._path)
        if error == 0:
            self._socket = connection
            self._loop.watch(connection.fileno(), self._ready)
            self._stays.set(now_ns + ms_to_ns(STAYS_MS))
            return
        connection.close()
        if error == errno.EAGAIN:
            self._retry.set(now_ns + ms_to_ns(QUEUE_FULL_RETRY_MS))
            return
        self._retry.set(now_ns + ms_to_ns(RETRY_MS))
        self._judge(False, errno.errorcode.get(error, str(error)))

    def _ready(self, now_ns: int) -> None:
        """Nothing is ever asked here, so what can be read is the end."""
        assert self._socket is not None
        try:
            if self._socket.recv(_READ_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # ECONNRESET is an end like any other
        self._drop()
        self._reconnects += 1
        if self._reconnects > _MAX_RECONNECTS_IN_A_ROW:  # accepted and closed, again and again
            self._retry.set(now_ns + ms_to_ns(RETRY_MS))
        else:
            self._connect(now_ns)

    def _has_stayed(self, _now_ns: int) -> None:
        if self._socket is not None:
            self._reconnects = 0
            self._judge(True, "")

    def _judge(self, healthy: bool, error: str) -> None:
        if healthy == self.healthy:
            return
        self.healthy = healthy
        say = log if healthy else warn
        say("nginx is back" if healthy else "nginx is gone", socket=self._path, error=error or None)
        self._on_change()

    def _drop(self) -> None:
        self._stays.cancel()
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
