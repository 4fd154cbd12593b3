"""`kubectl apply -f vip.yaml`, and the address answers: from one node, by ping and by HTTP, and kubectl tells where."""

from __future__ import annotations

import time

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support import kube, prober
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import FROM_APPLY_MS
from tests.e2e.support.virtualips import http_of, prefer


def _from_apply_to_first_answer_ms(lab: Lab, vip: MakeVip) -> float:
    (address,) = lab.cluster.free_addresses(1, owner="first answer")
    with prober.ping(lab.client, address) as ping, prober.http(lab.client, address) as http:
        begin_ns = time.monotonic_ns()
        applied = vip({"addresses": [str(address)], "nginx": http_of(BLUE)}, families="")
        applied.addresses.append(address)
        lab.answering(address)
        timelines = [ping.stop(), http.stop()]
    answers = [timeline.first_answer_ns for timeline in timelines]
    assert None not in answers
    return max((answer or 0) - begin_ns for answer in answers) / 1e6


def test_first_virtual_ip_starts_the_pods_and_answers_ping_and_http(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    kube.wait_for_no_pods(lab.cluster)
    took_ms = _from_apply_to_first_answer_ms(lab, vip)
    figure("apply to first HTTP answer, with pods to start", took_ms, FROM_APPLY_MS["pods to start"])


def test_further_virtual_ip_answers_without_any_new_pod(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    vip({"vrid": 77}).wait_for("Ready")
    before = {pod.uid for pod in kube.wait_for_pods(lab.cluster)}
    took_ms = _from_apply_to_first_answer_ms(lab, vip)
    assert kube.pod_uids(lab.cluster) == before
    figure("apply to first HTTP answer, with pods running", took_ms, FROM_APPLY_MS["pods running"])


def test_exactly_one_node_holds_the_address_and_answers_for_it(lab: Lab, vip: MakeVip) -> None:
    holder = lab.workers[1]
    web = vip({"vrid": 51, "nodes": {"priorities": prefer(holder)}, "nginx": http_of(BLUE)})
    lab.settle(web, holder)
    assert lab.http_answer(web.address) == BLUE
    with lab.observed(web) as seen:
        lab.stays_with(web, holder, 2)
    assert len(seen.who_has.answers()) == 1, seen.who_has.answers()
    web.wait_for("Ready")
    assert web.status["activeNode"] == holder


def test_kubectl_get_shows_addresses_vrid_active_node_and_readiness(lab: Lab, vip: MakeVip) -> None:
    web = vip({"vrid": 51})
    active = web.wait_until_settled()
    header, row = lab.cluster.kubectl("get", "vip", web.name).splitlines()
    assert header.split() == ["NAME", "ADDRESSES", "VRID", "ACTIVE", "READY", "LAST-FAILOVER", "AGE"]
    assert row.split()[:5] == [web.name, str(web.address), "51", active, "True"]
    wide = lab.cluster.kubectl("get", "vip", web.name, "-o", "wide").splitlines()
    assert {"INTERFACE", "BACKUPS", "REASON"} <= set(wide[0].split())


def test_status_names_every_node_with_state_priority_and_interface(lab: Lab, vip: MakeVip) -> None:
    web = vip({"vrid": 51})
    web.wait_until_settled()
    nodes = {node["name"]: node for node in web.status["nodes"]}
    assert set(nodes) == set(lab.workers)
    assert sorted(node["state"] for node in nodes.values()) == ["Active", "Backup", "Backup"]
    assert len({node["priority"] for node in nodes.values()}) == 3, "priorities tie"
    assert {node["interface"] for node in nodes.values()} == {"eth0"}
    assert web.status["observedGeneration"] == web.read()["metadata"]["generation"]


def test_describe_shows_events(lab: Lab, vip: MakeVip) -> None:
    web = vip({"vrid": 51})
    web.wait_for("Ready")
    described = lab.cluster.kubectl("describe", "vip", web.name)
    events = described.partition("Events:")[2]
    assert "Claimed" in events, described


def test_absent_vrid_is_allocated_and_stays(vip: MakeVip) -> None:
    web = vip({})
    web.wait_for("Ready")
    allocated = web.status["vrid"]
    assert 1 <= allocated <= 255
    web.patch({"priority": 120})
    web.wait_until_run()
    assert web.status["vrid"] == allocated


def test_second_object_that_wants_the_same_address_is_refused_and_the_first_keeps_it(lab: Lab, vip: MakeVip) -> None:
    first = vip({"vrid": 51})
    holder = first.wait_until_settled()
    second = vip({"vrid": 52, "addresses": [str(first.address)]}, families="")
    lab.cluster.kubectl("wait", "--for=condition=Accepted=False", f"vip/{second.name}", "--timeout=30s")
    assert first.name in second.condition("Accepted")["message"]
    assert "addresses" in second.condition("Accepted")["message"]
    lab.stays_with(first, holder, 2)


def test_second_object_that_wants_the_same_vrid_is_refused_and_the_first_keeps_it(lab: Lab, vip: MakeVip) -> None:
    first = vip({"vrid": 51})
    first.wait_for("Ready")
    second = vip({"vrid": 51})
    lab.cluster.kubectl("wait", "--for=condition=Accepted=False", f"vip/{second.name}", "--timeout=30s")
    assert first.name in second.condition("Accepted")["message"]
    assert "vrid" in second.condition("Accepted")["message"]
    assert not lab.owners.owners(second.address)
