"""Who listens where: the sockets of `wire.py`, one for each interface and family, and the virtual routers on them.

A virtual router is found by the interface that a packet came in by, its family and its VRID (RFC 9568 §7.1): the same
VRID on another port is a stranger.

Tests: tests/netns/test_elections.py, test_interfaces.py.
"""

from __future__ import annotations

import time
from typing import Protocol

from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.receiver import READS_PER_DRAIN, READS_PER_WAKEUP
from vipkeeper.engine.wire import Port
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, Family
from vipkeeper.vrrp.units import ms_to_ns

FULL_READS = 4
"""As many full reads in a row are no flood yet: so the adverts of all VRIDs there can be are read at once."""
JUNK_NS = ms_to_ns(10)
"""Refused adverts that come closer than that are a flood."""
REST_NS = ms_to_ns(2)
REST = 5
"""In a flood each read is followed by a rest, of so many times its length at least: so that all that has to do with it
costs a fifth of a processor or little more, and a router that speaks in the middle of it is heard with little delay."""
SETTLE_NS = ms_to_ns(50)
"""So long it may take until the kernel's filters know what has changed: once for many routers."""


class Listener(Protocol):
    """A virtual router, as far as a port knows it."""

    def advert_received(self, advert: Advert, now_ns: int, arrived_ns: int) -> bool:
        """True: its Active said what it had said before."""
        ...

    def advert_refused(self, dropped: Dropped, source: str) -> None: ...

    def adverts_lost(self, count: int) -> None:
        """So many were not read in a flood; the last that was read and refused was for this router."""
        ...


class SharedPort:
    """A port and its routers by VRID."""

    def __init__(self, loop: Loop, link: Link, family: Family) -> None:
        self._loop = loop
        self.routers: dict[int, Listener] = {}
        self._expected: dict[int, Expected] = {}
        self._unicast: dict[int, frozenset[IPAddress]] = {}
        self.port = Port(link.name, link.index, family, self._deliver, self._refuse)
        self._was_up = False
        self._full_reads = 0  # in a row
        self._refused: Listener | None = None  # whose advert it was, since the last read
        self._junk_ns = -JUNK_NS
        self._settling = loop.timer(self._settle)
        self._quiet = loop.timer(self._read_quiet)
        self._resting = loop.timer(self._end_rest)
        loop.watch(self.port.fileno(), self._read)
        self.link_changed(link)

    def link_changed(self, link: Link) -> None:
        """The link is up again: be in the group again, aloud, so that switches that snoop learn it."""
        if link.up and not self._was_up:
            self.port.join()
        self._was_up = link.up

    def expect(self, vrid: int, expected: Expected | None) -> None:
        """What the adverts for `vrid` should be like. None: nobody waits for them any more."""
        if expected is None:
            self._expected.pop(vrid, None)
        else:
            self._expected[vrid] = expected
        self.port.expect(dict(self._expected))

    def set_source(self, source: IPAddress | None) -> None:
        self.port.set_source(source)

    def take_unicast(self, vrid: int, addresses: frozenset[IPAddress]) -> None:
        """What is sent to `addresses` is for the router of `vrid`, and what comes from there is our own."""
        if addresses:
            self._unicast[vrid] = addresses
        else:
            self._unicast.pop(vrid, None)
        self.port.set_unicast(frozenset[IPAddress]().union(*self._unicast.values()))

    def drain(self, now_ns: int) -> None:
        """Read what there is, before somebody believes in silence."""
        self.port.read_quiet(now_ns)
        self.port.read(now_ns, READS_PER_DRAIN)

    def catch_up(self, now_ns: int) -> None:
        """What an Active has said before counts before what happens now."""
        self.port.read_quiet(now_ns)

    def listen_to(self, vrid: int) -> None:
        """It follows nobody any more: whoever speaks is news."""
        self.port.listen_to(vrid)
        self._settle_soon(time.monotonic_ns())

    def close(self) -> None:
        for timer in (self._settling, self._quiet, self._resting):
            timer.cancel()
        self._loop.unwatch(self.port.fileno())
        self.port.close()

    def _read(self, now_ns: int) -> None:
        if self._read_news(now_ns):
            self._loop.pause(self.port.fileno())

    def _end_rest(self, now_ns: int) -> None:
        if not self._read_news(now_ns):
            self._loop.resume(self.port.fileno())

    def _read_news(self, now_ns: int) -> bool:
        """Whether this is a flood, and a rest has begun. What does not fit into the buffer meanwhile is lost, unread."""
        self.port.read_quiet(now_ns)
        count = self.port.read(now_ns)
        self._settle_soon(now_ns)
        refused, self._refused = self._refused, None
        self._full_reads = self._full_reads + 1 if count == READS_PER_WAKEUP else 0
        junk = refused is not None and now_ns - self._junk_ns < JUNK_NS
        if refused is not None:
            self._junk_ns = now_ns
        if not junk and self._full_reads <= FULL_READS:
            return False
        lost = 0 if refused is None else self.port.newly_lost()
        if refused is not None and lost:
            refused.adverts_lost(lost)
        end_ns = time.monotonic_ns()
        self._resting.set(end_ns + max(REST_NS, REST * (end_ns - now_ns)))
        return True

    def _settle_soon(self, now_ns: int) -> None:
        if self.port.unsettled and self._settling.deadline_ns is None:
            self._settling.set(now_ns + SETTLE_NS)

    def _settle(self, now_ns: int) -> None:
        self.port.settle(now_ns)
        if self._quiet.deadline_ns is None:
            self._read_quiet(now_ns)

    def _read_quiet(self, now_ns: int) -> None:
        self.port.read_quiet(now_ns)
        self._settle_soon(now_ns)
        period_ns = self.port.quiet_period_ns
        self._quiet.set(now_ns + period_ns if period_ns else None)

    def _deliver(self, advert: Advert, now_ns: int, arrived_ns: int) -> bool:
        router = self.routers.get(advert.vrid)
        return router is not None and router.advert_received(advert, now_ns, arrived_ns)

    def _refuse(self, dropped: Dropped, source: str, vrid: int | None) -> None:
        router = None if vrid is None else self.routers.get(vrid)
        if router is not None:
            self._refused = router
            router.advert_refused(dropped, source)


class Ports:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._ports: dict[tuple[int, Family], SharedPort] = {}
        self._complained: set[tuple[int, Family, int]] = set()

    def attach(self, link: Link, family: Family, vrid: int, router: Listener, expected: Expected) -> SharedPort | None:
        """Listen for `router`. None: another router has that VRID there, or there is no socket to be had."""
        shared = self._ports.get((link.index, family))
        if shared is None:
            try:
                shared = self._ports[link.index, family] = SharedPort(self._loop, link, family)
            except OSError as error:
                warn("no socket for VRRP", interface=link.name, family=family.name, error=error.strerror)
                return None
        if shared.routers.setdefault(vrid, router) is not router:
            self._complain(link, family, vrid)
            return None
        self._complained.discard((link.index, family, vrid))
        shared.expect(vrid, expected)
        return shared

    def detach(self, shared: SharedPort, vrid: int) -> None:
        """The last router that leaves closes the socket."""
        shared.routers.pop(vrid, None)
        if shared.routers:
            shared.expect(vrid, None)
            shared.take_unicast(vrid, frozenset())
            return
        shared.close()
        self._ports.pop((shared.port.index, shared.port.family), None)

    def vrids(self) -> dict[tuple[int, Family], tuple[int, ...]]:
        """Of the routers here, by interface and family."""
        return {place: tuple(shared.routers) for place, shared in self._ports.items()}

    def link_changed(self, link: Link) -> None:
        for (index, _family), shared in self._ports.items():
            if index == link.index:
                shared.link_changed(link)

    def _complain(self, link: Link, family: Family, vrid: int) -> None:
        """Once: the second one tries again whenever something changes."""
        if (link.index, family, vrid) not in self._complained:
            self._complained.add((link.index, family, vrid))
            warn("two virtual routers of one VRID", vrid=vrid, interface=link.name, family=family.name)

    def close(self) -> None:
        for shared in self._ports.values():
            shared.close()
        self._ports.clear()
