"""The peers: the engines of the same virtual routers on other nodes, as this one reaches and believes them.

One for each engine. It keeps keys, sessions and the book (`peering/`), says hello, verifies what arrives, and hands it
to the router that it is about. Each router has a `Talk` of its own (`talk.py`), which knows what it has asked whom.

Without keys, or without peers, there is no socket and nothing is said.

Tests: tests/netns/test_handover.py; tests/property/test_peers.py, on wires and by a clock that are made up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.peer_socket import PeerSocket, Receive, Way
from vipkeeper.peering.book import HELLO_NS, Book
from vipkeeper.peering.envelope import Envelope, Refusal, node_id, seal, sender_of, unseal
from vipkeeper.peering.keys import BadKeys, PeerKeys, read_keys
from vipkeeper.peering.messages import (
    Challenge,
    Entry,
    Hello,
    Kind,
    PeerState,
    RouterName,
    Said,
    Unreadable,
    decode,
    encode_entry,
    encode_hellos,
    encode_said,
)
from vipkeeper.peering.session import OwnSession, PeerSession
from vipkeeper.vrrp.state import HandoverRefusal
from vipkeeper.vrrp.units import ms_to_ns

CHALLENGE_SPACING_NS = ms_to_ns(50)
"""Least time between two challenges to one peer: replays are not answered faster."""
BIND_AGAIN_NS = ms_to_ns(1000)
LINGER_NS = ms_to_ns(3000)
"""For how long who is no peer any more is still listened and answered to: a node that was taken out of a VirtualIP
hands over, and its peers may know before it does that it is out."""
_MAX_LOGGED = 256


class Talk(Protocol):
    """What a router says and hears, as far as the peers know it."""

    @property
    def name(self) -> RouterName: ...

    def entry(self) -> Entry: ...

    def is_on_segment(self, way: Way) -> bool: ...

    def heard(self, peer: str, said: Said, way: Way, now_ns: int) -> None: ...

    def noted(self, peer: str, entry: Entry, way: Way, now_ns: int) -> None: ...

    def repeat(self, peer: str) -> None: ...


class Datagrams(Protocol):
    """What is used of a PeerSocket."""

    def let_in(self, sources: Iterable[IPAddress]) -> None: ...

    def send(self, data: bytes, way: Way) -> bool: ...

    def drain(self, now_ns: int) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Peer:
    name: str
    peer_id: bytes
    session: PeerSession
    ways: tuple[Way, ...] = ()
    """As configured, for what is about no router in particular."""
    next_challenge_ns: int = 0
    learned: set[IPAddress] = field(default_factory=set)
    """Addresses that it has told of itself."""
    gone_ns: int | None = None
    """When it was taken out of the configuration. None: it is in it."""


class Peers:
    def __init__(
        self,
        loop: Loop,
        node: str,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        open_socket: Callable[[Loop, int, int, Receive], Datagrams] = PeerSocket,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._open_socket = open_socket
        self._id = node_id(node)
        self._own = OwnSession(os.urandom(32))
        self._keys: PeerKeys | None = None
        self._keys_text = b""
        self._port = 0
        self._sockets: dict[int, Datagrams] = {}
        self._peers: dict[bytes, Peer] = {}
        self._by_name: dict[str, Peer] = {}
        self._talks: dict[RouterName, Talk] = {}
        self._changed: set[RouterName] = set()
        self._logged: set[tuple[str, str]] = set()
        self._questions = 0
        self._hello_timer = loop.timer(self._hello)
        self._bind_timer = loop.timer(lambda _now_ns: self._open())
        self._linger_timer = loop.timer(self._forget_gone)
        self.book = Book()

    # ---- who and how

    @property
    def ready(self) -> bool:
        """Whether anything can be said at all."""
        return bool(self._sockets and self._peers)

    def configure(self, keys_text: bytes | None, port: int, nodes: Mapping[str, Iterable[IPAddress]]) -> None:
        """`nodes`: the addresses of each peer. No keys, or nobody to talk to: nothing is said (any more); of peers that
        go, the last ones too, those who linger are still talked to as before."""
        self._take_peers(nodes)
        if nodes or not self._peers:
            self._take_keys(keys_text or b"")
            if port != self._port or self._keys is None or not self._peers:
                self.close()
            self._port = port
        if self._keys is not None and self._peers:
            self._open()

    def close(self) -> None:
        self._hello_timer.cancel()
        self._bind_timer.cancel()
        for opened in self._sockets.values():
            opened.close()
        self._sockets = {}

    def _take_keys(self, text: bytes) -> None:
        if text == self._keys_text:
            return
        self._keys_text = text
        try:
            self._keys = read_keys(text) if text else None
        except BadKeys as error:
            self._keys = None
            warn("the peers' key can't be used; nothing is said to peers", why=error)

    def _take_peers(self, nodes: Mapping[str, Iterable[IPAddress]]) -> None:
        now_ns = self._clock()
        for left in [peer for name, peer in self._by_name.items() if name not in nodes and peer.gone_ns is None]:
            left.gone_ns = now_ns
            self._linger_timer.set(now_ns + LINGER_NS)
        for name, addresses in nodes.items():
            peer = self._by_name.get(name)
            if peer is None:
                peer_id = node_id(name)
                peer = Peer(name, peer_id, PeerSession(self._own, peer_id))
                self._peers[peer_id] = self._by_name[name] = peer
            peer.ways, peer.gone_ns = tuple(Way(address) for address in addresses), None
        self._let_in()

    def _forget_gone(self, now_ns: int) -> None:
        gone = {name: peer.gone_ns for name, peer in self._by_name.items() if peer.gone_ns is not None}
        for name, gone_ns in gone.items():
            if now_ns - gone_ns >= LINGER_NS:
                self._peers.pop(self._by_name.pop(name).peer_id)
                self.book.forget(name)
            else:
                self._linger_timer.set(gone_ns + LINGER_NS)
        self._let_in()
        if not self._peers:
            self.close()

    def _open(self) -> None:
        if self._sockets:
            return
        opened: dict[int, Datagrams] = {}
        try:
            for version in (4, 6):
                opened[version] = self._open_socket(self._loop, self._port, version, self._receive)
        except OSError as error:
            if 4 not in opened or error.errno != 97:  # EAFNOSUPPORT: a host without IPv6
                for item in opened.values():
                    item.close()
                warn("no socket for peers", port=self._port, error=error.strerror)
                self._bind_timer.set(self._clock() + BIND_AGAIN_NS)
                return
        self._sockets = opened
        self._let_in()
        log("peers", port=self._port, names=",".join(sorted(self._by_name)))
        self._hello(self._clock())

    def _let_in(self) -> None:
        sources = {way.address for peer in self._peers.values() for way in peer.ways}
        sources.update(*(peer.learned for peer in self._peers.values()))
        for opened in self._sockets.values():
            opened.let_in(sources)

    # ---- routers

    def join(self, talk: Talk) -> None:
        self._talks[talk.name] = talk

    def leave(self, talk: Talk) -> None:
        if self._talks.get(talk.name) is talk:
            del self._talks[talk.name]
            self.changed(talk)

    def changed(self, talk: Talk) -> None:
        """Its state is another one: the peers shall know soon, once for all that changes now."""
        if self.ready:
            if not self._changed:
                self._loop.afterwards(self._tell_changes)
            self._changed.add(talk.name)

    def next_question(self) -> int:
        self._questions = self._questions % 0xFFFFFFFF + 1
        return self._questions

    def drain(self, now_ns: int) -> None:
        """Read what has come, before somebody believes in silence."""
        for opened in self._sockets.values():
            opened.drain(now_ns)

    def say(self, peer: str, said: Said, ways: Iterable[Way]) -> None:
        """The same datagram by each way: the second one that arrives is dropped there."""
        found = self._by_name.get(peer)
        if found is not None and self._keys is not None:
            self._send(self._seal(found, said.kind, encode_said(said)), ways)

    # ---- saying

    def _hello(self, now_ns: int) -> None:
        entries = [encode_entry(talk.entry()) for talk in self._talks.values()]
        for peer in self._peers.values():
            self._say_hello(peer, entries, wants_answer=not peer.session.is_open)
        self._hello_timer.set(now_ns + HELLO_NS)

    def _tell_changes(self, _now_ns: int) -> None:
        names, self._changed = self._changed, set()
        talks = [(name, self._talks.get(name)) for name in names]
        entries = [
            encode_entry(Entry(name, PeerState.ABSENT) if talk is None else talk.entry()) for name, talk in talks
        ]
        for peer in self._peers.values():
            self._say_hello(peer, entries)

    def _say_hello(self, peer: Peer, entries: Iterable[bytes], *, wants_answer: bool = False) -> None:
        """By each way once, not the same datagram twice: what comes by the segment is believed more, also when it is
        overtaken."""
        for body in encode_hellos(entries, wants_answer=wants_answer):
            for way in peer.ways:
                self._send(self._seal(peer, Kind.HELLO, body), (way,))

    def _seal(self, peer: Peer, kind: Kind, body: bytes, echo: bytes | None = None) -> bytes:
        assert self._keys is not None
        own, session = self._own, peer.session
        echo = session.echo if echo is None else echo
        envelope = Envelope(
            kind, self._id, peer.peer_id, own.session, own.next_sequence(), session.challenge, echo, body
        )
        return seal(envelope, self._keys)

    def _send(self, data: bytes, ways: Iterable[Way]) -> None:
        for way in ways:
            opened = self._sockets.get(way.address.version)
            if opened is not None:
                opened.send(data, way)

    # ---- hearing

    def _receive(self, data: bytes, way: Way, now_ns: int) -> bool:
        peer = self._peers.get(sender_of(data))
        if peer is None or self._keys is None:
            return self._refuse(Refusal.UNKNOWN_PEER, way)
        envelope = unseal(data, self._keys)
        if isinstance(envelope, Refusal):
            return self._refuse(envelope, way)
        if envelope.receiver != self._id:
            return self._refuse(Refusal.UNKNOWN_PEER, way)
        before = peer.session.opened
        refusal = peer.session.take(envelope)
        if refusal is Refusal.NOT_FRESH and envelope.kind != Kind.CHALLENGE:
            self._challenge(peer, envelope, way, now_ns)
        if refusal is Refusal.REPLAYED:  # as a rule by the second of two ways
            return True
        if refusal is not None:
            return refusal is Refusal.NOT_FRESH
        try:
            message = decode(envelope.kind, envelope.body)
        except Unreadable:
            return self._refuse(Refusal.UNREADABLE, way)
        if peer.session.opened != before:
            self._met(peer)
        self._take(peer, message, way, now_ns)
        return True

    def _refuse(self, refusal: Refusal, way: Way) -> bool:
        key = (str(way.address), refusal.value)
        if key not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(key)
            warn("a message of a peer is refused", source=way.address, cause=refusal.value)
        return False

    def _challenge(self, peer: Peer, envelope: Envelope, way: Way, now_ns: int) -> None:
        if now_ns >= peer.next_challenge_ns:
            peer.next_challenge_ns = now_ns + CHALLENGE_SPACING_NS
            self._send(self._seal(peer, Kind.CHALLENGE, b"", envelope.challenge), (way,))

    def _met(self, peer: Peer) -> None:
        """Its engine has started, or ours: what it was told before is unknown to it."""
        self.book.forget(peer.name)
        entries = [encode_entry(talk.entry()) for talk in self._talks.values()]
        self._say_hello(peer, entries, wants_answer=True)
        for talk in list(self._talks.values()):
            talk.repeat(peer.name)

    def _take(self, peer: Peer, message: Hello | Said | Challenge, way: Way, now_ns: int) -> None:
        match message:
            case Hello(entries, wants_answer):
                for entry in entries:
                    self._note(peer, entry, way, now_ns)
                if wants_answer:
                    self._say_hello(peer, [encode_entry(talk.entry()) for talk in self._talks.values()])
            case Said():
                self._note(peer, message.entry, way, now_ns)
                self._hand_on(peer, message, way, now_ns)
            case Challenge():
                pass

    def _note(self, peer: Peer, entry: Entry, way: Way, now_ns: int) -> None:
        self.book.note(peer.name, entry, now_ns)
        if entry.primary is not None and entry.primary not in peer.learned and len(peer.learned) < 16:
            peer.learned.add(entry.primary)
            self._let_in()
        talk = self._talks.get(entry.name)
        if talk is not None:
            talk.noted(peer.name, entry, way, now_ns)

    def _hand_on(self, peer: Peer, said: Said, way: Way, now_ns: int) -> None:
        talk = self._talks.get(said.entry.name)
        if talk is not None:
            talk.heard(peer.name, said, way, now_ns)
            return
        absent = Entry(said.entry.name, PeerState.ABSENT)
        if said.kind is Kind.ASK:
            self.say(peer.name, Said(Kind.ANSWER, absent, said.question), (way,))
        elif said.kind is Kind.TAKE_OVER:
            self.say(peer.name, Said(Kind.REFUSED, absent, said.question, HandoverRefusal.ABSENT), (way,))
