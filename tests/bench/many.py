"""200 virtual routers at 100 ms: the last takeover, CPU and memory of both roles."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import median

from tests.bench import accounts
from tests.bench.bench import BACKUP_PRIORITY, PROGRAMS, Bench, Pair, attempt, pair_of
from tests.bench.figures import NS_PER_MS, Figure, Goal, Section, active_down_interval_ns
from tests.bench.programs import Keepalived, Program, Router, Vipkeeper
from tests.netns.lan import wait_for

INTERVAL_CS = 10
ROUTERS = tuple(Router(number, f"198.51.100.{number}") for number in range(1, 201))
PER_S = 20.0
"""CPU is told for that time."""
LAST_TAKEOVER, BACKUP_CPU, ENGINE_MIB = Goal(1.05, 1.0), Goal(0.8), Goal(16.0)
"""The CPU of an Active is judged by keepalived's."""
CASE = "200 VRIDs, 100 ms"


def measure(bench: Bench) -> Section:
    section = Section(
        "200 virtual routers",
        "100 ms adverts, one address each. The last takeover is the largest of the 200 ratios of a crash. CPU is user and"
        " system time of all processes of the program. Memory is of the process that speaks VRRP: PSS as if the"
        " program's processes were the only ones on the machine (counted page by page), and RSS.",
        plotted="CPU per 20 s as Backup",
    )
    for program in reversed(PROGRAMS):  # keepalived's CPU is vipkeeper's goal
        with attempt(bench, section, f"200 VRIDs, {program.name}"), pair_of(program, INTERVAL_CS, ROUTERS) as pair:
            _use(pair, bench, section)
        _crashes(program, bench, section)
    section.figures.sort(key=lambda figure: figure.program != Vipkeeper.name)
    return section


def _use(pair: Pair, bench: Bench, section: Section) -> None:
    seconds, windows = (5.0, 2) if bench.quick else (PER_S, 3)
    cpu: dict[str, list[float]] = defaultdict(list)
    pss: list[float] = []
    rss: list[float] = []
    roles = {"Active": pair.one, "Backup": pair.two}
    for _ in range(windows):
        pair.settle()
        before = {role: _cpu_s(program) for role, program in roles.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        scale = PER_S / (time.monotonic() - begin)
        for role, program in roles.items():
            cpu[role].append((_cpu_s(program) - before[role]) * scale)
            pids = program.processes()
            pss.append(accounts.alone_mib(pids.values())[pids[program.worker]])
            rss.append(accounts.resident_mib(pids[program.worker]))
    name, worker, ours = pair.one.name, pair.one.worker, isinstance(pair.one, Vipkeeper)
    goals = {"Active": _active_cpu_goal(section), "Backup": BACKUP_CPU} if ours else {}
    for role, values in cpu.items():
        quantity = f"CPU per {PER_S:g} s as {role}"
        section.figures.append(Figure(CASE, name, quantity, "s", tuple(values), goals.get(role)))
    section.figures += [
        Figure(CASE, name, f"{worker}, PSS alone", "MiB", tuple(pss), ENGINE_MIB if ours else None),
        Figure(CASE, name, f"{worker}, RSS", "MiB", tuple(rss)),
    ]


def _cpu_s(program: Program) -> float:
    return sum(accounts.cpu_s(pid) for pid in program.processes().values())


def _active_cpu_goal(section: Section) -> Goal | None:
    for figure in section.figures:
        if figure.program == Keepalived.name and figure.quantity.endswith("as Active"):
            return Goal(round(median(figure.values), 2))
    return None


def _crashes(program: type[Program], bench: Bench, section: Section) -> None:
    """Each with programs freshly started: keepalived may need many seconds until 200 routers have gone back."""
    bound_ns = active_down_interval_ns(BACKUP_PRIORITY, INTERVAL_CS)
    times: list[list[int]] = []
    for number in range(bench.times(3, 2)):
        what = f"200 VRIDs, crash {number + 1}, {program.name}"
        with attempt(bench, section, what), pair_of(program, INTERVAL_CS, ROUTERS) as pair:
            times.append(_crash(pair))
            if pair.observer.lost():
                section.remarks.append(f"{what}: the observer lost {pair.observer.lost()} frames")
    name, goal = program.name, LAST_TAKEOVER if program is Vipkeeper else None
    section.figures += [
        Figure(CASE, name, "ratio, last takeover", "", tuple(max(t) / bound_ns for t in times), goal),
        Figure(CASE, name, "ratio, first takeover", "", tuple(min(t) / bound_ns for t in times)),
        Figure(CASE, name, "last takeover", "ms", tuple(max(t) / NS_PER_MS for t in times)),
    ]


def _crash(pair: Pair) -> list[int]:
    """How long each router was silent."""
    pair.settle()
    pair.random_moment()
    cut_ns = time.time_ns()
    pair.one.host.cut()
    return wait_for("all are taken over", lambda: _silences(pair, cut_ns), 20, 0.1)


def _silences(pair: Pair, cut_ns: int) -> list[int]:
    """From the last advert of one to the first of two after the cut, for each VRID; []: not all have one yet."""
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for advert in list(pair.observer.adverts):
        if advert.mac == pair.one.host.mac:
            last[advert.vrid] = advert.at_ns
        elif advert.at_ns >= cut_ns:
            first.setdefault(advert.vrid, advert.at_ns)
    return [first[vrid] - last[vrid] for vrid in last] if len(first) == len(pair.one.routers) else []
