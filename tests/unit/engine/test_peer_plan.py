"""operator/vipkeeper/engine/peer_plan.py"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tests.netns.speaker import document
from vipkeeper.engine.peer_plan import PeerPlan, plan_of, ways_of
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare

TWO, OTHER, THREE = ip_address("192.0.2.2"), ip_address("10.0.0.2"), ip_address("fe80::3")
NODES = {
    "one": NodeShare(200, 0, (ip_address("192.0.2.1"),)),
    "two": NodeShare(150, 1, (TWO,), (OTHER, TWO)),
    "three": NodeShare(100, 2, (), (THREE,)),
    "unknown": NodeShare(50, 3),
}
DOCUMENT = replace(document({}), nodes=NODES, peers=PeersSection("peers", 7112))


def test_peers_are_the_other_nodes_that_can_be_reached_the_segment_first() -> None:
    assert ways_of(DOCUMENT, "one") == {"two": (TWO, OTHER), "three": (THREE,)}


def test_without_a_section_or_a_share_there_are_none() -> None:
    assert ways_of(replace(DOCUMENT, peers=None), "one") == {}
    assert ways_of(DOCUMENT, "stranger") == {}
    assert plan_of([replace(DOCUMENT, peers=None)], "one") == PeerPlan()


def test_the_plan_of_an_engine_has_the_peers_of_all_its_documents() -> None:
    more = replace(DOCUMENT, nodes={"one": NODES["one"], "two": NodeShare(9, 1, (ip_address("192.0.2.22"),))})
    plan = plan_of([replace(DOCUMENT, peers=None), DOCUMENT, more], "one")
    assert (plan.secret, plan.port) == ("peers", 7112)
    assert plan.peers == {"two": (TWO, OTHER, ip_address("192.0.2.22")), "three": (THREE,)}
