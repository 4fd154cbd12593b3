"""The sequence numbers of the HMAC trailer: 64 bits that are a time, and are compared as RFC 1982 compares.

    seconds since the epoch (32 bits) | 1/65536 s (16 bits) | counter (16 bits)

So one second is 2**32, the numbers of a sender grow with its clock, and the counter tells apart what it sends at one
instant. This is the only place of vipkeeper where the calendar clock matters. It comes as an argument, `wall_ns`.
"""

from __future__ import annotations

from vipkeeper.vrrp.advert import IPAddress
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns

MAX_SENDERS = 32
"""Senders whose last number is remembered. Only who has a key comes in, so this many share one VRID in good faith."""

_SERIAL = 1 << 64
_HALF = 1 << 63
_PER_SECOND = 1 << 32
_COUNTER_BITS = 16


def sequence_of(wall_ns: int) -> int:
    """The number of an instant; its counter is 0."""
    subseconds = (wall_ns << 16) // NS_PER_S  # units of 1/65536 s, rounded down
    return (subseconds << _COUNTER_BITS) % _SERIAL


def distance(first: int, second: int) -> int:
    """How far `first` is ahead of `second` (RFC 1982 §3.2), negative: behind. The numbers go round."""
    return (first - second + _HALF) % _SERIAL - _HALF


def replay_window_ns(interval_cs: int) -> int:
    """How far the time of a trailer may be from ours: keepalived's default, three intervals, at least 5 s."""
    return max(3 * cs_to_ns(interval_cs), 5 * NS_PER_S)


def is_within(first: int, second: int, window_ns: int) -> bool:
    return abs(distance(first, second)) * NS_PER_S <= window_ns * _PER_SECOND


class Sequencer:
    """The numbers of one sender: the clock's, or one more than the last, whichever is larger.

    A clock that was set back by more than the window starts anew. To go on counting would mean to be stale for
    everybody until the clock has caught up, and a mark that far ahead has expired at the receivers.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def next(self, wall_ns: int, window_ns: int) -> int:
        number = sequence_of(wall_ns)
        last = self._last
        if last is not None and distance(number, last) <= 0 and is_within(number, last, window_ns):
            number = (last + 1) % _SERIAL
        self._last = number
        return number


class ReplayMarks:
    """The last number of each sender. A mark moves only forward, and only after its HMAC was found right."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: dict[IPAddress, int] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def move(self, source: IPAddress, number: int, wall_ns: int, window_ns: int) -> Dropped | None:
        """Take note of a number. Refused: it is not larger than the sender's last, or there is no room."""
        mark = self._marks.get(source)
        if mark is None:
            return self._remember(source, number, wall_ns, window_ns)
        if distance(number, mark) <= 0 and is_within(mark, sequence_of(wall_ns), window_ns):
            return Dropped(DropReason.REPLAYED)
        self._marks[source] = number
        return None

    def _remember(self, source: IPAddress, number: int, wall_ns: int, window_ns: int) -> Dropped | None:
        if len(self._marks) >= MAX_SENDERS:
            self._forget_expired(wall_ns, window_ns)
        if len(self._marks) >= MAX_SENDERS:
            return Dropped(DropReason.REPLAYED, f"more than {MAX_SENDERS} senders")
        self._marks[source] = number
        return None

    def _forget_expired(self, wall_ns: int, window_ns: int) -> None:
        """What is outside the window now is stale by its time alone."""
        now = sequence_of(wall_ns)
        self._marks = {source: mark for source, mark in self._marks.items() if is_within(mark, now, window_ns)}
