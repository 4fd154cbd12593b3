"""rtnetlink as bytes: the requests that the engine sends, the messages that it reads. Pure: no socket here.

Only what the engine needs: dumps and notifications of links and addresses, addresses put on and taken off. Layouts:
linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h. Everything is in the byte order of the machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.netlink_frames import HEADER, attribute, attributes, message, messages

IPAddress = IPv4Address | IPv6Address

AF_INET, AF_INET6 = 2, 10

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_DUMP = 0x1, 0x2, 0x300
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100

IFLA_ADDRESS, IFLA_IFNAME, IFLA_IFALIAS = 1, 3, 20
IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 0x1, 0x8, 0x40

IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 6, 8, 11
IFA_F_SECONDARY, IFA_F_NODAD, IFA_F_OPTIMISTIC, IFA_F_DADFAILED = 0x01, 0x02, 0x04, 0x08
IFA_F_DEPRECATED, IFA_F_TENTATIVE, IFA_F_PERMANENT, IFA_F_NOPREFIXROUTE = 0x20, 0x40, 0x80, 0x200

OUR_PROTO = 0x76
"""IFA_PROTO of every address of ours ("v"): evidence for people and for the sweep. Kernels before 5.18 forget it."""

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_CACHEINFO = struct.Struct("=IIII")
_ERRNO = struct.Struct("=i")


@dataclass(frozen=True, slots=True)
class LinkMessage:
    """An interface is there (or `gone`)."""

    index: int
    name: str
    flags: int
    mac: bytes
    gone: bool
    alias: str = ""


@dataclass(frozen=True, slots=True)
class AddressMessage:
    """An address is on an interface (or `gone`)."""

    index: int
    address: IPAddress
    prefix_length: int
    flags: int
    scope: int
    proto: int
    gone: bool


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The kernel refuses a request (`errno` > 0), and repeats it."""

    errno: int
    request_type: int
    address: IPAddress | None


@dataclass(frozen=True, slots=True)
class DumpDone:
    sequence: int


Message = LinkMessage | AddressMessage | ErrorMessage | DumpDone


def dump_request(message_type: int, sequence: int) -> bytes:
    """RTM_GETLINK or RTM_GETADDR, all families."""
    body = _LINK.pack(0, 0, 0, 0, 0) if message_type == RTM_GETLINK else _ADDRESS.pack(0, 0, 0, 0, 0)
    return message(message_type, NLM_F_REQUEST | NLM_F_DUMP, body, sequence)


def add_address(
    index: int, address: IPAddress, valid_s: int, sequence: int = 0, *, prefix_length: int | None = None
) -> bytes:
    """Put a virtual IP address on an interface, or give the one that is there a new lease of `valid_s` seconds.

    No acknowledgement is asked for: the kernel answers failures only, so a batch costs one system call.
    `prefix_length` None: the full one. Only a shorter one makes the kernel add a route to the subnet.
    preferred_lft is 0 for IPv6: never a source of new connections. For IPv4 that would mean nothing but a word in
    `ip addr`, so it is the valid one.
    """
    ipv6 = address.version == 6
    full = prefix_length is None or prefix_length == address.max_prefixlen
    flags = (IFA_F_NOPREFIXROUTE if full else 0) | (IFA_F_NODAD if ipv6 else 0)
    members = (
        attribute(IFA_LOCAL, address.packed)
        + attribute(IFA_ADDRESS, address.packed)
        + attribute(IFA_FLAGS, struct.pack("=I", flags))
        + attribute(IFA_CACHEINFO, _CACHEINFO.pack(0 if ipv6 else valid_s, valid_s, 0, 0))
        + attribute(IFA_PROTO, bytes((OUR_PROTO,)))
    )
    flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE
    return message(RTM_NEWADDR, flags, _address_body(index, address, prefix_length) + members, sequence)


def delete_address(index: int, address: IPAddress, sequence: int = 0, *, prefix_length: int | None = None) -> bytes:
    """The prefix length must be the one that it was put on with."""
    members = attribute(IFA_LOCAL, address.packed) + attribute(IFA_ADDRESS, address.packed)
    return message(RTM_DELADDR, NLM_F_REQUEST, _address_body(index, address, prefix_length) + members, sequence)


def set_link(index: int, *, up: bool) -> bytes:
    """Set an interface up or down, administratively."""
    return message(RTM_NEWLINK, NLM_F_REQUEST, _LINK.pack(0, 0, index, IFF_UP if up else 0, IFF_UP), 0)


def parse(data: bytes) -> Iterator[Message]:
    """The messages of one datagram; of those that the engine does not know, none."""
    for message_type, sequence, body in messages(data):
        found = _parse_one(message_type, sequence, body)
        if found is not None:
            yield found


def _parse_one(message_type: int, sequence: int, body: bytes) -> Message | None:
    match message_type:
        case 16 | 17:  # RTM_NEWLINK, RTM_DELLINK
            return _parse_link(body, message_type == RTM_DELLINK)
        case 20 | 21:  # RTM_NEWADDR, RTM_DELADDR
            return _parse_address(body, message_type == RTM_DELADDR)
        case 2:  # NLMSG_ERROR
            return _parse_error(body)
        case 3:  # NLMSG_DONE
            return DumpDone(sequence)
        case _:
            return None


def _parse_error(body: bytes) -> ErrorMessage | None:
    errno = -_ERRNO.unpack_from(body)[0]
    if errno == 0:
        return None
    request_type = HEADER.unpack_from(body, _ERRNO.size)[1]
    request = None
    if request_type in (RTM_NEWADDR, RTM_DELADDR):
        request = _parse_address(body[_ERRNO.size + HEADER.size :], gone=False)
    return ErrorMessage(errno, request_type, request.address if request else None)


def _parse_link(body: bytes, gone: bool) -> LinkMessage | None:
    family, _kind, index, flags, _change = _LINK.unpack_from(body)
    if family != 0:  # AF_BRIDGE tells of ports in the same words
        return None
    members = attributes(body, _LINK.size)
    name = members.get(IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
    alias = members.get(IFLA_IFALIAS, b"").rstrip(b"\0").decode(errors="replace")
    return LinkMessage(index, name, flags, members.get(IFLA_ADDRESS, b""), gone, alias)


def _parse_address(body: bytes, gone: bool) -> AddressMessage | None:
    family, prefix_length, flags, scope, index = _ADDRESS.unpack_from(body)
    members = attributes(body, _ADDRESS.size)
    packed = members.get(IFA_LOCAL) or members.get(IFA_ADDRESS)  # of a point-to-point link, LOCAL is ours
    address: IPAddress
    if family == AF_INET and packed is not None and len(packed) == 4:
        address = IPv4Address(packed)
    elif family == AF_INET6 and packed is not None and len(packed) == 16:
        address = IPv6Address(packed)
    else:
        return None
    if IFA_FLAGS in members:
        flags = struct.unpack("=I", members[IFA_FLAGS])[0]
    proto = members.get(IFA_PROTO, b"\0")[0]
    return AddressMessage(index, address, prefix_length, flags, scope, proto, gone)


def _address_body(index: int, address: IPAddress, prefix_length: int | None) -> bytes:
    family = AF_INET if address.version == 4 else AF_INET6
    length = address.max_prefixlen if prefix_length is None else prefix_length
    return _ADDRESS.pack(family, length, 0, 0, index)
