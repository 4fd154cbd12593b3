"""A VirtualIP that moves between placements of one node changes its engine, and nobody on the segment shall notice.

The engine that gets a document it does not run asks the others of its node for that uid, and waits with it: two virtual
routers of one VRID behind one address would be one too many. The engine that has it lets go when its agent has said
that the document has moved; both orders happen, so the question is repeated, and a move that nobody asks about ends as
a removal.

    asker                    holder
    ask(uid) ──────────────►          runs it, has not moved
             ◄────────────── held
                                      its agent: Remove(Moved)
             ◄────────────── released(active, heard)     stops silently; the addresses stay, on their lease
    Adopted: advert, renew the lease, announce

Who is asked, and runs another router with that VRID on that interface, says so in its answer (*twin*): both then have a
finding, since neither hears the other's adverts, which do not come back to the host that sends them.

A holder that is gone (its socket is), or does not answer, is not waited for. Two that both only want it: the one whose
placement comes first by name goes on.

Tests: tests/netns/test_adoption.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Protocol

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.neighbours import Neighbours
from vipkeeper.vrrp.packet import Advert
from vipkeeper.vrrp.units import NS_PER_S, ms_to_ns

ASK_AGAIN_MS = 250
SILENCE_NS = 3 * NS_PER_S
"""A neighbour that says nothing for so long is frozen, or no engine at all."""
MOVE_LIMIT_NS = 30 * NS_PER_S
"""After which a move that nobody asked about ends as a removal."""
NAME_LIMIT_NS = 10 * NS_PER_S
"""How long to wait for our own name, while an engine of our placement has not ended."""
_QUESTION_STANDS_NS = 2 * NS_PER_S
_REFUSALS = 2
"""An engine that is killed is back within milliseconds: one refusal is not its end."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What must be equal for a router to go on in another engine."""

    uid: str
    vrid: int
    family: int
    interface: str


@dataclass(frozen=True, slots=True)
class Legacy:
    """What a released router leaves to the next."""

    active: bool
    heard: Advert | None
    """The last advert of the Active, when we were not."""


class Holder(Protocol):
    """A running router that can be asked for."""

    @property
    def identity(self) -> Identity: ...

    @property
    def legacy(self) -> Legacy: ...


@dataclass(slots=True)
class _Search:
    identity: Identity
    on_end: Callable[[Legacy | None], None]
    started_ns: int
    neighbours: dict[str, int] = field(default_factory=dict)
    """When each was last heard, by placement."""
    refusals: dict[str, int] = field(default_factory=dict)
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    placement: str
    identity: Identity
    asked_ns: int


class Adoption:
    """`find` gives the running router of a uid; `let_go` ends one: silently when it is adopted, in order when not."""

    def __init__(
        self,
        loop: Loop,
        placement: str,
        find: Callable[[str], Holder | None],
        let_go: Callable[[str, bool], None],
        twin_of: Callable[[Identity], str | None],
        on_twin: Callable[[str, str], None],
    ) -> None:
        """`twin_of` gives the uid of a router of ours that is another one and has VRID, family and interface of that;
        `on_twin` gets a uid of ours, and the placement that has a twin of it."""
        self._placement = placement
        self._find = find
        self._let_go = let_go
        self._twin_of = twin_of
        self._on_twin = on_twin
        self._neighbours = Neighbours(loop, placement, self._heard)
        self._neighbours.bind()
        self._searches: dict[str, _Search] = {}
        self._questions: dict[str, _Question] = {}
        self._moved: dict[str, int] = {}
        self._timer = loop.timer(self._tick)

    # ---- the engine that wants a router

    def search(self, identity: Identity, on_end: Callable[[Legacy | None], None]) -> None:
        """Ask the neighbours. `on_end` gets what the holder leaves; None: nobody has it. It may be called at once."""
        now_ns = time.monotonic_ns()
        search = self._searches[identity.uid] = _Search(identity, on_end, now_ns)
        self._advance(search, now_ns)

    def cancel(self, uid: str) -> None:
        self._searches.pop(uid, None)

    def ask_for_twin(self, identity: Identity, placement: str) -> None:
        """Has that placement a router of this VRID still?"""
        self._neighbours.send(placement, _question(identity))

    # ---- the engine that has it

    def moved(self, uid: str) -> None:
        """It belongs to another placement of this node now: let go when asked, or when nobody has asked for long."""
        now_ns = time.monotonic_ns()
        question = self._questions.get(uid)
        if question is not None and now_ns - question.asked_ns <= _QUESTION_STANDS_NS and self._hand_over(question):
            return
        self._moved[uid] = now_ns + MOVE_LIMIT_NS
        self._ring_soon(now_ns)

    def stays(self, uid: str) -> None:
        """It has come back before anybody asked."""
        self._moved.pop(uid, None)

    def is_moving(self, uid: str) -> bool:
        return uid in self._moved

    def hand_over_if_asked(self, uid: str) -> bool:
        """We are about to end: does somebody of this node wait for it?"""
        question = self._questions.get(uid)
        if question is None or time.monotonic_ns() - question.asked_ns > _QUESTION_STANDS_NS:
            return False
        return self._hand_over(question)

    def close(self) -> None:
        self._timer.cancel()
        self._neighbours.close()

    # ---- asking

    def _advance(self, search: _Search, now_ns: int) -> None:
        """Ask (again); end the search when nobody is left to wait for."""
        if not self._neighbours.bind():
            if now_ns - search.started_ns < NAME_LIMIT_NS:
                self._ring_soon(now_ns)
                return
            warn("another process has our name; going on without asking", placement=self._placement)
            self._end(search, None)
            return
        if not search.listed:
            search.listed = True
            search.neighbours = dict.fromkeys(self._neighbours.placements(), now_ns)
        for placement in list(search.neighbours):
            self._ask(search, placement, now_ns)
        if search.neighbours:
            self._ring_soon(now_ns)
        else:
            self._end(search, None)

    def _ask(self, search: _Search, placement: str, now_ns: int) -> None:
        if now_ns - search.neighbours[placement] > SILENCE_NS:
            warn("a neighbour does not answer; going on without it", placement=placement)
            del search.neighbours[placement]
            return
        if self._neighbours.send(placement, _question(search.identity)):
            search.refusals[placement] = 0
            return
        search.refusals[placement] = search.refusals.get(placement, 0) + 1
        if search.refusals[placement] >= _REFUSALS:
            del search.neighbours[placement]

    def _end(self, search: _Search, legacy: Legacy | None) -> None:
        if self._searches.get(search.identity.uid) is search:
            del self._searches[search.identity.uid]
            search.on_end(legacy)

    # ---- answering

    def _heard(self, placement: str, message: dict[str, Any]) -> None:
        now_ns = time.monotonic_ns()
        try:
            if message["say"] == "ask":
                identity = Identity(
                    str(message["uid"]), int(message["vrid"]), int(message["family"]), str(message["interface"])
                )
                self._asked(_Question(placement, identity, now_ns))
            else:
                self._answered(placement, message, now_ns)
        except (KeyError, TypeError, ValueError) as error:
            warn("a message of a neighbour is not understood", placement=placement, error=repr(error))

    def _asked(self, question: _Question) -> None:
        uid, placement = question.identity.uid, question.placement
        if self._find(uid) is not None:
            self._questions[uid] = question
            if uid in self._moved and self._hand_over(question):
                return
            self._neighbours.send(placement, {"say": "held", "uid": uid})
        elif uid in self._searches and self._placement < placement:
            self._neighbours.send(placement, {"say": "held", "uid": uid})
        else:
            twin = self._twin_of(question.identity)
            self._neighbours.send(placement, {"say": "none", "uid": uid, "twin": twin is not None})
            if twin is not None:
                self._on_twin(twin, placement)

    def _answered(self, placement: str, message: dict[str, Any], now_ns: int) -> None:
        if message.get("twin") is True:
            self._on_twin(str(message["uid"]), placement)
        search = self._searches.get(str(message["uid"]))
        if search is None or placement not in search.neighbours:
            return
        search.neighbours[placement] = now_ns
        match message["say"]:
            case "released":
                self._end(search, _read_legacy(message))
            case "none":
                del search.neighbours[placement]
                if not search.neighbours:
                    self._end(search, None)

    def _hand_over(self, question: _Question) -> bool:
        """Tell first: when nobody takes the message, nothing is let go."""
        uid = question.identity.uid
        router = self._find(uid)
        if router is None:
            return False
        same = router.identity == question.identity
        legacy = router.legacy if same else Legacy(active=False, heard=None)
        if not self._neighbours.send(question.placement, _write_legacy(uid, legacy)):
            return False
        self._moved.pop(uid, None)
        self._questions.pop(uid, None)
        log("handed over to another placement", uid=uid, placement=question.placement, active=legacy.active)
        self._let_go(uid, same)
        return True

    # ---- time

    def _ring_soon(self, now_ns: int) -> None:
        if self._timer.deadline_ns is None:
            self._timer.set(now_ns + ms_to_ns(ASK_AGAIN_MS))

    def _tick(self, now_ns: int) -> None:
        for search in list(self._searches.values()):
            self._advance(search, now_ns)
        for uid, limit_ns in list(self._moved.items()):
            if now_ns >= limit_ns:
                del self._moved[uid]
                log("nobody has asked for what has moved; removed", uid=uid)
                self._let_go(uid, False)
        if self._searches or self._moved:
            self._ring_soon(now_ns)


def _question(identity: Identity) -> dict[str, Any]:
    return {
        "say": "ask",
        "uid": identity.uid,
        "vrid": identity.vrid,
        "family": identity.family,
        "interface": identity.interface,
    }


def _write_legacy(uid: str, legacy: Legacy) -> dict[str, Any]:
    message: dict[str, Any] = {"say": "released", "uid": uid, "active": legacy.active}
    if legacy.heard is not None:
        heard = legacy.heard
        message["heard"] = [str(heard.source), heard.vrid, heard.priority, heard.interval_cs]
    return message


def _read_legacy(message: dict[str, Any]) -> Legacy:
    heard = None
    if message.get("heard"):
        source, vrid, priority, interval_cs = message["heard"]
        heard = Advert(ip_address(source), int(vrid), int(priority), int(interval_cs), ())
    return Legacy(bool(message["active"]), heard)
