"""Steps of a chaos run: decided by the seed alone. Covers tests/chaos/faults.py."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.chaos.faults import ENGINE_DEATHS, NEW_GUARD, Fault, Timing, draw, promises

NAMES = ("one", "two", "three")
TIMING = Timing(100, real_time=True)
MANY = 2000


def test_the_same_seed_draws_the_same_steps_and_another_one_others() -> None:
    assert list(islice(draw(7, NAMES, TIMING), 50)) == list(islice(draw(7, NAMES, TIMING), 50))
    assert list(islice(draw(7, NAMES, TIMING), 50)) != list(islice(draw(8, NAMES, TIMING), 50))


def test_every_fault_is_drawn_and_has_a_promise_with_a_reason() -> None:
    assert {step.fault for step in islice(draw(1, NAMES, TIMING), MANY)} == set(Fault)
    assert set(promises(TIMING)) == set(Fault)
    assert all(promise.why for promise in promises(TIMING).values())


@pytest.mark.parametrize("interval_ms", [100, 250, 1000])
def test_who_is_killed_or_frozen_stays_so_for_longer_than_an_address_may_outlive_it(interval_ms: int) -> None:
    timing = Timing(interval_ms, real_time=False)
    for step in islice(draw(1, NAMES, timing), MANY):
        if step.fault in (Fault.KILL_ALL, Fault.FREEZE_ALL, Fault.FREEZE_ENGINE):
            assert step.seconds * 1000 > promises(timing)[step.fault].several_ms


def test_an_edit_of_priorities_makes_another_host_the_best() -> None:
    best = NAMES[0]
    for step in islice(draw(1, NAMES, TIMING), MANY):
        assert (step.best != best) == (step.fault is Fault.EDIT_PRIORITY)
        best = step.best


def test_no_engine_is_killed_so_often_that_its_guard_has_to_wait() -> None:
    deaths = dict.fromkeys(NAMES, 0)
    for step in islice(draw(1, NAMES, TIMING), MANY):
        deaths[step.host] = 0 if step.fault in NEW_GUARD else deaths[step.host] + (step.fault is Fault.KILL_ENGINE)
        assert deaths[step.host] <= ENGINE_DEATHS


def test_a_shorter_lease_is_promised_where_engines_have_real_time() -> None:
    assert Timing(100, real_time=True).lease_ms < Timing(100, real_time=False).lease_ms
    assert Timing(1000, real_time=True).lease_ms == 3250
