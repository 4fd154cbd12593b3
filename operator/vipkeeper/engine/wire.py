"""VRRP on the wire: raw sockets of protocol 112 for each interface and family, shared by its virtual routers.

Raw sockets, not AF_PACKET: a host's firewall shall count. Adverts leave with TTL 255, traffic class 0xC0 and from the
address we choose, which is never a virtual one; they do not loop back. Packet filters in the kernel let in the VRIDs
that live here (`packet_filter.py`); what they cannot know `vrrp/packet.py` checks.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.receiver import Receive, Receiver, Refuse
from vipkeeper.vrrp.packet import Family

_IP_PKTINFO = 8


class Port(Receiver):
    """The receiver that also sends."""

    def __init__(self, interface: str, index: int, family: Family, on_advert: Receive, on_refusal: Refuse) -> None:
        super().__init__(interface, index, family, on_advert, on_refusal)
        self._source: IPAddress | None = None
        self._unicast: frozenset[IPAddress] = frozenset()
        self._ancillary: list[tuple[int, int, bytes]] = []
        self._send_errors: dict[str, str] = {}
        self._group = (str(family.group), 0) if family is Family.IPV4 else (str(family.group), 0, 0, index)

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
        self.set_own(self._unicast if self._source is None else self._unicast | {self._source})

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
