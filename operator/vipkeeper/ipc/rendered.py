"""The rendered VirtualIP: what the operator decided, once, for every node of a placement.

The controller writes one such document into one ConfigMap for each VirtualIP (data key `virtualip.json`); the agent
carries it to the engine; the guard keeps the last good one in the state folder, from where the engine boots. Nothing
in it is optional that matters to the election: defaults are resolved, priorities are effective ones (distinct on
every node, so that an election never ties), the VRID is allocated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vipkeeper.ipc.fields import Fields, IPAddress

FORMAT = 1
"""Version of this document. A reader refuses one it does not know and keeps what it has."""

DATA_KEY = "virtualip.json"
"""Key of the document in the ConfigMap's `data`."""


@dataclass(frozen=True, slots=True)
class RenderedAddress:
    """One virtual IP address. The kernel gets it as /32 or /128, noprefixroute, whatever `prefix_length` says."""

    address: IPAddress
    prefix_length: int | None = None
    """As written by the user (192.0.2.10/24): serves to find the interface. None: not written."""


@dataclass(frozen=True, slots=True)
class NodeShare:
    """What one node does in this virtual router."""

    priority: int
    """Effective priority, 2..254 (RFC 9568 §5.2.4; 1 is kept for "last resort")."""
    rank: int
    """0 for the node with the highest priority, 1 for the next: delays among nodes that are all at priority 1."""


@dataclass(frozen=True, slots=True)
class ServiceUpstream:
    """A Kubernetes Service as upstream; the agent resolves it from EndpointSlices."""

    namespace: str
    name: str
    port: int | str
    """Port of the Service: its number or its name."""


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """One backend server written by the user."""

    address: str
    """IP address: `spec/` refuses DNS names, which nginx would look up once, at start."""
    port: int


@dataclass(frozen=True, slots=True)
class HTTPServer:
    """One nginx `server` on the VIP. Exactly one of `servers` and `service` is set."""

    port: int
    servers: tuple[UpstreamServer, ...] = ()
    service: ServiceUpstream | None = None


@dataclass(frozen=True, slots=True)
class NginxSection:
    """What nginx serves on the addresses of this VirtualIP."""

    http: tuple[HTTPServer, ...]


@dataclass(frozen=True, slots=True)
class RenderedVirtualIP:
    """The whole document. `generation` is metadata.generation of the VirtualIP that it was rendered from."""

    name: str
    uid: str
    generation: int
    placement: str
    vrid: int
    advertisement_interval_cs: int
    """Centiseconds, 1..4095 (RFC 9568 §5.2.7)."""
    preempt: bool
    addresses: tuple[RenderedAddress, ...]
    """1..20; the family of the first one holds the election, the others move along (families: Together)."""
    interface: str | None
    """None: each node chooses (the one whose subnet holds the address, else that of the default route)."""
    nodes: dict[str, NodeShare] = field(default_factory=dict)
    """Share by node name. A node that is not named here takes no part."""
    nginx: NginxSection | None = None

    @staticmethod
    def from_json(value: object) -> RenderedVirtualIP:
        """Parse `value` (from json.loads). Raises BadDocument with every problem."""
        fields = Fields(value)
        fields.number("format", FORMAT, FORMAT)
        addresses = tuple(_address(item) for item in fields.children("addresses"))
        if not 1 <= len(addresses) <= 20:
            fields.note("addresses", f"has {len(addresses)} members, not 1..20")
        nodes = {
            name: NodeShare(item.number("priority", 1, 255), item.number("rank", 0, 1_000_000))
            for name, item in fields.named_children("nodes").items()
        }
        document = RenderedVirtualIP(
            name=fields.text("name"),
            uid=fields.text("uid"),
            generation=fields.number("generation", 0, 2**63 - 1),
            placement=fields.text("placement"),
            vrid=fields.number("vrid", 1, 255),
            advertisement_interval_cs=fields.number("advertisementIntervalCs", 1, 4095),
            preempt=fields.flag("preempt", True),
            addresses=addresses,
            interface=fields.text("interface") if fields.has("interface") else None,
            nodes=nodes,
            nginx=_nginx(fields.child("nginx")) if fields.has("nginx") else None,
        )
        fields.finish()
        return document

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values, members in a fixed order, absent ones left out."""
        result: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "uid": self.uid,
            "generation": self.generation,
            "placement": self.placement,
            "vrid": self.vrid,
            "advertisementIntervalCs": self.advertisement_interval_cs,
            "preempt": self.preempt,
            "addresses": [
                {"address": str(item.address)}
                | ({} if item.prefix_length is None else {"prefixLength": item.prefix_length})
                for item in self.addresses
            ],
            "nodes": {
                name: {"priority": share.priority, "rank": share.rank} for name, share in sorted(self.nodes.items())
            },
        }
        if self.interface is not None:
            result["interface"] = self.interface
        if self.nginx is not None:
            result["nginx"] = {"http": [_http_to_json(server) for server in self.nginx.http]}
        return result


def _address(fields: Fields) -> RenderedAddress:
    address = fields.address("address")
    prefix_length = fields.number("prefixLength", 0, address.max_prefixlen) if fields.has("prefixLength") else None
    return RenderedAddress(address, prefix_length)


def _nginx(fields: Fields) -> NginxSection:
    return NginxSection(http=tuple(_http_server(item) for item in fields.children("http")))


def _http_server(fields: Fields) -> HTTPServer:
    service = None
    if fields.has("service"):
        item = fields.child("service")
        port: int | str = item.text("portName") if item.has("portName") else item.number("port", 1, 65535)
        service = ServiceUpstream(item.text("namespace"), item.text("name"), port)
    servers = tuple(
        UpstreamServer(item.text("address"), item.number("port", 1, 65535)) for item in fields.children("servers")
    )
    if (service is None) == (not servers):
        fields.note("", "needs exactly one of servers and service")
    return HTTPServer(port=fields.number("port", 1, 65535), servers=servers, service=service)


def _http_to_json(server: HTTPServer) -> dict[str, Any]:
    result: dict[str, Any] = {"port": server.port}
    if server.servers:
        result["servers"] = [{"address": item.address, "port": item.port} for item in server.servers]
    if server.service is not None:
        port = server.service.port
        result["service"] = {"namespace": server.service.namespace, "name": server.service.name} | (
            {"portName": port} if isinstance(port, str) else {"port": port}
        )
    return result
