"""Brings nginx to the wanted configuration and keeps it there: write, ask for a reload, believe only what nginx says.

A reload counts when `GET /generation` shows it. A configuration that fails (the test, or an address in use that the
test overlooks) is led back to the VirtualIP that it comes from (`nginx_origin`); that one gives way and is told in
nginx's own words, the others go on (`nginx_parts`). What failed is tried again, ever more slowly: its cause may pass (an
address that may not be bound yet). Reloads are at least RELOAD_GAP_S apart.

nginx may also come back with something else by itself (a restarted container that fell back to an older
configuration): so the running generation is looked at all the time.

Tested with a real nginx in tests/netns/test_nginx_configurator.py.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.nginx.files import NginxFiles, words
from vipkeeper.nginx.parts import NginxParts
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.render.nginx import NginxConfiguration
from vipkeeper.render.nginx_origin import Origin, origin_of
from vipkeeper.spec.speaker import NginxDocument, NginxReport
from vipkeeper.threads.start import start_thread

RELOAD_GAP_S = 1.0
SEEN_WITHIN_S = 5.0
"""nginx itself gives up after 2.5 s when an address is in use."""
FIRST_RETRY_S = 0.3
"""A document and the permission to bind its address (the engine's sysctl) come at the same time."""
PATIENCE_S = 3.0
"""So long nothing gives way to an address that may not be bound."""
MOST_RETRY_S = 10.0
OLD_WORKERS_S = 0.5
LOOK_S = 1.0
POLL_S = 0.05

_NOT_YET = "(99: "
"""EADDRNOTAVAIL: the address is foreign, and ip_nonlocal_bind not set yet."""
_PLACE = re.compile(r" in \S+:\d+$", re.MULTILINE)

log = logging.getLogger("nginx")


class NginxConfigurator:
    """A thread that calls `tell` with each change of the report."""

    def __init__(self, files: NginxFiles, tell: Callable[[NginxReport], None]) -> None:
        self._files = files
        self._tell = tell
        self._changed = threading.Condition()
        self._wanted: Wanted | None = None
        self._parts = NginxParts(files.good_documents())
        self._running: tuple[str, tuple[RenderedVirtualIP, ...]] = ("", ())
        self._rendered: tuple[Wanted, tuple[RenderedVirtualIP, ...], NginxConfiguration] | None = None
        self._told: NginxReport | None = None
        self._next_reload_s = 0.0
        self._not_yet_since_s: float | None = None
        start_thread("nginx-config", self._run)

    def want(self, wanted: Wanted) -> None:
        with self._changed:
            self._wanted = wanted
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is not None)
        retry_s = FIRST_RETRY_S
        again_s = float("inf")
        while True:
            wanted = self._wanted
            assert wanted is not None
            problem = self._bring_about(wanted)
            self._report(problem)
            if not problem and not self._parts.refusals():
                retry_s, again_s = FIRST_RETRY_S, float("inf")
            else:
                again_s = min(again_s, time.monotonic() + retry_s)
            look_s = time.monotonic() + (retry_s if problem else LOOK_S)
            if self._wait_for_change(wanted, min(again_s, look_s) - time.monotonic()):
                retry_s, again_s = FIRST_RETRY_S, float("inf")
            elif time.monotonic() >= again_s:
                self._parts.forget()
                retry_s, again_s = min(retry_s * 2, MOST_RETRY_S), float("inf")

    def _wait_for_change(self, old: Wanted, limit_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._wanted != old, limit_s)

    def _bring_about(self, wanted: Wanted) -> str:
        """ "" when nginx runs it, or all of it that nginx takes; else why not."""
        for document, path, reason in wanted.incomplete_documents():
            self._parts.hold_back(document, path, reason)
        while True:
            chosen = self._parts.choose(wanted.documents)
            configuration = self._render(wanted, chosen)
            problem = self._load(wanted, configuration)
            if not problem:
                self._runs(configuration.generation, chosen)
                return ""
            if self._may_pass(problem) or not self._gives_way(wanted, problem, configuration.text):
                return problem

    def _render(self, wanted: Wanted, chosen: tuple[RenderedVirtualIP, ...]) -> NginxConfiguration:
        """Anew only when something changed: this is asked each second."""
        if self._rendered is None or self._rendered[0] is not wanted or self._rendered[1] != chosen:
            self._rendered = (wanted, chosen, wanted.render(chosen))
        return self._rendered[2]

    def _runs(self, generation: str, chosen: tuple[RenderedVirtualIP, ...]) -> None:
        self._not_yet_since_s = None
        self._running = (generation, chosen)
        if self._parts.ran(chosen):
            self._files.keep_good_documents(chosen)
            self._files.remove_unused_certificates()

    def _may_pass(self, problem: str) -> bool:
        if _NOT_YET not in problem:
            self._not_yet_since_s = None
            return False
        if self._not_yet_since_s is None:
            self._not_yet_since_s = time.monotonic()
        return time.monotonic() < self._not_yet_since_s + PATIENCE_S

    def _gives_way(self, wanted: Wanted, problem: str, text: str) -> bool:
        """Whoever the problem comes from. False: nobody could be found, or has anything to give way to."""
        given = False
        for origin in _origins(problem, text, wanted):
            document = wanted.document(origin.virtualip)
            if document is not None and self._parts.refuse(document, origin.field, _PLACE.sub("", problem)):
                log.warning("nginx refuses name=%s %s: %s", origin.virtualip, origin.field, problem)
                given = True
        return given

    def _load(self, wanted: Wanted, configuration: NginxConfiguration) -> str:
        generation = configuration.generation
        try:
            self._files.write_certificates(wanted.certificates)
            if self._files.write(configuration.text):
                log.info("nginx.conf written generation=%s", generation)
        except OSError as error:
            return f"nginx.conf can't be written: {error}"
        if self._files.running_generation() == generation or self._was_reloaded(generation):
            return ""
        return self._reload(generation)

    def _was_reloaded(self, generation: str) -> bool:
        """Just now: an old worker may have answered."""
        result = self._files.result()
        if result is None or not result.ok or result.generation != generation:
            return False
        began_s = time.monotonic()
        while time.monotonic() < began_s + OLD_WORKERS_S:
            if self._files.running_generation() == generation:
                return True
            time.sleep(POLL_S)
        return False

    def _reload(self, generation: str) -> str:
        time.sleep(max(0.0, self._next_reload_s - time.monotonic()))
        before = self._files.result()
        try:
            self._files.request_reload(generation)
        except OSError as error:
            return f"nginx can't be asked to reload: {error}"
        began_s = time.monotonic()
        while time.monotonic() < began_s + SEEN_WITHIN_S:
            if self._files.running_generation() == generation:
                log.info("nginx reloaded generation=%s", generation)
                self._next_reload_s = began_s + RELOAD_GAP_S
                return ""
            result = self._files.result()
            if result is not None and result != before and result.generation == generation and not result.ok:
                return words(result.output) or "nginx -t failed"
            time.sleep(POLL_S)
        return self._files.emergency() or "nginx does not come up with it"

    def _report(self, problem: str) -> None:
        refusals = self._parts.refusals()
        # Old workers may still answer for a moment after the new generation was seen: seen once is enough.
        running = self._running[0] if not problem else self._files.running_generation() or ""
        documents: tuple[NginxDocument, ...] = ()
        if running and running == self._running[0]:
            documents = tuple(
                NginxDocument(name=item.name, generation=item.generation)
                for item in sorted(self._running[1], key=lambda item: item.name)
            )
        report = NginxReport(
            generation=running,
            ok=not problem and not refusals,
            message=problem or None,
            documents=documents,
            refused=refusals,
        )
        if report != self._told:
            if self._told is None or report.ok != self._told.ok or report.message != self._told.message:
                log.info("nginx ok=%s generation=%s %s", report.ok, report.generation, problem)
            self._told = report
            self._tell(report)


def _origins(problem: str, text: str, wanted: Wanted) -> list[Origin]:
    if 'unknown directive "stream"' in problem:  # an image without that module
        users = [document for document in wanted.documents if document.nginx and document.nginx.stream]
        return [Origin(document.name, "spec.nginx.stream") for document in users]
    origin = origin_of(problem, text)
    return [origin] if origin else []
