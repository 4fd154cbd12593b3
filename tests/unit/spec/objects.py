"""API objects and reports for the tests of spec/ and render/: small, whole, changed by keyword."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import NginxSection
from vipkeeper.spec.belief import SpeakerView
from vipkeeper.spec.parse import ParsedVirtualIP, parse_virtualip
from vipkeeper.spec.speaker import (
    NginxDocument,
    NginxReport,
    RefusedDocument,
    VirtualRouterReport,
    VRRPSpeaker,
    VRRPSpeakerStatus,
)

UID = "4ad01105-6279-4316-9a87-259c267044e0"
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def virtualip(name: str = "web", uid: str = UID, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    """A VirtualIP as the API server gives it."""
    return {
        "apiVersion": "vipkeeper.dev/v1alpha1",
        "kind": "VirtualIP",
        "metadata": {"name": name, "uid": uid, "generation": 1, "creationTimestamp": created},
        "spec": {"addresses": ["192.0.2.10"]} | spec,
    }


def parsed(name: str = "web", **spec: Any) -> ParsedVirtualIP:
    result = parse_virtualip(virtualip(name, **spec))
    assert isinstance(result, ParsedVirtualIP), result
    return result


def document(*nodes: str, generation: int = 1, nginx: NginxSection | None = None) -> RenderedVirtualIP:
    """A rendered document with these nodes, the first one preferred."""
    return RenderedVirtualIP(
        name="web",
        uid=UID,
        generation=generation,
        placement="default",
        vrid=51,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(RenderedAddress(ip_address("192.0.2.10")), RenderedAddress(ip_address("2001:db8::10"))),
        interface=None,
        nodes={node: NodeShare(100 - rank, rank) for rank, node in enumerate(nodes)},
        nginx=nginx,
    )


def report(state: str, since: datetime = NOON, **changes: Any) -> VirtualRouterReport:
    values = {
        "name": "web",
        "uid": UID,
        "generation": 1,
        "vrid": 51,
        "state": state,
        "since": since,
        "priority": 100,
        "reason": "Startup",
        "interface": "eth0",
        "segment": "192.0.2.0/24",
    }
    return VirtualRouterReport.model_validate(values | changes)


def speaker(
    node: str,
    *routers: VirtualRouterReport,
    nginx: NginxReport | None = None,
    refused: tuple[RefusedDocument, ...] = (),
) -> VRRPSpeaker:
    status = VRRPSpeakerStatus(virtual_routers=routers, nginx=nginx, refused=refused)
    return VRRPSpeaker(node_name=node, placement="default", status=status)


def heard(spoken: VRRPSpeaker, when: datetime = NOON, running: bool = True) -> SpeakerView:
    return SpeakerView(spoken, when, running)


def serving(generation: int = 1) -> NginxReport:
    return NginxReport(generation="cafe", ok=True, documents=(NginxDocument(name="web", generation=generation),))
