"""Sockets that hear who has which address: ARP packets, neighbour advertisements. Both let nothing in until they get a
filter (`address_words.py`).

Tests: tests/netns/test_address_conflict.py, test_first_claim.py.
"""

from __future__ import annotations

import socket
import struct

from vipkeeper.engine.address_words import ARP_SENDER_AT, ND_TARGET_END_AT, word_filter
from vipkeeper.engine.packet_filter import attach

_BUFFER_BYTES = 64 << 10
_ETHERTYPE_ARP = 0x0806
_ICMPV6, _ADVERTISEMENT, _ICMP6_FILTER = 58, 136, 1
_DRAIN = 4096


def open_arp_socket() -> socket.socket:
    """ARP of all interfaces; what came in before the filter was there is for `drain`."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    opened = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETHERTYPE_ARP))
    attach(opened, word_filter(frozenset(), ARP_SENDER_AT))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    return opened


def open_advertisement_socket() -> socket.socket:
    """Neighbour advertisements (RFC 3542 §3.2: a set bit blocks its type)."""
    opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _ICMPV6)
    attach(opened, word_filter(frozenset(), ND_TARGET_END_AT))
    blocked = [0xFFFFFFFF] * 8
    blocked[_ADVERTISEMENT >> 5] &= ~(1 << (_ADVERTISEMENT & 31))
    opened.setsockopt(_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    return opened


def drain(opened: socket.socket) -> None:
    """Read what is left of the past."""
    for _ in range(_DRAIN):
        try:
            opened.recv(1)
        except OSError:
            return
