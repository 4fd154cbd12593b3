"""Effective priorities: what each node sends, so that an election never ties.

VRRP decides between equal priorities by the higher address, which no administrator chose and which needs an extra
round of adverts. So the operator gives every node of a virtual router a number of its own: nodes sorted by wanted
priority, then by hash(UID, node) (another order for each VirtualIP, which spreads the Actives over the nodes);
effective = min(wanted, previous - 1), at least 2 (1 is kept for "last resort").

There are 253 numbers. Where the minimum is reached the surplus shares priority 2: those of them tie as plain VRRP
routers do, by address, and their `rank` still tells them apart. The nodes that anybody would expect to win, being
ahead in the order, are never among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.spec.placement import Node, selects
from vipkeeper.spec.virtualip import NodePriority

LOWEST_PRIORITY = 2


def wanted_priorities(nodes: Iterable[Node], default: int, exceptions: Iterable[NodePriority]) -> dict[str, int]:
    """What the spec asks of each node: the first entry of `exceptions` that fits, else `default`."""
    entries = tuple(exceptions)
    return {node.name: next((entry.priority for entry in entries if _fits(entry, node)), default) for node in nodes}


HIGHEST_PRIORITY = 254
"""255 is the address owner's (RFC 9568 §5.2.4)."""


def effective_priorities(wanted: Mapping[str, int], uid: str, first: str = "") -> dict[str, NodeShare]:
    """A share for each node: distinct priorities as long as there are numbers, and a distinct rank always.

    `first`: a node that comes before all others, with the highest priority there is, whatever is wanted of it.
    """
    wanted = dict(wanted) | ({first: HIGHEST_PRIORITY} if first and first in wanted else {})
    order = sorted(wanted, key=lambda node: (not first or node != first, -wanted[node], _tie_break(uid, node), node))
    shares: dict[str, NodeShare] = {}
    previous = 255
    for rank, node in enumerate(order):
        previous = max(LOWEST_PRIORITY, min(wanted[node], previous - 1))
        shares[node] = NodeShare(previous, rank)
    return shares


def _fits(entry: NodePriority, node: Node) -> bool:
    if entry.name is not None:
        return entry.name == node.name
    return entry.selector is not None and selects(entry.selector, node.labels)


def _tie_break(uid: str, node: str) -> str:
    return hashlib.sha256(f"{uid}\0{node}".encode()).hexdigest()
