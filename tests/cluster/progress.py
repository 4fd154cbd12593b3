"""What a person sees while they wait: one line when a step begins, one when it ends, and a sign of life between.

All of it goes to stderr with the seconds since the start, so stdout stays clean for answers.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIGN_OF_LIFE_S = 20


class Progress:
    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begin:5.0f} s] {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Path]:
        """Announces a long step and yields its log file; the previous one of that name is kept as .1"""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')[:60]}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        log.touch()
        begin = time.monotonic()
        self.say(f"{text} ...")
        yield log
        self.say(f"{text}: {time.monotonic() - begin:.0f} s")

    def sign_of_life(self, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()
        if lines:
            self.say(f"    {lines[-1].strip()[:110]}")
