"""What frames say of who has an address: ARP packets and neighbour advertisements, and the kernel's filter for them.

The filter compares one word: the sender's IPv4 address in ARP, the last word of an advertisement's IPv6 target. So in a
healthy network nothing wakes us. It checks nothing: what passes is read as if there were none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.packet_filter import Program, Step

ARP_SENDER_AT, ND_TARGET_END_AT = 28, 20
"""Where the compared word is: in an Ethernet frame, and in an ICMPv6 message."""
ONLY_REPLIES: tuple[Step, ...] = ((0x28, 0, 0, 20), (0x15, 1, 0, 2), (0x06, 0, 0, 0))
"""ARP: the operation is a reply, else nothing."""
MANY = 500
"""More words than that are compared by the bits that they have in common: the kernel has room for 2500 steps."""

_LD_WORD, _AND, _JEQ, _RET = 0x20, 0x54, 0x15, 0x06
_ALL, _NOTHING = (_RET, 0, 0, 0x40000), (_RET, 0, 0, 0)
_ARP_ETHERNET_IPV4 = bytes.fromhex("0806000108000604")
_REQUEST, _REPLY = 1, 2
_ADVERTISEMENT, _TARGET_LINK_LAYER_ADDRESS, _HOP_LIMIT = 136, 2, 255


@dataclass(frozen=True, slots=True)
class Word:
    """Somebody at `mac` says that he has `address`."""

    address: IPAddress
    mac: bytes
    what: str
    """How, for people."""


def word_filter(words: Set[int], at: int, before: Sequence[Step] = ()) -> Program:
    """What has one of `words` there. `before`: what must be so besides."""
    if not words:
        return [_NOTHING]
    program = [*before, (_LD_WORD, 0, 0, at)]
    if len(words) > MANY:
        value, mask = _in_common(words)
        return [*program, (_AND, 0, 0, mask), (_JEQ, 0, 1, value), _ALL, _NOTHING]
    for word in sorted(words):
        program += [(_JEQ, 0, 1, word), _ALL]
    return [*program, _NOTHING]


def last_words(addresses: Iterable[IPAddress], version: int) -> frozenset[int]:
    return frozenset(int.from_bytes(item.packed[-4:], "big") for item in addresses if item.version == version)


def read_arp(frame: bytes) -> Word | None:
    """None: it is no ARP for IPv4 in Ethernet, or says nothing of an address (a probe has no sender)."""
    if len(frame) < 42 or frame[12:20] != _ARP_ETHERNET_IPV4:
        return None
    operation, mac, sender, target = frame[21], frame[22:28], frame[28:32], frame[38:42]
    if operation not in (_REQUEST, _REPLY) or not any(sender):
        return None
    what = "ARP announcement" if sender == target else "ARP reply" if operation == _REPLY else "ARP request"
    return Word(IPv4Address(sender), mac, what)


def read_advertisement(message: bytes, hop_limit: int | None) -> Word | None:
    """None: it is none, it was forwarded by somebody (RFC 4861 §7.1.2), or it does not tell where the address is."""
    if len(message) < 32 or message[0] != _ADVERTISEMENT or message[1] or hop_limit != _HOP_LIMIT:
        return None
    at = 24
    while at + 8 <= len(message) and message[at + 1]:
        if message[at : at + 2] == bytes((_TARGET_LINK_LAYER_ADDRESS, 1)):
            return Word(IPv6Address(message[8:24]), message[at + 2 : at + 8], "neighbour advertisement")
        at += 8 * message[at + 1]
    return None


def hop_limit_and_index(ancillary: Iterable[tuple[int, int, bytes]]) -> tuple[int | None, int]:
    """Of a message on an ICMPv6 socket that asked for both. Index 0: not told."""
    hop_limit, index = None, 0
    for _level, _kind, data in ancillary:
        if len(data) == 4:
            (hop_limit,) = struct.unpack("=i", data)
        elif len(data) >= 20:
            (index,) = struct.unpack("=I", data[16:20])
    return hop_limit, index


def _in_common(words: Set[int]) -> tuple[int, int]:
    """The bits in which they are all alike, and which these are."""
    first = next(iter(words))
    differing = 0
    for word in words:
        differing |= word ^ first
    mask = ~differing & 0xFFFFFFFF
    return first & mask, mask
