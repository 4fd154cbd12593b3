"""What happens to a virtual router: past tense, frozen, handed to `VirtualRouter.handle` with the time.

Tested by the playbooks in tests/scenarios, which speak them.
"""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.vrrp.advert import Advert, IPAddress
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.state import Fault, HandoverRefusal


@dataclass(frozen=True, slots=True)
class Startup:
    """The router shall run.

    Faults and ailments are told before. With a fault a router can't resume: it gives the addresses up.
    """

    last_advert_ns: int | None = None
    """When an engine before this one sent its last advert as Active, on the same clock. None: it was not Active.

    Younger than anybody's patience: the router resumes as Active. Older: it removes the addresses and listens.
    """


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The router shall stop: an Active hands over to a peer, or says so with priority 0."""

    hand_over: bool = True
    """False: nobody shall have the addresses any more, so no peer is asked."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """`deadline_ns` has come. Too early or stale ones are ignored, so a shell may keep its timers lazily.

    In Backup the shell drains its sockets first: a timeout is believed when nothing is left to read.
    """


@dataclass(frozen=True, slots=True)
class AdvertReceived:
    """A good advert of our VRID and family arrived on our interface."""

    advert: Advert


@dataclass(frozen=True, slots=True)
class FaultsChanged:
    """The whole set of faults, as it is now."""

    faults: frozenset[Fault]


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """The whole set of ailments, as it is now. Not empty: ill."""

    ailments: frozenset[str]
    damped: bool = False
    """Well, but its health flaps: it is Active only when nobody else who is well would be."""
    warming: bool = False
    """Not known to serve yet: it takes the addresses from nobody who is well."""


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """A new configuration of the same VRID and family (else the shell stops this router and makes another)."""

    config: VirtualRouterConfig


@dataclass(frozen=True, slots=True)
class LocalAddressChanged:
    """The address that our adverts are sent from has changed (that there is none is a fault)."""

    address: IPAddress


@dataclass(frozen=True, slots=True)
class Adopted:
    """Another engine of this node, Active until now, stopped silently in our favour: be Active at once.

    With a fault it can't be, and gives the addresses up: adopt when there is none.
    """


@dataclass(frozen=True, slots=True)
class Released:
    """Another engine of this node goes on with this router: stop without a word, leave the addresses where they are."""


@dataclass(frozen=True, slots=True)
class HandoverAsked:
    """A peer that is Active, and leaves, asks us to be it now (authenticated; no RFC: it is ours)."""

    by: IPAddress
    """Its primary address."""
    on_segment: bool = True
    """It came by our interface, forwarded by nobody."""
    other_left_ns: int | None = None
    """When the Active that we know, another one, has said by unicast that it is Active no more. None: it has not."""


@dataclass(frozen=True, slots=True)
class HandoverTaken:
    """The peer that we asked is Active, and has announced it."""

    by: IPAddress


@dataclass(frozen=True, slots=True)
class HandoverRefused:
    """The peer that we asked is not fit for it."""

    why: HandoverRefusal
    others: bool
    """Whether there is another peer to ask."""


@dataclass(frozen=True, slots=True)
class HandoverImpossible:
    """There is no peer to hand over to."""


@dataclass(frozen=True, slots=True)
class HandoverWanted:
    """A peer should be Active in our place, and says that its adverts do not reach us, or ours not it."""

    by: IPAddress
    priority: int


@dataclass(frozen=True, slots=True)
class PeerIsActive:
    """A peer says that it is Active (authenticated, by unicast)."""

    by: IPAddress
    """Its primary address."""
    priority: int
    interval_cs: int
    on_segment: bool
    """It came by our interface, forwarded by nobody: unicast on the segment works."""
    hears_segment: bool = False
    """By another way, but a neighbour on the segment has answered it a moment ago."""


@dataclass(frozen=True, slots=True)
class NobodyActive:
    """Every configured peer has said since our start that it is not Active, and none of them is better than we are."""


@dataclass(frozen=True, slots=True)
class SegmentDoubted:
    """A peer that does not hear us asks by a way that is not our segment."""

    by: IPAddress
    """Its primary address."""


@dataclass(frozen=True, slots=True)
class SegmentProven:
    """A neighbour on the segment has answered us."""


@dataclass(frozen=True, slots=True)
class AddressAnswered:
    """Somebody on the segment answers for one of our addresses, and it is none of this host."""

    address: IPAddress


Event = (
    TimerFired
    | AdvertReceived
    | Startup
    | Shutdown
    | FaultsChanged
    | HealthChanged
    | ConfigChanged
    | LocalAddressChanged
    | Adopted
    | Released
    | HandoverAsked
    | HandoverTaken
    | HandoverRefused
    | HandoverImpossible
    | HandoverWanted
    | PeerIsActive
    | NobodyActive
    | SegmentDoubted
    | SegmentProven
    | AddressAnswered
)
