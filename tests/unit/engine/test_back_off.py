"""A dead engine is back at once, unless it dies again and again."""

from vipkeeper.engine.back_off import BackOff

SECOND = 1_000_000_000


def test_the_first_deaths_cost_nothing_and_then_the_pauses_double_up_to_five_seconds() -> None:
    back_off = BackOff()
    waits_ms = [back_off.died(SECOND) // 1_000_000 for _ in range(14)]
    assert waits_ms == [0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]


def test_a_long_life_is_forgiven() -> None:
    back_off = BackOff()
    for _ in range(10):
        back_off.died(SECOND)
    assert back_off.died(60 * SECOND) == 0
    assert back_off.died(SECOND) == 0
