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
from collections.abc import Callable
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
_READ_BYTES = 4096
_STEP_S = 0.01
_OTHER_WORKERS_MS = 50
"""Each closes what it has by itself, and ours is of one of them. Not longer: who asks again now comes to the new workers."""


class NginxFarewell:
    def __init__(self, loop: Loop, nginx_socket: Path) -> None:
        self._loop = loop
        self._path = nginx_socket
        self._fifo = nginx_socket.with_name("reload")
        self._open: socket.socket | None = None
        self._began_ns = 0
        self._asked = False
        self._over = loop.timer(self._end)
        self._waiting: list[Callable[[], None]] = []

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

    def then(self, callback: Callable[[], None]) -> None:
        """Ask, and call back when idle connections are closed, or when the limit is over: perhaps before this returns."""
        self._waiting.append(callback)
        if self._open is not None:
            return
        self._began_ns = time.monotonic_ns()
        if self._fifo.exists() and self._connect():
            self._over.set(self._began_ns + ms_to_ns(LIMIT_MS))
        else:
            self._end(self._began_ns)

    def wait(self) -> None:
        """The same, serving the loop. Not from a callback of it."""
        done: list[bool] = []
        self.then(lambda: done.append(True))
        while not done:
            self._loop.run_once(_STEP_S)

    def _connect(self) -> bool:
        """A connection that is idle, after one request, as a client's is: nginx closes it among the first."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            connection.connect(str(self._path))
            connection.sendall(_REQUEST)
        except OSError:
            connection.close()
            return False
        self._open, self._asked = connection, False
        self._loop.watch(connection.fileno(), self._ready)
        return True

    def _ready(self, now_ns: int) -> None:
        assert self._open is not None
        try:
            answer = self._open.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            answer = b""  # a reset is an end like any other
        if answer and not self._asked:
            self._asked = self.ask()
        if answer and self._asked:
            return
        self._loop.unwatch(self._open.fileno())
        if self._asked:
            log("nginx closes idle connections", took_ms=round(ns_to_ms(now_ns - self._began_ns)))
        self._over.set(now_ns + ms_to_ns(_OTHER_WORKERS_MS))

    def _end(self, _now_ns: int) -> None:
        self._over.cancel()
        if self._open is not None:
            self._loop.unwatch(self._open.fileno())
            self._open.close()
            self._open = None
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


def gives_way(old: RenderedVirtualIP, new: RenderedVirtualIP, node: str) -> bool:
    """Whether the Active of `old`, on `node`, will be preempted by a node that `new` prefers: a move, or an edit."""
    before, after = old.nodes.get(node), new.nodes.get(node)
    if new.nginx is None or not new.preempt or before is None or after is None:
        return False
    return 0 < after.rank > before.rank


def is_emptied(old: RenderedVirtualIP, new: RenderedVirtualIP, node: str) -> bool:
    """Whether the Active of `old`, on `node`, will hand over as soon as it knows `new`: the node is being drained."""
    before, after = old.nodes.get(node), new.nodes.get(node)
    if new.nginx is None or before is None or after is None:
        return False
    return bool(after.leaving and not before.leaving)
