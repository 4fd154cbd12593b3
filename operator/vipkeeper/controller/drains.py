"""Which nodes' pods have to be looked at, because a drain may begin there that nobody has noticed yet. Pure.

Only those of unschedulable nodes, while they are unschedulable, and only where a VirtualIP wants to know: to watch all
pods of a cluster would cost memory and traffic without end.
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.controller.decisions import Decision
from vipkeeper.controller.state import ClusterState
from vipkeeper.spec.drain import DrainPolicy
from vipkeeper.spec.parse import ParsedVirtualIP


def nodes_to_watch(decisions: Iterable[Decision], state: ClusterState) -> frozenset[str]:
    """Of nodes that are known to be drained nothing more is to be learned."""
    unschedulable = {name for name, seen in state.nodes.items() if seen.node.unschedulable} - state.evicting
    return frozenset(
        name
        for decision in decisions
        if decision.document is not None and _wants_to_know(decision)
        for name, share in decision.document.nodes.items()
        if not share.leaving and name in unschedulable
    )


def _wants_to_know(decision: Decision) -> bool:
    parsed = decision.virtualip.parsed
    return isinstance(parsed, ParsedVirtualIP) and parsed.drain_policy == DrainPolicy.ON_DRAIN
