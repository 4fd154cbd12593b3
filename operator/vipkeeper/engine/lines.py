"""Lines over a non-blocking stream socket: both of the engine's conversations (agent, guard) are such lines.

What can't be sent at once is kept, up to a limit; a reader that is slower than that is cut off, because the engine
waits for nobody.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.messages import MAX_LINE_BYTES

MAX_UNSENT_BYTES = 8 << 20
CLOSED = "closed"
"""Why a stream has ended when there is nothing more to say about it."""
_READ_BYTES = 1 << 16


class LineStream:
    """`on_line` gets each line without its end; `on_end` is called once, when the other side is gone or cut off."""

    def __init__(
        self, loop: Loop, connection: socket.socket, on_line: Callable[[bytes], None], on_end: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._socket = connection
        self._on_line = on_line
        self._on_end = on_end
        self._unread = bytearray()
        self._unsent = bytearray()
        self.open = True
        connection.setblocking(False)
        loop.watch(connection.fileno(), self._ready)

    def send(self, line: bytes) -> None:
        """`line` has its newline."""
        if not self.open:
            return
        if len(self._unsent) + len(line) > MAX_UNSENT_BYTES:
            self._end("too slow a reader")
            return
        self._unsent += line
        self._flush()

    def close(self) -> None:
        """End it, without a call to `on_end`."""
        if self.open:
            self.open = False
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()

    def _ready(self, _now_ns: int) -> None:
        if self._unsent:
            self._flush()
        if self.open:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(_ending(error))
            return
        if not data:
            self._end(CLOSED)
            return
        self._unread += data
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        for line in lines:
            if self.open:
                self._on_line(bytes(line))
        if len(self._unread) > MAX_LINE_BYTES:
            self._end("too long a line")

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(_ending(error))
            return
        self._loop.watch(self._socket.fileno(), self._ready, writable=bool(self._unsent))

    def _end(self, why: str) -> None:
        if self.open:
            self.close()
            self._on_end(why)


def _ending(error: OSError) -> str:
    ordinary = isinstance(error, ConnectionResetError | BrokenPipeError)
    return CLOSED if ordinary else error.strerror or "error"
