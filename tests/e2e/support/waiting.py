"""Waiting for what can't be watched: asking again, with an end and a message."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(what: str, ask: Callable[[], T], timeout_s: float, every_s: float = 0.3) -> T:
    """The first true answer of `ask`. TimeoutError names `what` and the last answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:.0f} s, last answer: {answer!r}")
        time.sleep(every_s)
    return answer
