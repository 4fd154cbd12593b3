"""Who does what only we should do: from when it is told until it is over, bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vipkeeper.engine.loop import Loop
from vipkeeper.engine.sightings import MOST, TELL_NS, Sightings
from vipkeeper.ipc.messages import FindingKind
from vipkeeper.vrrp.units import NS_PER_S

S = NS_PER_S


class Clock(Loop):
    """A loop whose timers ring when a test says so."""

    def pass_to(self, now_ns: int) -> None:
        self._ring(self._ordinary, now_ns)


@pytest.fixture
def loop() -> Iterator[Clock]:
    made = Clock()
    yield made
    made.close()


@pytest.fixture
def changes() -> list[int]:
    return []


@pytest.fixture
def sightings(loop: Clock, changes: list[int]) -> Callable[..., Sightings]:
    def make(**options: Any) -> Sightings:
        return Sightings(loop, FindingKind.VRID_CONFLICT, "web", lambda: changes.append(1), **options)

    return make


def sources(seen: Sightings, now_ns: int = 0) -> list[str]:
    return [item.source for item in seen.findings(now_ns)]


def test_it_is_told_as_long_as_it_goes_on(loop: Clock, changes: list[int], sightings: Callable[..., Sightings]) -> None:
    seen = sightings()
    seen.see("192.0.2.77", lambda: "it says so", 1 * S, 10 * S)
    (finding,) = seen.findings(4 * S)
    assert (finding.kind, finding.source, finding.detail) == ("VRIDConflict", "192.0.2.77", "it says so")
    assert finding.since_ms == 3000
    seen.see("192.0.2.77", lambda: "and more", 8 * S, 10 * S)
    loop.pass_to(12 * S)
    assert sources(seen) == ["192.0.2.77"]
    assert len(changes) == 1, "to say it again is no news"
    loop.pass_to(18 * S)
    assert sources(seen) == []
    assert len(changes) == 2


def test_once_is_not_enough_where_it_must_go_on(loop: Clock, sightings: Callable[..., Sightings]) -> None:
    seen = sightings(apart_ns=S // 2)
    seen.see("a", lambda: "", 1 * S, 10 * S)
    seen.see("a", lambda: "", 1 * S + S // 10, 10 * S)
    assert not seen
    assert sources(seen) == []
    seen.see("a", lambda: "", 2 * S, 10 * S)
    assert seen
    assert sources(seen) == ["a"]
    seen.see("b", lambda: "", 2 * S, 1 * S)
    loop.pass_to(3 * S)
    assert not seen.knows("b"), "what was not seen again is forgotten"


def test_whoever_invents_sources_gets_a_bounded_place_and_few_words(
    loop: Clock, changes: list[int], sightings: Callable[..., Sightings], capfd: pytest.CaptureFixture[str]
) -> None:
    seen = sightings()
    for number in range(10_000):
        seen.see(str(number), lambda: "", 1 * S + number, 10 * S)
    assert len(sources(seen)) == MOST
    assert len(changes) == 1
    loop.pass_to(1 * S + TELL_NS)
    assert len(changes) == 2, "the others are told after a pause"
    assert len(capfd.readouterr().err.splitlines()) == MOST


def test_before_the_end_it_is_asked(loop: Clock, sightings: Callable[..., Sightings]) -> None:
    asked: list[str] = []
    seen = sightings(doubt=lambda source, _now_ns: asked.append(source), doubt_ns=S)
    seen.see("a", lambda: "", 0, 10 * S)
    loop.pass_to(8 * S)
    assert asked == []
    loop.pass_to(9 * S)
    assert asked == ["a"]
    seen.again("a", 9 * S, 10 * S)
    seen.again("b", 9 * S, 10 * S)
    loop.pass_to(11 * S)
    assert sources(seen) == ["a"], "it has answered; one that is not known is nobody"
    loop.pass_to(18 * S)
    loop.pass_to(19 * S)
    assert asked == ["a", "a"]
    assert sources(seen) == []


def test_nothing_rings_after_it_was_cleared(
    loop: Clock, changes: list[int], sightings: Callable[..., Sightings]
) -> None:
    seen = sightings()
    seen.see("a", lambda: "", time.monotonic_ns(), 10 * S)
    seen.clear()
    loop.pass_to(time.monotonic_ns() + 20 * S)
    assert len(changes) == 1
    assert sources(seen) == []
