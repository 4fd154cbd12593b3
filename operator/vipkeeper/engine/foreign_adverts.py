"""Foreign VRRP on our VRID: another virtual router of the same number on the segment. It is told, nothing else.

Foreign is, unless it comes from a node of ours:

- a good advert whose address list has no address in common with ours (the election goes on with it all the same, as
  RFC 9568 has it: this is why it must be told);
- a good advert of priority 255, where all nodes of ours are known: who says so owns the addresses;
- an advert that was refused for its version, authentication, interval or way (`vrrp/sighting.py`).

Not foreign: another list that shares an address with ours, another interval or form of checksum. These are neighbours
of our virtual router with other settings (`remarks.py`). Junk is none of both (`rejections.py`).

Twice at least, half a second apart: an edit of all addresses reaches hosts one after the other. It goes after
LASTS_NS, or three intervals of who sent it.

Tests: tests/netns/test_foreign_vrrp.py.
"""

from __future__ import annotations

from collections.abc import Callable

from vipkeeper.engine.loop import Loop
from vipkeeper.engine.sightings import Sightings
from vipkeeper.ipc.messages import Finding, FindingKind
from vipkeeper.vrrp.advert import OWNER_PRIORITY, Advert, IPAddress, Remark
from vipkeeper.vrrp.drops import Dropped
from vipkeeper.vrrp.sighting import Sighting
from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns, ms_to_ns

LASTS_NS = 10 * NS_PER_S
APART_NS = ms_to_ns(500)


class ForeignAdverts:
    def __init__(
        self, loop: Loop, vip: str, is_ours: Callable[[IPAddress | str], bool], on_change: Callable[[], None]
    ) -> None:
        """`is_ours`: whether that is an address of a node of ours."""
        self._is_ours = is_ours
        self._sightings = Sightings(loop, FindingKind.VRID_CONFLICT, vip, on_change, apart_ns=APART_NS)
        self._vrid = 0
        self._addresses: frozenset[IPAddress] = frozenset()
        self._knows_nodes = False
        self._followed: Advert | None = None

    def configure(self, vrid: int, addresses: tuple[IPAddress, ...], *, knows_nodes: bool) -> None:
        """Another configuration is in force: what was foreign may be ours now."""
        if (vrid, frozenset(addresses)) != (self._vrid, self._addresses):
            self._sightings.clear()
        self._vrid, self._addresses, self._knows_nodes = vrid, frozenset(addresses), knows_nodes

    def received(self, advert: Advert, now_ns: int) -> bool:
        """A good one that is news. True: it is foreign."""
        self._followed = advert if advert.remarks and self._is_foreign(advert) else None
        if self._followed is not None:
            self._note(str(advert.source), lambda: self._describe_good(advert), advert.interval_cs, now_ns)
        return self._followed is not None

    def received_again(self, advert: Advert, now_ns: int) -> None:
        """One of the Active that is followed, who says nothing new."""
        if self._followed is not None and self._followed.source == advert.source:
            self._note(str(advert.source), lambda: self._describe_good(advert), advert.interval_cs, now_ns)

    def refused(self, dropped: Dropped, source: str, now_ns: int) -> None:
        said = dropped.said
        if said is not None and not self._is_ours(source):
            self._note(
                source, lambda: self._describe_refused(dropped.reason.value, source, said), said.interval_cs, now_ns
            )

    def findings(self, now_ns: int) -> tuple[Finding, ...]:
        return self._sightings.findings(now_ns)

    def end(self) -> None:
        self._sightings.clear()
        self._followed = None

    def _is_foreign(self, advert: Advert) -> bool:
        others = Remark.OTHER_ADDRESSES in advert.remarks and self._addresses.isdisjoint(advert.addresses)
        owner = advert.priority == OWNER_PRIORITY and self._knows_nodes
        return (others or owner) and not self._is_ours(advert.source)

    def _note(self, source: str, detail: Callable[[], str], interval_cs: int, now_ns: int) -> None:
        self._sightings.see(source, detail, now_ns, max(LASTS_NS, 3 * cs_to_ns(interval_cs)))

    def _describe_good(self, advert: Advert) -> str:
        said = Sighting(advert.version, advert.priority, advert.interval_cs, advert.addresses)
        why = "which claims to own them" if not self._addresses.isdisjoint(advert.addresses) else "none of them ours"
        return f"VRID {self._vrid} is used by {advert.source}: {said}, {why}"

    def _describe_refused(self, why: str, source: str, said: Sighting) -> str:
        return f"VRID {self._vrid} is used by {source}: {said}, refused ({why})"
