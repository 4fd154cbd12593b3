"""The picture of this node's interfaces: links and addresses, as the kernel tells them.

It answers three questions: what is wrong with an interface (faults), where adverts are sent from (the primary IPv4
address, the IPv6 link-local one: RFC 9568 §5.1), and which segment an interface is on. Virtual IP addresses are never
an answer to the second: our own are known by name, those of another speaker by their tag.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from vipkeeper.engine.netlink_codec import (
    IFA_F_DADFAILED,
    IFA_F_OPTIMISTIC,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    IFA_F_TENTATIVE,
    IFF_RUNNING,
    IFF_UP,
    OUR_PROTO,
    AddressMessage,
    IPAddress,
    LinkMessage,
)
from vipkeeper.vrrp.packet import Family
from vipkeeper.vrrp.state import Fault


@dataclass(slots=True)
class Link:
    index: int
    name: str
    flags: int
    mac: bytes
    alias: str = ""
    addresses: dict[IPAddress, AddressMessage] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """Administratively up, and something is at the other end of the cable."""
        return self.flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING

    def source(self, family: Family, not_these: Container[IPAddress]) -> IPAddress | None:
        """Where adverts of `family` are sent from. None: there is no such address."""
        for message in self.addresses.values():
            if message.address.version != family or message.address in not_these or message.proto == OUR_PROTO:
                continue
            if family is Family.IPV4 and not message.flags & IFA_F_SECONDARY:
                return message.address
            if family is Family.IPV6 and message.address.is_link_local and _usable(message):
                return message.address
        return None

    def source_towards(self, destination: IPAddress, not_these: Container[IPAddress]) -> IPAddress | None:
        """Where unicast to `destination` is sent from: an address of its subnet, else a primary (stable) one."""
        family = Family(destination.version)
        found = [
            message
            for message in self.addresses.values()
            if message.address.version == family
            and message.address not in not_these
            and message.proto != OUR_PROTO
            and not message.flags & IFA_F_SECONDARY  # in IPv6: a temporary one (RFC 8981)
            and (family is Family.IPV4 or (_usable(message) and not message.address.is_link_local))
        ]
        if not found or destination.is_link_local:
            return self.source(family, not_these)
        return min(found, key=lambda message: destination not in _subnet(message)).address

    def segment(self, family: Family, virtual_addresses: tuple[IPAddress, ...]) -> str:
        """The on-link prefix that holds the first virtual address, else that of the interface; "" when unknown."""
        prefixes = self._prefixes(family, virtual_addresses)
        for address in virtual_addresses[:1]:
            prefixes.sort(key=lambda item: _rank(item, address))
        return str(prefixes[0]) if prefixes else ""

    def segments(self, family: Family, virtual_addresses: Container[IPAddress]) -> tuple[str, ...]:
        """All its on-link prefixes."""
        return tuple(dict.fromkeys(str(item) for item in self._prefixes(family, virtual_addresses)))

    def _prefixes(self, family: Family, virtual_addresses: Container[IPAddress]) -> list[IPv4Network | IPv6Network]:
        prefixes = [
            _subnet(message)
            for message in self.addresses.values()
            if message.address.version == family
            and message.prefix_length < message.address.max_prefixlen
            and message.address not in virtual_addresses
            and message.proto != OUR_PROTO
        ]
        return [item for item in prefixes if not item.is_link_local] or prefixes

    def holds_ours(self, address: IPAddress) -> bool:
        """Whether an address put here by a speaker is still there: tagged, or on a lease of the kernel and of full
        length. One that an administrator wrote is neither."""
        message = self.addresses.get(address)
        if message is None:
            return False
        leased = not message.flags & IFA_F_PERMANENT and message.prefix_length == address.max_prefixlen
        return message.proto == OUR_PROTO or leased


class Interfaces:
    def __init__(self) -> None:
        self._links: dict[int, Link] = {}

    def take(self, message: LinkMessage | AddressMessage) -> Link | None:
        """Paint one message into the picture. Returns the link that it is about, also when it is gone."""
        if isinstance(message, AddressMessage):
            return self._take_address(message)
        if message.gone:
            return self._links.pop(message.index, None)
        link = self._links.get(message.index)
        if link is None:
            link = self._links[message.index] = Link(message.index, message.name, message.flags, message.mac)
        link.name, link.flags, link.mac, link.alias = message.name, message.flags, message.mac, message.alias
        return link

    def clear(self) -> None:
        self._links.clear()

    def named(self, name: str) -> Link | None:
        return next((link for link in self._links.values() if link.name == name), None)

    def at(self, index: int) -> Link | None:
        return self._links.get(index)

    def links(self) -> list[Link]:
        return list(self._links.values())

    def addresses(self) -> set[IPAddress]:
        """All that this host has."""
        return {address for link in self._links.values() for address in link.addresses}

    def faults(self, name: str, family: Family, virtual_addresses: Container[IPAddress]) -> frozenset[Fault]:
        link = self.named(name)
        if link is None:
            return frozenset({Fault.INTERFACE_MISSING})
        faults = set()
        if not link.up:
            faults.add(Fault.LINK_DOWN)
        if link.source(family, virtual_addresses) is None:
            faults.add(Fault.NO_SOURCE_ADDRESS)
        return frozenset(faults)

    def _take_address(self, message: AddressMessage) -> Link | None:
        link = self._links.get(message.index)
        if link is None:
            return None
        if message.gone:
            link.addresses.pop(message.address, None)
        else:
            link.addresses[message.address] = message
        return link


def _usable(message: AddressMessage) -> bool:
    """Whether IPv6 has finished asking if anybody else has that address."""
    if message.flags & IFA_F_DADFAILED:
        return False
    return not message.flags & IFA_F_TENTATIVE or bool(message.flags & IFA_F_OPTIMISTIC)


def _subnet(message: AddressMessage) -> IPv4Network | IPv6Network:
    return ip_network((message.address, message.prefix_length), strict=False)


def _rank(prefix: IPv4Network | IPv6Network, address: IPAddress) -> tuple[bool, int]:
    """Prefixes that hold the address first, the longest of them first of all."""
    return (address not in prefix, -prefix.prefixlen)
