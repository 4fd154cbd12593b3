"""What one virtual router and its peers say to each other: the core's wishes become messages, messages its events.

Nothing is decided here but whom to ask. To take over: the book's best one that has not refused since the handover
began. Whether it is alive: the Active that was heard last, and whoever says that it is Active; once by the segment and
once by each other way, because it matters which of them arrives.

Tests: tests/netns/test_handover.py, test_witness.py; tests/property/test_peers.py, by a clock that is made up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.log import log
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.peer_socket import Way
from vipkeeper.engine.peers import Peers
from vipkeeper.peering.book import nobody_active
from vipkeeper.peering.messages import NO_FLAGS, STATES, Entry, Flag, Kind, RouterName, Said
from vipkeeper.vrrp.actions import AnswerHandover, AskActive, HandOver, ProveSegment, WantHandover
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import (
    Event,
    HandoverAsked,
    HandoverImpossible,
    HandoverRefused,
    HandoverTaken,
    HandoverWanted,
    NobodyActive,
    PeerIsActive,
    SegmentDoubted,
    SegmentProven,
)
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import HandoverRefusal
from vipkeeper.vrrp.units import cs_to_ns

JUST_ASKING = 0
"""Number of a question that is no doubt: who asks it misses nothing."""


class Speaker(Protocol):
    """The router that talks."""

    @property
    def config(self) -> VirtualRouterConfig: ...

    @property
    def core(self) -> VirtualRouter: ...

    @property
    def primary(self) -> IPAddress | None: ...

    @property
    def link(self) -> Link | None: ...

    @property
    def vip(self) -> str: ...


class Proof(Protocol):
    """`SegmentProof`, or what stands for it."""

    def ask(
        self,
        link: Link,
        source: IPAddress,
        peers: Iterable[IPAddress],
        spacing_ns: int,
        on_answer: Callable[[int], None],
        now_ns: int,
    ) -> None: ...


class RouterTalk:
    """`feed` hands an event to the router: at once, or, `later`, when what it does now is done."""

    def __init__(
        self,
        peers: Peers,
        proof: Proof,
        speaker: Speaker,
        feed: Callable[[Event, int], None],
        later: Callable[[Event], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._peers = peers
        self._proof = proof
        self._speaker = speaker
        self._feed = feed
        self._later = later
        self._clock = clock
        self._ways: Mapping[str, tuple[IPAddress, ...]] = {}
        self._priorities: Mapping[str, int] = {}
        self._asked_ns = 0  # when everybody was asked who is Active
        self._name = _name_of(speaker.config)
        self._refused: set[str] = set()
        self._asked: tuple[str, Said] | None = None
        self._asked_for: IPAddress | None = None
        self._asker: tuple[str, int, Way] | None = None
        self._told: Entry | None = None

    # ---- what the router tells

    @property
    def name(self) -> RouterName:
        return self._name

    def join(self, ways: Mapping[str, tuple[IPAddress, ...]], priorities: Mapping[str, int]) -> None:
        """`ways`: addresses of each peer, those on the segment first. `priorities`: of nodes, as the document says."""
        self._priorities = priorities
        if self._name != _name_of(self._speaker.config):
            self._peers.leave(self)
        self._ways = ways
        self._name = _name_of(self._speaker.config)
        self._peers.join(self)  # without peers, too: one that has just been taken out may hand over

    def leave(self) -> None:
        self._peers.leave(self)

    def look(self) -> None:
        """Something has happened to the router: when it is another one than the peers know, they are told."""
        entry = self.entry()
        if self._ways and entry != self._told:
            self._told = entry
            self._peers.changed(self)
            self._ask_everybody()
            self._look_for_nobody()

    def entry(self) -> Entry:
        core = self._speaker.core
        return Entry(
            name=self._name,
            state=STATES[core.state],
            priority=core.priority,
            interval_cs=core.config.advertisement_interval_cs,
            primary=self._speaker.primary,
            flags=(Flag.ILL if core.ailments else NO_FLAGS)
            | (Flag.LEAVING if core.is_handing_over else NO_FLAGS)
            | (Flag.HEARS_SEGMENT if core.hears_segment(self._clock()) else NO_FLAGS),
        )

    # ---- what the core wants

    def hand_over(self, wish: HandOver, now_ns: int) -> None:
        if not wish.again:
            self._refused = set()
        self._asked_for = wish.to
        peer = self._whom(wish.to, now_ns)
        if peer is None:
            self._later(HandoverImpossible())
            return
        self._asked = (peer, Said(Kind.TAKE_OVER, self.entry(), self._peers.next_question()))
        log("handing over", vip=self._speaker.vip, peer=peer)
        self._ask(*self._asked)

    def answer(self, wish: AnswerHandover) -> None:
        if self._asker is not None:
            peer, question, way = self._asker
            kind = Kind.TAKEN if wish.refusal is None else Kind.REFUSED
            self._peers.say(peer, Said(kind, self.entry(), question, wish.refusal), (way,))

    def ask_active(self, wish: AskActive, now_ns: int) -> None:
        book = self._peers.book
        heard = book.at(self._name, wish.address)
        whom = dict.fromkeys(item.peer for item in (heard, *book.actives(self._name, now_ns)) if item is not None)
        for peer in whom:
            self._ask_each_way(peer, self._peers.next_question())

    def want(self, wish: WantHandover) -> None:
        heard = self._peers.book.at(self._name, wish.address)
        if heard is not None:
            ways = [way for way in self._ways_to(heard.peer) if way.index]
            self._peers.say(heard.peer, Said(Kind.WANT, self.entry()), ways)

    def prove_segment(self, _wish: ProveSegment, now_ns: int) -> None:
        link, source = self._speaker.link, self._speaker.primary
        if link is None or source is None:
            return
        peers = [
            entry.primary
            for peer in self._ways
            if (entry := self._peers.book.said_by(self._name, peer)) is not None and entry.primary is not None
        ]
        spacing_ns = max(cs_to_ns(self._speaker.config.advertisement_interval_cs) // 2, 5_000_000)
        self._proof.ask(link, source, peers, spacing_ns, lambda then_ns: self._feed(SegmentProven(), then_ns), now_ns)

    def _ask_everybody(self) -> None:
        """We have just started, and know nothing: who is Active?"""
        if self._speaker.core.waits_in_vain:
            self._asked_ns = self._clock()
            for peer in self._ways:
                self._ask_each_way(peer)

    def _ask_each_way(self, peer: str, question: int = JUST_ASKING) -> None:
        for way in self._ways_to(peer):
            self._peers.say(peer, Said(Kind.ASK, self.entry(), question), (way,))

    # ---- what peers say

    def is_on_segment(self, way: Way) -> bool:
        link = self._speaker.link
        return link is not None and way.direct and way.index == link.index

    def heard(self, peer: str, said: Said, way: Way, now_ns: int) -> None:
        match said.kind:
            case Kind.ASK:
                missed = said.question != JUST_ASKING
                if missed and said.entry.primary is not None and not self.is_on_segment(way):
                    self._feed(SegmentDoubted(said.entry.primary), now_ns)
                self._peers.say(peer, Said(Kind.ANSWER, self.entry(), said.question), (way,))
            case Kind.TAKE_OVER if said.entry.primary is not None:
                self._asker = (peer, said.question, way)
                asked = HandoverAsked(said.entry.primary, self.is_on_segment(way), self._other_left_ns())
                self._feed(asked, now_ns)
            case Kind.TAKEN if self._is_answer(peer, said) and said.entry.primary is not None:
                self._feed(HandoverTaken(said.entry.primary), now_ns)
            case Kind.REFUSED if self._is_answer(peer, said):
                self._refused.add(peer)
                why = said.refusal or HandoverRefusal.FAULTY
                log("a peer does not take over", vip=self._speaker.vip, peer=peer, why=why.value)
                others = self._asked_for is None and self._whom(None, now_ns) is not None
                self._feed(HandoverRefused(why, others), now_ns)
            case Kind.WANT if said.entry.primary is not None and self.is_on_segment(way):
                self._feed(HandoverWanted(said.entry.primary, said.entry.priority), now_ns)
            case _:
                pass

    def noted(self, peer: str, entry: Entry, way: Way, now_ns: int) -> None:
        """What it is now stands in the book."""
        core = self._speaker.core
        if entry.is_active and entry.primary is not None and core.listens_to_peers(now_ns):
            on_segment, proven = self.is_on_segment(way), Flag.HEARS_SEGMENT in entry.flags
            interval_cs = max(1, entry.interval_cs)
            self._feed(PeerIsActive(entry.primary, entry.priority, interval_cs, on_segment, proven), now_ns)
        elif peer in self._ways:
            self._look_for_nobody()

    def _other_left_ns(self) -> int | None:
        """When the Active that the router knows has said here that it is none."""
        heard = self._peers.book.at(self._name, self._speaker.core.active_address)
        return None if heard is None or heard.entry.is_active else heard.at_ns

    def _look_for_nobody(self) -> None:
        if self._ways and self._speaker.core.waits_in_vain:
            said = {peer: self._peers.book.since(self._name, peer, self._asked_ns) for peer in self._ways}
            if nobody_active(said, self._priorities, self.entry()):
                self._later(NobodyActive())

    def repeat(self, peer: str) -> None:
        """The peer has not understood what was said before now."""
        if self._speaker.core.is_handing_over and self._asked is not None and self._asked[0] == peer:
            self._ask(*self._asked)
        if self._speaker.core.waits_in_vain and peer in self._ways:
            self._ask_each_way(peer)

    def _ask(self, peer: str, said: Said) -> None:
        self._peers.say(peer, said, self._ways_to(peer))

    def _is_answer(self, peer: str, said: Said) -> bool:
        return self._asked is not None and (peer, said.question) == (self._asked[0], self._asked[1].question)

    def _whom(self, to: IPAddress | None, now_ns: int) -> str | None:
        if to is not None:
            found = self._peers.book.at(self._name, to)
            return None if found is None else found.peer
        fit = self._peers.book.fit(self._name, self._refused, now_ns)
        return next((item.peer for item in fit if item.peer in self._ways), None)

    def peer_at(self, address: IPAddress) -> str:
        """Its name; "" when it is not known."""
        heard = self._peers.book.at(self._name, address)
        return "" if heard is None else heard.peer

    def peer_addresses(self) -> set[IPAddress]:
        """All where peers are, as the document and they themselves have told."""
        known = {address for of_one in self._ways.values() for address in of_one}
        said = (self._peers.book.said_by(self._name, peer) for peer in self._ways)
        return known | {entry.primary for entry in said if entry is not None and entry.primary is not None}

    def _ways_to(self, peer: str) -> list[Way]:
        """By the router's own interface to where the peer is on the segment; and to its other addresses."""
        ways: dict[IPAddress, Way] = {}
        link, source = self._speaker.link, self._speaker.primary
        entry = self._peers.book.said_by(self._name, peer)
        primary = None if entry is None else entry.primary
        if primary is not None and link is not None and source is not None:
            ways[primary] = Way(primary, link.index, source)
        for address in self._ways.get(peer, ()):
            ways.setdefault(address, Way(address))
        return list(ways.values())


def _name_of(config: VirtualRouterConfig) -> RouterName:
    return RouterName(config.vrid, config.addresses[0])
