"""Whom to believe: from what speakers have written to what is so on each node.

A speaker that is cut off can't take its "Active" back, and its last report stays in the API. So an Active is
*superseded* when another node became Active later, and the first has not been heard for HANDOVER_BLINK_S since. Not
superseded, two Actives are a split brain: both have spoken well after the second one took over. With a Lease renewed
each 10 s a real split brain is seen within LEASE_RENEW_S + HANDOVER_BLINK_S, and neither a crash nor a hand-over ever
looks like one. (Dates come from several nodes' clocks: clocks that differ by more than a few seconds blur this.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.model import to_rfc3339_seconds
from vipkeeper.spec.names import LEASE_DURATION_S
from vipkeeper.spec.speaker import NginxReport, RefusedDocument, VirtualRouterReport, VRRPSpeaker

HANDOVER_BLINK_S = 3.0
"""Two reports of one hand-over may be this far apart (two owners for 2.5 s at most, after a kill; and two API writes)."""

BLINK = timedelta(seconds=HANDOVER_BLINK_S)
LEASE_DURATION = timedelta(seconds=LEASE_DURATION_S)

ACTIVE, BACKUP = "Active", "Backup"
UNKNOWN = "Unknown"
"""Its speaker is silent, or has not begun."""
ABSENT = "Absent"
"""No speaker runs there."""

NO_SPEAKER, SILENT, SUPERSEDED, PENDING, REFUSED = "NoSpeaker", "Silent", "Superseded", "Pending", "Refused"


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """A speaker, and when it was heard last: the later of its Lease's renewTime and its VRRPSpeaker's last change."""

    speaker: VRRPSpeaker
    heard_at: datetime
    running: bool = True
    """Its pod exists and is not being deleted."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node of a virtual router, as far as it can be believed."""

    name: str
    state: str
    doubt: str = ""
    """Why `state` is Unknown or Absent, or what else is wrong; empty: the report can be believed."""
    report: VirtualRouterReport | None = None
    """The last report, believed or not."""
    refusal: RefusedDocument | None = None
    nginx: NginxReport | None = None
    heard_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Its speaker runs and is heard; whether it has a report yet or not."""
        return self.doubt not in (NO_SPEAKER, SILENT, SUPERSEDED)

    @property
    def is_healthy(self) -> bool:
        return not self.doubt and self.report is not None and not (self.report.faults or self.report.ailments)

    @property
    def health(self) -> str:
        """Healthy, or everything that is wrong, or until when a flapping one is held back."""
        wrong = [self.doubt] if self.doubt else []
        if self.report is not None and self.is_live:
            wrong += [*self.report.faults, *self.report.ailments]
            if self.report.damped_until is not None and not wrong:
                return f"Damped until {to_rfc3339_seconds(self.report.damped_until)}"
        return ",".join(wrong) or "Healthy"

    def running_generation(self, document: RenderedVirtualIP) -> int | None:
        """The generation that engine *and* nginx run here; None: they don't agree, or there is none."""
        if self.report is None:
            return None
        if document.nginx is None:
            return self.report.generation
        served = {
            item.generation for item in (self.nginx.documents if self.nginx else ()) if item.name == document.name
        }
        return self.report.generation if served == {self.report.generation} else None


def families_of(document: RenderedVirtualIP) -> tuple[str | None, ...]:
    """What speakers call its elections in their reports: (None,) where one is for all."""
    if document.families != "Separate":
        return (None,)
    return tuple(f"IPv{version}" for version in document.elections)


def node_views(
    document: RenderedVirtualIP, speakers: Iterable[SpeakerView], now: datetime, family: str | None = None
) -> tuple[NodeView, ...]:
    """All nodes that take part in one election of it (`families_of`), by name."""
    by_node = {view.speaker.node_name: view for view in speakers if view.speaker.placement == document.placement}
    views = [_node_view(name, document, by_node.get(name), now, family) for name in sorted(document.nodes)]
    return _without_superseded(views)


def _node_view(
    name: str, document: RenderedVirtualIP, view: SpeakerView | None, now: datetime, family: str | None
) -> NodeView:
    if view is None:
        return NodeView(name, ABSENT, NO_SPEAKER)
    report = view.speaker.report_of(document.name, family)
    if report is not None and report.uid != document.uid:  # of an object of that name that was deleted
        report = None
    refusal = view.speaker.refusal_of(document.name)
    node = NodeView(name, UNKNOWN, "", report, refusal, view.speaker.status.nginx, view.heard_at)
    if not view.running:
        return replace(node, state=ABSENT, doubt=NO_SPEAKER)
    if now - view.heard_at > LEASE_DURATION:
        return replace(node, doubt=SILENT)
    state = report.state if report else UNKNOWN
    if refusal is not None and refusal.generation == document.generation:
        return replace(node, state=state, doubt=REFUSED)
    return replace(node, state=state, doubt="" if report else PENDING)


def _without_superseded(views: list[NodeView]) -> tuple[NodeView, ...]:
    since = [view.report.since for view in views if view.state == ACTIVE and view.report]
    if not since:
        return tuple(views)
    youngest = max(since)
    return tuple(
        replace(view, state=UNKNOWN, doubt=SUPERSEDED) if _is_superseded(view, youngest) else view for view in views
    )


def _is_superseded(view: NodeView, youngest: datetime) -> bool:
    if view.state != ACTIVE or view.report is None or view.heard_at is None:
        return False
    return view.report.since < youngest and view.heard_at < youngest + BLINK
