"""Which interface of this node a virtual IP address belongs on. Pure: the node's interfaces come as an argument.

In this order: the one the document names; the one whose on-link prefix holds the first address (the longest prefix
wins, then the interface with the default route); the one that has an address in the prefix that the user wrote; the
one of the default route of the address's family.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedAddress, RenderedVirtualIP

Prefix = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class NodeInterface:
    """An interface that could be chosen."""

    name: str
    index: int
    loopback: bool
    addresses: tuple[IPv4Interface | IPv6Interface, ...]
    """Without virtual IP addresses."""
    on_link: tuple[Prefix, ...] = ()
    """Prefixes that a route without gateway leads to: also those that a router advertisement made."""
    default_route_metric: dict[int, int] | None = None
    """By IP version, where a default route leaves by this interface."""

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        own = tuple(address.network for address in self.addresses)
        return tuple(prefix for prefix in (*own, *self.on_link) if _can_hold_others(prefix))

    def metric(self, version: int) -> int | None:
        return (self.default_route_metric or {}).get(version)


@dataclass(frozen=True, slots=True)
class Choice:
    """`interface` is "" when there is none; `problem` says why."""

    interface: str
    problem: str = ""


def choose_interface(document: RenderedVirtualIP, interfaces: list[NodeInterface]) -> Choice:
    if document.interface is not None:
        return Choice(document.interface)  # one that is not there (yet) is the engine's to wait for
    first = document.addresses[0]
    candidates = [item for item in interfaces if not item.loopback]
    chosen = (
        _with_prefix_around(first.address, candidates)
        or _with_address_in_written_prefix(first, candidates)
        or _with_default_route(first.address.version, candidates)
    )
    if chosen is None:
        return Choice("", f"no interface's subnet holds {first.address}, and there is no default route")
    return Choice(chosen.name)


def _with_prefix_around(address: IPAddress, candidates: list[NodeInterface]) -> NodeInterface | None:
    if address.is_link_local:  # every interface has that prefix
        return None
    holding = [
        (-prefix.prefixlen, item.metric(address.version) is None, item.index, item)
        for item in candidates
        for prefix in item.prefixes
        if address.version == prefix.version and address in prefix
    ]
    return min(holding, key=lambda entry: entry[:3])[3] if holding else None


def _with_address_in_written_prefix(first: RenderedAddress, candidates: list[NodeInterface]) -> NodeInterface | None:
    if first.prefix_length is None or first.address.is_link_local:
        return None
    written = ip_interface((first.address, first.prefix_length)).network
    for item in sorted(candidates, key=lambda item: item.index):
        if any(address.version == written.version and address.ip in written for address in item.addresses):
            return item
    return None


def _with_default_route(version: int, candidates: list[NodeInterface]) -> NodeInterface | None:
    routed = [(metric, item.index, item) for item in candidates if (metric := item.metric(version)) is not None]
    return min(routed, key=lambda entry: entry[:2])[2] if routed else None


def _can_hold_others(prefix: Prefix) -> bool:
    """Not a single address (the node's end of a pod's veth, a tunnel), not everything, not link-local."""
    return 0 < prefix.prefixlen < prefix.max_prefixlen and not prefix.is_link_local
