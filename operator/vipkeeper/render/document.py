"""The rendered document of one VirtualIP: the spec, with everything decided that nodes must agree on.

Addresses of the nodes are part of it only where the engines need them (`needs_node_addresses`): so a node that changes
its address, or reports one, makes no document anew that has no use for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.placement import Node
from vipkeeper.spec.priorities import effective_priorities, wanted_priorities

NOT_REPORTED: Mapping[str, tuple[IPAddress, ...]] = {}


def needs_node_addresses(parsed: ParsedVirtualIP) -> bool:
    """Whether the engines of this VirtualIP speak to each other by address."""
    return parsed.transport == "Unicast"


def render_document(
    parsed: ParsedVirtualIP,
    vrid: int,
    nodes: Iterable[Node],
    reported: Mapping[str, tuple[IPAddress, ...]] = NOT_REPORTED,
) -> RenderedVirtualIP:
    """`nodes`: those of the placement (`placement.nodes_of`); `vrid`: the user's, the pinned or the allocated one.

    `reported`: by node, its address on the segment (one for each election), as its speaker reports it.
    """
    nodes = tuple(nodes)
    wanted = wanted_priorities(nodes, parsed.priority, parsed.priorities)
    return RenderedVirtualIP(
        name=parsed.name,
        uid=parsed.uid,
        generation=parsed.generation,
        placement=parsed.placement.name,
        vrid=vrid,
        advertisement_interval_cs=parsed.advertisement_interval_cs,
        preempt=parsed.preempt,
        addresses=parsed.addresses,
        interface=parsed.interface,
        nodes=_with_addresses(effective_priorities(wanted, parsed.uid), parsed, nodes, reported),
        nginx=parsed.nginx,
        health=parsed.health,
        install_prefix=parsed.install_prefix,
        preempt_delay_ms=parsed.preempt_delay_ms,
        vrrp_version=parsed.vrrp_version,
        checksum=parsed.checksum,
        transport=parsed.transport,
        min_ttl=parsed.min_ttl,
        authentication=parsed.authentication,
        families=parsed.families,
        accept_mode=parsed.accept_mode,
        virtual_mac=parsed.virtual_mac,
    )


def _with_addresses(
    shares: Mapping[str, NodeShare],
    parsed: ParsedVirtualIP,
    nodes: Iterable[Node],
    reported: Mapping[str, tuple[IPAddress, ...]],
) -> dict[str, NodeShare]:
    if not needs_node_addresses(parsed):
        return dict(shares)
    others = {node.name: node.addresses for node in nodes}
    return {
        name: replace(
            share,
            segment_addresses=tuple(item for item in reported.get(name, ()) if item.version in parsed.elections),
            node_addresses=others[name],
        )
        for name, share in shares.items()
    }
