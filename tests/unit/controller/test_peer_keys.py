"""The peers' key: made once, kept, changed without a gap; and what documents say of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from ipaddress import ip_address

import pytest

from tests.unit.controller.world import SETTINGS_WITH_PEERS, START, World
from vipkeeper.controller.changes import Apply
from vipkeeper.controller.kinds import SECRET
from vipkeeper.controller.objects import SecretSeen, parse
from vipkeeper.controller.peer_keys import REFERENCE, FreshKey, keep_peer_keys
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.peering.keys import read_keys
from vipkeeper.render.daemonset import Anchor
from vipkeeper.spec.names import PEER_KEYS_KEY, PEER_KEYS_SECRET, ROTATE_ANNOTATION

PLACEMENT_SECRET = "vipkeeper-speaker-default"


@pytest.fixture
def world() -> World:
    world = World(SETTINGS_WITH_PEERS)
    for number, node in enumerate(("w1", "w2", "w3"), 1):
        world.node(node, address=f"198.51.100.{number}")
    world.virtualip("web", vrid=51)
    world.settle()
    return world


def keys(world: World, secret: str = PEER_KEYS_SECRET, key: str = PEER_KEYS_KEY) -> list[bytes]:
    return b64decode(world.get(SECRET, secret)["data"][key]).splitlines()


def copied(world: World) -> list[bytes]:
    return keys(world, PLACEMENT_SECRET, REFERENCE)


def ask_for_rotation(world: World, text: str) -> None:
    value = world.get(SECRET, PEER_KEYS_SECRET)
    value["metadata"].setdefault("annotations", {})[ROTATE_ANNOTATION] = text
    world.put(SECRET, value)


def test_there_is_one_key_that_engines_take_and_the_placement_has_it(world: World) -> None:
    (key,) = keys(world)
    assert read_keys(key).verifying
    assert copied(world) == [key]


def test_a_fresh_key_is_as_long_as_keys_may_be_and_goes_when_it_is_in_use() -> None:
    fresh = FreshKey(bytes(range(32)))
    assert len(read_keys(fresh.line).verifying) == 1
    assert not fresh.is_in(None)
    change = keep_peer_keys({}, fresh, "vk", Anchor("uid"), START).change
    assert isinstance(change, Apply)
    assert repr(fresh.line) not in change.story
    seen = parse(SECRET, {**change.body, "metadata": {**change.body["metadata"], "uid": "x"}})
    assert isinstance(seen, SecretSeen)
    assert fresh.is_in(seen)


def test_another_operator_keeps_the_key(world: World) -> None:
    before = keys(world)
    world.restart_operator()
    world.settle()
    assert keys(world) == copied(world) == before


@pytest.mark.parametrize("text", [None, "", "short\n"], ids=["deleted", "emptied", "damaged"])
def test_what_was_lost_is_put_back_as_the_placements_have_it(world: World, text: str | None) -> None:
    before = keys(world)
    if text is None:
        world.remove(SECRET, PEER_KEYS_SECRET)
    else:
        value = world.get(SECRET, PEER_KEYS_SECRET)
        world.put(SECRET, {**value, "data": {PEER_KEYS_KEY: b64encode(text.encode()).decode()}})
    world.settle()
    assert keys(world) == copied(world) == before


def test_keys_of_ones_own_stay(world: World) -> None:
    value = world.get(SECRET, PEER_KEYS_SECRET)
    text = b"# of mine\n" + b"a" * 20 + b"\n" + b"b" * 20 + b"\n"
    world.put(SECRET, {**value, "data": {PEER_KEYS_KEY: b64encode(text).decode()}})
    world.settle()
    assert keys(world) == copied(world) == text.splitlines()


def test_a_rotation_adds_the_key_then_signs_with_it_then_drops_the_old_one(world: World) -> None:
    (old,) = keys(world)
    ask_for_rotation(world, "today")
    world.settle()
    first, new = keys(world)
    assert first == old
    assert new not in (old, b"")
    assert copied(world) == [old, new]
    world.wait(45)
    world.settle()
    assert keys(world) == [old, new], "every engine shall know it before it signs"
    world.wait(20)
    world.settle()
    assert keys(world) == copied(world) == [new, old]
    world.wait(65)
    world.settle()
    assert keys(world) == copied(world) == [new]
    world.wait(1000)
    assert world.plan().changes == (), "one wish, one rotation"
    ask_for_rotation(world, "tomorrow")
    world.settle()
    assert keys(world)[0] == new
    assert len(set(keys(world))) == 2


def test_a_rotation_goes_on_with_another_operator_and_looks_again_by_itself(world: World) -> None:
    (old,) = keys(world)
    ask_for_rotation(world, "today")
    world.settle()
    look_again_at = world.plan().look_again_at
    assert look_again_at is not None
    assert (look_again_at - world.now).total_seconds() <= 60
    world.restart_operator()
    for _ in range(2):
        world.wait(70)
        world.settle()
    assert len(keys(world)) == 1
    assert keys(world) != [old]


def test_a_step_waits_for_placements_that_have_not_the_one_before(world: World) -> None:
    (old,) = keys(world)
    ask_for_rotation(world, "today")
    world.settle()
    value = world.get(SECRET, PLACEMENT_SECRET)
    behind = {**value["data"], REFERENCE: b64encode(old + b"\n").decode()}
    seen = {
        name: found
        for name, body in (
            (PEER_KEYS_SECRET, world.get(SECRET, PEER_KEYS_SECRET)),
            (PLACEMENT_SECRET, {**value, "data": behind}),
        )
        if isinstance(found := parse(SECRET, body), SecretSeen)
    }
    world.wait(1000)
    assert keep_peer_keys(seen, FreshKey(bytes(32)), "vk", Anchor("uid"), world.now).change is None


def test_a_virtualip_can_t_refer_to_the_key(world: World) -> None:
    source = {"secretRef": {"name": PEER_KEYS_SECRET, "key": PEER_KEYS_KEY}}
    world.virtualip("thief", addresses=["192.0.2.11"], vrrp={"version": 2, "authentication": {"pass": source}})
    world.settle()
    assert world.condition("thief", "Accepted")["reason"] == "SecretMissing"


def test_documents_tell_key_port_and_where_the_nodes_are(world: World) -> None:
    document = world.documents()["web"]
    assert document.peers == PeersSection(REFERENCE, 17412)
    assert document.nodes["w2"].node_addresses == (ip_address("198.51.100.2"),)
    assert REFERENCE in document.engine_secrets


def test_a_node_that_is_alone_has_no_peers() -> None:
    world = World(SETTINGS_WITH_PEERS, nodes=["w1"])
    world.virtualip("web", vrid=51)
    world.settle()
    assert world.documents()["web"].peers is None


def test_placements_have_ports_of_their_own(world: World) -> None:
    world.virtualip("edge", addresses=["192.0.2.11"], vrid=52, nodes={"tolerations": [{"operator": "Exists"}]})
    world.settle()
    peers = [document.peers for document in world.documents().values()]
    assert {item.port for item in peers if item} == {17412, 17416}


def test_without_peers_nothing_is_made() -> None:
    world = World()
    world.virtualip("web", vrid=51)
    world.settle()
    assert world.names(SECRET) == []
    assert world.documents()["web"].peers is None
