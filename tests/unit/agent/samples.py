"""Documents and ConfigMaps as the controller makes them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from vipkeeper.ipc.messages import RouterStatus
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, ServiceUpstream
from vipkeeper.render.configmap import render_configmap

NAMESPACE = "vipkeeper-system"
NODE = "worker1"
SERVICE = ServiceUpstream("shop", "web", 80)


def document(
    name: str = "web",
    generation: int = 1,
    placement: str = "default",
    nodes: tuple[str, ...] = (NODE, "worker2"),
    nginx: bool = False,
    service: ServiceUpstream = SERVICE,
) -> RenderedVirtualIP:
    return RenderedVirtualIP(
        name=name,
        uid=f"uid-{name}",
        generation=generation,
        placement=placement,
        vrid=51,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(RenderedAddress(ip_address("192.0.2.10")),),
        interface=None,
        nodes={node: NodeShare(100 - rank, rank) for rank, node in enumerate(nodes)},
        nginx=NginxSection((HTTPServer(port=80, service=service),)) if nginx else None,
    )


def configmap(value: RenderedVirtualIP) -> dict[str, Any]:
    return render_configmap(value, NAMESPACE)


def status(name: str = "web", **changes: Any) -> RouterStatus:
    members: dict[str, Any] = {
        "name": name,
        "uid": f"uid-{name}",
        "generation": 1,
        "vrid": 51,
        "state": "Backup",
        "since_ms": 1000,
        "priority": 100,
        "reason": "Startup",
        "takeover_ms": None,
        "interface": "eth0",
        "segment": "192.0.2.0/24",
        "faults": (),
        "ailments": (),
        "active_address": "192.0.2.1",
    }
    return RouterStatus(**(members | changes))
