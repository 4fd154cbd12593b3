"""Timers and descriptors, in the right order."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from vipkeeper.engine.loop import Callback, Loop

MS = 1_000_000


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def note(calls: list[str], what: str) -> Callback:
    return lambda _now_ns: calls.append(what)


def run_until(loop: Loop, happened: Callable[[], object], limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline
        loop.run_once(0.05)


def test_a_timer_rings_once_and_not_before_its_time(loop: Loop) -> None:
    rung: list[int] = []
    timer = loop.timer(rung.append)
    deadline_ns = time.monotonic_ns() + 5 * MS
    timer.set(deadline_ns)
    run_until(loop, lambda: rung)
    assert rung[0] >= deadline_ns
    assert timer.deadline_ns is None
    loop.run_once(0.01)
    assert len(rung) == 1


def test_a_timer_that_is_put_off_rings_at_its_new_time_only(loop: Loop) -> None:
    rung: list[int] = []
    timer = loop.urgent_timer(rung.append)
    now_ns = time.monotonic_ns()
    timer.set(now_ns + 2 * MS)
    timer.set(now_ns + 30 * MS)
    run_until(loop, lambda: rung)
    assert rung[0] >= now_ns + 30 * MS


def test_a_timer_that_is_brought_forward_rings_once_at_the_earlier_time(loop: Loop) -> None:
    rung: list[int] = []
    timer = loop.urgent_timer(rung.append)
    now_ns = time.monotonic_ns()
    timer.set(now_ns + 60 * MS)
    timer.set(now_ns + 2 * MS)
    run_until(loop, lambda: rung)
    assert rung[0] < now_ns + 60 * MS
    run_until(loop, lambda: time.monotonic_ns() > now_ns + 70 * MS)
    assert len(rung) == 1


def test_a_cancelled_timer_never_rings(loop: Loop) -> None:
    rung: list[int] = []
    timer = loop.timer(rung.append)
    timer.set(time.monotonic_ns() + MS)
    timer.cancel()
    loop.run_once(0.02)
    loop.run_once(0.02)
    assert rung == []


def test_a_timer_may_set_itself_again(loop: Loop) -> None:
    rung: list[int] = []

    def ring(now_ns: int) -> None:
        rung.append(now_ns)
        if len(rung) < 3:
            timer.set(now_ns + MS)

    timer = loop.urgent_timer(ring)
    timer.set(time.monotonic_ns())
    run_until(loop, lambda: len(rung) == 3)


def test_after_a_late_wakeup_routers_come_first_then_readers_then_the_rest(loop: Loop) -> None:
    calls: list[str] = []
    reader, writer = os.pipe()
    try:
        loop.watch(reader, note(calls, "reader"))
        ordinary, urgent = loop.timer(note(calls, "ordinary")), loop.urgent_timer(note(calls, "urgent"))
        now_ns = time.monotonic_ns()
        ordinary.set(now_ns - 3000 * MS)
        urgent.set(now_ns - 10 * MS)
        loop.afterwards(note(calls, "afterwards"))
        os.write(writer, b"x")
        loop.run_once(1)
    finally:
        loop.unwatch(reader)
        os.close(reader)
        os.close(writer)
    assert calls == ["urgent", "reader", "ordinary", "afterwards"]
    assert loop.max_lateness_ns >= 10 * MS


def test_a_timer_with_slack_goes_along_with_one_that_is_due_and_does_not_ring_early_alone(loop: Loop) -> None:
    rung: list[str] = []
    due, along, without_slack = (loop.urgent_timer(note(rung, name)) for name in ("due", "along", "without slack"))
    along.slack_ns = 200 * MS
    now_ns = time.monotonic_ns()
    along.set(now_ns + 150 * MS)
    without_slack.set(now_ns + 160 * MS)
    loop.run_once(0.001)
    assert rung == []
    due.set(now_ns)
    loop.run_once(1)
    assert rung == ["due", "along"]
    assert (along.deadline_ns, without_slack.deadline_ns) == (None, now_ns + 160 * MS)


def test_a_deadline_that_is_moved_back_again_and_again_wakes_nobody(loop: Loop) -> None:
    """As the down timer of a Backup is by each advert of the Active."""
    rung: list[int] = []
    timer = loop.urgent_timer(rung.append)
    now_ns = time.monotonic_ns()
    timer.set(now_ns + 2 * MS)
    timer.deadline_ns = now_ns + 60 * MS
    loop.run_once(10)
    assert rung, "one wait, until the deadline that counts"
    assert rung[0] >= now_ns + 60 * MS


def test_a_router_whose_time_comes_while_somebody_reads_is_served_before_the_next_reader(loop: Loop) -> None:
    calls: list[str] = []
    pipes = [os.pipe() for _ in range(2)]
    urgent = loop.urgent_timer(note(calls, "urgent"))

    def slow(_now_ns: int) -> None:
        calls.append("reader")
        if len(calls) == 1:
            urgent.set(time.monotonic_ns())

    try:
        for reader, writer in pipes:
            loop.watch(reader, slow)
            os.write(writer, b"x")
        loop.run_once(1)
    finally:
        for reader, writer in pipes:
            loop.unwatch(reader)
            os.close(reader)
            os.close(writer)
    assert calls == ["reader", "urgent", "reader"]


def test_a_reader_that_another_reader_has_closed_is_not_called(loop: Loop) -> None:
    calls: list[int] = []
    pipes = [os.pipe() for _ in range(2)]

    def close_the_other(mine: int, other: int) -> Callback:
        def read(_now_ns: int) -> None:
            calls.append(mine)
            loop.unwatch(other)

        return read

    (first, first_end), (second, second_end) = pipes
    loop.watch(first, close_the_other(first, second))
    loop.watch(second, close_the_other(second, first))
    for end in (first_end, second_end):
        os.write(end, b"x")
    loop.run_once(1)
    for pipe in pipes:
        for descriptor in pipe:
            os.close(descriptor)
    assert len(calls) == 1


def test_waits_are_exact_to_far_less_than_a_millisecond(loop: Loop) -> None:
    """epoll_wait alone rounds up to whole milliseconds; the best of many shows the mechanism, not the machine's load."""
    late_ns = []
    for _ in range(20):
        rung: list[int] = []
        timer = loop.urgent_timer(rung.append)
        deadline_ns = time.monotonic_ns() + 1_300_000
        timer.set(deadline_ns)
        run_until(loop, partial(len, rung))
        late_ns.append(rung[0] - deadline_ns)
    assert 0 <= min(late_ns) < 300_000
