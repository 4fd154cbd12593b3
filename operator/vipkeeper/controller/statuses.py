"""The status of one VirtualIP, as a change, when it differs from what is written. Pure.

What it says is decided in `spec/status.py`. Here stands only what belongs to writing: the pinned VRID, the comparison,
and one line for the log.

Tested by its outcome: tests/unit/controller/test_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from vipkeeper.controller.changes import WriteStatus
from vipkeeper.controller.decisions import Decision
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.belief import SpeakerView
from vipkeeper.spec.conditions import ALARMS
from vipkeeper.spec.move import MovePhase
from vipkeeper.spec.status import Event, EventReason, build_status
from vipkeeper.spec.virtualip import MoveStatus, VirtualIPStatus

_OVER: dict[str, EventReason] = {
    MovePhase.REFUSED: EventReason.MOVE_REFUSED,
    MovePhase.ENDED: EventReason.MOVE_ENDED,
}


def plan_status(
    decision: Decision, document: RenderedVirtualIP | None, views: Iterable[SpeakerView], now: datetime
) -> WriteStatus | None:
    """`document`: what is programmed now (see `build_status`); `views`: the speakers of its placement."""
    seen = decision.virtualip
    previous = seen.status
    if decision.pin is not None and previous.vrid != decision.pin:
        previous = previous.model_copy(update={"vrid": decision.pin})
    status, events = build_status(
        generation=seen.generation,
        refusal=decision.refusal,
        document=document,
        speakers=views,
        previous=previous,
        now=now,
    )
    if decision.pin is not None:
        status = status.model_copy(update={"vrid": decision.pin})
        events = (_allocated(decision.pin), *events)
    move = _move(decision, previous, now)
    events = (*events, *_move_events(previous.move, move))
    status = status.model_copy(update={"move": move})
    written = status.to_json()
    if written == seen.written_status:
        return None
    story = _story(status)
    return WriteStatus(seen.name, seen.uid, written, events, "" if story == _story(seen.status) else story)


def _allocated(vrid: int) -> Event:
    return Event("Normal", EventReason.VRID_ALLOCATED, f"VRID {vrid} allocated; it stays while this VirtualIP lives")


def _move(decision: Decision, previous: VirtualIPStatus, now: datetime) -> MoveStatus | None:
    """A VirtualIP whose spec is refused runs what it ran before, and so its move stays as it is."""
    if decision.document is None:
        return previous.move
    move, before = decision.move, previous.move
    if move is None:
        return None
    unchanged = before is not None and (before.node, before.phase) == (move.node, move.phase)
    since = before.since if before is not None and unchanged else now
    return MoveStatus(node=move.node, phase=move.phase, reason=move.reason, since=since)


def _move_events(before: MoveStatus | None, now: MoveStatus | None) -> Iterator[Event]:
    """That the addresses moved is told anyway."""
    if now is None or now.phase not in _OVER or (before and (before.node, before.phase) == (now.node, now.phase)):
        return
    yield Event("Warning", _OVER[now.phase], f"move to {now.node}: {now.reason}")


def _story(status: VirtualIPStatus) -> str:
    """What a reader of the log wants to know: who has it, and what is wrong."""
    wrong = [
        f"{item.type}={item.status} ({item.reason}: {item.message})"
        for item in status.conditions
        if item.status != ("False" if item.type in ALARMS else "True")
    ]
    return ", ".join([f"active on {status.active_node or 'no node'}, VRID {status.vrid or 'none'}", *wrong])
