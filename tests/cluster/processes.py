"""Remembers processes by id and start time, because an id alone may be somebody else's by now.

`/proc/<pid>/stat` field 22 is the start time in clock ticks since boot (proc(5)). A process is ended only when both
still match; nothing is ever looked for by its name.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    start_ticks: int
    what: str = ""

    @property
    def alive(self) -> bool:
        return start_ticks_of(self.pid) == self.start_ticks


def parse_start_ticks(stat: str) -> int | None:
    """Field 22, counted after the name, which may itself hold blanks and parentheses; None for a zombie."""
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def start_ticks_of(pid: int) -> int | None:
    try:
        return parse_start_ticks(Path(f"/proc/{pid}/stat").read_text())
    except (OSError, ValueError):
        return None


def identify(pid: int, what: str = "") -> Process | None:
    ticks = start_ticks_of(pid)
    return None if ticks is None else Process(pid, ticks, what)


def read_recorded(path: Path) -> list[Process]:
    return [Process(**row) for row in json.loads(path.read_text())] if path.exists() else []


def record(path: Path, processes: Iterable[Process]) -> None:
    """Adds to the record, and drops from it what has ended."""
    known = {p for p in read_recorded(path) if p.alive} | set(processes)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(p) for p in sorted(known, key=lambda p: p.pid)]))
    fresh.replace(path)


def end(processes: Iterable[Process], grace_s: float = 5) -> list[Process]:
    """Asks, waits, insists. Returns those that are still there."""
    left = [p for p in processes if p.alive]
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            if process.alive:
                try:
                    os.kill(process.pid, sign)
                except ProcessLookupError:
                    pass
        deadline = time.monotonic() + grace_s
        while (left := [p for p in left if p.alive]) and time.monotonic() < deadline:
            time.sleep(0.05)
    return left
