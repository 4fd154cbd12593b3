"""Processes of a speaker pod die, in every combination that the contract names: the address moves, or it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import BLUE, Figure, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import (
    HANDOVER_MS,
    NO_GAP_MS,
    NO_HTTP_GAP_MS,
    PREEMPTION_MS,
    SKEW_MS,
    TAKEOVER_MS,
    TWO_OWNERS_AFTER_KILL_MS,
)
from tests.e2e.support.speakers import Speaker
from tests.e2e.support.virtualips import Vip, http_of, prefer
from tests.e2e.support.waiting import wait_until

NOTICED_BY_THE_KUBELET_S = 60


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Vip]:
    spec = {"vrid": 72, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        kube.wait_for_pods(lab.cluster)
        yield vip


@pytest.fixture
def first(lab: Lab, web: Vip) -> str:
    """The node that holds the address when a test begins."""
    lab.settle(web, lab.workers[0])
    return lab.workers[0]


@pytest.fixture
def speaker(lab: Lab, first: str) -> Speaker:
    return Speaker(lab.cluster, first)


def test_killed_engine_is_back_before_anybody_misses_it(
    lab: Lab, web: Vip, first: str, speaker: Speaker, figure: Figure
) -> None:
    engine = speaker.engine_pids()
    assert len(engine) == 1, engine
    with lab.observed(web) as seen:
        speaker.kill(*engine)
        wait_until("the guard has started another engine", lambda: set(speaker.engine_pids()) - set(engine), 20)
        lab.stays_with(web, first, 3)
    assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}, seen.story()
    figure("engine killed: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)
    figure("engine killed: HTTP gap", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)
    assert not speaker.restarts("speaker")


def test_killed_agent_moves_nothing(lab: Lab, web: Vip, first: str, speaker: Speaker, figure: Figure) -> None:
    before = speaker.restarts("agent")
    with lab.observed(web) as seen:
        speaker.kill_containers("agent")
        wait_until("the kubelet has restarted the agent", lambda: speaker.restarts("agent") > before, 60)
        kube.wait_for_pods(lab.cluster)
        lab.stays_with(web, first, 2)
    assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}, seen.story()
    figure("agent killed: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)


def test_speaker_container_killed_whole_leaves_the_address_to_the_kernel_and_the_next_node(
    lab: Lab, web: Vip, first: str, speaker: Speaker, figure: Figure
) -> None:
    with lab.observed(web) as seen:
        speaker.kill_containers("speaker")
        wait_until("the kubelet has restarted it", lambda: speaker.restarts("speaker") > 0, 60)
        lab.settle(web, first)
    assert seen.no_owner_ms() <= TAKEOVER_MS, seen.story()
    figure("speaker container killed: ping gap", seen.ping_gap_ms, TAKEOVER_MS, seen)
    figure("speaker container killed: two owners", seen.two_owners_ms(), TWO_OWNERS_AFTER_KILL_MS, seen)


def test_killed_nginx_moves_the_address_twice_and_it_comes_back_each_time(
    lab: Lab, web: Vip, first: str, speaker: Speaker, figure: Figure
) -> None:
    second = lab.workers[1]
    for time in ("first", "second"):
        with lab.observed(web) as seen:
            speaker.kill_containers("nginx")
            lab.owners.wait_for(web.address, [second], 10)
            lab.answering(web.address)
        figure(f"nginx killed the {time} time: ping gap", seen.ping_gap_ms, HANDOVER_MS, seen)
        figure(f"nginx killed the {time} time: nobody", seen.no_owner_ms(), HANDOVER_MS, seen)
        figure(f"nginx killed the {time} time: HTTP gap", seen.http_gap_ms, SKEW_MS, seen)
        with lab.observed(web) as back:
            lab.settle(web, first, timeout_s=120)  # the kubelet's back-off after the second death
        figure(f"nginx back the {time} time: two owners", back.two_owners_ms(), PREEMPTION_MS, back)
        figure(f"nginx back the {time} time: HTTP gap", back.http_gap_ms, SKEW_MS, back)


def test_nginx_that_hangs_moves_the_address_and_it_comes_back(lab: Lab, web: Vip, first: str, speaker: Speaker) -> None:
    second = lab.workers[1]
    nginx = speaker.all_pids("nginx")
    speaker.kill(*nginx, sign="STOP")
    try:
        lab.owners.wait_for(web.address, [second], NOTICED_BY_THE_KUBELET_S)
        lab.answering(web.address)
        web.wait_until_active_is(second)
    finally:
        speaker.kill(*nginx, sign="CONT")
    lab.settle(web, first, timeout_s=180)  # the third failure in a few minutes: it may be held back


def test_nginx_container_that_the_kubelet_calls_unready_moves_the_address(
    lab: Lab, web: Vip, first: str, figure: Figure
) -> None:
    second = lab.workers[1]
    with lab.observed(web) as seen:
        with _readiness_blocked(lab, first):
            lab.owners.wait_for(web.address, [second], NOTICED_BY_THE_KUBELET_S)
            lab.answering(web.address)
        lab.settle(web, first, timeout_s=180)  # by now its health flaps: it is held back for a minute
    figure("nginx unready: HTTP gap", seen.http_gap_ms, SKEW_MS, seen)
    figure("nginx unready: two owners", seen.two_owners_ms(), PREEMPTION_MS, seen)


def test_deleted_pod_hands_its_address_over_and_its_successor_takes_it_back(
    lab: Lab, web: Vip, first: str, figure: Figure
) -> None:
    second = lab.workers[1]
    pod = kube.speaker_pod(lab.cluster, first)
    with lab.observed(web) as seen:
        lab.cluster.kubectl("delete", "pod", pod.name, "-n", NAMESPACE, "--wait=false")
        lab.owners.wait_for(web.address, [second], 30)
        kube.wait_for_pods(lab.cluster)
        lab.settle(web, first)
    figure("pod deleted and replaced: ping gap", seen.ping_gap_ms, HANDOVER_MS, seen)
    figure("pod deleted and replaced: HTTP gap", seen.http_gap_ms, SKEW_MS, seen)
    figure("pod deleted and replaced: two owners", seen.two_owners_ms(), PREEMPTION_MS, seen)


def test_restarted_kubelet_moves_nothing(lab: Lab, web: Vip, first: str, figure: Figure) -> None:
    before = kube.pod_uids(lab.cluster)
    with lab.observed(web) as seen:
        lab.cluster.kubelet_restart(first)
        kube.wait_for_pods(lab.cluster)
        lab.stays_with(web, first, 15)
    assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}, seen.story()
    assert kube.pod_uids(lab.cluster) == before
    figure("kubelet restarted: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)
    figure("kubelet restarted: HTTP gap", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)


@contextmanager
def _readiness_blocked(lab: Lab, node: str) -> Iterator[None]:
    """The kubelet's probe of nginx is refused; nginx's unix socket and the address itself go on as if nothing was."""
    daemonset = kube.get(lab.cluster, "daemonset", "vipkeeper-speaker-default", "-n", NAMESPACE)
    port = daemonset["metadata"]["annotations"]["vipkeeper.dev/ports"].split("-")[0]
    rule = f"add rule inet e2e input iifname lo tcp dport {port} reject with tcp reset"
    chain = "add chain inet e2e input { type filter hook input priority 0; }"
    nft = [*lab.cluster.node_prefix(node), "nft"]
    lab.cluster.host_run([*nft, "-f", "-"], stdin=f"add table inet e2e\n{chain}\n{rule}\n")
    try:
        yield
    finally:
        lab.cluster.host_run([*nft, "delete", "table", "inet", "e2e"])
