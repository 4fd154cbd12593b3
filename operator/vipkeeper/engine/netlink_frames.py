"""How netlink frames what it carries: messages with a header, attributes with a length and a kind, all aligned to four.

Layouts: linux/netlink.h. Numbers are in the byte order of the machine. Pure: no socket here.

Tests: tests/unit/engine/test_netlink_codec.py, tests/netns/test_accept_mode.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port."""
_ATTRIBUTE = struct.Struct("=HH")
_NESTED_AND_ORDER_BITS = 0xC000


def message(message_type: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(body), message_type, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, sequence and body of each message of one datagram."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, message_type, _flags, sequence, _port = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield message_type, sequence, data[offset + HEADER.size : offset + length]
        offset += _aligned(length)


def attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def attributes(body: bytes, offset: int) -> dict[int, bytes]:
    """Those that stand from `offset` on, by kind."""
    found: dict[int, bytes] = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & ~_NESTED_AND_ORDER_BITS] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
