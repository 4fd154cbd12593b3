"""All checks of this node in one thread: when each is due, what came of it, and the verdicts that follow.

A verdict is told per document and source (HTTP, TCP): failed when one of its checks has failed, healthy when all are,
and nothing while that is unknown: what was told before stays. Checks that an edit leaves as they are keep their counts.
Intervals are stretched and shrunk by a tenth at random, so that nodes that were started together do not check together.
"""

from __future__ import annotations

import heapq
import logging
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from vipkeeper.checks.probe import Outcome, Probe
from vipkeeper.health.rise_fall import RiseFall, Verdict
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import Check, HealthSection
from vipkeeper.threads.start import start_thread

JITTER = 0.1
LATE_S = 0.25
"""Looked at later than this after its deadline, a check says more of this thread than of the server."""

log = logging.getLogger("checks")

_Key = tuple[str, HealthSource, Check]


@dataclass(slots=True, eq=False)
class Watched:
    """One check of one document."""

    name: str
    source: HealthSource
    check: Check
    counter: RiseFall
    why: str = ""
    """Of the last check that failed."""
    probe: Probe | None = None
    began_s: float = 0.0
    due_s: float = 0.0
    wanted: bool = True
    unlearned: str = ""
    """Why the last check taught nothing; said once."""


def verdict_of(checks: Iterable[Watched]) -> tuple[Verdict, str]:
    """Of all checks of one source, and why when it is a failure."""
    verdicts = [(item.counter.verdict, item.why) for item in checks]
    failed = [why for verdict, why in verdicts if verdict is Verdict.FAILED]
    if failed:
        return Verdict.FAILED, ", ".join(failed)
    healthy = bool(verdicts) and all(verdict is Verdict.HEALTHY for verdict, _why in verdicts)
    return (Verdict.HEALTHY if healthy else Verdict.UNKNOWN), ""


class Checker:
    """`tell` is called in its thread with each verdict that is new."""

    def __init__(self, tell: Callable[[Health], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._wishes: list[Mapping[str, HealthSection]] = []
        self._doubts: set[str] = set()
        self._closed = False
        self._watched: dict[_Key, Watched] = {}
        self._told: dict[tuple[str, HealthSource], bool] = {}
        self._under_way: set[Watched] = set()
        self._due: list[tuple[float, int, Watched]] = []
        self._numbers = count()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread = start_thread("checks", self._run)

    def want(self, sections: Mapping[str, HealthSection]) -> None:
        """Make these checks and no others, by name of the document. What comes back after it was gone is told anew."""
        with self._lock:
            self._wishes.append(dict(sections))
        self._wake()

    def doubt(self, name: str) -> None:
        """Somebody else found a server of that document dead: check now, and the first bad check counts like `fall`."""
        with self._lock:
            self._doubts.add(name)
        self._wake()

    def close(self) -> None:
        """End the thread; nothing more is told."""
        with self._lock:
            self._closed = True
        self._wake()
        self._thread.join()
        for item in self._watched.values():
            self._drop_probe(item)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"!")
        except BlockingIOError:
            pass  # it has been woken often enough

    def _run(self) -> None:
        while self._take_wishes():
            self._begin_what_is_due(time.monotonic())
            for key, _events in self._selector.select(self._pause_s(time.monotonic())):
                if key.data is None:
                    self._wake_read.recv(4096)
                else:
                    self._advance(key.data)
            self._end_what_is_late(time.monotonic())  # after what has come meanwhile was read

    # ---- which checks

    def _take_wishes(self) -> bool:
        """False: the end."""
        with self._lock:
            if self._closed:
                return False
            wishes, self._wishes = self._wishes, []
            doubts, self._doubts = self._doubts, set()
        for sections in wishes:
            self._watch(sections)
        for item in [item for item in self._watched.values() if item.name in doubts]:
            self._doubt(item)
        return True

    def _watch(self, sections: Mapping[str, HealthSection]) -> None:
        keys = [key for name, section in sections.items() for key in _keys_of(name, section)]
        for key in self._watched.keys() - set(keys):
            gone = self._watched.pop(key)
            gone.wanted = False
            self._drop_probe(gone)
        sources = {(name, source) for name, source, _check in keys}
        self._told = {key: healthy for key, healthy in self._told.items() if key in sources}
        now_s = time.monotonic()
        for name, source, check in keys:
            if (name, source, check) not in self._watched:
                item = Watched(name, source, check, RiseFall(check.rise, check.fall))
                self._watched[name, source, check] = item
                self._queue(item, now_s)
        for name, source in sources:
            self._judge(name, source)  # an edit may have taken away the check that failed

    def _doubt(self, item: Watched) -> None:
        item.counter = item.counter.doubted()
        self._drop_probe(item)
        self._queue(item, time.monotonic())

    # ---- their course

    def _begin_what_is_due(self, now_s: float) -> None:
        while self._due and self._due[0][0] <= now_s:
            due_s, _number, item = heapq.heappop(self._due)
            if item.wanted and item.due_s == due_s:  # else it was queued anew since
                item.began_s = now_s
                item.probe = Probe(item.check, now_s)
                self._follow(item)

    def _end_what_is_late(self, now_s: float) -> None:
        for item in list(self._under_way):
            probe = item.probe
            if probe is not None and probe.socket is not None and probe.deadline_s <= now_s:
                self._selector.unregister(probe.socket)
                probe.too_late(learned=now_s - probe.deadline_s <= LATE_S)
                self._follow(item)

    def _advance(self, item: Watched) -> None:
        if item.probe is None or item.probe.socket is None:
            return
        self._selector.unregister(item.probe.socket)
        item.probe.ready()
        self._follow(item)

    def _follow(self, item: Watched) -> None:
        """Wait for more, or take what came of it."""
        probe = item.probe
        assert probe is not None
        if probe.outcome is None:
            assert probe.socket is not None
            self._selector.register(probe.socket, probe.events, item)
            self._under_way.add(item)
            return
        item.probe = None
        self._under_way.discard(item)
        self._count(item, probe.outcome)
        interval_s = item.check.interval_ms / 1000 * random.uniform(1 - JITTER, 1 + JITTER)
        self._queue(item, max(item.began_s + interval_s, time.monotonic()))

    def _count(self, item: Watched, outcome: Outcome) -> None:
        if outcome.ok is None:
            if outcome.why != item.unlearned:
                log.warning("a check that taught nothing: %s", outcome.why)
            item.unlearned = outcome.why
            return
        if not outcome.ok:
            item.why = outcome.why
        before, item.counter = item.counter.verdict, item.counter.checked(outcome.ok)
        if item.counter.verdict is not before:
            self._judge(item.name, item.source)

    def _judge(self, name: str, source: HealthSource) -> None:
        verdict, why = verdict_of(item for item in self._watched.values() if (item.name, item.source) == (name, source))
        if verdict is Verdict.UNKNOWN:
            return
        healthy = verdict is Verdict.HEALTHY
        if self._told.get((name, source)) is not healthy:
            self._told[name, source] = healthy
            self._tell(Health(source, healthy, why, name))

    # ---- when

    def _queue(self, item: Watched, due_s: float) -> None:
        item.due_s = due_s
        heapq.heappush(self._due, (due_s, next(self._numbers), item))

    def _pause_s(self, now_s: float) -> float | None:
        deadlines = [item.probe.deadline_s for item in self._under_way if item.probe is not None]
        if self._due:
            deadlines.append(self._due[0][0])
        return max(0.0, min(deadlines) - now_s) if deadlines else None

    def _drop_probe(self, item: Watched) -> None:
        if item.probe is not None and item.probe.socket is not None:
            self._selector.unregister(item.probe.socket)
            item.probe.close()
            item.probe = None
            self._under_way.discard(item)


def _keys_of(name: str, section: HealthSection) -> list[_Key]:
    http: list[_Key] = [(name, HealthSource.HTTP_CHECK, check) for check in section.http]
    return http + [(name, HealthSource.TCP_CHECK, check) for check in section.tcp]
