"""Who watches: sockets opened inside the namespaces, read by one thread of ours.

Frames carry the kernel's stamp (SO_TIMESTAMPNS, CLOCK_REALTIME) from the moment they entered, so a late reader, or a
machine under full load, falsifies nothing as long as the buffer holds. `lost()` says whether it did.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.frames import AddressChange, Advert, EchoReply, GratuitousArp, parse_address_changes, parse_frame
from tests.netns.lan import Host, Lan

STRANGER_MAC_END = 0x99
"""Last byte of the source MAC of junk: the bridge's socket does not take such frames (they would bury the reader)."""

_CLONE_NEWNET = 0x40000000
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_BUFFER_BYTES = 32 << 20
_RTMGRP_IPV4_IFADDR = 0x10


class Observer:
    """A context manager: it watches from the first `watch_...` to the end."""

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        self.adverts: list[Advert] = []
        self.arps: list[GratuitousArp] = []
        self.replies: list[EchoReply] = []
        self.changes: list[AddressChange] = []
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._lost = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        bridge = self._packet_socket(self._lan._switch, "br0", 3)
        _attach_filter(bridge)
        self._watch(bridge, self._read_frames)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending = True
        self._thread.join()
        for item in self._sockets:
            item.close()
        self._selector.close()

    def watch_replies(self, client: Host) -> None:
        """Answers to pings, at the client."""
        self._watch(self._packet_socket(client.namespace, "eth0", 0x0800), self._read_frames)

    def watch_addresses(self, host: Host) -> None:
        """IPv4 addresses that come and go."""

        def opened() -> socket.socket:
            result = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            result.bind((0, _RTMGRP_IPV4_IFADDR))
            return result

        def read(source: socket.socket) -> None:
            data = source.recv(65536)
            self.changes.extend(parse_address_changes(data, time.time_ns(), host.name))

        self._watch(_in_namespace(host.namespace, opened), read)

    def adverts_of(self, host: Host, vrid: int = 1, since_ns: int = 0) -> list[int]:
        """When they were seen."""
        return [a.at_ns for a in list(self.adverts) if a.at_ns >= since_ns and a.vrid == vrid and a.mac == host.mac]

    def lost(self) -> int:
        """Frames that did not fit into a buffer, so far."""
        for item in self._sockets:
            if item.family == socket.AF_PACKET:
                _packets, dropped = struct.unpack("=II", item.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
                self._lost += dropped
        return self._lost

    def forget(self) -> None:
        """What was seen so far."""
        for records in (self.adverts, self.arps, self.replies, self.changes):
            records.clear()

    def _packet_socket(self, namespace: str, interface: str, ether_type: int) -> socket.socket:
        def opened() -> socket.socket:
            result = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            result.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
            result.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            result.bind((interface, ether_type))
            return result

        return _in_namespace(namespace, opened)

    def _watch(self, source: socket.socket, read: Callable[[socket.socket], None]) -> None:
        source.setblocking(False)
        self._sockets.append(source)
        self._selector.register(source, selectors.EVENT_READ, read)

    def _run(self) -> None:
        while not self._ending:
            for key, _events in self._selector.select(0.1):
                try:
                    while True:
                        key.data(key.fileobj)
                except BlockingIOError:
                    pass

    def _read_frames(self, source: socket.socket) -> None:
        frame, ancillary, _flags, _address = source.recvmsg(256, 64)
        record = parse_frame(frame, _stamp_ns(ancillary))
        match record:
            case Advert():
                self.adverts.append(record)
            case GratuitousArp():
                self.arps.append(record)
            case EchoReply():
                self.replies.append(record)


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("=qq", data[:16])
            return int(seconds * 1_000_000_000 + nanoseconds)
    raise RuntimeError("the kernel gives no time stamps")


def _attach_filter(taker: socket.socket) -> None:
    """All but frames whose source MAC ends in STRANGER_MAC_END."""
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (0x30, 0, 0, 11),  # load the byte at 11
            (0x15, 0, 1, STRANGER_MAC_END),  # equal: next; else skip one
            (0x06, 0, 0, 0),  # drop
            (0x06, 0, 0, 0xFFFF),  # take
        )
    )
    kept = ctypes.create_string_buffer(program)
    taker.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 4, ctypes.addressof(kept)))


def _in_namespace(name: str, opened: Callable[[], socket.socket]) -> socket.socket:
    """A socket belongs to the network namespace of the thread that opens it."""
    result: list[Any] = []

    def enter_and_open() -> None:
        try:
            with Path(f"/run/netns/{name}").open("rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            result.append(opened())
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=enter_and_open)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    opened_socket: socket.socket = result[0]
    return opened_socket
