"""Who does on the wire what nobody but us should do: noted by source, told while it goes on, and gone after a while.

Bounded, whoever invents sources: as many are noted as there is room, and changes are told with a pause in between, so
that a flood of them writes no flood of statuses. What is told of a source is what it said first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.messages import Finding, FindingKind
from vipkeeper.vrrp.units import NS_PER_S

MOST = 4
"""Sources at a time."""
TELL_NS = 5 * NS_PER_S
"""The pause between two changes that are told."""


@dataclass(slots=True)
class _Sighting:
    detail: str
    first_ns: int
    until_ns: int
    doubted: bool = False
    confirmed: bool = False


class Sightings:
    """`on_change`: what `findings` gives has changed. `doubt`: a source is about to be forgotten; whoever can ask it
    asks, and notes the answer."""

    def __init__(
        self,
        loop: Loop,
        kind: FindingKind,
        vip: str,
        on_change: Callable[[], None],
        *,
        apart_ns: int = 0,
        doubt: Callable[[str, int], None] | None = None,
        doubt_ns: int = 0,
    ) -> None:
        """`apart_ns`: a source counts when it is seen again so much later. `doubt_ns`: so long before the end."""
        self._kind = kind
        self._vip = vip
        self._on_change = on_change
        self._apart_ns = apart_ns
        self._doubt = doubt
        self._doubt_ns = doubt_ns
        self._seen: dict[str, _Sighting] = {}
        self._told_ns: int | None = None
        self._owed = False
        self._timer = loop.timer(self._ring)

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return any(item.confirmed for item in self._seen.values())

    def knows(self, source: str) -> bool:
        return source in self._seen

    def see(self, source: str, detail: Callable[[], str], now_ns: int, lasts_ns: int) -> None:
        """`detail` makes a sentence, when it is needed. Forgotten after `lasts_ns`, unless seen again."""
        found = self._seen.get(source)
        if found is None:
            if len(self._seen) >= MOST:
                return
            found = self._seen[source] = _Sighting(detail(), now_ns, now_ns + lasts_ns)
        found.until_ns, found.doubted = now_ns + lasts_ns, False
        if not found.confirmed and now_ns - found.first_ns >= self._apart_ns:
            found.confirmed = True
            warn(self._kind.value, vip=self._vip, source=source, detail=found.detail)
            self._tell(now_ns)
        self._arm()

    def again(self, source: str, now_ns: int, lasts_ns: int) -> None:
        """It goes on; not news."""
        if source in self._seen:
            self.see(source, str, now_ns, lasts_ns)

    def clear(self) -> None:
        """None of it is so any more."""
        self._seen.clear()
        self._owed = False
        self._timer.cancel()

    def findings(self, now_ns: int) -> tuple[Finding, ...]:
        return tuple(
            Finding(self._kind.value, source, item.detail, max(0, now_ns - item.first_ns) // 1_000_000)
            for source, item in sorted(self._seen.items())
            if item.confirmed
        )

    def _ring(self, now_ns: int) -> None:
        self._doubt_those_about_to_end(now_ns)
        for source in [source for source, item in self._seen.items() if now_ns >= item.until_ns]:
            if self._seen.pop(source).confirmed:
                log(f"{self._kind.value}: over", vip=self._vip, source=source)
                self._owed = True
        if self._owed:
            self._tell(now_ns)
        self._arm()

    def _doubt_those_about_to_end(self, now_ns: int) -> None:
        for source, item in list(self._seen.items()):
            if self._doubt is not None and not item.doubted and now_ns >= item.until_ns - self._doubt_ns:
                item.doubted = True
                item.until_ns = max(item.until_ns, now_ns + self._doubt_ns)  # time for an answer, if we are late
                self._doubt(source, now_ns)

    def _tell(self, now_ns: int) -> None:
        if self._told_ns is not None and now_ns - self._told_ns < TELL_NS:
            self._owed = True
            return
        self._owed, self._told_ns = False, now_ns
        self._on_change()

    def _arm(self) -> None:
        deadlines_ns = [
            item.until_ns if self._doubt is None or item.doubted else item.until_ns - self._doubt_ns
            for item in self._seen.values()
        ]
        if self._owed and self._told_ns is not None:
            deadlines_ns.append(self._told_ns + TELL_NS)
        if deadlines_ns:
            self._timer.set(min(deadlines_ns))
