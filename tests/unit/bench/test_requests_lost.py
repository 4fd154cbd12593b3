"""Which lost requests are excused: those under way on the host that went, and those of an outage."""

from __future__ import annotations

import pytest

from tests.bench.asker import ANSWERED, REFUSED, RESET, TIMED_OUT, Request
from tests.bench.requests_lost import judge

AT, MOVED = 1_000, 1_100
"""ms"""


def beyond(sent_ms: float, took_ms: float, outcome: str, moved: int | None = MOVED, outage: bool = True) -> int:
    request = Request(int(sent_ms * 1e6), outcome, took_ms)
    moved_ns = None if moved is None else moved * 1_000_000
    return judge([request], AT * 1_000_000, moved_ns, outage).beyond


@pytest.mark.parametrize(
    ("sent_ms", "took_ms", "outcome"), [(999, 10, RESET), (1_050, 1, REFUSED), (1_104, 1, REFUSED)]
)
def test_in_flight_or_within_the_outage_is_excused(sent_ms: float, took_ms: float, outcome: str) -> None:
    assert beyond(sent_ms, took_ms, outcome) == 0


@pytest.mark.parametrize(
    ("sent_ms", "took_ms", "outcome"), [(990, 5, RESET), (1_200, 1, REFUSED), (1_150, 3000, TIMED_OUT)]
)
def test_before_and_after_is_not(sent_ms: float, took_ms: float, outcome: str) -> None:
    assert beyond(sent_ms, took_ms, outcome) == 1


def test_at_a_planned_move_only_what_was_under_way_at_its_moment_is_excused() -> None:
    assert beyond(1_095, 10, RESET, outage=False) == 0
    assert beyond(1_050, 1, REFUSED, outage=False) == 1


def test_at_a_reload_nothing_is() -> None:
    assert beyond(999, 10, RESET, moved=None, outage=False) == 1


def test_kinds_and_slow_ones_are_counted() -> None:
    requests = [Request(0, ANSWERED, 1.0), Request(0, ANSWERED, 150.0), Request(AT * 1_000_000, RESET, 1.0)]
    outcome = judge(requests, AT * 1_000_000, MOVED * 1_000_000, True)
    assert (outcome.sent, outcome.lost, outcome.slow, outcome.moved_ms) == (3, 1, 1, 100.0)
    assert outcome.kinds == {RESET: 1}
