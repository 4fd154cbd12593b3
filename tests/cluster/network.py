"""The segment that all nodes share: its prefixes, its bridge, who has which address, and which are free.

Facts are read from the engine each time: a container that was restarted may have another address. docker and podman
describe networks differently and containers alike; both shapes end here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from tests.cluster.errors import ClusterError
from tests.cluster.paths import CLUSTER_NAME

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NETWORK_NAME = "kind"
FOR_VIPS = 100
"""How many addresses below the end of the prefix are for virtual IPs; engines give theirs out from the beginning."""
FOR_CLIENTS = 40
"""How many below those are for clients."""


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    role: str
    """control-plane or worker"""
    pid: int
    """Of its first process, on this machine; 0 when it does not run."""
    status: str
    """running, paused, exited ..."""
    ipv4: IPv4Address | None
    ipv6: IPv6Address | None

    @property
    def short_name(self) -> str:
        return self.name.removeprefix(f"{CLUSTER_NAME}-")


@dataclass(frozen=True, slots=True)
class KindNetwork:
    bridge: str
    ipv4: IPv4Network
    ipv6: IPv6Network | None
    gateways: tuple[Address, ...]

    def prefix(self, family: int) -> Network:
        network = self.ipv4 if family == 4 else self.ipv6
        if network is None:
            raise ClusterError(f"the network of the nodes has no IPv{family}")
        return network


def parse_network(inspected: str) -> KindNetwork:
    """The output of `podman network inspect kind` or `docker network inspect kind`."""
    facts: dict[str, Any] = json.loads(inspected)[0]
    if "subnets" in facts:
        bridge = facts["network_interface"]
        subnets = [(row["subnet"], row.get("gateway")) for row in facts["subnets"]]
    else:
        own_name = (facts.get("Options") or {}).get("com.docker.network.bridge.name")
        bridge = own_name or f"br-{facts['Id'][:12]}"
        subnets = [(row["Subnet"], row.get("Gateway")) for row in facts["IPAM"]["Config"]]
    networks = [ip_network(subnet) for subnet, _ in subnets]
    ipv4 = [network for network in networks if isinstance(network, IPv4Network)]
    ipv6 = [network for network in networks if isinstance(network, IPv6Network)]
    if not ipv4:
        raise ClusterError("the network of the nodes has no IPv4 prefix")
    gateways = tuple(ip_address(gateway.split("/")[0]) for _, gateway in subnets if gateway)
    return KindNetwork(bridge, ipv4[0], ipv6[0] if ipv6 else None, gateways)


def parse_nodes(inspected: str) -> list[Node]:
    """The output of `ENGINE inspect CONTAINER...`, control plane first."""
    nodes = []
    for facts in json.loads(inspected):
        labels = facts["Config"]["Labels"]
        attached = facts["NetworkSettings"]["Networks"].get(NETWORK_NAME) or {}
        ipv4, ipv6 = attached.get("IPAddress"), attached.get("GlobalIPv6Address")
        nodes.append(
            Node(
                name=facts["Name"].lstrip("/"),
                role=labels["io.x-k8s.kind.role"],
                pid=facts["State"]["Pid"],
                status=facts["State"]["Status"],
                ipv4=IPv4Address(ipv4) if ipv4 else None,
                ipv6=IPv6Address(ipv6) if ipv6 else None,
            )
        )
    return sorted(nodes, key=lambda node: (node.role != "control-plane", len(node.name), node.name))


def find_node(nodes: list[Node], name: str) -> Node:
    """By its full name, or without the name of the cluster: worker2"""
    for node in nodes:
        if name in (node.name, node.short_name):
            return node
    raise ClusterError(f"no node is called {name!r}: {', '.join(node.short_name for node in nodes)}")


def vip_candidates(network: Network) -> Iterator[Address]:
    return _descending(network, 1, FOR_VIPS)


def client_candidates(network: Network) -> Iterator[Address]:
    return _descending(network, 1 + FOR_VIPS, FOR_CLIENTS)


def _descending(network: Network, skip: int, count: int) -> Iterator[Address]:
    """From the end of the prefix downwards; an IPv6 prefix ends here after 65536 addresses, so they stay readable."""
    end = int(network.network_address) + min(network.num_addresses, 1 << 16) - 1 - skip
    for value in range(end, end - count, -1):
        yield ip_address(value) if network.version == 4 else IPv6Address(value)


def first_free(candidates: Iterator[Address], taken: Collection[Address], count: int) -> list[Address]:
    free = [address for address in candidates if address not in taken][:count]
    if len(free) < count:
        raise ClusterError(
            f"only {len(free)} free addresses are left on the network of the nodes, {count} were asked for"
        )
    return free
