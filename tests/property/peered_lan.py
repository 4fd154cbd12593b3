"""The LAN of `lan.py` with engines that talk by unicast: on the segment, and, where there is one, on a second network.

What talks is the real thing: peers, sessions, envelopes, book and talk of `engine/` and `peering/`. Made up are the
wires below the sockets, the clock, and the neighbours' answers to the question whether a host hears its segment: any
living host that is not cut off gives one, and a client that never dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv4Address
from random import Random

from tests.property.lan import Lan, Node
from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.peer_socket import Receive, Way
from vipkeeper.engine.peers import Peers
from vipkeeper.engine.talk import RouterTalk
from vipkeeper.vrrp.actions import (
    Action,
    AnswerHandover,
    AskActive,
    BlockedChanged,
    HandOver,
    ProveSegment,
    StateChanged,
    WantHandover,
)
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import ConfigChanged, Event, HealthChanged, Shutdown, Startup
from vipkeeper.vrrp.packet import IPAddress
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import State

SEGMENT, FAR = 1, 2
"""Networks, by the index of their interfaces."""
CLIENT = -1
"""Stands on the segment, as a neighbour."""
KEYS = b"a key that all engines share\n"
PORT = 7112
NO_IPV6 = 97  # EAFNOSUPPORT


def address_on(network: int, index: int) -> IPv4Address:
    return IPv4Address(f"192.0.2.{index + 1}" if network == SEGMENT else f"10.9.0.{index + 1}")


class StillLoop(Loop):
    """The real timers; whoever owns it says when they ring."""

    def next_ns(self, now_ns: int) -> int | None:
        return now_ns if self._afterwards else self._first_ns(self._ordinary)

    def serve(self, now_ns: int) -> None:
        self._ring(self._ordinary, now_ns)
        while self._afterwards:
            callbacks, self._afterwards = self._afterwards, []
            for callback in callbacks:
                callback(now_ns)


class Datagrams:
    """One socket of a node, on the wires of the LAN."""

    def __init__(self, lan: PeeredLan, node: Node, receive: Receive) -> None:
        self._lan = lan
        self._node = node
        self.receive = receive
        self.sources: set[IPAddress] = set()

    def let_in(self, sources: Iterable[IPAddress]) -> None:
        self.sources = set(sources)

    def send(self, data: bytes, way: Way) -> bool:
        network, to = self._lan.places[way.address]
        if way.index in (0, network):
            self._lan.carry_datagram(self._node, network, to, data)
        return True

    def drain(self, now_ns: int) -> None:
        """There is nothing: what arrives is read at once."""

    def close(self) -> None:
        self.sources = set()


class Engine:
    """What a node has besides its router, from one start to the next."""

    def __init__(self, lan: PeeredLan, node: Node) -> None:
        self._lan = lan
        self._node = node
        self.datagrams: Datagrams | None = None
        self.leaving = False
        self.loop = StillLoop()
        self.link = Link(SEGMENT, "eth0", 0, b"\2\0\0\0\0" + bytes([node.index + 1]))
        self.vip = "web"
        clock = lan.clock
        self.peers = Peers(self.loop, f"node {node.index}", clock=clock, open_socket=self._open)
        self.talk = RouterTalk(self.peers, self, self, self._feed, self._feed_later, clock)

    @property
    def config(self) -> VirtualRouterConfig:
        return self._node.config

    @property
    def core(self) -> VirtualRouter:
        return self._node.router

    @property
    def primary(self) -> IPAddress:
        return self._node.router.local_address

    def start(self) -> None:
        self.plan(range(self._lan.size))

    def plan(self, nodes: Iterable[int]) -> None:
        """What the document has: these nodes, this one among them or not."""
        networks = (SEGMENT, FAR) if self._lan.far else (SEGMENT,)
        others = [] if self._node.index not in nodes else [other for other in nodes if other != self._node.index]
        ways = {f"node {other}": tuple(address_on(network, other) for network in networks) for other in others}
        self.peers.configure(KEYS if ways else None, PORT if ways else 0, ways)
        if self._node.index in nodes:  # else its router is about to leave, with what it knew
            self.talk.join(ways, {f"node {other.index}": other.config.priority for other in self._lan.nodes})

    def ask(
        self,
        link: Link,
        source: IPAddress,
        peers: Iterable[IPAddress],
        spacing_ns: int,
        on_answer: Callable[[int], None],
        now_ns: int,
    ) -> None:
        """Does the segment answer us? Whoever is asked, and however often: a neighbour that hears it answers once."""
        del link, source, peers, spacing_ns
        if self._lan.has_neighbour(self._node):
            for _ in range(2):  # there and back
                now_ns += self._lan.latency_ns()
            self._lan.at(now_ns, lambda: self._lan.arrive_if_same(self, self._node, lambda: on_answer(now_ns)))

    def _open(self, _loop: Loop, _port: int, version: int, receive: Receive) -> Datagrams:
        if version == 6:
            raise OSError(NO_IPV6, "no IPv6 here")
        self.datagrams = Datagrams(self._lan, self._node, receive)
        return self.datagrams

    def _feed(self, event: Event, _now_ns: int) -> None:
        self._lan.tell(self._node, event)

    def _feed_later(self, event: Event) -> None:
        self.loop.afterwards(lambda now_ns: self._feed(event, now_ns))


class PeeredLan(Lan):
    def __init__(self, configs: list[VirtualRouterConfig], random: Random, *, far: bool = False) -> None:
        """`far`: every node is on a second network as well."""
        self.far = far
        self.far_cut: set[frozenset[int]] = set()
        self.datagram_loss = 0.0
        self.size = len(configs)
        self.places: dict[IPAddress, tuple[int, int]] = {
            address_on(network, index): (network, index) for network in (SEGMENT, FAR) for index in range(self.size)
        }
        """Network and node of each address."""
        self.engines: dict[int, Engine] = {}
        super().__init__(configs, random)

    def clock(self) -> int:
        return self.now_ns

    def _start(self, node: Node) -> None:
        engine = self.engines[node.index] = Engine(self, node)
        engine.start()
        self.tell(node, Startup())

    def stop(self, node: Node) -> None:
        """As SIGTERM does."""
        self.engines[node.index].leaving = True
        self.tell(node, Shutdown())

    def crash(self, node: Node) -> None:
        super().crash(node)
        self.engines[node.index].peers.close()

    def tell(self, node: Node, event: Event) -> list[Action]:
        actions = super().tell(node, event)
        engine = self.engines[node.index]
        told = any(isinstance(action, StateChanged | BlockedChanged) for action in actions)
        if told or isinstance(event, HealthChanged | ConfigChanged | Startup):
            engine.talk.look()
        if engine.leaving and node.router.state is State.INITIALIZE:
            engine.leaving = False
            engine.talk.leave()
            engine.loop.afterwards(lambda _now_ns: self.crash(node))
        return actions

    def _carry_out(self, node: Node, action: Action) -> None:
        talk = self.engines[node.index].talk
        match action:
            case HandOver():
                talk.hand_over(action, self.now_ns)
            case AskActive():
                talk.ask_active(action, self.now_ns)
            case WantHandover():
                talk.want(action)
            case ProveSegment():
                talk.prove_segment(action, self.now_ns)
            case AnswerHandover():
                talk.answer(action)
            case _:
                super()._carry_out(node, action)

    # ---- wires

    def carry_datagram(self, node: Node, network: int, to: int, data: bytes) -> None:
        cut = self.cut if network == SEGMENT else self.far_cut
        lost = frozenset((node.index, to)) in cut or self.random.random() < self.datagram_loss
        if not lost and (network == SEGMENT or self.far):
            way = Way(address_on(network, node.index), network, address_on(network, to), direct=True)
            self.carry(self.nodes[to], partial(self._receive_datagram, self.nodes[to], data, way))

    def _receive_datagram(self, node: Node, data: bytes, way: Way) -> None:
        datagrams = self.engines[node.index].datagrams
        if datagrams is not None and way.address in datagrams.sources:
            datagrams.receive(data, way, self.now_ns)

    def has_neighbour(self, node: Node) -> bool:
        others = [other.index for other in self.nodes if other is not node and other.alive]
        return any(frozenset((node.index, other)) not in self.cut for other in (CLIENT, *others))

    def arrive_if_same(self, engine: Engine, node: Node, arrive: Callable[[], None]) -> None:
        """Not at an engine that has started since."""
        if self.engines[node.index] is engine:
            self._arrive(node, arrive)

    def off_the_segment(self, node: Node) -> None:
        """It hears nobody there, and nobody it; carrier is up."""
        self.cut |= {frozenset((node.index, other)) for other in (CLIENT, *range(self.size)) if other != node.index}

    # ---- time

    def _next_timer_ns(self, otherwise_ns: int) -> int:
        own_ns = super()._next_timer_ns(otherwise_ns)
        loops = [self.engines[node.index].loop.next_ns(self.now_ns) for node in self.nodes if _runs(node)]
        return min([own_ns, *(ns for ns in loops if ns is not None)])

    def _ring_due(self) -> None:
        super()._ring_due()
        for node in self.nodes:
            if _runs(node):
                self.engines[node.index].loop.serve(self.now_ns)


def _runs(node: Node) -> bool:
    return node.alive and not node.frozen
