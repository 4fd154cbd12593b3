from datetime import timedelta

from tests.unit.controller.world import START
from vipkeeper.controller.hearing import LOOK_EVERY_S, Hearing
from vipkeeper.controller.objects import LeaseSeen

S = timedelta(seconds=1)


def lease(renewed_after: float) -> LeaseSeen:
    return LeaseSeen("vipkeeper.default.w1", "uid", "default", START + renewed_after * S)


def heard(hearing: Hearing) -> float:
    return (hearing.heard_at("default", "w1") - START) / S


def test_a_speaker_that_was_never_heard_is_silent() -> None:
    assert Hearing().is_silent("default", "w1", START)


def test_a_renewal_between_two_looks_is_taken_at_its_own_time() -> None:
    hearing = Hearing()
    hearing.look([lease(0)], START + 1 * S)
    hearing.look([lease(8)], START + 11 * S)
    assert heard(hearing) == 8


def test_a_lease_that_is_not_renewed_leaves_its_speaker_silent_after_its_duration() -> None:
    hearing = Hearing()
    for second in range(0, 60, 10):
        hearing.look([lease(0)], START + second * S)
    assert not hearing.is_silent("default", "w1", START + 40 * S)
    assert hearing.is_silent("default", "w1", START + 41 * S)


def test_a_node_whose_clock_is_behind_is_not_silent() -> None:
    hearing = Hearing()
    for second in range(0, 60, 10):
        hearing.look([lease(second - 3600)], START + second * S)
    assert not hearing.is_silent("default", "w1", START + 60 * S)


def test_a_node_whose_clock_is_ahead_is_not_alive_for_ever() -> None:
    hearing = Hearing()
    for second in range(0, 60, 10):
        hearing.look([lease(3600)], START + second * S)
    assert hearing.is_silent("default", "w1", START + 60 * S)


def test_a_report_counts_as_a_word() -> None:
    hearing = Hearing()
    hearing.look([lease(0)], START)
    hearing.reported("default", "w1", START + 30 * S)
    assert heard(hearing) == 30
    hearing.look([lease(40)], START + 40 * S)
    assert hearing.reported_at("default", "w1") == START + 30 * S, "a Lease is no report"
    assert hearing.reported_at("default", "w2") < START


def test_an_old_lease_of_a_dead_node_is_not_believed_after_a_restart() -> None:
    hearing = Hearing()
    hearing.look([lease(-300)], START)
    assert hearing.is_silent("default", "w1", START)


def test_patience_begins_when_looking_was_impossible() -> None:
    hearing = Hearing()
    hearing.look([lease(0)], START)
    hearing.look([lease(0)], START + LOOK_EVERY_S * S)
    assert hearing.patience_until < START
    hearing.look([lease(0)], START + 300 * S)
    assert hearing.patience_until > START + 300 * S
