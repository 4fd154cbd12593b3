"""One virtual router: the state machine of RFC 9568 §6.4. (Bodies follow; this is the interface.)"""

from __future__ import annotations

from vipkeeper.vrrp.actions import Action
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import Event
from vipkeeper.vrrp.packet import IPAddress
from vipkeeper.vrrp.state import Fault, Reason, State


class VirtualRouter:
    """One virtual router on one interface of this node. Events in, actions out; `deadline_ns` is when to wake it."""

    config: VirtualRouterConfig
    local_address: IPAddress
    """Where our adverts come from: the tie-break compares it."""
    state: State
    reason: Reason
    """Of the last transition."""
    deadline_ns: int | None
    """When to hand in a TimerFired. None: no timer runs."""
    faults: frozenset[Fault]
    ailments: frozenset[str]
    active_address: IPAddress | None
    """Who is Active, as far as we know: ourselves, or the source of the last accepted advert."""
    takeover_ns: int | None
    """How long the segment was without an Active at our last takeover: since the last accepted advert of the old one.
    None: there was none to follow, or it was preempted alive."""
    last_advert_ns: int | None
    """When our last advert as Active was sent: what the next engine needs for `Startup`. None: not Active."""

    def __init__(self, config: VirtualRouterConfig, local_address: IPAddress) -> None:
        raise NotImplementedError

    @property
    def priority(self) -> int:
        """The effective priority: the configured one, or 1 while ill."""
        raise NotImplementedError

    def handle(self, event: Event, now_ns: int) -> list[Action]:
        """What `event`, at `now_ns`, makes the shell do. `now_ns` never goes back."""
        raise NotImplementedError
