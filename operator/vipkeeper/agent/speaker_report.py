"""The VRRPSpeaker's status, put together from what engine, documents and nginx said. Pure.

Written on change only, so nothing in it may change by itself: `since` is worked out from the engine's age at the
first message about a state and kept for later messages about the same state; counters alone are
shown COUNTERS_S after the last ones at the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from vipkeeper.ipc.messages import Refused, RouterStatus, Segments
from vipkeeper.spec.speaker import (
    NetworkFinding,
    NginxReport,
    RefusedDocument,
    SegmentReport,
    VirtualRouterReport,
    VRRPSpeakerStatus,
    refusal_from_engine,
    report_from_router,
    segments_from_engine,
)

COUNTERS_S = 60.0
SAME_SINCE = timedelta(seconds=2)


class SpeakerReport:
    def __init__(self) -> None:
        self.engine_version = ""
        self.nginx: NginxReport | None = None
        self.unreadable: dict[str, RefusedDocument] = {}
        """Documents that the agent could not read."""
        self._refused: dict[str, RefusedDocument] = {}
        self._routers: dict[tuple[str, str], VirtualRouterReport] = {}
        """By name and family."""
        self._segments: tuple[SegmentReport, ...] = ()
        self._counted_s: dict[tuple[str, str], float] = {}

    def engine_started(self, version: str) -> None:
        """A Welcome: it will tell again what it refuses."""
        self.engine_version = version
        self._refused.clear()

    def engine_lost(self) -> None:
        """Nobody knows what runs."""
        self.engine_version = ""
        self._refused.clear()
        self._routers.clear()
        self._segments = ()

    def segments(self, message: Segments) -> None:
        self._segments = segments_from_engine(message)

    def router(self, status: RouterStatus, received_at: datetime, now_s: float) -> None:
        new = report_from_router(status, received_at)
        key = (status.name, status.family)
        old = self._routers.get(key)
        if old is not None and (old.uid, old.state, old.reason) == (new.uid, new.state, new.reason):
            if abs(old.since - new.since) < SAME_SINCE:
                new = new.model_copy(update={"since": old.since})
            new = new.model_copy(update={"findings": _as_before(old.findings, new.findings)})
            until = (old.damped_until, new.damped_until)
            if until[0] and until[1] and abs(until[0] - until[1]) < SAME_SINCE:
                new = new.model_copy(update={"damped_until": until[0]})
            counters = {
                "rejected": old.rejected,
                "remarks": old.remarks,
                "addresses_put_back": old.addresses_put_back,
            }
            counters_alone = new.model_copy(update=counters) == old
            if counters_alone and now_s < self._counted_s.get(key, now_s) + COUNTERS_S:
                return
        self._routers[key] = new
        self._counted_s[key] = now_s
        refused = self._refused.get(status.name)
        if refused is not None and status.generation >= refused.generation:
            del self._refused[status.name]

    def router_gone(self, name: str, family: str = "") -> None:
        """`family`: "" for all of them."""
        gone = [key for key in self._routers if key[0] == name and family in ("", key[1])]
        for key in gone:
            del self._routers[key]
        if not any(key[0] == name for key in self._routers):
            self._refused.pop(name, None)

    def runs(self, name: str) -> bool:
        return any(key[0] == name for key in self._routers)

    def keep_routers(self, names: Iterable[str]) -> None:
        """Forget all others: a restarted engine did not speak of them."""
        kept = set(names)
        self._routers = {key: report for key, report in self._routers.items() if key[0] in kept}

    def refused(self, message: Refused) -> None:
        self._refused[message.name] = refusal_from_engine(message)

    def status(self) -> VRRPSpeakerStatus:
        refused = self._refused | self.unreadable
        return VRRPSpeakerStatus(
            engine_version=self.engine_version,
            virtual_routers=tuple(self._routers[key] for key in sorted(self._routers)),
            refused=tuple(refused[name] for name in sorted(refused)),
            nginx=self.nginx,
            segments=self._segments,
        )


def _as_before(old: tuple[NetworkFinding, ...], new: tuple[NetworkFinding, ...]) -> tuple[NetworkFinding, ...]:
    """Ages are measured a little differently each time: what was found before keeps its date."""
    dates = {(item.kind, item.source): item.since for item in old}
    return tuple(
        item.model_copy(update={"since": before})
        if (before := dates.get((item.kind, item.source))) is not None and abs(before - item.since) < SAME_SINCE
        else item
        for item in new
    )
