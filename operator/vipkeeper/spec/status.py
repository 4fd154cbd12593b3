"""VirtualIP.status from what the speakers report, and the Events of what changed. Pure: `now` is an argument.

Time alone changes a status in two cases (a speaker falls silent, a hand-over takes too long), so whoever calls this
calls it again some seconds after each change, and each LEASE_DURATION_S at the latest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.belief import ACTIVE, BLINK, SILENT, NodeView, SpeakerView, families_of, node_views
from vipkeeper.spec.conditions import ConditionType, Situation, findings, together, with_dates
from vipkeeper.spec.parse import Refusal
from vipkeeper.spec.virtualip import NodeStatus, SecondFamily, Transition, VirtualIPStatus

__all__ = ["Event", "EventReason", "SpeakerView", "build_status"]


class EventReason(StrEnum):
    """Reasons of the Events on a VirtualIP."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"
    VRID_ALLOCATED = "VRIDAllocated"
    """Told by whoever allocates, not by `build_status`."""
    PROGRAMMED = "Programmed"
    CLAIMED = "Claimed"
    """The first node holds the addresses."""
    FAILED_OVER = "FailedOver"
    """The addresses moved to another node."""
    NO_ACTIVE = "NoActive"
    """Nobody holds the addresses any more."""
    SPLIT_BRAIN = "SplitBrain"
    SPLIT_BRAIN_HEALED = "SplitBrainHealed"
    MULTICAST_BLOCKED = "MulticastBlocked"
    MULTICAST_HEARD = "MulticastHeard"
    ADDRESS_CONFLICT = "AddressConflict"
    ADDRESS_CONFLICT_OVER = "AddressConflictOver"
    VRID_CONFLICT = "VRIDConflict"
    VRID_CONFLICT_OVER = "VRIDConflictOver"
    DEGRADED = "Degraded"
    BACKUP_AVAILABLE = "BackupAvailable"
    NGINX_NOT_READY = "NginxNotReady"
    NGINX_READY = "NginxReady"
    MOVE_REFUSED = "MoveRefused"
    """The node that a user named can't take the addresses. Told by whoever judges moves, not by `build_status`."""
    MOVE_ENDED = "MoveEnded"
    """It had them, and another node took over."""


@dataclass(frozen=True, slots=True)
class Event:
    """An Event to write on the object."""

    type: str
    """Normal or Warning."""
    reason: EventReason
    message: str


def build_status(
    *,
    generation: int,
    refusal: Refusal | None,
    document: RenderedVirtualIP | None,
    speakers: Iterable[SpeakerView],
    previous: VirtualIPStatus,
    now: datetime,
) -> tuple[VirtualIPStatus, tuple[Event, ...]]:
    """The new status, and the Events of what changed since `previous`.

    `generation`: metadata.generation. `refusal`: why this generation is not taken. `document`: what is rendered now:
    of this generation, or the last good one when this one is refused, or None. `speakers`: those of other placements
    are passed over.
    """
    speakers = tuple(speakers)
    situations = []
    for family, before in zip(families_of(document) if document else (None,), _befores(previous), strict=False):
        nodes = node_views(document, speakers, now, family) if document else ()
        active, handing_over = _active(nodes, before, now)
        part = _only(document, family)
        situations.append(Situation(generation, refusal, part, nodes, active, handing_over))
    situation = situations[0]
    observed = {item.observed_generation for item in situations}
    status = VirtualIPStatus(
        vrid=document.vrid if document else previous.vrid,
        addresses=",".join(item.addresses.replace(" ", "") for item in situations) or None,
        active_node=situation.active.name if situation.active else None,
        interface=_interface(situation),
        backups=min(len(item.backups) for item in situations),
        nodes=tuple(_node_status(node) for node in situation.nodes),
        second_family=_second_family(situations[1], previous, now) if len(situations) > 1 else None,
        last_transition=_last_transition(situation.active, previous, now),
        observed_generation=(observed.pop() if len(observed) == 1 else None) or previous.observed_generation,
        conditions=with_dates(together([findings(item) for item in situations]), previous, generation, now),
    )
    return status, tuple(_events(previous, status, now))


def _befores(previous: VirtualIPStatus) -> tuple[VirtualIPStatus, VirtualIPStatus]:
    """The status before, of each election, as if it were the only one."""
    second = previous.second_family or SecondFamily(family="")
    as_if = VirtualIPStatus(
        addresses=second.addresses, active_node=second.active_node, last_transition=second.last_transition
    )
    return previous, as_if


def _only(document: RenderedVirtualIP | None, family: str | None) -> RenderedVirtualIP | None:
    """With the addresses of one election."""
    if document is None or family is None:
        return document
    addresses = tuple(item for item in document.addresses if family == f"IPv{item.address.version}")
    return replace(document, addresses=addresses)


def _interface(situation: Situation) -> str | None:
    report = situation.active.report if situation.active else None
    return report.interface if report else None


def _second_family(situation: Situation, previous: VirtualIPStatus, now: datetime) -> SecondFamily:
    assert situation.document is not None, "what has two elections has a document"
    return SecondFamily(
        family=f"IPv{situation.document.addresses[0].address.version}",
        addresses=situation.addresses.replace(" ", ""),
        active_node=situation.active.name if situation.active else None,
        interface=_interface(situation),
        backups=len(situation.backups),
        nodes=tuple(_node_status(node) for node in situation.nodes),
        last_transition=_last_transition(situation.active, _befores(previous)[1], now),
    )


def _active(nodes: tuple[NodeView, ...], previous: VirtualIPStatus, now: datetime) -> tuple[NodeView | None, bool]:
    """Who holds the addresses, and whether they are on their way: the holder before counts until the blink is over."""
    for candidates in (
        [node for node in nodes if node.state == ACTIVE],
        [node for node in nodes if node.doubt == SILENT and node.report and node.report.state == ACTIVE],
    ):
        if candidates:
            return max(candidates, key=lambda node: (_since(node), node.name)), False
    before = next((node for node in nodes if node.name == previous.active_node and node.report), None)
    if before is not None and now - _since(before) < BLINK:
        return before, True
    return None, False


def _since(node: NodeView) -> datetime:
    assert node.report is not None, node.name
    return node.report.since


def _node_status(node: NodeView) -> NodeStatus:
    report = node.report if node.is_live else None
    return NodeStatus(
        name=node.name,
        state=node.state,
        priority=report.priority if report else None,
        interface=report.interface if report else None,
        health=node.health,
        since=report.since if report else None,
    )


def _last_transition(active: NodeView | None, previous: VirtualIPStatus, now: datetime) -> Transition | None:
    """A first claim is none. Lost and found again is one, from the node that had the addresses last."""
    last = previous.last_transition
    if active is None:
        if previous.active_node is None:
            return last
        return Transition(from_=previous.active_node, to="", reason="NoActive", time=now)
    origin = previous.active_node or (last.from_ if last and not last.to else None)
    if origin is None or active.name == previous.active_node or active.report is None:
        return last
    if (
        last is not None and active.report.since < last.time
    ):  # never gave up: it was alone on its side of a parted segment
        return Transition(from_=origin, to=active.name, reason="HigherPriority", time=now)
    return Transition(
        from_=origin,
        to=active.name,
        reason=active.report.reason,
        duration_ms=active.report.takeover_ms,
        time=active.report.since,
    )


def _events(previous: VirtualIPStatus, status: VirtualIPStatus, now: datetime) -> Iterator[Event]:
    yield from _spec_events(previous, status)
    yield from _holder_events(*_held(previous, status, 0))
    if status.second_family is not None:
        yield from _holder_events(*_held(previous, status, 1))
    for type_, raised, cleared in (
        (ConditionType.SPLIT_BRAIN, EventReason.SPLIT_BRAIN, EventReason.SPLIT_BRAIN_HEALED),
        (ConditionType.DEGRADED, EventReason.DEGRADED, EventReason.BACKUP_AVAILABLE),
        (ConditionType.MULTICAST_BLOCKED, EventReason.MULTICAST_BLOCKED, EventReason.MULTICAST_HEARD),
        (ConditionType.ADDRESS_CONFLICT, EventReason.ADDRESS_CONFLICT, EventReason.ADDRESS_CONFLICT_OVER),
        (ConditionType.VRID_CONFLICT, EventReason.VRID_CONFLICT, EventReason.VRID_CONFLICT_OVER),
    ):
        yield from _alarm_events(previous, status, type_, raised, cleared, now)
    yield from _nginx_events(previous, status)


def _held(previous: VirtualIPStatus, status: VirtualIPStatus, election: int) -> tuple[VirtualIPStatus, VirtualIPStatus]:
    """Who held and holds the addresses of one election."""
    if election == 0 and status.second_family is not None and status.addresses is not None:
        second = set((status.second_family.addresses or "").split(","))
        first = ",".join(item for item in status.addresses.split(",") if item not in second)
        return previous.model_copy(update={"addresses": first}), status.model_copy(update={"addresses": first})
    return _befores(previous)[election], _befores(status)[election]


def _spec_events(previous: VirtualIPStatus, status: VirtualIPStatus) -> Iterator[Event]:
    before, now = previous.condition(ConditionType.ACCEPTED), status.condition(ConditionType.ACCEPTED)
    if now and now.status == "False" and (before is None or before.message != now.message):
        yield Event("Warning", EventReason.REFUSED, now.message)
    if now and now.status == "True" and (before is None or before.status != "True"):
        yield Event("Normal", EventReason.ACCEPTED, now.message)
    if status.observed_generation is not None and status.observed_generation != previous.observed_generation:
        yield Event("Normal", EventReason.PROGRAMMED, f"the nodes run generation {status.observed_generation}")


def _holder_events(previous: VirtualIPStatus, status: VirtualIPStatus) -> Iterator[Event]:
    if status.active_node == previous.active_node:
        return
    move = status.last_transition
    if status.active_node is None:
        yield Event(
            "Warning", EventReason.NO_ACTIVE, f"{previous.active_node} held {previous.addresses}, now nobody does"
        )
    elif move is None or move == previous.last_transition:
        yield Event("Normal", EventReason.CLAIMED, f"{status.active_node} holds {status.addresses}")
    else:
        took = "" if move.duration_ms is None else f" in {move.duration_ms:.0f} ms"
        message = f"{status.addresses} moved from {move.from_} to {move.to}{took} ({move.reason})"
        yield Event("Warning" if move.reason == "NoResponse" else "Normal", EventReason.FAILED_OVER, message)


def _alarm_events(
    previous: VirtualIPStatus,
    status: VirtualIPStatus,
    type_: ConditionType,
    raised: EventReason,
    cleared: EventReason,
    now: datetime,
) -> Iterator[Event]:
    before, current = previous.condition(type_), status.condition(type_)
    if current and not before:
        yield Event("Warning", raised, current.message)
    if before and not current and status.active_node is not None:
        lasted_s = max(0.0, (now - before.last_transition_time).total_seconds())
        holder = f"{status.active_node} holds {status.addresses}; healthy backups: {status.backups}"
        yield Event("Normal", cleared, f"after {lasted_s:.0f} s: {holder}")


def _nginx_events(previous: VirtualIPStatus, status: VirtualIPStatus) -> Iterator[Event]:
    before, now = previous.condition(ConditionType.NGINX_READY), status.condition(ConditionType.NGINX_READY)
    if now is None or (before and before.status == now.status):
        return
    if now.status == "False" and before is not None:
        yield Event("Warning", EventReason.NGINX_NOT_READY, now.message)
    if now.status == "True":
        yield Event("Normal", EventReason.NGINX_READY, now.message)
