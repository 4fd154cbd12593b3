"""A user moves an address by an annotation: it goes there without a gap, stays there, and comes back when released."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import HANDOVER_MS, SKEW_MS
from tests.e2e.support.virtualips import Vip, http_of, prefer
from tests.e2e.support.waiting import wait_until

SOON_S = 30


def ask(lab: Lab, vip: Vip, node: str) -> None:
    wish = f"vipkeeper.dev/move-to={node}" if node else "vipkeeper.dev/move-to-"
    lab.cluster.kubectl("annotate", "vip", vip.name, wish, "--overwrite")


def move_of(vip: Vip) -> dict[str, Any]:
    return dict(vip.status.get("move") or {})


def test_an_address_moves_where_a_user_wants_it_and_comes_back_when_released(
    lab: Lab, vip: MakeVip, figure: Figure
) -> None:
    first, second, third = lab.workers
    web = vip({"vrid": 101, "nodes": {"priorities": prefer(first, second)}, "nginx": http_of(BLUE)})
    web.wait_for("Ready")
    lab.settle(web, first)
    for node, what in ((third, "move to a node of the lowest priority"), ("", "move released")):
        with lab.observed(web) as seen:
            ask(lab, web, node)
            lab.settle(web, node or first)
        figure(f"{what}: ping gap", seen.ping_gap_ms, HANDOVER_MS, seen)
        figure(f"{what}: HTTP gap", seen.http_gap_ms, SKEW_MS, seen)
        if node:
            wait_until("the move is done", lambda: move_of(web).get("phase") == "Done", SOON_S)
    wait_until("nothing is said of a move", lambda: not move_of(web), SOON_S)


def test_a_move_that_can_t_be_is_refused_and_one_that_was_ends_when_its_node_fails(lab: Lab, vip: MakeVip) -> None:
    web = vip({"vrid": 102, "vrrp": {"preempt": False}})
    web.wait_for("Ready")
    second = next(node for node in lab.workers if {node} != lab.owners.owners(web.address))
    ask(lab, web, "nowhere")
    wait_until("the move is refused", lambda: move_of(web).get("phase") == "Refused", SOON_S)
    assert "nowhere does not take part" in move_of(web)["reason"]
    ask(lab, web, second)
    lab.settle(web, second, http_port=None)
    wait_until("the move is done", lambda: move_of(web).get("phase") == "Done", SOON_S)
    with lab.cut(second):
        lab.owners.wait_for_several(web.address, among=lab.workers, count=2, timeout_s=10)
        wait_until("the move has ended", lambda: move_of(web).get("phase") == "Ended", 90)
