"""The agent's head: one thread takes every event in turn and decides; everything that may block is elsewhere.

The engine is told everything again after each Welcome. `Synced` comes last and only when it is true: all documents
were listed, and every router that the engine runs beyond them was looked up (deleted, or moved to the engine of
another placement).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from vipkeeper.agent.documents import Deed, Documents, LookUp, Whereabouts
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Reached, Refused, Unreachable, WatchEvent
from vipkeeper.agent.pods_watch import PodsEvent
from vipkeeper.agent.readiness import Readiness
from vipkeeper.agent.secret_values import SecretValues
from vipkeeper.agent.services_watch import ServicesEvent
from vipkeeper.agent.settings import Settings
from vipkeeper.agent.speaker_report import SpeakerReport
from vipkeeper.ipc import messages
from vipkeeper.ipc.rendered import HealthSection, PodSelection, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import ServiceUpstream, certificates_of
from vipkeeper.nginx.certificates import pin
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.render.nginx import services_of
from vipkeeper.render.nginx_upstream import Endpoint
from vipkeeper.spec.speaker import NginxReport
from vipkeeper.threads.engine_client import Connected, Disconnected, EngineEvent

SYNC_DELAY_S = 0.2
"""After Welcome: the engine's report on each router comes first, and tells us of routers that we do not know."""
FIRST_REPORT_S = 2.0
"""After the first Welcome at the latest."""
ENGINE_LOST_S = 3.0
"""The guard starts a dead engine at once. Away for longer: what we report of its routers is no longer so."""

log = logging.getLogger("agent")


@dataclass(frozen=True, slots=True)
class DocumentsEvent:
    event: WatchEvent


@dataclass(frozen=True, slots=True)
class SecretEvent:
    """About the Secret of this placement."""

    event: WatchEvent = field(repr=False)


@dataclass(frozen=True, slots=True)
class PodEvent:
    event: WatchEvent


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    where: Whereabouts


@dataclass(frozen=True, slots=True)
class Checked:
    healthy: bool
    why: str


Event = (
    EngineEvent
    | DocumentsEvent
    | SecretEvent
    | PodEvent
    | PodsEvent
    | ServicesEvent
    | Found
    | Checked
    | messages.Health
    | NginxReport
)


class Services(Protocol):
    def wants(self, upstreams: tuple[ServiceUpstream, ...]) -> None: ...

    def heard(self, event: ServicesEvent) -> bool: ...

    def endpoints(
        self, upstreams: tuple[ServiceUpstream, ...]
    ) -> dict[ServiceUpstream, tuple[Endpoint, ...]] | None: ...


class Pods(Protocol):
    def wants(self, selections: Mapping[str, PodSelection]) -> None: ...

    def heard(self, event: PodsEvent, now_s: float) -> None: ...

    def verdicts(self, now_s: float) -> list[messages.Health]: ...

    def deadline_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What the head can do. None of these blocks."""

    send: Callable[[messages.AgentMessage], None]
    look_up: Callable[[str], None]
    report: Callable[[dict[str, Any]], None]
    want_nginx: Callable[[Wanted], None]
    want_checks: Callable[[dict[str, HealthSection]], None]
    doubt_checks: Callable[[str], None]
    services: Services
    pods: Pods


class Coordinator:
    def __init__(self, settings: Settings, hands: Hands) -> None:
        self._settings = settings
        self._hands = hands
        self._documents = Documents()
        self._secrets = SecretValues()
        self._report = SpeakerReport()
        self._readiness = Readiness()
        self._health: dict[tuple[str, messages.HealthSource], messages.Health] = {}
        self._checks: dict[str, HealthSection] = {}
        self._judged: set[str] = set()  # documents of which there may be a verdict
        self._heard_of: set[str] = set()
        self._welcome_s: float | None = None
        self._lost_s: float | None = None
        self._synced = False
        self._nginx: Wanted | None = None
        self._first_report_s: float | None = None
        self._reported = False

    def handle(self, event: Event, now_s: float, now: datetime) -> None:
        """`now_s` is the steady clock, `now` the calendar."""
        match event:
            case DocumentsEvent():
                self._take_documents(event.event)
            case SecretEvent():
                self._secrets.take(event.event)
                self._tell_secrets()
                self._render_nginx()
            case Found():
                self._do(self._documents.found(event.name, event.where))
                self._documents_changed()
            case ServicesEvent():
                if self._hands.services.heard(event):
                    self._render_nginx()
            case PodsEvent():
                self._hands.pods.heard(event, now_s)
            case PodEvent():
                self._take_pod(event.event, now_s)
            case Checked():
                self._say_nginx(messages.HealthSource.CHECK, "" if event.healthy else event.why)
            case messages.Health():
                self._say_health(event)
            case NginxReport():
                self._report.nginx = event
                self._say_sections()
            case _:
                self._take_engine(event, now_s, now)
        self.time_passed(now_s)
        self._tell_report(now_s)

    def time_passed(self, now_s: float) -> None:
        if self._welcome_s is not None and not self._synced and now_s >= self._welcome_s + SYNC_DELAY_S:
            self._synchronise()
        if self._lost_s is not None and now_s >= self._lost_s + ENGINE_LOST_S and self._report.engine_version:
            log.warning("the engine is away")
            self._report.engine_lost()
            self._tell_report(now_s)
        self._readiness.time_passed(now_s)
        if self._readiness.known:
            self._say_nginx(messages.HealthSource.READINESS, self._readiness.fault)
        for health in self._hands.pods.verdicts(now_s):
            self._say_news(health)
        if self._first_report_s is not None and now_s >= self._first_report_s:
            self._tell_report(now_s)

    def deadline_s(self) -> float | None:
        """When to call `time_passed`, if nothing happens before."""
        deadlines = [self._readiness.deadline_s(), self._hands.pods.deadline_s(), self._first_report_s]
        if self._welcome_s is not None and not self._synced and self._documents.all_found():
            deadlines.append(self._welcome_s + SYNC_DELAY_S)
        if self._lost_s is not None and self._report.engine_version:
            deadlines.append(self._lost_s + ENGINE_LOST_S)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def _tell_report(self, now_s: float) -> None:
        """The first one waits a little for nginx: an agent that starts must not look like an nginx that ended."""
        if not self._reported:
            if self._first_report_s is None:
                return
            waits_for_nginx = self._settings.readiness_port is not None and self._report.nginx is None
            if waits_for_nginx and now_s < self._first_report_s:
                return
            self._reported, self._first_report_s = True, None
        self._hands.report(self._report.status().to_json())

    # ---- documents

    def _take_documents(self, event: WatchEvent) -> None:
        match event:
            case Listed():
                self._do(self._documents.listed(event.items))
                self._do(self._documents.engine_runs(self._heard_of))
                self._synced = False
            case Changed():
                self._do(self._documents.changed(event.item))
            case Deleted():
                self._do(self._documents.deleted(event.item))
            case Unreachable() | Reached() | Refused():
                return
        self._documents_changed()

    def _do(self, deeds: list[Deed]) -> None:
        if any(isinstance(deed, messages.Apply) for deed in deeds):
            self._tell_secrets()  # before the documents that need them
        for deed in deeds:
            match deed:
                case LookUp():
                    self._hands.look_up(deed.name)
                case messages.Apply():
                    document = deed.document
                    log.info("apply name=%s generation=%s vrid=%s", document.name, document.generation, document.vrid)
                    self._hands.send(deed)
                    for health in [said for said in self._health.values() if said.name == document.name]:
                        self._hands.send(health)  # the engine may not have known it when this was said
                case messages.Remove():
                    log.info("remove name=%s reason=%s", deed.name, deed.reason)
                    self._hands.send(deed)

    def _documents_changed(self) -> None:
        self._tell_secrets()
        for name in self._documents.refused.keys() - self._report.unreadable.keys():
            log.warning("document %s is not readable: %s", name, self._documents.refused[name].problems)
        self._report.unreadable = dict(self._documents.refused)
        self._want_checks()
        self._say_sections()
        self._hands.services.wants(services_of(self._served()))
        self._render_nginx()

    # ---- secrets

    def _tell_secrets(self) -> None:
        """The engine hears of those that it needs, and of no others."""
        if news := self._secrets.news(self._documents.good.values(), self._settings.node):
            log.info("secrets count=%d", len(news.values))
            self._hands.send(news)

    # ---- engine

    def _take_engine(self, event: EngineEvent, now_s: float, now: datetime) -> None:
        match event:
            case messages.Welcome():
                log.info("engine version=%s", event.version)
                self._lost_s = None
                self._report.engine_started(event.version)
                self._welcome_s, self._synced = now_s, False
                if not self._reported:
                    self._first_report_s = now_s + FIRST_REPORT_S
                self._heard_of.clear()
                self._send_everything()
            case messages.RouterStatus():
                self._heard_of.add(event.name)
                self._report.router(event, now, now_s)
                if messages.HealthSource.REFUSED in event.ailments:
                    self._hands.doubt_checks(event.name)
                self._do(self._documents.engine_runs({event.name}))
            case messages.Segments():
                self._report.segments(event)
            case messages.Gone():
                self._report.router_gone(event.name, event.family)
                if not self._report.runs(event.name):
                    self._heard_of.discard(event.name)
                    self._documents.moved.discard(event.name)
            case messages.Refused():
                log.warning("engine refuses name=%s generation=%s: %s", event.name, event.generation, event.problems)
                self._report.refused(event)
            case Disconnected():
                self._lost_s, self._welcome_s = now_s, None
            case Connected():
                pass

    def _send_everything(self) -> None:
        self._secrets.told_nothing()
        self._tell_secrets()
        for document in self._documents.good.values():
            self._hands.send(messages.Apply(document))
        for name in sorted(self._documents.moved):
            self._hands.send(messages.Remove(name, messages.RemoveReason.MOVED))
        for health in self._health.values():
            self._hands.send(health)

    def _synchronise(self) -> None:
        if not self._documents.all_found():
            return
        self._synced = True
        self._report.keep_routers(self._heard_of)
        self._hands.send(messages.Synced(self._documents.names()))

    # ---- nginx and its health

    def _served(self) -> list[RenderedVirtualIP]:
        """Documents with work for the nginx of this node."""
        if self._settings.readiness_port is None:
            return []
        documents = self._documents.good.values()
        return [item for item in documents if item.nginx is not None and self._settings.node in item.nodes]

    def _render_nginx(self) -> None:
        """Nothing is written while anything that goes into it is unknown: the last configuration is better."""
        if self._settings.readiness_port is None or not self._documents.complete:
            return
        served = self._served()
        endpoints = self._hands.services.endpoints(services_of(served))
        if endpoints is None:
            return
        if not self._secrets.known and any(certificates_of(item.nginx) for item in served if item.nginx):
            return
        pinned = [pin(item, self._secrets.value) for item in sorted(served, key=lambda item: item.name)]
        wanted = Wanted(
            tuple(item.document for item in pinned),
            self._settings.readiness_port,
            endpoints,
            {name: content for item in pinned for name, content in item.files.items()},
            {item.document.name: item.missing for item in pinned if item.missing},
        )
        if wanted != self._nginx:
            self._nginx = wanted
            self._hands.want_nginx(wanted)

    def _take_pod(self, event: WatchEvent, now_s: float) -> None:
        match event:
            case Listed():
                for pod in event.items:
                    self._readiness.pod_seen(pod, now_s)
            case Changed():
                self._readiness.pod_seen(event.item, now_s)
            case Unreachable() | Refused():
                self._readiness.api_unreachable(now_s)
            case Reached():
                self._readiness.api_reached(now_s)
            case Deleted():
                pass

    def _say_sections(self) -> None:
        """Which documents nginx serves, in whatever form, and which in none; what it has not tried yet is unknown."""
        if (report := self._report.nginx) is None:
            return
        running = {item.name for item in report.documents}
        for document in self._served():
            refusal = report.refusal_of(document.name)
            if document.name in running or refusal is not None:
                why = "" if document.name in running or refusal is None else f"{refusal.field}: {refusal.message}"
                self._say_news(messages.Health(messages.HealthSource.SECTION, not why, why, document.name))

    def _say_nginx(self, source: messages.HealthSource, fault: str) -> None:
        self._say_news(messages.Health(source, not fault, fault))

    def _say_news(self, health: messages.Health) -> None:
        said = self._health.get((health.name, health.source))
        if said is None or said.healthy is not health.healthy:
            self._say_health(health)

    # ---- health

    def _say_health(self, health: messages.Health) -> None:
        """Of nginx, or of the checks of a document that is still there."""
        if health.name and health.name not in self._judged:
            return
        log.info("health name=%s source=%s healthy=%s %s", health.name, health.source, health.healthy, health.detail)
        self._health[health.name, health.source] = health
        self._hands.send(health)

    def _want_checks(self) -> None:
        documents = self._documents.good.values()
        checks = {item.name: item.health for item in documents if item.health and self._settings.node in item.nodes}
        self._judged = checks.keys() | {item.name for item in self._served()}
        self._health = {key: said for key, said in self._health.items() if not key[0] or key[0] in self._judged}
        if checks != self._checks:
            self._checks = checks
            self._hands.want_checks(checks)
            self._hands.pods.wants({name: section.pods for name, section in checks.items() if section.pods})
