"""Without the operator or the API server nothing moves by itself, and failover is as fast as ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import BLUE, Figure, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.installation import CONTROLLER, NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import NO_GAP_MS, SKEW_MS, TAKEOVER_MS, TWO_OWNERS_AFTER_KILL_MS
from tests.e2e.support.speakers import Speaker
from tests.e2e.support.virtualips import Vip, http_of, prefer


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Vip]:
    spec = {"vrid": 73, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        kube.wait_for_pods(lab.cluster)
        yield vip


@pytest.fixture(autouse=True)
def _first_node_holds_it(lab: Lab, web: Vip) -> None:
    lab.settle(web, lab.workers[0])


@contextmanager
def _operator_down(lab: Lab) -> Iterator[None]:
    kube.scale(lab.cluster, CONTROLLER, 0)
    try:
        yield
    finally:
        kube.scale(lab.cluster, CONTROLLER, 1)


def _replace_pod(lab: Lab, node: str) -> None:
    lab.cluster.kubectl("delete", "pod", kube.speaker_pod(lab.cluster, node).name, "-n", NAMESPACE)
    kube.wait_for_pods(lab.cluster)


def test_node_failure_with_the_operator_down(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, _third = lab.workers
    with _operator_down(lab):
        with lab.observed(web) as seen, lab.cut(first):
            lab.owners.wait_for(web.address, [first, second], 10)
            lab.answering(web.address)
        lab.settle(web, first)
    figure("operator down, node cut off: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    web.wait_until_active_is(first)


def test_nginx_and_agent_die_with_the_operator_down(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, _third = lab.workers
    with _operator_down(lab):
        with lab.observed(web) as seen:
            Speaker(lab.cluster, first).kill_containers("nginx", "agent")
            lab.owners.wait_for(web.address, [second], 10)
            lab.answering(web.address)
        lab.settle(web, first, timeout_s=120)
    figure("operator down, nginx and agent killed: HTTP gap", seen.http_gap_ms, SKEW_MS, seen)


def test_operator_that_comes_back_touches_nothing(lab: Lab, web: Vip, figure: Figure) -> None:
    before = kube.pod_uids(lab.cluster)
    with lab.observed(web) as seen:
        with _operator_down(lab):
            pass
        web.wait_for("Ready")
        lab.stays_with(web, lab.workers[0], 3)
    assert kube.pod_uids(lab.cluster) == before
    figure("operator restarted: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)


def test_node_failure_with_the_api_server_stopped(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, _third = lab.workers
    with lab.api_server_stopped():
        with lab.observed(web) as seen, lab.cut(first):
            lab.owners.wait_for(web.address, [first, second], 10)
            lab.answering(web.address)
        lab.settle(web, first)
    figure("API server stopped, node cut off: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("API server stopped, node cut off: HTTP gap", seen.http_gap_ms, TAKEOVER_MS, seen)
    web.wait_until_active_is(first)


def test_all_containers_of_a_pod_restart_with_the_api_server_stopped(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, _third = lab.workers
    _replace_pod(lab, first)  # its containers died before: the kubelet's back-off would grow beyond a minute
    lab.settle(web, first)
    with lab.api_server_stopped():
        with lab.observed(web) as seen:
            Speaker(lab.cluster, first).kill_containers("nginx", "agent", "speaker")
            lab.owners.wait_for(web.address, [second], 15)
            lab.answering(web.address)
            lab.settle(web, first, timeout_s=90)  # booted from the node's own copy of the configuration
        with lab.observed(web) as again, lab.cut(first):
            lab.owners.wait_for(web.address, [first, second], 10)
            lab.answering(web.address)
        lab.settle(web, first)
    figure("API server stopped, pod restarted: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("API server stopped, pod restarted: two owners", seen.two_owners_ms(), TWO_OWNERS_AFTER_KILL_MS, seen)
    figure("API server stopped, pod restarted, node cut off: ping gap", again.ping_gap_ms, TAKEOVER_MS, again)
