"""`python3 -m vipkeeper.agent`: the threads are started, then one loop feeds the coordinator until SIGTERM.

Nothing here holds an address: the agent may end at any time, at once.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import time
from datetime import UTC, datetime
from types import FrameType

from vipkeeper.agent.coordinator import (
    Checked,
    Coordinator,
    DocumentsEvent,
    Event,
    Found,
    Hands,
    PodEvent,
    SecretEvent,
)
from vipkeeper.agent.documents_watch import LookUps, watch_documents
from vipkeeper.agent.kube_api import ApiAccess, KubeApi, namespaced
from vipkeeper.agent.kube_watch import Watch
from vipkeeper.agent.lease import start_lease
from vipkeeper.agent.pods_watch import PodsWatch
from vipkeeper.agent.secret_values import watch_secret
from vipkeeper.agent.services_watch import ServicesWatch
from vipkeeper.agent.settings import Settings
from vipkeeper.agent.speaker_writer import SpeakerWriter
from vipkeeper.checks.checker import Checker
from vipkeeper.nginx.check import start_nginx_check
from vipkeeper.nginx.configurator import NginxConfigurator
from vipkeeper.nginx.files import NginxFiles
from vipkeeper.threads.engine_client import EngineClient

log = logging.getLogger("agent")


class Stop(Exception):
    """SIGTERM or SIGINT."""


def run(settings: Settings, access: ApiAccess) -> None:
    """Until Stop."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    api = KubeApi(access)
    engine = EngineClient(settings.engine_socket, events.put)
    files = NginxFiles(settings.nginx_dir)
    configurator = NginxConfigurator(files, events.put)
    checker = Checker(events.put)
    hands = Hands(
        send=engine.send,
        look_up=LookUps(api, settings, lambda name, where: events.put(Found(name, where))).ask,
        report=SpeakerWriter(api, settings).want,
        want_nginx=configurator.want,
        want_checks=checker.want,
        doubt_checks=checker.doubt,
        services=ServicesWatch(api, events.put),
        pods=PodsWatch(api, settings.node, events.put),
    )
    coordinator = Coordinator(settings, hands)
    watch_documents(api, settings, lambda event: events.put(DocumentsEvent(event)))
    watch_secret(api, settings, lambda event: events.put(SecretEvent(event)))
    start_lease(api, settings)
    if settings.readiness_port is not None:
        start_nginx_check(settings.nginx_dir / "status.sock", lambda ok, why: events.put(Checked(ok, why)))
        Watch(
            api,
            namespaced("v1", settings.namespace, "pods"),
            {"fieldSelector": f"metadata.name={settings.pod}"},
            lambda event: events.put(PodEvent(event)),
        )
    log.info("agent started node=%s placement=%s", settings.node, settings.placement)
    while True:
        _turn(coordinator, events)


def _turn(coordinator: Coordinator, events: queue.SimpleQueue[Event]) -> None:
    deadline_s = coordinator.deadline_s()
    try:
        event = events.get(timeout=None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))
    except queue.Empty:
        coordinator.time_passed(time.monotonic())
        return
    coordinator.handle(event, time.monotonic(), datetime.now(UTC))


def main() -> int:
    level = os.environ.get("VIPKEEPER_LOG_LEVEL", "Info").upper()
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        log.error("%s", error)
        return 2
    try:
        run(settings, ApiAccess.in_cluster(os.environ))
    except Stop:
        log.info("agent ends")
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stop
