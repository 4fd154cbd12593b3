"""Numbers that say how sure they are."""

from __future__ import annotations

import pytest

from tests.bench.figures import NS_PER_MS, Figure, Goal, active_down_interval_ns, longest_gap_ns, turns


@pytest.mark.parametrize(
    ("priority", "interval_cs", "wanted_ms"), [(100, 100, 3609.375), (254, 10, 300.78125), (100, 1, 36.09375)]
)
def test_the_bound_of_the_protocol(priority: int, interval_cs: int, wanted_ms: float) -> None:
    assert active_down_interval_ns(priority, interval_cs) / NS_PER_MS == pytest.approx(wanted_ms)


def test_a_gap_begins_with_the_last_before_and_ends_with_the_end() -> None:
    assert longest_gap_ns([0, 90, 130, 150], 100, 160) == 40
    assert longest_gap_ns([90, 110], 100, 200) == 90
    assert longest_gap_ns([], 100, 200) == 100
    assert longest_gap_ns([150, 90, 130], 100, 160) == 40, "the order does not matter"


def test_what_comes_after_the_end_is_not_counted() -> None:
    assert longest_gap_ns([100, 110, 500], 100, 120) == 10


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((1.001, 1.005), "at most 1.005: reached"),
        ((1.001, 1.002, 1.1), "at most 1.005: reached by the median, not by the worst"),
        ((1.1, 1.2), "at most 1.005: not reached yet"),
        ((0.999, 1.001), "below 1: NOT KEPT"),
    ],
)
def test_a_goal_is_judged_by_the_worst_repetition(values: tuple[float, ...], verdict: str) -> None:
    assert Goal(1.005, 1.0).judge(values) == verdict


def test_a_figure_shows_its_spread_and_its_repetitions() -> None:
    figure = Figure("case", "program", "gap", "ms", (3.0, 1.0, 2.0))
    assert figure.spread() == "2.00 ms (1.00 .. 3.00, n = 3)"
    assert figure.verdict() == ""
    assert Figure("case", "program", "ratio", "", (1.0,)).spread() == "1.0000 (1.0000 .. 1.0000, n = 1)"


def test_a_figure_without_values_says_so() -> None:
    figure = Figure("case", "program", "gap", "ms", (), Goal(1))
    assert figure.spread() == "no repetition succeeded"
    assert figure.verdict() == ""


def test_a_takeover_is_counted_when_it_begins() -> None:
    assert turns(["one", "one"], "two") == 0
    assert turns(["one", "two", "two", "one", "two"], "two") == 2
    assert turns(["two", "one"], "two") == 1
    assert turns([], "two") == 0
