"""A verdict that does not flap: so many good checks in a row to believe in health, so many bad ones to doubt it.

Before the first verdict the state is Unknown, which is not a fault: whoever starts must not give an address away
because nobody has looked yet. From Unknown one good check is enough (nothing is known against it), while a bad one
must still be repeated `fall` times.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    UNKNOWN = "Unknown"
    HEALTHY = "Healthy"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class RiseFall:
    """The counter as a value: `checked(ok)` returns the next one."""

    rise: int = 2
    """Good checks in a row, from 1, after which a failed one counts as healthy again."""
    fall: int = 3
    """Bad checks in a row, from 1, after which it counts as failed."""
    verdict: Verdict = Verdict.UNKNOWN
    streak: int = 0
    """Checks in a row that speak against the verdict."""

    def __post_init__(self) -> None:
        if self.rise < 1 or self.fall < 1:
            raise ValueError(f"rise={self.rise} and fall={self.fall} must be 1 or more")

    def checked(self, ok: bool) -> RiseFall:
        """The counter after one more check."""
        if self._agrees(ok):
            return self._with(self.verdict, 0)
        if self.streak + 1 < self._needed(ok):
            return self._with(self.verdict, self.streak + 1)
        return self._with(Verdict.HEALTHY if ok else Verdict.FAILED, 0)

    def doubted(self) -> RiseFall:
        """The counter when something else speaks for a failure: one bad check more, and it has failed."""
        return self if self.verdict is Verdict.FAILED else self._with(self.verdict, self.fall - 1)

    def _agrees(self, ok: bool) -> bool:
        return self.verdict is (Verdict.HEALTHY if ok else Verdict.FAILED)

    def _needed(self, ok: bool) -> int:
        if not ok:
            return self.fall
        return 1 if self.verdict is Verdict.UNKNOWN else self.rise

    def _with(self, verdict: Verdict, streak: int) -> RiseFall:
        return RiseFall(self.rise, self.fall, verdict, streak)
