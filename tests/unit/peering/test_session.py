"""operator/vipkeeper/peering/session.py"""

from __future__ import annotations

from dataclasses import replace

from vipkeeper.peering.envelope import Envelope, Refusal, node_id
from vipkeeper.peering.session import NOTHING, OwnSession, PeerSession


class End:
    """One of two that talk: what it sends, and what it makes of the other's."""

    def __init__(self, name: str, other: str, seed: bytes) -> None:
        self.id, self.other = node_id(name), node_id(other)
        self.start(seed)

    def start(self, seed: bytes) -> None:
        """Its engine is a new one."""
        self.own = OwnSession(seed.ljust(32, b"."))
        self.peer = PeerSession(self.own, self.other)

    def says(self, echo: bytes | None = None) -> Envelope:
        echo = self.peer.echo if echo is None else echo
        sequence = self.own.next_sequence()
        return Envelope(1, self.id, self.other, self.own.session, sequence, self.peer.challenge, echo)


def ends() -> tuple[End, End]:
    return End("one", "two", b"seed of one"), End("two", "one", b"seed of two")


def meet(one: End, two: End) -> None:
    """As the engines do it: a first word, a challenge, and the word again."""
    first = one.says()
    assert two.peer.take(first) is Refusal.NOT_FRESH
    assert one.peer.take(two.says(echo=first.challenge)) is None
    assert two.peer.take(one.says()) is None
    assert one.peer.take(two.says()) is None


def test_after_one_round_trip_both_believe_each_other() -> None:
    one, two = ends()
    meet(one, two)
    assert one.peer.is_open
    assert two.peer.is_open
    for _ in range(3):
        assert two.peer.take(one.says()) is None


def test_each_message_counts_once_in_any_order() -> None:
    one, two = ends()
    meet(one, two)
    said = [one.says() for _ in range(10)]
    for index in (3, 1, 9, 0, 4):
        assert two.peer.take(said[index]) is None
        assert two.peer.take(said[index]) is Refusal.REPLAYED
    assert two.peer.take(said[8]) is None
    for _ in range(100):
        last = one.says()
    assert two.peer.take(last) is None
    assert two.peer.take(said[5]) is Refusal.REPLAYED, "too old to be remembered"


def test_a_message_that_was_overtaken_does_not_bring_its_old_echo_back() -> None:
    one, two = ends()
    meet(one, two)
    early = replace(one.says(), challenge=b"outdated")
    assert two.peer.take(one.says()) is None
    assert two.peer.take(early) is None
    assert two.peer.echo == one.peer.challenge


def test_an_engine_that_was_can_not_be_brought_back_with_what_it_once_said() -> None:
    one, two = ends()
    meet(one, two)
    kept = [one.says() for _ in range(5)]  # somebody kept these, and two never saw them
    one.start(b"another engine")
    meet_again = one.says()
    assert two.peer.take(meet_again) is Refusal.NOT_FRESH
    assert one.peer.take(two.says(echo=meet_again.challenge)) is None
    assert two.peer.take(one.says()) is None
    assert [two.peer.take(item) for item in kept] == [Refusal.NOT_FRESH] * 5


def test_an_engine_that_starts_believes_nothing_that_was_said_before() -> None:
    one, two = ends()
    meet(one, two)
    kept = [one.says() for _ in range(5)]
    two.start(b"another engine")
    assert [two.peer.take(item) for item in kept] == [Refusal.NOT_FRESH] * 5
    assert two.peer.take(replace(one.says(), echo=NOTHING)) is Refusal.NOT_FRESH


def test_challenges_are_never_the_same() -> None:
    own = OwnSession(b"seed".ljust(32))
    made = [own.challenge(node_id(name), count) for name in ("one", "two") for count in range(50)]
    assert len({*made, own.session, NOTHING}) == 102
