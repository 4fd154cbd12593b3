"""One check under way, as a state machine on a non-blocking socket: connect, and for HTTP ask and read the status.

The server's fault is a bad outcome; our own (no descriptor, no memory, no time to look) is none at all: nothing was
learned about it.
A connection that has met itself (a client's port on loopback may be the very port that is checked, when nobody listens
there) is a refused one.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import socket
from dataclasses import dataclass

import vipkeeper
from vipkeeper.ipc.rendered import Check, HTTPCheck

_OUR_OWN_FAULT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_STATUS_LINE = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})[ \r\n]")
_MAX_STATUS_LINE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool | None
    """None: nothing was learned."""
    why: str


class Probe:
    """`outcome` is None while it is under way; then call `ready` when `socket` is ready for `events`."""

    def __init__(self, check: Check, now_s: float) -> None:
        self.deadline_s = now_s + check.timeout_ms / 1000
        self.outcome: Outcome | None = None
        self.events = selectors.EVENT_WRITE
        self.socket: socket.socket | None = None
        self._label = label_of(check)
        self._request = _request_of(check) if isinstance(check, HTTPCheck) else b""
        self._answer = b""
        self._connected = False
        try:
            self._connect(check)
        except OSError as error:
            self._fail(error.errno)

    def ready(self) -> None:
        try:
            if not self._connected:
                self._finish_connecting()
            elif self._request:
                self._ask()
            else:
                self._read()
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error.errno)

    def too_late(self, *, learned: bool = True) -> None:
        """`learned`: False when it was us who were late."""
        why = "no answer in time" if self._connected else "no connection in time"
        self._end(False if learned else None, why if learned else f"{why}, but nobody looked in time either")

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _connect(self, check: Check) -> None:
        family = socket.AF_INET if check.host.version == 4 else socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        error = self.socket.connect_ex((str(check.host), check.port))
        if error not in (0, errno.EINPROGRESS):
            self._fail(error)

    def _finish_connecting(self) -> None:
        assert self.socket is not None
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._fail(error)
        elif self.socket.getsockname() == self.socket.getpeername():
            self._fail(errno.ECONNREFUSED)
        elif self._request:
            self._connected = True
            self._ask()
        else:
            self._end(True, "connected")

    def _ask(self) -> None:
        assert self.socket is not None
        self._request = self._request[self.socket.send(self._request) :]
        if not self._request:
            self.events = selectors.EVENT_READ

    def _read(self) -> None:
        assert self.socket is not None
        data = self.socket.recv(_MAX_STATUS_LINE_BYTES)
        self._answer += data
        if b"\n" in self._answer:
            status = _STATUS_LINE.match(self._answer)
            if status is None:
                self._end(False, "an answer that is not HTTP")
            else:
                self._end(200 <= int(status[1]) < 400, f"status {int(status[1])}")
        elif not data:
            self._end(False, "closed without an answer")
        elif len(self._answer) >= _MAX_STATUS_LINE_BYTES:
            self._end(False, "an answer that is not HTTP")

    def _fail(self, error: int | None) -> None:
        reason = os.strerror(error) if error else "failed"
        self._end(None if error in _OUR_OWN_FAULT else False, reason)

    def _end(self, ok: bool | None, why: str) -> None:
        self.outcome = Outcome(ok, f"{self._label}: {why}")
        self.close()


def label_of(check: Check) -> str:
    """`GET http://127.0.0.1:80/healthz`, `tcp 127.0.0.1:5432`."""
    if isinstance(check, HTTPCheck):
        return f"GET http://{_authority(check)}{check.path}"
    return f"tcp {_authority(check)}"


def _authority(check: Check) -> str:
    return f"{check.host}:{check.port}" if check.host.version == 4 else f"[{check.host}]:{check.port}"


def _request_of(check: HTTPCheck) -> bytes:
    lines = [
        f"GET {check.path} HTTP/1.1",
        f"Host: {_authority(check)}",
        f"User-Agent: vipkeeper/{vipkeeper.__version__}",
        "Accept: */*",
        "Connection: close",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")
