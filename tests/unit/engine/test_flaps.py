"""A flap is a flap when it is fast, and is said once in a while."""

import pytest

from vipkeeper.engine.flaps import CHANGES, SAY_EACH_NS, Flap, Flaps
from vipkeeper.vrrp.state import Reason
from vipkeeper.vrrp.units import NS_PER_S


def said(flaps: Flaps, times_ns: list[int], interval_cs: int = 100) -> list[int]:
    """When something was said."""
    return [now_ns for now_ns in times_ns if flaps.changed(now_ns, interval_cs, Reason.NO_RESPONSE) is not None]


def test_rule_87_a_router_that_flaps_says_so_once_a_minute() -> None:
    every_second = [number * NS_PER_S for number in range(130)]
    assert said(Flaps(), every_second) == [(CHANGES - 1) * NS_PER_S + n * SAY_EACH_NS for n in range(3)]


@pytest.mark.parametrize(("interval_cs", "flap"), [(100, False), (4000, True)])
def test_rule_87_what_is_a_flap_depends_on_the_interval(interval_cs: int, flap: bool) -> None:
    each_minute = [number * 60 * NS_PER_S for number in range(20)]
    assert bool(said(Flaps(), each_minute, interval_cs)) is flap


def last_flap(*reasons: Reason) -> Flap:
    """Of changes at 0, 1, ... ns."""
    flaps = Flaps()
    *before, last = [flaps.changed(now_ns, 100, reason) for now_ns, reason in enumerate(reasons)]
    assert last is not None
    assert before == [None] * len(before)
    return last


SILENT, YIELDED, ILL, WELL = Reason.NO_RESPONSE, Reason.HIGHER_PRIORITY, Reason.UNHEALTHY, Reason.PREEMPTED


def test_it_tells_how_long_the_changes_took_and_each_reason_once() -> None:
    flap = last_flap(SILENT, ILL, WELL, ILL, WELL, ILL)
    assert (flap.took_ns, flap.causes) == (CHANGES - 1, "NoResponse,Unhealthy,Preempted")


def test_adverts_are_asked_about_only_where_silence_was_a_reason_again_and_again() -> None:
    assert last_flap(SILENT, YIELDED, SILENT, YIELDED, SILENT, YIELDED).text == "it flaps: are adverts late or lost?"
    assert last_flap(SILENT, ILL, WELL, ILL, WELL, ILL).text == "it flaps", "the first one had nobody to hear"
