"""Planned changes (SIGTERM, an edited priority, a failed check), as a client has them that asks each millisecond."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.bench.bench import Bench, attempt
from tests.bench.figures import Figure, Goal, Section
from tests.bench.members import MEMBERS, KeepalivedRun, Member, VipkeeperRun, Wish
from tests.bench.planned import PlannedPair, planned_pair

GOAL = Goal(5.0)
"""One millisecond of it is the distance of two questions."""
QUANTITY = "longest client gap"
ROUNDS = (3, 2)
INTERVALS_CS = ((25, 100, 1), (25,))
"""Full and quick."""
LOWERED = 50
"""Below the other one's priority."""

Cases = dict[str, Wish]


def measure(bench: Bench) -> Section:
    section = Section(
        "Planned changes",
        "A client asks the address each millisecond; the gap is the longest time of which every question stayed without"
        " an answer (0 when none did). Stop: SIGTERM to the Active. vipkeeper is `vipkeeper run` with peers and a key"
        " (in a cluster it always has them). Edit: the Active's priority goes below the other one's, by a reload of"
        " its file. Failed check: of a TCP server on the host itself, which is killed; keepalived has a script each"
        " second, and the address goes on answering until it was asked: what counts here is the change, not the wait.",
        plotted=QUANTITY,
    )
    for interval_cs in INTERVALS_CS[bench.quick]:
        with _pairs(bench, section, _stops(interval_cs), MEMBERS) as pairs:
            _measure(bench, section, pairs, _stop, _back_after_stop)
    plain = {"stop, 250 ms adverts, IPv4, no key": Wish(key=False)}
    with _pairs(bench, section, plain, (VipkeeperRun,)) as pairs:
        _measure(bench, section, pairs, _stop, _back_after_stop, goal=None)
    with _pairs(bench, section, {"edit, 250 ms adverts, IPv4": Wish()}, MEMBERS) as pairs:
        _measure(bench, section, pairs, _edit, _back_after_edit)
    with _pairs(bench, section, {"failed check, 250 ms adverts, IPv4": Wish(checked=True)}, MEMBERS) as pairs:
        _measure(bench, section, pairs, _fail, _back_after_failure)
    section.figures.sort(key=lambda figure: figure.case.partition(",")[0] != "stop")
    return section


def _stops(interval_cs: int) -> Cases:
    return {
        f"stop, {interval_cs * 10} ms adverts, IPv{family}{', virtual MAC' * virtual_mac}": Wish(
            interval_cs, family, virtual_mac
        )
        for family, virtual_mac in itertools.product((4, 6), (False, True))
    }


@contextmanager
def _pairs(
    bench: Bench, section: Section, cases: Cases, programs: Sequence[type[Member]]
) -> Iterator[list[PlannedPair]]:
    """All of them at once: those that could be started."""
    with ExitStack() as stack:
        pairs = []
        for (case, wish), program in itertools.product(cases.items(), programs):
            with attempt(bench, section, f"{case}, {program.name}"):
                pairs.append(stack.enter_context(planned_pair(case, program, wish)))
        yield pairs


def _measure(
    bench: Bench,
    section: Section,
    pairs: Sequence[PlannedPair],
    change: Callable[[PlannedPair], None],
    back: Callable[[PlannedPair], None],
    goal: Goal | None = GOAL,
) -> None:
    """Round after round, so that one pair goes back to where it was while others are measured."""
    gaps: dict[int, list[float]] = defaultdict(list)
    for number in range(bench.times(*ROUNDS)):
        for pair in pairs:
            with attempt(bench, section, f"{pair.case}, {pair.one.name}, {number + 1}"):
                pair.settle()
                pair.random_moment()
                prober = pair.probe()
                change(pair)
                pair.wait_for_owner("two")
                gaps[id(pair)].append(pair.gap_ms(prober))
                back(pair)
    for pair in pairs:
        ours = None if isinstance(pair.one, KeepalivedRun) else goal
        section.figures.append(Figure(pair.case, pair.one.name, QUANTITY, "ms", tuple(gaps[id(pair)]), ours))


def _stop(pair: PlannedPair) -> None:
    pair.one.stop()


def _back_after_stop(pair: PlannedPair) -> None:
    pair.one.wait()
    pair.one.start()


def _edit(pair: PlannedPair) -> None:
    pair.one.edit(LOWERED)


def _back_after_edit(pair: PlannedPair) -> None:
    pair.one.edit(200)


def _fail(pair: PlannedPair) -> None:
    pair.one.fall_ill()


def _back_after_failure(pair: PlannedPair) -> None:
    pair.one.serve()
