from __future__ import annotations

from vipkeeper.vrrp.units import cs_to_ns, divide_up, ms_to_ns, ns_to_ms


def test_a_centisecond_is_ten_milliseconds() -> None:
    assert cs_to_ns(1) == ms_to_ns(10) == 10_000_000


def test_milliseconds_for_people_keep_their_fraction() -> None:
    assert ns_to_ms(609_375_000) == 609.375


def test_a_division_rounds_up_so_that_no_timer_is_early() -> None:
    assert [divide_up(n, 4) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
