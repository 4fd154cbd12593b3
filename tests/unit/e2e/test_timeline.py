"""Covers tests/e2e/support/timeline.py: what counts as a gap decides what every measured figure means."""

from __future__ import annotations

import pytest

from tests.e2e.support.timeline import NS_PER_MS, Probe, Timeline

INTERVAL_MS = 5


def timeline(*probes: tuple[int, int | None], stopped_ms: int) -> Timeline:
    """From (sent, answered) in milliseconds."""
    ns = [Probe(sent * NS_PER_MS, None if answered is None else answered * NS_PER_MS, "x") for sent, answered in probes]
    return Timeline(tuple(ns), INTERVAL_MS * NS_PER_MS, stopped_ms * NS_PER_MS)


def test_answers_at_once_leave_no_gap_longer_than_the_interval() -> None:
    steady = timeline(*((ms, ms + 1) for ms in range(0, 100, 5)), stopped_ms=99)
    assert steady.longest_gap().ms <= INTERVAL_MS + 1


def test_lost_probes_are_a_gap_from_before_the_first_of_them_to_the_next_answer() -> None:
    lossy = timeline((0, 1), (5, None), (10, None), (15, 16), stopped_ms=17)
    assert lossy.longest_gap().ms == 15


def test_late_answers_are_a_gap_too() -> None:
    queued = timeline((0, 1), (5, 40), (10, 40), (15, 41), (40, 41), stopped_ms=42)
    assert queued.longest_gap().ms == 39


def test_a_prober_that_slept_makes_no_gap() -> None:
    slept = timeline((0, 1), (80, 81), (85, 86), stopped_ms=87)
    assert slept.longest_gap().ms <= INTERVAL_MS + 1


def test_silence_at_the_end_is_a_gap_until_the_probe_was_stopped() -> None:
    dead = timeline((0, 1), (5, None), (10, None), stopped_ms=300)
    assert dead.longest_gap().ms == 299


def test_silence_at_the_beginning_is_a_gap_until_the_first_answer() -> None:
    late = timeline((0, None), (5, None), (50, 51), stopped_ms=52)
    assert late.longest_gap().ms == pytest.approx(51, abs=0.001)
    assert late.first_answer_ns == 51 * NS_PER_MS


def test_only_gaps_that_end_later_are_looked_at_when_asked_so() -> None:
    twice = timeline((0, 1), (5, None), (50, 51), (55, None), (75, 76), stopped_ms=77)
    assert twice.longest_gap(since_ns=60 * NS_PER_MS).ms == 25


def test_nothing_sent_is_an_error_and_not_a_good_figure() -> None:
    with pytest.raises(ValueError):
        timeline(stopped_ms=10).longest_gap()


def test_only_lost_questions_are_a_loss_and_late_answers_are_none() -> None:
    lossy = timeline((0, 1), (5, None), (10, None), (15, 16), (20, 90), (25, None), (30, 91), stopped_ms=92)
    assert lossy.longest_loss_ms() == 10
    assert timeline((0, 1), (5, 6), stopped_ms=7).longest_loss_ms() == 0
    assert timeline((0, 1), (5, None), (10, None), stopped_ms=400).longest_loss_ms() == 10, "the end is part of it"
