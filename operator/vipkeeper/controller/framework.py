"""kopf, set up to watch and to do nothing else: no peering, no Events, no finalizers, no writes.

A watch that fails is tried again each second, and not after kopf's growing pauses of up to 21 s: when the API server
returns, the operator works again within seconds. What kopf takes for the end (an API server that refuses for minutes,
an error inside a watch) is a reason to begin anew, not to die: `supervise` starts kopf again in the same process.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import kopf

from vipkeeper.controller.handlers import Listener, register
from vipkeeper.controller.kinds import WATCHED

log = logging.getLogger(__name__)

IDENTITY: Any = "vipkeeper-controller"
"""Said because kopf would ask who the user is, and uid 65532 has no name in most images (typed Any: kopf's is hidden)."""
RESTART_S = 1.0
_RETRIES_S = (0.2, 0.5, *[1.0] * 60)


def framework_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = 20
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.networking.error_backoffs = _RETRIES_S
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.watching.connect_timeout = 5
    settings.watching.reconnect_backoff = 0.1
    for kind in WATCHED:
        if kind.selector:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.selector
    return settings


async def supervise(listener: Listener, namespace: str) -> None:
    """Run kopf until SIGTERM or SIGINT; start it again whenever it fails."""
    while True:
        registry = kopf.OperatorRegistry()
        register(registry, listener)
        try:
            await kopf.operator(
                registry=registry,
                settings=framework_settings(),
                standalone=True,
                namespaces=[namespace],
                identity=IDENTITY,
            )
            return
        except Exception as error:
            log.warning("kopf ended: %s; starting it again", error)
            await asyncio.sleep(RESTART_S)


class OncePerOutage(logging.Filter):
    """kopf tells of each failed request of each watch, each second. Once in a minute is enough."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Request attempt"):
            return True
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + 60
        return True
