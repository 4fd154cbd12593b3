"""Two engines' ends of an adoption, over the kernel's own abstract sockets. (Whole speakers: tests/netns/test_adoption.py.)"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from vipkeeper.engine import adoption
from vipkeeper.engine.adoption import Adoption, Identity, Legacy
from vipkeeper.engine.loop import Loop
from vipkeeper.vrrp.packet import Advert

WEB = Identity("uid-web", 51, 4, "eth0")
HEARD = Advert(ip_address("192.0.2.9"), 51, 200, 25, ())


@dataclass
class Router:
    identity: Identity
    legacy: Legacy


@dataclass
class Engine:
    """What the adoption needs of an engine."""

    loop: Loop
    letter: str
    routers: dict[str, Router] = field(default_factory=dict)
    let_go: list[tuple[str, bool]] = field(default_factory=list)
    found: list[Legacy | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.adoption = Adoption(self.loop, f"unit-test-{os.getpid()}-{self.letter}", self.routers.get, self._let_go)

    def _let_go(self, uid: str, silently: bool) -> None:
        del self.routers[uid]
        self.let_go.append((uid, silently))

    def search(self, identity: Identity = WEB) -> None:
        self.adoption.search(identity, self.found.append)


@dataclass
class Node:
    loop: Loop
    a: Engine
    b: Engine

    def until(self, happened: Callable[[], object], limit_s: float = 15) -> None:
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline
            self.loop.run_once(0.02)

    def for_a_while(self, seconds: float = 0.6) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.loop.run_once(0.02)


@pytest.fixture
def node() -> Iterator[Node]:
    loop = Loop()
    made = Node(loop, Engine(loop, "a"), Engine(loop, "b"))
    yield made
    made.a.adoption.close()
    made.b.adoption.close()
    loop.close()


def test_what_nobody_has_is_free_when_everybody_has_said_so(node: Node) -> None:
    node.b.search()
    node.until(lambda: node.b.found)
    assert node.b.found == [None]


@pytest.mark.parametrize("legacy", [Legacy(True, None), Legacy(False, HEARD), Legacy(False, None)])
def test_the_holder_lets_go_when_its_agent_says_so_and_the_asker_gets_what_it_leaves(
    node: Node, legacy: Legacy
) -> None:
    node.a.routers["uid-web"] = Router(WEB, legacy)
    node.b.search()
    node.for_a_while()
    assert node.b.found == []
    node.a.adoption.moved("uid-web")
    node.until(lambda: node.b.found)
    assert node.b.found == [legacy]
    assert node.a.let_go == [("uid-web", True)]


def test_another_vrid_or_interface_is_no_adoption_the_holder_leaves_in_order(node: Node) -> None:
    node.a.routers["uid-web"] = Router(WEB, Legacy(True, None))
    node.a.adoption.moved("uid-web")
    node.b.search(Identity("uid-web", 52, 4, "eth0"))
    node.until(lambda: node.b.found)
    assert node.b.found == [Legacy(False, None)]
    assert node.a.let_go == [("uid-web", False)]


def test_a_move_that_nobody_asks_about_ends_as_a_removal(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "MOVE_LIMIT_NS", 400_000_000)
    node.a.routers["uid-web"] = Router(WEB, Legacy(True, None))
    node.a.adoption.moved("uid-web")
    assert node.a.adoption.is_moving("uid-web")
    node.until(lambda: node.a.let_go)
    assert node.a.let_go == [("uid-web", False)]
    assert not node.a.adoption.is_moving("uid-web")


def test_a_question_of_long_ago_is_no_question(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "_QUESTION_STANDS_NS", 0)
    node.a.routers["uid-web"] = Router(WEB, Legacy(True, None))
    node.b.search()
    node.for_a_while(0.1)
    node.b.adoption.cancel("uid-web")
    assert not node.a.adoption.hand_over_if_asked("uid-web")
    assert "uid-web" in node.a.routers


def test_when_nobody_takes_the_message_nothing_is_let_go(node: Node) -> None:
    node.a.routers["uid-web"] = Router(WEB, Legacy(True, None))
    node.b.search()
    node.for_a_while(0.1)
    node.b.adoption.close()
    node.a.adoption.moved("uid-web")
    assert node.a.let_go == []
    node.b.adoption = Adoption(node.loop, f"unit-test-{os.getpid()}-c", node.b.routers.get, node.b._let_go)


def test_of_two_that_both_only_want_it_the_first_by_name_goes_on(node: Node) -> None:
    node.b.search()
    node.a.search()
    node.until(lambda: node.a.found)
    assert node.a.found == [None]
    node.a.routers["uid-web"] = Router(WEB, Legacy(True, None))
    node.for_a_while()
    assert node.b.found == []


def test_nonsense_of_a_neighbour_is_survived(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    neighbours = node.b.adoption._neighbours
    target = f"unit-test-{os.getpid()}-a"
    for message in ({}, {"say": "ask"}, {"say": "ask", "uid": 1, "vrid": "x", "family": 4, "interface": ""}):
        assert neighbours.send(target, message)
    node.for_a_while(0.1)
    assert capfd.readouterr().err.count("is not understood") == 3
    node.b.search()
    node.until(lambda: node.b.found)
