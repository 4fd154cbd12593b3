"""How long to wait before a guard that has died is started again."""

from __future__ import annotations

LIVED_S = 10.0
"""A guard that has lived for so long is started again at once."""
FIRST_S = 0.1
MOST_S = 5.0


class BackOff:
    def __init__(self) -> None:
        self._next_s = 0.0

    def died(self, lived_s: float) -> float:
        """Seconds to wait now."""
        if lived_s >= LIVED_S:
            self._next_s = 0.0
        wait_s = self._next_s
        self._next_s = min(max(FIRST_S, wait_s * 2), MOST_S)
        return wait_s
