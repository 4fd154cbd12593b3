"""A node crashes, loses its cable, or freezes: another one answers below a second, and the first one comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import BLUE, Figure, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import PREEMPTION_MS, TAKEOVER_MS, TWO_OWNERS_AFTER_KILL_MS
from tests.e2e.support.virtualips import Vip, http_of, prefer


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Vip]:
    spec = {"vrid": 71, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        kube.wait_for_pods(lab.cluster)
        yield vip


@pytest.fixture(autouse=True)
def _first_node_holds_it(lab: Lab, web: Vip) -> None:
    lab.settle(web, lab.workers[0])


def test_next_node_answers_when_the_active_one_is_cut_off_and_gives_back_when_it_is_healed(
    lab: Lab, web: Vip, figure: Figure
) -> None:
    first, second, _third = lab.workers
    with lab.observed(web) as seen, lab.cut(first):
        lab.owners.wait_for(web.address, [first, second], 10)
        lab.answering(web.address)
    figure("node cut off: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("node cut off: HTTP gap", seen.http_gap_ms, TAKEOVER_MS, seen)
    with lab.observed(web) as back:
        lab.settle(web, first)
        lab.stays_with(web, first, 2)
    figure("node healed: two nodes answered ARP for", back.two_answered_ms(), PREEMPTION_MS, back)
    web.wait_until_active_is(first)
    moved = web.status["lastTransition"]
    assert (moved["from"], moved["to"]) == (second, first)


def test_third_node_takes_over_when_the_first_two_are_cut_off(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, third = lab.workers
    with lab.observed(web) as seen, lab.cut(first, second):
        lab.owners.wait_for(web.address, lab.workers, 15)
        lab.answering(web.address)
        web.wait_until_active_is(third)
    figure("two nodes cut off, one after the other: ping gap", seen.ping_gap_ms, 2 * TAKEOVER_MS, seen)


def test_backup_that_is_cut_off_is_not_missed(lab: Lab, web: Vip) -> None:
    first, second, _third = lab.workers
    with lab.cut(second), lab.observed(web) as seen:  # healed after the last look: then it yields, as others test
        lab.owners.wait_for(web.address, [first, second], 10)  # off the segment it believes to be alone
        lab.answering(web.address)
    assert seen.two_answered_ms() == 0
    assert len(seen.who_has.answers()) == 1, seen.who_has.answers()


def test_node_without_carrier_gives_the_address_up_and_takes_it_back(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, _third = lab.workers
    with lab.observed(web) as seen, lab.carrier_down(first):
        lab.owners.wait_for(web.address, [second], 10)
        lab.answering(web.address)
    figure("carrier lost: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    lab.settle(web, first)


def test_frozen_node_loses_the_address_by_itself_and_does_not_claim_it_when_it_wakes_up(
    lab: Lab, web: Vip, figure: Figure
) -> None:
    first, second, _third = lab.workers
    with lab.observed(web) as seen:
        with lab.paused(first):
            lab.owners.wait_for(web.address, [second], 15)
            lab.answering(web.address)
        lab.settle(web, first)
    figure("node frozen: two owners", seen.two_owners_ms(), TWO_OWNERS_AFTER_KILL_MS, seen)
    # The winner sends its advert first and adds the address then; the other may be quicker to take its own away.
    figure("node frozen and back: no owner", seen.no_owner_ms(), PREEMPTION_MS, seen)
