"""The VRRP version 3 message (RFC 9568 §5) and the receive checks (§7.1), as pure functions on bytes.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |Reserve| Max Advertise Interval|          Checksum             |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                       IPvX Address(es)                        |

Law: `decode` never raises, whatever the bytes. What is not a good advert becomes a `Dropped` with a name, and nothing
is learned from it.

Checksum of IPv4: RFC 9568 §5.2.8 takes the message alone; keepalived and FRR (reading RFC 5798 so) put the IPv4
pseudo-header before it, send that and demand that. Both are accepted here; the pseudo-header form is sent by default.
IPv6 always has its pseudo-header.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address

PROTOCOL = 112
"""IP protocol number of VRRP (RFC 9568 §5.1.1.4)."""
TTL = 255
"""TTL or Hop Limit of every advert (RFC 9568 §5.1.1.3): less was forwarded by somebody."""
VERSION = 3
ADVERTISEMENT = 1
"""The only message type there is (RFC 9568 §5.2.2)."""


class Family(IntEnum):
    """Address family of an election, as the number of its IP version."""

    IPV4 = 4
    IPV6 = 6

    @property
    def group(self) -> IPAddress:
        """Where adverts go (RFC 9568 §5.1.1.2, §5.1.2.2)."""
        return _GROUPS[self]


_GROUPS: dict[Family, IPAddress] = {
    Family.IPV4: IPv4Address("224.0.0.18"),
    Family.IPV6: IPv6Address("ff02::12"),
}


class ChecksumForm(StrEnum):
    """What an advert's checksum covers. IPv6 knows only PSEUDO_HEADER."""

    PSEUDO_HEADER = "PseudoHeader"
    MESSAGE_ONLY = "MessageOnly"


class DropReason(StrEnum):
    """Why a packet was not taken for an advert. Counted by this name, per source."""

    BAD_HEADER = "BadHeader"
    """The IPv4 header is cut off, or says lengths that cannot be."""
    FRAGMENT = "Fragment"
    """A piece of a datagram."""
    WRONG_PROTOCOL = "WrongProtocol"
    """Not protocol 112."""
    WRONG_TTL = "WrongTTL"
    """TTL or Hop Limit is not 255, or nobody told it."""
    WRONG_DESTINATION = "WrongDestination"
    """Not the VRRP group."""
    WRONG_SOURCE = "WrongSource"
    """No address a router can send from: unspecified, broadcast, multicast, loopback; IPv6: not link-local."""
    OWN_SOURCE = "OwnSource"
    """Our own address: the segment sends our packets back, or somebody else uses it."""
    WRONG_LENGTH = "WrongLength"
    """Shorter or longer than the fixed part and `count` addresses."""
    WRONG_VERSION = "WrongVersion"
    """Not version 3."""
    WRONG_TYPE = "WrongType"
    """Not an ADVERTISEMENT."""
    UNKNOWN_VRID = "UnknownVRID"
    """No virtual router of that VRID is configured on the receiving interface."""
    NO_ADDRESSES = "NoAddresses"
    """Address count 0 (erratum 8299)."""
    WRONG_CHECKSUM = "WrongChecksum"
    ZERO_INTERVAL = "ZeroInterval"
    """Max Advertise Interval 0 (erratum 8301): to learn it would be a storm of takeovers."""


@dataclass(frozen=True, slots=True)
class Advert:
    """A good ADVERTISEMENT."""

    source: IPAddress
    """Without a scope id."""
    vrid: int
    priority: int
    """0: the Active leaves. 255: the address owner."""
    interval_cs: int
    """Max Advertise Interval, 1..4095."""
    addresses: tuple[IPAddress, ...]
    checksum_form: ChecksumForm = ChecksumForm.PSEUDO_HEADER


@dataclass(frozen=True, slots=True)
class Dropped:
    """A refusal as a value."""

    reason: DropReason
    detail: str = ""
    """For one line of a log."""


@dataclass(frozen=True, slots=True)
class IPv4Datagram:
    """What an IPv4 raw socket delivers, taken apart."""

    source: IPv4Address
    destination: IPv4Address
    ttl: int
    payload: bytes


def parse_ipv4(packet: bytes) -> IPv4Datagram | Dropped:
    """Take the IPv4 header off (raw sockets of IPv4 deliver it). Its own checksum is the kernel's business."""
    raise NotImplementedError


def decode(
    message: bytes,
    *,
    family: Family,
    source: IPAddress,
    destination: IPAddress,
    ttl: int | None,
    vrids: Container[int],
    own_addresses: Container[IPAddress] = (),
) -> Advert | Dropped:
    """Check and read one VRRP message (RFC 9568 §7.1), the payload of an IP datagram.

    `ttl` is the Hop Limit for IPv6; None (the control message is missing) counts as wrong. `vrids` are those
    configured on the receiving interface and family; `own_addresses` the addresses that we send from. Addresses
    carry no scope id.
    """
    raise NotImplementedError


def decode_ipv4(packet: bytes, *, vrids: Container[int], own_addresses: Container[IPAddress] = ()) -> Advert | Dropped:
    """`parse_ipv4`, then `decode`: all of what an IPv4 raw socket hands over."""
    datagram = parse_ipv4(packet)
    if isinstance(datagram, Dropped):
        return datagram
    return decode(
        datagram.payload,
        family=Family.IPV4,
        source=datagram.source,
        destination=datagram.destination,
        ttl=datagram.ttl,
        vrids=vrids,
        own_addresses=own_addresses,
    )


def encode(
    *,
    vrid: int,
    priority: int,
    interval_cs: int,
    addresses: Iterable[IPAddress],
    source: IPAddress,
    checksum_form: ChecksumForm = ChecksumForm.PSEUDO_HEADER,
) -> bytes:
    """One VRRP message from `source` to the group of its family, without IP header.

    The same addresses give the same bytes; the shell makes them at configuration time and sends them as they are.
    """
    raise NotImplementedError
