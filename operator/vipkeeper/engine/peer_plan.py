"""From the documents of an engine to the peers that it talks to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP

Ways = dict[str, tuple[IPAddress, ...]]
"""Addresses by name of the peer, those on the segment first."""


@dataclass(frozen=True, slots=True)
class PeerPlan:
    """What all routers of an engine share."""

    secret: str = ""
    """Reference of the keys; "" when nothing is to be said."""
    port: int = 0
    peers: Mapping[str, tuple[IPAddress, ...]] = field(default_factory=dict)


def ways_of(document: RenderedVirtualIP, node: str) -> Ways:
    """The peers of one router: all nodes but this one that can be reached. None without a section `peers`."""
    if document.peers is None or node not in document.nodes:
        return {}
    return {
        name: tuple(dict.fromkeys((*share.segment_addresses, *share.node_addresses)))
        for name, share in document.nodes.items()
        if name != node and (share.segment_addresses or share.node_addresses)
    }


def plan_of(documents: Iterable[RenderedVirtualIP], node: str) -> PeerPlan:
    """Port and key are those of the first document that has them: of one engine, all have the same."""
    secret, port = "", 0
    peers: dict[str, dict[IPAddress, None]] = {}
    for document in documents:
        ways = ways_of(document, node)
        if ways and document.peers is not None and not secret:
            secret, port = document.peers.secret, document.peers.port
        for name, addresses in ways.items():
            peers.setdefault(name, {}).update(dict.fromkeys(addresses))
    return PeerPlan(secret, port, {name: tuple(addresses) for name, addresses in sorted(peers.items())})
