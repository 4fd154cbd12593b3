"""Somebody else claims one of our addresses while we are Active: it is told by MAC address, and neighbours are told again
where the address is. Nothing is decided: who is Active is VRRP's matter.

A word (`address_words.py`) is judged a little after it was heard, because what explains it may come later:

- one of our own MAC addresses, or the virtual router's: not foreign
- we are not Active any more, or hand over: it was the next Active, which announces before we know
- an advert of this virtual router was heard about then (or a peer said that it is Active): two Actives that settle it
- the MAC address of a peer, as the kernel's table of neighbours has it: two Actives that do not hear each other's
  adverts; that is SplitBrain, and told as such
- we have just become Active: the last word of the one before

All else is AddressConflict. It lasts LASTS_NS after the last word; before it ends the segment is asked.
Corrections: at once, then with pauses that double up to RFC 5227's DEFEND_INTERVAL: two hosts that both defend an
address shall not fill the segment.

Tests: tests/netns/test_address_conflict.py, test_no_address_conflict.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vipkeeper.engine.address_ear import AddressEar
from vipkeeper.engine.address_words import Word
from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.engine.sightings import Sightings
from vipkeeper.ipc.messages import Finding, FindingKind
from vipkeeper.vrrp.timers import CLAIM_NS
from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns, ms_to_ns

LASTS_NS = 10 * NS_PER_S
ASK_BEFORE_END_NS = 2 * CLAIM_NS
JUDGE_AFTER_NS = ms_to_ns(150)
"""At least; and one and a half of our intervals, in which an Active that was heard by ARP is heard by its advert."""
JUDGE_BEFORE_NS = 3 * NS_PER_S
FIRST_PAUSE_NS, LONGEST_PAUSE_NS = NS_PER_S, 10 * NS_PER_S


class Holder(Protocol):
    """The router whose addresses these are."""

    @property
    def holds_alone(self) -> bool:
        """Whether it is Active, and is not giving that up."""
        ...

    @property
    def places(self) -> tuple[Link, ...]:
        """Interfaces on which its addresses, and its adverts, are."""
        ...

    def is_own_mac(self, mac: bytes) -> bool: ...

    def is_peer_mac(self, mac: bytes, version: int) -> bool: ...

    def announce_again(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Suspicion:
    word: Word
    heard_ns: int


class ForeignClaims:
    def __init__(
        self, loop: Loop, vip: str, ear: AddressEar, proof: SegmentProof, holder: Holder, on_change: Callable[[], None]
    ) -> None:
        self._ear = ear
        self._proof = proof
        self._holder = holder
        self._addresses: tuple[IPAddress, ...] = ()
        self._judge_after_ns = JUDGE_AFTER_NS
        self._watching = False
        self._since_ns = 0
        self._other_ns: int | None = None
        self._suspicion: _Suspicion | None = None
        self._claimed: dict[str, IPAddress] = {}
        self._next_correction_ns = 0
        self._pause_ns = FIRST_PAUSE_NS
        self._timer = loop.timer(self._judge)
        self._sightings = Sightings(
            loop, FindingKind.ADDRESS_CONFLICT, vip, on_change, doubt=self._ask, doubt_ns=ASK_BEFORE_END_NS
        )

    def configure(self, addresses: tuple[IPAddress, ...], interval_cs: int) -> None:
        after_ns = cs_to_ns(interval_cs) * 3 // 2
        self._judge_after_ns = min(max(after_ns, JUDGE_AFTER_NS), JUDGE_BEFORE_NS)
        if addresses != self._addresses:
            self._addresses = addresses
            if self._watching:
                self._forget()
                self._ear.watch(self, addresses)

    def became_active(self, now_ns: int) -> None:
        self._watching, self._since_ns = True, now_ns
        self._ear.watch(self, self._addresses)

    def ceased_to_be_active(self) -> None:
        if self._watching:
            self._watching = False
            self._ear.unwatch(self)
            self._forget()

    def other_active(self, now_ns: int) -> None:
        """Another Active of this virtual router was heard, as VRRP or as its peer."""
        self._other_ns = now_ns

    def findings(self, now_ns: int) -> tuple[Finding, ...]:
        return self._sightings.findings(now_ns)

    def word_heard(self, word: Word, index: int, now_ns: int) -> None:
        if all(index != link.index for link in self._holder.places) or self._holder.is_own_mac(word.mac):
            return
        source = word.mac.hex(":")
        if self._sightings.knows(source):
            self._sightings.again(source, now_ns, LASTS_NS)
            self._correct(now_ns)
        elif self._suspicion is None:
            self._suspicion = _Suspicion(word, now_ns)
            self._timer.set(now_ns + self._judge_after_ns)

    def _judge(self, now_ns: int) -> None:
        suspicion, self._suspicion = self._suspicion, None
        if suspicion is None or self._is_explained(suspicion):
            return
        word = suspicion.word
        source = word.mac.hex(":")
        self._sightings.see(source, lambda: _describe(word), now_ns, LASTS_NS)
        self._claimed = {mac: address for mac, address in self._claimed.items() if self._sightings.knows(mac)}
        if self._sightings.knows(source):
            self._claimed[source] = word.address
        self._correct(now_ns)

    def _is_explained(self, suspicion: _Suspicion) -> bool:
        heard_ns = suspicion.heard_ns
        if not self._holder.holds_alone or heard_ns < self._since_ns + self._judge_after_ns:
            return True
        if self._other_ns is not None and self._other_ns >= heard_ns - self._judge_after_ns:
            return True
        return self._holder.is_peer_mac(suspicion.word.mac, suspicion.word.address.version)

    def _correct(self, now_ns: int) -> None:
        if now_ns < self._next_correction_ns or not self._holder.holds_alone:
            return
        quiet = now_ns >= self._next_correction_ns + LASTS_NS
        self._pause_ns = FIRST_PAUSE_NS if quiet else min(2 * self._pause_ns, LONGEST_PAUSE_NS)
        self._next_correction_ns = now_ns + self._pause_ns
        self._holder.announce_again()

    def _ask(self, source: str, now_ns: int) -> None:
        """Has it the address still? Only one that does not answer is gone."""
        address, links = self._claimed.get(source), self._holder.places
        if address is not None and links:
            self._proof.probe(links[0], (address,), self._answered, now_ns)

    def _answered(self, _address: IPAddress, mac: bytes, now_ns: int) -> None:
        if not self._holder.is_own_mac(mac):
            self._sightings.again(mac.hex(":"), now_ns, LASTS_NS)

    def _forget(self) -> None:
        self._timer.cancel()
        self._suspicion = None
        self._claimed.clear()
        self._sightings.clear()


def _describe(word: Word) -> str:
    return (
        f"{word.address} is claimed by {word.mac.hex(':')} as well ({word.what}); neighbours are told again where it is"
    )
