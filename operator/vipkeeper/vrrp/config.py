"""What one virtual router is told to be. The engine makes it from the rendered document; the core trusts it."""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.vrrp.packet import Family, IPAddress

OWNER_PRIORITY = 255
"""Priority of the address owner (RFC 9568 §5.2.4): starts as Active, always preempts."""

LAST_RESORT_PRIORITY = 1
"""Effective priority of an ill router. Kept for that: a healthy one has at least 2."""


@dataclass(frozen=True, slots=True)
class VirtualRouterConfig:
    """One virtual router on one node. VRID and family are its identity: to change them is to make a new router."""

    vrid: int
    """1..255 (RFC 9568 §5.2.3)."""
    family: Family
    """Family of the election. VRID 51 of IPv4 and VRID 51 of IPv6 are strangers."""
    priority: int
    """1..255 while healthy (RFC 9568 §5.2.4). Users get 2..254."""
    addresses: tuple[IPAddress, ...]
    """The advertised addresses, all of `family`, 1..255."""
    advertisement_interval_cs: int = 100
    """Time between our adverts in centiseconds, 1..4095 (RFC 9568 §5.2.7)."""
    preempt: bool = True
    """Preempt_Mode (RFC 9568 §6.1): whether to end the time of an Active of lower priority."""
    rank: int = 0
    """Place of this node by priority, 0 the highest: ill routers wait longer by rank, so that they do not tie."""
    companion_addresses: tuple[IPAddress, ...] = ()
    """Addresses of the other family, which move along unadvertised (families: Together)."""

    def __post_init__(self) -> None:
        if not 1 <= self.vrid <= 255:
            raise ValueError(f"vrid {self.vrid} is not in 1..255")
        if not 1 <= self.priority <= OWNER_PRIORITY:
            raise ValueError(f"priority {self.priority} is not in 1..255")
        if not 1 <= self.advertisement_interval_cs <= 4095:
            raise ValueError(f"advertisement_interval_cs {self.advertisement_interval_cs} is not in 1..4095")
        if not 1 <= len(self.addresses) <= 255:
            raise ValueError(f"{len(self.addresses)} addresses are not 1..255")
        for address in self.addresses:
            if address.version != self.family:
                raise ValueError(f"{address} is not an {self.family.name} address")

    @property
    def all_addresses(self) -> tuple[IPAddress, ...]:
        """Everything that is on the node of the Active and on no other."""
        return self.addresses + self.companion_addresses
