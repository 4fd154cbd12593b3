"""When each speaker was heard last: from its Lease and from changes of its VRRPSpeaker.

Times are the operator's. A Lease carries the clock of its node, so the moment of a renewal is taken from it only as
far as it fits between our last two looks: a node whose clock is wrong is neither declared dead nor kept alive.

After the API server was away nobody could renew anything. Then silence means nothing until every agent had its chance:
`patience_until`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from vipkeeper.controller.objects import LeaseSeen
from vipkeeper.spec.names import LEASE_DURATION_S, LEASE_RENEW_S, lease_name

LOOK_EVERY_S = 10.0
"""How often Leases are listed."""
_GAP = timedelta(seconds=2.5 * LOOK_EVERY_S)
_PATIENCE = timedelta(seconds=LEASE_RENEW_S + 5)
SILENT_AFTER = timedelta(seconds=LEASE_DURATION_S)
NEVER = datetime.fromtimestamp(0, UTC)


class Hearing:
    """Ears of the controller."""

    def __init__(self) -> None:
        self._renewed: dict[str, datetime | None] = {}
        self._heard: dict[str, datetime] = {}
        self._reported: dict[str, datetime] = {}
        self._last_look: datetime | None = None
        self.patience_until: datetime = NEVER

    def look(self, leases: Iterable[LeaseSeen], now: datetime) -> None:
        """All Leases that exist, just listed."""
        if self._last_look is not None and now - self._last_look > _GAP:
            self.patience_until = now + _PATIENCE
        present = {lease.name: lease.renewed_at for lease in leases}
        for name, renewed_at in present.items():
            if renewed_at is not None and renewed_at != self._renewed.get(name):
                self._hear(name, min(max(renewed_at, self._last_look or NEVER), now))
        self._renewed = dict(present)
        self._last_look = now

    def reported(self, placement: str, node: str, now: datetime) -> None:
        """A VRRPSpeaker has just changed: its agent lives."""
        self._hear(lease_name(placement, node), now)
        self._reported[lease_name(placement, node)] = now

    def reported_at(self, placement: str, node: str) -> datetime:
        """When its VRRPSpeaker changed last, or was seen first."""
        return self._reported.get(lease_name(placement, node), NEVER)

    def heard_at(self, placement: str, node: str) -> datetime:
        return self._heard.get(lease_name(placement, node), NEVER)

    def is_silent(self, placement: str, node: str, now: datetime) -> bool:
        return now - self.heard_at(placement, node) > SILENT_AFTER

    def _hear(self, name: str, moment: datetime) -> None:
        self._heard[name] = max(moment, self._heard.get(name, NEVER))
