"""How long to wait before a dead engine is started again: not at all, unless it dies again and again."""

from __future__ import annotations

from vipkeeper.vrrp.units import NS_PER_S, ms_to_ns

_LONG_LIFE_NS = 60 * NS_PER_S
_FREE_DEATHS = 5
_FIRST_WAIT_MS = 100
_LONGEST_WAIT_MS = 5000


class BackOff:
    def __init__(self) -> None:
        self._quick_deaths = 0

    def died(self, lived_ns: int) -> int:
        """Nanoseconds to wait now."""
        self._quick_deaths = 0 if lived_ns >= _LONG_LIFE_NS else self._quick_deaths + 1
        doublings = self._quick_deaths - _FREE_DEATHS
        if doublings <= 0:
            return 0
        return ms_to_ns(min(_FIRST_WAIT_MS << min(doublings - 1, 16), _LONGEST_WAIT_MS))
