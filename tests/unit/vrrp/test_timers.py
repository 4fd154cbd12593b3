from __future__ import annotations

from fractions import Fraction

import pytest

from vipkeeper.vrrp.advert import Version
from vipkeeper.vrrp.timers import active_down_interval_ns, last_resort_delay_ns, patience_ns, skew_time_ns
from vipkeeper.vrrp.units import NS_PER_CS, NS_PER_S, ms_to_ns


@pytest.mark.parametrize(("priority", "interval_cs", "skew_cs"), [(100, 100, "60.9375"), (200, 200, "43.75")])
def test_rule_80_skew_time(priority: int, interval_cs: int, skew_cs: str) -> None:
    assert skew_time_ns(priority, interval_cs) == Fraction(skew_cs) * NS_PER_CS


@pytest.mark.parametrize("interval_cs", [1, 3, 100, 4095])
@pytest.mark.parametrize("priority", [1, 2, 100, 253, 254, 255])
def test_rule_80_skew_time_is_never_shorter_than_the_fraction_nor_a_nanosecond_longer(
    priority: int, interval_cs: int
) -> None:
    exact = Fraction((256 - priority) * interval_cs * NS_PER_CS, 256)
    assert exact <= skew_time_ns(priority, interval_cs) < exact + 1


def test_rule_81_active_down_interval_is_three_intervals_and_skew_time() -> None:
    assert active_down_interval_ns(skew_time_ns(100, 100), 100) == 3_609_375_000


@pytest.mark.parametrize("interval_cs", [100, 300, 4000])
def test_rule_82_skew_time_of_version_2_is_a_part_of_a_second_however_long_the_interval(interval_cs: int) -> None:
    assert skew_time_ns(100, interval_cs, Version.V2) == 609_375_000
    assert skew_time_ns(254, interval_cs, Version.V2) == 7_812_500
    assert skew_time_ns(1, interval_cs, Version.V2) == Fraction(255, 256) * NS_PER_S


def test_rule_83_master_down_interval_of_version_2() -> None:
    assert active_down_interval_ns(skew_time_ns(100, 1000, Version.V2), 1000) == 30_609_375_000


@pytest.mark.parametrize("interval_cs", [1, 25, 100, 4095])
def test_the_ill_wait_longer_than_any_healthy_router_and_each_rank_longer_than_the_better_one(interval_cs: int) -> None:
    delays_ns = [last_resort_delay_ns(rank, interval_cs) for rank in range(16)]
    assert delays_ns == sorted(set(delays_ns))
    healthy_ns = skew_time_ns(2, interval_cs)
    assert skew_time_ns(1, interval_cs) + delays_ns[0] - healthy_ns >= min(ms_to_ns(50), interval_cs * NS_PER_CS // 4)


def test_the_last_of_many_ill_routers_waits_no_longer_than_800_ms() -> None:
    assert last_resort_delay_ns(1_000_000, 4095) == ms_to_ns(800)


@pytest.mark.parametrize("interval_cs", [1, 100, 4095])
def test_patience_ends_before_the_most_impatient_router_acts(interval_cs: int) -> None:
    assert patience_ns(interval_cs) < active_down_interval_ns(skew_time_ns(255, interval_cs), interval_cs)
    assert patience_ns(interval_cs) < active_down_interval_ns(skew_time_ns(255, interval_cs, Version.V2), interval_cs)
