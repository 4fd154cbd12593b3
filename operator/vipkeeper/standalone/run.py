"""`vipkeeper run`: guard, engine, checks and nginx on a plain host, from files.

One loop takes every event in turn: signals, what the engine says, verdicts of the checks. The engine is told everything
again after each Welcome, as the agent does it in a cluster.

    SIGHUP           the files are read again: all good, and they count; one problem anywhere, and nothing changes
    SIGUSR1          the engine writes its journal to the state folder
    SIGTERM, SIGINT  guard and engine leave: priority 0, addresses off; then nginx; nothing left; exit 0
    guard dies       its engine leaves by itself; then a new guard
    we die           guard and engine leave in order, by themselves

Tests: tests/netns/test_standalone.py, test_standalone_processes.py, test_standalone_checks.py, and those of `nginx.py`.
"""

from __future__ import annotations

import logging
import queue
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType

from vipkeeper.checks.checker import Checker
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    Health,
    HealthSource,
    Refused,
    Remove,
    RemoveReason,
    RouterStatus,
    Secrets,
    Synced,
    Welcome,
)
from vipkeeper.spec.speaker import NginxReport
from vipkeeper.standalone import secret_files
from vipkeeper.standalone.back_off import BackOff
from vipkeeper.standalone.children import Children
from vipkeeper.standalone.configuration import Documents, read_configuration
from vipkeeper.standalone.log import relay
from vipkeeper.standalone.nginx import Nginx
from vipkeeper.standalone.nginx_supervisor import NginxChecked, NginxEvent
from vipkeeper.standalone.options import STDIN, Options
from vipkeeper.standalone.state_dir import StateDir
from vipkeeper.threads.engine_client import EngineClient, EngineEvent

LEAVING_MAY_TAKE_S = 15.0
"""Of the guard and all that is its: more than the guard gives its engine."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1)

log = logging.getLogger("run")


@dataclass(frozen=True, slots=True)
class Signalled:
    number: int


Event = EngineEvent | Health | Signalled | NginxEvent


class Run:
    def __init__(self, options: Options, state_dir: StateDir, documents: Documents) -> None:
        self._options = options
        self._state_dir = state_dir
        self._documents = documents
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._health: dict[tuple[str, HealthSource], Health] = {}
        self._back_off = BackOff()
        self._guard_began_s = 0.0
        self._start_s: float | None = None
        self._kill_s: float | None = None
        self._leaving = False
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        self._children = Children(_environment(options))
        self._log = relay(self._children.log)
        self._engine = EngineClient(state_dir.engine_socket, self._events.put)
        self._nginx = Nginx(options, state_dir, self._children, self._events.put, self._say)
        self._nginx.want(documents, coming=documents)
        self._start_guard()
        self._checks = Checker(self._events.put)
        self._want_checks()

    def until_told_to_end(self) -> None:
        while not (self._leaving and not self._children.left() and self._nginx.finish()):
            self._turn()
        self._children.close_log()
        self._nginx.close_log()
        self._log.join(2.0)

    # ---- the loop

    def _turn(self) -> None:
        event = self._next_event()
        match event:
            case Signalled(signal.SIGCHLD):
                self._reap()
            case Signalled(signal.SIGHUP):
                self._reload()
            case Signalled(signal.SIGUSR1):
                self._children.ask_for_journal()
            case Signalled():
                self._leave()
            case Health():
                self._take_health(event)
            case NginxReport() | NginxChecked():
                self._nginx.take(event)
            case Welcome():
                self._tell_everything()
            case RouterStatus() if HealthSource.REFUSED in event.ailments:
                self._checks.doubt(event.name)
            case Refused():
                for problem in event.problems:
                    log.error("the engine refuses it, and goes on with what it has: vip=%s %s", event.name, problem)
            case _:
                pass
        self._look_at_the_clock(time.monotonic())

    def _next_event(self) -> Event | None:
        all_s = (self._start_s, self._kill_s, self._nginx.deadline_s())
        deadlines_s = [deadline_s for deadline_s in all_s if deadline_s is not None]
        try:
            if not deadlines_s:
                return self._events.get()
            return self._events.get(timeout=max(0.0, min(deadlines_s) - time.monotonic()))
        except queue.Empty:
            return None

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._events.put(Signalled(number))

    # ---- the engine

    def _tell_everything(self) -> None:
        self._tell_secrets()
        for document in self._documents.values():
            self._send(Apply(document))
        for health in [said for said in self._health.values() if not said.name]:
            self._engine.send(health)
        self._send(Synced(tuple(self._documents)))

    def _tell_secrets(self) -> None:
        """Read anew each time; before the documents that need them."""
        documents = self._documents.values()
        for file in secret_files.readable_by_others(documents):
            log.warning("a secret that others can read: chmod o-rwx %s", file)
        references = [reference for document in documents for reference in document.engine_secrets]
        self._engine.send(Secrets(secret_files.read_values(references)))

    def _send(self, message: AgentMessage) -> None:
        self._engine.send(message)
        if isinstance(message, Apply):
            for health in [said for said in self._health.values() if said.name == message.document.name]:
                self._engine.send(health)

    def _take_health(self, health: Health) -> None:
        document = self._documents.get(health.name)
        if document is not None and document.health is not None:
            self._say(health)

    def _say(self, health: Health) -> None:
        self._health[health.name, health.source] = health
        self._engine.send(health)

    def _want_checks(self) -> None:
        sections = {name: item.health for name, item in self._documents.items() if item.health is not None}
        self._health = {key: said for key, said in self._health.items() if self._is_of_use(said)}
        self._checks.want(sections)

    def _is_of_use(self, health: Health) -> bool:
        document = self._documents.get(health.name)
        if document is None:
            return not health.name
        return (document.nginx if health.source is HealthSource.SECTION else document.health) is not None

    # ---- SIGHUP

    def _reload(self) -> None:
        if self._leaving:
            return
        self._nginx.try_again()
        if STDIN in self._options.files:
            log.warning("not read again: standard input can be read once only")
            return
        documents, problems = read_configuration(self._options, self._documents)
        for problem in problems:
            log.error("%s", problem)
        if problems:
            log.error("not reloaded; what ran goes on: problems=%d", len(problems))
            return
        before, self._documents = self._documents, documents
        gone = sorted(before.keys() - documents.keys())
        changed = sorted(name for name, document in documents.items() if document != before.get(name))
        for name in gone:
            self._send(Remove(name, RemoveReason.DELETED))
        self._want_checks()
        self._nginx.want(documents, coming=documents.keys() - before.keys())
        self._tell_secrets()
        for name in changed:
            self._send(Apply(documents[name]))
        log.info("reloaded: changed=%s removed=%s", ",".join(changed) or "none", ",".join(gone) or "none")

    # ---- the guard

    def _start_guard(self) -> None:
        self._start_s, self._guard_began_s = None, time.monotonic()
        self._children.start_guard()

    def _reap(self) -> None:
        guard = self._children.guard
        codes = self._children.reap()
        self._nginx.ended(codes)
        if guard not in codes or self._leaving:
            return
        now_s = time.monotonic()
        wait_s = self._back_off.died(now_s - self._guard_began_s)
        log.error("the guard has died: status=%d starting_again_in_ms=%d", codes[guard], wait_s * 1000)
        self._start_s = now_s + wait_s
        self._kill_s = now_s + LEAVING_MAY_TAKE_S

    def _leave(self) -> None:
        if self._leaving:
            return
        log.info("leaving")
        self._leaving = True
        self._start_s = None
        self._kill_s = time.monotonic() + LEAVING_MAY_TAKE_S
        self._children.terminate()

    def _look_at_the_clock(self, now_s: float) -> None:
        self._nginx.look_at_the_clock(now_s)
        if self._kill_s is not None and now_s >= self._kill_s and self._children.left():
            log.error("processes that do not leave are killed")
            self._children.kill()
            self._kill_s = None
        if self._start_s is not None and now_s >= self._start_s:
            if self._children.left():
                self._start_s = now_s + 0.05  # the engine of the guard before is giving its addresses away
            else:
                self._kill_s = None
                self._start_guard()


def _environment(options: Options) -> Mapping[str, str]:
    """For the guard: ARCHITECTURE.md, "In a speaker pod"."""
    return {
        "NODE_NAME": options.node,
        "VIPKEEPER_PLACEMENT": options.placement,
        "VIPKEEPER_RUN_DIR": str(options.state_dir),
        "VIPKEEPER_STATE_DIR": str(options.state_dir),
    }
