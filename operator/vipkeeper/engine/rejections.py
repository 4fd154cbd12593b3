"""Adverts that were refused, counted by cause and source: bounded, and logged once for each new pair."""

from __future__ import annotations

from vipkeeper.engine.log import warn
from vipkeeper.ipc.messages import Rejected
from vipkeeper.vrrp.packet import Dropped

_MAX_PAIRS = 256
_MAX_REPORTED = 16
_MANY = "many others"


class Rejections:
    def __init__(self, vip: str) -> None:
        self._vip = vip
        self._counts: dict[tuple[str, str], int] = {}
        self.changed = False
        """Since `report` was last called."""

    def count(self, dropped: Dropped, source: str, times: int = 1) -> None:
        key = (dropped.reason.value, source)
        if key not in self._counts:
            if len(self._counts) >= _MAX_PAIRS:
                key = (dropped.reason.value, _MANY)
            if key not in self._counts:
                warn("advert refused", vip=self._vip, cause=key[0], source=key[1], detail=dropped.detail or None)
        self._counts[key] = self._counts.get(key, 0) + times
        self.changed = True

    def report(self) -> tuple[Rejected, ...]:
        """Most frequent first."""
        self.changed = False
        most = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:_MAX_REPORTED]
        return tuple(Rejected(cause, source, count) for (cause, source), count in most)
