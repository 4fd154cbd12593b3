"""What our Actives and everybody else say on one interface, in one family: two raw sockets, and what becomes of packets.

*News* wakes the engine. *Quiet* are the adverts that say what their Active has said before. Nobody is woken for them:
they are read before anything else happens to a router, above all before silence is believed, else about once in an
interval, and count from when they arrived (`arrivals.py`). So 200 routers cost some forty wake-ups a second, priority 0
is heard at once all the same, and a flood of junk fills the other socket.

The same bytes again are not checked again: neither good ones nor junk. Not so where adverts are signed: there they are
a replay.

Tests: tests/unit/engine/test_wire.py.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping, Set
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from vipkeeper.engine.arrivals import Arrivals
from vipkeeper.engine.datagrams import (
    Packet,
    PacketIPv6,
    delivery,
    receive_ipv4,
    receive_ipv6,
    receive_stamped_ipv4,
    receive_stamped_ipv6,
)
from vipkeeper.engine.log import warn
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.packet_filter import (
    MAX_STEPS,
    Likeness,
    attach,
    likeness_ipv4,
    likeness_ipv6,
    news_filter,
    quiet_filter,
    vrid_filter,
)
from vipkeeper.engine.raw_socket import open_raw_socket
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, DropReason, Family, decode, decode_ipv4
from vipkeeper.vrrp.sighting import with_sighting
from vipkeeper.vrrp.units import cs_to_ns

READS_PER_WAKEUP = 64
"""So that timers and other descriptors get their turn under a flood."""
READS_PER_DRAIN = 4096
"""Before a timeout is believed: more than the receive buffer holds of small adverts in any quiet network."""

_SO_MEMINFO, _MEMINFO_DROPS = 55, 8
_NEWS_BUFFER_BYTES = 512 << 10
"""Room for five adverts of each VRID that there can be. More would only be older junk."""
_QUIET_BUFFER_BYTES = 2 << 20
_MAX_KNOWN = 1024
_QUIET_READS = 64
"""Of a port with many routers, about so many quiet adverts are read at once."""
_QUIET_PATIENCE = 3
"""Stamps of quiet adverts are not believed when the last reading is as many periods ago."""

T = TypeVar("T")
Receive = Callable[[Advert, int, int], bool]
"""An advert, the time, and when the advert arrived. True: it said what it had said before."""
Refuse = Callable[[Dropped, str, int | None], None]
"""What was refused, from where, and for which VRID when that can be told."""


class Receiver:
    def __init__(self, interface: str, index: int, family: Family, on_advert: Receive, on_refusal: Refuse) -> None:
        self.interface = interface
        self.index = index
        self.family = family
        self._on_advert = on_advert
        self._on_refusal = on_refusal
        self._expected: Mapping[int, Expected] = {}
        self._signed = False
        self._own: frozenset[IPAddress] = frozenset()
        self._known: dict[bytes, Advert] = {}
        self._refused: dict[bytes, tuple[Dropped, str, int | None]] = {}
        self._quiet: dict[int, tuple[Advert, Likeness]] = {}
        self._was_quiet = False
        self._arrivals = Arrivals()
        self._lost = 0
        self.unsettled = False
        """Whether `settle` has something to do."""
        self.quiet_period_ns = 0
        """How often to `read_quiet`: once in an interval, and more often where it is many adverts. 0: never."""
        self._socket = open_raw_socket(interface, index, family, _NEWS_BUFFER_BYTES)
        try:
            self._quiet_socket = open_raw_socket(interface, index, family, _QUIET_BUFFER_BYTES, stamped=True)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
        self._quiet_socket.close()

    def expect(self, expected: Mapping[int, Expected]) -> None:
        """Let in the adverts for these VRIDs, and compare them with what is expected of them."""
        self._expected = expected
        self._signed = any(item.authenticator is not None for item in expected.values())
        self._forget()

    def set_own(self, addresses: frozenset[IPAddress]) -> None:
        """What comes from there is our own."""
        self._own = addresses
        self._forget()

    def _forget(self) -> None:
        """What was known may be something else now."""
        now_ns = time.monotonic_ns()
        if self._quiet:
            self.read_quiet(now_ns)
            self._quiet.clear()
        self._known.clear()
        self._refused.clear()
        self.settle(now_ns)

    def read(self, now_ns: int, limit: int = READS_PER_WAKEUP) -> int:
        """What has arrived and is not quiet, at most `limit` packets. How many there were."""
        receive = receive_ipv4 if self.family is Family.IPV4 else receive_ipv6
        for number in range(limit):
            try:
                key, packet = receive(self._socket)
            except BlockingIOError:
                return number
            except OSError as error:
                self._warn_of_reading(error)
                return number
            advert = self._known.get(key) or self._judge(key, packet)
            if advert is not None and self._on_advert(advert, now_ns, now_ns):
                self._quieten(advert, packet)
        return limit

    def read_quiet(self, now_ns: int) -> None:
        """All quiet adverts that have arrived."""
        self._arrivals.begin(now_ns, time.time_ns(), _QUIET_PATIENCE * self.quiet_period_ns)
        receive = receive_stamped_ipv4 if self.family is Family.IPV4 else receive_stamped_ipv6
        for _ in range(READS_PER_DRAIN):
            try:
                key, packet, stamp_ns = receive(self._quiet_socket)
            except BlockingIOError:
                return
            except OSError as error:
                self._warn_of_reading(error)
                return
            advert = self._known.get(key) or self._judge(key, packet)
            if advert is not None and not self._on_advert(advert, now_ns, self._arrivals.arrived_ns(stamp_ns)):
                self.listen_to(advert.vrid)

    def listen_to(self, vrid: int) -> None:
        """Whatever comes for it shall wake us again."""
        if self._quiet.pop(vrid, None) is not None:
            self.unsettled = True

    def settle(self, now_ns: int) -> None:
        """Have the kernel know what is quiet. Nothing is lost on the way: some of it may come by both sockets."""
        self.unsettled = False
        self.quiet_period_ns = self._period_ns()
        vrids = frozenset(self._expected)
        plain = vrid_filter(self.family, vrids)
        attach(self._socket, plain)
        quiet = {vrid: likeness for vrid, (_, likeness) in self._quiet.items()}
        if not quiet and not self._was_quiet:
            return
        self._was_quiet = bool(quiet)
        attach(self._quiet_socket, plain)  # the kernel has no room for a long program beside the long one before it
        while not self._attach_quiet(vrids, quiet):
            quiet = dict(list(quiet.items())[: len(quiet) // 2])
        self.read_quiet(now_ns)

    def _attach_quiet(self, vrids: Set[int], quiet: Mapping[int, Likeness]) -> bool:
        """False: that is more than the kernel takes (net.core.optmem_max is 20 KiB before Linux 6.7)."""
        news = news_filter(self.family, vrids, quiet)
        if len(news) > MAX_STEPS:
            return False
        try:
            attach(self._quiet_socket, quiet_filter(self.family, quiet))
            attach(self._socket, news)
        except OSError:
            if not quiet:
                raise
            return False
        return True

    def _period_ns(self) -> int:
        if not self._quiet:
            return 0
        shortest_cs = min(advert.interval_cs for advert, _ in self._quiet.values())
        return cs_to_ns(shortest_cs) // (1 + len(self._quiet) // _QUIET_READS)

    def newly_lost(self) -> int:
        """How many have not been read since this was asked last, because there were too many."""
        found = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
        lost = int.from_bytes(found[4 * _MEMINFO_DROPS :][:4], sys.byteorder) if len(found) > 4 * _MEMINFO_DROPS else 0
        before, self._lost = self._lost, lost
        return max(0, lost - before)

    def _quieten(self, advert: Advert, packet: Packet) -> None:
        before = self._quiet.get(advert.vrid)
        if before is not None and before[0] is advert:
            return  # not settled yet
        if isinstance(packet, bytes):
            likeness = likeness_ipv4(packet)
        else:
            hop_limit, _ = delivery(packet[1])
            assert isinstance(advert.source, IPv6Address)
            assert hop_limit is not None
            likeness = likeness_ipv6(packet[0], advert.source, hop_limit)
        if likeness is not None:
            self._quiet[advert.vrid] = (advert, likeness)
            self.unsettled = True

    def _judge(self, key: bytes, packet: Packet) -> Advert | None:
        """Of what is not known: a good advert, or None, and it is counted."""
        refused = self._refused.get(key)
        if refused is not None:
            self._on_refusal(*refused)
            return None
        if isinstance(packet, bytes):
            result, source, message = self._decode_ipv4(packet)
        else:
            result, source, message = self._decode_ipv6(packet)
        vrid = message[1] if len(message) > 1 else None
        expected = None if vrid is None else self._expected.get(vrid)
        signed = expected is not None and expected.authenticator is not None
        if isinstance(result, Advert):
            if not signed:
                _put(self._known, key, result)
            return result
        result = with_sighting(result, message, self.family)
        refusal = (result, source, None if result.reason is DropReason.BAD_HEADER else vrid)
        if not signed:
            _put(self._refused, key, refusal)
        self._on_refusal(*refusal)
        return None

    def _decode_ipv4(self, packet: bytes) -> tuple[Advert | Dropped, str, bytes]:
        result = decode_ipv4(
            packet, vrids=self._expected, own_addresses=self._own, expected=self._expected, wall_ns=self._wall_ns()
        )
        source = str(IPv4Address(packet[12:16])) if len(packet) >= 20 else ""
        header_length = (packet[0] & 0x0F) * 4 if packet else 0
        return result, source, packet[header_length:]

    def _decode_ipv6(self, packet: PacketIPv6) -> tuple[Advert | Dropped, str, bytes]:
        message, ancillary, sender = packet
        hop_limit, destination = delivery(ancillary)
        source = IPv6Address(sender.partition("%")[0])
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
        return result, str(source), message

    def _warn_of_reading(self, error: OSError) -> None:
        """ENETDOWN, once, when the link goes: interface events tell the rest."""
        warn("reading adverts failed", interface=self.interface, error=error.strerror)

    def _wall_ns(self) -> int:
        """The calendar clock, for HMAC trailers alone (and never the only word on when a packet arrived)."""
        return time.time_ns() if self._signed else 0


def _put(known: dict[bytes, T], key: bytes, value: T) -> None:
    """Bounded, whoever invents new packets."""
    if len(known) >= _MAX_KNOWN:
        known.clear()
    known[key] = value
