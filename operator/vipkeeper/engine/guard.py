"""The guard: PID 1 of the speaker's container. It forks the engine, and forks it again, at once, when it dies.

It holds what must survive an engine: the documents, their secrets, what `prepare` found, and the state memory. It does what an engine
must never wait for: disks (store_writer.py) and `prepare` (prepare_runner.py). It knows nothing of VRRP.

    SIGTERM, SIGINT ─► guard ─► SIGTERM ─► engine: priority 0, addresses off, exit ─► guard: exit 0
    SIGUSR1         ─► guard ─► SIGUSR1 ─► engine: its journal to the state folder (journal_writer.py)
    guard dies      ─► engine: SIGTERM by the kernel (PR_SET_PDEATHSIG), or the end of its socket: leaves the same way
    `vipkeeper run` dies, where it is the parent ─► guard: SIGTERM by the kernel
    both die        ─► the leases of the addresses run out in the kernel

Tests: tests/netns/test_kills.py, test_documents.py.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from dataclasses import replace

import vipkeeper
from vipkeeper.engine import inheritance, realtime
from vipkeeper.engine.accept_filter import AcceptFilter, dropped_addresses
from vipkeeper.engine.address_sockets import open_arp_socket
from vipkeeper.engine.announce import open_socket
from vipkeeper.engine.back_off import BackOff
from vipkeeper.engine.document_store import read_documents, read_owner
from vipkeeper.engine.engine import Engine, FrameSockets
from vipkeeper.engine.inheritance import (
    DampingKnown,
    Forget,
    Inheritance,
    KeepSecrets,
    Lower,
    Prepare,
    Prepared,
    Results,
    Started,
    Store,
    VerdictKnown,
)
from vipkeeper.engine.lines import LineStream
from vipkeeper.engine.link_setter import set_down
from vipkeeper.engine.log import log, make_unblocking, set_level, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.prepare_runner import PrepareRunner
from vipkeeper.engine.secret_store import read_secrets
from vipkeeper.engine.settings import MissingSetting, Settings, read_settings
from vipkeeper.engine.state_memory import StateMemory
from vipkeeper.engine.store_writer import StoreWriter
from vipkeeper.engine.verdicts import sources_of, without
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.units import NS_PER_S

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1)
_ENGINE_MAY_TAKE_NS = 10 * NS_PER_S
"""To leave, before it is killed."""


class Guard:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._heritage = _read_heritage(settings)
        self._memory = StateMemory()
        self._announcements = open_socket()
        self._arp = open_arp_socket()
        self._ear = open_arp_socket()
        self._loop = Loop()
        self._signals = _catch_signals()
        self._loop.watch(self._signals.fileno(), self._signalled)
        self._prepare = PrepareRunner(self._loop, self._prepared)
        self._filter = AcceptFilter(settings.placement)
        self._preparing: dict[str, RenderedVirtualIP] = {}
        self._store = StoreWriter(settings.documents_dir)
        self._back_off = BackOff()
        self._start_timer = self._loop.timer(self._start_engine)
        self._kill_timer = self._loop.timer(self._kill_engine)
        self._engine = 0
        self._engine_started_ns = 0
        self._stream: LineStream | None = None
        self._leaving = False
        self._macvlans = False  # whether there may be any of ours
        self._owned = read_owner(settings.documents_dir) == settings.pod

    def run(self) -> None:
        """Until a signal, and the engine's end."""
        realtime.take_garbage_collection_in_hand()
        self._start_engine(time.monotonic_ns())
        self._loop.run()
        signal.set_wakeup_fd(-1)
        self._signals.close()
        self._loop.close()

    # ---- the engine's life

    def _start_engine(self, now_ns: int) -> None:
        ours, engines = socket.socketpair()
        guard = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        child = os.fork()
        if child == 0:
            ours.close()
            self._be_engine(guard, engines)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        engines.close()
        self._engine, self._engine_started_ns = child, now_ns
        self._stream = LineStream(self._loop, ours, self._engine_said, lambda _why: None)
        log("engine started", pid=child)

    def _be_engine(self, guard: int, connection: socket.socket) -> None:
        """In the child. Never returns."""
        status = 1
        try:
            realtime.end_with_parent(guard)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._loop.close()
            self._signals.close()
            self._memory.reread()
            frames = FrameSockets(self._announcements, self._arp, self._ear)
            engine = Engine(self._settings, self._memory, self._heritage, connection, frames)
            engine.run()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def _engine_died(self, status: int, now_ns: int) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._engine = 0
        if self._leaving:
            self._end_when_done()
            return
        wait_ns = self._back_off.died(now_ns - self._engine_started_ns)
        warn("engine died", status=status, starting_again_in_ms=wait_ns // 1_000_000)
        if wait_ns:
            self._start_timer.set(now_ns + wait_ns)
        else:
            self._start_engine(now_ns)

    def _kill_engine(self, _now_ns: int) -> None:
        warn("the engine does not leave; killed")
        if self._engine:
            os.kill(self._engine, signal.SIGKILL)

    # ---- signals

    def _signalled(self, now_ns: int) -> None:
        numbers = set(self._signals.recv(4096))
        if signal.SIGCHLD in numbers:
            self._reap(now_ns)
        if signal.SIGUSR1 in numbers and self._engine:
            os.kill(self._engine, signal.SIGUSR1)
        if numbers & {signal.SIGTERM, signal.SIGINT} and not self._leaving:
            self._leave(now_ns)

    def _reap(self, now_ns: int) -> None:
        """PID 1 is everybody's parent in the end."""
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            self._store.reaped(child)
            if child == self._engine:
                self._engine_died(os.waitstatus_to_exitcode(status), now_ns)
            elif self._leaving:
                self._end_when_done()

    def _leave(self, now_ns: int) -> None:
        self._leaving = True
        self._start_timer.cancel()
        self._prepare.stop()
        self._kill_timer.set(now_ns + _ENGINE_MAY_TAKE_NS)
        if self._engine:
            os.kill(self._engine, signal.SIGTERM)
        self._end_when_done()

    def _end_when_done(self) -> None:
        if self._engine or self._store.busy or self._prepare.busy:
            return
        if self._macvlans:  # the engine has left them: nothing lives on them any more
            self._macvlans = False
            self._prepare.clean_up(time.monotonic_ns())
        else:
            self._loop.stop()

    # ---- the engine's wishes

    def _engine_said(self, line: bytes) -> None:
        match inheritance.decode(line):
            case Store(document):
                self._heritage.documents[document.name] = document
                self._heritage.verdicts = without(self._heritage.verdicts, document.name, sources_of(document))
                self._store.write(document.name, document)
                self._confirmed(document.name)
                self._preparing.pop(document.name, None)
                self._drop_packets()
            case Started(name):
                self._heritage.started.add(name)
            case Forget(name):
                self._heritage.started.discard(name)
                forgotten = self._heritage.documents.pop(name, None)
                if forgotten is not None:
                    self._heritage.damping.pop(forgotten.uid, None)
                self._heritage.prepared.pop(name, None)
                self._heritage.verdicts = without(self._heritage.verdicts, name)
                self._store.write(name, None)
                self._confirmed(name)
                self._preparing.pop(name, None)
                self._drop_packets()
            case Prepare(documents, unwanted):
                self._preparing |= {document.name: document for document in documents}
                self._drop_packets()
                self._prepare.ask(documents, time.monotonic_ns(), unwanted)
            case Lower(index):
                set_down(index)
            case VerdictKnown(name, source, healthy):
                self._heritage.verdicts[name, source] = healthy
            case DampingKnown(uid, damping):
                self._heritage.damping[uid] = damping
            case KeepSecrets(values):
                self._heritage.secrets = dict(values)
                self._store.write_secrets(values)
            case Results():
                pass

    def _confirmed(self, name: str) -> None:
        """Not hearsay any more. With the last of them, what is in the state folder is this pod's."""
        self._heritage.hearsay.discard(name)
        if not self._heritage.hearsay and self._settings.pod and not self._owned:
            self._owned = True
            self._store.write_owner(self._settings.pod)

    def _drop_packets(self) -> None:
        """For what runs, and for what is to run once it is prepared."""
        running = [item for name, item in self._heritage.documents.items() if name not in self._heritage.hearsay]
        self._filter.want(dropped_addresses([*running, *self._preparing.values()]))

    def _prepared(self, results: dict[str, Prepared]) -> None:
        if self._filter.problem:
            results = {name: self._with_filter_problem(name, found) for name, found in results.items()}
        self._heritage.prepared.update(results)
        self._macvlans = self._macvlans or any(item.macvlan for item in results.values())
        if self._leaving:
            self._end_when_done()
        if self._stream is not None:
            self._stream.send(inheritance.encode(Results(results)))

    def _with_filter_problem(self, name: str, found: Prepared) -> Prepared:
        document = self._preparing.get(name) or self._heritage.documents.get(name)
        if document is None or document.accept_mode:
            return found
        return replace(found, problems=(*found.problems, self._filter.problem))


def _read_heritage(settings: Settings) -> Inheritance:
    """The documents on this host: this pod's own from before a restart, or hearsay of another one."""
    documents = read_documents(settings.documents_dir)
    foreign = settings.pod and read_owner(settings.documents_dir) != settings.pod
    return Inheritance(
        documents=documents,
        hearsay=set(documents) if foreign else set(),
        secrets=read_secrets(settings.documents_dir),
    )


def _catch_signals() -> socket.socket:
    """Signals become bytes on a socket that the loop reads."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    for number in _SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
    return reader


def main() -> int:
    make_unblocking()
    set_level(os.environ.get("VIPKEEPER_LOG_LEVEL", "Info"))
    try:
        settings = read_settings(os.environ)
    except MissingSetting as error:
        warn(str(error))
        return 2
    if settings.parent is not None:
        realtime.end_with_parent(settings.parent)
    log("vipkeeper", version=vipkeeper.__version__, node=settings.node, placement=settings.placement)
    realtime.ask_for_real_time(realtime.GUARD_PRIORITY)
    Guard(settings).run()
    return 0
