"""A LAN in memory: real routers, real bytes between them, and a clock that stands still until it is told to run.

Only latency, loss and misfortune are made up: partitions, crashes, frozen processes, ailments. Between two events
nothing happens, so time is exact: a takeover that is a nanosecond early is seen.

Held on every step: a node has the addresses on its interface exactly while its router is Active.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from random import Random

from vipkeeper.journal.ring import Journal, Track
from vipkeeper.vrrp.actions import Action, AddAddresses, RemoveAddresses, SendAdvert, StateChanged
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import AdvertReceived, Event, Startup, TimerFired
from vipkeeper.vrrp.packet import Advert, Family, IPAddress, decode, encode
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import State

VRID = 51
VIP = IPv4Address("192.0.2.200")
MAX_LATENCY_NS = 100_000


@dataclass
class Node:
    """One host: a router, its interface, and what waits in its socket."""

    index: int
    config: VirtualRouterConfig
    router: VirtualRouter
    track: Track
    alive: bool = True
    frozen: bool = False
    held: set[IPAddress] = field(default_factory=set)
    inbox: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        return self.alive and self.router.state is State.ACTIVE


class Lan:
    """`Lan([config, ...])`: all start at time 0. `run(until_ns)` lets time pass; everything else happens now."""

    def __init__(self, configs: list[VirtualRouterConfig], random: Random) -> None:
        self.now_ns = 0
        self.random = random
        self.loss = 0.0
        self.cut: set[frozenset[int]] = set()
        """Pairs that hear nothing of each other on the segment."""
        self.blocked: set[tuple[int, int]] = set()
        """(from, to): adverts that do not arrive."""
        self.log: list[tuple[int, int, Action]] = []
        """(time, node, action) of everything that was done."""
        self.double_since_ns: int | None = None
        self.longest_double_ns = 0
        self.none_since_ns: int | None = None
        self.longest_none_ns = 0
        self.journal = Journal(ring_bytes=20_000)
        """Of all nodes together, and so small that it forgets."""
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self.nodes = [self._node(index, config) for index, config in enumerate(configs)]
        for node in self.nodes:
            self._start(node)

    def _node(self, index: int, config: VirtualRouterConfig) -> Node:
        router = VirtualRouter(config, IPv4Address(f"192.0.2.{index + 1}"))
        return Node(index, config, router, self.journal.track(f"node {index}", router, self.now_ns))

    def _start(self, node: Node) -> None:
        self.tell(node, Startup())

    @property
    def active(self) -> list[Node]:
        return [node for node in self.nodes if node.is_active]

    def tell(self, node: Node, event: Event) -> list[Action]:
        """Hand an event to a router and carry out what it asks."""
        actions = node.router.handle(event, self.now_ns)
        node.track.note(event, self.now_ns, actions)
        for action in actions:
            self.log.append((self.now_ns, node.index, action))
            self._carry_out(node, action)
        wanted = set(node.config.all_addresses) if node.router.state is State.ACTIVE else set()
        assert node.held == wanted, f"node {node.index} is {node.router.state} and holds {node.held}"
        self._watch_owners()
        return actions

    def run(self, until_ns: int) -> None:
        while True:
            next_ns = min(self._next_delivery_ns(until_ns), self._next_timer_ns(until_ns))
            if next_ns >= until_ns:
                break
            self.now_ns = max(self.now_ns, next_ns)
            while self._agenda and self._agenda[0][0] <= self.now_ns:
                heapq.heappop(self._agenda)[2]()
            self._ring_due()
        self.now_ns = max(self.now_ns, until_ns)
        self._watch_owners()

    def at(self, at_ns: int, deed: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (at_ns, self._count, deed))

    def carry(self, to: Node, arrive: Callable[[], None]) -> None:
        """Something is on its way; a process that does not run finds it when it runs again."""
        self.at(self.now_ns + self.latency_ns(), lambda: self._arrive(to, arrive))

    def latency_ns(self) -> int:
        return self.random.randint(MAX_LATENCY_NS // 5, MAX_LATENCY_NS)

    def _arrive(self, to: Node, arrive: Callable[[], None]) -> None:
        if to.frozen:
            to.inbox.append(arrive)
        elif to.alive:
            arrive()

    def crash(self, node: Node) -> None:
        """Power off: the addresses go with the host."""
        node.alive = False
        node.held.clear()
        node.inbox.clear()
        self._watch_owners()

    def boot(self, node: Node) -> None:
        node.router = VirtualRouter(node.config, node.router.local_address)
        node.track.end()
        node.track = self.journal.track(f"node {node.index}", node.router, self.now_ns)
        node.alive, node.frozen = True, False
        self._start(node)

    def freeze(self, node: Node) -> None:
        node.frozen = True

    def thaw(self, node: Node) -> None:
        """The process runs again: it drains its socket, then looks at its timer."""
        node.frozen = False
        waiting, node.inbox = node.inbox, []
        for arrive in waiting:
            arrive()
        self.tell(node, TimerFired())

    def _carry_out(self, node: Node, action: Action) -> None:
        match action:
            case SendAdvert(priority):
                self._send(node, priority)
            case AddAddresses(addresses):
                node.held |= set(addresses)
            case RemoveAddresses(addresses):
                node.held -= set(addresses)
            case _:
                pass

    def _send(self, node: Node, priority: int) -> None:
        message = encode(
            vrid=VRID,
            priority=priority,
            interval_cs=node.router.config.advertisement_interval_cs,
            addresses=node.router.config.addresses,
            source=node.router.local_address,
            version=node.router.config.version,
        )
        for other in self.nodes:
            lost = self.random.random() < self.loss or not self.hears_adverts(node, other)
            if other is not node and other.alive and not lost:
                self.carry(other, partial(self._receive, other, node.router.local_address, message))

    def hears_adverts(self, node: Node, other: Node) -> bool:
        """Whether those of `node` arrive at `other`."""
        blocked = (node.index, other.index) in self.blocked
        return not blocked and frozenset((node.index, other.index)) not in self.cut

    def _receive(self, node: Node, source: IPAddress, message: bytes) -> None:
        advert = decode(
            message,
            family=Family.IPV4,
            source=source,
            destination=Family.IPV4.group,
            ttl=255,
            vrids={VRID},
            own_addresses={node.router.local_address},
            expected={VRID: node.router.config.expected()},
        )
        assert isinstance(advert, Advert)
        self.tell(node, AdvertReceived(advert))

    def _next_delivery_ns(self, otherwise_ns: int) -> int:
        return self._agenda[0][0] if self._agenda else otherwise_ns

    def _next_timer_ns(self, otherwise_ns: int) -> int:
        return min((ns for node in self.nodes if (ns := self._timer_ns(node)) is not None), default=otherwise_ns)

    def _timer_ns(self, node: Node) -> int | None:
        return node.router.deadline_ns if node.alive and not node.frozen else None

    def _ring_due(self) -> None:
        for node in self.nodes:
            timer_ns = self._timer_ns(node)
            if timer_ns is not None and timer_ns <= self.now_ns:
                self.tell(node, TimerFired())

    def _watch_owners(self) -> None:
        """How long two nodes had the addresses at the same time, and nobody."""
        owners = sum(bool(node.held) for node in self.nodes)
        self.double_since_ns, double_ns = self._span(owners > 1, self.double_since_ns)
        self.none_since_ns, none_ns = self._span(owners == 0, self.none_since_ns)
        self.longest_double_ns = max(self.longest_double_ns, double_ns)
        self.longest_none_ns = max(self.longest_none_ns, none_ns)

    def _span(self, so: bool, since_ns: int | None) -> tuple[int | None, int]:
        """Since when it is so, and for how long it was."""
        if since_ns is None:
            return (self.now_ns if so else None), 0
        return (since_ns if so else None), self.now_ns - since_ns

    def count_from_here(self) -> None:
        """What was before does not count."""
        self.longest_double_ns = self.longest_none_ns = 0
        self.double_since_ns = self.none_since_ns = None
        self._watch_owners()


def transitions(lan: Lan, since_ns: int = 0) -> list[tuple[int, int, StateChanged]]:
    return [(at, index, action) for at, index, action in lan.log if isinstance(action, StateChanged) and at >= since_ns]
