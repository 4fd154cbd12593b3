"""operator/vipkeeper/health/damping.py"""

from __future__ import annotations

import pytest

from vipkeeper.health.damping import DECAY_NS, FIRST_HOLD_NS, MOST_HOLD_NS, MOST_LEVEL, Damping, hold_ns
from vipkeeper.vrrp.units import NS_PER_S

S = NS_PER_S


def flapping(failures: int, period_ns: int = 10 * S, damping: Damping | None = None, begin_ns: int = 0) -> Damping:
    """Well again one second after each failure."""
    damping = damping or Damping()
    for number in range(failures):
        damping = damping.seen(True, begin_ns + number * period_ns)
        damping = damping.seen(False, begin_ns + number * period_ns + S)
    return damping


def test_one_failure_or_two_hold_nobody_back() -> None:
    for failures in (1, 2):
        assert not flapping(failures).is_damped((failures - 1) * 10 * S + S)


def test_the_third_within_four_minutes_holds_back_for_half_a_minute() -> None:
    damping = flapping(3)
    assert damping.until_ns == 21 * S + FIRST_HOLD_NS
    assert damping.is_damped(damping.until_ns - 1)
    assert not damping.is_damped(damping.until_ns)


def test_failures_that_are_far_apart_hold_nobody_back() -> None:
    assert flapping(20, period_ns=DECAY_NS).level == 1
    assert not flapping(20, period_ns=DECAY_NS).is_damped(19 * DECAY_NS + S)


def test_it_grows_and_is_bounded() -> None:
    holds = [hold_ns(level) // S for level in range(MOST_LEVEL + 1)]
    assert holds == [0, 0, 0, 30, 60, 120, 240, 480, 600]
    assert flapping(1000).until_ns == 999 * 10 * S + S + MOST_HOLD_NS


def test_it_decays() -> None:
    damping = flapping(1000)
    for quiet, level in ((0, 8), (1, 7), (5, 3), (7, 1), (8, 0), (1000, 0)):
        again = damping.seen(True, damping.failed_ns + quiet * DECAY_NS)
        assert again.level == min(level + 1, MOST_LEVEL)


def test_a_long_illness_is_no_flapping() -> None:
    damping = flapping(2).seen(True, 20 * S)
    assert damping.level == 3
    well = damping.seen(False, 20 * S + DECAY_NS)
    assert not well.is_damped(20 * S + DECAY_NS)


def test_what_two_sources_say_of_one_event_counts_once() -> None:
    twice = Damping()
    for at_s in (0, 12, 60, 72):  # nginx gone and back; then not ready for a moment
        twice = twice.seen(True, at_s * S).seen(False, (at_s + 10) * S)
    assert twice.level == 2


def test_failures_in_quick_succession_are_forgiven_every_other_time_only() -> None:
    damping = flapping(5, period_ns=2 * S)
    assert (damping.level, damping.is_damped(9 * S)) == (3, True)


def test_who_is_ill_is_not_damped_and_hearing_the_same_again_changes_nothing() -> None:
    damping = flapping(3)
    assert damping.seen(False, 22 * S) is damping
    ill = damping.seen(True, 23 * S)
    assert not ill.is_damped(24 * S)
    assert ill.seen(True, 25 * S) is ill


@pytest.mark.parametrize("period_s", [2, 30, 60, 119])
def test_whoever_flaps_for_an_hour_is_held_back_most_of_it(period_s: int) -> None:
    damping, held = Damping(), 0
    for number in range(3600 // period_s):
        damping = damping.seen(True, number * period_s * S)
        damping = damping.seen(False, number * period_s * S + S)
        held += damping.is_damped((number + 1) * period_s * S - 1)
    assert held >= 3600 // period_s - 8
