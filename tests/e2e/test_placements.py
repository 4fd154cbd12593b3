"""Placements: VirtualIPs for some nodes only, two placements on one node, and a move from one to the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import BLUE, GREEN, Figure, MakeVip
from tests.e2e.support import kube
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import NGINX_TO_NGINX_MS, NO_GAP_MS
from tests.e2e.support.virtualips import http_of, prefer

EDGE = {"matchLabels": {"edge": "yes"}}


@pytest.fixture
def edge(lab: Lab) -> Iterator[tuple[str, str]]:
    """Two of the three workers carry the label."""
    first, second, _third = lab.workers
    lab.cluster.kubectl("label", "node", first, second, "edge=yes", "--overwrite")
    yield first, second
    lab.cluster.kubectl("label", "node", first, second, "edge-")


def _placement_of(lab: Lab) -> str:
    return next(pod.placement for pod in kube.speaker_pods(lab.cluster) if pod.placement != "default")


def test_only_selected_nodes_take_part(lab: Lab, vip: MakeVip, edge: tuple[str, str]) -> None:
    chosen = vip({"vrid": 95, "nodes": {"selector": EDGE}})
    chosen.wait_for("Ready")
    assert {node["name"] for node in chosen.status["nodes"]} == set(edge)
    assert {pod.node for pod in kube.speaker_pods(lab.cluster, _placement_of(lab))} == set(edge)


def test_two_placements_on_one_node_serve_side_by_side(lab: Lab, vip: MakeVip, edge: tuple[str, str]) -> None:
    first, _second = edge
    everywhere = vip({"vrid": 96, "nodes": {"priorities": prefer(first)}, "nginx": http_of(BLUE)})
    chosen = vip({"vrid": 97, "nodes": {"selector": EDGE, "priorities": prefer(first)}, "nginx": http_of(GREEN)})
    lab.settle(everywhere, first)
    lab.settle(chosen, first)
    assert (lab.http_answer(everywhere.address), lab.http_answer(chosen.address)) == (BLUE, GREEN)
    assert len([pod for pod in kube.speaker_pods(lab.cluster) if pod.node == first]) == 2
    with lab.cut(first):
        for one in (everywhere, chosen):
            lab.owners.wait_for_several(one.address, among=lab.workers, count=2, timeout_s=10)
            lab.answering(one.address)
    lab.settle(everywhere, first)
    lab.settle(chosen, first)


def test_virtual_ip_that_moves_between_placements_is_adopted_without_a_gap(
    lab: Lab, vip: MakeVip, edge: tuple[str, str], figure: Figure
) -> None:
    first, _second = edge
    stays = vip({"vrid": 98, "nodes": {"selector": EDGE}})
    stays.wait_for("Ready")
    kube.wait_for_pods(lab.cluster, _placement_of(lab), nodes=2)
    moves = vip({"vrid": 99, "nodes": {"priorities": prefer(first)}, "nginx": http_of(BLUE)})
    moves.wait_for("Ready")
    kube.wait_for_pods(lab.cluster)
    lab.settle(moves, first)
    with lab.observed(moves) as seen:
        moves.patch({"nodes": {"selector": EDGE}})
        moves.wait_until_run(90)
        moves.wait_for("Ready")
        kube.wait_for_no_pods(lab.cluster, "default")
        lab.stays_with(moves, first, 3)
    assert {span.owners for span in lab.owners.spans(moves.address, seen.since_ns)} == {frozenset([first])}, (
        seen.story()
    )
    figure("move between placements: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)
    figure("move between placements: HTTP gap", seen.http_gap_ms, NGINX_TO_NGINX_MS, seen)


def test_nodes_that_join_and_leave_a_placement_join_and_leave_the_election(
    lab: Lab, vip: MakeVip, edge: tuple[str, str]
) -> None:
    first, second = edge
    third = lab.workers[2]
    chosen = vip({"vrid": 100, "nodes": {"selector": EDGE, "priorities": prefer(third, first)}})
    lab.settle(chosen, first, http_port=None)
    lab.cluster.kubectl("label", "node", third, "edge=yes")
    try:
        lab.settle(chosen, third, http_port=None)
    finally:
        lab.cluster.kubectl("label", "node", third, "edge-")
    lab.settle(chosen, first, http_port=None)
    assert {pod.node for pod in kube.wait_for_pods(lab.cluster, _placement_of(lab), nodes=2)} == {first, second}
