"""operator/vipkeeper/ipc/rendered.py"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.rendered import (
    HealthSection,
    HTTPCheck,
    NodeShare,
    PodSelection,
    RenderedAddress,
    RenderedVirtualIP,
    TCPCheck,
)
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, ServiceUpstream, UpstreamServer

SMALL = RenderedVirtualIP(
    name="web",
    uid="4ad01105",
    generation=3,
    placement="default",
    vrid=51,
    advertisement_interval_cs=25,
    preempt=True,
    addresses=(RenderedAddress(ip_address("192.0.2.10")),),
    interface=None,
)
FULL = replace(
    SMALL,
    addresses=(RenderedAddress(ip_address("192.0.2.10"), 24), RenderedAddress(ip_address("2001:db8::10"))),
    interface="eth0",
    nodes={"worker1": NodeShare(100, 0), "worker2": NodeShare(99, 1)},
    nginx=NginxSection(
        (
            HTTPServer(80, servers=(UpstreamServer("192.0.2.81", 8080),)),
            HTTPServer(81, service=ServiceUpstream("default", "web", 80)),
            HTTPServer(82, service=ServiceUpstream("default", "web", "http")),
        )
    ),
    health=HealthSection(
        http=(HTTPCheck(ip_address("127.0.0.1"), 80, 1000, 500, 2, 3, path="/healthz"),),
        tcp=(TCPCheck(ip_address("::1"), 5432, 250, 100, 1, 1),),
    ),
    preempt_delay_ms=1500,
    checksum="MessageOnly",
)


ADDRESSED = replace(
    SMALL,
    nodes={
        "worker1": NodeShare(100, 0, (ip_address("192.0.2.1"),), (ip_address("10.0.0.1"), ip_address("fd00::1"))),
        "worker2": NodeShare(99, 1),
    },
)

CLOSED = replace(SMALL, accept_mode=False, families="Separate")
BY_UNICAST = replace(ADDRESSED, transport="Unicast", min_ttl=64)

VIRTUAL_MAC = replace(SMALL, virtual_mac=True)

OLD_VERSION = replace(SMALL, vrrp_version=2, advertisement_interval_cs=25500)


INSTALLED = replace(SMALL, install_prefix=True, addresses=(RenderedAddress(ip_address("192.0.2.10"), 24),))


KEYS = (HmacKeyReference(1, "web_key-1"), HmacKeyReference(2, "web_key-2"))
SIGNED = replace(SMALL, authentication=HmacAuthentication(KEYS, 2, "Permissive", 5000))
WITH_PASSWORD = replace(OLD_VERSION, authentication=PasswordAuthentication("web_password"))


@pytest.mark.parametrize(
    "document", [SMALL, FULL, OLD_VERSION, INSTALLED, VIRTUAL_MAC, ADDRESSED, BY_UNICAST, SIGNED, WITH_PASSWORD, CLOSED]
)
def test_a_document_survives_the_way_through_json(document: RenderedVirtualIP) -> None:
    assert RenderedVirtualIP.from_json(json.loads(json.dumps(document.to_json()))) == document


def test_absent_members_are_left_out() -> None:
    assert {"interface", "nginx", "health"}.isdisjoint(SMALL.to_json())


def test_a_document_of_format_1_takes_the_defaults_of_what_it_does_not_know() -> None:
    old = {
        "format": 1,
        "name": "web",
        "uid": "4ad01105",
        "generation": 3,
        "placement": "default",
        "vrid": 51,
        "advertisementIntervalCs": 25,
        "preempt": True,
        "addresses": [{"address": "192.0.2.10"}],
    }
    assert RenderedVirtualIP.from_json(old) == SMALL
    assert SMALL.to_json() == old | {"nodes": {}}, "and an engine of before can read what we write"


@pytest.mark.parametrize(
    "change",
    [
        {"health": FULL.health},
        {"preempt_delay_ms": 1},
        {"checksum": "MessageOnly"},
        {"vrrp_version": 2},
        {"install_prefix": True},
    ],
)
def test_a_reader_of_format_1_refuses_what_it_would_run_otherwise(change: dict[str, Any]) -> None:
    assert replace(SMALL, **change).to_json()["format"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"health": HealthSection(on_failure="Release")},
        {"health": HealthSection(pods=PodSelection("shop", "app=web"))},
        {"transport": "Unicast"},
        {"min_ttl": 254},
        {"accept_mode": False},
        {"families": "Separate"},
    ],
)
def test_a_reader_of_format_2_refuses_what_it_would_run_otherwise(change: dict[str, Any]) -> None:
    assert replace(SMALL, **change).to_json()["format"] == 3


def test_what_the_ill_do_survives_the_way() -> None:
    document = replace(SMALL, health=HealthSection(on_failure="Release"))
    assert document.to_json()["health"] == {"onFailure": "Release"}
    assert RenderedVirtualIP.from_json(json.loads(json.dumps(document.to_json()))) == document


def test_selected_pods_survive_the_way() -> None:
    document = replace(SMALL, health=HealthSection(pods=PodSelection("shop", "app=web,tier in (a,b)")))
    assert RenderedVirtualIP.from_json(json.loads(json.dumps(document.to_json()))) == document


def test_a_virtual_mac_needs_format_3() -> None:
    assert (VIRTUAL_MAC.to_json()["format"], VIRTUAL_MAC.to_json()["virtualMAC"]) == (3, True)


def test_addresses_of_nodes_need_format_3_and_stand_with_those_nodes_that_have_some() -> None:
    document = ADDRESSED.to_json()
    assert document["format"] == 3
    assert document["nodes"] == {
        "worker1": {
            "priority": 100,
            "rank": 0,
            "segmentAddresses": ["192.0.2.1"],
            "nodeAddresses": ["10.0.0.1", "fd00::1"],
        },
        "worker2": {"priority": 99, "rank": 1},
    }


def test_a_node_that_shall_leave_needs_format_3_and_one_that_stays_says_nothing() -> None:
    leaving = replace(SMALL, nodes={"worker1": NodeShare(100, 0, leaving="Draining"), "worker2": NodeShare(99, 1)})
    assert leaving.to_json()["format"] == 3
    assert leaving.to_json()["nodes"] == {
        "worker1": {"priority": 100, "rank": 0, "leaving": "Draining"},
        "worker2": {"priority": 99, "rank": 1},
    }
    assert RenderedVirtualIP.from_json(leaving.to_json()) == leaving


def test_the_way_over_the_segment_is_the_first_of_its_family() -> None:
    share = ADDRESSED.nodes["worker1"]
    assert share.ways(4) == (ip_address("192.0.2.1"), ip_address("10.0.0.1"))
    assert share.ways(6) == (ip_address("fd00::1"),)
    same = replace(share, node_addresses=share.segment_addresses)
    assert same.ways(4) == share.segment_addresses, "one address is one way"


def changed(path: list[str | int], value: object) -> dict[str, Any]:
    document = json.loads(json.dumps(FULL.to_json()))
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (["format"], 4, "format: 4 is not in 1..3"),
        (["nodes", "worker1", "nodeAddresses"], ["web"], "nodes.worker1.nodeAddresses: 'web' is not an IP address"),
        (["nodes", "worker1", "segmentAddresses"], "::1", "nodes.worker1.segmentAddresses: is not a list of texts"),
        (["nodes", "worker1", "leaving"], True, "nodes.worker1.leaving: is bool, not a text"),
        (["vrid"], 0, "vrid: 0 is not in 1..255"),
        (["vrid"], None, "vrid: is missing"),
        (["name"], None, "name: is missing"),
        (["advertisementIntervalCs"], 4096, "advertisementIntervalCs: 4096 is not in 1..4095"),
        (["addresses"], [], "addresses: has 0 members, not 1..20"),
        (["addresses", 0, "address"], "web", "addresses[0].address: 'web' is not an IP address"),
        (["addresses", 0, "prefixLength"], 33, "addresses[0].prefixLength: 33 is not in 0..32"),
        (["addresses", 1, "prefixLength"], 129, "addresses[1].prefixLength: 129 is not in 0..128"),
        (["nodes", "worker1", "priority"], 0, "nodes.worker1.priority: 0 is not in 1..255"),
        (["nodes", "worker1"], 3, "nodes.worker1: is int, not an object"),
        (["nginx", "http", 0, "port"], 0, "nginx.http[0].port: 0 is not in 1..65535"),
        (
            ["nginx", "http", 0, "servers"],
            [],
            "nginx.http[0]: needs exactly one of servers and service, or a redirect, a response or locations",
        ),
        (["nginx", "http", 1, "service", "namespace"], 1, "nginx.http[1].service.namespace: is int, not a text"),
        (["health", "http", 0, "path"], None, "health.http[0].path: is missing"),
        (["health", "tcp", 0, "host"], "web", "health.tcp[0].host: 'web' is not an IP address"),
        (["health", "tcp", 0, "fall"], 0, "health.tcp[0].fall: 0 is not in 1..1000"),
        (["preemptDelayMs"], -1, "preemptDelayMs: -1 is not in 0..3600000"),
        (["vrrpVersion"], 4, "vrrpVersion: 4 is not one of 3, 2"),
        (["installPrefix"], True, "installPrefix: needs a prefix length with every address"),
        (["transport"], "Broadcast", "transport: 'Broadcast' is not one of Multicast, Unicast"),
        (["minTtl"], 0, "minTtl: 0 is not in 1..255"),
        (["checksum"], "none", "checksum: 'none' is not one of PseudoHeader, MessageOnly"),
        (["health", "onFailure"], "Stop", "health.onFailure: 'Stop' is not one of Yield, Release"),
    ],
)
def test_what_does_not_fit_is_refused_with_path_and_reason(path: list[str | int], value: object, problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        RenderedVirtualIP.from_json(changed(path, value))
    assert problem in caught.value.problems


@pytest.mark.parametrize(
    ("interval_cs", "problem"),
    [
        (25, "advertisementIntervalCs: 25 is not in 100..25500"),
        (25600, "advertisementIntervalCs: 25600 is not in 100..25500"),
        (150, "advertisementIntervalCs: 150 is not whole seconds, as version 2 needs them"),
    ],
)
def test_version_2_has_whole_seconds(interval_cs: int, problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        RenderedVirtualIP.from_json(OLD_VERSION.to_json() | {"advertisementIntervalCs": interval_cs})
    assert caught.value.problems == [problem]


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(BadDocument) as caught:
        RenderedVirtualIP.from_json({})
    told = {problem.split(":")[0] for problem in caught.value.problems}
    assert told >= {"format", "addresses", "name", "uid", "generation", "placement", "vrid", "advertisementIntervalCs"}


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=8) | some.just("192.0.2.1"),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(sorted(FULL.to_json())) | some.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)


def problems_of(read: Callable[[], object]) -> list[str] | None:
    """None when it can be read. Anything but a BadDocument is a defect."""
    try:
        read()
    except BadDocument as error:
        return error.problems
    return None


@given(JSON)
def test_arbitrary_json_is_a_document_or_a_bad_document(value: object) -> None:
    assert problems_of(lambda: RenderedVirtualIP.from_json(value)) != []
