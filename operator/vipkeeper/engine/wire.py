"""VRRP on the wire: one raw socket of protocol 112 for each interface and family, shared by its virtual routers.

Raw sockets, not AF_PACKET: a host's firewall shall count. Adverts leave with TTL 255, traffic class 0xC0 and from the
address we choose, which is never a virtual one; they do not loop back. A packet filter in the kernel lets in the VRIDs
that live here, each in its version, so strangers cost no Python; what the filter cannot know `vrrp/packet.py` checks.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import (
    ADVERTISEMENT,
    PROTOCOL,
    TTL,
    Advert,
    Dropped,
    DropReason,
    Family,
    Version,
    decode,
    decode_ipv4,
)

_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_IP_PKTINFO = 8
_RECEIVE_BUFFER_BYTES = 2 << 20
_TRAFFIC_CLASS = 0xC0
_SKB_PRIORITY = 6  # TC_PRIO_INTERACTIVE: 7 is the kernel's own
_PACKET_BYTES = 60 + 8 + 255 * 16 + 28
_MAX_KNOWN = 1024
READS_PER_WAKEUP = 64
"""So that timers and other descriptors get their turn under a flood."""
READS_PER_DRAIN = 4096
"""Before a timeout is believed: more than the receive buffer holds of small adverts in any quiet network."""

Receive = Callable[[Advert, int], None]
Refuse = Callable[[Dropped, str, int | None], None]
"""What was refused, from where, and for which VRID when that can be told."""


def vrid_filter(family: Family, versions: Mapping[int, Version]) -> list[tuple[int, int, int, int]]:
    """Classic BPF: type 1 and one of these VRIDs in its version, else nothing. IPv4 raw sockets see the IP header
    first. Version and type are asked once for each version: a conditional jump reaches 255 steps, `ja` any number."""
    ld_b_absolute, ld_b_indexed, ldx_header_length, jeq, ja, ret = 0x30, 0x50, 0xB1, 0x15, 0x05, 0x06
    load = ld_b_indexed if family is Family.IPV4 else ld_b_absolute
    program = [(ldx_header_length, 0, 0, 0)] if family is Family.IPV4 else []
    for version in sorted(set(versions.values())):
        block = [(load, 0, 0, 1)]
        for vrid in sorted(vrid for vrid, its_version in versions.items() if its_version is version):
            block += [(jeq, 0, 1, vrid), (ret, 0, 0, 0x40000)]
        block.append((ret, 0, 0, 0))
        program += [(load, 0, 0, 0), (jeq, 1, 0, version << 4 | ADVERTISEMENT), (ja, 0, 0, len(block)), *block]
    return [*program, (ret, 0, 0, 0)]


class Port:
    """The socket of one interface and family."""

    def __init__(self, interface: str, index: int, family: Family, on_advert: Receive, on_refusal: Refuse) -> None:
        self.interface = interface
        self.index = index
        self.family = family
        self._on_advert = on_advert
        self._on_refusal = on_refusal
        self._expected: Mapping[int, Expected] = {}
        self._source: IPAddress | None = None
        self._unicast: frozenset[IPAddress] = frozenset()
        self._own: frozenset[IPAddress] = frozenset()
        self._ancillary: list[tuple[int, int, bytes]] = []
        self._send_errors: dict[str, str] = {}
        self._known: dict[bytes, Advert] = {}
        self._signed = False
        ipv4 = family is Family.IPV4
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_INET if ipv4 else socket.AF_INET6, kind, PROTOCOL)
        self._group = (str(family.group), 0) if ipv4 else (str(family.group), 0, 0, index)
        try:
            self._set_up()
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def expect(self, expected: Mapping[int, Expected]) -> None:
        """Let in the adverts for these VRIDs, and compare them with what is expected of them."""
        self._expected = expected
        self._signed = any(item.authenticator is not None for item in expected.values())
        self._known.clear()
        self._attach_filter({vrid: item.version for vrid, item in expected.items()})

    def set_source(self, source: IPAddress | None) -> None:
        """Where our multicast adverts come from; packets from there are our own."""
        if source == self._source:
            return
        self._source = source
        self._note_own()
        if isinstance(source, IPv4Address):
            # The source of multicasts, without bind(2), which would refuse all that is not for that address.
            request = struct.pack("=4s4si", bytes(4), source.packed, self.index)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
        elif isinstance(source, IPv6Address):
            packet_info = struct.pack("=16si", source.packed, self.index)
            self._ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packet_info)]

    def set_unicast(self, addresses: frozenset[IPAddress]) -> None:
        """Where unicast adverts come from and go to; packets from there are our own as well."""
        if addresses != self._unicast:
            self._unicast = addresses
            self._note_own()

    def _note_own(self) -> None:
        self._own = self._unicast if self._source is None else self._unicast | {self._source}
        self._known.clear()

    def join(self) -> None:
        """Be in the group; when we are, leave first, so that switches hear of it again (after the link was gone)."""
        ipv4 = self.family is Family.IPV4
        level = socket.IPPROTO_IP if ipv4 else socket.IPPROTO_IPV6
        join, leave = (
            (socket.IP_ADD_MEMBERSHIP, socket.IP_DROP_MEMBERSHIP)
            if ipv4
            else (socket.IPV6_JOIN_GROUP, socket.IPV6_LEAVE_GROUP)
        )
        group = self.family.group.packed
        request = (
            struct.pack("=4s4si", group, bytes(4), self.index) if ipv4 else struct.pack("=16si", group, self.index)
        )
        try:
            self._socket.setsockopt(level, leave, request)
        except OSError:
            pass  # not a member yet
        try:
            self._socket.setsockopt(level, join, request)
        except OSError as error:
            warn("the VRRP group could not be joined", interface=self.interface, error=error.strerror)

    def send(self, message: bytes) -> bool:
        """To the group. A failure is logged once, until it has another cause or is gone."""
        try:
            if self._ancillary:
                self._socket.sendmsg([message], self._ancillary, 0, self._group)
            else:
                self._socket.sendto(message, self._group)
        except OSError as error:
            return self._failed("group", error)
        return self._sent("group") if self._send_errors else True

    def send_to(self, message: bytes, source: IPAddress, destination: IPAddress) -> bool:
        """To one peer on the segment."""
        address: tuple[str, int] | tuple[str, int, int, int]
        if isinstance(source, IPv4Address):
            packet_info = struct.pack("=i4s4s", self.index, source.packed, bytes(4))
            ancillary, address = (socket.IPPROTO_IP, _IP_PKTINFO, packet_info), (str(destination), 0)
        else:
            packet_info = struct.pack("=16si", source.packed, self.index)
            ancillary = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packet_info)
            address = (str(destination), 0, 0, self.index if destination.is_link_local else 0)
        try:
            self._socket.sendmsg([message], [ancillary], 0, address)
        except OSError as error:
            return self._failed(str(destination), error)
        return self._sent(str(destination)) if self._send_errors else True

    def _failed(self, to: str, error: OSError) -> bool:
        cause = error.strerror or ""
        if cause != self._send_errors.get(to):
            warn("adverts are not sent", interface=self.interface, family=self.family.name, to=to, error=cause)
        self._send_errors[to] = cause
        return False

    def _sent(self, to: str) -> bool:
        if self._send_errors.pop(to, None) is not None:
            log("adverts are sent again", interface=self.interface, family=self.family.name, to=to)
        return True

    def read(self, now_ns: int, limit: int = READS_PER_WAKEUP) -> None:
        """What has arrived, at most `limit` packets."""
        read_one = self._read_ipv4 if self.family is Family.IPV4 else self._read_ipv6
        for _ in range(limit):
            try:
                read_one(now_ns)
            except BlockingIOError:
                return
            except OSError as error:  # ENETDOWN, once, when the link goes: interface events tell the rest
                warn("reading adverts failed", interface=self.interface, error=error.strerror)
                return

    def _read_ipv4(self, now_ns: int) -> None:
        packet = self._socket.recv(_PACKET_BYTES)
        all_but_identification = packet[:4] + packet[6:10] + packet[12:]  # and header checksum, which goes with it
        known = self._known.get(all_but_identification)
        if known is not None:
            self._on_advert(known, now_ns)
            return
        result = decode_ipv4(
            packet, vrids=self._expected, own_addresses=self._own, expected=self._expected, wall_ns=self._wall_ns()
        )
        if isinstance(result, Advert):
            self._learn(all_but_identification, result)
            self._on_advert(result, now_ns)
            return
        source = str(IPv4Address(packet[12:16])) if len(packet) >= 20 else ""
        header_length = (packet[0] & 0x0F) * 4 if packet else 0
        self._refuse(result, source, packet[header_length:])

    def _read_ipv6(self, now_ns: int) -> None:
        message, ancillary, _flags, sender = self._socket.recvmsg(_PACKET_BYTES, 128)
        everything = b"".join((message, sender[0].encode(), *(data for _level, _kind, data in ancillary)))
        known = self._known.get(everything)
        if known is not None:
            self._on_advert(known, now_ns)
            return
        hop_limit, destination = None, IPv6Address(0)
        for level, kind, data in ancillary:
            if level != socket.IPPROTO_IPV6:
                continue
            if kind == socket.IPV6_HOPLIMIT:
                hop_limit = int.from_bytes(data[:4], sys.byteorder)
            elif kind == socket.IPV6_PKTINFO:
                destination = IPv6Address(data[:16])
        source = IPv6Address(sender[0].partition("%")[0])
        result = decode(
            message,
            family=Family.IPV6,
            source=source,
            destination=destination,
            ttl=hop_limit,
            vrids=self._expected,
            own_addresses=self._own,
            expected=self._expected,
            wall_ns=self._wall_ns(),
        )
        if isinstance(result, Advert):
            self._learn(everything, result)
            self._on_advert(result, now_ns)
        else:
            self._refuse(result, str(source), message)

    def _wall_ns(self) -> int:
        """The calendar clock, for HMAC trailers and for nothing else."""
        return time.time_ns() if self._signed else 0

    def _learn(self, packet: bytes, advert: Advert) -> None:
        """An Active sends the same bytes again and again: what was checked once need not be checked again. Not so
        where adverts are signed: the same bytes again are a replay."""
        if self._expected[advert.vrid].authenticator is not None:
            return
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[packet] = advert

    def _refuse(self, dropped: Dropped, source: str, message: bytes) -> None:
        vrid = message[1] if len(message) > 1 and dropped.reason is not DropReason.BAD_HEADER else None
        self._on_refusal(dropped, source, vrid)

    def _set_up(self) -> None:
        opened, ipv4 = self._socket, self.family is Family.IPV4
        self._attach_filter({})  # before anything can arrive
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode() + b"\0")
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        if ipv4:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"", b"", self.index))
        else:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, TTL)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.index)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _SKB_PRIORITY)  # IP_TOS has set another

    def _attach_filter(self, versions: Mapping[int, Version]) -> None:
        steps = vrid_filter(self.family, versions)
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        sock_fprog = struct.pack("@HP", len(steps), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, sock_fprog)
