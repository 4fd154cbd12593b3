"""The rendered document of one VirtualIP: the spec, with everything decided that nodes must agree on."""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.placement import Node
from vipkeeper.spec.priorities import effective_priorities, wanted_priorities


def render_document(parsed: ParsedVirtualIP, vrid: int, nodes: Iterable[Node]) -> RenderedVirtualIP:
    """`nodes`: those of the placement (`placement.nodes_of`); `vrid`: the user's, the pinned or the allocated one."""
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
        nodes=effective_priorities(wanted, parsed.uid),
        nginx=parsed.nginx,
        health=parsed.health,
        install_prefix=parsed.install_prefix,
        preempt_delay_ms=parsed.preempt_delay_ms,
        vrrp_version=parsed.vrrp_version,
        checksum=parsed.checksum,
    )
