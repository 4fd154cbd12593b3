"""The nginx of a run: started for the first document with an nginx section, watched, started again, ended last.

    it dies          the engine knows at once (its open connection), and hands over; started again at once, then after a
                     second; then it is given up: this host stays at priority 1 until SIGHUP
    it stays         for a minute: its deaths are forgotten
    a section that   is told in nginx' own words. Its last form goes on; a document of which nginx serves no form is ill
    it refuses       on this host (NginxDoesNotServe), the others are not
    the run leaves   nginx serves until the engine has given the addresses away, and may finish for a moment

Starts, and all that is said to the engine, are the main thread's. The reloads are `vipkeeper.nginx.configurator`'s, in a
thread of its own, as in a cluster.

Tests: tests/netns/test_standalone_nginx.py, test_standalone_nginx_processes.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.spec.speaker import NginxReport
from vipkeeper.standalone.children import Children
from vipkeeper.standalone.configuration import Documents
from vipkeeper.standalone.nginx_process import end_left_behind
from vipkeeper.standalone.nginx_supervisor import NginxChecked, NginxEvent, Supervisor
from vipkeeper.standalone.options import Options
from vipkeeper.standalone.state_dir import StateDir


class Nginx:
    def __init__(
        self,
        options: Options,
        state_dir: StateDir,
        children: Children,
        tell: Callable[[NginxEvent], None],
        say: Callable[[Health], None],
    ) -> None:
        """`tell`: from other threads, for `take`. `say`: to the engine."""
        end_left_behind(state_dir.nginx_held)
        self._options, self._state_dir, self._children = options, state_dir, children
        self._tell, self._say = tell, say
        self._wanted: Documents = {}
        self._said: dict[str, Health] = {}
        self._running: Supervisor | None = None

    def want(self, documents: Documents, coming: Iterable[str]) -> None:
        """`coming`: names of those that do not run yet. They wait for nginx, at priority 1."""
        self._wanted = {name: item for name, item in documents.items() if item.nginx is not None}
        self._said = {name: said for name, said in self._said.items() if name in self._wanted}
        for name in coming:
            if name in self._wanted:
                self._say_of(name, False, "nginx has not loaded it yet")
        if self._wanted and self._running is None:
            self._running = Supervisor(self._options, self._state_dir, self._children, self._tell)
        if self._running is not None:
            self._running.want(self._wanted)

    def take(self, event: NginxEvent) -> None:
        match event:
            case NginxChecked():
                if self._running is not None and not self._running.leaving:
                    self._say(Health(HealthSource.CHECK, event.healthy, "" if event.healthy else event.why))
            case NginxReport():
                self._take_report(event)

    def _take_report(self, report: NginxReport) -> None:
        """A form of the document that nginx runs is as good as another. Not yet refused is not refused."""
        served = {item.name for item in report.documents}
        refused = {item.document: f"{item.field}: {item.message}" for item in report.refused}
        for name in self._wanted:
            if name in served:
                self._say_of(name, True, "")
            elif name in refused:
                self._say_of(name, False, refused[name])
            elif not report.generation:
                self._say_of(name, False, report.message or "nginx does not run")

    def _say_of(self, name: str, healthy: bool, detail: str) -> None:
        health = Health(HealthSource.SECTION, healthy, detail, name)
        before = self._said.get(name)
        if before is None or before.healthy != healthy:
            self._said[name] = health
            self._say(health)

    def ended(self, codes: Mapping[int, int]) -> None:
        """`codes`: of processes that have just ended."""
        if self._running is not None and (pid := self._running.pid) in codes:
            self._running.ended(codes[pid])

    def try_again(self) -> None:
        if self._running is not None:
            self._running.try_again()

    def deadline_s(self) -> float | None:
        return self._running.deadline_s if self._running is not None else None

    def look_at_the_clock(self, now_s: float) -> None:
        if self._running is not None:
            self._running.look_at_the_clock(now_s)

    def finish(self) -> bool:
        """End it in order. True: nothing is left of it."""
        return self._running is None or self._running.finish()

    def close_log(self) -> None:
        if self._running is not None:
            self._running.close_log()
