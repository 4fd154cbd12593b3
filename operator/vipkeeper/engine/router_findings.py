"""What one router has found on the network, for an administrator: kept here, told in its status, and nothing decided.

    MulticastBlocked   the Active answers by unicast only; the core says so
    AddressConflict    while we are Active: somebody else claims an address (`foreign_claims.py`)
    VRIDConflict       another virtual router of our VRID (`foreign_adverts.py`), or one of another engine of this host

Tests: tests/netns/test_witness.py, test_foreign_vrrp.py, test_twins.py, test_address_conflict.py.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from vipkeeper.engine.address_ear import AddressEar
from vipkeeper.engine.foreign_adverts import ForeignAdverts
from vipkeeper.engine.foreign_claims import ForeignClaims, Holder
from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.engine.sightings import Sightings
from vipkeeper.ipc.messages import Finding, FindingKind
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.advert import Advert
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.units import NS_PER_S

TWIN_LASTS_NS, ASK_TWIN_NS = 10 * NS_PER_S, NS_PER_S
"""A twin is forgotten after that, and asked so long before."""


class Router(Holder, Protocol):
    def ask_for_twin(self, placement: str) -> None: ...


class RouterFindings:
    """`peer_at` gives the name of the peer whose primary address that is, as the engines tell each other; "" if none."""

    def __init__(
        self,
        loop: Loop,
        vip: str,
        peer_at: Callable[[IPAddress], str],
        on_change: Callable[[], None],
        ear: AddressEar,
        proof: SegmentProof,
        router: Router,
    ) -> None:
        self._vip = vip
        self._peer_at = peer_at
        self._on_change = on_change
        self.nodes: frozenset[IPAddress] = frozenset()
        """Where the other nodes of the document are."""
        self._blocked: tuple[str, IPAddress, int] | None = None
        self.adverts = ForeignAdverts(loop, vip, self._is_ours, on_change)
        self.claims = ForeignClaims(loop, vip, ear, proof, router, on_change)
        self._twins = Sightings(
            loop,
            FindingKind.VRID_CONFLICT,
            vip,
            on_change,
            doubt=lambda placement, _now_ns: router.ask_for_twin(placement),
            doubt_ns=ASK_TWIN_NS,
        )
        self._vrid = 0

    def configure(self, document: RenderedVirtualIP, config: VirtualRouterConfig, node: str) -> None:
        ways = {name: share.ways(config.family) for name, share in document.nodes.items() if name != node}
        self.nodes = frozenset(address for of_one in ways.values() for address in of_one)
        if config.vrid != self._vrid:
            self._twins.clear()
        self._vrid = config.vrid
        knows_nodes = bool(ways) and all(ways.values())
        self.adverts.configure(config.vrid, config.all_addresses, knows_nodes=knows_nodes)
        self.claims.configure(config.all_addresses, config.advertisement_interval_cs)

    def received(self, advert: Advert, now_ns: int) -> None:
        """A good one that is news. One of another virtual router explains no claim of our addresses."""
        if not self.adverts.received(advert, now_ns):
            self.claims.other_active(now_ns)

    def twin_seen(self, placement: str, now_ns: int) -> None:
        detail = f"VRID {self._vrid} is run by another vipkeeper of this host on the same interface ({placement})"
        self._twins.see(placement, lambda: detail, now_ns, TWIN_LASTS_NS)

    def active_changed(self, active: bool, now_ns: int) -> None:
        if active:
            self.claims.became_active(now_ns)
        else:
            self.claims.ceased_to_be_active()

    def blocked_changed(self, by: IPAddress | None, now_ns: int) -> None:
        """The Active lives, and its adverts do not arrive: a firewall, or a switch that snoops. None: they do again."""
        peer = "" if by is None else self._peer_at(by)
        self._blocked = None if by is None else (peer, by, now_ns)
        if by is None:
            log("adverts of the Active are not blocked any more", vip=self._vip)
        else:
            warn("adverts of the Active do not arrive; it answers by unicast", vip=self._vip, peer=peer)
        self._on_change()

    def report(self, now_ns: int) -> tuple[Finding, ...]:
        watched = (self.adverts, self._twins, self.claims)
        return (*self._blocked_finding(now_ns), *(found for item in watched for found in item.findings(now_ns)))

    def end(self) -> None:
        self.adverts.end()
        self.claims.ceased_to_be_active()
        self._twins.clear()

    def _is_ours(self, address: IPAddress | str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return parsed in self.nodes or bool(self._peer_at(parsed))

    def _blocked_finding(self, now_ns: int) -> tuple[Finding, ...]:
        if self._blocked is None:
            return ()
        peer, address, since_ns = self._blocked
        detail = f"VRRP advertisements of {address} do not arrive; it is alive and answers by unicast"
        age_ms = (now_ns - since_ns) // 1_000_000
        return (Finding(FindingKind.MULTICAST_BLOCKED.value, peer or str(address), detail, age_ms),)
