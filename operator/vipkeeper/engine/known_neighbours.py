"""Who the kernel knows as a neighbour on an interface (RTM_GETNEIGH): addresses that answered there at some time.

Tests: tests/netns/test_witness.py.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.netlink_codec import AF_INET, AF_INET6, IPAddress
from vipkeeper.engine.netlink_frames import attributes, message, messages

_RTM_NEWNEIGH, _RTM_GETNEIGH, _NLM_F_DUMP_REQUEST, _NDA_DST, _NDA_LLADDR = 28, 30, 0x301, 1, 2
_REACHABLE, _STALE, _DELAY, _PROBE = 0x02, 0x04, 0x08, 0x10
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_READS = 64


def known_neighbours(index: int, version: int) -> list[IPAddress]:
    """Those that were reachable last come first. Takes the kernel some ten microseconds."""
    found = _table(index, version)
    return sorted(found, key=lambda address: found[address][0])


def neighbour_macs(index: int, version: int) -> dict[IPAddress, bytes]:
    """Where they were last."""
    return {address: mac for address, (_state, mac) in _table(index, version).items() if mac}


def _table(index: int, version: int) -> dict[IPAddress, tuple[int, bytes]]:
    """State and link-layer address of each."""
    family = AF_INET if version == 4 else AF_INET6
    found: dict[IPAddress, tuple[int, bytes]] = {}
    body = _NEIGHBOUR.pack(family, 0, 0, 0, 0)
    request = message(_RTM_GETNEIGH, _NLM_F_DUMP_REQUEST, body, 1)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as opened:
        opened.setblocking(False)
        try:
            opened.send(request)
            for _ in range(_READS):
                if _take(opened.recv(1 << 16), index, found):
                    break
        except OSError:
            pass  # what was told so far
    return found


def _take(data: bytes, index: int, found: dict[IPAddress, tuple[int, bytes]]) -> bool:
    """True: that was the last of it."""
    for kind, _sequence, body in messages(data):
        if kind != _RTM_NEWNEIGH:
            return True
        _family, its_index, state, _flags, _type = _NEIGHBOUR.unpack_from(body)
        if its_index == index and state & (_REACHABLE | _STALE | _DELAY | _PROBE):
            told = attributes(body, _NEIGHBOUR.size)
            address = _destination(told)
            if address is not None and not address.is_multicast:
                found[address] = state, told.get(_NDA_LLADDR, b"")
    return False


def _destination(told: dict[int, bytes]) -> IPAddress | None:
    packed = told.get(_NDA_DST)
    if packed is None:
        return None
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
