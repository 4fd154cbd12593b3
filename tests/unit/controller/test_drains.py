"""operator/vipkeeper/controller/drains.py, and what a plan makes of a node that is emptied."""

from __future__ import annotations

from tests.unit.controller.world import World
from vipkeeper.controller.kinds import NODE


def cordon(world: World, name: str, unschedulable: bool = True) -> None:
    node = world.get(NODE, name)
    world.put(NODE, node | {"spec": node["spec"] | {"unschedulable": unschedulable}})
    world.settle()


def leaving(world: World, name: str) -> dict[str, str]:
    return {node: share.leaving for node, share in world.documents()[name].nodes.items() if share.leaving}


def world_with(**policies: str) -> World:
    world = World()
    for number, (name, policy) in enumerate(policies.items(), start=1):
        world.virtualip(name, addresses=[f"192.0.2.{number}"], vrid=number, drainPolicy=policy)
    world.settle()
    return world


def test_pods_are_watched_on_nodes_that_are_cordoned_and_on_no_others() -> None:
    world = world_with(web="OnDrain")
    assert world.plan().watch_evictions == frozenset()
    cordon(world, "w2")
    assert world.plan().watch_evictions == {"w2"}
    assert leaving(world, "web") == {}
    cordon(world, "w2", unschedulable=False)
    assert world.plan().watch_evictions == frozenset()


def test_nobody_watches_for_those_who_do_not_want_to_know() -> None:
    world = world_with(one="OnCordon", two="Ignore")
    cordon(world, "w2")
    assert world.plan().watch_evictions == frozenset()
    assert (leaving(world, "one"), leaving(world, "two")) == ({"w2": "Cordoned"}, {})


def test_a_drain_is_told_in_every_document_until_the_node_takes_pods_again() -> None:
    world = world_with(web="OnDrain", one="OnCordon", two="Ignore")
    cordon(world, "w2")
    assert world.state.note_eviction("w2")
    world.settle()
    assert leaving(world, "web") == {"w2": "Draining"}
    assert (leaving(world, "one"), leaving(world, "two")) == ({"w2": "Cordoned"}, {})
    assert world.plan().watch_evictions == frozenset(), "there is no more to learn"
    cordon(world, "w2", unschedulable=False)
    assert leaving(world, "web") == leaving(world, "one") == {}
    cordon(world, "w2")
    assert leaving(world, "web") == {}, "a cordon of today is no drain of yesterday"


def test_an_operator_that_starts_again_remembers_the_drain() -> None:
    world = world_with(web="OnDrain")
    cordon(world, "w2")
    world.state.note_eviction("w2")
    world.settle()
    world.restart_operator()
    assert world.settle() == []
    assert leaving(world, "web") == {"w2": "Draining"}
    world.virtualip("late", addresses=["192.0.2.77"], vrid=77)
    world.settle()
    assert leaving(world, "late") == {"w2": "Draining"}
    cordon(world, "w2", unschedulable=False)
    assert leaving(world, "web") == leaving(world, "late") == {}


def test_the_taint_of_a_program_that_drains_needs_no_watch() -> None:
    world = world_with(web="OnDrain")
    world.node("w3", taints=[{"key": "ToBeDeletedByClusterAutoscaler", "value": "1", "effect": "PreferNoSchedule"}])
    world.settle()
    assert leaving(world, "web") == {"w3": "Draining"}
    assert world.plan().watch_evictions == frozenset()


def test_who_is_left_over_keeps_the_address_and_leaves_when_another_node_is_back() -> None:
    world = world_with(web="OnCordon")
    for node in ("w2", "w1", "w3"):
        cordon(world, node)
    assert leaving(world, "web") == {"w1": "Cordoned", "w2": "Cordoned"}, "w3 has nobody to leave it to"
    world.restart_operator()
    assert world.settle() == []
    cordon(world, "w2", unschedulable=False)
    assert leaving(world, "web") == {"w1": "Cordoned", "w3": "Cordoned"}


def test_a_node_that_is_alone_leaves_to_nobody() -> None:
    world = World(nodes=["w1"])
    world.virtualip("web", vrid=1, drainPolicy="OnCordon")
    world.settle()
    cordon(world, "w1")
    assert leaving(world, "web") == {}
    world.node("w2")
    world.settle()
    assert leaving(world, "web") == {"w1": "Cordoned"}


def test_in_steady_state_nothing_is_written() -> None:
    world = world_with(web="OnDrain")
    for node in ("w1", "w2", "w3"):
        cordon(world, node)
        world.state.note_eviction(node)
        world.settle()
    assert leaving(world, "web").keys() == {"w1", "w2"}
    assert world.plan().watch_evictions == frozenset()
    world.wait(1)
    assert world.plan().changes == ()
