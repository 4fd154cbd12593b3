"""Engines of one node, by their abstract sockets: in a network namespace, which has names of its own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from tests.unit.engine.own_network import in_a_child, in_own_network
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.neighbours import Neighbours


class Node:
    def __init__(self) -> None:
        self.loop = Loop()
        self.heard: list[tuple[str, str, dict[str, Any]]] = []

    def engine(self, placement: str, *, bound: bool = True) -> Neighbours:
        made = Neighbours(self.loop, placement, lambda who, what: self.heard.append((placement, who, what)))
        if bound:
            assert made.bind()
        return made

    def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not happened():
            assert time.monotonic() < end
            self.loop.run_once(0.05)


def send_as(name: str | None, data: bytes, to: str = "default") -> None:
    """A datagram of somebody who binds `name`, or nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as somebody:
        if name is not None:
            somebody.bind(f"\0{name}")
        somebody.sendto(data, f"\0vipkeeper/{to}")


@in_own_network
def test_each_sees_the_others_and_knows_who_says_what() -> None:
    node = Node()
    one, two, three = node.engine("default"), node.engine("p-1"), node.engine("p-2", bound=False)
    assert one.placements() == ["p-1"]
    assert two.placements() == ["default"]
    assert three.bind()
    assert one.placements() == ["p-1", "p-2"]
    assert one.send("p-1", {"say": "hello"})
    assert three.send("p-1", {"say": "hi", "uid": "ü"})
    node.until(lambda: len(node.heard) == 2)
    assert node.heard == [("p-1", "default", {"say": "hello"}), ("p-1", "p-2", {"say": "hi", "uid": "ü"})]


@in_own_network
def test_a_name_is_one_engines_until_it_ends() -> None:
    node = Node()
    old, new = node.engine("default"), node.engine("default", bound=False)
    assert not new.bind()
    old.close()
    assert new.bind()
    assert new.bind(), "it is ours already"


@in_own_network
def test_nobody_is_there_or_nobody_reads_is_the_same_and_nothing_waits() -> None:
    node = Node()
    one, deaf = node.engine("default"), node.engine("p-1")
    assert not one.send("p-2", {})
    sent = 0
    while one.send("p-1", {"number": sent}):
        sent += 1
        assert sent < 100_000
    assert sent > 0
    node.until(lambda: len(node.heard) == sent)
    assert one.send("p-1", {})
    deaf.close()
    assert not one.send("p-1", {})
    assert one.placements() == []


@in_own_network
def test_strangers_and_nonsense_are_not_listened_to() -> None:
    node = Node()
    node.engine("default")

    def another_uid() -> None:
        os.setuid(4711)
        send_as("vipkeeper/p-1", b'{"say": "from another uid"}')

    in_a_child(another_uid)
    send_as(None, b'{"say": "without a name"}')
    send_as("something/else", b'{"say": "of another kind"}')
    send_as("vipkeeper/p-1", b"not JSON")
    send_as("vipkeeper/p-1", b"[1]")
    send_as("vipkeeper/p-1", b"\xff")
    send_as("vipkeeper/p-1", b"")
    send_as("vipkeeper/p-1", b'{"say": "good"}')
    node.until(lambda: node.heard)
    assert node.heard == [("default", "p-1", {"say": "good"})]
