"""Deleting: the address leaves all nodes, with and without the operator; the last VirtualIP takes the pods along."""

from __future__ import annotations

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support import kube
from tests.e2e.support.installation import CONTROLLER, NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import NO_HTTP_GAP_MS
from tests.e2e.support.virtualips import http_of

GONE_S = 10


def test_deleted_address_leaves_all_nodes_and_others_do_not_notice(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    stays = vip({"vrid": 101, "nginx": http_of(BLUE)})
    goes = vip({"vrid": 102, "nginx": http_of(BLUE)}, "46")
    for one in (stays, goes):
        one.wait_for("Ready")
        for address in one.addresses:
            lab.answering(address)
    with lab.observed(stays) as seen:
        goes.delete()
        for address in goes.addresses:
            lab.owners.wait_for(address, [], GONE_S)
    figure("another VirtualIP deleted: HTTP gap", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)


def test_deleted_address_leaves_all_nodes_with_the_operator_down(lab: Lab, vip: MakeVip) -> None:
    goes = vip({"vrid": 103})
    goes.wait_for("Ready")
    kube.scale(lab.cluster, CONTROLLER, 0)
    try:
        goes.delete()
        lab.owners.wait_for(goes.address, [], 30)  # the garbage collector takes the ConfigMap, the agents see it go
    finally:
        kube.scale(lab.cluster, CONTROLLER, 1)


def test_last_virtual_ip_takes_pods_and_objects_along(lab: Lab, vip: MakeVip) -> None:
    """Leases go later, when the operator lists them again (it does not watch them: each is renewed all the time)."""
    last = vip({"vrid": 104})
    last.wait_for("Ready")
    last.delete()
    lab.owners.wait_for(last.address, [], GONE_S)
    kube.wait_for_no_pods(lab.cluster)
    left = kube.items(lab.cluster, "daemonsets,vrrps", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker")
    assert not left, [item["metadata"]["name"] for item in left]


def test_deleted_and_applied_again_at_once_answers_again(lab: Lab, vip: MakeVip) -> None:
    again = vip({"vrid": 105})
    again.wait_for("Ready")
    again.delete()
    again.apply({"vrid": 105, "addresses": [str(again.address)]})
    lab.owners.wait_for_one(again.address, lab.workers, 30)
    again.wait_for("Ready")
