"""The rendered VirtualIP: what the operator decided, once, for every node of a placement.

The controller writes one such document into one ConfigMap for each VirtualIP (data key `virtualip.json`); the agent
carries it to the engine; the guard keeps the last good one in the state folder, from where the engine boots. Nothing
in it is optional that matters to the election: defaults are resolved, priorities are effective ones (distinct on
every node, so that an election never ties), the VRID is allocated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vipkeeper.ipc import members
from vipkeeper.ipc.authentication import Authentication, authentication_to_json, read_authentication
from vipkeeper.ipc.fields import Fields, IPAddress
from vipkeeper.ipc.peers import PeersSection, peers_to_json, read_peers
from vipkeeper.ipc.rendered_nginx import NginxSection, certificates_of, said_by_format_1
from vipkeeper.ipc.secret_kinds import SecretKind

FORMAT = 3
"""Highest version of this document that is read here. A reader refuses one it does not know and keeps what it has.

A document is written in the lowest version that says all of it: 1, unless a member that came with version 2 or 3
differs from its default (`_of_format_2`, `_of_format_3`, `_share_of_format_3`). So an engine of before never runs a virtual router otherwise than its document says,
and goes on with all those that it understands.
"""

DATA_KEY = "virtualip.json"
"""Key of the document in the ConfigMap's `data`."""

VRRP_VERSIONS = (3, 2)
"""RFC 9568, and RFC 3768 for neighbours that know nothing else."""

CHECKSUM_FORMS = ("PseudoHeader", "MessageOnly")
"""What the checksum of an advert of IPv4 covers (RFC 9568 §5.2.8 and what others make of it)."""

TRANSPORTS = ("Multicast", "Unicast")
"""How adverts travel: to the group of RFC 9568 §5.1, or to each other node of the document."""

FAMILIES = ("Together", "Separate")
"""Of a document with both address families: one election for all, or one for each."""

ON_FAILURE = ("Yield", "Release")
"""What a node does that is ill: stay as the last resort (priority 1), or take no part."""

_MAX_CHECK_MS = 3_600_000
_MAX_PREEMPT_DELAY_MS = 3_600_000
_MAX_CHECKS_IN_A_ROW = 1000


@dataclass(frozen=True, slots=True)
class RenderedAddress:
    """One virtual IP address. The kernel gets it as /32 or /128, noprefixroute, unless `install_prefix` says more."""

    address: IPAddress
    prefix_length: int | None = None
    """As written by the user (192.0.2.10/24): serves to find the interface. None: not written."""


def elections_of(addresses: Iterable[RenderedAddress], families: str) -> tuple[int, ...]:
    """IP versions that hold an election, that of the first address first. `families`: one of FAMILIES."""
    versions = tuple(dict.fromkeys(item.address.version for item in addresses))
    return versions if families == "Separate" else versions[:1]


@dataclass(frozen=True, slots=True)
class NodeShare:
    """What one node does in this virtual router."""

    priority: int
    """Effective priority, 2..254 (RFC 9568 §5.2.4; 1 is kept for "last resort")."""
    rank: int
    """0 for the node with the highest priority, 1 for the next: delays among nodes that are all at priority 1."""
    segment_addresses: tuple[IPAddress, ...] = ()
    """Where the node is found on the segment of the virtual addresses: its primary address in the election's family.
    Empty: not known (yet), or nothing in this document needs it."""
    node_addresses: tuple[IPAddress, ...] = ()
    """Other ways to the node, of either family, perhaps on another network; empty where nothing needs them."""
    leaving: str = ""
    """Why the node shall not hold the addresses while another one can: it is being drained, for example. An ailment of
    its router (`RouterStatus.ailments`); "" when there is none."""

    def ways(self, version: int) -> tuple[IPAddress, ...]:
        """All known addresses of IP `version`, the one on the segment first."""
        every = (*self.segment_addresses, *self.node_addresses)
        return tuple(dict.fromkeys(address for address in every if address.version == version))


@dataclass(frozen=True, slots=True)
class Check:
    """What every check of this node has. Unknown is not failed: only `fall` bad ones in a row are."""

    host: IPAddress
    """An address of this node as a rule, 127.0.0.1; never one of the virtual router's own."""
    port: int
    interval_ms: int
    timeout_ms: int
    rise: int
    fall: int


@dataclass(frozen=True, slots=True)
class HTTPCheck(Check):
    """GET `path`: good when the status is 200 to 399."""

    path: str


@dataclass(frozen=True, slots=True)
class TCPCheck(Check):
    """Good when a connection is accepted."""


@dataclass(frozen=True, slots=True)
class PodSelection:
    """Pods of which at least one must be ready on this node."""

    namespace: str
    label_selector: str
    """As the API server takes it in a query, e.g. `app=web,tier in (a,b)`."""


@dataclass(frozen=True, slots=True)
class HealthSection:
    """What must be good, beside nginx, for this node to count as healthy, and what follows when it is not."""

    http: tuple[HTTPCheck, ...] = ()
    tcp: tuple[TCPCheck, ...] = ()
    on_failure: str = "Yield"
    """One of ON_FAILURE. nginx counts as well."""
    pods: PodSelection | None = None

    @property
    def of_format_2(self) -> bool:
        """Whether that version says all of it."""
        return self.on_failure == "Yield" and self.pods is None


@dataclass(frozen=True, slots=True)
class RenderedVirtualIP:
    """The whole document. `generation` is metadata.generation of the VirtualIP that it was rendered from."""

    name: str
    uid: str
    generation: int
    placement: str
    vrid: int
    advertisement_interval_cs: int
    """Centiseconds, 1..4095 (RFC 9568 §5.2.7); version 2: whole seconds, 100..25500."""
    preempt: bool
    addresses: tuple[RenderedAddress, ...]
    """1..20. The family of the first one holds the election, and the others move along; or see `families`."""
    interface: str | None
    """None: each node chooses (the one whose subnet holds the address, else that of the default route)."""
    nodes: dict[str, NodeShare] = field(default_factory=dict)
    """Share by node name. A node that is not named here takes no part."""
    nginx: NginxSection | None = None
    health: HealthSection | None = None
    install_prefix: bool = False
    """Give the kernel the written prefix length of each address, so that it adds a route to the subnet."""
    preempt_delay_ms: int = 0
    """How long, from its start or recovery, a node leaves a living Active of lower priority alone."""
    vrrp_version: int = 3
    """One of VRRP_VERSIONS, of what is sent and taken. Version 2 holds its election in IPv4 only."""
    checksum: str = "PseudoHeader"
    """One of CHECKSUM_FORMS, of what is sent in version 3 and IPv4. Both are taken."""
    transport: str = "Multicast"
    """One of TRANSPORTS, of what is sent and taken. Unicast: `nodes` has the addresses of the others."""
    min_ttl: int = 255
    """Lowest TTL or Hop Limit that is taken by unicast, 1..255."""
    families: str = "Together"
    """One of FAMILIES. Separate: each family of `addresses` has an election of its own (`families.py`)."""
    accept_mode: bool = True
    """Accept_Mode (RFC 9568 §6.1): false: the Active drops what is addressed to the virtual addresses."""
    authentication: Authentication | None = None
    """Of what is sent and taken. None: none. What it refers to comes in `messages.Secrets`."""
    peers: PeersSection | None = None
    """How the engines of the nodes talk to each other. None: plain VRRP."""
    virtual_mac: bool = False
    """The addresses live on a macvlan with the virtual router's MAC address (RFC 9568 §7.3)."""

    @property
    def elections(self) -> tuple[int, ...]:
        return elections_of(self.addresses, self.families)

    @property
    def engine_secrets(self) -> dict[str, SecretKind]:
        """References of all secrets that the engine needs for it."""
        peers = {} if self.peers is None else {self.peers.secret: SecretKind.OPAQUE}
        return ({} if self.authentication is None else self.authentication.references) | peers

    @property
    def secrets(self) -> dict[str, SecretKind]:
        """References of all secrets that a node needs for it."""
        certificates = certificates_of(self.nginx) if self.nginx else ()
        return self.engine_secrets | {name: kind for _, tls in certificates for name, kind in tls.references.items()}

    @staticmethod
    def from_json(value: object) -> RenderedVirtualIP:
        """Parse `value` (from json.loads). Raises BadDocument with every problem."""
        fields = Fields(value)
        fields.number("format", 1, FORMAT)
        addresses = tuple(_address(item) for item in fields.children("addresses"))
        if not 1 <= len(addresses) <= 20:
            fields.note("addresses", f"has {len(addresses)} members, not 1..20")
        nodes = {name: _share(item) for name, item in fields.named_children("nodes").items()}
        vrrp_version = fields.choice("vrrpVersion", VRRP_VERSIONS)
        document = RenderedVirtualIP(
            name=fields.text("name"),
            uid=fields.text("uid"),
            generation=fields.number("generation", 0, 2**63 - 1),
            placement=fields.text("placement"),
            vrid=fields.number("vrid", 1, 255),
            advertisement_interval_cs=_interval_cs(fields, vrrp_version),
            preempt=fields.flag("preempt", True),
            addresses=addresses,
            interface=fields.text("interface") if fields.has("interface") else None,
            nodes=nodes,
            nginx=members.from_json(NginxSection, fields.child("nginx")) if fields.has("nginx") else None,
            health=_health(fields.child("health")) if fields.has("health") else None,
            install_prefix=fields.flag("installPrefix", False),
            preempt_delay_ms=fields.number("preemptDelayMs", 0, _MAX_PREEMPT_DELAY_MS, 0),
            vrrp_version=vrrp_version,
            checksum=fields.choice("checksum", CHECKSUM_FORMS),
            transport=fields.choice("transport", TRANSPORTS),
            min_ttl=fields.number("minTtl", 1, 255, 255),
            authentication=(
                read_authentication(fields.child("authentication")) if fields.has("authentication") else None
            ),
            accept_mode=fields.flag("acceptMode", True),
            peers=read_peers(fields.child("peers")) if fields.has("peers") else None,
            families=fields.choice("families", FAMILIES),
            virtual_mac=fields.flag("virtualMAC", False),
        )
        if document.install_prefix and any(item.prefix_length is None for item in addresses):
            fields.note("installPrefix", "needs a prefix length with every address")
        fields.finish()
        return document

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values, members in a fixed order, absent ones left out."""
        format_2 = _of_format_2(self)
        format_3 = _of_format_3(self)
        shares = {name: _share_of_format_3(share) for name, share in self.nodes.items()}
        result: dict[str, Any] = {
            "format": 3 if format_3 or any(shares.values()) else 2 if format_2 else 1,
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
                name: {"priority": share.priority, "rank": share.rank} | shares[name]
                for name, share in sorted(self.nodes.items())
            },
        }
        if self.interface is not None:
            result["interface"] = self.interface
        if self.nginx is not None:
            result["nginx"] = members.to_json(self.nginx)
        return result | format_2 | format_3


def _of_format_2(document: RenderedVirtualIP) -> dict[str, Any]:
    """Those members that version 1 does not have, where they say something."""
    health = document.health if document.health and document.health.of_format_2 else None
    return _telling(
        health=(health and _health_to_json(health), None),
        installPrefix=(document.install_prefix, False),
        preemptDelayMs=(document.preempt_delay_ms, 0),
        vrrpVersion=(document.vrrp_version, 3),
        checksum=(document.checksum, "PseudoHeader"),
    )


def _of_format_3(document: RenderedVirtualIP) -> dict[str, Any]:
    """Those members that version 2 does not have either, or has with less in them."""
    nginx = document.nginx if document.nginx and not said_by_format_1(document.nginx) else None
    health = document.health if document.health and not document.health.of_format_2 else None
    authentication = document.authentication
    peers = document.peers
    return _telling(
        health=(health and _health_to_json(health), None),
        transport=(document.transport, "Multicast"),
        minTtl=(document.min_ttl, 255),
        authentication=(None if authentication is None else authentication_to_json(authentication), None),
        acceptMode=(document.accept_mode, True),
        families=(document.families, "Together"),
        virtualMAC=(document.virtual_mac, False),
        nginx=(nginx and members.to_json(nginx), None),
        peers=(None if peers is None else peers_to_json(peers), None),
    )


def _share_of_format_3(share: NodeShare) -> dict[str, Any]:
    return _telling(
        leaving=(share.leaving, ""),
        segmentAddresses=([str(address) for address in share.segment_addresses], []),
        nodeAddresses=([str(address) for address in share.node_addresses], []),
    )


def _telling(**pairs: tuple[Any, Any]) -> dict[str, Any]:
    """Of members with their defaults: those that differ."""
    return {name: value for name, (value, default) in pairs.items() if value != default}


def _share(fields: Fields) -> NodeShare:
    return NodeShare(
        priority=fields.number("priority", 1, 255),
        rank=fields.number("rank", 0, 1_000_000),
        segment_addresses=fields.addresses("segmentAddresses"),
        node_addresses=fields.addresses("nodeAddresses"),
        leaving=fields.text("leaving", ""),
    )


def _interval_cs(fields: Fields, vrrp_version: int) -> int:
    if vrrp_version != 2:
        return fields.number("advertisementIntervalCs", 1, 4095)
    interval_cs = fields.number("advertisementIntervalCs", 100, 25500)
    if interval_cs % 100:
        fields.note("advertisementIntervalCs", f"{interval_cs} is not whole seconds, as version 2 needs them")
    return interval_cs


def _address(fields: Fields) -> RenderedAddress:
    address = fields.address("address")
    prefix_length = fields.number("prefixLength", 0, address.max_prefixlen) if fields.has("prefixLength") else None
    return RenderedAddress(address, prefix_length)


def _health(fields: Fields) -> HealthSection:
    http = tuple(HTTPCheck(*_check(item), path=item.text("path")) for item in fields.children("http"))
    tcp = tuple(TCPCheck(*_check(item)) for item in fields.children("tcp"))
    pods = fields.child("pods") if fields.has("pods") else None
    selection = None if pods is None else PodSelection(pods.text("namespace"), pods.text("labelSelector"))
    return HealthSection(http, tcp, fields.choice("onFailure", ON_FAILURE), selection)


def _check(fields: Fields) -> tuple[IPAddress, int, int, int, int, int]:
    """The members of Check, in their order."""
    return (
        fields.address("host"),
        fields.number("port", 1, 65535),
        fields.number("intervalMs", 1, _MAX_CHECK_MS),
        fields.number("timeoutMs", 1, _MAX_CHECK_MS),
        fields.number("rise", 1, _MAX_CHECKS_IN_A_ROW),
        fields.number("fall", 1, _MAX_CHECKS_IN_A_ROW),
    )


def _health_to_json(health: HealthSection) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if health.http:
        result["http"] = [_check_to_json(check) | {"path": check.path} for check in health.http]
    if health.tcp:
        result["tcp"] = [_check_to_json(check) for check in health.tcp]
    if health.on_failure != "Yield":
        result["onFailure"] = health.on_failure
    if health.pods is not None:
        result["pods"] = {"namespace": health.pods.namespace, "labelSelector": health.pods.label_selector}
    return result


def _check_to_json(check: Check) -> dict[str, Any]:
    return {
        "host": str(check.host),
        "port": check.port,
        "intervalMs": check.interval_ms,
        "timeoutMs": check.timeout_ms,
        "rise": check.rise,
        "fall": check.fall,
    }
