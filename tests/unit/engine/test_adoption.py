"""Who lets go of a router, and when: several engines' ends of the conversation in one process, over real sockets.

(With whole speakers: tests/netns/test_adoption.py.)
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from tests.unit.engine.own_network import in_own_network
from vipkeeper.engine import adoption
from vipkeeper.engine.adoption import SILENCE_NS, Adoption, Identity, Legacy
from vipkeeper.engine.loop import Loop
from vipkeeper.vrrp.packet import Advert

WEB = Identity("uid-of-web", 51, 4, "eth0")
ACTIVE, NOT_ACTIVE = Legacy(active=True, heard=None), Legacy(active=False, heard=None)
HEARD = Advert(ip_address("192.0.2.9"), 51, 200, 25, ())
NOBODY_HAS_IT: Legacy | None = None


@dataclass
class Router:
    identity: Identity = WEB
    legacy: Legacy = ACTIVE


class Engine:
    """`ends` are the ends of its searches, `let_go` what it was told to end, and whether silently."""

    def __init__(self, node: Node, placement: str) -> None:
        self.routers: dict[str, Router] = {}
        self.ends: list[Legacy | None] = []
        self.let_go: list[tuple[str, bool]] = []
        self.twins: list[tuple[str, str]] = []
        self.adoption = Adoption(
            node.loop, placement, self.routers.get, self._let_go, self._twin_of, lambda *twin: self.twins.append(twin)
        )

    def runs(self, router: Router) -> Engine:
        self.routers[router.identity.uid] = router
        return self

    def searches(self, identity: Identity = WEB) -> None:
        self.adoption.search(identity, self.ends.append)

    def _twin_of(self, theirs: Identity) -> str | None:
        ours = (router.identity for router in self.routers.values())
        return next((item.uid for item in ours if replace(item, uid=theirs.uid) == theirs), None)

    def _let_go(self, uid: str, silently: bool) -> None:
        del self.routers[uid]
        self.let_go.append((uid, silently))


class Node:
    def __init__(self) -> None:
        self.loop = Loop()

    def engine(self, placement: str) -> Engine:
        return Engine(self, placement)

    def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not happened():
            assert time.monotonic() < end
            self.loop.run_once(0.05)

    def for_s(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.loop.run_once(0.05)


@in_own_network
def test_alone_on_the_node_nobody_is_waited_for() -> None:
    engine = Node().engine("default")
    engine.searches()
    assert engine.ends == [NOBODY_HAS_IT], "at once, before the loop turns"


@in_own_network
def test_neighbours_that_do_not_have_it_cost_one_question() -> None:
    node = Node()
    others = [node.engine(name).runs(Router(replace(WEB, uid="another"))) for name in ("p-1", "p-2")]
    new = node.engine("p-3")
    new.searches()
    assert new.ends == []
    node.until(lambda: new.ends)
    assert new.ends == [NOBODY_HAS_IT]
    assert [other.let_go for other in others] == [[], []]


@pytest.mark.parametrize("order", ["told to go first", "asked first"])
@in_own_network
def test_what_has_moved_is_let_go_silently_whatever_comes_first(order: str) -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    if order == "asked first":
        new.searches()
        node.for_s(0.6)
        assert (new.ends, old.let_go) == ([], []), "it has not moved yet"
        old.adoption.moved(WEB.uid)
        assert old.let_go == [(WEB.uid, True)], "at once, not at the next question"
    else:
        old.adoption.moved(WEB.uid)
        assert old.adoption.is_moving(WEB.uid)
        new.searches()
    node.until(lambda: new.ends)
    assert new.ends == [ACTIVE]
    assert old.let_go == [(WEB.uid, True)]
    assert not old.adoption.is_moving(WEB.uid)
    node.for_s(0.6)
    assert (len(new.ends), len(old.let_go)) == (1, 1), "and that was all"


@pytest.mark.parametrize("legacy", [Legacy(False, HEARD), NOT_ACTIVE], ids=["an Active was heard", "none was"])
@in_own_network
def test_a_backup_leaves_what_it_knows_of_the_active(legacy: Legacy) -> None:
    node = Node()
    old, new = node.engine("default").runs(Router(legacy=legacy)), node.engine("p-1")
    old.adoption.moved(WEB.uid)
    new.searches()
    node.until(lambda: new.ends)
    assert new.ends == [legacy]
    assert old.let_go == [(WEB.uid, True)]


@pytest.mark.parametrize(
    "wanted",
    [replace(WEB, vrid=52), replace(WEB, family=6), replace(WEB, interface="eth1")],
    ids=["VRID", "family", "interface"],
)
@in_own_network
def test_with_another_identity_the_old_router_ends_in_order_and_the_new_one_starts_from_nothing(
    wanted: Identity,
) -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    old.adoption.moved(WEB.uid)
    new.searches(wanted)
    node.until(lambda: new.ends)
    assert new.ends == [NOT_ACTIVE]
    assert old.let_go == [(WEB.uid, False)]


@in_own_network
def test_a_move_that_was_taken_back_is_none() -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    old.adoption.moved(WEB.uid)
    old.adoption.stays(WEB.uid)
    new.searches()
    node.for_s(0.6)
    assert (new.ends, old.let_go) == ([], [])
    new.adoption.cancel(WEB.uid)
    old.adoption.close()
    node.for_s(0.6)
    assert new.ends == [], "nobody waits for it any more"


@in_own_network
def test_a_holder_that_has_gone_is_not_waited_for() -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    new.searches()
    node.for_s(0.3)
    assert new.ends == []
    old.adoption.close()
    node.until(lambda: new.ends)
    assert new.ends == [NOBODY_HAS_IT]


@in_own_network
def test_a_holder_that_is_back_at_once_is_waited_for() -> None:
    """The guard starts a dead engine within milliseconds: one refusal is not its end."""
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    new.searches()
    node.for_s(0.3)
    old.adoption.close()
    again = node.engine("default").runs(Router())
    node.for_s(1)
    assert new.ends == []
    again.adoption.moved(WEB.uid)
    node.until(lambda: new.ends)
    assert new.ends == [ACTIVE]


@in_own_network
def test_who_has_the_name_and_says_nothing_is_given_up_in_the_end() -> None:
    node = Node()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mute:
        mute.bind("\0vipkeeper/frozen")
        new = node.engine("p-1")
        started_ns = time.monotonic_ns()
        new.searches()
        node.until(lambda: new.ends)
    assert new.ends == [NOBODY_HAS_IT]
    assert time.monotonic_ns() - started_ns >= SILENCE_NS


@in_own_network
def test_of_two_that_want_the_same_the_first_by_name_goes_on_and_the_other_waits() -> None:
    node = Node()
    first, second = node.engine("a"), node.engine("b")
    second.searches()
    first.searches()
    node.until(lambda: first.ends)
    assert first.ends == [NOBODY_HAS_IT]
    first.runs(Router())
    node.for_s(0.6)
    assert second.ends == []


@in_own_network
def test_an_engine_that_ends_hands_over_to_whoever_has_just_asked() -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    assert not old.adoption.hand_over_if_asked(WEB.uid)
    new.searches()
    node.for_s(0.3)
    assert old.adoption.hand_over_if_asked(WEB.uid)
    node.until(lambda: new.ends)
    assert new.ends == [ACTIVE]
    assert old.let_go == [(WEB.uid, True)]


@in_own_network
def test_a_question_of_long_ago_is_no_question() -> None:
    adoption._QUESTION_STANDS_NS = 0  # in this child alone
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    new.searches()
    node.for_s(0.3)
    new.adoption.cancel(WEB.uid)
    assert not old.adoption.hand_over_if_asked(WEB.uid)
    old.adoption.moved(WEB.uid)
    assert old.let_go == []
    assert set(old.routers) == {WEB.uid}


@in_own_network
def test_nothing_is_let_go_when_the_asker_has_gone() -> None:
    node = Node()
    old, new = node.engine("default").runs(Router()), node.engine("p-1")
    new.searches()
    node.for_s(0.3)
    new.adoption.close()
    assert not old.adoption.hand_over_if_asked(WEB.uid)
    old.adoption.moved(WEB.uid)
    assert old.let_go == []
    assert old.adoption.is_moving(WEB.uid)


@in_own_network
def test_a_move_that_nobody_asks_about_ends_as_a_removal() -> None:
    adoption.MOVE_LIMIT_NS = 500_000_000  # in this child alone
    node = Node()
    old = node.engine("default").runs(Router())
    old.adoption.moved(WEB.uid)
    node.for_s(0.3)
    assert old.let_go == []
    node.until(lambda: old.let_go)
    assert old.let_go == [(WEB.uid, False)]
    assert not old.adoption.is_moving(WEB.uid)


@in_own_network
def test_our_own_name_is_waited_for_and_then_done_without() -> None:
    adoption.NAME_LIMIT_NS = 500_000_000  # in this child alone
    node = Node()
    old = node.engine("default")
    new = node.engine("default")
    new.searches()
    assert new.ends == []
    node.until(lambda: new.ends)
    assert new.ends == [NOBODY_HAS_IT]
    old.adoption.close()


@pytest.mark.root
@pytest.mark.requires("ip")
@pytest.mark.parametrize(
    "message",
    [
        b"{}",
        b'{"say": "ask"}',
        b'{"say": "ask", "uid": "uid-of-web", "vrid": "x", "family": 4, "interface": "eth0"}',
        b'{"say": "released", "uid": "uid-of-web"}',
        b'{"say": "released", "uid": "uid-of-web", "active": false, "heard": [1]}',
        b'{"say": "released", "uid": "uid-of-web", "active": false, "heard": ["x", 1, 2, 3]}',
    ],
)
def test_nonsense_of_a_neighbour_is_told_and_ends_nothing(message: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    nobody_is_misled_by(message)
    assert capfd.readouterr().err.count("is not understood") == 1


@pytest.mark.root
@pytest.mark.requires("ip")
def test_a_word_that_a_later_version_may_say_ends_nothing() -> None:
    nobody_is_misled_by(b'{"say": "what?", "uid": "uid-of-web"}')


@in_own_network
def nobody_is_misled_by(message: bytes) -> None:
    node = Node()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as neighbour:
        neighbour.bind("\0vipkeeper/p-9")
        new = node.engine("p-1")
        new.searches()
        neighbour.sendto(message, "\0vipkeeper/p-1")
        node.for_s(0.2)
        assert new.ends == []
        neighbour.sendto(b'{"say": "none", "uid": "uid-of-web"}', "\0vipkeeper/p-1")
        node.until(lambda: new.ends)
    assert new.ends == [NOBODY_HAS_IT]


@in_own_network
def test_another_router_of_the_same_vrid_in_the_same_place_is_told_to_both() -> None:
    node = Node()
    other = replace(WEB, uid="another")
    old = node.engine("run-1").runs(Router(other))
    new = node.engine("run-2").runs(Router(WEB))
    new.searches()
    node.until(lambda: new.ends and old.twins)
    assert (new.ends, new.twins) == ([NOBODY_HAS_IT], [(WEB.uid, "run-1")])
    assert old.twins == [(other.uid, "run-2")]
    old.adoption.ask_for_twin(other, "run-2")
    node.until(lambda: len(old.twins) > 1)
    assert set(old.twins) == {(other.uid, "run-2")}
    assert (old.let_go, new.let_go) == ([], [])


@in_own_network
def test_another_vrid_family_or_interface_makes_no_twin() -> None:
    node = Node()
    for number, other in enumerate((replace(WEB, vrid=52), replace(WEB, family=6), replace(WEB, interface="eth1"))):
        node.engine(f"run-{number}").runs(Router(replace(other, uid="another")))
    new = node.engine("run-9").runs(Router(WEB))
    new.searches()
    node.until(lambda: new.ends)
    assert new.twins == []
