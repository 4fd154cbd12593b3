"""What each peer has said last of each virtual router, and what follows from it.

Peers say everything again each HELLO_NS; what is older than three of those is not relied on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from vipkeeper.peering.messages import Entry, Flag, PeerState, RouterName
from vipkeeper.vrrp.advert import IPAddress
from vipkeeper.vrrp.units import NS_PER_S

HELLO_NS = NS_PER_S
"""How often a peer hears from us without a reason."""
BELIEVED_NS = 3 * HELLO_NS + HELLO_NS // 2


@dataclass(frozen=True, slots=True)
class Heard:
    peer: str
    entry: Entry
    at_ns: int


class Book:
    def __init__(self) -> None:
        self._heard: dict[RouterName, dict[str, Heard]] = {}

    def note(self, peer: str, entry: Entry, now_ns: int) -> None:
        """One that has gone does not say where it was: that stays known."""
        before = self.said_by(entry.name, peer)
        if entry.primary is None and before is not None:
            entry = replace(entry, primary=before.primary)
        self._heard.setdefault(entry.name, {})[peer] = Heard(peer, entry, now_ns)

    def forget(self, peer: str) -> None:
        for heard in self._heard.values():
            heard.pop(peer, None)

    def of(self, name: RouterName, now_ns: int) -> list[Heard]:
        """What is recent enough to be relied on."""
        return [item for item in self._heard.get(name, {}).values() if now_ns - item.at_ns <= BELIEVED_NS]

    def fit(self, name: RouterName, but: Collection[str], now_ns: int) -> list[Heard]:
        """Who can take over, as far as we know, the best first: by priority, then by address, as VRRP has it."""
        found = [item for item in self.of(name, now_ns) if item.peer not in but and is_fit(item.entry)]
        return sorted(found, key=lambda item: standing(item.entry.priority, item.entry.primary), reverse=True)

    def said_by(self, name: RouterName, peer: str) -> Entry | None:
        """However long ago."""
        heard = self._heard.get(name, {}).get(peer)
        return None if heard is None else heard.entry

    def since(self, name: RouterName, peer: str, then_ns: int) -> Entry | None:
        """What it has said after `then_ns`."""
        heard = self._heard.get(name, {}).get(peer)
        return heard.entry if heard is not None and heard.at_ns >= then_ns else None

    def actives(self, name: RouterName, now_ns: int) -> list[Heard]:
        """Who said last that it is Active."""
        return [item for item in self.of(name, now_ns) if item.entry.is_active]

    def at(self, name: RouterName, address: IPAddress | None) -> Heard | None:
        """Whose primary address that is, however long ago it was said."""
        if address is None:
            return None
        found = self._heard.get(name, {}).values()
        return next((item for item in found if item.entry.primary == address), None)


def nobody_active(said: Mapping[str, Entry | None], priorities: Mapping[str, int], own: Entry) -> bool:
    """Whether every peer has said that it is not Active, and none that could be is better than `own`.

    `priorities`: of those that do not have the router yet, as the document has them: they are about to.
    """
    return all(
        entry is not None and not entry.is_active and not _is_better(entry, priorities.get(peer, 0), own)
        for peer, entry in said.items()
    )


def _is_better(entry: Entry, priority: int, own: Entry) -> bool:
    if entry.state is PeerState.ABSENT:
        return priority > own.priority
    return is_fit(entry) and standing(entry.priority, entry.primary) > standing(own.priority, own.primary)


def is_fit(entry: Entry) -> bool:
    return entry.state is PeerState.BACKUP and not entry.flags & (Flag.ILL | Flag.LEAVING)


def standing(priority: int, address: IPAddress | None) -> tuple[int, int]:
    """To compare with: the higher one wins (RFC 9568 §6.4.3)."""
    return priority, 0 if address is None else int(address)
