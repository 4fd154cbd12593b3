"""operator/vipkeeper/agent/pods_ready.py"""

from __future__ import annotations

from typing import Any

import pytest

from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Reached, Refused, Unreachable
from vipkeeper.agent.pods_ready import PodsReady


def pod(
    ready: bool = True,
    *,
    uid: str = "one",
    container: str = "c1",
    state: str = "running",
    deleting: bool = False,
    gates: dict[str, str] | None = None,
    period_s: int | None = 2,
) -> dict[str, Any]:
    """As the API server has it. The condition Ready says the contrary: it is not to be read."""
    probe = {} if period_s is None else {"readinessProbe": {"periodSeconds": period_s}}
    conditions = {"ContainersReady": str(ready), "Ready": str(not ready)} | (gates or {})
    return {
        "metadata": {"uid": uid} | ({"deletionTimestamp": "2026-01-02T12:00:00Z"} if deleting else {}),
        "spec": {"containers": [probe], "readinessGates": [{"conditionType": name} for name in gates or ()]},
        "status": {
            "conditions": [{"type": name, "status": status} for name, status in conditions.items()],
            "containerStatuses": [{"containerID": container, "state": {state: {}}}],
        },
    }


def listed(*pods: dict[str, Any], now_s: float = 0.0) -> PodsReady:
    ready = PodsReady()
    ready.take(Listed(pods), now_s)
    return ready


def fault(ready: PodsReady) -> str:
    return ready.fault


def test_before_the_first_list_nothing_is_known() -> None:
    ready = PodsReady()
    for event in (Unreachable(), Refused("403"), Reached()):
        ready.take(event, 0)
    ready.time_passed(1000)
    assert (ready.known, fault(ready), ready.deadline_s()) == (False, "", None)


def test_one_ready_pod_is_enough_and_none_is_not() -> None:
    assert not fault(listed(pod(), pod(False, uid="two")))
    assert fault(listed()) == "there is no such pod on this node"
    assert fault(listed(pod(False), pod(False, uid="two"))) == "of 2 on this node none is ready"


def test_a_pod_that_was_never_ready_is_not_believed() -> None:
    ready = listed(pod(False))
    assert (fault(ready) != "", ready.deadline_s()) == (True, None)


def test_readiness_gates_count() -> None:
    assert not fault(listed(pod(gates={"example.com/lb": "True"})))
    assert fault(listed(pod(gates={"example.com/lb": "False"})))


@pytest.mark.parametrize(("period_s", "patience_s"), [(2, 3), (30, 31), (None, 1)])
def test_containers_that_run_on_are_believed_for_one_probe_period_and_a_second(
    period_s: int | None, patience_s: float
) -> None:
    ready = listed(pod(period_s=period_s))
    ready.take(Changed(pod(False, period_s=period_s)), 10)
    assert (fault(ready), ready.deadline_s()) == ("", 10 + patience_s)
    ready.take(Changed(pod(False, period_s=period_s)), 10.5)
    assert ready.deadline_s() == 10 + patience_s, "later news do not prolong it"
    ready.time_passed(10 + patience_s - 0.01)
    assert not fault(ready)
    ready.time_passed(10 + patience_s)
    assert fault(ready)


def test_a_kubelet_restart_blinks() -> None:
    ready = listed(pod())
    ready.take(Changed(pod(False)), 10)
    ready.take(Changed(pod()), 12)
    assert (fault(ready), ready.deadline_s()) == ("", None)


@pytest.mark.parametrize(
    "changed",
    [pod(False, container="c2"), pod(False, state="terminated"), pod(deleting=True), pod(False, deleting=True)],
    ids=["another container", "a container that ended", "leaving", "leaving and not ready"],
)
def test_what_is_no_blink_counts_at_once(changed: dict[str, Any]) -> None:
    ready = listed(pod())
    ready.take(Changed(changed), 10)
    assert fault(ready)
    ready.take(Changed(pod(container="c3")), 11)
    assert not fault(ready)


def test_a_pod_that_is_gone_counts_at_once() -> None:
    ready = listed(pod())
    ready.take(Deleted(pod()), 10)
    assert fault(ready)


def test_the_api_server_out_of_reach_is_unknown() -> None:
    ready = listed(pod())
    ready.take(Changed(pod(False)), 10)
    ready.take(Unreachable(), 11)
    ready.time_passed(1000)
    assert not fault(ready), "a doubt ends in no verdict"
    ready.take(Reached(), 1000)
    assert ready.deadline_s() == 1002, "the wait goes on where it was"
    ready.time_passed(1002)
    assert fault(ready)


def test_a_fault_stands_while_the_api_server_is_away_so_nothing_moves() -> None:
    ready = listed()
    ready.take(Unreachable(), 10)
    ready.take(Unreachable(), 20)
    ready.time_passed(100_000)
    assert (bool(fault(ready)), ready.deadline_s()) == (True, None)
    ready.take(Reached(), 100_000)
    ready.take(Changed(pod()), 100_001)
    assert not fault(ready)


def test_a_new_list_forgets_pods_that_are_not_in_it_and_no_doubt_of_those_that_are() -> None:
    ready = listed(pod(), pod(uid="two"))
    ready.take(Listed((pod(False, uid="two"),)), 10)
    assert (fault(ready), ready.deadline_s()) == ("", 13)
