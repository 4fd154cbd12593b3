"""An upgrade of chart or image: Backups first, the Active node last, and a client that asks each millisecond."""

from __future__ import annotations

from collections.abc import Sequence

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support import installation, kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import HANDOVER_MS, SKEW_MS
from tests.e2e.support.virtualips import http_of, prefer
from tests.e2e.support.waiting import wait_until

ROLLED_OUT_S = 180
STILL_S = 15


def uids(lab: Lab) -> dict[str, str]:
    """Of the speaker pods that are on a node to stay, by node."""
    return {pod.node: pod.uid for pod in kube.speaker_pods(lab.cluster, "default") if pod.node and not pod.leaving}


def roll_out(lab: Lab, values: Sequence[str]) -> list[str]:
    """`helm upgrade`, until all speaker pods are new and ready. The nodes, in the order of their replacement."""
    before, order = uids(lab), list[str]()
    installation.install(lab.cluster, values)

    def is_over() -> bool:
        now = uids(lab)
        order.extend(node for node in now if now[node] != before[node] and node not in order)
        return len(order) == len(before)

    wait_until("all speaker pods are new", is_over, ROLLED_OUT_S, every_s=0.5)
    kube.wait_for_pods(lab.cluster)
    return order


def test_backups_go_first_the_active_node_is_last_and_the_client_does_not_notice(
    lab: Lab, vip: MakeVip, figure: Figure
) -> None:
    first, second, third = lab.workers
    web = vip({"vrid": 103, "nodes": {"priorities": prefer(first, second, third)}, "nginx": http_of(BLUE)})
    web.wait_for("Ready")
    kube.wait_for_pods(lab.cluster)
    lab.settle(web, first)
    for values, what in (
        (["--set", "agent.resources.requests.cpu=21m"], "roll-out"),
        (["--reset-values"], "roll-out back"),
    ):
        with lab.observed(web, ping_interval_ms=1.0) as seen:
            order = roll_out(lab, values)
            lab.settle(web, first, timeout_s=90)
        assert order[-1] == first, order
        holders = [span.owners for span in lab.owners.spans(web.address, seen.since_ns)]
        assert all(first in owners for owners in holders[:1] + holders[-1:]), seen.story()
        figure(f"{what} on three nodes, a ping each ms: longest loss", seen.ping_loss_ms, HANDOVER_MS, seen)
        figure(f"{what} on three nodes: no owner, to the watch over the kernels", seen.no_owner_ms(), HANDOVER_MS, seen)
        figure(f"{what} on three nodes: longest ping gap", seen.ping_gap_ms, HANDOVER_MS, seen)
        figure(f"{what} on three nodes: longest HTTP gap", seen.http_gap_ms, SKEW_MS, seen)


def test_an_image_that_does_not_exist_stops_at_the_first_backup_and_the_address_stays(lab: Lab, vip: MakeVip) -> None:
    first, second, third = lab.workers
    web = vip({"vrid": 104, "nodes": {"priorities": prefer(first, second, third)}, "nginx": http_of(BLUE)})
    web.wait_for("Ready")
    kube.wait_for_pods(lab.cluster)
    lab.settle(web, first)
    before = uids(lab)
    try:
        with lab.observed(web) as seen:
            installation.install(lab.cluster, ["--set", "nginx.image.tag=does-not-exist"])
            wait_until("a pod has no image", lambda: _without_image(lab), 90, every_s=1)
            lab.stays_with(web, first, STILL_S)
        (victim,) = _without_image(lab)
        assert victim != first
        assert {node: uid for node, uid in uids(lab).items() if node != victim} == {
            node: uid for node, uid in before.items() if node != victim
        }, "the others are as they were"
        assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}
    finally:
        installation.install(lab.cluster, ["--reset-values"])
    kube.wait_for_pods(lab.cluster, timeout_s=ROLLED_OUT_S)
    after = uids(lab)
    assert {node for node in after if after[node] != before[node]} == {victim}, "only what was broken is replaced"
    lab.stays_with(web, first, 1)


def _without_image(lab: Lab) -> list[str]:
    """Nodes whose speaker pod waits for an image."""
    found = []
    selector = f"{kube.SPEAKER_PODS},{kube.PLACEMENT}=default"
    for pod in kube.items(lab.cluster, "pods", "-n", NAMESPACE, "-l", selector):
        states = pod["status"].get("initContainerStatuses", []) + pod["status"].get("containerStatuses", [])
        reasons = {item["state"].get("waiting", {}).get("reason", "") for item in states}
        if reasons & {"ErrImagePull", "ImagePullBackOff"}:
            found.append(str(pod["spec"]["nodeName"]))
    return found
