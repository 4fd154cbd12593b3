"""Whether a node is being emptied, and what a VirtualIP makes of that (`spec.drainPolicy`). Pure.

A drain does not evict pods of a DaemonSet, so nobody tells the speaker; it is seen from its traces. `kubectl drain` and
its kind make the node unschedulable and evict the others' pods by the eviction API, which marks each one before it goes
(condition DisruptionTarget, reason EvictionByEvictionAPI; Kubernetes 1.31 and newer). An eviction alone is no drain:
deschedulers evict, too. Some programs tell by a taint, which counts by itself: not all of them make the node
unschedulable besides.

A pod that was evicted is soon gone, and the node is still drained: so what was seen once is so until the node takes
pods again. It is remembered where it is said: in the rendered documents.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from vipkeeper.spec.placement import Node

DRAINING_TAINTS = frozenset(
    {
        "node.kubernetes.io/out-of-service",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "medik8s.io/drain",
    }
)
"""An administrator's word that a node was shut down; cluster-autoscaler; Karpenter; medik8s' node maintenance."""


class DrainPolicy(StrEnum):
    ON_DRAIN = "OnDrain"
    ON_CORDON = "OnCordon"
    IGNORE = "Ignore"


class Leaving(StrEnum):
    """Why a node steps back: an ailment of its virtual routers."""

    DRAINING = "Draining"
    CORDONED = "Cordoned"


def is_draining(node: Node, evicting: Collection[str]) -> bool:
    """`evicting`: nodes from which pods were seen to be evicted."""
    return _is_tainted(node) or (node.unschedulable and node.name in evicting)


def why_leaving(policy: str, node: Node, evicting: Collection[str]) -> str:
    """A value of Leaving; "" when the node may hold the addresses."""
    if policy == DrainPolicy.IGNORE:
        return ""
    if policy == DrainPolicy.ON_CORDON and node.unschedulable:
        return Leaving.CORDONED.value
    return Leaving.DRAINING.value if is_draining(node, evicting) else ""


def is_evicted(pod: Mapping[str, Any]) -> bool:
    """Whether the API object `pod` leaves its node by the eviction API."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(
        (item.get("type"), item.get("status"), item.get("reason"))
        == ("DisruptionTarget", "True", "EvictionByEvictionAPI")
        for item in conditions
    )


def _is_tainted(node: Node) -> bool:
    return any(taint.key in DRAINING_TAINTS for taint in node.taints)
