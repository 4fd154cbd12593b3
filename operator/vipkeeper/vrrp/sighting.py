"""What a refused advert said, for people: who else uses our VRID, and for what?

Nothing is decided by it and nothing is learned from it: the packet stays refused, its checksum is not even looked at.
Only refusals that tell of another virtual router have one; junk and loops have not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.vrrp.advert import Family, IPAddress
from vipkeeper.vrrp.authentication import AUTHENTICATION_BYTES
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.expected import TRAILER_BYTES

OTHER_ROUTER = frozenset(
    {
        DropReason.WRONG_VERSION,
        DropReason.WRONG_AUTHENTICATION,
        DropReason.WRONG_INTERVAL,
        DropReason.WRONG_LENGTH,
        DropReason.WRONG_DESTINATION,
        DropReason.UNKNOWN_PEER,
        DropReason.NO_TRAILER,
        DropReason.UNKNOWN_KEY,
        DropReason.WRONG_HMAC,
    }
)
"""Refused as what they are, not as junk. WRONG_LENGTH: an authentication that we do not have makes an advert longer.
WRONG_DESTINATION: somebody speaks to the group where we speak by unicast, or the other way round."""

_FIXED_PART = struct.Struct("!BBBBHxx")
_SURPLUS = (0, AUTHENTICATION_BYTES, TRAILER_BYTES, AUTHENTICATION_BYTES + TRAILER_BYTES)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What it said, unbelieved."""

    version: int
    priority: int
    interval_cs: int
    addresses: tuple[IPAddress, ...]

    def __str__(self) -> str:
        told = ", ".join(str(item) for item in self.addresses[:MOST_TOLD])
        more = f" and {len(self.addresses) - MOST_TOLD} more" if len(self.addresses) > MOST_TOLD else ""
        return f"version {self.version}, priority {self.priority}, {told}{more}"


MOST_TOLD = 4
"""Addresses, in a sentence: there may be 255."""


def sighting_of(message: bytes, family: Family) -> Sighting | None:
    """None: it has not the form of an advert."""
    if len(message) < _FIXED_PART.size:
        return None
    version_and_type, vrid, priority, count, field = _FIXED_PART.unpack_from(message)
    end = _FIXED_PART.size + count * family.address_bytes
    if version_and_type not in (0x21, 0x31) or not vrid or not count or len(message) - end not in _SURPLUS:
        return None
    kind = IPv4Address if family is Family.IPV4 else IPv6Address
    starts = range(_FIXED_PART.size, end, family.address_bytes)
    addresses = tuple(kind(message[at : at + family.address_bytes]) for at in starts)
    version = version_and_type >> 4
    interval_cs = (field & 0xFF) * 100 if version == 2 else field & 0x0FFF
    return Sighting(version, priority, interval_cs, addresses)


def with_sighting(dropped: Dropped, message: bytes, family: Family) -> Dropped:
    """`dropped`, and what it said where that tells of another virtual router."""
    if dropped.reason not in OTHER_ROUTER:
        return dropped
    said = sighting_of(message, family)
    return dropped if said is None else replace(dropped, said=said)
