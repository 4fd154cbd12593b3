"""Brings nginx to the wanted configuration and keeps it there: write, ask for a reload, believe only what nginx says.

A reload counts when `GET /generation` shows it. One that fails (the test, or an address in use that the test
overlooks) is told in nginx's own words and tried again, ever more slowly: its cause may pass (an address that may not
be bound yet, a name that does not resolve yet). Reloads are at least RELOAD_GAP_S apart.

nginx may also come back with something else by itself (a restarted container that fell back to an older
configuration): so the running generation is looked at all the time.

Tested with a real nginx in tests/netns/test_nginx_configurator.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vipkeeper.agent.nginx_files import NginxFiles, words
from vipkeeper.render.nginx import NginxConfiguration
from vipkeeper.spec.speaker import NginxDocument, NginxReport
from vipkeeper.threads.start import start_thread

RELOAD_GAP_S = 1.0
SEEN_WITHIN_S = 5.0
"""nginx itself gives up after 2.5 s when an address is in use."""
FIRST_RETRY_S = 0.3
"""A document and the permission to bind its address (the engine's sysctl) come at the same time."""
MOST_RETRY_S = 10.0
LOOK_S = 1.0
POLL_S = 0.05

log = logging.getLogger("agent.nginx")


@dataclass(frozen=True, slots=True)
class Wanted:
    configuration: NginxConfiguration
    documents: tuple[tuple[str, int], ...]
    """Name and generation of the VirtualIPs that it was made from."""


class NginxConfigurator:
    """A thread that calls `tell` with each change of the report."""

    def __init__(self, files: NginxFiles, tell: Callable[[NginxReport], None]) -> None:
        self._files = files
        self._tell = tell
        self._changed = threading.Condition()
        self._wanted: Wanted | None = None
        self._running: Wanted | None = None
        self._told: NginxReport | None = None
        self._next_reload_s = 0.0
        start_thread("nginx-config", self._run)

    def want(self, wanted: Wanted) -> None:
        with self._changed:
            self._wanted = wanted
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is not None)
        retry_s = FIRST_RETRY_S
        while True:
            wanted = self._wanted
            assert wanted is not None
            problem = self._bring_about(wanted)
            self._report(wanted, problem)
            if self._wait_for_change(wanted, retry_s if problem else LOOK_S) or not problem:
                retry_s = FIRST_RETRY_S
            else:
                retry_s = min(retry_s * 2, MOST_RETRY_S)

    def _wait_for_change(self, old: Wanted, limit_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._wanted != old, limit_s)

    def _bring_about(self, wanted: Wanted) -> str:
        """ "" when nginx runs it; else why not."""
        generation = wanted.configuration.generation
        try:
            if self._files.write(wanted.configuration.text):
                log.info("nginx.conf written generation=%s", generation)
        except OSError as error:
            return f"nginx.conf can't be written: {error}"
        if self._files.running_generation() == generation:
            return ""
        return self._reload(generation)

    def _reload(self, generation: str) -> str:
        time.sleep(max(0.0, self._next_reload_s - time.monotonic()))
        before = self._files.result()
        try:
            self._files.request_reload(generation)
        except OSError as error:
            return f"nginx's container does not listen: {error}"
        began_s = time.monotonic()
        while time.monotonic() < began_s + SEEN_WITHIN_S:
            if self._files.running_generation() == generation:
                log.info("nginx reloaded generation=%s", generation)
                self._next_reload_s = time.monotonic() + RELOAD_GAP_S
                return ""
            result = self._files.result()
            if result is not None and result != before and result.generation == generation and not result.ok:
                return words(result.output) or "nginx -t failed"
            time.sleep(POLL_S)
        return self._files.emergency() or "nginx does not come up with it"

    def _report(self, wanted: Wanted, problem: str) -> None:
        if not problem:
            self._running = wanted
        # Old workers may still answer for a moment after the new generation was seen: seen once is enough.
        running = wanted.configuration.generation if not problem else self._files.running_generation() or ""
        documents: tuple[NginxDocument, ...] = ()
        if self._running is not None and running == self._running.configuration.generation:
            documents = tuple(NginxDocument(name=name, generation=number) for name, number in self._running.documents)
        report = NginxReport(generation=running, ok=not problem, message=problem or None, documents=documents)
        if report != self._told:
            if self._told is None or report.ok != self._told.ok or report.message != self._told.message:
                log.info("nginx ok=%s generation=%s %s", report.ok, report.generation, problem)
            self._told = report
            self._tell(report)
