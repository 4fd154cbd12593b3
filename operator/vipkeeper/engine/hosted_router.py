"""One virtual router in this world: it tells the pure core (`vrrp/router.py`) what happens and does what the core asks.

Nothing here decides who is Active. What is decided here: on which interface the router lives, what its faults are,
which bytes stand ready for a takeover, and what is told about it.

Tests: tests/netns/test_elections.py, test_interfaces.py.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

from vipkeeper.engine import unicast
from vipkeeper.engine.address_ear import AddressEar
from vipkeeper.engine.addresses import Addresses, lease_s
from vipkeeper.engine.adoption import Identity, Legacy
from vipkeeper.engine.announce import Announcer
from vipkeeper.engine.credentials import Credentials, credentials_of
from vipkeeper.engine.damper import Damper, damping_of
from vipkeeper.engine.documents import config_of, prefix_lengths_of
from vipkeeper.engine.first_claim import FirstClaim
from vipkeeper.engine.flaps import CHANGES, Flaps
from vipkeeper.engine.inheritance import Prepared
from vipkeeper.engine.interfaces import Interfaces, Link
from vipkeeper.engine.known_neighbours import neighbour_macs
from vipkeeper.engine.liveness import Liveness, LocalRoutes
from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.peer_plan import ways_of
from vipkeeper.engine.peers import Peers
from vipkeeper.engine.ports import Ports, SharedPort
from vipkeeper.engine.rejections import Rejections
from vipkeeper.engine.remarks import Remarks
from vipkeeper.engine.router_findings import RouterFindings
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.engine.state_memory import StateMemory
from vipkeeper.engine.talk import RouterTalk
from vipkeeper.engine.verdicts import Verdict
from vipkeeper.engine.virtual_mac import Seat, VirtualMACs, virtual_mac
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.messages import Finding, RouterStatus
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.journal.ring import Journal
from vipkeeper.vrrp.actions import (
    Action,
    AddAddresses,
    Announce,
    AnswerHandover,
    AskActive,
    BlockedChanged,
    HandOver,
    ProbeAddresses,
    ProveSegment,
    RemoveAddresses,
    SendAdvert,
    StateChanged,
    WantHandover,
)
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import (
    AddressAnswered,
    Adopted,
    AdvertReceived,
    ConfigChanged,
    Event,
    FaultsChanged,
    HandoverAsked,
    HealthChanged,
    LocalAddressChanged,
    PeerIsActive,
    Released,
    Shutdown,
    Startup,
    TimerFired,
)
from vipkeeper.vrrp.packet import Advert, Dropped, DropReason, Family, encode
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import Fault, Reason, State
from vipkeeper.vrrp.transport import Unicast
from vipkeeper.vrrp.units import ns_to_ms

HELD_ELSEWHERE = "HeldByOtherPlacement"
"""Told as a fault: the engine of another placement of this node runs the router, and has not let go yet."""
_TIMER_FIRED = TimerFired()
_NO_ACTIONS: list[Action] = []
_NOT_READ = Dropped(DropReason.NOT_READ)
_NOWHERE: dict[Family, IPAddress] = {Family.IPV4: IPv4Address(0), Family.IPV6: IPv6Address(0)}


@dataclass(slots=True)
class World:
    """What the routers of one engine share."""

    loop: Loop
    interfaces: Interfaces
    addresses: Addresses
    ports: Ports
    memory: StateMemory
    virtual_macs: VirtualMACs
    announcements: socket.socket
    journal: Journal
    node: str
    real_time: bool
    virtual_addresses: Set[IPAddress]
    """Of all routers here: never a source of adverts."""
    secrets: Mapping[str, bytes]
    """By reference, those that are known now."""
    peers: Peers
    local_routes: LocalRoutes
    segment_proof: SegmentProof
    damping: Mapping[str, Damping]
    """By uid of the document, as the engine before has left it."""
    keep_damping: Callable[[str, Damping], None]
    address_ear: AddressEar
    ask_for_twin: Callable[[Identity, str], None]
    """Another engine of this host, by its placement, whether it has a router of that VRID there still."""
    on_change: Callable[[HostedRouter], None]
    """There is something new to tell about this router."""


class HostedRouter:
    def __init__(self, world: World, document: RenderedVirtualIP, prepared: Prepared | None) -> None:
        self.document = document
        self.prepared = prepared
        self.rejections = Rejections(document.name)
        self._remarks = Remarks(document.name)
        self._flaps = Flaps()
        self.started = False
        """Whether it takes part in its election, faults or not."""
        self._world = world
        self._credentials = _credentials(document, world)
        self._authenticator = self._credentials.authenticator()
        self._config = replace(config_of(document, world.node), password=self._credentials.password)
        self._core = VirtualRouter(self._config, _NOWHERE[self._config.family])
        label = f"{document.name} (VRID {self._config.vrid}, IPv{self._config.family:d})"
        self._track = world.journal.track(label, self._core, time.monotonic_ns())
        self._timer = world.loop.urgent_timer(self._ring)
        self._announcer = Announcer(world.loop, world.announcements)
        self._liveness = Liveness(world.loop, world.local_routes)
        self._shared: SharedPort | None = None
        self._link: Link | None = None
        self._seat = Seat(world.virtual_macs)
        self._adverts: dict[int, tuple[tuple[IPAddress | None, bytes], ...]] = {}
        self._since_ns = time.monotonic_ns()
        self._remembered_ns: int | None = None
        self._told_put_back = 0
        self._heard: Advert | None = None
        self._hearing: AdvertReceived | None = None  # of `_heard`
        self._talk = RouterTalk(world.peers, world.segment_proof, self, self._peer_said, self._feed_later)
        self._claim = FirstClaim(world.loop, world.segment_proof, self._answered, self._claim_is_free)
        self._damper = Damper(
            world.loop,
            document.name,
            damping_of(world.damping, document.uid),
            partial(world.keep_damping, document.uid),
            self._damping_over,
        )
        self._told_health = HealthChanged(frozenset())
        self._on_end: Callable[[], None] | None = None
        ears = world.address_ear, world.segment_proof
        self._findings = RouterFindings(world.loop, document.name, self._talk.peer_at, self._changed, *ears, self)
        self._findings.configure(document, self._config, world.node)

    # ---- what the engine tells

    @property
    def core(self) -> VirtualRouter:
        return self._core

    @property
    def vip(self) -> str:
        return self.document.name

    @property
    def primary(self) -> IPAddress | None:
        """Where our adverts come from. None: nowhere yet."""
        return None if self._core.local_address == _NOWHERE[self._config.family] else self._core.local_address

    @property
    def link(self) -> Link | None:
        return self._link

    @property
    def state(self) -> State:
        return self._core.state

    @property
    def config(self) -> VirtualRouterConfig:
        return self._config

    @property
    def credentials(self) -> Credentials:
        return self._credentials

    @property
    def interface(self) -> str:
        return "" if self.prepared is None else self.prepared.interface

    @property
    def macvlan(self) -> str:
        return "" if self.prepared is None else self.prepared.macvlan

    @property
    def lacks_macvlan(self) -> bool:
        """Whether there should be one, now that there is the interface for it."""
        return self.document.virtual_mac and self._link is not None and self._seat.link is None

    @property
    def identity(self) -> Identity:
        place = self.macvlan or self.interface
        return Identity(self.document.uid, self._config.vrid, int(self._config.family), place)

    @property
    def holds_alone(self) -> bool:
        return self.state is State.ACTIVE and not self._core.is_handing_over

    @property
    def places(self) -> tuple[Link, ...]:
        return tuple(link for link in (self._link, self._seat.link) if link is not None)

    def is_own_mac(self, mac: bytes) -> bool:
        """Of this host, or of the virtual router: whoever is its Active may have that one (RFC 9568 §7.3)."""
        ours = any(link.mac == mac for link in self._world.interfaces.links())
        return ours or mac == virtual_mac(self._config.vrid, self._config.family)

    def is_peer_mac(self, mac: bytes, version: int) -> bool:
        """As the kernel has seen them last."""
        peers = self._findings.nodes | self._talk.peer_addresses()
        places = self.places if peers else ()
        known = (neighbour_macs(link.index, version) for link in places)
        return any(of_one.get(address) == mac for of_one in known for address in peers)

    def announce_again(self) -> None:
        self._announcer.again()

    def ask_for_twin(self, placement: str) -> None:
        self._world.ask_for_twin(self.identity, placement)

    def twin_seen(self, placement: str) -> None:
        """Another engine of this host has a router with our VRID on our interface."""
        self._findings.twin_seen(placement, time.monotonic_ns())

    @property
    def legacy(self) -> Legacy:
        """What the engine of another placement needs to go on from here."""
        followed = self._heard is not None and self._core.active_address == self._heard.source
        heard = self._heard if self.state is State.BACKUP and followed else None
        return Legacy(self.state is State.ACTIVE, heard)

    def start(self, verdict: Verdict, last_advert_ns: int | None) -> None:
        """Run. What an engine before this one has left on the interface is resumed or taken off (`Startup`)."""
        self._join_peers()
        self.look_around()
        self._tell_health(self._judge(verdict))
        if last_advert_ns is None:
            self._sweep()
        self.started = True  # not before: its macvlan, if it is up, stays so where the router goes on
        self._feed(Startup(last_advert_ns))
        self._changed()

    def start_adopted(self, verdict: Verdict) -> None:
        """Go on as Active where another router of this node has just stopped without a word."""
        self._join_peers()
        self.look_around()
        self._tell_health(self._judge(verdict))
        self.started = True  # not before, as above
        self._feed(Adopted())
        self._changed()

    def reconfigure(self, document: RenderedVirtualIP, prepared: Prepared | None) -> None:
        """The same VRID, family and interface: the election goes on."""
        self.document = document
        self.prepared = prepared
        moved = self._take_seat()
        self._credentials = _credentials(document, self._world)
        self._authenticator = self._credentials.authenticator(self._authenticator)
        self._config = replace(config_of(document, self._world.node), password=self._credentials.password)
        self._remarks.forget()
        self._findings.configure(document, self._config, self._world.node)
        if self._shared is not None:
            self._shared.expect(self._config.vrid, self._config.expected(self._authenticator))
        self._take_source(self._link)
        self._rehearse()
        if self.started:
            self._join_peers()
        self._feed(ConfigChanged(self._config))
        if self.state is State.ACTIVE:  # the lease may have another length
            self._add(self._config.all_addresses)
            if moved:
                self._announcer.start(time.monotonic_ns())
        self.look_around()
        self._changed()

    def stop(self, *, hand_over: bool = False, on_end: Callable[[], None] = lambda: None) -> None:
        """Leave: when Active, to a peer if it shall `hand_over` and one is fit, else with priority 0.

        `on_end` is called when it has left: before this returns, or some milliseconds later.
        """
        self._on_end = on_end
        self._feed(Shutdown(hand_over))

    def release(self) -> None:
        """Another router of this node goes on: leave without a word, and the addresses where they are."""
        if self._seat.link is not None:
            self._world.addresses.let_go(self.document.uid, self._seat.link.index, self._config.all_addresses)
        self._seat.take(None, virtual=False, ours=False)
        self._feed(Released())
        self._end()

    def take_off(self, addresses: tuple[IPAddress, ...]) -> None:
        """Those of `addresses` (a released router's) that are none of ours."""
        self._remove(tuple(address for address in addresses if address not in self._config.all_addresses))

    def take_verdict(self, verdict: Verdict) -> None:
        news = self._judge(verdict)
        if news != self._told_health:
            self._tell_health(news)
            self._changed()

    def _judge(self, verdict: Verdict) -> HealthChanged:
        return HealthChanged(verdict.ailments, self._damper.judge(verdict.ailments), verdict.warming)

    def _tell_health(self, health: HealthChanged) -> None:
        if health.warming and not self._told_health.warming:
            log("nginx has not loaded it yet: no address is taken from a node that serves", vip=self.document.name)
        self._told_health = health
        self._feed(health)

    def _damping_over(self) -> None:
        self.take_verdict(Verdict(self._core.ailments, self._core.warming))

    def look_around(self) -> None:
        """The interface, its addresses, or what is known of them has changed: where do we stand now?"""
        link = self._world.interfaces.named(self.interface) if self.interface else None
        if self._link is not None and (link is None or link.index != self._link.index):
            self._leave_link()
        self._link = link
        self._take_seat()
        if link is not None and not self._attached(link):
            self._shared = self._world.ports.attach(
                link, self._config.family, self._config.vrid, self, self._config.expected(self._authenticator)
            )
        self._take_source(link)
        self._rehearse()
        faults = self._faults()
        if faults != self._core.faults:
            say = warn if faults else log
            say("faults", vip=self.document.name, faults=",".join(sorted(faults)) or "none", interface=self.interface)
            self._feed(FaultsChanged(faults))
            self._changed()

    # ---- what the wire tells

    def advert_received(self, advert: Advert, now_ns: int, arrived_ns: int) -> bool:
        """True: it said again what its Active had said before."""
        if self._hearing is not None and self._core.confirm(advert, arrived_ns):
            self._timer.deadline_ns = self._core.deadline_ns  # it only ever moves back
            self._track.note(self._hearing, arrived_ns, _NO_ACTIONS)
            self._findings.adverts.received_again(advert, arrived_ns)
            return True
        if self._claim.stands:
            self._claim.heard()
        news = advert is not self._heard  # the same bytes make the same object (`wire.py`)
        self._heard = advert
        self._hearing = AdvertReceived(advert)
        before = self._core.active_address
        self._findings.received(advert, now_ns)
        self._feed(self._hearing, now_ns)
        if news and advert.remarks:
            self._remarks.say(advert.remarks, advert.source, advert.priority)
        if self._core.remarks and self.state is State.BACKUP and self._core.active_address == advert.source:
            self._remarks.say(self._core.remarks, advert.source, advert.priority)
        if self._core.active_address is not before and self._core.active_address != before:
            self._changed()
        return False

    def advert_refused(self, dropped: Dropped, source: str) -> None:
        self.rejections.count(dropped, source)
        if dropped.said is not None:
            self._findings.adverts.refused(dropped, source, time.monotonic_ns())

    def adverts_lost(self, count: int) -> None:
        self.rejections.count(_NOT_READ, "", count)

    # ---- what is told about it

    @property
    def counters_changed(self) -> bool:
        """Something that was counted has not been told yet."""
        if self.rejections.changed or self._remarks.changed:
            return True
        return self._told_put_back != self._world.addresses.put_back(self.document.uid)

    def status(self) -> RouterStatus:
        self._told_put_back = self._world.addresses.put_back(self.document.uid)
        core, takeover_ns = self._core, self._core.takeover_ns
        active = core.state is State.ACTIVE
        segment = ""
        faults: tuple[str, ...] = tuple(sorted(core.faults))
        if not self.started and not faults:
            faults = (HELD_ELSEWHERE,)
        if self._link is not None:
            segment = self._link.segment(self._config.family, self._config.addresses)
        return RouterStatus(
            name=self.document.name,
            uid=self.document.uid,
            generation=self.document.generation,
            vrid=self._config.vrid,
            state=core.state.value,
            since_ms=(time.monotonic_ns() - self._since_ns) // 1_000_000,
            priority=core.priority,
            reason=core.reason.value,
            takeover_ms=round(ns_to_ms(takeover_ns), 3) if active and takeover_ns is not None else None,
            interface=self.interface,
            segment=segment,
            faults=faults,
            ailments=tuple(sorted(core.ailments)),
            active_address=str(core.active_address) if core.active_address is not None else "",
            primary_address="" if core.local_address == _NOWHERE[self._config.family] else str(core.local_address),
            rejected=self.rejections.report(),
            remarks=self._remarks.report(),
            findings=self._all_findings(),
            put_back=self._told_put_back,
            damped_ms=self._damper.left_ms if core.damped else 0,
        )

    # ---- the core and its wishes

    def _ring(self, now_ns: int) -> None:
        if self._core.state is State.BACKUP and self._shared is not None:
            self._shared.drain(now_ns)  # silence is believed when nothing is left to read
            if self._config.witness:
                self._world.peers.drain(now_ns)
            self._timer.cancel()  # `confirm` has written a deadline into it, but it is not in the queue: `_feed` sets it
        self._feed(_TIMER_FIRED, now_ns)

    def _feed(self, event: Event, now_ns: int | None = None) -> None:
        core = self._core
        if now_ns is None:
            now_ns = time.monotonic_ns()
            if self._shared is not None:
                self._shared.catch_up(now_ns)
        try:
            actions = core.handle(event, now_ns)
        except Exception:
            self._track.failed(event, now_ns)
            raise
        self._track.note(event, now_ns, actions)
        for action in actions:
            self._do(action, now_ns)
        if core.last_advert_ns != self._remembered_ns:
            self._remembered_ns = core.last_advert_ns
            self._world.memory.remember(self.document.uid, core.last_advert_ns)
        if core.deadline_ns != self._timer.deadline_ns:
            self._timer.set(core.deadline_ns)
            self._timer.slack_ns = core.slack_ns
        if self._seat.virtual and core.state is not State.ACTIVE and self.started:
            self._seat.lower_link()
        if self._on_end is not None and core.state is State.INITIALIZE:
            on_end, self._on_end = self._on_end, None
            self._end()
            on_end()

    def _answered(self, address: IPAddress, now_ns: int) -> None:
        """Before a first claim. It may be the Active, heard a moment later: so it is no news yet."""
        self._feed(AddressAnswered(address), now_ns)

    def _claim_is_free(self) -> None:
        """Nobody answers any more, or it is the Active who did."""
        self.look_around()
        self._changed()

    def _all_findings(self) -> tuple[Finding, ...]:
        conflict = self._conflict()
        return (*self._findings.report(time.monotonic_ns()), *([conflict] if conflict is not None else []))

    def _conflict(self) -> Finding | None:
        return self._claim.finding() if Fault.ADDRESS_CONFLICT in self._core.faults else None

    def _join_peers(self) -> None:
        priorities = {name: share.priority for name, share in self.document.nodes.items()}
        self._talk.join(ways_of(self.document, self._world.node), priorities)

    def _peer_said(self, event: Event, now_ns: int) -> None:
        """What came by VRRP before this may tell more of the truth: it is read first."""
        if isinstance(event, PeerIsActive):
            self._findings.claims.other_active(now_ns)
        if isinstance(event, HandoverAsked) and self._shared is not None:
            self._shared.drain(now_ns)
        self._feed(event, now_ns)

    def _feed_later(self, event: Event) -> None:
        """For what an action has led to: the others of its list come first."""
        self._world.loop.afterwards(lambda now_ns: self._feed(event, now_ns))

    def _do(self, action: Action, now_ns: int) -> None:
        match action:
            case SendAdvert(priority):
                self._send(priority)
            case AddAddresses(addresses):
                self._add(addresses)
            case RemoveAddresses(addresses):
                self._liveness.cancel()
                self._announcer.stop()
                self._remove(addresses)
            case Announce(addresses):
                self._liveness.when_live(addresses, self._announcer.start, now_ns)
            case HandOver():
                self._talk.hand_over(action, now_ns)
            case AskActive():
                self._talk.ask_active(action, now_ns)
            case WantHandover():
                self._talk.want(action)
            case ProveSegment():
                self._talk.prove_segment(action, now_ns)
            case ProbeAddresses(addresses):
                self._claim.probe(self._link, addresses, now_ns)
            case BlockedChanged(by):
                self._findings.blocked_changed(by, now_ns)
            case AnswerHandover():
                # When neighbours were told: the other one has the addresses until it is told, too.
                self._liveness.when_live((), lambda _now_ns: self._talk.answer(action), now_ns)
            case StateChanged(old, new, reason):
                self._since_ns = now_ns
                if self._shared is not None:
                    self._shared.listen_to(self._config.vrid)
                log(
                    "",
                    vip=self.document.name,
                    vrid=self._config.vrid,
                    state=new.lower(),
                    was=old.lower(),
                    reason=reason.value,
                    priority=self._core.priority,
                    interface=self.interface,
                )
                if new is State.INITIALIZE and (conflict := self._conflict()):
                    warn("no claim", vip=self.document.name, conflict=conflict.detail)
                if State.ACTIVE in (old, new):
                    self._findings.active_changed(new is State.ACTIVE, now_ns)
                    self._note_flap(now_ns, reason)
                self._changed()
            case _:
                assert_never(action)

    def _note_flap(self, now_ns: int, reason: Reason) -> None:
        flap = self._flaps.changed(now_ns, self._config.advertisement_interval_cs, reason)
        if flap is not None:
            took_ms = round(ns_to_ms(flap.took_ns))
            warn(flap.text, vip=self.document.name, changes=CHANGES, within_ms=took_ms, reasons=flap.causes)

    def _send(self, priority: int) -> None:
        if self._shared is None or self._credentials.problems:
            return
        messages = self._adverts.get(priority)
        if messages is None:
            messages = self._adverts[priority] = self._encode(priority)
        port, source = self._shared.port, self._core.local_address
        for destination, message in messages:
            if self._authenticator is not None:  # no two are alike: each is signed when it goes
                to = self._config.family.group if destination is None else destination
                message = self._authenticator.sign(message, source, to, time.time_ns())
            if destination is None:
                # A loser's last one leaves with its own MAC address: no switch shall look for the virtual one here.
                with_virtual_mac = self._core.state is State.ACTIVE or priority == 0
                if not (with_virtual_mac and self._seat.send(source, message)):
                    port.send(message)
            else:
                port.send_to(message, source, destination)

    def _add(self, addresses: tuple[IPAddress, ...]) -> None:
        if self._seat.link is not None:
            self._world.addresses.add(self.document.uid, self._seat.link.index, addresses, self._lease_s())

    def _remove(self, addresses: tuple[IPAddress, ...]) -> None:
        if self._seat.link is not None:
            self._world.addresses.remove(self.document.uid, self._seat.link.index, addresses)

    # ---- keeping ready

    def _rehearse(self) -> None:
        """Make the bytes of a takeover, and of leaving, now."""
        config, link, seat = self._config, self._link, self._seat.link
        if seat is not None:
            self._world.addresses.use_prefixes(seat.index, prefix_lengths_of(self.document))
        if link is None or seat is None or self._core.local_address == _NOWHERE[config.family]:
            self._adverts = {}
            return
        self._adverts = {priority: self._encode(priority) for priority in {config.priority, self._core.priority, 0}}
        self._world.addresses.rehearse(seat.index, config.all_addresses, self._lease_s())
        self._announcer.rehearse(link.name, seat.mac, config.all_addresses)

    def _encode(self, priority: int) -> tuple[tuple[IPAddress | None, bytes], ...]:
        """For the group (None), or for each peer: the destination is in the checksum."""
        destinations = self._destinations if isinstance(self._config.transport, Unicast) else (None,)
        return tuple((destination, self._encode_for(priority, destination)) for destination in destinations)

    def _encode_for(self, priority: int, destination: IPAddress | None) -> bytes:
        return encode(
            vrid=self._config.vrid,
            priority=priority,
            interval_cs=self._config.advertisement_interval_cs,
            addresses=self._config.addresses,
            source=self._core.local_address,
            destination=destination,
            checksum_form=self._config.checksum,
            version=self._config.version,
            password=self._config.password,
        )

    @property
    def _destinations(self) -> tuple[IPAddress, ...]:
        return unicast.destinations_of(self.document, self._world.node)

    def _lease_s(self) -> int:
        return lease_s(self._config.advertisement_interval_cs, self._world.real_time)

    def _take_source(self, link: Link | None) -> None:
        source = None if link is None else self._source_on(link)
        if source is None:
            return
        if self._shared is not None:
            if isinstance(self._config.transport, Unicast):
                ways = unicast.own_ways_of(self.document, self._world.node)
                self._shared.take_unicast(self._config.vrid, ways | {source})
            else:
                self._shared.take_unicast(self._config.vrid, frozenset())
                self._shared.set_source(source)
        if source != self._core.local_address:
            self._adverts = {}
            self._feed(LocalAddressChanged(source))
            self._changed()

    def _source_on(self, link: Link) -> IPAddress | None:
        virtual = self._world.virtual_addresses
        if isinstance(self._config.transport, Unicast):
            towards = unicast.decisive(self._destinations)
            if towards is not None:
                return link.source_towards(towards, virtual)
        return link.source(self._config.family, virtual)

    def _faults(self) -> frozenset[Fault]:
        if self.prepared is None:
            return frozenset({Fault.NOT_PREPARED})
        faults = self._world.interfaces.faults(self.interface, self._config.family, self._world.virtual_addresses)
        not_prepared = bool(self.prepared.problems) and bool(self.interface)
        if not_prepared or self.lacks_macvlan or (self._link is not None and self._shared is None):
            faults |= {Fault.NOT_PREPARED}
        if unicast.lacks_peers(self.document, self._world.node):
            faults |= {Fault.NO_PEER_ADDRESS}
        if Fault.ADDRESS_CONFLICT in self._core.faults and self._claim.stands:
            faults |= {Fault.ADDRESS_CONFLICT}
        if self._credentials.problems:
            faults |= {Fault.SECRET_MISSING}
        return faults

    # ---- arriving and leaving

    def _take_seat(self) -> bool:
        """Where the addresses live now. Those of another place are taken off there. Whether it is another place."""
        seat = self._seat
        link = seat.find(self._world.interfaces, self._link, self.macvlan if self.document.virtual_mac else None)
        moved = (link and link.index) != (seat.link and seat.link.index)
        if moved:
            self._remove(self._config.all_addresses)
            seat.lower_link()
        seat.take(link, virtual=self.document.virtual_mac, ours=self.started)
        if self.state is State.ACTIVE and seat.was_lowered:
            warn("somebody has set a macvlan down; set up again", vip=self.document.name, interface=self.macvlan)
            seat.raise_link()
            self._add(self._config.all_addresses)
        elif self.state is not State.ACTIVE and self.started and seat.was_raised:
            seat.lower_link()
        return moved

    def _attached(self, link: Link) -> bool:
        return self._shared is not None and self._shared.port.index == link.index

    def _sweep(self) -> None:
        """Take off what a speaker that was killed has left here. What an administrator put there stays."""
        left = [
            link.addresses[address]
            for link in self._world.interfaces.links()
            for address in self._config.all_addresses
            if link.holds_ours(address)
        ]
        for found in left:
            log("an address was left here; removed", vip=self.document.name, address=found.address)
            self._world.addresses.sweep(found.index, found.address, found.prefix_length)

    def _leave_link(self) -> None:
        """The interface is gone (or is another one of the same name now)."""
        self._feed(FaultsChanged(self._core.faults | {Fault.INTERFACE_MISSING}))
        if self._shared is not None:
            self._world.ports.detach(self._shared, self._config.vrid)
        self._shared = None
        self._link = None

    def _end(self) -> None:
        self._timer.cancel()
        self._track.end()
        self._liveness.cancel()
        self._damper.cancel()
        self._claim.cancel()
        self._announcer.stop()
        self._talk.leave()
        self._findings.end()
        if self._shared is not None:
            self._world.ports.detach(self._shared, self._config.vrid)
            self._shared = None
        self._world.memory.forget(self.document.uid)

    def _changed(self) -> None:
        self._talk.look()
        self._world.on_change(self)


def _credentials(document: RenderedVirtualIP, world: World) -> Credentials:
    credentials = credentials_of(document, world.secrets)
    for problem in credentials.problems:
        warn("not authenticated, so it does not run", vip=document.name, problem=problem)
    return credentials
