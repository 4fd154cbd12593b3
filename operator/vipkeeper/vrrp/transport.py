"""How adverts travel, and what that demands of those that arrive: where to, with which TTL, from whom."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from ipaddress import IPv4Address

from vipkeeper.vrrp.advert import Family, IPAddress, Remark
from vipkeeper.vrrp.drops import Dropped, DropReason

TTL = 255
"""TTL or Hop Limit of every advert (RFC 9568 §5.1.1.3): less was forwarded by somebody."""

_BROADCAST = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Multicast:
    """To the group of the family, from anybody on the link (RFC 9568 §5.1)."""

    def refuse_delivery(
        self,
        family: Family,
        destination: IPAddress,
        ttl: int | None,
        own_addresses: Container[IPAddress],  # noqa: ARG002
    ) -> Dropped | None:
        """For how it came. None: nothing is wrong with that."""
        if ttl != TTL:
            return Dropped(DropReason.WRONG_TTL, f"{ttl}")
        if destination != family.group:
            return Dropped(DropReason.WRONG_DESTINATION, f"{destination}")
        return None

    def refuse_sender(self, family: Family, source: IPAddress) -> Dropped | None:
        """For where it came from: whether a router's adverts can (RFC 9568 §5.1.1.1, §5.1.2.1)."""
        if family is Family.IPV6:
            can_send = source.is_link_local
        else:
            can_send = not (source.is_unspecified or source.is_loopback or source.is_multicast or source == _BROADCAST)
        return None if can_send else Dropped(DropReason.WRONG_SOURCE, f"{source}")


@dataclass(frozen=True, slots=True)
class Unicast:
    """To our own address, from the configured peers and nobody else. No RFC: it is keepalived's."""

    peers: frozenset[IPAddress]
    """Whose adverts are taken. Empty: nobody else takes part."""
    min_ttl: int = TTL
    """1..255. Peers behind routers need less than 255; what is forwarded can be forged from further away."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_ttl <= TTL:
            raise ValueError(f"min_ttl {self.min_ttl} is not in 1..255")

    def refuse_delivery(
        self,
        family: Family,  # noqa: ARG002
        destination: IPAddress,
        ttl: int | None,
        own_addresses: Container[IPAddress],
    ) -> Dropped | None:
        if ttl is None or ttl < self.min_ttl:
            return Dropped(DropReason.WRONG_TTL, f"{ttl}")
        if destination not in own_addresses:
            return Dropped(DropReason.WRONG_DESTINATION, f"{destination}")
        return None

    def refuse_sender(self, family: Family, source: IPAddress) -> Dropped | None:  # noqa: ARG002
        return None if source in self.peers else Dropped(DropReason.UNKNOWN_PEER, f"{source}")


Transport = Multicast | Unicast
MULTICAST = Multicast()


def refuse_source(
    transport: Transport, family: Family, source: IPAddress, own_addresses: Container[IPAddress]
) -> Dropped | None:
    """Our own packets first, whatever the transport; then those of whom it does not take any."""
    if source in own_addresses:
        return Dropped(DropReason.OWN_SOURCE, f"{source}: an address conflict or a loop", Remark.REFLECTED)
    return transport.refuse_sender(family, source)
