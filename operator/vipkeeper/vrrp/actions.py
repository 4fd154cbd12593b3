"""What a virtual router asks of its shell: imperative, frozen, carried out in the order of the list.

The timer is no action: after each `handle` the shell looks at `deadline_ns`.

Tested by the playbooks in tests/scenarios, which speak them.
"""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.vrrp.advert import IPAddress
from vipkeeper.vrrp.state import HandoverRefusal, Reason, State


@dataclass(frozen=True, slots=True)
class SendAdvert:
    """Send one advert of the configuration now in force with this priority (0: leaving)."""

    priority: int


@dataclass(frozen=True, slots=True)
class AddAddresses:
    """Put these on the interface, and keep them there while Active. Those that are there already are no error."""

    addresses: tuple[IPAddress, ...]


@dataclass(frozen=True, slots=True)
class RemoveAddresses:
    """Take these off the interface. Those that are not there are no error."""

    addresses: tuple[IPAddress, ...]


@dataclass(frozen=True, slots=True)
class Announce:
    """Gratuitous ARP or unsolicited NA for these (RFC 9568 §6.4.2). Bursts and repeats are the shell's."""

    addresses: tuple[IPAddress, ...]


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The router is in another state. Always the last action of its transition."""

    old: State
    new: State
    reason: Reason


@dataclass(frozen=True, slots=True)
class HandOver:
    """Ask a peer to be Active now, and tell what it says: HandoverTaken, HandoverRefused, HandoverImpossible."""

    to: IPAddress | None = None
    """Its primary address. None: the best one."""
    again: bool = False
    """Somebody has refused: another one."""


@dataclass(frozen=True, slots=True)
class AnswerHandover:
    """Tell the peer that asked us: we are Active, or why not."""

    refusal: HandoverRefusal | None = None


@dataclass(frozen=True, slots=True)
class AskActive:
    """Ask the Active by unicast if it is alive: its adverts stay away. Every way to it, the segment first."""

    address: IPAddress
    """Its primary address."""


@dataclass(frozen=True, slots=True)
class WantHandover:
    """Tell the Active, which does not hear us or we not it, that we should be Active."""

    address: IPAddress


@dataclass(frozen=True, slots=True)
class ProveSegment:
    """Have neighbours on the segment answer us (ARP, ND), and tell: SegmentProven."""


@dataclass(frozen=True, slots=True)
class BlockedChanged:
    """The Active is alive and its adverts do not arrive; with None that is over: they do, or it is Active no more."""

    by: IPAddress | None


@dataclass(frozen=True, slots=True)
class ProbeAddresses:
    """Ask the segment if somebody has these, for CLAIM_NS, and tell: AddressAnswered."""

    addresses: tuple[IPAddress, ...]


Action = (
    SendAdvert
    | AddAddresses
    | RemoveAddresses
    | Announce
    | StateChanged
    | HandOver
    | AnswerHandover
    | AskActive
    | WantHandover
    | ProveSegment
    | BlockedChanged
    | ProbeAddresses
)
