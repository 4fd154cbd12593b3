"""What engines say to each other. Each message carries what its sender is, so whatever is heard keeps the book true.

    HELLO      now and then, and at each change: my routers        (with `wants_answer`: tell me yours)
    ASK        I miss the Active, or have just started: what are you?
    ANSWER     this
    TAKE_OVER  I leave: be Active now
    TAKEN      I am, and have announced it: take your addresses off
    REFUSED    I am not fit for it, because
    WANT       I should be Active in your place, and you do not hear my adverts: hand over
    CHALLENGE  I do not know your session: say it again, with this challenge (no body)

A virtual router is named by its VRID and its first address: uids differ between hosts without Kubernetes, and a VRID
alone may live on two segments of one host.

    name     0  VRID   1  family (4 or 6)   2  first address, 4 or 16 bytes
    entry    name | state | flags | priority | interval in cs, 2 bytes | primary address, as long as the first one
    HELLO    flags | count | entries
    others   question, 4 bytes: what an answer answers | code: of a refusal | entry
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.peering.envelope import MAX_BODY_BYTES
from vipkeeper.vrrp.advert import IPAddress
from vipkeeper.vrrp.state import HandoverRefusal, State

_QUESTION = struct.Struct("!IB")
_ENTRY_MIDDLE = struct.Struct("!BBBH")
_WANTS_ANSWER = 1
_HELLO_BYTES = 2
_ADDRESS_BYTES = {4: 4, 6: 16}


class Kind(IntEnum):
    """As it stands in the envelope. Never renumbered: releases talk to each other during an upgrade."""

    HELLO = 1
    ASK = 2
    ANSWER = 3
    TAKE_OVER = 4
    TAKEN = 5
    REFUSED = 6
    WANT = 7
    CHALLENGE = 8


class PeerState(IntEnum):
    """Of a virtual router at a peer."""

    ABSENT = 0
    """It has no such router (yet, or any more)."""
    INITIALIZE = 1
    BACKUP = 2
    ACTIVE = 3


class Flag(IntFlag):
    ILL = 1
    """What it serves on the address is not healthy: it has priority 1."""
    HEARS_SEGMENT = 2
    """Active: a neighbour on the segment has answered it since it was asked to prove that."""
    LEAVING = 4
    """It is about to stop: nobody to hand over to."""


NO_FLAGS = Flag(0)

STATES = {
    State.INITIALIZE: PeerState.INITIALIZE,
    State.BACKUP: PeerState.BACKUP,
    State.ACTIVE: PeerState.ACTIVE,
}


@dataclass(frozen=True, slots=True)
class RouterName:
    """The same on every host."""

    vrid: int
    address: IPAddress
    """The first virtual address: that of the election's family."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One virtual router at its sender."""

    name: RouterName
    state: PeerState
    priority: int = 0
    interval_cs: int = 0
    primary: IPAddress | None = None
    """Where its adverts come from, and where it is found on the segment."""
    flags: Flag = NO_FLAGS

    @property
    def is_active(self) -> bool:
        return self.state is PeerState.ACTIVE

    @property
    def is_ill(self) -> bool:
        return Flag.ILL in self.flags


@dataclass(frozen=True, slots=True)
class Hello:
    entries: tuple[Entry, ...]
    wants_answer: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Any of the others but CHALLENGE."""

    kind: Kind
    entry: Entry
    question: int = 0
    refusal: HandoverRefusal | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    pass


Message = Hello | Said | Challenge
_REFUSALS = tuple(HandoverRefusal)


class Unreadable(ValueError):
    """A body that is not what its kind should be."""


def encode_said(said: Said) -> bytes:
    code = 0 if said.refusal is None else _REFUSALS.index(said.refusal) + 1
    return _QUESTION.pack(said.question, code) + encode_entry(said.entry)


def encode_hellos(entries: Iterable[bytes], *, wants_answer: bool = False) -> Iterator[bytes]:
    """Bodies of as many hellos as `entries` (each from `encode_entry`) need; one at least."""
    flags = _WANTS_ANSWER if wants_answer else 0
    batch: list[bytes] = []
    size = _HELLO_BYTES
    for entry in entries:
        if size + len(entry) > MAX_BODY_BYTES:
            yield bytes((flags, len(batch))) + b"".join(batch)
            batch, size = [], _HELLO_BYTES
        batch.append(entry)
        size += len(entry)
    yield bytes((flags, len(batch))) + b"".join(batch)


def encode_entry(entry: Entry) -> bytes:
    name = entry.name
    primary = bytes(_ADDRESS_BYTES[name.address.version]) if entry.primary is None else entry.primary.packed
    return (
        bytes((name.vrid, name.address.version))
        + name.address.packed
        + _ENTRY_MIDDLE.pack(entry.state, entry.flags, entry.priority, entry.interval_cs)
        + primary
    )


def decode(kind: int, body: bytes) -> Message:
    """Raises Unreadable."""
    try:
        return _decode(Kind(kind), body)
    except (ValueError, IndexError, struct.error) as error:
        raise Unreadable(f"kind {kind}: {error}") from error


def _decode(kind: Kind, body: bytes) -> Message:
    if kind is Kind.CHALLENGE:
        return Challenge()
    if kind is Kind.HELLO:
        return _decode_hello(body)
    question, code = _QUESTION.unpack_from(body)
    entry, _end = _decode_entry(body, _QUESTION.size)
    return Said(kind, entry, question, _REFUSALS[code - 1] if 0 < code <= len(_REFUSALS) else None)


def _decode_hello(body: bytes) -> Hello:
    flags, count = body[0], body[1]
    entries, offset = [], _HELLO_BYTES
    for _ in range(count):
        entry, offset = _decode_entry(body, offset)
        entries.append(entry)
    return Hello(tuple(entries), bool(flags & _WANTS_ANSWER))


def _decode_entry(body: bytes, offset: int) -> tuple[Entry, int]:
    vrid, version = body[offset], body[offset + 1]
    length = _ADDRESS_BYTES.get(version)
    if length is None:
        raise ValueError(f"family {version}")
    middle = offset + 2 + length
    state, flags, priority, interval_cs = _ENTRY_MIDDLE.unpack_from(body, middle)
    end = middle + _ENTRY_MIDDLE.size + length
    if end > len(body):
        raise ValueError("cut off")
    name = RouterName(vrid, _address(body[offset + 2 : middle]))
    primary = body[end - length : end]
    where = _address(primary) if any(primary) else None
    known = Flag(flags & (Flag.ILL | Flag.HEARS_SEGMENT | Flag.LEAVING))
    return Entry(name, PeerState(state), priority, interval_cs, where, known), end


def _address(packed: bytes) -> IPAddress:
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
