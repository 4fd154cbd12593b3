"""What the kubelet asks: /healthz (does the task still turn?) and /readyz (was everything seen and done once?).

An API server that is away makes the operator neither unhealthy nor unready: a restart would not help.
"""

from __future__ import annotations

import time
from typing import Protocol

from aiohttp import web

STUCK_AFTER_S = 120.0
"""Longer than any single API call may take, with all its timeouts."""


class Worker(Protocol):
    synced: bool
    turned_at: float


async def serve_probes(worker: Worker, port: int, host: str = "0.0.0.0") -> web.AppRunner:
    """Start to answer; `cleanup()` on the result ends it."""

    async def healthz(_: web.Request) -> web.Response:
        idle_s = time.monotonic() - worker.turned_at
        return _answer(idle_s < STUCK_AFTER_S, f"the reconcile task last turned {idle_s:.0f} s ago")

    async def readyz(_: web.Request) -> web.Response:
        return _answer(worker.synced, "synced" if worker.synced else "the cluster was not seen completely yet")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def _answer(good: bool, text: str) -> web.Response:
    return web.Response(status=200 if good else 503, text=text + "\n")
