"""When packets arrived that are read later: from the kernel's stamps to the monotonic clock.

The stamps are of the calendar's clock (SO_TIMESTAMPNS), which somebody may set. So the distance of the two clocks is
compared with what it was at the last reading: after a jump, or when that is longer ago than it should be (a stopped
process, whose buffer may have overflowed), no stamp is believed and everything has arrived just now. That is never too
early, only less exact. No time is before the last reading, when there was nothing left to read.
"""

from __future__ import annotations

from vipkeeper.vrrp.units import ms_to_ns

_JUMP_NS = ms_to_ns(1)


class Arrivals:
    def __init__(self) -> None:
        self._distance_ns = 0
        self._now_ns = 0
        self._last_ns = 0
        self._believed = False

    def begin(self, now_ns: int, wall_ns: int, patience_ns: int) -> None:
        """A reading begins. `patience_ns`: how long ago the last one may be."""
        distance_ns = wall_ns - now_ns
        steady = abs(distance_ns - self._distance_ns) < _JUMP_NS
        self._believed = steady and now_ns - self._now_ns <= patience_ns
        self._distance_ns = distance_ns
        self._last_ns, self._now_ns = self._now_ns, now_ns

    def arrived_ns(self, stamp_ns: int) -> int:
        """What arrived with that stamp, on the monotonic clock."""
        if not self._believed:
            return self._now_ns
        return min(max(stamp_ns - self._distance_ns, self._last_ns), self._now_ns)
