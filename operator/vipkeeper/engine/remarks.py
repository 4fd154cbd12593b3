"""What was odd about adverts that are good all the same: logged and told once for each remark and source, bounded.

Nothing is decided by a remark (`vrrp/advert.py` has them all). Once means once in the life of a configuration: with a
new one other things are odd.
"""

from __future__ import annotations

from collections.abc import Set

from vipkeeper.engine.log import warn
from vipkeeper.ipc.messages import Remarked
from vipkeeper.vrrp.advert import IPAddress, Remark

_MAX_PAIRS = 64
_MAX_REPORTED = 16


class Remarks:
    def __init__(self, vip: str) -> None:
        self._vip = vip
        self._said: set[tuple[Remark, IPAddress]] = set()
        self.changed = False
        """Since `report` was last called."""

    def say(self, remarks: Set[Remark], source: IPAddress, priority: int) -> None:
        """Those that are new. An IPv6 list without link-local address is odd only where ours has one. After many of them nothing more: whoever can invent sources shall not fill the log."""
        if Remark.OTHER_ADDRESSES not in remarks:
            remarks = remarks - {Remark.NOT_LINK_LOCAL_FIRST}
        for remark in sorted(remarks):
            if (remark, source) not in self._said and len(self._said) < _MAX_PAIRS:
                self._said.add((remark, source))
                self.changed = True
                warn("odd advert", vip=self._vip, remark=remark.value, source=source, priority=priority)

    def forget(self) -> None:
        """Another configuration is in force."""
        self.changed |= bool(self._said)
        self._said.clear()

    def report(self) -> tuple[Remarked, ...]:
        self.changed = False
        return tuple(Remarked(remark.value, str(source)) for remark, source in sorted(self._said, key=str))[
            :_MAX_REPORTED
        ]
