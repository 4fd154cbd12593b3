"""The frame of the three probe programs: ask at a steady beat until standard input closes, then print what was seen.

They run inside a client's network namespace, standard library only. Closing standard input is the way to end them, so
that a test run that dies takes its probes along.
"""

from __future__ import annotations

import json
import os
import selectors
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from tests.e2e.support.timeline import NS_PER_MS, Probe

GRACE_MS = 300
"""How long the last probes may take to be answered."""


class Beat:
    """Calls `ask` each interval and lets `selector` call back whatever is registered (data: a callable)."""

    def __init__(self, interval_ms: float, ask: Callable[[], None]) -> None:
        self.selector = selectors.DefaultSelector()
        self._interval_ns = int(interval_ms * NS_PER_MS)
        self._ask = ask
        self._stopping = False

    def run(self) -> None:
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._stop)
        print("probing", flush=True)
        due_ns = time.monotonic_ns()
        while not self._stopping:
            self._serve_until(due_ns)
            self._ask()
            due_ns = max(due_ns + self._interval_ns, time.monotonic_ns() - self._interval_ns)
        self._serve_until(time.monotonic_ns() + GRACE_MS * NS_PER_MS)

    def report(self, probes: list[Probe]) -> None:
        print(
            json.dumps(
                {
                    "interval_ns": self._interval_ns,
                    "stopped_ns": time.monotonic_ns(),
                    "probes": [asdict(p) for p in probes],
                }
            )
        )

    def _serve_until(self, deadline_ns: int) -> None:
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            for key, events in self.selector.select(left_ns / 1e9):
                key.data(key.fileobj, events)

    def _stop(self, _file: object, _events: int) -> None:
        if os.read(sys.stdin.fileno(), 1):
            return
        self.selector.unregister(sys.stdin)
        self._stopping = True
