"""Requests by HTTP through the address, to a real nginx on each host, while something happens: which are lost, which late."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.asker import ANSWERED, Asker, Request
from tests.bench.bench import Bench, attempt
from tests.bench.figures import Figure, Goal, Section
from tests.bench.members import Member, Wish
from tests.bench.planned import PlannedPair, planned_pair
from tests.bench.pods import KeepalivedWithNginx, VipkeeperPod

RATE = 200
INTERVAL_CS = 25
SLOW_MS = 100.0
NONE = Goal(0.0)
BEFORE_S, AFTER_S = 0.5, 2.5
"""How long is asked before and after: a SYN that was lost is sent again after 1 s."""
SWITCHED_NS = 5_000_000
"""From an address in the other kernel to clients that know it."""
PROGRAMS: tuple[type[Member], ...] = (VipkeeperPod, KeepalivedWithNginx)


@dataclass(frozen=True, slots=True)
class What:
    case: str
    act: Callable[[PlannedPair], None]
    back: Callable[[PlannedPair], None]
    moves: bool = True
    """The address goes to the other host."""
    outage: bool = True
    """Nobody can serve between the event and the other host's having the address."""


def measure(bench: Bench) -> Section:
    section = Section(
        "Requests",
        f"{RATE} requests a second by HTTP, a connection for each, through the address to a real nginx on each of two"
        f" hosts; {INTERVAL_CS * 10} ms adverts. Lost: refused, reset, ended without an answer, no answer within 3 s. The"
        " outage lasts until the other host's kernel has the address; where the node is told to leave (stop of the speaker), and"
        " at a reload, there is none. What is lost, but neither sent within it nor under way when the node died or left, is"
        " lost beyond it."
        " nginx death: SIGKILL of all its processes, and a new one a second later (keepalived asks it by a script each"
        " second). Node cut: off the switch.",
        plotted="lost",
    )
    for program in PROGRAMS:
        what = f"requests, {program.name}"
        with attempt(bench, section, what), planned_pair(what, program, Wish(interval_cs=INTERVAL_CS)) as pair:
            for event in EVENTS:
                _measure(bench, section, pair, event)
    return section


def _measure(bench: Bench, section: Section, pair: PlannedPair, event: What) -> None:
    outcomes = []
    for number in range(bench.times(2, 1)):
        with attempt(bench, section, f"requests, {event.case}, {pair.one.name}, {number + 1}"):
            outcomes.append(_once(pair, event))
    if not outcomes:
        return
    ours = pair.one.name == VipkeeperPod.name
    kinds = sum((outcome.kinds for outcome in outcomes), Counter[str]())
    note = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    sent = sum(outcome.sent for outcome in outcomes) // len(outcomes)

    def figure(quantity: str, values: Sequence[float], unit: str = "requests", goal: Goal | None = None) -> Figure:
        told = "; ".join(part for part in (f"of {sent}", note) if part) if quantity == "lost" else ""
        return Figure(event.case, pair.one.name, quantity, unit, tuple(values), goal, told)

    section.figures += [
        figure("lost", [outcome.lost for outcome in outcomes]),
        figure("lost beyond the outage", [o.beyond for o in outcomes], goal=NONE if ours else None),
        figure(f"slower than {SLOW_MS:g} ms", [outcome.slow for outcome in outcomes]),
    ]
    if event.moves:
        section.figures.append(figure("until the other has the address", [o.moved_ms for o in outcomes], "ms"))


@dataclass(frozen=True, slots=True)
class Outcome:
    sent: int
    lost: int
    beyond: int
    slow: int
    moved_ms: float
    kinds: Counter[str]


def _once(pair: PlannedPair, event: What) -> Outcome:
    pair.settle()
    asker = Asker(pair.client, pair.wish.vip, RATE)
    time.sleep(BEFORE_S)
    pair.random_moment()
    at_ns = time.monotonic_ns()
    event.act(pair)
    moved_ns = None
    if event.moves:
        pair.owners.wait_for_several(pair.wish.vip, {"two"}, 1, 30)
        spans = pair.owners.spans(pair.wish.vip, at_ns)
        moved_ns = next(span.start_ns for span in spans if "two" in span.owners)
    time.sleep(AFTER_S)
    requests = asker.end()
    event.back(pair)
    return judge(requests, at_ns, moved_ns, event.outage)


def judge(requests: Sequence[Request], at_ns: int, moved_ns: int | None, outage: bool) -> Outcome:
    """`at_ns`: the event; `moved_ns`: when the other host had the address, if it went there."""
    lost = [item for item in requests if item.outcome != ANSWERED]
    beyond = [item for item in lost if not _is_excused(item, at_ns, moved_ns, outage)]
    slow = sum(item.outcome == ANSWERED and item.took_ms > SLOW_MS for item in requests)
    moved_ms = 0.0 if moved_ns is None else (moved_ns - at_ns) / 1e6
    return Outcome(len(requests), len(lost), len(beyond), slow, moved_ms, Counter(item.outcome for item in lost))


def _is_excused(item: Request, at_ns: int, moved_ns: int | None, outage: bool) -> bool:
    """Under way on a host that dies or leaves, or sent while nobody could serve."""
    if moved_ns is None:
        return False
    known_ns = moved_ns + SWITCHED_NS
    if _was_under_way(item, moved_ns) or _was_under_way(item, known_ns):
        return True
    return outage and (_was_under_way(item, at_ns) or at_ns <= item.sent_ns < known_ns)


def _was_under_way(item: Request, at_ns: int) -> bool:
    return item.sent_ns < at_ns <= item.sent_ns + item.took_ms * 1e6


def _nginx(pair: PlannedPair) -> VipkeeperPod | KeepalivedWithNginx:
    assert isinstance(pair.one, VipkeeperPod | KeepalivedWithNginx)
    return pair.one


def _kill_nginx(pair: PlannedPair) -> None:
    _nginx(pair).nginx.kill()


def _start_nginx(pair: PlannedPair) -> None:
    _nginx(pair).nginx.start()


def _cut(pair: PlannedPair) -> None:
    pair.one.host.cut()


def _heal(pair: PlannedPair) -> None:
    pair.one.host.heal()


def _stop(pair: PlannedPair) -> None:
    pair.one.stop()


def _start(pair: PlannedPair) -> None:
    pair.one.wait()
    pair.one.start()


def _reload(pair: PlannedPair) -> None:
    _nginx(pair).nginx.reload()


EVENTS = (
    What("nginx death", _kill_nginx, _start_nginx),
    What("node cut", _cut, _heal),
    What("stop of the speaker", _stop, _start, outage=False),
    What("nginx reload", _reload, lambda _pair: None, moves=False, outage=False),
)
