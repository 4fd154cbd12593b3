"""VRRP blocked between hosts that live, and an Active that has lost its segment but not its other network."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from tests.bench.bench import BACKUP_PRIORITY, Bench, attempt
from tests.bench.figures import Figure, Goal, Section, active_down_interval_ns
from tests.bench.members import MEMBERS, Member, VipkeeperRun, Wish
from tests.bench.planned import PlannedPair, planned_pair

INTERVAL_CS = 10
NO_SECOND_OWNER, HEALED, ANSWERS = Goal(0.0), Goal(1.0), Goal(2.0)
"""The last one as a ratio to Active_Down_Interval."""
CASE = "100 ms adverts"
BLOCKS = {
    "VRRP is blocked": ("ip protocol 112 drop",),
    "and all unicast between the two": ("ip protocol 112 drop", "ip saddr 192.0.2.1-192.0.2.2 drop"),
}


def measure(bench: Bench) -> Section:
    watch_s = bench.times(3, 2)
    section = Section(
        "VRRP blocked",
        f"A firewall (nftables, on both hosts) drops VRRP for {watch_s} s; the client reaches both. How long both own the"
        " address meanwhile, by their kernels, and how long after the healing. Then the same with every packet between"
        " the two dropped: nothing on earth could tell them apart from dead then, and both own it. Segment lost: the"
        " Active is off the switch with carrier up while a second network between the hosts lives; until the client"
        " has answers again, as a ratio to Active_Down_Interval for the other one's priority (100).",
        plotted="two owners",
    )
    for program in MEMBERS:
        with attempt(bench, section, f"VRRP blocked, {program.name}"), _pair(program) as pair:
            for what, rules in BLOCKS.items():
                _block(bench, section, pair, what, rules, watch_s)
    for program in MEMBERS:
        with attempt(bench, section, f"segment lost, {program.name}"), _pair(program, two_networks=True) as pair:
            _lose_segment(bench, section, pair)
    return section


def _pair(program: type[Member], *, two_networks: bool = False) -> AbstractContextManager[PlannedPair]:
    return planned_pair(CASE, program, Wish(interval_cs=INTERVAL_CS), two_networks=two_networks)


def _block(bench: Bench, section: Section, pair: PlannedPair, what: str, rules: tuple[str, ...], watch_s: int) -> None:
    both, healing = [], []
    for number in range(bench.times(2, 1)):
        bench.tell(f"{what}, {pair.one.name}, {number + 1}")
        pair.settle()
        since_ns = time.monotonic_ns()
        for member in (pair.one, pair.two):
            member.host.run("nft", "add table inet block")
            member.host.run("nft", "add chain inet block input { type filter hook input priority 0 ; }")
            for rule in rules:
                member.host.run("nft", f"add rule inet block input {rule}")
        time.sleep(watch_s)
        healed_ns = time.monotonic_ns()
        for member in (pair.one, pair.two):
            member.host.run("nft", "delete table inet block")
        both.append(_two_owners_s(pair, since_ns, healed_ns))
        pair.settle()
        healing.append(_two_owners_s(pair, healed_ns, time.monotonic_ns()))
    ours = pair.one.name == VipkeeperRun.name
    promised = ours and what == next(iter(BLOCKS))
    note = "as long as it is blocked" if min(both) > watch_s / 2 else ""
    section.figures += [
        Figure(what, pair.one.name, "two owners", "s", tuple(both), NO_SECOND_OWNER if promised else None, note),
        Figure(what, pair.one.name, "two owners after the healing", "s", tuple(healing), HEALED if ours else None),
    ]


def _two_owners_s(pair: PlannedPair, since_ns: int, until_ns: int) -> float:
    spans = pair.owners.spans(pair.wish.vip, since_ns, until_ns)
    return sum(span.end_ns - span.start_ns for span in spans if len(span.owners) > 1) / 1e9


def _lose_segment(bench: Bench, section: Section, pair: PlannedPair) -> None:
    bound_ms = active_down_interval_ns(BACKUP_PRIORITY, INTERVAL_CS) / 1e6
    gaps, stays = [], []
    for number in range(bench.times(4, 2)):
        bench.tell(f"segment lost, {pair.one.name}, {number + 1}")
        pair.settle()
        pair.random_moment()
        prober = pair.probe()
        since_ns = time.monotonic_ns()
        pair.one.host.cut()
        time.sleep(4 * bound_ms / 1000)
        gaps.append(pair.gap_ms(prober) / bound_ms)
        stays.append(_two_owners_s(pair, since_ns, time.monotonic_ns()))
        pair.one.host.heal()
    name, ours = pair.one.name, pair.one.name == VipkeeperRun.name
    section.figures += [
        Figure("segment lost", name, "ratio, until it answers", "", tuple(gaps), ANSWERS if ours else None),
        Figure("segment lost", name, "the one that is off keeps it for", "s", tuple(stays)),
    ]
