"""What a raw socket hands over: packets of both families, the key by which the same one is known again, its stamp.

The key of a packet is all of it that matters: not the identification of an IPv4 header, which counts on, nor the header
checksum, which goes with it. In IPv6 it includes sender, Hop Limit and destination, which the kernel tells beside.

Tests: tests/unit/engine/test_wire.py.
"""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv6Address

from vipkeeper.engine.raw_socket import stamp_ns

_PACKET_BYTES = 60 + 8 + 255 * 16 + 28
_ANCILLARY_BYTES = 256

Ancillary = list[tuple[int, int, bytes]]
PacketIPv6 = tuple[bytes, Ancillary, str]
Packet = bytes | PacketIPv6
"""IPv4: with its header. IPv6: the message, what the kernel tells besides, the sender."""


def receive_ipv4(opened: socket.socket) -> tuple[bytes, bytes]:
    """Key and packet."""
    packet = opened.recv(_PACKET_BYTES)
    return packet[:4] + packet[6:10] + packet[12:], packet


def receive_stamped_ipv4(opened: socket.socket) -> tuple[bytes, bytes, int]:
    """Key, packet, stamp."""
    packet, ancillary, _flags, _sender = opened.recvmsg(_PACKET_BYTES, _ANCILLARY_BYTES)
    return packet[:4] + packet[6:10] + packet[12:], packet, stamp_ns(ancillary)


def receive_ipv6(opened: socket.socket) -> tuple[bytes, PacketIPv6]:
    message, ancillary, _flags, sender = opened.recvmsg(_PACKET_BYTES, _ANCILLARY_BYTES)
    told = (data for level, _kind, data in ancillary if level == socket.IPPROTO_IPV6)
    return b"".join((message, sender[0].encode(), *told)), (message, ancillary, sender[0])


def receive_stamped_ipv6(opened: socket.socket) -> tuple[bytes, PacketIPv6, int]:
    key, packet = receive_ipv6(opened)
    return key, packet, stamp_ns(packet[1])


def delivery(ancillary: Ancillary) -> tuple[int | None, IPv6Address]:
    """Hop Limit and destination."""
    hop_limit, destination = None, IPv6Address(0)
    for level, kind, data in ancillary:
        if level != socket.IPPROTO_IPV6:
            continue
        if kind == socket.IPV6_HOPLIMIT:
            hop_limit = int.from_bytes(data[:4], sys.byteorder)
        elif kind == socket.IPV6_PKTINFO:
            destination = IPv6Address(data[:16])
    return hop_limit, destination
