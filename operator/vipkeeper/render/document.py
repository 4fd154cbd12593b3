"""The rendered document of one VirtualIP: the spec, with everything decided that nodes must agree on.

Addresses of the nodes are part of it only where the engines need them (`needs_node_addresses`): so a node that changes
its address, or reports one, makes no document anew that has no use for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.spec.drain import why_leaving
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.placement import Node
from vipkeeper.spec.priorities import effective_priorities, wanted_priorities

NOT_REPORTED: Mapping[str, tuple[IPAddress, ...]] = {}
NO_SHARES: Mapping[str, NodeShare] = {}


def needs_node_addresses(parsed: ParsedVirtualIP) -> bool:
    """Whether the adverts of this VirtualIP go to addresses of nodes."""
    return parsed.transport == "Unicast"


def render_document(
    parsed: ParsedVirtualIP,
    vrid: int,
    nodes: Iterable[Node],
    reported: Mapping[str, tuple[IPAddress, ...]] = NOT_REPORTED,
    peers: PeersSection | None = None,
    move_to: str = "",
    evicting: Collection[str] = (),
    before: Mapping[str, NodeShare] = NO_SHARES,
) -> RenderedVirtualIP:
    """`nodes`: those of the placement (`placement.nodes_of`); `vrid`: the user's, the pinned or the allocated one.

    `reported`: by node, its address on the segment (one for each election), as its speaker reports it. `peers`: how
    the engines of the placement talk to each other; a node that is alone has nobody to talk to.
    `move_to`: a node that shall have the addresses, and take them from a living Active if need be. `evicting`: nodes
    from which pods were seen to be evicted. `before`: the shares of the document that runs.
    """
    nodes = tuple(nodes)
    peers = replace(peers, witness=parsed.witness) if peers is not None and len(nodes) > 1 else None
    wanted = wanted_priorities(nodes, parsed.priority, parsed.priorities)
    shares = _with_leaving(effective_priorities(wanted, parsed.uid, move_to), parsed, nodes, evicting, before)
    return RenderedVirtualIP(
        name=parsed.name,
        uid=parsed.uid,
        generation=parsed.generation,
        placement=parsed.placement.name,
        vrid=vrid,
        advertisement_interval_cs=parsed.advertisement_interval_cs,
        preempt=parsed.preempt or bool(move_to),
        addresses=parsed.addresses,
        interface=parsed.interface,
        nodes=_with_addresses(shares, parsed, nodes, reported, peers),
        nginx=parsed.nginx,
        health=parsed.health,
        install_prefix=parsed.install_prefix,
        preempt_delay_ms=0 if move_to else parsed.preempt_delay_ms,
        vrrp_version=parsed.vrrp_version,
        checksum=parsed.checksum,
        transport=parsed.transport,
        min_ttl=parsed.min_ttl,
        authentication=parsed.authentication,
        families=parsed.families,
        accept_mode=parsed.accept_mode,
        virtual_mac=parsed.virtual_mac,
        peers=peers,
    )


def _with_leaving(
    shares: Mapping[str, NodeShare],
    parsed: ParsedVirtualIP,
    nodes: Iterable[Node],
    evicting: Collection[str],
    before: Mapping[str, NodeShare],
) -> dict[str, NodeShare]:
    """Who is left over when all the others leave has nobody to leave the addresses to: it keeps them without a blink."""
    leaving = {node.name: why_leaving(parsed.drain_policy, node, evicting) for node in nodes}
    if all(leaving.values()):
        last = {name for name in leaving if name not in before or not before[name].leaving} or set(leaving)
        leaving = {name: "" if name in last else why for name, why in leaving.items()}
    return {name: replace(share, leaving=leaving[name]) for name, share in shares.items()}


def _with_addresses(
    shares: Mapping[str, NodeShare],
    parsed: ParsedVirtualIP,
    nodes: Iterable[Node],
    reported: Mapping[str, tuple[IPAddress, ...]],
    peers: PeersSection | None,
) -> dict[str, NodeShare]:
    """Without Unicast, an address on the segment that is the node's address anyway is not said twice: so the first
    reports of new speakers make no document anew."""
    unicast = needs_node_addresses(parsed)
    if not unicast and peers is None:
        return dict(shares)
    others = {node.name: node.addresses for node in nodes}
    return {
        name: replace(
            share,
            segment_addresses=tuple(
                item
                for item in reported.get(name, ())
                if item.version in parsed.elections and (unicast or item not in others[name])
            ),
            node_addresses=others[name],
        )
        for name, share in shares.items()
    }
