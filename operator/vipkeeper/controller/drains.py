"""Which nodes are being emptied, as far as we know, and whose pods have to be looked at to know more. Pure.

Only those of unschedulable nodes, while they are unschedulable, and only where a VirtualIP wants to know: to watch all
pods of a cluster would cost memory and traffic without end.
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.controller.state import ClusterState
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.drain import DrainPolicy, Leaving


def unschedulable_nodes(state: ClusterState) -> frozenset[str]:
    return frozenset(name for name, seen in state.nodes.items() if seen.node.unschedulable)


def evicting_nodes(state: ClusterState) -> frozenset[str]:
    """Unschedulable nodes from which pods were evicted, as far as we remember: now, or in another life of ours, which
    stands in the documents."""
    unschedulable = unschedulable_nodes(state)
    if not unschedulable:
        return unschedulable
    said = (
        name
        for seen in state.configmaps.values()
        if seen.document is not None
        for name, share in seen.document.nodes.items()
        if share.leaving == Leaving.DRAINING
    )
    return unschedulable & {*state.evicting, *said}


def nodes_to_watch(documents: Iterable[tuple[str, RenderedVirtualIP]], state: ClusterState) -> frozenset[str]:
    """`documents`: with their drain policies. Of nodes that are known to be drained nothing more is to be learned."""
    unschedulable = unschedulable_nodes(state) - state.evicting
    if not unschedulable:
        return frozenset()
    return frozenset(
        name
        for policy, document in documents
        if policy == DrainPolicy.ON_DRAIN
        for name, share in document.nodes.items()
        if not share.leaving and name in unschedulable
    )
