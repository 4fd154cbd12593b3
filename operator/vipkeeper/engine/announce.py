"""Telling the segment where an address now lives: gratuitous ARP and unsolicited neighbour advertisements.

Frames are made when a router is configured; a takeover only writes them. Ethernet frames through AF_PACKET, for both
families: a kernel's own neighbour advertisement would wait for the address to be there and know nothing of bursts.

Gratuitous ARP is the request form that keepalived sends (sender = target = the address, target hardware address
ff:ff:ff:ff:ff:ff). Neighbour advertisements: to all nodes, Hop Limit 255, Router and Override set, Solicited not, with
the link-layer address (RFC 9568 §6.4.2, §8.2.2).
"""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import IPv6Address

from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop, Timer
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.vrrp.units import ms_to_ns

REPEATS_MS = (0, 10, 40, 1000, 5000)
"""When announcements go out, counted from the takeover: three at once, against loss; two later, against a switch that
was not yet forwarding."""

_BROADCAST = b"\xff" * 6
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_ALL_NODES = IPv6Address("ff02::1")
_ETHERTYPE_ARP, _ETHERTYPE_IPV6 = 0x0806, 0x86DD
_ICMPV6, _NEIGHBOUR_ADVERTISEMENT, _TARGET_LINK_LAYER_ADDRESS = 58, 136, 2
_ROUTER_AND_OVERRIDE = 0xA0000000


def gratuitous_arp(mac: bytes, address: IPAddress) -> bytes:
    ethernet = _BROADCAST + mac + _ETHERTYPE_ARP.to_bytes(2, "big")
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    return (ethernet + header + mac + address.packed + _BROADCAST + address.packed).ljust(60, b"\0")


def unsolicited_advertisement(mac: bytes, address: IPAddress) -> bytes:
    option = struct.pack("!BB", _TARGET_LINK_LAYER_ADDRESS, 1) + mac
    unsummed = struct.pack("!BBHI", _NEIGHBOUR_ADVERTISEMENT, 0, 0, _ROUTER_AND_OVERRIDE) + address.packed + option
    pseudo_header = address.packed + _ALL_NODES.packed + struct.pack("!I3xB", len(unsummed), _ICMPV6)
    checksum = -int.from_bytes(pseudo_header + unsummed, "big") % 0xFFFF
    message = unsummed[:2] + checksum.to_bytes(2, "big") + unsummed[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + address.packed + _ALL_NODES.packed
    return _ALL_NODES_MAC + mac + _ETHERTYPE_IPV6.to_bytes(2, "big") + header + message


def frames(mac: bytes, addresses: tuple[IPAddress, ...]) -> tuple[bytes, ...]:
    """One announcement of each address; none on an interface without Ethernet addresses."""
    if len(mac) != 6:
        return ()
    return tuple(
        gratuitous_arp(mac, address) if address.version == 4 else unsolicited_advertisement(mac, address)
        for address in addresses
    )


def open_socket() -> socket.socket:
    """One for all interfaces, for sending only. The guard opens it, so that it outlives engines: the kernel needs 10 ms
    and more to close one (synchronize_net), time which a new engine does not have."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    return socket.socket(socket.AF_PACKET, kind, 0)


class Announcer:
    """Sends the announcements of one router, and repeats them while it is Active."""

    def __init__(self, loop: Loop, opened: socket.socket) -> None:
        self._socket = opened
        self._interface = ""
        self._frames: tuple[bytes, ...] = ()
        self._started_ns = 0
        self._next = len(REPEATS_MS)
        self._timer: Timer = loop.timer(self._ring)

    def rehearse(self, interface: str, mac: bytes, addresses: tuple[IPAddress, ...]) -> None:
        """Make the frames now."""
        self._interface = interface
        self._frames = frames(mac, addresses)

    def start(self, now_ns: int) -> None:
        self._started_ns = now_ns
        self._next = 0
        self._ring(now_ns)

    def again(self) -> None:
        """Once more, beside the repeats."""
        self._send()

    def stop(self) -> None:
        self._next = len(REPEATS_MS)
        self._timer.cancel()

    def _ring(self, _now_ns: int) -> None:
        if self._next >= len(REPEATS_MS):
            return
        self._send()
        self._next += 1
        if self._next < len(REPEATS_MS):
            self._timer.set(self._started_ns + ms_to_ns(REPEATS_MS[self._next]))

    def _send(self) -> None:
        for frame in self._frames:
            try:
                self._socket.sendto(frame, (self._interface, 0))
            except OSError as error:
                if error.errno not in (errno.ENXIO, errno.ENODEV, errno.ENETDOWN, errno.ENOBUFS, errno.EAGAIN):
                    warn("announcements: not sent", interface=self._interface, error=error.strerror)
                return
