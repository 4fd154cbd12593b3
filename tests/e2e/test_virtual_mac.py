"""An address with the virtual router's own MAC address: it moves, and the segment hears the same one from the next node."""

from __future__ import annotations

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import PREEMPTION_MS, TAKEOVER_MS
from tests.e2e.support.virtualips import http_of, prefer

VRID, MAC = 93, "00:00:5e:00:01:5d"


def test_every_node_answers_with_the_virtual_mac_address(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    first, second, _third = lab.workers
    spec = {
        "vrid": VRID,
        "vrrp": {"virtualMAC": True},
        "nodes": {"priorities": prefer(*lab.workers)},
        "nginx": http_of(BLUE),
    }
    own = vip(spec)
    own.wait_for("Ready")
    lab.settle(own, first)
    with lab.observed(own) as seen, lab.cut(first):
        lab.owners.wait_for(own.address, [first, second], 10)
        lab.answering(own.address)
    with lab.observed(own) as back:
        lab.settle(own, first)
        lab.stays_with(own, first, 2)
    answers = {answer for observed in (seen, back) for answer in observed.who_has.answers()}
    assert answers == {MAC}
    figure("virtual MAC, node cut off: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("virtual MAC, node cut off: HTTP gap", seen.http_gap_ms, TAKEOVER_MS, seen)
    figure("virtual MAC, node healed: two owners", back.two_owners_ms(), PREEMPTION_MS, back)
    own.patch({"vrrp": {"virtualMAC": False}})
    own.wait_until_run()
    lab.settle(own, first)
    with lab.observed(own) as off:
        lab.stays_with(own, first, 1)
    assert MAC not in off.who_has.answers()
