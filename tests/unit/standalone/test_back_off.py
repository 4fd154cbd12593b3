"""operator/vipkeeper/standalone/back_off.py"""

from vipkeeper.standalone.back_off import BackOff


def test_the_first_death_costs_no_time_and_the_next_ones_ever_more_up_to_a_limit() -> None:
    back_off = BackOff()
    assert [back_off.died(1.0) for _ in range(9)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_guard_that_has_lived_for_a_while_is_forgiven() -> None:
    back_off = BackOff()
    for _ in range(5):
        back_off.died(1.0)
    assert back_off.died(60.0) == 0.0
