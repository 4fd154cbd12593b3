"""SIGKILL: of everything, and of the process that speaks VRRP alone."""

from __future__ import annotations

import time

from tests.bench.bench import PROGRAMS, VIP, Bench, Pair, attempt, pair_of
from tests.bench.figures import NS_PER_S, Figure, Goal, Section, longest_gap_ns
from tests.bench.programs import Vipkeeper
from tests.netns.lan import wait_for

INTERVAL_CS = 25
WATCH_S = 10.0
"""How long an address that stays is watched."""
TWO_OWNERS = Goal(1.5)
NO_OUTAGE = Goal(20.0)
"""No outage is promised. A ping each millisecond can't tell less than some milliseconds from nothing on a busy machine."""
IN_TIME = Goal(750.0)
"""Three intervals: before that nobody's patience ends."""


def measure(bench: Bench) -> Section:
    section = Section(
        "SIGKILL",
        f"250 ms adverts. Everything: all processes of the program on the Active at once, the host stays alive; watched"
        f" for {WATCH_S:g} s with rtnetlink. Worker: only the process that speaks VRRP (vipkeeper's engine,"
        ' keepalived\'s vrrp child); its parent starts another one. The client pings each millisecond; "no outage" is'
        ' judged as 20 ms at most, "no silence that matters" as less than three intervals.',
    )
    for program in PROGRAMS:
        with attempt(bench, section, f"SIGKILL of everything, {program.name}"), pair_of(program, INTERVAL_CS) as pair:
            pair.start_pings()
            pair.observer.watch_addresses(pair.one.host)
            pair.observer.watch_addresses(pair.two.host)
            _everything(pair, bench.times(4, 2), section)
        with attempt(bench, section, f"SIGKILL of the worker, {program.name}"), pair_of(program, INTERVAL_CS) as pair:
            pair.start_pings()
            _worker(pair, bench.times(10, 3), section)
    return section


def _everything(pair: Pair, repetitions: int, section: Section) -> None:
    stays, both, gaps = [], [], []
    for_ever = 0
    for _ in range(repetitions):
        pair.settle()
        pair.random_moment()
        begin_ns = time.time_ns()
        pair.one.kill_everything()
        wait_for("the other takes over", lambda since=begin_ns: _changed(pair, "two", True, since), 20)  # type: ignore[misc]
        gone_ns = _gone(pair, begin_ns)
        owned_ns = _changed(pair, "two", True, begin_ns)
        gaps.append(pair.client_gap_ms(begin_ns, 2))
        stays.append((gone_ns - begin_ns) / NS_PER_S)
        both.append(max(0, gone_ns - owned_ns) / NS_PER_S)
        for_ever += pair.one.host.has(VIP)
        pair.one.host.run("ip", "address", "del", f"{VIP}/32", "dev", "eth0", check=False)
        pair.one.start()
    note = f"for ever: still there when the watch ended, {for_ever} of {repetitions} times" if for_ever else ""
    goal = TWO_OWNERS if isinstance(pair.one, Vipkeeper) else None
    section.figures += [
        Figure("everything", pair.one.name, "address stays", "s", tuple(stays), None, note),
        Figure("everything", pair.one.name, "two owners", "s", tuple(both), goal, note),
        Figure("everything", pair.one.name, "longest client gap", "ms", tuple(gaps)),
    ]


def _worker(pair: Pair, repetitions: int, section: Section) -> None:
    gaps, silences, moves = [], [], 0
    for _ in range(repetitions):
        pair.settle()
        pair.random_moment()
        begin_ns = time.time_ns()
        pair.one.kill_worker()
        gaps.append(pair.client_gap_ms(begin_ns, 2))
        adverts = pair.observer.adverts_of(pair.one.host)
        silences.append(longest_gap_ns(adverts, begin_ns, time.time_ns()) / 1e6)
        moves += bool(pair.observer.adverts_of(pair.two.host, 1, begin_ns))
    ours = isinstance(pair.one, Vipkeeper)
    note = f"the address moved {moves} of {repetitions} times"
    section.figures += [
        Figure("worker", pair.one.name, "longest client gap", "ms", tuple(gaps), NO_OUTAGE if ours else None, note),
        Figure("worker", pair.one.name, "longest silence", "ms", tuple(silences), IN_TIME if ours else None),
    ]


def _changed(pair: Pair, host: str, added: bool, since_ns: int) -> int:
    """When the address came to (or went from) a host; 0: not yet."""
    found = (
        c.at_ns
        for c in list(pair.observer.changes)
        if c.at_ns >= since_ns and c.address == VIP and (c.host, c.added) == (host, added)
    )
    return min(found, default=0)


def _gone(pair: Pair, since_ns: int) -> int:
    """When the address went from one; when the watch ends, if it does not go."""
    end_ns = since_ns + int(WATCH_S * NS_PER_S)
    while time.time_ns() < end_ns:
        gone_ns = _changed(pair, "one", False, since_ns)
        if gone_ns:
            return gone_ns
        time.sleep(0.01)
    return end_ns
