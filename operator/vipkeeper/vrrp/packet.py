"""The VRRP message (RFC 9568 §5; version 2: RFC 3768 §5) and the receive checks (§7.1), as pure functions on bytes.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |Reserve| Max Advertise Interval|          Checksum             |   version 3: 12 bits of centiseconds
    |   Auth Type   |   Adver Int   |          Checksum             |   version 2: 8 bits of seconds
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                       IPvX Address(es)                        |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                 Authentication Data, 8 bytes                  |   version 2, always
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                     HMAC trailer, 28 bytes                    |   either version, where keys are configured

Law: `decode` never raises, whatever the bytes. What is not a good advert becomes a `Dropped` with a name, and nothing
is learned from it.

Checksum of version 3 and IPv4: RFC 9568 §5.2.8 takes the message alone; keepalived and FRR (reading RFC 5798 so) put
the IPv4 pseudo-header before it, send that and demand that. Both are accepted here; the pseudo-header form is sent by
default. IPv6 always has its pseudo-header, version 2 never.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, IPAddress, Version, in_sent_order
from vipkeeper.vrrp.authentication import (
    AUTHENTICATION_BYTES,
    SimpleText,
    authentication_of,
    refuse_authentication,
)
from vipkeeper.vrrp.checksum import PROTOCOL, is_right, pseudo_header, with_checksum
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.expected import TRAILER_BYTES, Expected
from vipkeeper.vrrp.ipv4_header import IPv4Datagram, parse_ipv4
from vipkeeper.vrrp.transport import TTL, refuse_source

__all__ = [  # who speaks to the wire imports from here
    "ADVERTISEMENT",
    "PROTOCOL",
    "TTL",
    "Advert",
    "ChecksumForm",
    "DropReason",
    "Dropped",
    "Family",
    "IPAddress",
    "IPv4Datagram",
    "Version",
    "decode",
    "decode_ipv4",
    "encode",
    "parse_ipv4",
]

ADVERTISEMENT = 1
"""The only message type there is (RFC 9568 §5.2.2)."""

_FIXED_PART = struct.Struct("!BBBBHH")
_INTERVAL_MASK = 0x0FFF  # the reserved nibble above it is ignored on receipt (§5.2.6)
_CS_PER_S = 100
_USUAL = Expected()
_ALL_USUAL: Mapping[int, Expected] = {}


# ---- what is received


def decode(
    message: bytes,
    *,
    family: Family,
    source: IPAddress,
    destination: IPAddress,
    ttl: int | None,
    vrids: Container[int],
    own_addresses: Container[IPAddress] = (),
    expected: Mapping[int, Expected] = _ALL_USUAL,
    wall_ns: int = 0,
) -> Advert | Dropped:
    """Check and read one VRRP message (RFC 9568 §7.1), the payload of an IP datagram.

    `ttl` is the Hop Limit for IPv6; None (the control message is missing) counts as wrong. `vrids` are those
    configured on the receiving interface and family, `expected` has those of them that expect something unusual;
    `own_addresses` are the addresses that we send from. Addresses carry no scope id. `wall_ns`, the calendar clock,
    is for HMAC trailers only (without it they are all stale). What is checked first is what a flood of junk fails
    soonest.
    """
    terms = expected.get(message[1], _USUAL) if expected and len(message) > 1 else _USUAL
    refusal = (
        terms.transport.refuse_delivery(family, destination, ttl, own_addresses)
        or _refuse_head(message, vrids, terms.version)
        or refuse_source(terms.transport, family, source, own_addresses)
    )
    return refusal or _read(message, family, source, destination, terms, wall_ns)


def decode_ipv4(
    packet: bytes,
    *,
    vrids: Container[int],
    own_addresses: Container[IPAddress] = (),
    expected: Mapping[int, Expected] = _ALL_USUAL,
    wall_ns: int = 0,
) -> Advert | Dropped:
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
        expected=expected,
        wall_ns=wall_ns,
    )


def _refuse_head(message: bytes, vrids: Container[int], version: Version) -> Dropped | None:
    """For what the first bytes say: is it of our version, an advert, for us?"""
    if len(message) < _FIXED_PART.size:
        return Dropped(DropReason.WRONG_LENGTH, f"{len(message)} bytes")
    if message[0] >> 4 != version:
        return Dropped(DropReason.WRONG_VERSION, f"version {message[0] >> 4}")
    if message[0] & 0x0F != ADVERTISEMENT:
        return Dropped(DropReason.WRONG_TYPE, f"type {message[0] & 0x0F}")
    if message[1] not in vrids:
        return Dropped(DropReason.UNKNOWN_VRID, f"VRID {message[1]}")
    return None


def _read(
    message: bytes, family: Family, source: IPAddress, destination: IPAddress, terms: Expected, wall_ns: int
) -> Advert | Dropped:
    """Everything behind the first bytes."""
    _, vrid, priority, count, field, _ = _FIXED_PART.unpack_from(message)
    if count == 0:
        return Dropped(DropReason.NO_ADDRESSES)
    version = terms.version
    end = _FIXED_PART.size + count * family.address_bytes
    length = end + AUTHENTICATION_BYTES if version is Version.V2 else end
    refusal = _refuse_length(message, count, length, terms)
    if refusal is not None:
        return refusal
    form = _matching_checksum(message, length, source, destination, version)
    if form is None:
        return Dropped(DropReason.WRONG_CHECKSUM)
    interval_cs = (field & 0xFF) * _CS_PER_S if version is Version.V2 else field & _INTERVAL_MASK
    addresses = _addresses(message[_FIXED_PART.size : end], family)
    if version is Version.V2:
        refusal = refuse_authentication(field >> 8, message[end:length], terms.password)
    if interval_cs == 0:
        refusal = refusal or Dropped(DropReason.ZERO_INTERVAL)
    refusal = refusal or terms.refuse_interval(interval_cs)
    if refusal is not None:
        return refusal
    key_id = _verify_trailer(message, length, source, terms, wall_ns)
    if isinstance(key_id, Dropped):
        return key_id
    remarks = terms.remarks_on(priority, interval_cs, addresses, form)
    return Advert(source, vrid, priority, interval_cs, addresses, form, version, key_id, remarks)


def _refuse_length(message: bytes, count: int, length: int, terms: Expected) -> Dropped | None:
    """It must be `length`, or that and a trailer where one is understood."""
    surplus = len(message) - length
    authenticator = terms.authenticator
    if surplus == 0:
        missing = authenticator is not None and authenticator.demands_trailer
        return Dropped(DropReason.NO_TRAILER) if missing else None
    if surplus == TRAILER_BYTES and authenticator is not None:
        return None
    return Dropped(DropReason.WRONG_LENGTH, _describe_length(message, count, surplus))


def _verify_trailer(
    message: bytes, length: int, source: IPAddress, terms: Expected, wall_ns: int
) -> int | Dropped | None:
    """The key's id, None without a trailer. The last check, for it is the dearest, and moves the sender's mark."""
    if terms.authenticator is None or len(message) == length:
        return None
    return terms.authenticator.verify(message[:length], message[length:], source, wall_ns)


def _describe_length(message: bytes, count: int, surplus: int) -> str:
    """Name what usually makes an advert too long."""
    text = f"{len(message)} bytes for {count} addresses"
    if surplus == AUTHENTICATION_BYTES:
        return text + " (authentication data of version 2?)"
    return text + " (HMAC trailer?)" if surplus == TRAILER_BYTES else text


def _matching_checksum(
    message: bytes, length: int, source: IPAddress, destination: IPAddress, version: Version
) -> ChecksumForm | None:
    """The form under which the checksum verifies. It covers an HMAC trailer, what is behind `length`, in IPv6 only."""
    if isinstance(source, IPv6Address):
        covered = pseudo_header(source, destination, len(message)) + message
        return ChecksumForm.PSEUDO_HEADER if is_right(covered) else None
    covered = message[:length]
    if version is Version.V3 and is_right(pseudo_header(source, destination, length) + covered):
        return ChecksumForm.PSEUDO_HEADER
    return ChecksumForm.MESSAGE_ONLY if is_right(covered) else None


def _addresses(packed: bytes, family: Family) -> tuple[IPAddress, ...]:
    size = family.address_bytes
    kind = IPv4Address if family is Family.IPV4 else IPv6Address
    return tuple(kind(packed[at : at + size]) for at in range(0, len(packed), size))


# ---- what is sent


def encode(
    *,
    vrid: int,
    priority: int,
    interval_cs: int,
    addresses: Iterable[IPAddress],
    source: IPAddress,
    destination: IPAddress | None = None,
    checksum_form: ChecksumForm = ChecksumForm.PSEUDO_HEADER,
    version: Version = Version.V3,
    password: SimpleText | None = None,
) -> bytes:
    """One VRRP message from `source`, without IP header. `destination`, None for the group, is in its checksum.

    The same arguments give the same bytes; the shell makes them at configuration time and sends them as they are (or
    has them signed: `trailer.py`). A link-local address goes to the front of an IPv6 list (RFC 9568 §5.2.9), the rest
    keeps its order. `password` is for version 2.
    """
    ordered = in_sent_order(addresses)
    packed = b"".join(address.packed for address in ordered)
    field = interval_cs & _INTERVAL_MASK
    if version is Version.V2:
        auth_type, data = authentication_of(password)
        field = auth_type << 8 | interval_cs // _CS_PER_S
        packed += data
    message = _FIXED_PART.pack(version << 4 | ADVERTISEMENT, vrid, priority, len(ordered), field, 0) + packed
    message_only = checksum_form is ChecksumForm.MESSAGE_ONLY and isinstance(source, IPv4Address)
    if message_only or version is Version.V2:
        return with_checksum(message)
    to = Family(source.version).group if destination is None else destination
    return with_checksum(message, pseudo_header(source, to, len(message)))
