"""Numbers that say how sure they are: a median never without its spread and the number of repetitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

NS_PER_MS = 1_000_000
NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise: no repetition is above `most` (and none below `least`)."""

    most: float
    least: float | None = None

    def judge(self, values: Sequence[float]) -> str:
        if self.least is not None and min(values) < self.least:
            return f"below {self.least:g}: NOT KEPT"
        if max(values) <= self.most:
            return f"at most {self.most:g}: reached"
        if median(values) <= self.most:
            return f"at most {self.most:g}: reached by the median, not by the worst"
        return f"at most {self.most:g}: not reached yet"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table."""

    case: str
    """100 ms adverts"""
    program: str
    quantity: str
    """takeover / Active_Down_Interval"""
    unit: str
    values: tuple[float, ...]
    """One for each repetition."""
    goal: Goal | None = None
    note: str = ""

    def spread(self) -> str:
        if not self.values:
            return "no repetition succeeded"
        digits = _digits(self.unit, max(abs(value) for value in self.values))
        low, middle, high = (f"{f(self.values):.{digits}f}" for f in (min, median, max))
        unit = f" {self.unit}" if self.unit else ""
        return f"{middle}{unit} ({low} .. {high}, n = {len(self.values)})"

    def verdict(self) -> str:
        return self.goal.judge(self.values) if self.goal is not None and self.values else ""


@dataclass(slots=True)
class Section:
    """What one benchmark found."""

    title: str
    story: str
    """How it was measured."""
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What could not be measured, and why; what else was seen."""
    load_average: tuple[float, float] = (0.0, 0.0)
    """Of the last minute, at its begin and its end."""
    plotted: str = ""
    """The quantity that is drawn; "": none."""


def active_down_interval_ns(priority: int, interval_cs: int) -> float:
    """RFC 9568 §6.1, reckoned here once more: the ruler does not come from what is measured."""
    return interval_cs * NS_PER_CS * (3 + (256 - priority) / 256)


def longest_gap_ns(times_ns: Iterable[int], since_ns: int, until_ns: int) -> int:
    """The longest time from one to the next. Begins with the last one before `since_ns` and ends at `until_ns`."""
    times = sorted(times_ns)
    before = [time for time in times if time < since_ns][-1:] or [since_ns]
    within = [time for time in times if since_ns <= time < until_ns]
    return max(later - earlier for earlier, later in pairwise([*before, *within, until_ns]))


def turns(speakers: Sequence[str], name: str) -> int:
    """How many times `name` began to speak."""
    return sum(speaker == name and (n == 0 or speakers[n - 1] != name) for n, speaker in enumerate(speakers))


def _digits(unit: str, largest: float) -> int:
    if not unit:
        return 4
    if unit in ("times", "requests"):
        return 0
    return 0 if largest >= 1000 else 1 if largest >= 20 else 2
