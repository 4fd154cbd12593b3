"""What one virtual router is told to be. The engine makes it from the rendered document; the core trusts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vipkeeper.vrrp.advert import OWNER_PRIORITY, ChecksumForm, Family, IPAddress, Version, in_sent_order
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.transport import MULTICAST, Transport, Unicast

if TYPE_CHECKING:
    from vipkeeper.vrrp.trailer import Authenticator

LAST_RESORT_PRIORITY = 1
"""Effective priority of an ill router. Kept for that: a healthy one has at least 2."""


@dataclass(frozen=True, slots=True)
class VirtualRouterConfig:
    """One virtual router on one node. VRID and family are its identity: to change them is to make a new router."""

    vrid: int
    """1..255 (RFC 9568 §5.2.3)."""
    family: Family
    """Family of the election. VRID 51 of IPv4 and VRID 51 of IPv6 are strangers."""
    priority: int
    """1..255 while healthy (RFC 9568 §5.2.4). Users get 2..254."""
    addresses: tuple[IPAddress, ...]
    """The advertised addresses, all of `family`, 1..255."""
    advertisement_interval_cs: int = 100
    """Time between our adverts in centiseconds, 1..4095 (RFC 9568 §5.2.7); version 2: whole seconds, 100..25500."""
    preempt: bool = True
    """Preempt_Mode (RFC 9568 §6.1): whether to end the time of an Active of lower priority."""
    rank: int = 0
    """Place of this node by priority, 0 the highest: ill routers wait longer by rank, so that they do not tie."""
    companion_addresses: tuple[IPAddress, ...] = ()
    """Addresses of the other family, which move along unadvertised (families: Together)."""
    version: Version = Version.V3
    """Of what we send and take. Version 2 knows IPv4 only."""
    checksum: ChecksumForm = ChecksumForm.PSEUDO_HEADER
    """What we send in version 3 and IPv4; both forms are taken."""
    password: SimpleText | None = None
    """Version 2: authentication type 1. None: type 0."""
    transport: Transport = MULTICAST
    preempt_delay_ns: int = 0
    """How long, from its start or recovery, a Backup leaves a living Active of lower priority alone."""

    hand_over: bool = False
    """Whether there are peers that can be asked to take over when we leave."""
    probe: bool = False
    """Whether to ask if somebody else has the addresses before they are claimed without an Active to follow."""
    release: frozenset[str] = frozenset()
    """Ailments with which the router takes no part, as with a fault, and holds no address even when nobody else does.
    With any other it stays as the last resort."""
    witness: bool = False
    """Whether to ask an Active whose adverts stay away, by unicast, if it is alive, before taking over from it."""

    def __post_init__(self) -> None:
        if not 1 <= self.vrid <= 255:
            raise ValueError(f"vrid {self.vrid} is not in 1..255")
        if not 1 <= self.priority <= OWNER_PRIORITY:
            raise ValueError(f"priority {self.priority} is not in 1..255")
        self._check_interval()
        if not 1 <= len(self.addresses) <= 255:
            raise ValueError(f"{len(self.addresses)} addresses are not 1..255")
        for address in self.addresses:
            if address.version != self.family:
                raise ValueError(f"{address} is not an {self.family.name} address")
        if self.version is Version.V2 and self.family is not Family.IPV4:
            raise ValueError("version 2 knows IPv4 only")
        if self.password is not None and self.version is not Version.V2:
            raise ValueError("a password needs version 2")
        if isinstance(self.transport, Unicast):
            for peer in self.transport.peers:
                if peer.version != self.family:
                    raise ValueError(f"peer {peer} is not an {self.family.name} address")
        if self.preempt_delay_ns < 0:
            raise ValueError(f"preempt_delay_ns {self.preempt_delay_ns} is negative")

    def _check_interval(self) -> None:
        interval_cs = self.advertisement_interval_cs
        if self.version is Version.V2:
            if interval_cs % 100 or not 100 <= interval_cs <= 25500:
                raise ValueError(f"advertisement_interval_cs {interval_cs} is not 1 to 255 whole seconds")
        elif not 1 <= interval_cs <= 4095:
            raise ValueError(f"advertisement_interval_cs {interval_cs} is not in 1..4095")

    @property
    def all_addresses(self) -> tuple[IPAddress, ...]:
        """Everything that is on the node of the Active and on no other."""
        return self.addresses + self.companion_addresses

    def expected(self, authenticator: Authenticator | None = None) -> Expected:
        """What our adverts, and so those of our peers, should be like."""
        return Expected(
            version=self.version,
            transport=self.transport,
            priority=self.priority,
            interval_cs=self.advertisement_interval_cs,
            addresses=in_sent_order(self.addresses),
            checksum=self.checksum if self.family is Family.IPV4 and self.version is Version.V3 else None,
            password=self.password,
            authenticator=authenticator,
        )
