"""VirtualIP.status from what the speakers report. Pure: `now` is an argument.

Whom to believe: a speaker that is cut off can't take its "Active" back, and its last report stays in the API. So an
Active is *superseded* when another node became Active later, and the first has not been heard for HANDOVER_BLINK_S
since. Not superseded, two Actives are a split brain: both have spoken well after the second one took over. With a
Lease renewed each 10 s a real split brain is seen within LEASE_RENEW_S + HANDOVER_BLINK_S, and neither a crash nor a
hand-over ever looks like one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.parse import Refusal
from vipkeeper.spec.speaker import VRRPSpeaker
from vipkeeper.spec.virtualip import VirtualIPStatus

HANDOVER_BLINK_S = 3.0
"""Two reports of one hand-over may be this far apart (P2: two owners for 2.5 s at most; and two API writes)."""


class EventReason(StrEnum):
    """Reasons of the Events on a VirtualIP."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"
    VRID_ALLOCATED = "VRIDAllocated"
    PROGRAMMED = "Programmed"
    CLAIMED = "Claimed"
    """The first node holds the addresses."""
    FAILED_OVER = "FailedOver"
    """The addresses moved to another node."""
    NO_ACTIVE = "NoActive"
    """Nobody holds the addresses any more."""
    SPLIT_BRAIN = "SplitBrain"
    SPLIT_BRAIN_HEALED = "SplitBrainHealed"
    DEGRADED = "Degraded"
    BACKUP_AVAILABLE = "BackupAvailable"
    NGINX_NOT_READY = "NginxNotReady"
    NGINX_READY = "NginxReady"


@dataclass(frozen=True, slots=True)
class Event:
    """An Event to write on the object."""

    type: str
    """Normal or Warning."""
    reason: EventReason
    message: str


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """A speaker, and when it was heard last: the later of its Lease's renewTime and its VRRPSpeaker's last change."""

    speaker: VRRPSpeaker
    heard_at: datetime
    running: bool = True
    """Its pod exists and is not being deleted."""


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
    of this generation, or the last good one when this one is refused, or None. `speakers`: of the document's placement
    (others are passed over).
    """
    raise NotImplementedError
