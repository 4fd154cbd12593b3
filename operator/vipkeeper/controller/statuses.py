"""The status of one VirtualIP, as a change, when it differs from what is written. Pure.

What it says is decided in `spec/status.py`. Here stands only what belongs to writing: the pinned VRID, the comparison,
and one line for the log.

Tested by its outcome: tests/unit/controller/test_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from vipkeeper.controller.changes import WriteStatus
from vipkeeper.controller.decisions import Decision
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.belief import SpeakerView
from vipkeeper.spec.status import Event, EventReason, build_status
from vipkeeper.spec.virtualip import VirtualIPStatus


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
    written = status.to_json()
    if written == seen.written_status:
        return None
    story = _story(status)
    return WriteStatus(seen.name, seen.uid, written, events, "" if story == _story(seen.status) else story)


def _allocated(vrid: int) -> Event:
    return Event("Normal", EventReason.VRID_ALLOCATED, f"VRID {vrid} allocated; it stays while this VirtualIP lives")


def _story(status: VirtualIPStatus) -> str:
    """What a reader of the log wants to know: who has it, and what is wrong."""
    wrong = [
        f"{item.type}={item.status} ({item.reason}: {item.message})"
        for item in status.conditions
        if item.status != ("False" if item.type in ("SplitBrain", "Degraded") else "True")
    ]
    return ", ".join([f"active on {status.active_node or 'no node'}, VRID {status.vrid or 'none'}", *wrong])
