"""operator/vipkeeper/spec/placement.py"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from vipkeeper.spec.placement import (
    Node,
    Placement,
    Requirements,
    Taint,
    nodes_of,
    parse_node,
    placement_of,
    selects,
    tolerates,
)
from vipkeeper.spec.virtualip import LabelSelector, Nodes, Toleration

CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule")


def place(**nodes: Any) -> Placement:
    return placement_of(Nodes.model_validate(nodes))


def node(name: str, *taints: Taint, **labels: str) -> Node:
    return Node(name, {"kubernetes.io/os": "linux"} | labels, taints)


def test_who_asks_for_nothing_is_in_the_default_placement() -> None:
    priorities = [{"name": "worker1", "priority": 150}]
    for placement in (placement_of(None), place(), place(selector={}), place(tolerations=[], priorities=priorities)):
        assert (placement.name, placement.selector, placement.tolerations) == ("default", None, ())


def test_the_name_is_a_hash_of_what_is_asked_for_and_never_changes() -> None:
    assert place(selector={"matchLabels": {"rack": "a"}}).name == "p-0d46e1d4"


def test_the_same_nodes_in_other_words_are_the_same_placement() -> None:
    one = place(
        selector={
            "matchLabels": {"a": "1", "b": "2"},
            "matchExpressions": [
                {"key": "x", "operator": "In", "values": ["p", "q"]},
                {"key": "y", "operator": "Exists"},
            ],
        },
        tolerations=[{"key": "t", "value": "v"}, {"operator": "Exists"}],
    )
    other = place(
        selector={
            "matchExpressions": [
                {"key": "y", "operator": "Exists", "values": []},
                {"key": "x", "operator": "In", "values": ["q", "p", "q"]},
            ],
            "matchLabels": {"b": "2", "a": "1"},
        },
        tolerations=[{"operator": "Exists"}, {"key": "t", "operator": "Equal", "value": "v"}, {"operator": "Exists"}],
    )
    assert one == other
    assert hash(one) == hash(other)


def test_other_nodes_are_another_placement() -> None:
    names = {
        place(selector={"matchLabels": {"rack": "a"}}).name,
        place(selector={"matchLabels": {"rack": "b"}}).name,
        place(tolerations=[{"operator": "Exists"}]).name,
        place(selector={"matchLabels": {"rack": "a"}}, tolerations=[{"operator": "Exists"}]).name,
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("operator", "values", "labels", "selected"),
    [
        ("In", ["a", "b"], {"rack": "b"}, True),
        ("In", ["a", "b"], {"rack": "c"}, False),
        ("In", ["a", "b"], {}, False),
        ("NotIn", ["a"], {"rack": "b"}, True),
        ("NotIn", ["a"], {"rack": "a"}, False),
        ("NotIn", ["a"], {}, True),
        ("Exists", [], {"rack": ""}, True),
        ("Exists", [], {}, False),
        ("DoesNotExist", [], {}, True),
        ("DoesNotExist", [], {"rack": "a"}, False),
    ],
)
def test_expressions_mean_what_they_mean_in_kubernetes(
    operator: str, values: list[str], labels: dict[str, str], selected: bool
) -> None:
    expression = {"key": "rack", "operator": operator, "values": values}
    assert selects(LabelSelector.model_validate({"matchExpressions": [expression]}), labels) is selected


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "t", "operator": "Exists"}, True),
        ({"key": "t", "operator": "Equal", "value": "v"}, True),
        ({"key": "t", "value": "w"}, False),
        ({"key": "t"}, False),
        ({"key": "u", "operator": "Exists"}, False),
        ({"key": "t", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "t", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations_mean_what_they_mean_in_kubernetes(toleration: dict[str, str], tolerated: bool) -> None:
    assert tolerates(Toleration.model_validate(toleration), Taint("t", "v", "NoSchedule")) is tolerated


def test_a_placement_has_the_nodes_where_its_daemonset_would_put_pods() -> None:
    nodes = [
        node("worker2"),
        node("worker1"),
        node("control-plane", CONTROL_PLANE),
        node("cordoned", Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")),
        node("broken", Taint("node.kubernetes.io/not-ready", "", "NoExecute")),
        node("shy", Taint("t", "", "PreferNoSchedule")),
        Node("windows", {"kubernetes.io/os": "windows"}),
    ]
    assert [item.name for item in nodes_of(placement_of(None), nodes)] == [
        "broken",
        "cordoned",
        "shy",
        "worker1",
        "worker2",
    ]
    everywhere = place(tolerations=[{"operator": "Exists"}])
    assert "control-plane" in [item.name for item in nodes_of(everywhere, nodes)]


def test_no_schedule_drives_no_running_speaker_out_but_no_execute_does() -> None:
    tainted = node("worker1", Taint("t", "", "NoSchedule"))
    evicted = node("worker2", Taint("t", "", "NoExecute"))
    taken = nodes_of(placement_of(None), [tainted, evicted], with_speaker={"worker1", "worker2"})
    assert [item.name for item in taken] == ["worker1"]


def test_the_installation_may_ask_for_more_and_put_up_with_more() -> None:
    nodes = [node("worker1", edge="yes"), node("worker2"), node("control-plane", CONTROL_PLANE, edge="yes")]
    required = Requirements({"edge": "yes"}, (Toleration(key=CONTROL_PLANE.key, operator="Exists"),))
    taken = nodes_of(placement_of(None), nodes, required=required)
    assert [item.name for item in taken] == ["control-plane", "worker1"]


def test_a_node_is_read_from_the_api_with_or_without_labels_and_taints() -> None:
    assert parse_node({"metadata": {"name": "a"}}) == Node("a", {}, ())
    value = {
        "metadata": {"name": "b", "labels": {"rack": "a"}},
        "spec": {"taints": [{"key": "t", "effect": "NoSchedule"}]},
    }
    assert parse_node(value) == Node("b", {"rack": "a"}, (Taint("t", "", "NoSchedule"),))


def test_a_node_that_is_cordoned_is_known() -> None:
    assert parse_node({"metadata": {"name": "a"}, "spec": {"unschedulable": True}}).unschedulable
    assert not parse_node({"metadata": {"name": "a"}, "spec": {}}).unschedulable


def test_the_internal_addresses_of_a_node_are_read_in_their_order_and_no_others() -> None:
    told = [("Hostname", "a"), ("InternalIP", "10.0.0.1"), ("ExternalIP", "192.0.2.1"), ("InternalIP", "fd00::1")]
    addresses = [{"type": type_, "address": address} for type_, address in [*told, ("InternalIP", "nonsense")]]
    node = parse_node({"metadata": {"name": "a"}, "status": {"addresses": addresses}})
    assert node.addresses == (ip_address("10.0.0.1"), ip_address("fd00::1"))
