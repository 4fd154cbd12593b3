"""Adverts by unicast: whose are taken, where ours go, and which address of ours they come from.

A peer may have several addresses. Adverts go to one of them, the best known (`NodeShare.ways`), and are taken from all:
its own choice may have been another, until it has reported itself. Which of our addresses is the source depends on who
is spoken to, but it is one for all peers, because an election that ties compares it (RFC 9568 §6.4.3).

On the wire: tests/netns/test_unicast.py.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.transport import MULTICAST, Transport, Unicast


def transport_of(document: RenderedVirtualIP, node: str) -> Transport:
    if document.transport != "Unicast":
        return MULTICAST
    peers = (share.ways(_version(document)) for name, share in document.nodes.items() if name != node)
    return Unicast(frozenset(address for ways in peers for address in ways), document.min_ttl)


def destinations_of(document: RenderedVirtualIP, node: str) -> tuple[IPAddress, ...]:
    """One for each peer that is known, in the order of their names."""
    peers = (share.ways(_version(document)) for name, share in sorted(document.nodes.items()) if name != node)
    return tuple(ways[0] for ways in peers if ways)


def own_ways_of(document: RenderedVirtualIP, node: str) -> frozenset[IPAddress]:
    """The addresses at which others may look for this node: what comes to them is for us."""
    return frozenset(document.nodes[node].ways(_version(document)))


def decisive(destinations: tuple[IPAddress, ...]) -> IPAddress | None:
    """The one that decides where adverts come from. Peers at link-local addresses are reached from any; None: any."""
    routable = (item for item in destinations if not (isinstance(item, IPv6Address) and item.is_link_local))
    return next(routable, None)


def lacks_peers(document: RenderedVirtualIP, node: str) -> bool:
    """Others take part, and nobody knows where: alone we would be Active beside one of them."""
    return document.transport == "Unicast" and len(document.nodes) > 1 and not destinations_of(document, node)


def _version(document: RenderedVirtualIP) -> int:
    return document.addresses[0].address.version
