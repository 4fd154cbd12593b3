"""Servers on loopback that do what a test says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Server:
    """Answers each connection with `answer` and closes it; b"" closes at once, None keeps silent."""

    def __init__(self, answer: bytes | None, family: socket.AddressFamily = socket.AF_INET, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = threading.Semaphore(0)
        self.connected_ms: list[float] = []
        """When each of them came, by time.monotonic()."""
        self._silent: list[socket.socket] = []
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in [self._listener, *self._silent]:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connected_ms.append(time.monotonic() * 1000)
            self.connections.release()
            if self.answer is None:
                self._silent.append(connection)
                continue
            with connection:
                if self.answer:
                    self.requests.append(connection.recv(65536))
                    connection.sendall(self.answer)


@contextmanager
def serving(answer: bytes | None, family: socket.AddressFamily = socket.AF_INET, port: int = 0) -> Iterator[Server]:
    server = Server(answer, family, port)
    try:
        yield server
    finally:
        server.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
