"""Raw sockets of protocol 112: their options, and the kernel's stamps on what they receive.

Tests: tests/unit/engine/test_wire.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from vipkeeper.engine.packet_filter import attach, vrid_filter
from vipkeeper.vrrp.packet import PROTOCOL, TTL, Family

_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_TRAFFIC_CLASS = 0xC0
_SKB_PRIORITY = 6  # TC_PRIO_INTERACTIVE: 7 is the kernel's own
_TIMESPEC = struct.Struct("@qq")


def open_raw_socket(
    interface: str, index: int, family: Family, buffer_bytes: int, *, stamped: bool = False
) -> socket.socket:
    """For one interface. It lets nothing in until it gets a filter."""
    ipv4 = family is Family.IPV4
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    opened = socket.socket(socket.AF_INET if ipv4 else socket.AF_INET6, kind, PROTOCOL)
    try:
        attach(opened, vrid_filter(family, frozenset()))  # before anything can arrive
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        if stamped:
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if ipv4:
            _set_ipv4_options(opened, index)
        else:
            _set_ipv6_options(opened, index)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _SKB_PRIORITY)  # IP_TOS has set another
    except BaseException:
        opened.close()
        raise
    return opened


def _set_ipv4_options(opened: socket.socket, index: int) -> None:
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TRAFFIC_CLASS)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"", b"", index))


def _set_ipv6_options(opened: socket.socket, index: int) -> None:
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _TRAFFIC_CLASS)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, TTL)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


def stamp_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int:
    """When the kernel received it, on the calendar's clock; 0: it does not tell."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0
