"""The damping of one router's health (`health/damping.py`), with the clock: tells when it is over, and says once that it is.

What counts are failures of what the node serves. That nobody has looked yet is none, nor what an administrator does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.messages import FAILURES, HealthSource

COUNTED = FAILURES - {HealthSource.UNCHECKED.value}
NOT_YET = Damping()


class Damper:
    """`known`: what the engine before has left, by uid. `keep` tells the next one. `on_over` is called when it is over."""

    def __init__(
        self, loop: Loop, vip: str, known: Damping, keep: Callable[[Damping], None], on_over: Callable[[], None]
    ) -> None:
        self._vip = vip
        self._damping = known
        self._keep = keep
        self._on_over = on_over
        self._timer = loop.timer(self._over)
        self._said = False

    def judge(self, ailments: frozenset[str]) -> bool:
        """Whether the node is damped, now that this is what is wrong."""
        now_ns = time.monotonic_ns()
        before, self._damping = self._damping, self._damping.seen(bool(ailments & COUNTED), now_ns)
        if self._damping != before:
            self._keep(self._damping)
        damped = self._damping.is_damped(now_ns)
        self._timer.set(self._damping.until_ns if damped else None)
        if damped and not self._said:
            self._said = True
            held_s = (self._damping.until_ns - now_ns) // 1_000_000_000
            warn("health flaps; held back", vip=self._vip, failures=self._damping.level, for_s=held_s)
        return damped

    @property
    def left_ms(self) -> int:
        """For how much longer."""
        left_ns = self._damping.until_ns - time.monotonic_ns()
        return 0 if self._damping.ill else max(0, left_ns // 1_000_000)

    def cancel(self) -> None:
        self._timer.cancel()

    def _over(self, _now_ns: int) -> None:
        log("health has been well for long enough", vip=self._vip)
        self._said = False
        self._on_over()


def damping_of(known: Mapping[str, Damping], uid: str) -> Damping:
    return known.get(uid, NOT_YET)
