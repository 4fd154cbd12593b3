"""Damping: a node whose health flaps has to stay healthy for longer before it counts again. Pure.

Each failure adds one to a level; each DECAY_NS since the last failure take one off. From DAMPED_FROM on a node that is
well again is held back for FIRST_HOLD_NS, twice as long with each further failure, MOST_HOLD_NS at most. So three
failures within four minutes hold it back for half a minute, a node that fails for hours again and again is back ten
minutes after its last failure, and after sixteen quiet minutes everything is forgotten. (RFC 2439 does this to routes.)

`rise` and `fall` of the checks come before: what they let through is what is counted here. One event may be seen by two
sources, one after the other (nginx dies and is back, and then the kubelet says that it was not ready): so a failure
within RELAPSE_NS of a recovery belongs to the one before; but not twice in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vipkeeper.vrrp.units import NS_PER_S

DAMPED_FROM = 3
"""Level from which on it flaps."""
DECAY_NS = 120 * NS_PER_S
FIRST_HOLD_NS = 30 * NS_PER_S
MOST_HOLD_NS = 600 * NS_PER_S
RELAPSE_NS = 3 * NS_PER_S
MOST_LEVEL = 8
"""The first with which MOST_HOLD_NS is reached. More is not counted, so that it ends."""


def hold_ns(level: int) -> int:
    """How long a node of this level has to stay healthy."""
    return 0 if level < DAMPED_FROM else min(FIRST_HOLD_NS << (level - DAMPED_FROM), MOST_HOLD_NS)


@dataclass(frozen=True, slots=True)
class Damping:
    """As a value: `seen` returns the next one."""

    level: int = 0
    """At the last failure."""
    failed_ns: int = 0
    """When that was."""
    ill: bool = False
    recovered_ns: int | None = None
    """When it was last well again."""
    forgiven: bool = False
    """The last failure was one with that before it."""
    until_ns: int = 0
    """When a node that is well counts as healthy again."""

    def seen(self, ill: bool, now_ns: int) -> Damping:
        """What is so now."""
        if ill and not self.ill:
            if self._is_relapse(now_ns):
                return replace(self, ill=True, forgiven=True)
            return Damping(min(self._level_at(now_ns) + 1, MOST_LEVEL), now_ns, True)
        if self.ill and not ill:
            until_ns = now_ns + hold_ns(self._level_at(now_ns))
            return replace(self, ill=False, recovered_ns=now_ns, until_ns=until_ns)
        return self

    def is_damped(self, now_ns: int) -> bool:
        return not self.ill and now_ns < self.until_ns

    def _is_relapse(self, now_ns: int) -> bool:
        recovered_ns = self.recovered_ns
        return recovered_ns is not None and not self.forgiven and now_ns - recovered_ns < RELAPSE_NS

    def _level_at(self, now_ns: int) -> int:
        return max(0, self.level - (now_ns - self.failed_ns) // DECAY_NS)
