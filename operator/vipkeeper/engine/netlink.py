"""The engine's one rtnetlink socket: it asks, it orders, it listens.

One socket for all three, because the kernel does not notify a socket of what that socket itself has ordered (IPv4): so
refreshing 200 addresses three times a second wakes nobody here. Requests carry no acknowledgement; failures come back
as messages like any other.

Tests: tests/netns/test_interfaces.py.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from vipkeeper.engine.log import log
from vipkeeper.engine.netlink_codec import (
    RTM_GETADDR,
    RTM_GETLINK,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_LINK,
    DumpDone,
    Message,
    dump_request,
    parse,
)

_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER_BYTES = 4 << 20
_DATAGRAM_BYTES = 1 << 16
_BATCH_BYTES = 32 << 10
"""Of requests in one send: well below the send buffer."""
_READS_PER_WAKEUP = 32
_DUMP_LIMIT_S = 2.0
_DUMP_ATTEMPTS = 5


class Netlink:
    """`on_message` is called for each message, notifications and failures alike; `on_lost` when some were lost and
    a new `dump` is needed."""

    def __init__(self, on_message: Callable[[Message], None], on_lost: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._sequence = 0
        self._lost = False
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self._socket.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def dump(self) -> None:
        """Have every link, then every address, told again. Takes the kernel about a millisecond."""
        for _ in range(_DUMP_ATTEMPTS):
            self._lost = False
            for message_type in (RTM_GETLINK, RTM_GETADDR):
                self._sequence += 1
                self._socket.send(dump_request(message_type, self._sequence))
                self._read_until_done(self._sequence)
            if not self._lost:
                return

    def order(self, requests: list[bytes]) -> None:
        """Send requests in as few system calls as possible, in their order."""
        batch: list[bytes] = []
        size = 0
        for request in requests:
            if size + len(request) > _BATCH_BYTES:
                self._send(b"".join(batch))
                batch, size = [], 0
            batch.append(request)
            size += len(request)
        if batch:
            self._send(b"".join(batch))

    def read(self) -> None:
        """What has arrived, as far as one wake-up may go."""
        for _ in range(_READS_PER_WAKEUP):
            if not self._read_datagram():
                break
        if self._lost:
            self._on_lost()

    def close(self) -> None:
        self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError as error:
            log("netlink: a request could not be sent", error=error.strerror)

    def _read_datagram(self, done: Callable[[int], None] | None = None) -> bool:
        try:
            data = self._socket.recv(_DATAGRAM_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:  # ENOBUFS: the kernel had more to say than fits
            log("netlink: notifications were lost; reading everything again", error=error.strerror)
            self._lost = True
            return True
        for message in parse(data):
            if isinstance(message, DumpDone):
                if done is not None:
                    done(message.sequence)
            else:
                self._on_message(message)
        return True

    def _read_until_done(self, sequence: int) -> None:
        finished: set[int] = set()
        limit = time.monotonic() + _DUMP_LIMIT_S
        while sequence not in finished:
            if not self._read_datagram(finished.add):
                if time.monotonic() > limit:
                    raise TimeoutError("netlink: no answer to a dump")
                time.sleep(0.0002)
