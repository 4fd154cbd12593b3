"""The checksum of VRRP (RFC 9568 §5.2.8) and the two pseudo-headers that may stand before what it covers.

Tested by tests/unit/vrrp/test_packet.py, which has a second opinion on it.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from vipkeeper.vrrp.advert import IPAddress

PROTOCOL = 112
"""IP protocol number of VRRP (RFC 9568 §5.1.1.4)."""

_IPV4_TAIL = struct.Struct("!xBH")
_IPV6_TAIL = struct.Struct("!I3xB")


def pseudo_header(source: IPAddress, destination: IPAddress, length: int) -> bytes:
    """RFC 793 §3.1 for IPv4, RFC 8200 §8.1 for IPv6."""
    if isinstance(source, IPv4Address):
        return source.packed + destination.packed + _IPV4_TAIL.pack(PROTOCOL, length)
    return source.packed + destination.packed + _IPV6_TAIL.pack(length, PROTOCOL)


def is_right(covered: bytes) -> bool:
    """Whether the bytes, the checksum among them, add up."""
    return _ones_complement_sum(covered) == 0


def with_checksum(message: bytes, before: bytes = b"") -> bytes:
    """`message` with its checksum set; `before` is covered, too, but not part of it."""
    blank = message[:6] + b"\0\0" + message[8:]
    checksum = -_ones_complement_sum(before + blank) % 0xFFFF
    return message[:6] + checksum.to_bytes(2, "big") + message[8:]


def _ones_complement_sum(data: bytes) -> int:
    """RFC 1071's sum of 16-bit words, as 0..0xFFFE: 2**16 is 1 modulo 0xFFFF, so one division adds all of them up.

    `data` has an even length, as every VRRP message, trailer and pseudo-header has.
    """
    return int.from_bytes(data, "big") % 0xFFFF
