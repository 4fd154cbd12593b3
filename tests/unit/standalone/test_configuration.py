"""operator/vipkeeper/standalone/configuration.py"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.standalone.configuration import NOTHING, Documents, build
from vipkeeper.standalone.objects import FoundObject, Place
from vipkeeper.standalone.options import Options, parse_peer

NGINX = str(Path(__file__).with_name("nginx-stand-in.sh"))
"""For machines without one: nothing is served here."""

ONE = Options(("vip.yaml",), "one", Path("/run/vipkeeper"), nginx=NGINX)


def found(name: str = "web", number: int = 1, **spec: Any) -> FoundObject:
    values = {"vrid": 51, "addresses": ["192.0.2.10"]} | spec
    return FoundObject(Place("vip.yaml", number, name), {"metadata": {"name": name}, "spec": values})


def documents(*objects: FoundObject, options: Options = ONE, previous: Documents = NOTHING) -> Documents:
    good, problems = build(objects, options, previous)
    assert problems == []
    return good


def problems(*objects: FoundObject) -> list[str]:
    return [str(problem).removeprefix("vip.yaml: ") for problem in build(objects, ONE, NOTHING)[1]]


def test_a_document_is_for_this_host_alone() -> None:
    web = documents(found(priority=150))["web"]
    assert web.nodes == {"one": NodeShare(150, 0)}
    assert (web.vrid, web.placement, web.uid, web.generation) == (51, ONE.placement, ONE.uid_of("web"), 1)


@pytest.mark.parametrize(
    ("node", "share"), [("one", NodeShare(200, 0)), ("two", NodeShare(150, 1)), ("three", NodeShare(90, 2))]
)
def test_priorities_are_taken_by_name_as_they_are_written(node: str, share: NodeShare) -> None:
    entries = [{"name": "two", "priority": 150}, {"name": "one", "priority": 200}]
    spec = found(priority=90, nodes={"priorities": entries})
    assert documents(spec, options=Options((), node, Path("/x")))["web"].nodes == {node: share}


def test_equal_priorities_stay_equal_because_nobody_knows_the_others() -> None:
    entries = [{"name": "one", "priority": 150}, {"name": "two", "priority": 150}]
    shares = [
        documents(found(nodes={"priorities": entries}), options=Options((), node, Path("/x")))["web"].nodes[node]
        for node in ("one", "two")
    ]
    assert [share.priority for share in shares] == [150, 150]
    assert [share.rank for share in shares] == [0, 1]


def test_a_generation_moves_with_the_content_and_only_then() -> None:
    first = documents(found())
    assert documents(found(), previous=first) == first
    second = documents(found(priority=101), previous=first)
    assert second["web"].generation == 2
    assert documents(found(priority=101), previous=second) == second


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"vrid": None}, "spec.vrid: is missing: without Kubernetes nobody allocates it"),
        ({"nodes": {"selector": {}}}, "spec.nodes.selector: labels of hosts are not known"),
        (
            {"nodes": {"priorities": [{"selector": {}, "priority": 7}]}},
            "spec.nodes.priorities[0].selector: labels of hosts are not known",
        ),
        (
            {
                "nginx": {
                    "http": [
                        {"port": 80, "upstream": {"service": {"namespace": "shop", "name": "web", "port": 80}}},
                    ]
                }
            },
            "spec.nginx.http[0].upstream.service: Services are Kubernetes'",
        ),
        (
            {"health": {"podSelector": {"namespace": "shop", "matchLabels": {"app": "web"}}}},
            "spec.health.podSelector: there are no pods without Kubernetes; check what they serve",
        ),
        ({"addresses": ["nowhere"]}, "spec.addresses[0]: nowhere is not an IP address"),
        ({"unheard": "of"}, "spec.unheard: is not known"),
        ({"health": {"tcp": [{"port": 1, "host": "192.0.2.10"}]}}, "spec.health.tcp[0].host: 192.0.2.10 is a virtual"),
    ],
)
def test_what_cannot_run_here_is_refused_with_field_and_fix(spec: dict[str, Any], problem: str) -> None:
    (told,) = problems(found(**spec))
    assert told.startswith(f"document 1 (web): {problem}")


@pytest.mark.parametrize("spec", [None, [], "text"])
def test_a_spec_that_is_none_is_refused(spec: object) -> None:
    assert problems(FoundObject(Place("vip.yaml", 1, "web"), {"metadata": {"name": "web"}, "spec": spec}))


def test_tolerations_are_no_problem_because_a_plain_host_has_no_taints() -> None:
    documents(found(nodes={"tolerations": [{"operator": "Exists"}]}))


def test_two_documents_may_not_want_one_name_or_one_address() -> None:
    told = problems(found(), found(number=2, vrid=52, addresses=["192.0.2.11", "192.0.2.10/24"]))
    assert told == [
        "document 2 (web): metadata.name: web is the name of vip.yaml: document 1 (web) as well",
        "document 2 (web): spec.addresses[1]: 192.0.2.10 is an address of vip.yaml: document 1 (web) as well",
    ]


@pytest.mark.parametrize(
    ("other", "collides"),
    [
        ({}, True),
        ({"interface": "eth1"}, False),
        ({"interface": "eth0"}, True),
        ({"addresses": ["2001:db8::1"]}, False),
        ({"vrid": 52}, False),
    ],
)
def test_one_vrid_twice_is_refused_unless_families_or_interfaces_tell_them_apart(
    other: dict[str, Any], collides: bool
) -> None:
    told = problems(found(interface="eth0"), found("api", 2, **({"addresses": ["192.0.2.11"]} | other)))
    assert [item.split(":")[1].strip() for item in told] == (["spec.vrid"] if collides else [])


BY_UNICAST: dict[str, Any] = {"vrrp": {"transport": "Unicast"}}


def with_peers(*peers: str) -> Options:
    return replace(ONE, peers=tuple(parse_peer(text) for text in peers))


def test_unicast_without_peers_is_refused_with_the_field_and_the_way_out() -> None:
    (problem,) = problems(found(**BY_UNICAST))
    assert "spec.vrrp.transport: Unicast needs the addresses of the other hosts" in problem
    assert "--peer NAME=ADDRESS" in problem


def test_a_peer_of_the_other_family_is_refused_by_name() -> None:
    told = build([found(**BY_UNICAST)], with_peers("two=192.0.2.2", "three=fd00::3"), NOTHING)[1]
    (problem,) = told
    assert "no IPv4 address of three is known: add --peer three=ADDRESS" in str(problem)


def test_peers_take_part_with_their_addresses_and_priorities() -> None:
    options = with_peers("two=192.0.2.2", "two=fd00::2", "two=198.51.100.2")
    priorities = {"priorities": [{"name": "two", "priority": 150}]}
    web = documents(found(nodes=priorities, **BY_UNICAST), options=options)["web"]
    ways = tuple(ip_address(text) for text in ("192.0.2.2", "fd00::2", "198.51.100.2"))
    assert web.nodes == {"one": NodeShare(100, 1), "two": NodeShare(150, 0, ways[:1], ways[1:])}


def test_multicast_has_no_use_for_peers() -> None:
    assert documents(found(), options=with_peers("two=192.0.2.2")) == documents(found())


SEPARATE: dict[str, Any] = {"addresses": ["192.0.2.10", "2001:db8::10"], "vrrp": {"families": "Separate"}}


def test_who_elects_in_both_families_takes_the_vrid_in_both() -> None:
    six = found("six", 2, addresses=["2001:db8::20"])
    (problem,) = problems(found(**SEPARATE), six)
    assert "spec.vrid: 51 is the VRID of" in problem
    assert "(IPv6)" in problem


def test_families_can_not_be_changed_by_a_reload() -> None:
    before = documents(found(addresses=SEPARATE["addresses"]))
    (problem,) = build([found(**SEPARATE)], ONE, before)[1]
    assert "spec.vrrp.families: can't be changed" in str(problem)


def test_unicast_in_two_families_needs_an_address_of_each() -> None:
    both = SEPARATE | {"vrrp": {"families": "Separate", "transport": "Unicast"}}
    (problem,) = build([found(**both)], with_peers("two=192.0.2.2"), NOTHING)[1]
    assert "no IPv6 address of two is known" in str(problem)
    web = documents(found(**both), options=with_peers("two=192.0.2.2", "two=fe80::2", "two=10.0.0.2"))["web"]
    assert [str(way) for way in web.nodes["two"].segment_addresses] == ["192.0.2.2", "fe80::2"]


def test_the_witness_is_asked_unless_told_otherwise() -> None:
    options = replace(ONE, key_file=Path("/etc/key"))
    for item, witness in ((found(), True), (found(splitBrain={"witness": False}), False)):
        peers = documents(item, options=options)["web"].peers
        assert peers is not None
        assert peers.witness is witness
