"""One GET over a unix socket: nginx's status server. Never the VIP: on a Backup that would reach the Active's nginx."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

MAX_BODY_BYTES = 4096


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(path: Path, url: str, timeout_s: float) -> tuple[int, str]:
    """Status and body. Raises OSError (BlockingIOError: the backlog is full) or http.client.HTTPException."""
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request("GET", url, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(MAX_BODY_BYTES).decode(errors="replace").strip()
    finally:
        connection.close()
