from __future__ import annotations

from vipkeeper.standalone.restart_policy import STAYED_S, WAITS_S, RestartPolicy


def test_two_further_starts_and_no_more() -> None:
    policy = RestartPolicy()
    assert [policy.died(1.0) for _ in range(4)] == [*WAITS_S, None, None]
    assert policy.given_up


def test_one_that_has_stayed_for_a_while_begins_anew() -> None:
    policy = RestartPolicy()
    assert [policy.died(1.0), policy.died(1.0), policy.died(STAYED_S)] == [*WAITS_S, WAITS_S[0]]
    assert not policy.given_up


def test_a_person_may_want_it_to_be_tried_again() -> None:
    policy = RestartPolicy()
    for _ in range(3):
        policy.died(1.0)
    policy.forget()
    assert not policy.given_up
    assert policy.died(1.0) == WAITS_S[0]
