"""Programs for the kernel's packet filter (classic BPF) on our raw sockets: which adverts reach which socket.

    news   the VRIDs that live here, but for what is quiet: whatever arrives wakes the engine
    quiet  the very adverts that our Actives say again and again (`wire.py`): read now and then

Strangers so cost no Python, and junk cannot push the Actives' adverts out of a full buffer: it has a buffer of its own.
The filters compare, they check nothing: what passes is looked at as if there were none.

An IPv4 raw socket sees the IP header first, an IPv6 one the message; there the header is found by SKF_NET_OFF. A
conditional jump reaches 255 steps, `ja` any number. (Kernel: Documentation/networking/filter.rst.)
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from ipaddress import IPv6Address

from vipkeeper.vrrp.packet import ADVERTISEMENT, Family, Version

Step = tuple[int, int, int, int]
"""Operation, jump when true, jump when false, operand."""
Program = list[Step]
Comparison = tuple[int, int, int]
"""How to load, from where, and what must be there."""

MAX_STEPS = 4096
"""BPF_MAXINSNS."""
_SO_ATTACH_FILTER = 26
_LD_WORD, _LD_HALF, _LD_BYTE, _LD_BYTE_INDEXED, _LD_LENGTH, _LD_MEMORY = 0x20, 0x28, 0x30, 0x50, 0x80, 0x60
_ST, _LDX_HEADER_LENGTH, _JEQ, _JGE, _JA, _RET = 0x02, 0xB1, 0x15, 0x35, 0x05, 0x06
_NET_OFF = 0xFFF00000  # SKF_NET_OFF, -0x100000
_ALL, _NOTHING = (_RET, 0, 0, 0x40000), (_RET, 0, 0, 0)
_PLAIN_HEADER = 0x45
_IPV4_HEADER_BYTES = 20
_V2_ADVERT, _V3_ADVERT = Version.V2 << 4 | ADVERTISEMENT, Version.V3 << 4 | ADVERTISEMENT
_SHORTEST = {Family.IPV4: 3, Family.IPV6: 6}
"""Words of an advert of one address."""
_LONGEST = 480
"""Bytes, of at most 255 steps of a jump."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What tells one advert from all others: all of it but identification, destination and header checksum."""

    header: tuple[Comparison, ...]
    message: tuple[int, ...]
    """Its words; the first one has the VRID."""


def vrid_filter(family: Family, vrids: Set[int]) -> Program:
    """Adverts for these VRIDs, in any version that the family has; else nothing. A router refuses the other version
    itself: whoever sends it has taken our VRID, and that must be told."""
    program = _load_vrid_of_adverts(family)
    for vrid in sorted(vrids):
        program += [(_JEQ, 0, 1, vrid), _ALL]
    return [*program, _NOTHING]


def other_vrids_filter(family: Family, but: Set[int]) -> Program:
    """Adverts for any VRID but these (and 0, which is none)."""
    program = _load_vrid_of_adverts(family)
    for vrid in sorted({0, *but}):
        program += [(_JEQ, 0, 1, vrid), _NOTHING]
    return [*program, _ALL]


def _load_vrid_of_adverts(family: Family) -> Program:
    """Nothing, unless it is an advert in a version of the family; then its VRID is at hand."""
    if family is Family.IPV6:
        return [(_LD_BYTE, 0, 0, 0), (_JEQ, 1, 0, _V3_ADVERT), _NOTHING, (_LD_BYTE, 0, 0, 1)]
    is_advert = [(_JEQ, 2, 0, _V2_ADVERT), (_JEQ, 1, 0, _V3_ADVERT), _NOTHING]
    return [(_LDX_HEADER_LENGTH, 0, 0, 0), (_LD_BYTE_INDEXED, 0, 0, 0), *is_advert, (_LD_BYTE_INDEXED, 0, 0, 1)]


def likeness_ipv4(packet: bytes) -> Likeness | None:
    """None: it has IP options, a length that no advert has, or more addresses than a jump can leave out."""
    if packet[0] != _PLAIN_HEADER or len(packet) % 4 or len(packet) > _LONGEST:
        return None
    length, ttl_and_protocol, source = packet[:4], packet[8:10], packet[12:16]
    header = ((_LD_WORD, 0, _number(length)), (_LD_HALF, 8, _number(ttl_and_protocol)), (_LD_WORD, 12, _number(source)))
    return Likeness(header, _words(packet[_IPV4_HEADER_BYTES:]))


def likeness_ipv6(message: bytes, source: IPv6Address, hop_limit: int) -> Likeness | None:
    if len(message) % 4 or len(message) > _LONGEST:
        return None
    length_and_limit = ((_LD_HALF, _NET_OFF + 4, len(message)), (_LD_BYTE, _NET_OFF + 7, hop_limit))
    source_words = ((_LD_WORD, _NET_OFF + 8 + 4 * number, word) for number, word in enumerate(_words(source.packed)))
    return Likeness((*length_and_limit, *source_words), _words(message))


def quiet_filter(family: Family, quiet: Mapping[int, Likeness]) -> Program:
    """What is one of these, by VRID, and nothing else."""
    return _telling_apart(family, quiet, _ALL, [_NOTHING])


def news_filter(family: Family, vrids: Set[int], quiet: Mapping[int, Likeness]) -> Program:
    """The VRIDs, but for what is one of `quiet`."""
    return _telling_apart(family, quiet, _NOTHING, vrid_filter(family, vrids))


def attach(opened: socket.socket, program: Program) -> None:
    steps = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(steps)))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _words(data: bytes) -> tuple[int, ...]:
    return tuple(_number(data[at : at + 4]) for at in range(0, len(data), 4))


def _telling_apart(family: Family, quiet: Mapping[int, Likeness], match: Step, rest: Program) -> Program:
    """`match` for what is one of `quiet`; `rest` for all else.

    Words that every advert has are loaded into the filter's memory once, and headers are compared once for all adverts
    of one Active: the kernel makes ten instructions of a load from a packet.
    """
    if not quiet:
        return rest
    base = _IPV4_HEADER_BYTES if family is Family.IPV4 else 0
    groups: dict[tuple[Comparison, ...], list[Likeness]] = defaultdict(list)
    for item in quiet.values():
        groups[item.header].append(item)
    program: Program = []
    for header, items in reversed(groups.items()):  # from behind: how far it is to the rest is known
        entries: Program = [(_JA, 0, 0, len(program))]
        for item in items:
            block = list(_compare_message(item.message, base, _SHORTEST[family]))
            entries = [
                (_JEQ, 0, len(block) + 2, item.message[0]),
                *block,
                match,
                (_JA, 0, 0, len(entries) + len(program) - 1),
                *entries,
            ]
        entries = [(_LD_MEMORY, 0, 0, 0), *entries]
        for load, offset, value in reversed(header):
            entries = [(load, 0, 0, offset), (_JEQ, 1, 0, value), (_JA, 0, 0, len(entries)), *entries]
        program = [*entries, *program]
    loads = [
        step for word in range(_SHORTEST[family]) for step in ((_LD_WORD, 0, 0, base + 4 * word), (_ST, 0, 0, word))
    ]
    program = [*loads, *program]
    shortest = base + 4 * _SHORTEST[family]
    return [(_LD_LENGTH, 0, 0, 0), (_JGE, 1, 0, shortest), (_JA, 0, 0, len(program)), *program, *rest]


def _compare_message(message: tuple[int, ...], base: int, in_memory: int) -> Iterator[Step]:
    """All words but the first. Another one is a jump to behind the match."""
    for number, word in enumerate(message[1:], start=1):
        yield (_LD_MEMORY, 0, 0, number) if number < in_memory else (_LD_WORD, 0, 0, base + 4 * number)
        yield _JEQ, 0, 2 * (len(message) - number) - 1, word
