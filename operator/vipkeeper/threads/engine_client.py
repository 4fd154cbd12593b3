"""The client's end of the engine's unix socket. It carries lines and knows nothing of their meaning.

The engine may restart at any time; the socket is tried again every RETRY_S. What was queued for a connection that
broke is forgotten: on the engine's Welcome the owner sends everything again, and the engine is idempotent.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.messages import MAX_LINE_BYTES, AgentMessage, EngineMessage, decode_engine_message, encode
from vipkeeper.threads.start import start_thread

RETRY_S = 0.05
MAX_UNSENT_BYTES = 64 << 20
"""More means that the engine has not read for long: the connection is given up."""

log = logging.getLogger("engine")


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket is open; Welcome follows."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The engine went away."""


EngineEvent = Connected | Disconnected | EngineMessage


class EngineClient:
    """A thread that calls `tell` with what happens. `send` may be called from any thread and never blocks."""

    def __init__(self, path: Path, tell: Callable[[EngineEvent], None]) -> None:
        self._path = str(path)
        self._tell = tell
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._connected = False
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._closed = threading.Event()
        self._thread = start_thread("engine", self._run)

    def send(self, message: AgentMessage) -> None:
        """Queue `message`. Without a connection it is dropped."""
        line = encode(message)
        with self._lock:
            if self._connected:
                self._unsent += line
        self._wake()

    def close(self) -> None:
        """End the thread; nothing more is told."""
        self._closed.set()
        self._wake()
        self._thread.join()
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"!")
        except BlockingIOError:
            pass  # it has been woken often enough

    def _run(self) -> None:
        while not self._closed.is_set():
            connection = self._connect()
            if connection is None:
                return
            with connection:
                with self._lock:
                    self._unsent.clear()
                    self._connected = True
                self._tell(Connected())
                try:
                    self._converse(connection)
                except OSError as error:
                    log.info("engine: %s", error)
            with self._lock:
                self._connected = False
            if not self._closed.is_set():
                self._tell(Disconnected())
            self._closed.wait(RETRY_S)

    def _connect(self) -> socket.socket | None:
        while not self._closed.is_set():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                connection.connect(self._path)
                return connection
            except OSError:
                connection.close()
                self._closed.wait(RETRY_S)
        return None

    def _converse(self, connection: socket.socket) -> None:
        """Until it ends, by OSError."""
        received = bytearray()
        while True:
            with self._lock:
                writable = [connection] if self._unsent else []
                if len(self._unsent) > MAX_UNSENT_BYTES:
                    raise OSError("does not read what it is sent")
            readable, writable, _ = select.select([connection, self._wake_read], writable, [])
            if self._wake_read in readable:
                self._wake_read.recv(4096)
                if self._closed.is_set():
                    raise OSError("closed by us")
            if writable:
                self._write(connection)
            if connection in readable:
                chunk = connection.recv(1 << 16)
                if not chunk:
                    raise OSError("has closed the connection")
                received += chunk
                self._take_lines(received)

    def _write(self, connection: socket.socket) -> None:
        with self._lock:
            try:
                sent = connection.send(self._unsent[: 1 << 16])
            except BlockingIOError:
                return
            del self._unsent[:sent]

    def _take_lines(self, received: bytearray) -> None:
        *lines, rest = bytes(received).split(b"\n")
        received[:] = rest
        if len(rest) > MAX_LINE_BYTES:
            raise OSError("sends a line without an end")
        for line in lines:
            try:
                message = decode_engine_message(line)
            except BadDocument as error:
                log.warning("engine: a line that is not understood: %s", error)
                continue
            self._tell(message)
