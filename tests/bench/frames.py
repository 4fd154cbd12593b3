"""From bytes to records: adverts and gratuitous ARP on the bridge, echo replies, rtnetlink's words on addresses."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

_IPV4, _ARP = 0x0800, 0x0806
_ICMP, _VRRP = 1, 112
_NEWADDR, _DELADDR = 20, 21
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


@dataclass(frozen=True, slots=True)
class Advert:
    at_ns: int
    mac: str
    vrid: int
    priority: int


@dataclass(frozen=True, slots=True)
class GratuitousArp:
    at_ns: int
    mac: str
    address: str


@dataclass(frozen=True, slots=True)
class EchoReply:
    at_ns: int
    address: str


@dataclass(frozen=True, slots=True)
class AddressChange:
    at_ns: int
    host: str
    address: str
    added: bool


def parse_frame(frame: bytes, at_ns: int) -> Advert | GratuitousArp | EchoReply | None:
    """An Ethernet frame; None: nothing of ours."""
    if len(frame) < 34:
        return None
    mac, ether_type = frame[6:12].hex(":"), int.from_bytes(frame[12:14])
    if ether_type == _ARP:
        sender, target = frame[28:32], frame[38:42]
        return GratuitousArp(at_ns, mac, str(ip_address(sender))) if sender == target else None
    if ether_type != _IPV4:
        return None
    message = frame[14 + (frame[14] & 15) * 4 :]
    if frame[23] == _VRRP and len(message) >= 8:
        return Advert(at_ns, mac, message[1], message[2])
    if frame[23] == _ICMP and message[:1] == b"\0":
        return EchoReply(at_ns, str(ip_address(frame[26:30])))
    return None


def parse_address_changes(data: bytes, at_ns: int, host: str) -> Iterator[AddressChange]:
    """Messages of the group RTNLGRP_IPV4_IFADDR. A renewed lifetime is one more `added`."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if kind in (_NEWADDR, _DELADDR):
            attributes = dict(_attributes(data[offset + 24 : offset + length]))
            address = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b"")
            yield AddressChange(at_ns, host, str(ip_address(address)), kind == _NEWADDR)
        offset += max(16, (length + 3) & ~3)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:length]
        data = data[max(4, (length + 3) & ~3) :]
