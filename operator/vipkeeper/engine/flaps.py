"""A router that changes its mind again and again: said once in a while (RFC 9568 §2.5 asks for a log).

With a short interval this is mostly of one's own making: adverts are late or lost where a slower rhythm would not
notice. It is asked about only where silence was a reason more than once: health that comes and goes makes flaps as well. Who
follows the single transitions finds them in the log and in the journal.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from vipkeeper.vrrp.state import Reason
from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns

CHANGES = 6
"""In and out of Active three times."""
WITHIN_INTERVALS = 100
"""And at least LEAST_NS: that many changes in that time are a flap."""
LEAST_NS = 10 * NS_PER_S
SAY_EACH_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Flap:
    took_ns: int
    """From the first to the last of the CHANGES."""
    reasons: tuple[Reason, ...]
    """Of each change."""

    @property
    def text(self) -> str:
        """One silence may be the start, when there was nobody yet."""
        silent = self.reasons.count(Reason.NO_RESPONSE)
        return "it flaps: are adverts late or lost?" if silent > 1 else "it flaps"

    @property
    def causes(self) -> str:
        """Each reason once."""
        return ",".join(dict.fromkeys(self.reasons))


class Flaps:
    def __init__(self) -> None:
        self._changes: deque[tuple[int, Reason]] = deque(maxlen=CHANGES)
        self._said_ns: int | None = None

    def changed(self, now_ns: int, interval_cs: int, reason: Reason) -> Flap | None:
        """The router has become, or ceased to be, Active. The last CHANGES, when they are to be told."""
        self._changes.append((now_ns, reason))
        took_ns = now_ns - self._changes[0][0]
        if len(self._changes) < CHANGES or took_ns > max(LEAST_NS, WITHIN_INTERVALS * cs_to_ns(interval_cs)):
            return None
        if self._said_ns is not None and now_ns - self._said_ns < SAY_EACH_NS:
            return None
        self._said_ns = now_ns
        return Flap(took_ns, tuple(reason for _at_ns, reason in self._changes))
