"""A router that changes its mind again and again: said once in a while (RFC 9568 §2.5 asks for a log).

With a short interval this is mostly of one's own making: adverts are late or lost where a slower rhythm would not
notice. Who follows the single transitions finds them in the log and in the journal.
"""

from __future__ import annotations

from collections import deque

from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns

CHANGES = 6
"""In and out of Active three times."""
WITHIN_INTERVALS = 100
"""And at least LEAST_NS: that many changes in that time are a flap."""
LEAST_NS = 10 * NS_PER_S
SAY_EACH_NS = 60 * NS_PER_S


class Flaps:
    def __init__(self) -> None:
        self._changes_ns: deque[int] = deque(maxlen=CHANGES)
        self._said_ns: int | None = None

    def changed(self, now_ns: int, interval_cs: int) -> int | None:
        """The router has become, or ceased to be, Active. How long the last CHANGES took, when that is to be said."""
        self._changes_ns.append(now_ns)
        took_ns = now_ns - self._changes_ns[0]
        if len(self._changes_ns) < CHANGES or took_ns > max(LEAST_NS, WITHIN_INTERVALS * cs_to_ns(interval_cs)):
            return None
        if self._said_ns is not None and now_ns - self._said_ns < SAY_EACH_NS:
            return None
        self._said_ns = now_ns
        return took_ns
