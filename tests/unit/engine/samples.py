"""A rendered VirtualIP for tests of the engine's parts."""

from dataclasses import replace
from ipaddress import ip_address

from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP

_WEB = RenderedVirtualIP(
    name="web",
    uid="0f8d-uid",
    generation=3,
    placement="default",
    vrid=51,
    advertisement_interval_cs=25,
    preempt=True,
    addresses=(
        RenderedAddress(ip_address("192.0.2.100"), 24),
        RenderedAddress(ip_address("2001:db8::100")),
        RenderedAddress(ip_address("192.0.2.101")),
    ),
    interface=None,
    nodes={"one": NodeShare(200, 0), "two": NodeShare(199, 1)},
)


def web(**changes: object) -> RenderedVirtualIP:
    return replace(_WEB, **changes)  # type: ignore[arg-type]
