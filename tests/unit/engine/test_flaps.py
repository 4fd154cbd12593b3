"""A flap is a flap when it is fast, and is said once in a while."""

import pytest

from vipkeeper.engine.flaps import CHANGES, SAY_EACH_NS, Flaps
from vipkeeper.vrrp.units import NS_PER_S


def said(flaps: Flaps, times_ns: list[int], interval_cs: int = 100) -> list[int]:
    """When something was said."""
    return [now_ns for now_ns in times_ns if flaps.changed(now_ns, interval_cs) is not None]


def test_rule_87_a_router_that_flaps_says_so_once_a_minute() -> None:
    every_second = [number * NS_PER_S for number in range(130)]
    assert said(Flaps(), every_second) == [(CHANGES - 1) * NS_PER_S + n * SAY_EACH_NS for n in range(3)]


@pytest.mark.parametrize(("interval_cs", "flap"), [(100, False), (4000, True)])
def test_rule_87_what_is_a_flap_depends_on_the_interval(interval_cs: int, flap: bool) -> None:
    each_minute = [number * 60 * NS_PER_S for number in range(20)]
    assert bool(said(Flaps(), each_minute, interval_cs)) is flap


def test_it_tells_how_long_the_changes_took() -> None:
    flaps = Flaps()
    assert [flaps.changed(now_ns, 100) for now_ns in range(CHANGES)] == [None] * (CHANGES - 1) + [CHANGES - 1]
