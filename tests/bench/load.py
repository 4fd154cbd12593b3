"""All processors busy with something else: does a backup take over without need?"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from tests.bench.bench import Bench, Pair, pair_of
from tests.bench.figures import NS_PER_S, Figure, Goal, Section, longest_gap_ns, turns
from tests.bench.programs import Keepalived, PlainKeepalived, Program, Vipkeeper
from tests.netns.lan import die_with_us

INTERVALS_CS = (10, 1)
PROGRAMS: tuple[type[Program], ...] = (Vipkeeper, Keepalived, PlainKeepalived)
PER_CPU = 2
"""Busy loops for each processor."""
NO_MOVE = Goal(0.0)
"""Whatever else the processors do."""


def measure(bench: Bench) -> Section:
    seconds, windows = (8, 2) if bench.quick else (60, 2)
    section = Section(
        "Full CPU load",
        f"{PER_CPU} busy loops for each processor; all programs and both intervals at the same time, each pair on a"
        f" bridge of its own, watched for {seconds} s again and again.",
        plotted="longest gap of the Active's adverts",
    )
    with ExitStack() as stack:
        pairs: list[Pair] = []
        for interval_cs in INTERVALS_CS:
            for program in PROGRAMS:
                bench.tell(f"full CPU load: starting {program.name}, {interval_cs * 10} ms")
                pairs.append(stack.enter_context(pair_of(program, interval_cs)))
        stack.enter_context(_busy_loops())
        time.sleep(1)
        edges_ns = [time.time_ns()]
        for number in range(windows):
            bench.tell(f"full CPU load: {seconds} s, {number + 1} of {windows}")
            time.sleep(seconds)
            edges_ns.append(time.time_ns())
        for pair in pairs:
            section.figures += _figures(pair, edges_ns)
    return section


def _figures(pair: Pair, edges_ns: list[int]) -> list[Figure]:
    case, ours = f"{pair.one.interval_cs * 10} ms adverts", isinstance(pair.one, Vipkeeper)
    adverts = list(pair.observer.adverts)
    moves, gaps = [], []
    for begin_ns, end_ns in pairwise(edges_ns):
        within = [advert.mac for advert in adverts if begin_ns <= advert.at_ns < end_ns]
        moves.append(float(turns(within, pair.two.host.mac)))
        gaps.append(longest_gap_ns(pair.observer.adverts_of(pair.one.host), begin_ns, end_ns) / 1e6)
    window = f"in {(edges_ns[1] - edges_ns[0]) / NS_PER_S:.0f} s"
    return [
        Figure(case, pair.one.name, f"false failovers {window}", "times", tuple(moves), NO_MOVE if ours else None),
        Figure(case, pair.one.name, "longest gap of the Active's adverts", "ms", tuple(gaps)),
    ]


@contextmanager
def _busy_loops() -> Iterator[None]:
    count = PER_CPU * (os.cpu_count() or 1)
    loops = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"], preexec_fn=die_with_us) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
