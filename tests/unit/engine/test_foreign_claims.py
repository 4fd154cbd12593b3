"""Words about our addresses: which are a conflict, and what is done about it. (On the wire: tests/netns/test_address_conflict.py.)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Any, cast

import pytest

from vipkeeper.engine.address_ear import AddressEar
from vipkeeper.engine.address_words import Word
from vipkeeper.engine.foreign_claims import LASTS_NS, LONGEST_PAUSE_NS, ForeignClaims
from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.vrrp.units import NS_PER_S, ms_to_ns

VIP = ip_address("192.0.2.100")
OURS, STRANGER, PEER = (bytes((2, 0, 0, 0, 0, number)) for number in (1, 0x66, 2))
S = NS_PER_S


class Clock(Loop):
    def pass_to(self, now_ns: int) -> None:
        self._ring(self._ordinary, now_ns)


class World:
    """The holder, the ear and the one who asks."""

    def __init__(self) -> None:
        self.holds_alone = True
        self.places = (Link(7, "eth0", 0, OURS),)
        self.announced = 0
        self.watched: tuple[IPAddress, ...] = ()
        self.asked: list[IPAddress] = []
        self.answer: bytes | None = None
        self.clock = Clock()
        ear, proof = cast(AddressEar, self), cast(SegmentProof, self)
        self.claims = ForeignClaims(self.clock, "web", ear, proof, self, lambda: None)
        self.claims.configure((VIP,), 10)
        self.claims.became_active(0)

    def is_own_mac(self, mac: bytes) -> bool:
        return mac == OURS

    def is_peer_mac(self, mac: bytes, version: int) -> bool:
        return mac == PEER and version == 4

    def announce_again(self) -> None:
        self.announced += 1

    def watch(self, _watcher: object, addresses: Iterable[IPAddress]) -> None:
        self.watched = tuple(addresses)

    def unwatch(self, _watcher: object) -> None:
        self.watched = ()

    def probe(self, _link: Link, addresses: tuple[IPAddress, ...], on_answer: Callable[..., Any], now_ns: int) -> None:
        self.asked += addresses
        if self.answer is not None:
            on_answer(addresses[0], self.answer, now_ns)

    def hand_over(self) -> bool:
        self.holds_alone = False
        return self.holds_alone

    def hear(self, mac: bytes = STRANGER, now_ns: int = 10 * S, index: int = 7) -> None:
        self.claims.word_heard(Word(VIP, mac, "ARP announcement"), index, now_ns)

    def judged(self, at_ns: int = 11 * S) -> list[str]:
        self.clock.pass_to(at_ns)
        return [item.source for item in self.claims.findings(at_ns)]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.clock.close()


def test_a_stranger_is_told_a_moment_later_and_corrected(world: World) -> None:
    world.hear()
    assert world.judged(10 * S + ms_to_ns(149)) == []
    assert world.announced == 0, "it may be the next Active, whose announcement is the last word"
    assert world.judged(10 * S + ms_to_ns(150)) == ["02:00:00:00:00:66"]
    assert world.announced == 1
    (finding,) = world.claims.findings(11 * S)
    assert finding.detail.startswith("192.0.2.100 is claimed by 02:00:00:00:00:66 as well (ARP announcement)")


@pytest.mark.parametrize(
    "explain",
    [
        lambda world: world.hear(OURS),
        lambda world: world.hear(PEER),
        lambda world: world.hear(index=8),
        lambda world: (world.hear(), world.claims.other_active(10 * S + ms_to_ns(100))),
        lambda world: (world.claims.other_active(10 * S - ms_to_ns(100)), world.hear()),
        lambda world: (world.hear(), world.hand_over()),
        lambda world: (world.claims.became_active(10 * S - ms_to_ns(100)), world.hear()),
        lambda world: (world.hear(), world.claims.ceased_to_be_active()),
    ],
    ids=[
        "our own",
        "a peer's",
        "another interface",
        "an Active speaks after it",
        "an Active has spoken before it",
        "handing over",
        "we are new",
        "not Active any more",
    ],
)
def test_what_is_explained_is_no_conflict(world: World, explain: Callable[[World], object]) -> None:
    explain(world)
    assert world.judged() == []
    assert world.announced == 0


def test_an_active_that_was_heard_long_ago_explains_nothing(world: World) -> None:
    world.claims.other_active(5 * S)
    world.hear()
    assert len(world.judged()) == 1


def test_corrections_become_rare_and_frequent_again_after_a_quiet_time(world: World) -> None:
    world.hear()
    world.judged()
    for tenth in range(600):
        world.hear(now_ns=11 * S + tenth * S // 10)
    assert 5 <= world.announced <= 10, "in a minute of claims"
    before = world.announced
    quiet_ns = 71 * S + LONGEST_PAUSE_NS + LASTS_NS
    world.hear(now_ns=quiet_ns)
    world.hear(now_ns=quiet_ns + 2 * S)
    assert world.announced == before + 2


def test_before_it_ends_it_is_asked_and_stays_as_long_as_it_answers(world: World) -> None:
    world.hear()
    (mac,) = world.judged(10 * S + ms_to_ns(150))
    world.answer = STRANGER
    for second in range(11, 60):
        assert world.judged(second * S) == [mac]
    assert len(world.asked) >= 4
    world.answer = OURS
    assert world.judged(80 * S) != []  # asked, and only we answer
    assert world.judged(90 * S) == []


def test_only_an_active_watches_and_forgets_when_it_is_none_any_more(world: World) -> None:
    assert set(world.watched) == {VIP}
    world.hear()
    world.judged()
    other = ip_address("192.0.2.101")
    world.claims.configure((VIP, other), 10)
    assert set(world.watched) == {VIP, other}
    world.claims.ceased_to_be_active()
    assert not world.watched
    assert world.judged() == []


def test_many_liars_cost_a_bounded_memory(world: World) -> None:
    for number in range(2000):
        now_ns = 10 * S + number * S
        world.claims.word_heard(Word(VIP, number.to_bytes(6, "big"), "ARP request"), 7, now_ns)
        world.clock.pass_to(now_ns + S // 2)
    assert len(world.claims.findings(0)) <= 4
    assert len(world.claims._claimed) <= 4
