"""What a client saw: when it asked, when it was answered, and the gaps between. Pure.

A gap is what a user feels: from the moment at which the address was last known to answer until it answers again. It
begins at most one probe interval before the first probe that waited, so a prober that was not given the processor
(it asked nothing) makes no gap, and a probe that was answered late (it waited in the client's ARP queue) does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. Times are CLOCK_MONOTONIC, which all namespaces of a machine share."""

    sent_ns: int
    answered_ns: int | None
    """None: not until the end."""
    answer: str = ""
    """Who or what answered: a MAC address, a status and a body; of an unanswered one, what came instead."""


@dataclass(frozen=True, slots=True)
class Gap:
    start_ns: int
    end_ns: int

    @property
    def ms(self) -> float:
        return (self.end_ns - self.start_ns) / NS_PER_MS


@dataclass(frozen=True, slots=True)
class Timeline:
    probes: tuple[Probe, ...]
    """In the order of sending."""
    interval_ns: int
    stopped_ns: int

    @property
    def answered(self) -> list[Probe]:
        return [probe for probe in self.probes if probe.answered_ns is not None]

    @property
    def first_answer_ns(self) -> int | None:
        return min((probe.answered_ns for probe in self.probes if probe.answered_ns is not None), default=None)

    def gaps(self) -> Iterator[Gap]:
        """All of them, in order; an undisturbed one is as long as a probe interval and a round trip."""
        if not self.probes:
            return
        sent = [probe.sent_ns for probe in self.probes]
        arrivals = sorted(probe.answered_ns for probe in self.probes if probe.answered_ns is not None)
        for before, after in pairwise([sent[0] - 1, *arrivals, self.stopped_ns]):
            waiting = bisect_right(sent, before)
            if waiting < len(sent) and sent[waiting] < after:
                yield Gap(max(before, sent[waiting] - self.interval_ns), after)

    def longest_gap(self, since_ns: int = 0) -> Gap:
        """The longest of those that ended after `since_ns`. A timeline without a probe has none to tell of: an error."""
        return max((gap for gap in self.gaps() if gap.end_ns > since_ns), key=lambda gap: gap.ms)

    def longest_loss_ms(self) -> float:
        """The longest time in which every question was lost: that the machine was busy, and answers came late, is none."""
        longest_ns, since_ns = 0, None
        for probe in self.probes:
            if probe.answered_ns is None:
                since_ns = probe.sent_ns if since_ns is None else since_ns
                longest_ns = max(longest_ns, probe.sent_ns - since_ns + self.interval_ns)
            elif since_ns is not None:
                longest_ns, since_ns = max(longest_ns, probe.sent_ns - since_ns), None
        return longest_ns / NS_PER_MS

    def failures(self) -> Counter[str]:
        """How the questions without a good answer ended; "" is silence."""
        return Counter(probe.answer for probe in self.probes if probe.answered_ns is None)

    def answers(self, since_ns: int = 0) -> Counter[str]:
        """How often each answer came, to questions asked after `since_ns`."""
        return Counter(probe.answer for probe in self.answered if probe.sent_ns >= since_ns)
