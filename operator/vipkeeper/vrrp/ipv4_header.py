"""The IPv4 header, which a raw socket of IPv4 delivers (one of IPv6 does not).

Tested by tests/unit/vrrp/test_packet.py, with what it carries.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from vipkeeper.vrrp.advert import Family
from vipkeeper.vrrp.checksum import PROTOCOL
from vipkeeper.vrrp.drops import Dropped, DropReason

_HEADER = struct.Struct("!BxHxxHBBxx4s4s")
_FRAGMENT_MASK = 0x3FFF  # More Fragments and the offset


@dataclass(frozen=True, slots=True)
class IPv4Datagram:
    """What an IPv4 raw socket delivers, taken apart."""

    source: IPv4Address
    destination: IPv4Address
    ttl: int
    payload: bytes


def parse_ipv4(packet: bytes) -> IPv4Datagram | Dropped:
    """Take the IPv4 header off. Its own checksum is the kernel's business."""
    if len(packet) < _HEADER.size:
        return Dropped(DropReason.BAD_HEADER, f"{len(packet)} bytes")
    version_ihl, total_length, fragment, ttl, protocol, source, destination = _HEADER.unpack_from(packet)
    header_length = (version_ihl & 0x0F) * 4  # options are skipped, not read
    if version_ihl >> 4 != Family.IPV4 or header_length < _HEADER.size:
        return Dropped(DropReason.BAD_HEADER, f"first byte 0x{version_ihl:02x}")
    if not header_length <= total_length <= len(packet):
        return Dropped(DropReason.BAD_HEADER, f"total length {total_length} of {len(packet)} bytes")
    if fragment & _FRAGMENT_MASK:
        return Dropped(DropReason.FRAGMENT)
    if protocol != PROTOCOL:
        return Dropped(DropReason.WRONG_PROTOCOL, f"protocol {protocol}")
    payload = packet[header_length:total_length]  # what follows is Ethernet padding
    return IPv4Datagram(IPv4Address(source), IPv4Address(destination), ttl, payload)
