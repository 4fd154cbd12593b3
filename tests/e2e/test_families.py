"""IPv4 and IPv6: a dual-stack object has one fate, whichever family elects; IPv6 alone works as well."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import TAKEOVER_MS
from tests.e2e.support.virtualips import http_of, prefer


@pytest.mark.parametrize("families", ["46", "64"], ids=["IPv4 elects", "IPv6 elects"])
def test_dual_stack_object_moves_as_one(lab: Lab, vip: MakeVip, families: str, figure: Figure) -> None:
    first, second, _third = lab.workers
    both = vip({"vrid": 81, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}, families)
    both.wait_for("Ready")
    lab.settle(both, first)
    elected, companion = both.addresses
    with lab.observed(both) as seen, lab.observed(both, address=companion) as seen_companion, lab.cut(first):
        for address in both.addresses:
            lab.owners.wait_for(address, [first, second], 10)
            lab.answering(address)
    figure(f"dual-stack, IPv{elected.version} elects: gap of the elected address", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure(
        f"dual-stack, IPv{elected.version} elects: gap of the other one",
        seen_companion.ping_gap_ms,
        TAKEOVER_MS,
        seen_companion,
    )
    lab.settle(both, first)


def test_ipv6_only_object_answers_and_fails_over(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    first, second, _third = lab.workers
    six = vip({"vrid": 82, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}, "6")
    six.wait_for("Ready")
    lab.settle(six, first)
    assert lab.http_answer(six.address) == BLUE
    with lab.observed(six) as seen, lab.cut(first):
        lab.owners.wait_for(six.address, [first, second], 10)
        lab.answering(six.address)
    figure("IPv6 only, node cut off: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("IPv6 only, node cut off: HTTP gap", seen.http_gap_ms, TAKEOVER_MS, seen)
    lab.settle(six, first)


def test_same_vrid_may_serve_both_families_in_two_objects(lab: Lab, vip: MakeVip) -> None:
    four = vip({"vrid": 83}, "4")
    six = vip({"vrid": 83}, "6")
    for one in (four, six):
        one.wait_for("Ready")
        lab.owners.wait_for_one(one.address, lab.workers, 30)
