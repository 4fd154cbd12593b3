"""Which VRIDs others use on the segments here: heard on every interface with a router of ours and on those of the default
routes, so that the operator gives a new VirtualIP none of them.

Cheap, whatever the segment is full of: one socket for each interface and family, whose filter in the kernel lets in what
is not ours and has not been heard yet in this window; so each VRID wakes us once in WINDOW_NS. What is heard in one of
WINDOWS counts, and is told at the end of a window: a neighbour that comes and goes makes few words.

Nothing is decided by it. An advert counts that has the right form and way (TTL 255, to the group); checksums and
authentication are not looked at: whoever says so does use the VRID.

Tests: tests/netns/test_foreign_vrids.py, tests/unit/engine/test_foreign_vrids.py.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from vipkeeper.engine.datagrams import delivery, receive_ipv4, receive_ipv6
from vipkeeper.engine.default_routes import default_interfaces
from vipkeeper.engine.interfaces import Interfaces, Link
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.packet_filter import attach, other_vrids_filter
from vipkeeper.engine.raw_socket import open_raw_socket
from vipkeeper.ipc.messages import SegmentHeard
from vipkeeper.vrrp.packet import TTL, Dropped, Family, IPAddress, parse_ipv4
from vipkeeper.vrrp.sighting import sighting_of
from vipkeeper.vrrp.units import NS_PER_S

FIRST_NS, WINDOW_NS, WINDOWS = 5 * NS_PER_S, 30 * NS_PER_S, 4
"""The first window is short, so that there is something to tell; then an interval of 40 s is no silence."""
MOST_INTERFACES, MOST_PREFIXES = 16, 8
_FIRST_REPORT = 2
_READS = 64
_BUFFER_BYTES = 32 << 10

Place = tuple[int, Family]
"""Index of the interface, and the family."""
Windows = deque[frozenset[int]]
"""VRIDs heard, window by window."""


class Scout:
    """`own` gives the VRIDs of our routers by place; `on_change`: `report` gives something else."""

    def __init__(
        self,
        loop: Loop,
        interfaces: Interfaces,
        virtual_addresses: Set[IPAddress],
        own: Callable[[], Mapping[Place, Collection[int]]],
        on_change: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._interfaces = interfaces
        self._virtual_addresses = virtual_addresses
        self._own = own
        self._on_change = on_change
        self._posts: dict[Place, _Post] = {}
        self._told: tuple[SegmentHeard, ...] = ()
        self._timer = loop.timer(self._turn)
        self._turns = 0

    def start(self, now_ns: int) -> None:
        self._timer.set(now_ns + NS_PER_S)  # interfaces are known by then

    def report(self) -> tuple[SegmentHeard, ...]:
        """As it was told last."""
        return self._told

    def _turn(self, now_ns: int) -> None:
        """A window ends, and the next one begins."""
        own = self._own()
        for post in self._posts.values():
            post.windows.append(frozenset(post.heard))
        self._man_posts(own)
        for place, post in self._posts.items():
            post.begin(frozenset(own.get(place, ())))
        self._turns += 1
        self._timer.set(now_ns + (FIRST_NS if self._turns == 1 else WINDOW_NS))
        found = self._found(own)
        if (
            found != self._told or self._turns == _FIRST_REPORT
        ):  # also that there is none: the engine before had told some
            self._told = found
            self._on_change()

    def _found(self, own: Mapping[Place, Collection[int]]) -> tuple[SegmentHeard, ...]:
        found = []
        for (index, family), post in self._posts.items():
            link = self._interfaces.at(index)
            vrids = frozenset[int]().union(*post.windows) - frozenset(own.get((index, family), ()))
            if link is not None and vrids:
                segments = link.segments(family, self._virtual_addresses)[:MOST_PREFIXES]
                found += [SegmentHeard(link.name, segment, tuple(sorted(vrids))) for segment in segments]
        return tuple(sorted(found, key=lambda item: (item.interface, item.segment)))

    def _man_posts(self, own: Mapping[Place, Collection[int]]) -> None:
        """Where to listen now. On an interface with routers the group is joined by theirs: a membership of ours would
        keep them from joining aloud (`wire.py`)."""
        wanted = dict.fromkeys(own, True)
        for name, family in sorted(default_interfaces()):
            link = self._interfaces.named(name)
            if link is not None:
                wanted.setdefault((link.index, family), False)
        links = {
            index: link for index, _family in wanted if (link := self._interfaces.at(index)) is not None and link.up
        }
        wanted = {place: joined for place, joined in list(wanted.items())[:MOST_INTERFACES] if place[0] in links}
        left = [place for place, post in self._posts.items() if wanted.get(place) is not post.joined_by_others]
        windows = {place: self._leave(place) for place in left}
        for place, joined in wanted.items():
            if place not in self._posts:
                self._enter(place, links[place[0]], windows.get(place), joined_by_others=joined)

    def _enter(self, place: Place, link: Link, windows: Windows | None, *, joined_by_others: bool) -> None:
        index, family = place
        try:
            opened = open_raw_socket(link.name, index, family, _BUFFER_BYTES)
        except OSError as error:
            warn("others' VRIDs are not heard", interface=link.name, family=family.name, error=error.strerror)
            return
        post = self._posts[place] = _Post(opened, family, joined_by_others)
        if windows is not None:
            post.windows = windows
        if not joined_by_others:
            post.join(index)
        self._loop.watch(opened.fileno(), lambda _now_ns: self._read(post))

    def _leave(self, place: Place) -> Windows:
        post = self._posts.pop(place)
        self._loop.unwatch(post.socket.fileno())
        post.socket.close()
        return post.windows

    def _read(self, post: _Post) -> None:
        if post.read() and not post.stale:
            post.stale = True
            self._loop.afterwards(lambda _now_ns: post.narrow())


@dataclass(eq=False, slots=True)
class _Post:
    """One socket, and what it has heard."""

    socket: socket.socket
    family: Family
    joined_by_others: bool
    heard: set[int] = field(default_factory=set)
    silenced: set[int] = field(default_factory=set)
    """Those that have been heard in this window, good or not, and our own: the kernel lets in no more of them."""
    windows: Windows = field(default_factory=lambda: deque(maxlen=WINDOWS))
    stale: bool = False
    """The kernel's filter lags behind `silenced`."""

    def begin(self, own: frozenset[int]) -> None:
        self.heard.clear()
        self.silenced = set(own)
        self.narrow()

    def narrow(self) -> None:
        self.stale = False
        try:
            attach(self.socket, other_vrids_filter(self.family, self.silenced))
        except OSError as error:
            warn("others' VRIDs are not told apart", family=self.family.name, error=error.strerror)

    def join(self, index: int) -> None:
        group = self.family.group.packed
        try:
            if self.family is Family.IPV4:
                request = struct.pack("=4s4si", group, bytes(4), index)
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            else:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack("=16si", group, index))
        except OSError as error:
            warn("the VRRP group could not be joined", family=self.family.name, error=error.strerror)

    def read(self) -> bool:
        """Whether there was anything."""
        for number in range(_READS):
            try:
                message, good = self._receive_ipv4() if self.family is Family.IPV4 else self._receive_ipv6()
            except OSError:  # nothing is left, or the link went
                return number > 0
            if len(message) < 2:
                continue
            self.silenced.add(message[1])
            if good and sighting_of(message, self.family) is not None:
                self.heard.add(message[1])
        return True

    def _receive_ipv4(self) -> tuple[bytes, bool]:
        _key, packet = receive_ipv4(self.socket)
        datagram = parse_ipv4(packet)
        if isinstance(datagram, Dropped):
            return b"", False
        return datagram.payload, (datagram.ttl, datagram.destination) == (TTL, self.family.group)

    def _receive_ipv6(self) -> tuple[bytes, bool]:
        _key, (message, ancillary, sender) = receive_ipv6(self.socket)
        hop_limit, destination = delivery(ancillary)
        good = (hop_limit, destination) == (TTL, self.family.group)
        return message, good and IPv6Address(sender.partition("%")[0]).is_link_local
