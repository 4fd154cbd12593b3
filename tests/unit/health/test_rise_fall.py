"""operator/vipkeeper/health/rise_fall.py"""

from __future__ import annotations

import pytest

from vipkeeper.health.rise_fall import RiseFall, Verdict


def after(checks: str, rise: int = 2, fall: int = 3) -> Verdict:
    """The verdict after `checks`: + is a good one, - a bad one."""
    counter = RiseFall(rise, fall)
    for check in checks:
        counter = counter.checked(check == "+")
    return counter.verdict


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ("", Verdict.UNKNOWN),
        ("+", Verdict.HEALTHY),
        ("--", Verdict.UNKNOWN),
        ("---", Verdict.FAILED),
        ("+--", Verdict.HEALTHY),
        ("+---", Verdict.FAILED),
        ("+--+--", Verdict.HEALTHY),
        ("---+", Verdict.FAILED),
        ("---++", Verdict.HEALTHY),
        ("---+-+", Verdict.FAILED),
        ("---+-++", Verdict.HEALTHY),
        ("--+", Verdict.HEALTHY),
    ],
)
def test_verdict_changes_after_rise_good_or_fall_bad_checks_in_a_row(checks: str, verdict: Verdict) -> None:
    assert after(checks) is verdict


@pytest.mark.parametrize(
    ("checks", "then", "verdict"),
    [
        ("+", "-", Verdict.FAILED),
        ("+--", "-", Verdict.FAILED),
        ("", "-", Verdict.FAILED),
        ("+", "+--", Verdict.HEALTHY),
        ("---+", "+", Verdict.HEALTHY),
        ("---", "+", Verdict.FAILED),
    ],
)
def test_a_doubted_counter_needs_one_bad_check_and_good_ones_end_the_doubt(
    checks: str, then: str, verdict: Verdict
) -> None:
    counter = RiseFall()
    for check in checks:
        counter = counter.checked(check == "+")
    counter = counter.doubted()
    for check in then:
        counter = counter.checked(check == "+")
    assert counter.verdict is verdict


def test_one_check_is_enough_with_rise_and_fall_of_one() -> None:
    assert after("-", 1, 1) is Verdict.FAILED
    assert after("-+", 1, 1) is Verdict.HEALTHY


def test_a_counter_that_counts_to_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="rise=0"):
        RiseFall(rise=0)
    with pytest.raises(ValueError, match="fall=0"):
        RiseFall(fall=0)
