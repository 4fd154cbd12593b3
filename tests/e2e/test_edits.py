"""An edit is in effect within seconds, restarts no pod, and costs clients nothing where the Active node stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import BLUE, GREEN, Figure, MakeVip, temporary_vip
from tests.e2e.support import kube, prober
from tests.e2e.support.adverts import heard_adverts
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import NO_GAP_MS, NO_HTTP_GAP_MS, PREEMPTION_MS
from tests.e2e.support.speakers import Speaker
from tests.e2e.support.virtualips import Vip, http_of, prefer
from tests.e2e.support.waiting import wait_until

IN_EFFECT_S = 10


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Vip]:
    spec = {"vrid": 61, "nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        kube.wait_for_pods(lab.cluster)
        yield vip


@pytest.fixture(autouse=True)
def _no_pod_restarts(lab: Lab, web: Vip) -> Iterator[None]:
    assert web.addresses
    before = {pod.uid: pod.restarts for pod in kube.speaker_pods(lab.cluster)}
    yield
    assert {pod.uid: pod.restarts for pod in kube.speaker_pods(lab.cluster)} == before, "an edit restarted a pod"


def test_added_address_answers_and_the_first_one_does_not_blink(lab: Lab, web: Vip, figure: Figure) -> None:
    first = lab.workers[0]
    lab.settle(web, first)
    (added,) = lab.cluster.free_addresses(1, owner=web.name)
    with lab.observed(web) as seen:
        web.patch({"addresses": [str(web.address), str(added)]})
        lab.owners.wait_for(added, [first], IN_EFFECT_S)
        lab.answering(added, timeout_s=IN_EFFECT_S)
        web.patch({"addresses": [str(web.address)]})
        lab.owners.wait_for(added, [], IN_EFFECT_S)
    lab.cluster.give_back([added])
    assert seen.no_owner_ms() == 0, seen.story()
    figure("edit of addresses: ping gap of an unchanged one", seen.ping_gap_ms, NO_GAP_MS, seen)
    assert seen.http is not None
    assert not seen.http.failures(), seen.story()
    figure("edit of addresses: HTTP gap of an unchanged one", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)


def test_replaced_address_moves_the_object_to_the_new_one(lab: Lab, vip: MakeVip) -> None:
    moving = vip({"vrid": 62})
    moving.wait_for("Ready")
    old = moving.address
    (new,) = lab.cluster.free_addresses(1, owner=moving.name)
    moving.addresses.append(new)
    moving.patch({"addresses": [str(new)]})
    lab.owners.wait_for_one(new, lab.workers, IN_EFFECT_S)
    lab.owners.wait_for(old, [], IN_EFFECT_S)


def test_edit_of_priority_moves_the_address_to_the_node_that_is_preferred_now(
    lab: Lab, web: Vip, figure: Figure
) -> None:
    first, second, third = lab.workers
    lab.settle(web, first)
    with lab.observed(web) as seen:
        web.patch({"nodes": {"priorities": prefer(second, first, third)}})
        lab.settle(web, second, timeout_s=IN_EFFECT_S)
        web.patch({"nodes": {"priorities": prefer(first, second, third)}})
        lab.settle(web, first, timeout_s=IN_EFFECT_S)
    figure("edit of priorities: ping gap while the address moves", seen.ping_gap_ms, PREEMPTION_MS, seen)
    figure("edit of priorities: two owners while the address moves", seen.two_owners_ms(), PREEMPTION_MS, seen)


def test_edit_of_priority_that_changes_no_order_costs_nothing(lab: Lab, web: Vip, figure: Figure) -> None:
    first, second, third = lab.workers
    lab.settle(web, first)
    with lab.observed(web) as seen:
        web.patch({"nodes": {"priorities": [{"name": first, "priority": 250}, {"name": second, "priority": 240}]}})
        web.wait_until_run(IN_EFFECT_S)
        web.patch({"nodes": {"priorities": prefer(first, second, third)}})
        web.wait_until_run(IN_EFFECT_S)
    assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}, seen.story()
    figure("edit of priorities, same order: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)


def test_edit_of_the_interval_is_heard_on_the_wire_without_a_gap(lab: Lab, web: Vip, figure: Figure) -> None:
    first = lab.workers[0]
    lab.settle(web, first)
    with lab.observed(web) as seen:
        web.patch({"vrrp": {"advertisementInterval": "100ms"}})
        web.wait_until_run(IN_EFFECT_S)
        assert {advert.interval_cs for advert in heard_adverts(lab.observer, vrid=61)} == {10}
        web.patch({"vrrp": {"advertisementInterval": "250ms"}})
        web.wait_until_run(IN_EFFECT_S)
        assert {advert.interval_cs for advert in heard_adverts(lab.observer, vrid=61)} == {25}
    assert {span.owners for span in lab.owners.spans(web.address, seen.since_ns)} == {frozenset([first])}, seen.story()
    figure("edit of the interval: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)


def test_edit_of_the_upstream_sends_requests_there_and_loses_none(lab: Lab, web: Vip, figure: Figure) -> None:
    lab.settle(web, lab.workers[0])
    with lab.observed(web) as seen:
        web.patch({"nginx": http_of(GREEN)})
        wait_until("requests go to green", lambda: lab.http_answer(web.address) == GREEN, IN_EFFECT_S)
        web.patch({"nginx": http_of(BLUE)})
        wait_until("requests go to blue", lambda: lab.http_answer(web.address) == BLUE, IN_EFFECT_S)
    assert seen.http is not None
    assert set(seen.http.answers()) == {f"200 {BLUE}", f"200 {GREEN}"}
    assert not seen.http.failures(), seen.story()
    figure("edit of the upstream: HTTP gap", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)


def test_written_servers_are_an_upstream_too(lab: Lab, vip: MakeVip) -> None:
    service = kube.get(lab.cluster, "service", GREEN, "-n", "default")
    servers = [{"address": service["spec"]["clusterIP"], "port": 80}]
    other = vip({"vrid": 63, "nginx": {"http": [{"port": 8081, "upstream": {"servers": servers}}]}})
    lab.answering(other.address, http_port=8081)
    assert lab.http_answer(other.address, 8081) == GREEN


def test_upstream_service_without_endpoints_answers_502_and_the_address_stays(lab: Lab, vip: MakeVip) -> None:
    other = vip({"vrid": 64, "nginx": http_of("no-such-service")})
    holder = other.wait_until_settled()
    lab.answering(other.address, http_port=None)
    wait_until("nginx says 502", lambda: prober.fetch(lab.client, other.address)[0] in (502, 503), IN_EFFECT_S)
    lab.stays_with(other, holder, 2)


def test_bad_edit_leaves_the_last_good_configuration_in_force(lab: Lab, web: Vip, vip: MakeVip) -> None:
    edited = vip({"vrid": 65})
    holder = edited.wait_until_settled()
    generation = edited.status["observedGeneration"]
    edited.patch({"vrid": web.status["vrid"]})
    lab.cluster.kubectl("wait", "--for=condition=Accepted=False", f"vip/{edited.name}", "--timeout=30s")
    assert web.name in edited.condition("Accepted")["message"]
    lab.stays_with(edited, holder, 2)
    assert edited.status["observedGeneration"] == generation
    edited.patch({"vrid": 65})
    edited.wait_for("Accepted", 30)
    edited.wait_until_run(30)
    lab.stays_with(edited, holder, 1)


def test_observed_generation_waits_for_the_slowest_node(lab: Lab, web: Vip) -> None:
    lab.settle(web, lab.workers[0])
    slow = Speaker(lab.cluster, lab.workers[2])
    agent = slow.all_pids("agent")
    slow.kill(*agent, sign="STOP")
    try:
        before = web.read()
        web.patch({"priority": 90})
        wait_until(
            "the quick nodes run the new generation",
            lambda: _running_generation(lab, web, 0) > before["metadata"]["generation"],
            IN_EFFECT_S,
        )
        assert web.status["observedGeneration"] == before["status"]["observedGeneration"]
    finally:
        slow.kill(*agent, sign="CONT")
    web.wait_until_run(30)


def _running_generation(lab: Lab, vip: Vip, worker: int) -> int:
    speaker: dict[str, Any] = kube.get(lab.cluster, "vrrps", f"default.{lab.workers[worker]}", "-n", "vipkeeper")
    reports = speaker["status"]["virtualRouters"]
    return next((report["generation"] for report in reports if report["name"] == vip.name), 0)
