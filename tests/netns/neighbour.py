"""What a virtual router is to any neighbour of ours: the numbers that keepalived and FRR are both configured with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VirtualRouter:
    """One family; `addresses` are without prefix length."""

    addresses: tuple[str, ...]
    priority: int
    vrid: int = 51
    interval_cs: int = 25
    version: int = 3
    preempt: bool = True
    extra: tuple[str, ...] = ()
    """More lines of the neighbour's own configuration language, as they stand."""

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.addresses[0]
