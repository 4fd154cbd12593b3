"""operator/vipkeeper/render/document.py"""

from __future__ import annotations

from ipaddress import ip_address

from tests.unit.spec.objects import UID, parsed
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.render.document import render_document
from vipkeeper.spec.placement import Node


def test_everything_that_nodes_must_agree_on_is_decided() -> None:
    item = parsed(
        addresses=["192.0.2.10/24", "2001:db8::10"],
        interface="eth0",
        nodes={"priorities": [{"name": "worker2", "priority": 150}]},
        vrrp={"advertisementInterval": "100ms", "preempt": False},
    )
    document = render_document(item, 77, [Node("worker1", {}), Node("worker2", {})])
    assert document == RenderedVirtualIP(
        name="web",
        uid=UID,
        generation=1,
        placement="default",
        vrid=77,
        advertisement_interval_cs=10,
        preempt=False,
        addresses=item.addresses,
        interface="eth0",
        nodes={"worker2": NodeShare(150, 0), "worker1": NodeShare(100, 1)},
        nginx=None,
    )


def test_a_preempt_delay_stands_in_milliseconds() -> None:
    assert render_document(parsed(vrrp={"preemptDelay": "1.5s"}), 77, []).preempt_delay_ms == 1500


def test_the_form_of_the_checksum_stands_as_it_was_written() -> None:
    assert render_document(parsed(), 77, []).checksum == "PseudoHeader"
    assert render_document(parsed(vrrp={"checksum": "MessageOnly"}), 77, []).checksum == "MessageOnly"


def test_version_and_interval_stand_together() -> None:
    documents = [render_document(parsed(vrrp=vrrp), 77, []) for vrrp in ({}, {"version": 2})]
    assert [(item.vrrp_version, item.advertisement_interval_cs) for item in documents] == [(3, 25), (2, 100)]


def test_the_prefix_is_installed_only_when_told() -> None:
    addresses = ["192.0.2.10/24"]
    assert render_document(parsed(addresses=addresses), 77, []).install_prefix is False
    assert render_document(parsed(addresses=addresses, installPrefix=True), 77, []).install_prefix is True


def test_unicast_has_the_addresses_of_the_nodes_and_multicast_has_none() -> None:
    ips = tuple(ip_address(text) for text in ("10.0.0.1", "fd00::1"))
    nodes = [Node("worker1", {}, (), ips), Node("worker2", {})]
    reported = {"worker1": (ip_address("192.0.2.1"),), "worker2": (ip_address("fe80::2"),)}
    item = parsed(vrrp={"transport": "Unicast", "minTTL": 64})
    document = render_document(item, 77, nodes, reported)
    assert (document.transport, document.min_ttl) == ("Unicast", 64)
    shares = document.nodes
    assert (shares["worker1"].segment_addresses, shares["worker1"].node_addresses) == ((ip_address("192.0.2.1"),), ips)
    assert shares["worker2"].ways(4) == (), "what is reported in another family is of an election before"
    multicast = render_document(parsed(), 77, nodes, reported)
    assert multicast.nodes == render_document(parsed(), 77, [Node("worker1", {}), Node("worker2", {})]).nodes


def test_separate_families_have_an_address_of_each_node_for_each() -> None:
    addresses, both = ["192.0.2.10", "2001:db8::10"], (ip_address("192.0.2.1"), ip_address("fe80::1"))
    vrrp = {"transport": "Unicast", "families": "Separate"}
    document = render_document(parsed(addresses=addresses, vrrp=vrrp), 77, [Node("w", {})], {"w": both})
    assert (document.families, document.elections) == ("Separate", (4, 6))
    assert document.nodes["w"].segment_addresses == both


def test_accept_mode_stands_as_it_was_written() -> None:
    assert render_document(parsed(), 77, []).accept_mode is True
    assert render_document(parsed(vrrp={"acceptMode": False}), 77, []).accept_mode is False


def test_no_node_is_a_document_too() -> None:
    assert render_document(parsed(), 77, []).nodes == {}


def test_a_virtual_mac_is_there_only_when_told() -> None:
    assert render_document(parsed(), 77, []).virtual_mac is False
    assert render_document(parsed(vrrp={"virtualMAC": True}), 77, []).virtual_mac is True


def test_peers_have_the_addresses_of_the_nodes_and_none_twice() -> None:
    here, there = ip_address("192.0.2.1"), ip_address("10.0.0.2")
    nodes = [Node("worker1", {}, (), (here,)), Node("worker2", {}, (), (there,))]
    reported = {"worker1": (here,), "worker2": (ip_address("192.0.2.2"),)}
    peers = PeersSection("vipkeeper-peer-keys_keys", 17412)
    document = render_document(parsed(), 77, nodes, reported, peers)
    assert document.peers == peers
    shares = document.nodes
    assert (shares["worker1"].segment_addresses, shares["worker1"].node_addresses) == ((), (here,))
    assert (shares["worker2"].segment_addresses, shares["worker2"].node_addresses) == (
        (ip_address("192.0.2.2"),),
        (there,),
    )
    alone = render_document(parsed(), 77, nodes[:1], reported, peers)
    assert alone.peers is None
    assert alone.nodes["worker1"].node_addresses == ()


def test_a_node_that_shall_have_the_addresses_takes_them_whatever_preempt_says() -> None:
    nodes = [Node("worker1", {}), Node("worker2", {})]
    for item in (parsed(vrrp={"preempt": False}), parsed(vrrp={"preemptDelay": "9s"})):
        document = render_document(item, 77, nodes, move_to="worker2")
        assert (document.preempt, document.preempt_delay_ms, document.nodes["worker2"]) == (True, 0, NodeShare(254, 0))
        assert document.nodes["worker1"].priority == 100


def test_the_witness_is_asked_unless_told_otherwise() -> None:
    nodes, peers = [Node("worker1", {}), Node("worker2", {})], PeersSection("keys", 17412)
    for spec, witness in (({}, True), ({"splitBrain": {}}, True), ({"splitBrain": {"witness": False}}, False)):
        document = render_document(parsed(**spec), 77, nodes, peers=peers)
        assert document.peers == PeersSection("keys", 17412, witness), spec
