"""Adverts with the virtual router's MAC address, and the macvlan that makes them so (RFC 9568 §7.2, §7.3).

`prepare` makes the macvlan, on the interface of the adverts. It is down while another node is Active: then it has no
traffic, the interface below it takes no frames for its MAC address, and no switch learns that from here. Setting it up
takes the kernel some 50 microseconds and is done with the first advert of a takeover. Setting it down takes up to 20
milliseconds, so the guard does it.

Adverts leave by the macvlan, but from the address of the interface below, which no other router has. They do so by raw
sockets of protocol 112, like all adverts, so that a firewall counts (as leaving by the macvlan). These sockets receive
nothing: the group is joined, and heard, on the interface below (`wire.py`).

Tests: tests/netns/test_virtual_mac.py, test_virtual_mac_machine.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from vipkeeper.engine.interfaces import Interfaces, Link
from vipkeeper.engine.log import log, warn
from vipkeeper.engine.netlink import Netlink
from vipkeeper.engine.netlink_codec import IFF_UP, IPAddress, set_link
from vipkeeper.vrrp.packet import PROTOCOL, TTL, Family

_IP_PKTINFO, _IP_FREEBIND, _IPV6_FREEBIND, _IPV6_MULTICAST_ALL = 8, 15, 78, 29
_TRAFFIC_CLASS = 0xC0
_SKB_PRIORITY = 6


class VirtualMACs:
    """What the routers of one engine share. `lower` has the guard set an interface down."""

    def __init__(self, netlink: Netlink, lower: Callable[[int], None]) -> None:
        self._netlink = netlink
        self._lower = lower
        self._sockets: dict[Family, socket.socket] = {}
        self._raised: set[int] = set()
        self._send_error = ""

    def raise_link(self, index: int) -> None:
        self._raised.add(index)
        self._netlink.order([set_link(index, up=True)])

    def lower_link(self, index: int) -> None:
        self._raised.discard(index)
        self._lower(index)

    def lower_all(self) -> None:
        """Here and now: we are about to end."""
        self._netlink.order([set_link(index, up=False) for index in self._raised])
        self._raised.clear()

    def send(self, index: int, source: IPAddress, message: bytes) -> None:
        """To the group, by that macvlan. A failure is logged once, until it has another cause or is gone."""
        family = Family(source.version)
        packet_info: tuple[int, int, bytes]
        group: tuple[str, int] | tuple[str, int, int, int]
        if isinstance(source, IPv4Address):
            packet_info = (socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4s", index, source.packed, bytes(4)))
            group = (str(family.group), 0)
        else:
            packet_info = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", source.packed, index))
            group = (str(family.group), 0, 0, index)
        try:
            if family not in self._sockets:
                self._sockets[family] = _open(family)
            self._sockets[family].sendmsg([message], [packet_info], 0, group)
        except OSError as error:
            if error.strerror != self._send_error:
                warn("adverts with a virtual MAC are not sent", interface_index=index, error=error.strerror)
            self._send_error = error.strerror or ""
            return
        if self._send_error:
            log("adverts with a virtual MAC are sent again", interface_index=index)
            self._send_error = ""


class Seat:
    """Where the addresses of one router live: on the interface of its adverts, or on its macvlan there."""

    def __init__(self, macs: VirtualMACs) -> None:
        self._macs = macs
        self.link: Link | None = None
        self.virtual = False
        """Whether `link` is a macvlan."""
        self._up = False

    def find(self, interfaces: Interfaces, below: Link | None, macvlan: str | None) -> Link | None:
        """Where it should be now. `macvlan`: None where there is no virtual MAC, "" where there is none yet."""
        if below is None or macvlan is None:
            return below
        return interfaces.named(macvlan) if macvlan else None

    def take(self, link: Link | None, *, virtual: bool, ours: bool) -> None:
        """`ours`: nobody else of this node sets it up and down."""
        if not ours or link is None or self.link is None or link.index != self.link.index:
            self._up = link is not None and bool(link.flags & IFF_UP)
        self.link, self.virtual = link, virtual

    @property
    def was_lowered(self) -> bool:
        """Whether somebody else has set our macvlan down."""
        return self.virtual and self.link is not None and self._up and not self.link.flags & IFF_UP

    @property
    def was_raised(self) -> bool:
        """Whether somebody else has set it up."""
        return self.virtual and self.link is not None and not self._up and bool(self.link.flags & IFF_UP)

    def send(self, source: IPAddress, message: bytes) -> bool:
        """With the virtual MAC. False: there is none."""
        if not self.virtual or self.link is None:
            return False
        if not self._up:
            self.raise_link()
        self._macs.send(self.link.index, source, message)
        return True

    def raise_link(self) -> None:
        if self.virtual and self.link is not None:
            self._up = True
            self._macs.raise_link(self.link.index)

    def lower_link(self) -> None:
        """Another node is Active, or nobody."""
        if self.virtual and self.link is not None and (self._up or self.was_raised):
            self._up = False
            self._macs.lower_link(self.link.index)


def virtual_mac(vrid: int, family: Family) -> bytes:
    """RFC 9568 §7.3."""
    return bytes((0x00, 0x00, 0x5E, 0x00, 0x01 if family is Family.IPV4 else 0x02, vrid))


def _open(family: Family) -> socket.socket:
    """For sending only: bound to an address that no advert is sent to."""
    ipv4 = family is Family.IPV4
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    opened = socket.socket(socket.AF_INET if ipv4 else socket.AF_INET6, kind, PROTOCOL)
    try:
        if ipv4:
            opened.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            opened.bind(("127.0.0.1", 0))
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        else:
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)  # else the source had to be on the macvlan
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            opened.bind(("::1", 0))
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, TTL)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _SKB_PRIORITY)
    except BaseException:
        opened.close()
        raise
    return opened
