"""The engine: puts the parts together, and keeps the list of virtual routers right.

A document comes from the state folder (through the guard) or from the agent; it waits for `prepare` when the interface
has to be chosen anew, and then a router runs it. The old router, or the old configuration, stays until then.

Tests: tests/netns/test_documents.py, test_interfaces.py, test_kills.py.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import vipkeeper
from vipkeeper.engine import inheritance, realtime
from vipkeeper.engine.address_ear import AddressEar
from vipkeeper.engine.addresses import Addresses
from vipkeeper.engine.adoption import Adoption, Identity, Legacy
from vipkeeper.engine.agent_socket import AgentSocket
from vipkeeper.engine.credentials import credentials_of, with_news
from vipkeeper.engine.documents import config_of, problems_of
from vipkeeper.engine.foreign_vrids import Scout
from vipkeeper.engine.hosted_router import HostedRouter, World
from vipkeeper.engine.inheritance import Inheritance, Prepared, Results, needs_of
from vipkeeper.engine.interfaces import Interfaces, Link
from vipkeeper.engine.journal_writer import CRASH, JournalWriter
from vipkeeper.engine.lines import LineStream
from vipkeeper.engine.liveness import LocalRoutes
from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink import Netlink
from vipkeeper.engine.netlink_codec import (
    OUR_PROTO,
    RTM_DELADDR,
    AddressMessage,
    DumpDone,
    ErrorMessage,
    IPAddress,
    LinkMessage,
    Message,
)
from vipkeeper.engine.nginx_farewell import NginxFarewell, gives_way, is_emptied
from vipkeeper.engine.nginx_watch import NginxWatch
from vipkeeper.engine.peer_plan import plan_of
from vipkeeper.engine.peers import Peers
from vipkeeper.engine.port_watch import PortWatch
from vipkeeper.engine.ports import Ports
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.engine.settings import Settings
from vipkeeper.engine.state_memory import StateMemory
from vipkeeper.engine.verdicts import Verdict, Verdicts
from vipkeeper.engine.virtual_mac import VirtualMACs
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.macvlan_mark import MacvlanMark
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    EngineMessage,
    Gone,
    Health,
    Refused,
    Remove,
    RemoveReason,
    Secrets,
    Segments,
    Synced,
    Welcome,
    to_json,
)
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.journal.ring import Journal
from vipkeeper.vrrp.state import State
from vipkeeper.vrrp.units import ms_to_ns

PREPARE_AGAIN_MS = 5000
"""After a failed preparation, when nothing else has given a reason to try again."""
SETTLE_MS = 200
"""Interfaces that appear do so with several messages: wait for the last of them."""
BELIEVE_HEARSAY_MS = 10_000
"""Documents that another pod has left are run without the agent's word after this: it, or the API server, is away."""
TELL_COUNTERS_MS = 60_000
COLLECT_GARBAGE_MS = 60_000
LEAVING_MAY_TAKE_NS = ms_to_ns(500)
"""Many handovers at once. Each router gives up by itself long before."""
TIDY_JOURNAL_MS, TIDY_BLOCKS = 20, 2
"""Full blocks of the journal become JSON a few at a time: half a millisecond of work, not in the midst of a takeover."""
_QUIET_ERRNOS = (6, 19, 99)  # ENXIO, ENODEV, EADDRNOTAVAIL: what we want removed is gone already


@dataclass(frozen=True, slots=True)
class FrameSockets:
    """Packet sockets that the guard keeps open, so that no engine has to close one (`announce.py`)."""

    announcements: socket.socket
    questions: socket.socket
    """Of `segment_proof.py`."""
    ear: socket.socket
    """Of `address_ear.py`."""


class Engine:
    def __init__(
        self,
        settings: Settings,
        memory: StateMemory,
        heritage: Inheritance,
        guard: socket.socket,
        frames: FrameSockets,
    ) -> None:
        real_time = realtime.ask_for_real_time(realtime.ENGINE_PRIORITY)
        self._settings = settings
        self._memory = memory
        self._heritage = heritage
        self._loop = Loop()
        self._guard = LineStream(self._loop, guard, self._guard_said, self._guard_gone)
        self._routers: dict[str, HostedRouter] = {}
        self._waiting: dict[str, RenderedVirtualIP] = {}
        self._unkeyed: dict[str, RenderedVirtualIP] = {}
        """Documents whose secrets are not here yet, while the one before goes on."""
        self._virtual_addresses: set[IPAddress] = set()
        self._interfaces = Interfaces()
        self._netlink = Netlink(self._kernel_said, self._read_interfaces_again)
        self._loop.watch(self._netlink.fileno(), lambda _now_ns: self._netlink.read())
        self._ports = Ports(self._loop)
        self._peers = Peers(self._loop, settings.node)
        self._planning = False
        self._journal = Journal(tidy_soon=self._tidy_journal_soon)
        self._journal_timer = self._loop.timer(self._tidy_journal)
        self._journal_writer = JournalWriter(settings, self._journal, self._for_journal)
        self._world = World(
            loop=self._loop,
            interfaces=self._interfaces,
            addresses=Addresses(self._loop, self._netlink),
            ports=self._ports,
            memory=memory,
            virtual_macs=VirtualMACs(self._netlink, self._lower_link),
            announcements=frames.announcements,
            journal=self._journal,
            node=settings.node,
            real_time=real_time,
            virtual_addresses=self._virtual_addresses,
            secrets=heritage.secrets,
            peers=self._peers,
            local_routes=LocalRoutes(),
            damping=heritage.damping,
            keep_damping=self._keep_damping,
            segment_proof=SegmentProof(self._loop, frames.questions),
            address_ear=AddressEar(self._loop, frames.ear),
            ask_for_twin=lambda identity, placement: self._adoption.ask_for_twin(identity, placement),
            on_change=self._router_changed,
        )
        self._verdicts = Verdicts(heritage.verdicts, nginx=settings.nginx)
        self._nginx = NginxWatch(self._loop, settings.nginx_socket, self._health_changed) if settings.nginx else None
        self._farewell = NginxFarewell(self._loop, settings.nginx_socket)
        self._listeners = PortWatch(self._loop, self._health_changed)
        self._changed: set[str] = set()
        self._looking_around = False
        self._hearsay_timer = self._loop.timer(self._believe_hearsay)
        self._prepare_timer = self._loop.timer(self._prepare_again)
        self._verdict_timer = self._loop.timer(self._verdicts_overdue)
        self._counter_timer = self._loop.timer(self._tell_counters)
        self._garbage_timer = self._loop.timer(self._collect_garbage)
        self._adoption = Adoption(
            self._loop, settings.placement, self._running, self._let_go, self._twin_of, self._twin_seen
        )
        self._scout = Scout(
            self._loop, self._interfaces, self._virtual_addresses, self._ports.vrids, self._segments_changed
        )
        self._agents = AgentSocket(
            self._loop, settings.engine_socket, self._greeting, self._agent_said, self._has_something_of
        )

    def run(self) -> None:
        """Until SIGTERM, SIGINT, or the end of the guard."""
        try:
            self._run_until_told_to_leave()
        except Exception:
            self._journal_writer.write(CRASH)
            raise

    def _run_until_told_to_leave(self) -> None:
        now_ns = time.monotonic_ns()
        self._watch_signals()
        self._netlink.dump()
        for name, document in list(self._heritage.documents.items()):
            if name not in self._heritage.hearsay:
                self._apply(document)
        if self._heritage.hearsay:
            log("documents of another pod wait for the agent", vips=",".join(sorted(self._heritage.hearsay)))
            self._hearsay_timer.set(now_ns + ms_to_ns(BELIEVE_HEARSAY_MS))
        self._scout.start(now_ns)
        self._counter_timer.set(now_ns + ms_to_ns(TELL_COUNTERS_MS))
        self._garbage_timer.set(now_ns + ms_to_ns(COLLECT_GARBAGE_MS))
        realtime.wake_on_time()
        realtime.keep_memory()
        realtime.take_garbage_collection_in_hand()
        self._loop.run()
        self._leave()

    # ---- documents

    def _apply(self, document: RenderedVirtualIP) -> None:
        name = document.name
        problems = problems_of(document, self._settings.node)
        if problems:
            warn("a document is refused", vip=name, problems="; ".join(problems))
            self._agents.tell(Refused(name, document.generation, problems))
            return
        if self._settings.node not in document.nodes:
            self._remove(name, hand_over=True)
            return
        self._adoption.stays(document.uid)
        running = self._routers.get(name)
        if self._waits_for_secrets(document, running):
            return
        if running is not None and running.document == document:
            if self._waiting.pop(name, None) is not None:  # an edit that was taken back before it ran
                self._guard.send(inheritance.encode(inheritance.Store(document)))
            self._router_changed(running)
            return
        prepared = self._heritage.prepared.get(name)
        if prepared is not None and prepared.needs == needs_of(document):
            self._run(document, prepared)
            return
        self._waiting[name] = document
        if running is None:
            self._run(document, None)
        self._guard.send(inheritance.encode(inheritance.Prepare((document,))))

    def _waits_for_secrets(self, document: RenderedVirtualIP, running: HostedRouter | None) -> bool:
        """What runs with good credentials does not give them up for some that are not here."""
        self._unkeyed.pop(document.name, None)
        problems = credentials_of(document, self._heritage.secrets).problems
        if not problems or running is None or running.credentials.problems:
            return False
        warn("a document waits for its secrets", vip=document.name, problems="; ".join(problems))
        self._unkeyed[document.name] = document
        self._waiting.pop(document.name, None)
        self._agents.tell(Refused(document.name, document.generation, problems))
        return True

    def _run(self, document: RenderedVirtualIP, prepared: Prepared | None) -> None:
        """Have a router run this document: the one that there is, or another in its place, or the first one."""
        name = document.name
        if prepared is not None:
            self._waiting.pop(name, None)
        old = self._routers.get(name)
        self._note_virtual_addresses(document)
        self._verdicts.run(document)
        self._watch_nginx(document)
        if old is not None and _is_same_router(old, document, prepared, self._settings.node):
            active, node = old.state is State.ACTIVE, self._settings.node
            if active and gives_way(old.document, document, node):
                self._farewell.ask()  # the other one waits for its timer before it preempts
            emptied = active and is_emptied(old.document, document, node)
            old.reconfigure(document, prepared)
            if old.started and emptied:
                self._farewell.then(self._health_changed)
            elif old.started:
                old.take_verdict(self._verdict(document))
        else:
            self._replace(old, HostedRouter(self._world, document, prepared))
        if prepared is not None and not self._routers[name].started:
            self._start(self._routers[name])
        self._store(document)
        self._note_virtual_addresses()
        self._plan_peers()
        self._look_around()

    def _replace(self, old: HostedRouter | None, new: HostedRouter) -> None:
        self._routers[new.document.name] = new
        if old is None or not old.started:
            if old is not None:
                self._adoption.cancel(old.document.uid)
                old.stop()
            new.look_around()
            self._router_changed(new)
        elif _goes_on(old, new):  # another VRID on the same interface: the address need not leave it
            old.release()
            new.start_adopted(self._verdict(new.document))
            new.take_off(old.config.all_addresses)
        else:
            old.stop()
            new.start(self._verdict(new.document), None)

    def _start(self, router: HostedRouter) -> None:
        """At once when an engine of this pod has run it before; else when no neighbour (any more) has it."""
        if router.document.name in self._heritage.started:
            last_advert_ns = self._memory.last_advert_ns(router.document.uid)
            if last_advert_ns is None:
                self._expect_verdicts(router.document)
            router.start(self._verdict(router.document), last_advert_ns)
        else:
            self._adoption.search(router.identity, lambda legacy: self._searched(router, legacy))

    def _searched(self, router: HostedRouter, legacy: Legacy | None) -> None:
        if legacy is not None and legacy.active:
            router.start_adopted(self._verdict(router.document))
        else:
            self._expect_verdicts(router.document)
            router.start(self._verdict(router.document), None)
            if legacy is not None and legacy.heard is not None:
                now_ns = time.monotonic_ns()
                router.advert_received(legacy.heard, now_ns, now_ns)
        self._heritage.started.add(router.document.name)
        self._guard.send(inheritance.encode(inheritance.Started(router.document.name)))

    def _remove(self, name: str, *, silently: bool = False, hand_over: bool = False) -> None:
        """`silently`: another engine of this node goes on with it. `hand_over`: other nodes do."""
        self._waiting.pop(name, None)
        self._unkeyed.pop(name, None)
        self._heritage.prepared.pop(name, None)
        self._heritage.started.discard(name)
        router = self._routers.pop(name, None)
        if router is not None:
            self._adoption.cancel(router.document.uid)
            self._adoption.stays(router.document.uid)
            if silently:
                router.release()
                self._removed()
            else:
                router.stop(hand_over=hand_over, on_end=self._removed)
            log("removed", vip=name)
        self._verdicts.forget(name)
        self._watch_nginx()
        self._heritage.hearsay.discard(name)
        if self._heritage.documents.pop(name, None) is not None:
            self._guard.send(inheritance.encode(inheritance.Forget(name)))
        self._changed.discard(name)
        self._agents.tell(Gone(name))

    def _removed(self) -> None:
        self._note_virtual_addresses()
        self._plan_peers()
        self._look_around()  # somebody may wait for its VRID

    def _move(self, name: str) -> None:
        router = self._routers.get(name)
        if router is None or not router.started:
            self._remove(name)
        else:
            self._adoption.moved(router.document.uid)

    def _running(self, uid: str) -> HostedRouter | None:
        return next((item for item in self._routers.values() if item.document.uid == uid and item.started), None)

    def _let_go(self, uid: str, silently: bool) -> None:
        router = self._running(uid)
        if router is not None:
            self._remove(router.document.name, silently=silently)

    def _twin_of(self, theirs: Identity) -> str | None:
        """A router here that is not the one that another engine of this host asks for, but has its VRID in its place."""
        for router in self._routers.values():
            ours = router.identity
            if ours.interface and replace(theirs, uid=ours.uid) == ours and theirs.uid != ours.uid:
                return ours.uid
        return None

    def _twin_seen(self, uid: str, placement: str) -> None:
        for router in self._routers.values():
            if router.document.uid == uid:
                router.twin_seen(placement)

    def _store(self, document: RenderedVirtualIP) -> None:
        hearsay = document.name in self._heritage.hearsay
        if hearsay or self._heritage.documents.get(document.name) != document:
            self._heritage.hearsay.discard(document.name)
            self._heritage.documents[document.name] = document
            self._guard.send(inheritance.encode(inheritance.Store(document)))

    def _believe_hearsay(self, _now_ns: int) -> None:
        """The agent has confirmed what is left of it, or nobody is there who could."""
        for name in sorted(self._heritage.hearsay):
            log("a document of another pod is run", vip=name)
            self._apply(self._heritage.documents[name])

    def _note_virtual_addresses(self, *more: RenderedVirtualIP) -> None:
        self._virtual_addresses.clear()
        for document in (*more, *(router.document for router in self._routers.values())):
            self._virtual_addresses.update(item.address for item in document.addresses)

    def _plan_peers(self) -> None:
        """Soon, once for all documents that come together."""
        if not self._planning:
            self._planning = True
            self._loop.afterwards(self._plan_peers_now)

    def _plan_peers_now(self, _now_ns: int) -> None:
        self._planning = False
        plan = plan_of((router.document for router in self._routers.values()), self._settings.node)
        self._peers.configure(self._heritage.secrets.get(plan.secret), plan.port, plan.peers)

    # ---- what others say

    def _agent_said(self, message: AgentMessage) -> None:
        match message:
            case Apply(document):
                self._apply(document)
            case Remove(name, RemoveReason.MOVED):
                self._move(name)
            case Remove(name):
                self._remove(name)
            case Synced(names):
                for router in [item for name, item in self._routers.items() if name not in names]:
                    if not self._adoption.is_moving(router.document.uid):
                        self._remove(router.document.name)
                for name in [name for name in self._heritage.hearsay if name not in names]:
                    self._remove(name)
                self._believe_hearsay(time.monotonic_ns())
            case Health():
                self._take_health(message)
            case Secrets(values):
                self._take_secrets(values)

    def _has_something_of(self, name: str) -> bool:
        return name in self._routers or name in self._waiting or name in self._heritage.documents

    def _greeting(self) -> list[EngineMessage]:
        welcome = Welcome(vipkeeper.__version__, self._settings.node, self._settings.placement)
        segments = [Segments(self._scout.report())] if self._scout.report() else []
        return [welcome, *segments, *(router.status() for router in self._routers.values())]

    def _guard_said(self, line: bytes) -> None:
        message = inheritance.decode(line)
        if isinstance(message, Results):
            for name, prepared in message.prepared.items():
                self._take_prepared(name, prepared)

    def _guard_gone(self, why: str) -> None:
        warn("the guard is gone; leaving", why=why)
        self._loop.stop()

    def _take_prepared(self, name: str, prepared: Prepared) -> None:
        self._netlink.read()  # the kernel has told of what was made before it was told here
        self._heritage.prepared[name] = prepared
        for problem in prepared.problems:
            warn("not prepared", vip=name, problem=problem)
        waiting, running = self._waiting.get(name), self._routers.get(name)
        if waiting is not None and needs_of(waiting) == prepared.needs:
            self._run(waiting, prepared)
        elif running is not None and needs_of(running.document) == prepared.needs and running.prepared != prepared:
            self._run(running.document, prepared)
        if prepared.problems:
            self._prepare_timer.set(time.monotonic_ns() + ms_to_ns(PREPARE_AGAIN_MS))

    def _prepare_again(self, _now_ns: int) -> None:
        """For those without an interface, or with problems: something has changed, or some time has passed. And remove
        macvlans that nobody needs any more."""
        wanted = tuple(
            router.document
            for router in self._routers.values()
            if router.document.name not in self._waiting
            and router.prepared is not None
            and (router.prepared.problems or router.lacks_macvlan)
        )
        unwanted = self._unwanted_macvlans()
        if wanted or unwanted:
            self._guard.send(inheritance.encode(inheritance.Prepare(wanted, unwanted)))

    def _unwanted_macvlans(self) -> tuple[str, ...]:
        """Ours, and no router's: of a VirtualIP that is gone, or of a speaker that was killed. While a router is not prepared
        it is not known which one it will have."""
        unprepared = any(router.prepared is None for router in self._routers.values())
        if unprepared or self._waiting or self._heritage.hearsay:
            return ()
        wanted = {router.macvlan for router in self._routers.values()}
        marks = {link.name: MacvlanMark.from_alias(link.alias) for link in self._interfaces.links()}
        ours = [name for name, mark in marks.items() if mark and mark.placement == self._settings.placement]
        return tuple(name for name in ours if name not in wanted)

    def _lower_link(self, index: int) -> None:
        self._guard.send(inheritance.encode(inheritance.Lower(index)))

    # ---- secrets

    def _take_secrets(self, values: Mapping[str, bytes]) -> None:
        kept, heritage = self._heritage.secrets, self._heritage
        documents = [*heritage.documents.values(), *(router.document for router in self._routers.values())]
        now = with_news(kept, values, documents)
        if now == kept:
            return
        kept.clear()
        kept.update(now)
        self._guard.send(inheritance.encode(inheritance.KeepSecrets(now)))
        for router in self._routers.values():
            if router.credentials != credentials_of(router.document, kept):
                log("new secrets", vip=router.document.name)
                router.reconfigure(router.document, router.prepared)
        for document in list(self._unkeyed.values()):
            self._apply(document)
        self._plan_peers()

    # ---- health

    def _take_health(self, health: Health) -> None:
        if (health.name and health.name not in self._routers) or not self._verdicts.take(health):
            return
        source, healthy, detail = health.source.value, health.healthy, health.detail or None
        log("health", vip=health.name or None, source=source, healthy=healthy, detail=detail)
        self._guard.send(inheritance.encode(inheritance.VerdictKnown(health.name, source, healthy)))
        if health.name:
            self._listeners.checked(self._routers[health.name].document, health, time.monotonic_ns())
            self._look_around()
        self._health_changed()

    def _keep_damping(self, uid: str, damping: Damping) -> None:
        self._heritage.damping[uid] = damping
        self._guard.send(inheritance.encode(inheritance.DampingKnown(uid, damping)))

    def _watch_nginx(self, coming: RenderedVirtualIP | None = None) -> None:
        """While a document has work for it. The verdict stands before the router of the first one starts."""
        if self._nginx is None:
            return
        others = [
            router.document
            for router in self._routers.values()
            if coming is None or router.document.name != coming.name
        ]
        if any(document.nginx is not None for document in (*others, *([coming] if coming else []))):
            self._nginx.start(time.monotonic_ns())
        else:
            self._nginx.close()

    def _expect_verdicts(self, document: RenderedVirtualIP) -> None:
        self._verdicts.expect(document, time.monotonic_ns())
        self._verdict_timer.set(self._verdicts.deadline_ns())

    def _verdicts_overdue(self, now_ns: int) -> None:
        for name in self._verdicts.time_passed(now_ns):
            log("nobody has checked it so far; taken as healthy", vip=name)
        self._health_changed()
        self._verdict_timer.set(self._verdicts.deadline_ns())

    def _health_changed(self) -> None:
        for router in self._routers.values():
            router.take_verdict(self._verdict(router.document))

    def _verdict(self, document: RenderedVirtualIP) -> Verdict:
        """What is wrong with what this node serves on the addresses of `document`, and why it shall leave them."""
        share = document.nodes.get(self._settings.node)
        leaving = frozenset({share.leaving} if share is not None and share.leaving else ())
        nginx_gone = None if self._nginx is None else not self._nginx.healthy
        refused = self._listeners.refused(document, time.monotonic_ns())
        ailments = leaving | self._verdicts.ailments(document, nginx_gone, refused)
        return Verdict(ailments, self._verdicts.is_warming(document))

    # ---- interfaces

    def _kernel_said(self, message: Message) -> None:
        match message:
            case LinkMessage():
                self._link_changed(self._interfaces.take(message))
            case AddressMessage():
                self._interfaces.take(message)
                if message.address in self._virtual_addresses:
                    if message.gone:
                        self._put_back(self._world.addresses.was_removed(message.index, message.address))
                elif message.proto != OUR_PROTO:
                    self._look_around()
            case ErrorMessage(errno, request_type, address):
                if not (request_type == RTM_DELADDR and errno in _QUIET_ERRNOS):
                    warn("the kernel refuses a request", address=address, error=os.strerror(errno))
            case DumpDone():
                pass

    def _put_back(self, owners: tuple[str, ...]) -> None:
        for router in self._routers.values():
            if router.document.uid in owners:
                self._router_changed(router)

    def _link_changed(self, link: Link | None) -> None:
        if link is not None:
            self._ports.link_changed(link)
        self._look_around()

    def _look_around(self) -> None:
        """Soon, once for all that has been said."""
        if not self._looking_around:
            self._looking_around = True
            self._loop.afterwards(self._look_around_now)

    def _look_around_now(self, now_ns: int) -> None:
        self._netlink.read()  # what we did ourselves since is no news of somebody else
        self._looking_around = False
        documents = (router.document for router in self._routers.values())
        self._listeners.want(documents, self._interfaces.addresses() - self._virtual_addresses, now_ns)
        for router in self._routers.values():
            router.look_around()
        self._prepare_timer.set(now_ns + ms_to_ns(SETTLE_MS))

    def _read_interfaces_again(self) -> None:
        self._interfaces.clear()
        self._netlink.dump()
        self._look_around()

    # ---- telling

    def _router_changed(self, router: HostedRouter) -> None:
        if not self._changed:
            self._loop.afterwards(self._tell_changes)
        self._changed.add(router.document.name)

    def _tell_changes(self, _now_ns: int) -> None:
        names, self._changed = self._changed, set()
        for name in names:
            router = self._routers.get(name)
            if router is not None:
                self._agents.tell(router.status())

    def _segments_changed(self) -> None:
        self._agents.tell(Segments(self._scout.report()))

    def _tell_counters(self, now_ns: int) -> None:
        for router in self._routers.values():
            if router.counters_changed:
                self._router_changed(router)
        self._counter_timer.set(now_ns + ms_to_ns(TELL_COUNTERS_MS))

    def _tidy_journal_soon(self) -> None:
        if self._journal_timer.deadline_ns is None:
            self._journal_timer.set(time.monotonic_ns() + ms_to_ns(TIDY_JOURNAL_MS))

    def _tidy_journal(self, now_ns: int) -> None:
        if self._journal.tidy(TIDY_BLOCKS):
            self._journal_timer.set(now_ns + ms_to_ns(TIDY_JOURNAL_MS))

    def _collect_garbage(self, now_ns: int) -> None:
        realtime.collect()
        self._garbage_timer.set(now_ns + ms_to_ns(COLLECT_GARBAGE_MS))

    # ---- the end

    def _watch_signals(self) -> None:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, lambda _number, _frame: None)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # of journals that are written
        self._signals = (reader, writer)
        self._loop.watch(reader.fileno(), self._signalled)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the guard has forked us with its signals held back

    def _signalled(self, _now_ns: int) -> None:
        numbers = set(self._signals[0].recv(4096))
        if signal.SIGUSR1 in numbers:
            self._journal_writer.write("SIGUSR1")
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            self._loop.stop()

    def _for_journal(self) -> Iterator[dict[str, Any]]:
        for router in self._routers.values():
            yield {"document": router.document.to_json()}
            yield {"status": to_json(router.status())}

    def _serves(self) -> bool:
        """Whether clients have connections to nginx by an address that is here."""
        return any(item.state is State.ACTIVE and item.document.nginx is not None for item in self._routers.values())

    def _leave(self) -> None:
        """To peers, or with priority 0; no address is left."""
        self._agents.deaf = True
        if self._serves() and self._nginx is not None and self._nginx.healthy:
            self._farewell.wait()
        started_ns = time.monotonic_ns()
        leaving = set()
        for router in list(self._routers.values()):
            if not self._adoption.hand_over_if_asked(router.document.uid):
                leaving.add(router)
                router.stop(hand_over=True, on_end=partial(leaving.discard, router))
        while leaving and time.monotonic_ns() - started_ns < LEAVING_MAY_TAKE_NS:
            self._loop.run_once(0.01)
        self._loop.run_once(0)  # the peers are told what is not here any more
        self._world.virtual_macs.lower_all()
        self._agents.close()
        lateness_ms = self._loop.max_lateness_ns / 1e6
        log("left", took_ms=(time.monotonic_ns() - started_ns) / 1e6, worst_lateness_ms=round(lateness_ms, 3))


def _is_same_router(old: HostedRouter, document: RenderedVirtualIP, prepared: Prepared | None, node: str) -> bool:
    """Whether the election that `old` takes part in is the one of `document`."""
    new = config_of(document, node)
    same = (old.config.vrid, old.config.family, old.document.uid) == (new.vrid, new.family, document.uid)
    if old.prepared is None or prepared is None:
        return same
    return same and old.interface == prepared.interface


def _goes_on(old: HostedRouter, new: HostedRouter) -> bool:
    if old.macvlan or new.macvlan:  # another VRID has another MAC address
        return False
    return old.state is State.ACTIVE and old.interface == new.interface and old.config.family is new.config.family
