"""Who listens where: the sockets of `wire.py`, one for each interface and family, and the virtual routers on them.

A virtual router is found by the interface that a packet came in by, its family and its VRID (RFC 9568 §7.1): the same
VRID on another port is a stranger.

Tests: tests/netns/test_elections.py, test_interfaces.py.
"""

from __future__ import annotations

from typing import Protocol

from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.wire import READS_PER_DRAIN, Port
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, Family


class Listener(Protocol):
    """A virtual router, as far as a port knows it."""

    def advert_received(self, advert: Advert, now_ns: int) -> None: ...

    def advert_refused(self, dropped: Dropped, source: str) -> None: ...


class SharedPort:
    """A port and its routers by VRID."""

    def __init__(self, loop: Loop, link: Link, family: Family) -> None:
        self._loop = loop
        self.routers: dict[int, Listener] = {}
        self._expected: dict[int, Expected] = {}
        self._unicast: dict[int, frozenset[IPAddress]] = {}
        self.port = Port(link.name, link.index, family, self._deliver, self._refuse)
        self._was_up = False
        loop.watch(self.port.fileno(), self.port.read)
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
        self.port.read(now_ns, READS_PER_DRAIN)

    def close(self) -> None:
        self._loop.unwatch(self.port.fileno())
        self.port.close()

    def _deliver(self, advert: Advert, now_ns: int) -> None:
        router = self.routers.get(advert.vrid)
        if router is not None:
            router.advert_received(advert, now_ns)

    def _refuse(self, dropped: Dropped, source: str, vrid: int | None) -> None:
        router = None if vrid is None else self.routers.get(vrid)
        if router is not None:
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
