"""Before a planned move nginx is told to close its idle keep-alive connections, so that no client asks on one in vain.

A client learns nothing of a move by itself: its next request goes to the new node, which knows no such connection and
resets it. Stock nginx closes idle connections in order when it reloads: the new workers start, and after some 100 ms
the old ones close what is idle, answer what they have begun with `Connection: close`, and go. So a line on the sidecar's
FIFO asks for a reload of what runs, and a connection of our own, idle after one request like a client's, breaks in
the moment in which the clients' are closed. Then is the time to move.

It is a courtesy: no nginx, no FIFO or no answer within the limit, and the move goes on without it.

Tests: tests/netns/test_in_flight.py, tests/unit/engine/test_nginx_farewell.py
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from vipkeeper.engine.log import log
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.units import ms_to_ns, ns_to_ms

LIMIT_MS = 500
"""A reload of a small configuration takes 150 ms; nobody misses anything meanwhile."""
CLOSE_IDLE = b"close-idle\n"
"""No generation: those are hexadecimal."""
_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: engine\r\n\r\n"
_ANSWER = b"HTTP/1.1 200"
_READ_BYTES = 4096
_STEP_S = 0.01
_OTHER_WORKERS_MS = 20
"""Each closes what it has by itself; ours is of one of them."""


class NginxFarewell:
    def __init__(self, loop: Loop, nginx_socket: Path) -> None:
        self._loop = loop
        self._path = nginx_socket
        self._fifo = nginx_socket.with_name("reload")
        self._open: socket.socket | None = None
        self._closed = False

    def ask(self) -> bool:
        """Without waiting for it. False: nobody is there who could."""
        try:
            fifo = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            os.write(fifo, CLOSE_IDLE)
        except OSError:
            return False
        finally:
            os.close(fifo)
        return True

    def wait(self) -> None:
        """Ask, and serve the loop until idle connections are closed, or for as long as the limit is."""
        began_ns = time.monotonic_ns()
        if not self._fifo.exists() or not self._connect():
            return
        try:
            if not self.ask():
                return
            self._serve_loop(began_ns + ms_to_ns(LIMIT_MS), until_closed=True)
            took_ms = round(ns_to_ms(time.monotonic_ns() - began_ns))
            if self._closed:
                log("nginx closes idle connections", took_ms=took_ms)
                self._serve_loop(time.monotonic_ns() + ms_to_ns(_OTHER_WORKERS_MS))
            else:
                log("nginx has not closed idle connections", took_ms=took_ms)
        finally:
            self._drop()

    def _serve_loop(self, until_ns: int, *, until_closed: bool = False) -> None:
        while time.monotonic_ns() < until_ns and not (until_closed and self._closed):
            self._loop.run_once(_STEP_S)

    def _connect(self) -> bool:
        """A connection that is idle as a client's is: nginx closes it among the first."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(LIMIT_MS / 1000 / 4)
        try:
            connection.connect(str(self._path))
            connection.sendall(_REQUEST)
            answered = connection.recv(_READ_BYTES).startswith(_ANSWER)
        except OSError:
            answered = False
        if not answered:
            connection.close()
            return False
        connection.setblocking(False)
        self._open, self._closed = connection, False
        self._loop.watch(connection.fileno(), self._ready)
        return True

    def _ready(self, _now_ns: int) -> None:
        assert self._open is not None
        try:
            if self._open.recv(_READ_BYTES):
                return  # the rest of the answer
        except BlockingIOError:
            return
        except OSError:
            pass  # a reset is an end like any other
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            self._loop.unwatch(self._open.fileno())
            self._open.close()
            self._open = None


def gives_way(old: RenderedVirtualIP, new: RenderedVirtualIP, node: str) -> bool:
    """Whether the Active of `old`, on `node`, will be preempted by a node that `new` prefers: a move, or an edit."""
    before, after = old.nodes.get(node), new.nodes.get(node)
    if new.nginx is None or not new.preempt or before is None or after is None:
        return False
    return 0 < after.rank > before.rank
