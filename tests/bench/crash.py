"""A node vanishes: how long until another one speaks, against what the protocol demands."""

from __future__ import annotations

import time

from tests.bench.bench import BACKUP_PRIORITY, PROGRAMS, VIP, Bench, Pair, attempt, pair_of
from tests.bench.figures import NS_PER_MS, Figure, Goal, Section, active_down_interval_ns
from tests.bench.programs import Vipkeeper
from tests.netns.lan import wait_for

INTERVALS_CS = (100, 25, 10, 1)
REPETITIONS = {100: (3, 2), 25: (10, 3), 10: (20, 5), 1: (30, 10)}
"""Full and quick."""
GOALS = {100: Goal(1.005, 1.0), 25: Goal(1.005, 1.0), 10: Goal(1.005, 1.0), 1: Goal(1.02, 1.0)}
"""At most half a per cent late at 100 ms, two per cent at 10 ms; never early."""


def measure(bench: Bench) -> Section:
    section = Section(
        "Node crash",
        "The Active's port is taken off the bridge. From the last advert of the old Active to the first of the new one,"
        " as a ratio to Active_Down_Interval for the new one's priority (100): 1.0 is the soonest that RFC 9568"
        " allows. The gratuitous ARP is what clients follow.",
        plotted="ratio, first advert",
    )
    for interval_cs in INTERVALS_CS:
        for program in PROGRAMS:
            what = f"node crash, {interval_cs * 10} ms adverts, {program.name}"
            with attempt(bench, section, what), pair_of(program, interval_cs) as pair:
                _measure_pair(pair, bench.times(*REPETITIONS[interval_cs]), section)
    return section


def _measure_pair(pair: Pair, repetitions: int, section: Section) -> None:
    name, case = pair.one.name, f"{pair.one.interval_cs * 10} ms adverts"
    bound_ns = active_down_interval_ns(BACKUP_PRIORITY, pair.one.interval_cs)
    adverts: list[int] = []
    arps: list[int] = []
    early = 0
    while len(adverts) < repetitions:
        crash = _crash(pair)
        if crash is None:
            early += 1
            if early > repetitions:
                section.remarks.append(f"{case}, {name}: given up, too many takeovers while the Active was well")
                break
            continue
        advert_ns, arp_ns = crash
        adverts.append(advert_ns)
        arps.append(arp_ns)
    if early:
        section.remarks.append(f"{case}, {name}: {early} times the backup took over while the Active was well.")
    goal = GOALS[pair.one.interval_cs] if isinstance(pair.one, Vipkeeper) else None
    section.figures += [
        Figure(case, name, "ratio, first advert", "", tuple(ns / bound_ns for ns in adverts), goal),
        Figure(case, name, "first advert", "ms", tuple(ns / NS_PER_MS for ns in adverts)),
        Figure(case, name, "first gratuitous ARP", "ms", tuple(ns / NS_PER_MS for ns in arps)),
    ]
    if pair.observer.lost():
        section.remarks.append(f"{case}, {name}: the observer lost {pair.observer.lost()} frames")


def _crash(pair: Pair) -> tuple[int, int] | None:
    """Time to the first advert, to the first gratuitous ARP; None: two was too early."""
    pair.settle()
    pair.random_moment()
    begin_ns = time.time_ns() - 2 * pair.interval_ns
    cut_ns = time.time_ns()
    pair.one.host.cut()
    wait_for("another one speaks", lambda: pair.takeover_ns(1, begin_ns) is not None, 20, 0.005)
    arp_ns = wait_for("gratuitous ARP", lambda: _first_arp(pair, begin_ns), 20, 0.005)
    takeover = pair.takeover_ns(1, begin_ns)
    pair.one.host.heal()
    assert takeover is not None
    last_ns, first_ns = takeover
    return None if first_ns < cut_ns else (first_ns - last_ns, arp_ns - last_ns)


def _first_arp(pair: Pair, since_ns: int) -> int:
    found = (
        arp.at_ns
        for arp in list(pair.observer.arps)
        if arp.at_ns >= since_ns and arp.mac == pair.two.host.mac and arp.address == VIP
    )
    return min(found, default=0)
