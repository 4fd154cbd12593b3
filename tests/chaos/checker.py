"""Judges what the kernels and the client saw of a step, by what is promised for its fault.

Kernels tell of every change at the moment it happens (OwnerWatch, netlink), so nothing between two looks is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.client import Client
from tests.chaos.faults import Judged, Promise
from tests.e2e.support.owners import OwnerWatch, Span


@dataclass(frozen=True, slots=True)
class Times:
    """Of a step."""

    begun_ns: int
    ended_ns: int
    quiet_ns: int


class Hit(Protocol):
    """What a step does to whom, as far as it is judged here."""

    @property
    def host(self) -> str: ...

    @property
    def priorities(self) -> dict[str, int]: ...

    def others(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Checker:
    watch: OwnerWatch
    client: Client
    addresses: tuple[str, ...]
    busy_ms: float

    def violations(self, step: Hit, promise: Promise, times: Times, sides: list[set[str]]) -> list[str]:
        found: list[str] = []
        everybody = set(step.priorities)
        for address in self.addresses:
            during = list(self.watch.spans(address, times.begun_ns, times.ended_ns))
            after = list(self.watch.spans(address, times.ended_ns, times.quiet_ns))
            whole = list(self.watch.spans(address, times.begun_ns, times.quiet_ns))
            several_of, none_of = _judged(promise.judged, step, everybody, sides)
            for hosts in several_of:
                # A fault of one host that leaves nobody cut off is judged in one piece, with what follows it.
                spans = whole if promise.judged is Judged.ALL and not promise.healing_ms else during
                found += _over(f"{address}: several owners", _longest(spans, _several(hosts)), promise.several_ms)
            for hosts in none_of:
                found += _over(f"{address}: no owner", _longest(during, _nobody(hosts)), promise.none_ms)
            found += _over(f"{address}: no owner at all", _longest(whole, _nobody(everybody)), promise.none_ms)
            if promise.swept and all(step.host in span.owners for span in whole):
                found.append(f"{address}: {step.host} had it all the time")
            if promise.healing_ms:
                several = _longest(after, _several(everybody))
                found += _over(f"{address}: several owners after it", several, promise.healing_ms)
        if promise.client_ms is not None:
            found += _over("the client was not answered", self.client.longest_gap_ms(times.begun_ns), promise.client_ms)
        return found

    def story(self, times: Times) -> str:
        return "\n".join(self.watch.story(address, times.begun_ns) for address in self.addresses)


def _judged(
    judged: Judged, step: Hit, everybody: set[str], sides: list[set[str]]
) -> tuple[list[set[str]], list[set[str]]]:
    """Hosts among which several owners, and none, count while the fault lasts."""
    others = set(step.others())
    match judged:
        case Judged.ALL:
            return [everybody], [everybody]
        case Judged.OTHERS:
            return [others], [others]
        case Judged.SIDES:
            return sides, sides
        case Judged.OWNERS_ALL_COPIES_OTHERS:
            return [others], [everybody]


def _several(hosts: set[str]) -> Callable[[Span], bool]:
    return lambda span: len(span.owners & hosts) > 1


def _nobody(hosts: set[str]) -> Callable[[Span], bool]:
    return lambda span: not span.owners & hosts


def _longest(spans: list[Span], bad: Callable[[Span], bool]) -> float:
    """Milliseconds, of neighbouring spans together."""
    longest, begun_ns = 0, None
    for span in spans:
        if bad(span):
            begun_ns = span.start_ns if begun_ns is None else begun_ns
            longest = max(longest, span.end_ns - begun_ns)
        else:
            begun_ns = None
    return longest / 1e6


def _over(what: str, seen_ms: float, limit_ms: float) -> list[str]:
    return [f"{what} for {seen_ms:.0f} ms, at most {limit_ms:.0f} is promised"] if seen_ms > limit_ms else []
