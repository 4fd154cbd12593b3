"""Questions to the neighbours on a segment (ARP, neighbour solicitation). Two of them:

Has somebody this address? Before it is claimed: three times, from no address (RFC 5227 §2.1.1, RFC 4862 §5.4.2).

Does this host hear the segment? Neighbours on it are asked who they are (ARP, neighbour solicitation): one that answers
is the proof, in both directions. No carrier and no switch in between can lie about that.

Who is asked: the peers, and whoever the kernel knows as a neighbour on that interface: the router, the clients.
The kernel lets in the answers of those who are asked, as long as they are, and nothing else: an answer is never an old
one, and a flood of answers wakes us for a moment only.
The socket for ARP is the guard's, like that of announcements: to close one takes the kernel 10 ms, time which a new
engine does not have. That for IPv6 is opened when it is needed first.

Tests: tests/netns/test_witness.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.address_sockets import drain, open_advertisement_socket
from vipkeeper.engine.address_words import (
    ARP_SENDER_AT,
    ND_TARGET_END_AT,
    ONLY_REPLIES,
    hop_limit_and_index,
    last_words,
    word_filter,
)
from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.known_neighbours import known_neighbours
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop, Timer
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.packet_filter import attach
from vipkeeper.vrrp.timers import CLAIM_NS
from vipkeeper.vrrp.units import ms_to_ns

ATTEMPTS = 4
PROBES = 3
PROBE_SPACING_NS = ms_to_ns(75)
MAX_TARGETS = 16
_READS_PER_WAKEUP = 64

_ETHERTYPE_ARP, _ETHERTYPE_IPV6 = 0x0806, 0x86DD
_ICMPV6, _SOLICITATION = 58, 135
_BROADCAST = b"\xff" * 6
_REPLY = b"\0\2"


def arp_request(mac: bytes, source: IPAddress, target: IPAddress) -> bytes:
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    frame = _BROADCAST + mac + _ETHERTYPE_ARP.to_bytes(2, "big") + header
    return (frame + mac + source.packed + bytes(6) + target.packed).ljust(60, b"\0")


def solicitation(mac: bytes, source: IPAddress, target: IPAddress) -> bytes:
    """To the solicited-node group of the target (RFC 4861 §4.3). From `::` it is a question of DAD, without our MAC."""
    group = IPv6Address(IPv6Address("ff02::1:ff00:0").packed[:13] + target.packed[13:])
    option = b"" if source.is_unspecified else struct.pack("!BB", 1, 1) + mac
    unsummed = struct.pack("!BBHI", _SOLICITATION, 0, 0, 0) + target.packed + option
    pseudo_header = source.packed + group.packed + struct.pack("!I3xB", len(unsummed), _ICMPV6)
    checksum = -int.from_bytes(pseudo_header + unsummed, "big") % 0xFFFF
    message = unsummed[:2] + checksum.to_bytes(2, "big") + unsummed[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + source.packed + group.packed
    return b"\x33\x33" + group.packed[12:] + mac + _ETHERTYPE_IPV6.to_bytes(2, "big") + header + message


@dataclass(slots=True, eq=False)
class _Question:
    link: Link
    targets: frozenset[IPAddress]
    frames: tuple[bytes, ...]
    spacing_ns: int
    on_answer: Callable[[IPAddress, bytes, int], None]
    until_ns: int
    left: int = ATTEMPTS
    due_ns: int = 0
    """When to ask again."""


class SegmentProof:
    def __init__(self, loop: Loop, arp: socket.socket) -> None:
        """`arp`: from `address_sockets.py`. It sends frames of both families."""
        self._loop = loop
        self._arp = arp
        self._nd: socket.socket | None = None
        self._questions: list[_Question] = []
        self._reads_arp = False
        self._in_force: dict[int, frozenset[int]] = {}
        self._timer: Timer = loop.timer(self._again)

    def ask(
        self,
        link: Link,
        source: IPAddress,
        peers: Iterable[IPAddress],
        spacing_ns: int,
        on_answer: Callable[[int], None],
        now_ns: int,
    ) -> None:
        """Call `on_answer` when a neighbour on `link` has answered. Nobody does: nothing happens."""
        self._questions = [item for item in self._questions if now_ns < item.until_ns]
        own = set(link.addresses)
        known = [item for item in (*peers, *known_neighbours(link.index, source.version)) if item not in own]
        targets = list(dict.fromkeys(known))[:MAX_TARGETS]
        make = arp_request if source.version == 4 else solicitation
        frames = tuple(make(link.mac, source, target) for target in targets)
        if not frames or len(link.mac) != 6 or not self._open(source.version):
            return
        until_ns = now_ns + 2 * ATTEMPTS * spacing_ns

        def answered(_by: IPAddress, _mac: bytes, then_ns: int) -> None:
            on_answer(then_ns)

        self._put(_Question(link, frozenset(targets), frames, spacing_ns, answered, until_ns), now_ns)

    def probe(
        self,
        link: Link,
        addresses: tuple[IPAddress, ...],
        on_answer: Callable[[IPAddress, bytes, int], None],
        now_ns: int,
    ) -> None:
        """Has somebody on `link` one of these? Called back with the address and the MAC of the first who says so."""
        if len(link.mac) != 6 or not all(self._open(version) for version in {item.version for item in addresses}):
            return
        frames = tuple(
            arp_request(link.mac, IPv4Address(0), item)
            if item.version == 4
            else solicitation(link.mac, IPv6Address(0), item)
            for item in addresses
        )
        until_ns = now_ns + CLAIM_NS
        question = _Question(link, frozenset(addresses), frames, PROBE_SPACING_NS, on_answer, until_ns, PROBES)
        self._put(question, now_ns)

    def _put(self, question: _Question, now_ns: int) -> None:
        self._questions.append(question)
        self._listen_for_answers()
        self._send(question, now_ns)
        self._rest(now_ns)

    def _again(self, now_ns: int) -> None:
        for question in self._questions:
            if question.left and now_ns >= question.due_ns:
                self._send(question, now_ns)
        self._rest(now_ns)

    def _rest(self, now_ns: int) -> None:
        self._questions = [item for item in self._questions if now_ns < item.until_ns]
        self._listen_for_answers()
        waiting = [item.due_ns if item.left else item.until_ns for item in self._questions]
        if waiting:
            self._timer.set(min(waiting))

    def _listen_for_answers(self) -> None:
        targets = [address for item in self._questions for address in item.targets]
        for version, opened in ((4, self._arp if self._reads_arp else None), (6, self._nd)):
            words = last_words(targets, version)
            if opened is None or words == self._in_force.get(version):
                continue
            before, at = (ONLY_REPLIES, ARP_SENDER_AT) if version == 4 else ((), ND_TARGET_END_AT)
            try:
                attach(opened, word_filter(words, at, before))
            except OSError as error:
                warn("neighbours' answers are not told apart", error=error.strerror)
            self._in_force[version] = words

    def _send(self, question: _Question, now_ns: int) -> None:
        question.left -= 1
        question.due_ns = now_ns + question.spacing_ns
        for frame in question.frames:
            try:
                self._arp.sendto(frame, (question.link.name, 0))
            except OSError:
                return

    def _open(self, version: int) -> bool:
        try:
            if not self._reads_arp:
                attach(self._arp, word_filter(frozenset(), ARP_SENDER_AT))
                drain(self._arp)  # what an engine before this one has not read
                self._reads_arp = True
                self._loop.watch(self._arp.fileno(), self._read_arp)
            if version == 6 and self._nd is None:
                self._nd = open_advertisement_socket()
                self._loop.watch(self._nd.fileno(), self._read_nd)
        except OSError as error:
            warn("no socket to ask neighbours", error=error.strerror)
            return False
        return True

    def _read_arp(self, now_ns: int) -> None:
        for _ in range(_READS_PER_WAKEUP):
            try:
                frame, address = self._arp.recvfrom(128)
            except OSError:
                return
            if len(frame) >= 42 and frame[20:22] == _REPLY:
                self._answered(socket.if_nametoindex(address[0]), IPv4Address(frame[28:32]), frame[22:28], now_ns)

    def _read_nd(self, now_ns: int) -> None:
        assert self._nd is not None
        for _ in range(_READS_PER_WAKEUP):
            try:
                message, ancillary, _flags, _sender = self._nd.recvmsg(256, 64)
            except OSError:
                return
            _hop_limit, index = hop_limit_and_index(ancillary)
            if len(message) >= 24:
                self._answered(index, IPv6Address(message[8:24]), message[26:32], now_ns)

    def _answered(self, index: int, by: IPAddress, mac: bytes, now_ns: int) -> None:
        for question in list(self._questions):
            if question.link.index == index and by in question.targets and mac != question.link.mac:
                self._questions.remove(question)
                question.on_answer(by, mac, now_ns)
