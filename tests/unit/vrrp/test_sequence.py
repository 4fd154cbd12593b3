"""Numbers that are times. Seconds of the epoch are small here: nothing depends on which year it is."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.sequence import (
    MAX_SENDERS,
    ReplayMarks,
    Sequencer,
    distance,
    is_within,
    replay_window_ns,
    sequence_of,
)

S = 1_000_000_000
WINDOW_NS = 5 * S
A, B = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
REPLAYED = Dropped(DropReason.REPLAYED)


def test_a_number_is_seconds_and_their_65536ths_and_a_counter() -> None:
    assert sequence_of(0x68000000 * S + S // 2) == 0x6800000080000000
    assert sequence_of(S // 65536) == 0  # 15258.7 ns are one part: rounded down
    assert sequence_of(S // 65536 + 1) == 0x10000


def test_numbers_go_round_and_are_compared_across_the_end() -> None:
    """RFC 1982 §3.2."""
    last = (1 << 64) - 1
    assert distance(0, last) == 1
    assert distance(last, 0) == -1
    assert distance(5, 5) == 0
    assert distance((1 << 63) - 1, 0) > 0
    assert distance((1 << 63) + 1, 0) < 0
    assert sequence_of(S << 32) == 0


@pytest.mark.parametrize(("interval_cs", "window_s"), [(1, 5), (100, 5), (166, 5), (200, 6), (4095, 122.85)])
def test_the_window_is_three_intervals_and_at_least_five_seconds(interval_cs: int, window_s: float) -> None:
    assert replay_window_ns(interval_cs) == window_s * S


def test_the_edge_of_the_window_is_inside() -> None:
    now = sequence_of(100 * S)
    assert is_within(now + (5 << 32), now, WINDOW_NS)
    assert not is_within(now + (5 << 32) + 1, now, WINDOW_NS)
    assert is_within(now - (5 << 32), now, WINDOW_NS)
    assert not is_within(now - (5 << 32) - 1, now, WINDOW_NS)


def test_a_sender_takes_the_clock_or_counts_on() -> None:
    sequencer = Sequencer()
    first = sequencer.next(100 * S, WINDOW_NS)
    assert first == sequence_of(100 * S)
    assert [sequencer.next(100 * S, WINDOW_NS) - first for _ in range(3)] == [1, 2, 3]
    assert sequencer.next(99 * S, WINDOW_NS) == first + 4  # the clock went back a little
    assert sequencer.next(101 * S, WINDOW_NS) == sequence_of(101 * S)


def test_a_sender_counts_on_over_the_end_of_the_counter() -> None:
    sequencer = Sequencer()
    numbers = [sequencer.next(100 * S, WINDOW_NS) for _ in range(65_537)]
    assert numbers[-1] - numbers[0] == 65_536
    assert numbers == sorted(set(numbers))


def test_a_clock_that_was_set_back_far_starts_anew() -> None:
    sequencer = Sequencer()
    sequencer.next(10_000 * S, WINDOW_NS)
    assert sequencer.next(9_990 * S, WINDOW_NS) == sequence_of(9_990 * S)


def test_a_mark_must_grow_strictly() -> None:
    marks = ReplayMarks()
    number = sequence_of(100 * S)
    moves = [number, number, number - 1, number + 1, number + 1, number + 9, number + 8]
    refused = [marks.move(A, moved, 100 * S, WINDOW_NS) for moved in moves]
    assert refused == [None, REPLAYED, REPLAYED, None, REPLAYED, None, REPLAYED]


def test_each_sender_has_its_own_mark() -> None:
    marks = ReplayMarks()
    number = sequence_of(100 * S)
    assert marks.move(A, number, 100 * S, WINDOW_NS) is None
    assert marks.move(B, number - 7, 100 * S, WINDOW_NS) is None
    assert marks.move(A, number - 7, 100 * S, WINDOW_NS) == REPLAYED


def test_a_mark_outside_the_window_has_expired() -> None:
    """The clock of all of them was an hour ahead and was put right: numbers of now count again."""
    marks = ReplayMarks()
    marks.move(A, sequence_of(3_700 * S), 3_700 * S, WINDOW_NS)
    assert marks.move(A, sequence_of(100 * S), 100 * S, WINDOW_NS) is None
    assert marks.move(A, sequence_of(100 * S), 100 * S, WINDOW_NS) == REPLAYED


def test_the_memory_of_senders_is_bounded_and_the_expired_make_room() -> None:
    marks = ReplayMarks()
    senders = [IPv4Address(0x0A000000 + n) for n in range(MAX_SENDERS)]
    for sender in senders:
        assert marks.move(sender, sequence_of(100 * S), 100 * S, WINDOW_NS) is None
    full = Dropped(DropReason.REPLAYED, f"more than {MAX_SENDERS} senders")
    assert marks.move(A, sequence_of(100 * S), 100 * S, WINDOW_NS) == full
    assert len(marks) == MAX_SENDERS
    assert marks.move(senders[0], sequence_of(101 * S), 101 * S, WINDOW_NS) is None
    assert marks.move(A, sequence_of(106 * S), 106 * S, WINDOW_NS) is None
    assert len(marks) == 2
