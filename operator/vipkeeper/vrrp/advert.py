"""What an advert says, once it is read: the values that pass between the wire and a virtual router.

Families, versions and checksum forms are what both sides must agree on; a `Remark` is what was odd about an advert
that is good all the same.

Tested where they are made: tests/unit/vrrp/test_packet.py and test_expected.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address

OWNER_PRIORITY = 255
"""Priority of the address owner (RFC 9568 §5.2.4): starts as Active, always preempts."""


class Family(IntEnum):
    """Address family of an election, as the number of its IP version."""

    IPV4 = 4
    IPV6 = 6

    @property
    def group(self) -> IPAddress:
        """Where adverts go (RFC 9568 §5.1.1.2, §5.1.2.2)."""
        return _GROUPS[self]

    @property
    def address_bytes(self) -> int:
        return _ADDRESS_BYTES[self]


_GROUPS: dict[Family, IPAddress] = {
    Family.IPV4: IPv4Address("224.0.0.18"),
    Family.IPV6: IPv6Address("ff02::12"),
}
_ADDRESS_BYTES = {Family.IPV4: 4, Family.IPV6: 16}


def in_sent_order(addresses: Iterable[IPAddress]) -> tuple[IPAddress, ...]:
    """A link-local address goes to the front of an IPv6 list (RFC 9568 §5.2.9), the rest keeps its order."""
    return tuple(sorted(addresses, key=lambda address: address.version == 6 and not address.is_link_local))


class Version(IntEnum):
    """Of the protocol."""

    V2 = 2
    """RFC 3768: IPv4 only, intervals in whole seconds which must be the same everywhere."""
    V3 = 3
    """RFC 9568."""


class ChecksumForm(StrEnum):
    """What an advert's checksum covers. IPv6 knows only PSEUDO_HEADER, version 2 only MESSAGE_ONLY."""

    PSEUDO_HEADER = "PseudoHeader"
    MESSAGE_ONLY = "MessageOnly"


class Remark(StrEnum):
    """What was odd about a packet. Nothing is decided by it: it is for a log, once, and for a counter."""

    OTHER_INTERVAL = "OtherInterval"
    """Version 3: an interval that is not ours. It is learned all the same (RFC 9568 §7.1)."""
    OTHER_ADDRESSES = "OtherAddresses"
    """An address list that is not ours, or is in another order (RFC 9568 §5.2.9). keepalived before 2.3.3 drops ours
    then, and both are Active."""
    OTHER_CHECKSUM = "OtherChecksum"
    """IPv4, version 3: a right checksum in the form that we do not send. Most others take one form only, their own."""
    NOT_LINK_LOCAL_FIRST = "NotLinkLocalFirst"
    """The first IPv6 address should be link-local (erratum 8300); FRR and holo send a global one."""
    FOREIGN_OWNER = "ForeignOwner"
    """Priority 255 from somebody else: the true owner of the address, or an attempt to take it."""
    EQUAL_PRIORITY = "EqualPriority"
    """The priority that we have: the higher source address decides (RFC 9568 §8.3.2)."""
    TWO_SENDERS = "TwoSenders"
    """Two others send adverts of one priority at the same time: they do not hear each other."""
    STILL_ACTIVE = "StillActive"
    """Somebody said priority 0, and the Active goes on all the same: the word may have been forged."""
    REFLECTED = "Reflected"
    """From our own address and for our own VRID: a loop in the segment, or our address is somebody else's, too."""


NO_REMARKS: frozenset[Remark] = frozenset()


@dataclass(frozen=True, slots=True)
class Advert:
    """A good ADVERTISEMENT."""

    source: IPAddress
    """Without a scope id."""
    vrid: int
    priority: int
    """0: the Active leaves. 255: the address owner."""
    interval_cs: int
    """Max Advertise Interval, 1..4095; version 2: its seconds, as centiseconds."""
    addresses: tuple[IPAddress, ...]
    checksum_form: ChecksumForm = ChecksumForm.PSEUDO_HEADER
    version: Version = Version.V3
    key_id: int | None = None
    """The key of the HMAC trailer that was verified; None: it had no trailer."""
    remarks: frozenset[Remark] = field(default=NO_REMARKS, compare=False)
    """What a router remarks on it; it says the same without them."""
