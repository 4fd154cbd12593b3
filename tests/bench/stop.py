"""A planned stop (SIGTERM), as the client has it."""

from __future__ import annotations

import time

from tests.bench.bench import PROGRAMS, Bench, Pair, attempt, pair_of
from tests.bench.figures import Figure, Goal, Section
from tests.bench.programs import Vipkeeper

CASES = {25: (10, 3), 100: (3, 0)}
"""Interval in centiseconds: repetitions, full and quick (0: left out)."""
GOAL = Goal(5.0)
"""Measured with a ping each millisecond: one millisecond of it is the distance of two pings."""


def measure(bench: Bench) -> Section:
    section = Section(
        "Graceful stop",
        "SIGTERM to the Active while a client pings the address each millisecond: the longest time between two answers"
        " (about 1 ms when nothing happens).",
        plotted="longest client gap",
    )
    for interval_cs, repetitions in CASES.items():
        if not bench.times(*repetitions):
            continue
        for program in PROGRAMS:
            what = f"graceful stop, {interval_cs * 10} ms adverts, {program.name}"
            with attempt(bench, section, what), pair_of(program, interval_cs) as pair:
                pair.start_pings()
                gaps = tuple(_stop(pair) for _ in range(bench.times(*repetitions)))
                goal = GOAL if program is Vipkeeper else None
                case = f"{interval_cs * 10} ms adverts"
                section.figures.append(Figure(case, program.name, "longest client gap", "ms", gaps, goal))
    return section


def _stop(pair: Pair) -> float:
    pair.settle()
    pair.random_moment()
    begin_ns = time.time_ns()
    pair.one.stop()
    gap_ms = pair.client_gap_ms(begin_ns, 1 + 2 * pair.interval_ns / 1e9)
    pair.one.wait()
    pair.one.start()
    return gap_ms
