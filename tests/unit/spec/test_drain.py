"""operator/vipkeeper/spec/drain.py"""

from __future__ import annotations

from typing import Any

import pytest

from vipkeeper.spec.drain import DRAINING_TAINTS, DrainPolicy, is_evicted, why_leaving
from vipkeeper.spec.placement import Node, Taint

PLAIN = Node("w1", {})
CORDONED = Node("w1", {}, unschedulable=True)


@pytest.mark.parametrize(
    ("policy", "node", "evicting", "expected"),
    [
        ("OnDrain", PLAIN, set(), ""),
        ("OnDrain", CORDONED, set(), ""),
        ("OnDrain", CORDONED, {"w2"}, ""),
        ("OnDrain", PLAIN, {"w1"}, ""),
        ("OnDrain", CORDONED, {"w1"}, "Draining"),
        ("OnCordon", PLAIN, {"w1"}, ""),
        ("OnCordon", CORDONED, set(), "Cordoned"),
        ("OnCordon", CORDONED, {"w1"}, "Cordoned"),
        ("Ignore", CORDONED, {"w1"}, ""),
    ],
)
def test_an_eviction_counts_on_an_unschedulable_node_and_a_cordon_where_that_is_enough(
    policy: str, node: Node, evicting: set[str], expected: str
) -> None:
    assert why_leaving(policy, node, evicting) == expected


@pytest.mark.parametrize("key", sorted(DRAINING_TAINTS))
def test_the_taint_of_a_program_that_drains_is_enough_but_not_for_ignore(key: str) -> None:
    node = Node("w1", {}, (Taint(key, "", "NoSchedule"),))
    assert [why_leaving(policy, node, ()) for policy in DrainPolicy] == ["Draining", "Draining", ""]


def test_other_taints_are_none_of_our_business() -> None:
    taints = ("node.kubernetes.io/unschedulable", "DeletionCandidateOfClusterAutoscaler", "dedicated")
    node = Node("w1", {}, tuple(Taint(key, "", "NoSchedule") for key in taints))
    assert why_leaving("OnDrain", node, {"w1"}) == ""


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}, True),
        ({"type": "DisruptionTarget", "status": "False", "reason": "EvictionByEvictionAPI"}, False),
        ({"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}, False),
        ({"type": "Ready", "status": "True"}, False),
    ],
)
def test_an_evicted_pod_is_known_by_its_condition(condition: dict[str, Any], expected: bool) -> None:
    assert is_evicted({"status": {"conditions": [condition]}}) is expected
    assert is_evicted({"status": {}}) is is_evicted({}) is False
