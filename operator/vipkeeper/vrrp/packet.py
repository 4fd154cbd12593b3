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

import struct
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

_FIXED_PART = struct.Struct("!BBBBHH")
_INTERVAL_MASK = 0x0FFF  # the reserved nibble above it is ignored on receipt (§5.2.6)
_IPV4_HEADER = struct.Struct("!BxHxxHBBxx4s4s")
_FRAGMENT_MASK = 0x3FFF  # More Fragments and the offset


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
_ADDRESS_SIZE = {Family.IPV4: 4, Family.IPV6: 16}
_BROADCAST = IPv4Address("255.255.255.255")


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
    if len(packet) < _IPV4_HEADER.size:
        return Dropped(DropReason.BAD_HEADER, f"{len(packet)} bytes")
    version_ihl, total_length, fragment, ttl, protocol, source, destination = _IPV4_HEADER.unpack_from(packet)
    header_length = (version_ihl & 0x0F) * 4  # options are skipped, not read
    if version_ihl >> 4 != Family.IPV4 or header_length < _IPV4_HEADER.size:
        return Dropped(DropReason.BAD_HEADER, f"first byte 0x{version_ihl:02x}")
    if not header_length <= total_length <= len(packet):
        return Dropped(DropReason.BAD_HEADER, f"total length {total_length} of {len(packet)} bytes")
    if fragment & _FRAGMENT_MASK:
        return Dropped(DropReason.FRAGMENT)
    if protocol != PROTOCOL:
        return Dropped(DropReason.WRONG_PROTOCOL, f"protocol {protocol}")
    payload = packet[header_length:total_length]  # what follows is Ethernet padding
    return IPv4Datagram(IPv4Address(source), IPv4Address(destination), ttl, payload)


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
    carry no scope id. What is checked first is what a flood of junk fails soonest.
    """
    if ttl != TTL:
        return Dropped(DropReason.WRONG_TTL, f"{ttl}")
    if destination != family.group:
        return Dropped(DropReason.WRONG_DESTINATION, f"{destination}")
    if len(message) < _FIXED_PART.size:
        return Dropped(DropReason.WRONG_LENGTH, f"{len(message)} bytes")
    version_type, vrid, priority, count, interval, _ = _FIXED_PART.unpack_from(message)
    if version_type >> 4 != VERSION:
        return Dropped(DropReason.WRONG_VERSION, f"version {version_type >> 4}")
    if version_type & 0x0F != ADVERTISEMENT:
        return Dropped(DropReason.WRONG_TYPE, f"type {version_type & 0x0F}")
    if vrid not in vrids:
        return Dropped(DropReason.UNKNOWN_VRID, f"VRID {vrid}")
    if source in own_addresses:
        return Dropped(DropReason.OWN_SOURCE, f"{source}: an address conflict or a loop")
    if not _can_send(source, family):
        return Dropped(DropReason.WRONG_SOURCE, f"{source}")
    if count == 0:
        return Dropped(DropReason.NO_ADDRESSES)
    if len(message) != _FIXED_PART.size + count * _ADDRESS_SIZE[family]:
        return Dropped(DropReason.WRONG_LENGTH, _describe_length(message, count, family))
    checksum_form = _matching_checksum(message, source, destination)
    if checksum_form is None:
        return Dropped(DropReason.WRONG_CHECKSUM)
    interval_cs = interval & _INTERVAL_MASK
    if interval_cs == 0:
        return Dropped(DropReason.ZERO_INTERVAL)
    return Advert(source, vrid, priority, interval_cs, _addresses(message, family), checksum_form)


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

    The same arguments give the same bytes; the shell makes them at configuration time and sends them as they are.
    A link-local address goes to the front of an IPv6 list (RFC 9568 §5.2.9), the rest keeps its order.
    """
    ordered = sorted(addresses, key=_goes_later)
    packed = b"".join(address.packed for address in ordered)
    version_type = VERSION << 4 | ADVERTISEMENT
    fixed_part = _FIXED_PART.pack(version_type, vrid, priority, len(ordered), interval_cs & _INTERVAL_MASK, 0)
    covered = fixed_part + packed
    if checksum_form is ChecksumForm.PSEUDO_HEADER or isinstance(source, IPv6Address):
        covered = _pseudo_header(source, Family(source.version).group, len(covered)) + covered
    checksum = -_ones_complement_sum(covered) % 0xFFFF
    return fixed_part[:6] + checksum.to_bytes(2, "big") + packed


def _goes_later(address: IPAddress) -> bool:
    """For a stable sort: False before True."""
    return isinstance(address, IPv6Address) and not address.is_link_local


def _can_send(source: IPAddress, family: Family) -> bool:
    """Whether a router's adverts can come from here (RFC 9568 §5.1.1.1, §5.1.2.1)."""
    if family is Family.IPV6:
        return source.is_link_local
    return not (source.is_unspecified or source.is_loopback or source.is_multicast or source == _BROADCAST)


def _describe_length(message: bytes, count: int, family: Family) -> str:
    """Name what usually makes an advert too long."""
    surplus = len(message) - _FIXED_PART.size - count * _ADDRESS_SIZE[family]
    text = f"{len(message)} bytes for {count} addresses"
    if surplus == 8:
        return text + " (authentication data of version 2?)"
    return text + " (HMAC trailer?)" if surplus == 28 else text


def _matching_checksum(message: bytes, source: IPAddress, destination: IPAddress) -> ChecksumForm | None:
    """The form under which the checksum verifies."""
    pseudo_header = _pseudo_header(source, destination, len(message))
    if _ones_complement_sum(pseudo_header + message) == 0:
        return ChecksumForm.PSEUDO_HEADER
    if isinstance(source, IPv4Address) and _ones_complement_sum(message) == 0:
        return ChecksumForm.MESSAGE_ONLY
    return None


def _pseudo_header(source: IPAddress, destination: IPAddress, length: int) -> bytes:
    """RFC 793 §3.1 for IPv4, RFC 8200 §8.1 for IPv6."""
    if isinstance(source, IPv4Address):
        return source.packed + destination.packed + struct.pack("!xBH", PROTOCOL, length)
    return source.packed + destination.packed + struct.pack("!I3xB", length, PROTOCOL)


def _ones_complement_sum(data: bytes) -> int:
    """RFC 1071's sum of 16-bit words, as 0..0xFFFE: 2**16 is 1 modulo 0xFFFF, so one division adds all of them up.

    `data` has an even length, as every VRRP message and pseudo-header has.
    """
    return int.from_bytes(data, "big") % 0xFFFF


def _addresses(message: bytes, family: Family) -> tuple[IPAddress, ...]:
    size = _ADDRESS_SIZE[family]
    kind = IPv4Address if family is Family.IPV4 else IPv6Address
    return tuple(kind(message[at : at + size]) for at in range(_FIXED_PART.size, len(message), size))
