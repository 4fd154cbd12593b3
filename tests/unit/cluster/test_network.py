"""Both engines describe the same network; nodes, VIPs and clients each have their part of it."""

import json
from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.network import (
    client_candidates,
    find_node,
    first_free,
    parse_network,
    parse_nodes,
    vip_candidates,
)

PODMAN = [
    {
        "name": "kind",
        "network_interface": "podman1",
        "subnets": [
            {"subnet": "fc00:f853:ccd:e793::/64", "gateway": "fc00:f853:ccd:e793::1"},
            {"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"},
        ],
    }
]
DOCKER = [
    {
        "Name": "kind",
        "Id": "0123456789abcdef",
        "Options": {"com.docker.network.bridge.enable_ip_masquerade": "true"},
        "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}, {"Subnet": "fc00:1::/64"}]},
    }
]


def node(name: str, role: str, ipv4: str = "10.89.0.2", status: str = "running") -> dict[str, object]:
    return {
        "Name": f"/{name}",
        "Config": {"Labels": {"io.x-k8s.kind.role": role}},
        "State": {"Pid": 4711, "Status": status},
        "NetworkSettings": {"Networks": {"kind": {"IPAddress": ipv4, "GlobalIPv6Address": "fc00::2"}}},
    }


def test_podman_says_the_name_of_the_bridge_and_any_order_of_families() -> None:
    network = parse_network(json.dumps(PODMAN))
    assert network.bridge == "podman1"
    assert network.ipv4 == IPv4Network("10.89.0.0/24")
    assert network.ipv6 == IPv6Network("fc00:f853:ccd:e793::/64")
    assert ip_address("10.89.0.1") in network.gateways


def test_docker_names_the_bridge_after_the_network() -> None:
    network = parse_network(json.dumps(DOCKER))
    assert network.bridge == "br-0123456789ab"
    assert network.prefix(4) == IPv4Network("172.18.0.0/16")
    assert network.gateways == (ip_address("172.18.0.1"),)


def test_a_network_without_ipv6_says_so_when_asked() -> None:
    network = parse_network(json.dumps([{**PODMAN[0], "subnets": [{"subnet": "10.89.0.0/24"}]}]))
    with pytest.raises(ClusterError, match="no IPv6"):
        network.prefix(6)


def test_nodes_come_control_plane_first_and_workers_in_their_order() -> None:
    names = ["vipkeeper-test-worker3", "vipkeeper-test-worker", "vipkeeper-test-worker2"]
    inspected = [node(name, "worker") for name in names] + [node("vipkeeper-test-control-plane", "control-plane")]
    short = [one.short_name for one in parse_nodes(json.dumps(inspected))]
    assert short == ["control-plane", "worker", "worker2", "worker3"]


def test_a_stopped_node_has_no_address() -> None:
    (stopped,) = parse_nodes(json.dumps([node("vipkeeper-test-worker", "worker", ipv4="", status="exited")]))
    assert stopped.ipv4 is None


def test_a_node_is_found_by_its_short_name_and_a_wrong_one_names_the_right_ones() -> None:
    nodes = parse_nodes(json.dumps([node("vipkeeper-test-worker2", "worker")]))
    assert find_node(nodes, "worker2") is find_node(nodes, "vipkeeper-test-worker2")
    with pytest.raises(ClusterError, match="worker2"):
        find_node(nodes, "worker9")


@pytest.mark.parametrize("prefix", ["10.89.0.0/24", "172.18.0.0/16", "fc00:f853:ccd:e793::/64"])
def test_vips_and_clients_never_meet_and_lie_within_the_prefix(prefix: str) -> None:
    network = IPv6Network(prefix) if ":" in prefix else IPv4Network(prefix)
    vips, clients = set(vip_candidates(network)), set(client_candidates(network))
    assert not vips & clients
    assert all(address in network for address in vips | clients)
    assert network.broadcast_address not in vips


def test_the_first_vip_is_the_last_host_of_the_prefix() -> None:
    assert next(vip_candidates(IPv4Network("10.89.0.0/24"))) == ip_address("10.89.0.254")
    assert next(vip_candidates(IPv6Network("fc00::/64"))) == ip_address("fc00::fffe")


def test_taken_addresses_are_passed_over_and_running_out_is_said() -> None:
    network = IPv4Network("10.89.0.0/24")
    assert first_free(vip_candidates(network), {ip_address("10.89.0.254")}, 1) == [ip_address("10.89.0.253")]
    with pytest.raises(ClusterError, match="only 100 free"):
        first_free(vip_candidates(network), set(), 101)
