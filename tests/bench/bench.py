"""The stage of most benchmarks: two hosts that run the same program, a client, and an observer on the bridge.

`one` is the wanted Active. The routers' addresses are of the segment's own subnet where there is one router, so that
the client can ask for it.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tests.bench.figures import NS_PER_CS, NS_PER_S, Section, longest_gap_ns
from tests.bench.observer import Observer
from tests.bench.programs import PRIORITIES, Keepalived, Program, Router, Vipkeeper
from tests.netns.lan import Host, Lan, wait_for

PROGRAMS: tuple[type[Program], ...] = (Vipkeeper, Keepalived)
VIP = "192.0.2.100"
ONE_ROUTER = (Router(1, VIP),)
BACKUP_PRIORITY = PRIORITIES["two"]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark gets to work with."""

    quick: bool
    tell: Callable[[str], None]
    """One line on what is done now."""

    def times(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(slots=True)
class Pair:
    lan: Lan
    one: Program
    two: Program
    client: Host
    observer: Observer

    @property
    def interval_ns(self) -> int:
        return self.one.interval_cs * NS_PER_CS

    def settle(self, limit_s: float = 60.0) -> None:
        """One is Active and two has been silent for six intervals, for every router."""
        wanted = {router.vrid for router in self.one.routers}
        begin_ns = time.time_ns()

        def settled() -> bool:
            since_ns = time.time_ns() - 6 * self.interval_ns
            if since_ns < begin_ns:
                return False
            backwards = reversed(list(self.observer.adverts))
            recent = list(takewhile(lambda advert: advert.at_ns > since_ns, backwards))
            heard = {a.vrid for a in recent if a.mac == self.one.host.mac}
            return heard == wanted and all(a.mac == self.one.host.mac for a in recent)

        self.observer.forget()
        wait_for(f"{self.one.name}: the first is Active, the second is silent", settled, limit_s)

    def random_moment(self) -> None:
        """Faults know nothing of the rhythm of adverts."""
        time.sleep(random.random() * self.interval_ns / NS_PER_S)

    def takeover_ns(self, vrid: int, since_ns: int) -> tuple[int, int] | None:
        """The last advert of one before the first of two since then; None: not yet."""
        first = min(self.observer.adverts_of(self.two.host, vrid, since_ns), default=None)
        if first is None:
            return None
        last = max((at for at in self.observer.adverts_of(self.one.host, vrid) if at < first), default=None)
        return None if last is None else (last, first)

    def start_pings(self) -> None:
        """One each millisecond to the address, until the end."""
        self.observer.watch_replies(self.client)
        self.client.start("ping", "-n", "-q", "-i", "0.001", VIP, stdout=-3, stderr=-3)
        wait_for("the address answers", lambda: bool(self.observer.replies))

    def client_gap_ms(self, since_ns: int, seconds: float) -> float:
        """The longest time without an answer, watched for that long and until it answers again (30 s at most)."""
        end_ns = since_ns + int(seconds * NS_PER_S)
        time.sleep(max(0.0, (end_ns - time.time_ns()) / NS_PER_S))
        wait_for("answers again", lambda: any(reply.at_ns > end_ns for reply in self.observer.replies[-10:]), 30)
        return longest_gap_ns((r.at_ns for r in list(self.observer.replies)), since_ns, time.time_ns()) / 1e6


@contextmanager
def pair_of(program: type[Program], interval_cs: int, routers: Sequence[Router] = ONE_ROUTER) -> Iterator[Pair]:
    """Settled."""
    if program is not Vipkeeper and shutil.which("keepalived") is None:
        raise CanNotRun("keepalived is not installed")
    with tempfile.TemporaryDirectory(prefix="vipkeeper-bench-") as folder, Lan(Path(folder)) as lan:
        hosts = {name: lan.host(name, ipv6=False) for name in ("one", "two", "client")}
        with Observer(lan) as observer:
            one, two = (program(hosts[name], routers, interval_cs) for name in ("one", "two"))
            pair = Pair(lan, one, two, hosts["client"], observer)
            one.start()
            pair.settle()  # one after the other: 200 routers of keepalived that start together quarrel for a minute
            two.start()
            time.sleep(0.5 + 3 * pair.interval_ns / NS_PER_S)  # a Backup shows nothing by which to know that it listens
            pair.settle()
            yield pair


class CanNotRun(RuntimeError):
    """Said on the page."""


@contextmanager
def attempt(bench: Bench, section: Section, what: str) -> Iterator[None]:
    """What fails inside is said on the page, and the others go on."""
    bench.tell(what)
    try:
        yield
    except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as problem:
        text = str(problem).strip().partition("\n")[0]
        section.remarks.append(f"Not measured: {what} ({text})")
        bench.tell(f"[bold red]not measured:[/] {text}")
