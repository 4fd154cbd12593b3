"""Ports on the host for the pods of a placement: a block of four each, pinned in the DaemonSet's annotation.

Speaker pods use the host's network and declare no container ports, so Kubernetes does not keep two placements on one
node apart; distinct blocks do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

BLOCK_SIZE = 4


@dataclass(frozen=True, slots=True)
class PortBlock:
    """The block that begins at `first`. +1 is kept for the agent's metrics, +2 is `peers`, +3 is free."""

    first: int

    @property
    def nginx_readiness(self) -> int:
        """Where nginx answers the kubelet's probe on 127.0.0.1."""
        return self.first

    @property
    def peers(self) -> int:
        """UDP: where the engines of the placement's nodes hear each other, by every address of the node."""
        return self.first + 2


class PortsExhausted(ValueError):
    """All blocks of the range are taken."""


def allocate_ports(taken: Collection[PortBlock], first: int, last: int) -> PortBlock:
    """The lowest block within first..last that touches none of `taken`. Raises PortsExhausted."""
    for start in range(first, last - BLOCK_SIZE + 2, BLOCK_SIZE):
        if all(abs(start - block.first) >= BLOCK_SIZE for block in taken):
            return PortBlock(start)
    raise PortsExhausted(f"ports {first} to {last} are taken by {len(taken)} placements: widen ports.first..ports.last")
