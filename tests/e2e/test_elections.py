"""Who is Active: crossed priorities (S8), priorities by node and by label, preemption on and off."""

from __future__ import annotations

from tests.e2e.conftest import BLUE, GREEN, MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import http_of, prefer


def test_two_virtual_ips_with_crossed_priorities_share_the_work_and_stand_in_for_each_other(
    lab: Lab, vip: MakeVip
) -> None:
    first, second, third = lab.workers
    one = vip({"vrid": 91, "nodes": {"priorities": prefer(first, second, third)}, "nginx": http_of(BLUE)})
    other = vip({"vrid": 92, "nodes": {"priorities": prefer(second, first, third)}, "nginx": http_of(GREEN)})
    lab.settle(one, first)
    lab.settle(other, second)
    assert (lab.http_answer(one.address), lab.http_answer(other.address)) == (BLUE, GREEN)
    with lab.cut(first):
        lab.owners.wait_for(one.address, [first, second], 10)
        lab.answering(one.address)
        assert lab.http_answer(one.address) == BLUE
    lab.settle(one, first)
    with lab.cut(second):
        lab.owners.wait_for(other.address, [first, second], 10)
        lab.answering(other.address)
    lab.settle(other, second)


def test_priority_follows_the_labels_of_nodes(lab: Lab, vip: MakeVip) -> None:
    third = lab.workers[2]
    lab.cluster.kubectl("label", "node", third, "rack=b", "--overwrite")
    try:
        rack = {"selector": {"matchLabels": {"rack": "b"}}, "priority": 250}
        labelled = vip({"vrid": 93, "nodes": {"priorities": [rack]}})
        lab.settle(labelled, third, http_port=None)
        labelled.wait_until_active_is(third)
        assert next(node["priority"] for node in labelled.status["nodes"] if node["name"] == third) == 250
    finally:
        lab.cluster.kubectl("label", "node", third, "rack-")
    labelled.wait_until_run()


def test_without_preemption_whoever_has_the_address_keeps_it(lab: Lab, vip: MakeVip) -> None:
    first, *others = lab.workers
    calm = vip({"vrid": 94, "nodes": {"priorities": prefer(*lab.workers)}})
    lab.settle(calm, first, http_port=None)
    calm.patch({"vrrp": {"preempt": False}})
    calm.wait_until_run()
    with lab.carrier_down(first):
        holder = lab.owners.wait_for_one(calm.address, others, 10)
    calm.wait_until_active_is(holder)
    lab.stays_with(calm, holder, 5)
    calm.patch({"vrrp": {"preempt": True}})
    lab.settle(calm, first, http_port=None)


def test_without_preemption_two_that_were_apart_still_agree_on_the_higher_priority(lab: Lab, vip: MakeVip) -> None:
    """Healed, two Actives hear each other: that is settled by priority (RFC 9568, 6.4.3), whatever preempt says."""
    first = lab.workers[0]
    calm = vip({"vrid": 94, "nodes": {"priorities": prefer(*lab.workers)}})
    lab.settle(calm, first, http_port=None)
    calm.patch({"vrrp": {"preempt": False}})
    calm.wait_until_run()
    with lab.cut(first):
        lab.owners.wait_for_several(calm.address, among=lab.workers, count=2, timeout_s=10)
    lab.settle(calm, first, http_port=None)
    lab.stays_with(calm, first, 2)
