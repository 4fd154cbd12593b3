from __future__ import annotations

from typing import Any

from vipkeeper.agent.readiness import FORGET_S, Readiness


def pod(ready: bool, container: str = "one", restarts: int = 0, period_s: int = 2) -> dict[str, Any]:
    return {
        "spec": {"initContainers": [{"name": "nginx", "readinessProbe": {"periodSeconds": period_s}}]},
        "status": {
            "initContainerStatuses": [
                {"name": "other", "ready": False},
                {"name": "nginx", "ready": ready, "containerID": container, "restartCount": restarts},
            ]
        },
    }


def fault(readiness: Readiness) -> str:
    return readiness.fault


def test_nothing_is_known_before_the_kubelet_wrote_a_status() -> None:
    readiness = Readiness()
    readiness.pod_seen({"spec": {}, "status": {}}, now_s=0)
    assert not readiness.known


def test_unready_for_one_probe_period_and_a_second_is_no_fault_yet_and_then_it_is() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False), now_s=10)
    assert readiness.deadline_s() == 13
    readiness.time_passed(12.99)
    assert not fault(readiness)
    readiness.time_passed(13)
    assert fault(readiness) == "not ready for 3 s"
    assert readiness.deadline_s() is None


def test_a_kubelet_restart_blinks_and_is_no_fault() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False), now_s=10)
    readiness.pod_seen(pod(True), now_s=12)
    assert readiness.deadline_s() is None
    assert not fault(readiness)


def test_later_news_of_the_same_unready_container_does_not_prolong_the_wait() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False), now_s=10)
    readiness.pod_seen(pod(False), now_s=12)
    assert readiness.deadline_s() == 13


def test_a_replaced_container_that_is_not_ready_is_a_fault_at_once() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False, container="two", restarts=1), now_s=10)
    assert fault(readiness) == "container was replaced (restart 1) and is not ready"
    readiness.pod_seen(pod(True, container="two", restarts=1), now_s=11)
    assert not fault(readiness)


def test_an_agent_that_starts_beside_an_unready_container_waits_like_anybody() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(False), now_s=10)
    assert readiness.known
    assert not fault(readiness)
    assert readiness.deadline_s() == 13


def test_without_the_api_server_a_wait_does_not_end_in_a_fault_and_begins_anew_afterwards() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False), now_s=10)
    readiness.api_unreachable(now_s=11)
    assert readiness.deadline_s() is None
    readiness.time_passed(100)
    assert not fault(readiness)
    readiness.api_reached(now_s=100)
    assert readiness.deadline_s() == 103


def test_without_the_api_server_a_fault_is_kept_for_a_while_and_then_unknown() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True), now_s=0)
    readiness.pod_seen(pod(False, container="two"), now_s=10)
    readiness.api_unreachable(now_s=20)
    readiness.api_unreachable(now_s=21)
    assert readiness.deadline_s() == 20 + FORGET_S
    readiness.time_passed(19 + FORGET_S)
    assert fault(readiness)
    readiness.time_passed(20 + FORGET_S)
    assert not fault(readiness)


def test_the_probe_period_is_the_one_of_the_pod_as_it_is_now() -> None:
    readiness = Readiness()
    readiness.pod_seen(pod(True, period_s=2), now_s=0)
    readiness.pod_seen(pod(False, period_s=20), now_s=10)
    assert readiness.deadline_s() == 31


def test_readiness_gates_and_conditions_of_the_pod_are_none_of_nginx() -> None:
    readiness = Readiness()
    gated = pod(True)
    gated["spec"]["readinessGates"] = [{"conditionType": "example.com/lb"}]
    gated["status"]["conditions"] = [
        {"type": "Ready", "status": "False"},
        {"type": "example.com/lb", "status": "False"},
    ]
    readiness.pod_seen(gated, now_s=0)
    readiness.time_passed(100)
    assert (readiness.known, fault(readiness)) == (True, "")
