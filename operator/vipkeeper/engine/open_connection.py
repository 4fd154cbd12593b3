"""Is a server of this host there? One connection held open to it; the kernel tells in microseconds when it breaks.

Broken: reconnect at once, because a reload, an idle timeout or a keep-alive limit closes it as well. Refused (or, of a
unix socket, no such file): nobody listens, the server is dead. Everything else teaches nothing: a queue that is full, a
connection that is not answered in time, and our own want of descriptors or ports. It is back when connections were
accepted for a moment and none was refused; only the first one of this engine's life counts at once, so that an engine
that was restarted does not yield.

Nothing is ever asked here. A server that closes each connection, or one that talks without end, is tried less and less
often and is not dead; whether it serves is for the slow checks to say.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from vipkeeper.engine.loop import Loop
from vipkeeper.vrrp.units import ms_to_ns

RETRY_MS = 100
QUEUE_FULL_RETRY_MS = 10
STAYS_MS = 100
CONNECTING_MAY_TAKE_MS = 1000
_MAX_RECONNECTS_IN_A_ROW = 20
_READ_BYTES = 4096
_MAX_BYTES = 1 << 16
"""What a server may say into a connection before it is replaced."""
_ENDED = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}
"""It had come into the server's queue, which then went with the server, perhaps between two looks of ours."""
_NOBODY_THERE = {errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK}

Where = str | tuple[str, int]
"""Path of a unix socket, or IP address and port."""


class OpenConnection:
    """`alive` is the verdict, None while nothing is known; `on_change(why)` is called when it has become False, and
    when it has become True again."""

    def __init__(self, loop: Loop, where: Where, on_change: Callable[[str], None], slowest_retry_ms: int) -> None:
        self._loop = loop
        self._where = where
        self._on_change = on_change
        self._slowest_retry_ms = slowest_retry_ms
        self._retry_ms = RETRY_MS
        self._socket: socket.socket | None = None
        self._accepted_ns: int | None = None
        """When the connection that is open was accepted; None: it is not (yet)."""
        self._accepts_since_ns: int | None = None
        """Of the first one that was accepted since the last refusal."""
        self._retry = loop.timer(self._connect)
        self._stays = loop.timer(self._has_stayed)
        self._reconnects = 0
        self._bytes = 0
        self.alive: bool | None = None
        self.back_since_ns: int | None = None
        """Since when it is alive again; None: it was never seen dead."""

    def start(self, now_ns: int) -> None:
        """Of a unix socket, the first verdict stands when this returns."""
        self._connect(now_ns)

    def close(self) -> None:
        self._drop()
        self._retry.cancel()

    def is_younger_than(self, age_ns: int, now_ns: int) -> bool:
        """The connection that is open."""
        return self._accepted_ns is not None and now_ns < self._accepted_ns + age_ns

    # ---- one connection

    def _connect(self, now_ns: int) -> None:
        self._drop()
        try:
            self._socket = _new_socket(self._where)
            error = self._socket.connect_ex(self._where)
            self._loop.watch(self._socket.fileno(), self._ready, writable=error == errno.EINPROGRESS)
        except OSError as problem:  # no descriptor, no memory
            error = problem.errno or errno.ENOBUFS
        if error == 0:
            self._accepted(now_ns)
        elif error == errno.EINPROGRESS:
            self._retry.set(now_ns + ms_to_ns(CONNECTING_MAY_TAKE_MS))
        else:
            self._failed(error, now_ns)

    def _ready(self, now_ns: int) -> None:
        if self._accepted_ns is None:
            self._connected(now_ns)
        else:
            self._read(now_ns)

    def _connected(self, now_ns: int) -> None:
        assert self._socket is not None
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or _wrong_with(self._socket)
        if error:
            self._failed(error, now_ns)
        else:
            self._loop.watch(self._socket.fileno(), self._ready)
            self._accepted(now_ns)

    def _read(self, now_ns: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # ECONNRESET is an end like any other
        self._bytes += len(data)
        if not data or self._bytes > _MAX_BYTES:
            self._reconnect(now_ns)

    def _drop(self) -> None:
        self._stays.cancel()
        self._accepted_ns, self._bytes = None, 0
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    # ---- what follows from it

    def _accepted(self, now_ns: int) -> None:
        self._retry.cancel()
        self._accepted_ns = now_ns
        if self._accepts_since_ns is None:
            self._accepts_since_ns = now_ns
        self._stays.set(now_ns + ms_to_ns(STAYS_MS))
        if self.alive is None or now_ns >= self._accepts_since_ns + ms_to_ns(STAYS_MS):
            self._judge(True, "", now_ns)

    def _has_stayed(self, now_ns: int) -> None:
        self._reconnects, self._retry_ms = 0, RETRY_MS
        self._judge(True, "", now_ns)

    def _failed(self, error: int, now_ns: int) -> None:
        if error in _ENDED:
            self._reconnect(now_ns)
            return
        self._drop()
        if error == errno.EAGAIN:
            self._retry.set(now_ns + ms_to_ns(QUEUE_FULL_RETRY_MS))
            return
        self._try_later(now_ns)
        if error in _NOBODY_THERE:
            self._accepts_since_ns = None
            self._judge(False, errno.errorcode[error], now_ns)

    def _reconnect(self, now_ns: int) -> None:
        """It was closed: at once, but not again and again."""
        self._drop()
        self._reconnects += 1
        if self._reconnects > _MAX_RECONNECTS_IN_A_ROW:
            self._try_later(now_ns)
        else:
            self._connect(now_ns)

    def _try_later(self, now_ns: int) -> None:
        self._retry.set(now_ns + ms_to_ns(self._retry_ms))
        self._retry_ms = min(2 * self._retry_ms, self._slowest_retry_ms)

    def _judge(self, alive: bool, why: str, now_ns: int) -> None:
        before, self.alive = self.alive, alive
        if alive is before:
            return
        if before is False:
            self.back_since_ns = now_ns
        if before is not None or not alive:
            self._on_change(why)


def _new_socket(where: Where) -> socket.socket:
    kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    if isinstance(where, str):
        return socket.socket(socket.AF_UNIX, kind)
    return socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, kind)


def _wrong_with(connection: socket.socket) -> int:
    """0: nothing. On loopback our own port may be the very one that nobody listens on: we have met ourselves."""
    try:
        return errno.ECONNREFUSED if connection.getsockname() == connection.getpeername() else 0
    except OSError as problem:  # it has ended since
        return problem.errno or errno.ENOTCONN
