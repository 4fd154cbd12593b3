"""The engine's one rtnetlink socket: it asks, it orders, it listens.

Requests carry no acknowledgement; failures come back as messages like any other. The kernel tells everybody of each
address that is put on or renewed, also us who ordered it: a packet filter on our socket drops those that carry our tag
(IFA_PROTO), else renewing 200 leases three times a second would wake us 600 times.

Tests: tests/netns/test_interfaces.py.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Callable

from vipkeeper.engine.log import warn
from vipkeeper.engine.netlink_codec import (
    IFA_PROTO,
    NLM_F_MULTI,
    OUR_PROTO,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_LINK,
    DumpDone,
    Message,
    dump_request,
    parse,
)

_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER_BYTES = 4 << 20
_DATAGRAM_BYTES = 1 << 16
_BATCH_BYTES = 32 << 10
"""Of requests in one send: well below the send buffer."""
_READS_PER_WAKEUP = 32
_DUMP_LIMIT_S = 2.0
_DUMP_ATTEMPTS = 5


def echo_filter() -> list[tuple[int, int, int, int]]:
    """Classic BPF: everything but RTM_NEWADDR, outside of dumps, with IFA_PROTO = OUR_PROTO.

    BPF loads numbers in network order, netlink writes them in the machine's: hence the swapped constants. The
    attribute is found by the kernel's own helper (SKF_AD_NLATTR), which gives 0 when there is none.
    """
    ld_half, ld_byte_at_x, ld_number, ldx_number, ld_word, tax = 0x28, 0x50, 0x00, 0x01, 0x20, 0x07
    jeq, jset, ret = 0x15, 0x45, 0x06
    first_attribute, find_attribute = 16 + 8, 0xFFFFF000 + 12
    return [
        (ld_half, 0, 0, 4),
        (jeq, 0, 9, socket.htons(RTM_NEWADDR)),
        (ld_half, 0, 0, 6),
        (jset, 7, 0, socket.htons(NLM_F_MULTI)),
        (ldx_number, 0, 0, IFA_PROTO),
        (ld_number, 0, 0, first_attribute),
        (ld_word, 0, 0, find_attribute),
        (jeq, 3, 0, 0),
        (tax, 0, 0, 0),
        (ld_byte_at_x, 0, 0, 4),
        (jeq, 1, 0, OUR_PROTO),
        (ret, 0, 0, 0xFFFFFFFF),
        (ret, 0, 0, 0),
    ]


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
        self._drop_echoes()
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

    def _drop_echoes(self) -> None:
        steps = echo_filter()
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        sock_fprog = struct.pack("@HP", len(steps), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, sock_fprog)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError as error:
            warn("netlink: a request could not be sent", error=error.strerror)

    def _read_datagram(self, done: Callable[[int], None] | None = None) -> bool:
        try:
            data = self._socket.recv(_DATAGRAM_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:  # ENOBUFS: the kernel had more to say than fits
            warn("netlink: notifications were lost; reading everything again", error=error.strerror)
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
